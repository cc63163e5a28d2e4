"""What the form does to its kernel: signs in, saves, signs out, and follows others.

What leads to a verdict is the business of `login_form.py`.
"""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any

from ..errors import CartoLoginError
from ..session import default as defaults
from ..session import login as signin
from .check import in_background
from .handling import handler
from .widget import FormWidget

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..credentials import Credentials
    from ..secret import Secret
    from ..store.profiles import ProfileStore
    from .check import Check

# For so many seconds the focus may still move to where the user goes on; later they
# may be typing into another cell.
ATTENTION = 2.0

# For so many seconds a cell that sets another account waits until the card shows it.
PATIENCE = 0.2


class KernelForm(FormWidget):
    """A form that knows what it wants of the kernel, and not yet how to come there."""

    def __init__(self, store: ProfileStore | None) -> None:
        self._key: Secret | None = None
        self._check: Check | None = None
        # An Enter or a click on Log in, until accepted, rejected or cancelled.
        self._wish = False
        self._enter_pending = False
        self._committed_at = self._acted_at = float("-inf")
        self._registering = False
        super().__init__(store)

    # What the user does with an account that is signed in.

    @handler
    def _on_stay(self, _button: Any) -> None:
        current = defaults.get_default_credentials()
        if current is not None and not self._registering:
            self._show_card(current)
            self._view.switch.focus()

    @handler
    def _on_remember(self, change: Any) -> Any:
        """Honour a tick that arrives after the login that it was meant for."""
        credentials = self.credentials
        if self._filling or self.status != "signed_in" or credentials is None:
            return None
        if change["new"] and not credentials.profile:
            return functools.partial(self._register, credentials, None)
        return None

    @handler
    def _on_switch(self, _button: Any) -> None:
        self._show_fields()
        self._view.fields.first.focus()

    @handler
    def _on_logout(self, _button: Any) -> Any:
        return self._log_out

    @handler
    def _on_make_default(self, _button: Any) -> None:
        credentials = self.credentials
        if credentials is None or credentials.profile is None:
            return
        try:
            self._store.set_default(credentials.profile)
            notes = [f"New sessions start with '{credentials.profile}' now."]
        except CartoLoginError as error:
            notes = [str(error)]
        self._show_card(credentials, notes + self._store.take_notes())

    # From a verdict to a signed-in kernel.

    def _sign_in(self, credentials: Credentials) -> Any:
        self._registering = True
        # What is chosen is taken now: another choice may arrive while saving.
        return functools.partial(self._register, credentials, self._chosen)

    def _register(self, credentials: Credentials, chosen: Credentials | None) -> None:
        """Save and register, with no lock held: listeners may take their time."""
        save_as = None
        if credentials is not chosen and self.remember_field.value:
            own = chosen.profile if chosen else None
            save_as = own or signin.profile_name(credentials, self._store)
        notes = signin.register(credentials, save_as=save_as, store=self._store)
        self._on_registered(credentials, notes)

    @handler
    def _on_registered(self, credentials: Credentials, notes: list[str]) -> None:
        self._registering = False
        self._show_card(credentials, notes)
        acted_at = max(self._acted_at, self._committed_at)
        self._look()  # a cell may have set another account meanwhile
        if time.monotonic() - acted_at < ATTENTION and self.status == "signed_in":
            self._view.switch.focus()

    def _show_card(self, credentials: Credentials, notes: Sequence[str] = ()) -> None:
        self._forget()
        super()._show_card(credentials, notes)

    def _show_fields(self, **given: str | None) -> None:
        self._forget()
        super()._show_fields(**given)

    def _forget(self) -> None:
        self._key = self._check = None
        self._wish = self._enter_pending = False

    def _tell_failure(self, error: Exception) -> None:
        """Say that something unexpected happened, and make the form usable again."""
        with self._lock:
            self._registering = self._wish = self._enter_pending = False
            if self.status == "checking":
                self._check = None
                self._set_status("empty")
            text = f"Something went wrong here ({type(error).__name__}). Try again."
            self._tell("bad", text)

    def _log_out(self) -> None:
        notes = signin.sign_out()
        with self._lock:
            if defaults.get_default_credentials() is not None:
                return  # a cell has signed in meanwhile, and the card follows
            if self.status == "signed_in":
                self._show_fields()
            self._tell("good", " ".join(["Signed out.", *notes]))
            self._view.fields.first.focus()

    def follow(self) -> None:
        """Look which account the kernel is signed in with, so that the card is true."""
        # Waits no longer: who holds the form's lock may itself wait for the listeners.
        if self._lock.acquire(timeout=PATIENCE):
            try:
                self._look()
            finally:
                self._lock.release()
        else:
            in_background(self._look)

    def _look(self) -> None:
        with self._lock:
            current = defaults.get_default_credentials()
            if self._registering or self.comm is None:
                return
            if self.status != "signed_in":
                self._set_status(self.status)  # who may stay signed in has changed
            elif current is None:
                self._show_fields()
                self._tell("warn", "This kernel was signed out.")
            elif current is not self.credentials:
                self._show_card(current)
