"""All forms of this kernel, which hear of another account together.

The store is read once for them, however many there are.
"""

from __future__ import annotations

import contextlib
import os
import threading
from typing import TYPE_CHECKING
from weakref import WeakSet

from ..locks import Lock
from ..session import default
from . import flow, work
from .work import in_background

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..credentials import Credentials
    from .widget import LoginForm

_forms: WeakSet[LoginForm] = WeakSet()
_lock = Lock()
_newest = 0  # of the deliveries
_listing = Lock()  # held until all have heard, so that no older list comes after it
_to_list = threading.Event()  # somebody waits for that already
if hasattr(os, "register_at_fork"):  # Windows has no fork
    # The page belongs to the parent, and Jupyter prints what a child sends.
    os.register_at_fork(after_in_child=_forms.clear)


def newest() -> int:
    """Return the number of the delivery that was begun last."""
    return _newest


def add(form: LoginForm, heard: int) -> None:
    """Let a form hear from now on; `heard` is the delivery that it was made after."""
    with _lock:
        _forms.add(form)
    if _newest != heard:
        tell()  # somebody was quicker


def tell() -> None:
    """Show in every form whom the kernel is signed in as, and what is saved."""
    default.tell(_follow)


def _all() -> list[LoginForm]:
    with _lock:
        return [form for form in _forms if not form._closing]


def _follow(_credentials: Credentials | None) -> None:
    global _newest  # noqa: PLW0603 - of the process, as the account is
    _newest = mine = _newest + 1
    if not (forms := _all()):
        return
    with failures_in(forms):
        signed = work.signed()
        for form in forms:
            # An observer may have changed it again, of which all have heard by now.
            if _newest == mine:
                form.post(flow.default_changed, signed)
        list_accounts()  # it may have been renamed or forgotten


def list_accounts() -> None:
    """Read the saved accounts in the background: 10,000 of them take seconds."""
    if _to_list.is_set():
        return
    _to_list.set()
    try:
        in_background(_tell_accounts)
    except RuntimeError:  # there is no thread to be had
        _to_list.clear()
        raise


def _tell_accounts() -> None:
    with _listing:
        _to_list.clear()
        with failures_in(forms := _all()):
            rows = work.rows()
            for form in forms:
                form.post(flow.listed, rows)


@contextlib.contextmanager
def failures_in(forms: Iterable[LoginForm]) -> Iterator[None]:
    """Tell of a failure in forms, as nobody else would hear of it."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - see above
        for form in forms:
            form.tell_failure(error)


default.on_default_change(_follow)
