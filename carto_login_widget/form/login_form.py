"""What happens in the form: from what is committed to a signed-in kernel.

Callbacks may run on any thread and at any time, and events of different controls have
no order, so one lock guards all of the state. Nothing that waits is done while the lock
is held: handlers return what is left to do, and it is done after them.
"""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING, Any

from ..errors import CartoLoginError, InvalidCredentialsError, Reason
from ..session import default as defaults
from ..session import login as signin
from . import verdict
from .check import Check, in_background
from .fields import NEW_ACCOUNT
from .handling import handler, weak_listener
from .inputs import looks_like_key
from .kernel import KernelForm

if TYPE_CHECKING:
    from collections.abc import Sequence

    import requests

    from ..credentials import Credentials
    from ..store.profiles import ProfileStore
    from .inputs import Inputs

# The page sends Enter 1 to 6 ms before the text that it commits; this many seconds may
# lie between the two, in either order.
GRACE = 0.1


class LoginForm(KernelForm):
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
        self._routed = False
        super().__init__(store)
        if credentials is not None:
            self._show_card(credentials, notes)
        else:
            self._show_fields(username=username, base_url=base_url, profile=profile)
            if error is not None:
                self._tell_error(error)
        self._observe()
        self._unsubscribe = defaults.on_default_change(weak_listener(self))

    def close(self) -> None:
        """Take the form off the page, and its contents out of the kernel."""
        if self.comm is None:
            return  # closed already; ipywidgets closes once more when it is collected
        self._unsubscribe()
        with self._lock:
            self._forget()
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

    @handler
    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> Any:
        if not isinstance(content, dict) or content.get("event") != "submit":
            return None
        if self.status == "signed_in":
            return None
        self._acted_at = time.monotonic()
        committed = self._acted_at - self._committed_at < GRACE
        # An Enter right behind a commit that has its answer already is that commit's
        # own, unless another commit follows.
        answered = committed and self.status in ("rejected", "undecided")
        self._wish = self._wish or not answered
        if committed and not answered:
            return self._advance(insist=False)
        self._enter_pending = True
        in_background(functools.partial(self._after_grace, answered), after=GRACE)
        return None

    @handler
    def _after_grace(self, answered: bool) -> Any:  # noqa: FBT001
        if not self._enter_pending:
            return None
        self._enter_pending = False
        return None if answered else self._advance(insist=True)

    @handler
    def _on_key(self, _change: Any) -> Any:
        key = self._view.fields.key.take()
        if key is None or self._filling or self.status == "signed_in":
            return None
        self._key = key
        if self._check is not None and self._check.done:
            self._check = None  # the same key typed again is a new question
        self._view.tell_field("api_key", "")
        return self._committed()

    @handler
    def _on_commit(self, _change: Any) -> Any:
        if self._filling:
            return None
        if self.status == "signed_in":
            return self._clear_fields()  # late; a saved notebook would list it
        self._leave_chosen()
        if self.status == "rejected" and self._key is None:
            self._reset()  # somebody else's key was refused, not this account's
        if looks_like_key(self.username_field.value):
            return self._refuse_key_as_name()
        return self._committed()

    @handler
    def _on_profile(self, _change: Any) -> Any:
        if self._filling or self.status == "signed_in":
            return None
        self._key = self._check = None
        self._reset()
        self._choose(self.profile_field.value)
        return self._advance(insist=False)

    @handler
    def _on_login(self, _button: Any) -> Any:
        if self.status == "signed_in":
            return None
        self._wish, self._acted_at = True, time.monotonic()
        return self._advance(insist=True)

    @handler
    def _on_unchecked(self, _button: Any) -> Any:
        if self._registering or self.status != "undecided":
            return None
        self._wish, self._acted_at = True, time.monotonic()
        check, inputs = self._check, self._view.fields.inputs(self._key)
        # There was no check yet where the form began with an error from before.
        credentials = check.credentials if check else self._complete(inputs)
        if credentials is None:
            return None
        signin.use_unchecked(credentials)
        return self._sign_in(credentials)

    @handler
    def _on_cancel(self, _button: Any) -> None:
        self._wish = self._enter_pending = False
        if self.status in ("checking", "undecided"):
            self._check = None
            self._set_status("empty")
            self._tell("warn", "Cancelled. Log in starts the check again.")
            self.login_button.focus()

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
        if self.status == "signed_in" or self._registering or self.comm is None:
            return None
        inputs = self._view.fields.inputs(self._key)
        check = self._check
        if check is not None and check.inputs == inputs:
            if not check.done or (check.error and not insist):
                return None
            if check.error is None:
                return self._sign_in(check.credentials) if self._wish else None
        credentials = self._complete(inputs)
        todo = self._start(Check(inputs, credentials)) if credentials else None
        self._show_destination(self._view.fields.inputs(self._key))
        return todo

    def _complete(self, inputs: Inputs) -> Credentials | None:
        """Return credentials to check; else say what is wrong or missing."""
        self._check = None
        if self.status != "rejected" or inputs.key is not None:
            self._reset()
        if self._chosen is not None and inputs.key is None:
            self._chosen.session = self._session or self._chosen.session
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
        if not given and not self._wish:
            return
        if not given and fault.field == "api_key" and self.status == "rejected":
            return  # that it was refused says more
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

    @handler
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
        return self._sign_in(check.credentials) if self._wish else None

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
            with self._writing():
                self.profile_field.value = NEW_ACCOUNT

    def _refuse_key_as_name(self) -> None:
        """Forget a key in the place of the name: it would be looked up as a host."""
        self._check = None
        self._reset()
        with self._writing():
            self.username_field.value = ""
        text = "That looks like an API key. Enter it below, and the user name here."
        self._view.tell_field("username", text)
        self.message = text
        self._show_destination(self._view.fields.inputs(self._key))
