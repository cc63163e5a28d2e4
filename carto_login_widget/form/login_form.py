"""What happens in the form: from what is committed to a signed-in kernel.

Callbacks may run on any thread and at any time, and events of different controls have
no order, so one lock guards all of the state. Nothing that waits is done while the lock
is held: handlers return what is left to do, and it is done after them.
"""

from __future__ import annotations

import functools
import time
import weakref
from typing import TYPE_CHECKING, Any

from .. import defaults, signin
from ..errors import CartoLoginError, InvalidCredentialsError, Reason
from . import verdict
from .check import Check, in_background
from .fields import NEW_ACCOUNT
from .widget import FormWidget

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import requests

    from ..credentials import Credentials
    from ..profiles import ProfileStore
    from ..secret import Secret
    from .inputs import Inputs

# The page sends Enter 1 to 6 ms before the text that it commits; this many seconds may
# lie between the two, in either order.
GRACE = 0.1


def _handler(method: Callable[..., Any]) -> Callable[..., None]:
    """Run a callback under the form's lock, and what it returns after it."""

    @functools.wraps(method)
    def guarded(self: LoginForm, *args: Any) -> None:
        try:
            with self._lock:
                self._route_events()
                todo = method(self, *args)
            if todo is not None:
                todo()
        except Exception as error:  # noqa: BLE001 - ipywidgets would swallow it
            self._registering = False
            self._tell("bad", f"Something went wrong here ({type(error).__name__}).")

    return guarded


