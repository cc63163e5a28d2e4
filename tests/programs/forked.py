"""Forks while other threads hold every lock of the package; the child goes on.

    forked.py BASE_URL KEY fork|multiprocessing

Prints "done" if the child could do all that its parent can, within a minute.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

from google.auth.transport.requests import Request

import carto_login_widget.bridges.dask  # noqa: F401 - for its lock
from carto_login_widget import (
    Credentials,
    LoginForm,
    ProfileStore,
    get_default_credentials,
    login,
    on_default_change,
    set_default_credentials,
)
from carto_login_widget.locks import _all
from carto_login_widget.store.profiles import Profiles

if TYPE_CHECKING:
    from collections.abc import Callable

base_url, key, how = sys.argv[1:]
parent = os.getpid()
jane = Credentials("jane", key, base_url)
google = jane.google_credentials()
form = LoginForm()
set_default_credentials(jane)
google.refresh(Request())
ProfileStore().save("before", jane)
login("before")


def in_thread(hold: Callable[[threading.Event], None]) -> None:
    """Return when `hold` says that it holds what it wants to; it never lets go."""
    held = threading.Event()
    threading.Thread(target=hold, args=(held,), daemon=True).start()
    held.wait()


def deliver(held: threading.Event) -> None:
    """Change the account, with a listener that is slow to hear of it."""

    def listen(_: Credentials | None) -> None:
        if os.getpid() == parent:
            held.set()
            threading.Event().wait()

    on_default_change(listen)
    set_default_credentials("bob", "0123456789abcdef")


def hold_all(held: threading.Event) -> None:
    """Hold all that nobody holds yet, and the turn of the store."""
    with ExitStack() as stack:
        stack.enter_context(Profiles()._turn())
        for lock in list(_all):
            if lock._lock.acquire(blocking=False):
                stack.callback(lock._lock.release)
        held.set()
        threading.Event().wait()


def child() -> None:
    """Do what the parent can do, with the parent's account to begin with."""
    signal.alarm(60)
    inherited = get_default_credentials()
    assert inherited is not None
    assert inherited.username == "bob"
    token = google.token
    google.refresh(Request())
    assert google.token != token
    set_default_credentials(jane)
    assert get_default_credentials() is jane
    assert form.status is not None
    ProfileStore().save("forked", jane)
    assert login("forked").account is not None
    form.close()


in_thread(deliver)
in_thread(hold_all)
if how == "fork":
    number = os.fork()
    if number == 0:
        try:
            child()
        except BaseException:  # noqa: BLE001 - nothing of the parent's runs twice
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])
else:
    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()
    code = process.exitcode
print("done" if code == 0 else f"the child ended with {code}", flush=True)
os._exit(0)
