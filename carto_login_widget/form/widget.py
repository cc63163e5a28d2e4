"""The form as a widget: messages, threads and the display around the state machine.

A handler may run on any thread, concurrently with cells and with other handlers, so one
lock guards state and messages; it is never held while anything waits, and neither are
traits set under it, whose observers may do anything.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import secrets
import time
from concurrent.futures import Future
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets
from ipywidgets import CallbackDispatcher

from .. import settings
from ..account import Account
from ..address import refuse_keys
from ..credentials import Credentials
from ..errors import CartoLoginError, NotLoggedInError, sealed
from ..locks import Lock
from ..secret import Secret
from ..session import default
from ..store.profiles import check_name
from . import flow, living, stand_in, view, work
from .fields import Fields
from .work import WORKS, Office, in_background

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import requests

_HERE = Path(__file__).parent
_TICK = 5  # seconds after which waiting is told anew
_AT_ONCE = 50  # accounts in the first picture; the list of all comes after it
_MOST_VIEWS = 100
_LONGEST = 10_000  # characters of a field
_KINDS: dict[str, type] = {
    **dict.fromkeys(("account", "base_url", "username", "name"), str),
    **dict.fromkeys(("custom", "remember", "default"), bool),
}
_CLOSED = (
    "The form was closed before anybody signed in with it. Run %carto_login again."
)
_log = logging.getLogger(__name__)


class LoginForm(anywidget.AnyWidget):
    """A form that signs the kernel in to CARTO.

    Args:
        username: user name to start with.
        base_url: address to start with, for an on-premises CARTO.
        profile: saved account to choose at first; the default account where None.
        error: why another way of signing in did not work; it is shown.
        credentials: an account that is signed in already; its card is shown.
        notes: sentences to show on that card.
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

    _esm = traitlets.Unicode((_HERE / "form.js").read_text("utf-8")).tag(sync=True)
    _css = traitlets.Unicode((_HERE / "form.css").read_text("utf-8")).tag(sync=True)

    status = traitlets.Enum(
        ("empty", "checking", "accepted", "rejected", "undecided", "signed_in"), "empty"
    )
    message = traitlets.Unicode("")
    account = traitlets.Instance(Account, allow_none=True)
    credentials = traitlets.Instance(Credentials, allow_none=True)

    @sealed
    def __init__(  # noqa: PLR0913 - each is one way to start
        self,
        *,
        username: str | None = None,
        base_url: str | None = None,
        profile: str | None = None,
        error: CartoLoginError | None = None,
        credentials: Credentials | None = None,
        notes: Sequence[str] = (),
        session: requests.Session | None = None,
    ) -> None:
        self._lock = Lock()
        self._office = Office(session)
        self._seq, self._acks = 0, dict[str, int]()
        self._showing = self._closing = False
        # What is sent from elsewhere takes the way of the last message of the page, or
        # ipykernel 7.4 would route the next one to where a cell may be running:
        # https://github.com/jupyterlab/jupyterlab/pull/17363 sends them to subshells.
        self._context = contextvars.copy_context()
        self._signed_in: Future[Credentials] = Future()
        self._on_login = CallbackDispatcher()
        self._displays: list[stand_in.Display] = []
        # Nothing that may be a key is shown, or sent to the page.
        refuse_keys(username or "", "the user name", "username")
        refuse_keys(base_url or "")
        profile = profile and check_name(profile)
        heard = living.newest()
        signed, rows = work.signed(), work.rows(_AT_ONCE, profile or "")
        remember = settings.CartoLogin.instance().remember
        self.state, effects = flow.step(
            flow.State(
                remember=remember,
                accounts=tuple(rows),
                path=work.store_path(),
                signed=signed,
            ),
            flow.began,
            username=username or "",
            base_url=base_url or "",
            profile=profile,
            error=error,
            show_card=credentials is not None,
            notes=notes,
        )
        super().__init__()
        self.on_msg(LoginForm._on_page)
        living.add(self, heard)
        for effect in effects:
            in_background(self._do, effect)
        self._show()

    # For programs.

    async def wait(self, timeout: float | None = None) -> Credentials:  # noqa: ASYNC109
        """Wait until somebody has signed in with this form.

        Needs a kernel that handles the form while a cell waits: ipykernel 7.

        Args:
            timeout: seconds to wait at most; None waits for ever.

        Raises:
            TimeoutError: nobody did.
            NotLoggedInError: the form was closed.
        """
        # Shielded, so that giving up once does not end the form's own future.
        future = asyncio.wrap_future(self._signed_in)
        # What comes after somebody has given up is of no interest to asyncio's log.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.wait_for(asyncio.shield(future), timeout)

    def on_login(self, callback: Callable[[Credentials], Any]) -> Callable[[], None]:
        """Call `callback` with the credentials whenever somebody signs in here.

        Returns:
            A function that ends that.
        """
        # A partial of its own, as the same may be given more than once.
        mine = partial(callback)
        self._on_login.register_callback(mine)
        return lambda: self._on_login.register_callback(mine, remove=True)

    def close(self) -> None:
        """Take the form off the page and forget what it holds; again, do nothing."""
        with self._lock:
            if self._closing:
                return
            self._closing, self.state = True, flow.State()
        with contextlib.suppress(Exception):  # of observers: nobody sees it any more
            self._show()
        with self._lock:
            if not self._signed_in.done():
                self._signed_in.set_exception(NotLoggedInError(_CLOSED))
        for display in self._displays:
            display.close()
        super().close()

    def __del__(self) -> None:
        # The interpreter may be ending, or the form was never made.
        with contextlib.suppress(Exception):
            self.close()

    def __repr__(self) -> str:
        return view.text(self.state)

    def get_state(self, *args: Any, **kwargs: Any) -> Any:
        """Return what is synced: the script and its style, nothing that is typed."""
        for display in self._displays:
            display.page.set()  # which asks for all widgets when it comes
        return super().get_state(*args, **kwargs)

    def _ipython_display_(self, **_kwargs: Any) -> None:
        display = stand_in.Display(self)
        self._displays.append(display)
        display.show()

    # Messages.

    def _on_page(self, content: Any, buffers: Any) -> None:
        """Handle a message of the page; one that is not well-formed does nothing."""
        act = _act_of(content, buffers)
        if act is None:
            return
        for display in self._displays:
            display.answered()
        self._context = contextvars.copy_context()
        self.post(act, sent=(content.get("view"), content.get("n")))
        if act.name == "ready":
            living.list_accounts()  # only now, as reading 10,000 files takes time
        if act.name == "list":
            in_background(living.tell)

    def post(
        self,
        event: flow.Act | Callable[..., None],
        *told: Any,
        sent: tuple[Any, Any] = (None, None),
    ) -> None:
        """Take one step: state, picture, then effects and traits without the lock.

        What a view has `sent` is of the step, as it is to be handled in its order.
        """
        act = event.name if isinstance(event, flow.Act) else None
        try:
            with self._lock:
                if self._closing or not self._is_new(*sent):
                    return
                before = self.state
                self.state, effects = flow.step(before, event, *told)
                are_new = act == "ready" or self.state.accounts != before.accounts
                # An act is acknowledged in any case.
                if act or self.state != before:
                    self._send_picture(view.snapshot(self.state, accounts=are_new))
            for effect in effects:
                in_background(self._do, effect)
            self._show()
        except Exception as error:  # noqa: BLE001 - ipywidgets would swallow it
            if event is not flow.unexpected:
                self.tell_failure(error)

    def _is_new(self, seen: Any, number: Any) -> bool:
        """Note the number of a view's message, unless that came before."""
        if isinstance(seen, str) and isinstance(number, int):
            if number <= self._acks.get(seen[:64], 0):
                return False
            self._acks = dict([*self._acks.items()][-_MOST_VIEWS:])
            self._acks[seen[:64]] = number
        return True

    def _send_picture(self, picture: dict[str, Any]) -> None:
        self._seq += 1
        payload = {"seq": self._seq, "ack": dict(self._acks), "snapshot": picture}
        self._context.copy().run(self.send, payload)
        for display in self._displays:
            display.draw(picture)

    def _show(self) -> None:
        """Let traits and those who wait follow the state.

        One thread does it, and nobody waits for it: an observer may change the account
        of the kernel, while the listeners of another change wait for this form.
        """
        while True:
            with self._lock:
                shown = _traits(self.state)
                # Equal ones may have another session.
                is_shown = self.credentials is shown["credentials"] and all(
                    getattr(self, name) == shown[name] for name in shown
                )
                if self._showing or is_shown:
                    return
                self._showing = True
            try:
                self._set_all(shown)
            finally:
                self._showing = False
                self._settle()

    def _set_all(self, traits: dict[str, Any]) -> None:
        """Set all of them, whatever the observers of one do."""
        failures = []
        for name, value in traits.items():
            try:
                setattr(self, name, value)
            except Exception as error:  # noqa: BLE001 - raised below
                failures.append(error)
        if failures:
            raise failures[0]

    def _settle(self) -> None:
        """Let those go on who wait for somebody to sign in."""
        with self._lock:
            signed_in, is_over = self.credentials, self._signed_in.done()
            if signed_in is None and is_over and not self._closing:
                self._signed_in = Future()
            elif signed_in is not None and not is_over:
                self._signed_in.set_result(signed_in)

    def tell_failure(self, error: Exception, order: Any = None) -> None:
        """Say in the form that something unexpected happened; nothing is printed."""
        number = secrets.token_hex(3)
        kind = type(error).__name__
        _log.debug("Failure %s of the login form: %s", number, kind)
        words = f"Something went wrong here ({kind}, no. {number}). Try again."
        self.post(flow.unexpected, words, order)

    # Work.

    def _do(self, order: flow.Order) -> None:
        try:
            if order.act in ("check", "check_again"):
                in_background(self._tick, order)
            event, *told = self._office.do(order)
            if order.act in WORKS:
                # What the order has changed comes before its end.
                living.tell()
            self.post(event, *told)
            credentials = default.get_default_credentials()
            if order.act == "sign_in" and credentials is not None:
                for callback in tuple(self._on_login.callbacks):
                    with living.failures_in([self]):
                        callback(credentials)
        except Exception as error:  # noqa: BLE001 - a thread has nobody to raise to
            self.tell_failure(error, order)

    def _tick(self, order: flow.Order) -> None:
        for seconds in count(_TICK, _TICK):
            time.sleep(_TICK)
            if self.state.order != order:
                return
            self.post(flow.ticked, order, seconds)