class LoginForm(FormWidget):
    """A form that signs the kernel in to CARTO.

    Args:
        username: user name to start with.
        base_url: address to start with, for an on-premises CARTO.
        profile: saved account to choose at first; the default account where None.
        error: why another way of signing in did not work; it is shown.
        credentials: an account that is signed in already; its card is shown.
        notes: sentences to show on that card.
        store: the saved accounts.
        session: a `requests.Session` to borrow proxies and certificates from.

    Attributes:
        status: `"empty"`, `"checking"`, `"accepted"`, `"rejected"`, `"undecided"` or
            `"signed_in"`.
        message: what is told, as plain text.
        account: what CARTO said of the key, or None.
        credentials: the account that was signed in, or None.

    Example:
        >>> form = LoginForm()  # doctest: +SKIP
        >>> await form.wait(60)  # doctest: +SKIP
    """

    def __init__(  # noqa: PLR0913 - each is one way to start
        self,
        *,
        username: str | None = None,
        base_url: str | None = None,
        profile: str | None = None,
        error: CartoLoginError | None = None,
        credentials: Credentials | None = None,
        notes: Sequence[str] = (),
        store: ProfileStore | None = None,
        session: requests.Session | None = None,
    ) -> None:
        self._session = session
        self._key: Secret | None = None
        self._check: Check | None = None
        # An Enter or a click on Log in, until accepted, rejected or cancelled.
        self._wish = False
        self._enter_pending = False
        self._committed_at = float("-inf")
        self._registering = False
        self._routed = False
        super().__init__(store)
        if credentials is not None:
            self._show_card(credentials, notes)
        else:
            self._show_fields(username=username, base_url=base_url, profile=profile)
            if error is not None:
                self._tell_error(error)
        self._observe()
        self._unsubscribe = defaults.on_default_change(_weak_listener(self))

    def close(self) -> None:
        """Take the form off the page, and its contents out of the kernel."""
        if self.comm is None:
            return  # closed already; ipywidgets closes once more when it is collected
        self._unsubscribe()
        with self._lock:
            self._key = self._check = None
            super().close()

    def _observe(self) -> None:
        view, fields = self._view, self._view.fields
        fields.profile.observe(self._on_profile, "value")
        fields.remember.observe(self._on_remember, "value")
        fields.key.observe(self._on_key, "value")
        for field in (fields.choice, fields.base_url, fields.username):
            field.observe(self._on_commit, "value")
        for text in fields.texts:
            text.on_msg(self._on_message)
        view.login.on_click(self._on_login)
        view.retry.on_click(self._on_login)
        view.unchecked.on_click(self._on_unchecked)
        view.cancel.on_click(self._on_cancel)
        view.stay.on_click(self._on_stay)
        view.switch.on_click(self._on_switch)
        view.make_default.on_click(self._on_make_default)
        view.logout.on_click(self._on_logout)

    def _route_events(self) -> None:
        """Make all controls' events take one way through the kernel, in order.

        ipykernel 7.4 hands a control's events to the thread that last sent it an
        update. A trait that the page does not use is sent, so nothing is drawn anew.
        """
        if not self._routed:
            self._routed = True
            for control in self._view.controls:
                control.send_state("tabbable")

    # What the user does.

    @_handler
    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> Any:
        if not isinstance(content, dict) or content.get("event") != "submit":
            return None
        committed = time.monotonic() - self._committed_at < GRACE
        # An Enter right behind a commit that has its answer already is that commit's
        # own, unless another commit follows.
        answered = committed and self.status in ("rejected", "undecided")
        self._wish = self._wish or not answered
        if committed and not answered:
            return self._advance(insist=False)
        self._enter_pending = True
        in_background(functools.partial(self._after_grace, answered), after=GRACE)
        return None

    @_handler
    def _after_grace(self, answered: bool) -> Any:  # noqa: FBT001
        if not self._enter_pending:
            return None
        self._enter_pending = False
        return None if answered else self._advance(insist=True)

    @_handler
    def _on_key(self, _change: Any) -> Any:
        key = self._view.fields.key.take()
        if key is None or self._filling or self.status == "signed_in":
            return None
        self._key = key
        if self._check is not None and self._check.done:
            self._check = None  # the same key typed again is a new question
        self._view.tell_field("api_key", "")
        return self._committed()

    @_handler
    def _on_commit(self, _change: Any) -> Any:
        if self._filling or self.status == "signed_in":
            return None
        self._leave_chosen()
        return self._committed()

    @_handler
    def _on_profile(self, _change: Any) -> Any:
        if self._filling or self.status == "signed_in":
            return None
        self._key = self._check = None
        self._set_status("empty")
        self._choose(self.profile_field.value)
        return self._advance(insist=False)

    @_handler
    def _on_login(self, _button: Any) -> Any:
        self._wish = True
        return self._advance(insist=True)

    @_handler
    def _on_unchecked(self, _button: Any) -> Any:
        check = self._check
        if check is None or self._registering or self.status != "undecided":
            return None
        signin.use_unchecked(check.credentials)
        return self._sign_in(check)

    @_handler
    def _on_cancel(self, _button: Any) -> None:
        self._wish = False
        if self.status in ("checking", "undecided"):
            self._check = None
            self._set_status("empty")
            self._tell("warn", "Cancelled. Log in starts the check again.")

    @_handler
    def _on_stay(self, _button: Any) -> None:
        current = defaults.get_default_credentials()
        if current is not None and not self._registering:
            self._show_card(current)

    @_handler
    def _on_remember(self, change: Any) -> Any:
        """Honour a tick that arrives after the login that it was meant for."""
        credentials = self.credentials
        if self._filling or self.status != "signed_in" or credentials is None:
            return None
        if change["new"] and not credentials.profile:
            return functools.partial(self._register, credentials)
        return None

    @_handler
    def _on_switch(self, _button: Any) -> None:
        self._show_fields()

    @_handler
    def _on_logout(self, _button: Any) -> Any:
        return self._log_out

    @_handler
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

    # From what is committed to a verdict.

    def _committed(self) -> Any:
        self._committed_at = time.monotonic()
        insist, self._enter_pending = self._enter_pending, False
        self._wish = self._wish or insist
        return self._advance(insist=insist)

    def _advance(self, *, insist: bool) -> Any:
        """Take the next step that the committed inputs allow.

        Args:
            insist: ask again where the same inputs were refused or undecided before.
        """
        if self.status == "signed_in" or self._registering:
            return None
        inputs = self._view.fields.inputs(self._key)
        check = self._check
        if check is not None and check.inputs == inputs:
            if not check.done or (check.error and not insist):
                return None
            if check.error is None:
                return self._sign_in(check) if self._wish else None
        credentials = self._complete(inputs)
        self._show_destination(inputs)
        if credentials is None:
            return None
        return self._start(Check(inputs, credentials))

    def _complete(self, inputs: Inputs) -> Credentials | None:
        """Return credentials to check; else say what is wrong or missing."""
        self._check = None
        if self.status != "rejected" or inputs.key is not None:
            self._view.fields.clear_remarks()
            self._set_status("empty")
        if self._chosen is not None and inputs.key is None:
            return self._chosen
        try:
            return inputs.credentials(self._session)
        except InvalidCredentialsError as error:
            self._tell_fault(inputs, error)
        return None

    def _tell_fault(self, inputs: Inputs, fault: InvalidCredentialsError) -> None:
        """Say what is wrong; what is only missing is said to those who log in."""
        given = inputs.has(fault.field)
        if given and fault.field == "api_key":
            self._key = None
        if not given and (not self._wish or self.status == "rejected"):
            return
        text = verdict.sentence_of(fault)
        beside = self._view.tell_field(fault.field, text)
        self._tell("warn", "Not complete yet." if beside else text)
        self.message = text

    def _start(self, check: Check) -> Any:
        self._check = check
        self._view.fields.clear_remarks()
        self._set_status("checking")
        self._tell("busy", f"Checking with {check.credentials.address().host} …")
        return functools.partial(check.start, self._on_answer)

    @_handler
    def _on_answer(self, check: Check) -> Any:
        if check is not self._check:
            return None  # cancelled, or something else was typed meanwhile
        if check.error is not None:
            self._tell_error(check.error)
            return None
        self.account = check.account
        self._set_status("accepted")
        summary = check.account.summary if check.account else ""
        self._tell("good", f"CARTO accepts this key: {summary}")
        return self._sign_in(check) if self._wish else None

    def _tell_error(self, error: CartoLoginError) -> None:
        super()._tell_error(error)
        if self.status == "rejected":
            self._wish = False
            if verdict.reason_of(error) is Reason.WRONG_KEY:
                self._key = None
            self._show_destination(self._view.fields.inputs(self._key))

    def _leave_chosen(self) -> None:
        """Drop a saved key as soon as name or address are no longer its own."""
        if self._chosen is None:
            return
        try:
            same = self._view.fields.inputs(None).address() == self._chosen.address()
        except InvalidCredentialsError:
            same = False
        if not same:
            self._chosen = None
            self._filling = True
            self.profile_field.value = NEW_ACCOUNT
            self._filling = False

    # From a verdict to a signed-in kernel.

    def _sign_in(self, check: Check) -> Any:
        self._registering = True
        return functools.partial(self._register, check.credentials)

    def _register(self, credentials: Credentials) -> None:
        """Save and register, with no lock held: listeners may take their time."""
        save_as = None
        if credentials is not self._chosen and self.remember_field.value:
            chosen = self._chosen.profile if self._chosen else None
            save_as = chosen or signin.profile_name(credentials, self._store)
        notes = signin.register(credentials, save_as=save_as, store=self._store)
        self._on_registered(credentials, notes)

    @_handler
    def _on_registered(self, credentials: Credentials, notes: list[str]) -> None:
        self._registering = False
        self._show_card(credentials, notes)
        self._view.switch.focus()

    def _show_card(self, credentials: Credentials, notes: Sequence[str] = ()) -> None:
        self._key = self._check = None
        self._wish = self._enter_pending = False
        super()._show_card(credentials, notes)

    def _log_out(self) -> None:
        notes = signin.sign_out()
        with self._lock:
            self._show_fields()
            self._tell("good", " ".join(["Signed out.", *notes]))

    def _on_default(self, credentials: Credentials | None) -> None:
        """Follow an account that was set elsewhere, so that the card stays true."""
        with self._lock:
            if self.status != "signed_in" or self._registering:
                return
            if credentials is None:
                self._show_fields()
                self._tell("warn", "This kernel was signed out.")
            elif credentials is not self.credentials:
                self._show_card(credentials)


def _weak_listener(form: LoginForm) -> Callable[[Credentials | None], None]:
    """Follow the default without keeping the form alive."""
    reference = weakref.ref(form)

    def follow(credentials: Credentials | None) -> None:
        if (listening := reference()) is not None:
            listening._on_default(credentials)  # noqa: SLF001 - its own module

    return follow
