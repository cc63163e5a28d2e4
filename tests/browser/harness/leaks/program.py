"""What can only be tried in a process of its own: Ctrl-C, hooks, dumps.

    python -m harness.leaks.program interrupted|uncaught|dumped

The account is the saved default one. What comes out is printed.
"""

from __future__ import annotations

import asyncio
import faulthandler
import signal
import sys
import threading
from typing import TYPE_CHECKING, Any

from harness.leaks.page import Form
from harness.leaks.search import frames_of, texts_of_error

from carto_login_widget import ProfileStore, cli, login

if TYPE_CHECKING:
    from collections.abc import Callable


def calls() -> dict[str, Callable[[], Any]]:
    """Return what talks to CARTO and may be interrupted."""
    saved = ProfileStore().load("jane")
    return {
        "validate": saved.validate,
        "login": lambda: login("jane"),
        "me_data": lambda: saved.me_data,
        "Google token": saved.get_gcloud_credentials,
        "Google credentials": lambda: saved.google_credentials().refresh(None),
        "licensing": saved.is_instant_licensing_active,
        "waiting for the form": _wait_for_form,
    }


def _wait_for_form() -> None:
    form = Form(profile="jane")
    form.does("submit", account="jane")
    asyncio.run(form.wait(20))


def interrupted() -> None:
    """Say `ready`, be interrupted in the middle, and print all that can be seen."""
    # Ignored in what a shell has started in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name, call in calls().items():
        try:
            print("ready", flush=True)
            call()
        except KeyboardInterrupt as error:
            if name != "waiting for the form":
                assert frames_of(error)
            for text in texts_of_error(error):
                print(name, text)
    print("ready", flush=True)
    print("status", cli.main(["whoami"]))


def uncaught() -> None:
    """Leave an error to the hooks of threads and of the process."""
    thread = threading.Thread(target=login, args=("jane",))
    thread.start()
    thread.join()
    login("jane")


def dumped() -> None:
    """Dump all threads in the middle of a request."""
    thread = threading.Thread(target=login, args=("jane",), daemon=True)
    print("ready", flush=True)
    thread.start()
    sys.stdin.readline()
    faulthandler.dump_traceback(sys.stdout, all_threads=True)
    for frame in sys._current_frames().values():
        print(frame.f_code)


if __name__ == "__main__":
    {"interrupted": interrupted, "uncaught": uncaught, "dumped": dumped}[sys.argv[1]]()