def _traits(state: flow.State) -> dict[str, Any]:
    signed = state.signed if state.card else None
    account = state.verdict.account if state.verdict else None
    return {
        "account": signed.account if signed else account,
        "credentials": signed.credentials if signed else None,
        "message": view.spoken(state),
        "status": state.status,
    }


def _act_of(content: Any, buffers: Any) -> flow.Act | None:
    """Return what a message of the page says, or None where it is none."""
    if not isinstance(content, dict) or not isinstance(content.get("act"), str):
        return None
    given = content.get("fields")
    if not isinstance(given, dict):
        given = {}
    fields = {n: given[n] for n, kind in _KINDS.items() if type(given.get(n)) is kind}
    texts = {n: text for n, text in fields.items() if isinstance(text, str)}
    if any(len(text) > _LONGEST for text in texts.values()):
        return None
    # Half of a character, which a page can hold and no message can.
    fields |= {n: text.encode(errors="replace").decode() for n, text in texts.items()}
    misplaced, about = content.get("misplaced"), content.get("about")
    return flow.Act(
        content["act"],
        Fields(**fields),
        _key_of(buffers) if content["act"] in ("commit", "submit") else None,
        typed=given.get("typed") is not False,
        misplaced=misplaced if isinstance(misplaced, str) else "",
        about=about if isinstance(about, int) else None,
    )


def _key_of(buffers: Any) -> Secret | None:
    if not buffers or len(buffers) != 1 or len(buffers[0]) > _LONGEST:
        return None
    return Secret(bytes(buffers[0]).decode("utf-8", "replace")) or None
