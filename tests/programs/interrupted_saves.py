"""Press Ctrl-C in the middle of saving and loading, a given number of times.

    python interrupted_saves.py DIRECTORY COUNT

Fails if a frame of the package shows the key, or a piece of it, as a local variable.
"""

from __future__ import annotations

import random
import signal
import sys

from carto_login_widget import Credentials, ProfileStore

KEY = "c4n4ry0123456789abcdef0123456789abcdef01"
LONGEST = 0.004


def text_of(value: object) -> str:
    """Return the repr, also of an object that was interrupted while it was made."""
    try:
        return repr(value)
    except AttributeError:
        return ""


def shown_by(error: BaseException | None) -> str:
    """Return all local variables of an exception and of its context, as text."""
    shown = ""
    while error is not None:
        traceback = error.__traceback__
        while traceback is not None:
            # The frame of this program holds what it looks for.
            if traceback.tb_frame.f_globals is not globals():
                shown += "".join(map(text_of, traceback.tb_frame.f_locals.values()))
            traceback = traceback.tb_next
        error = error.__context__
    return shown


def main(directory: str, count: int) -> None:
    """Interrupt at random moments; every frame is looked into."""
    moments, interrupts = random.Random(21), 0  # noqa: S311 - not for secrets
    store, credentials = ProfileStore(directory), Credentials("jane", KEY)
    store.save("work", credentials, default=True)
    while interrupts < count:
        try:
            signal.setitimer(signal.ITIMER_REAL, moments.uniform(1e-5, LONGEST))
            while True:
                store.save("work", credentials, default=True)
                store.default()
        except KeyboardInterrupt as error:
            interrupts += 1
            shown = shown_by(error)
            if any(KEY[i : i + 8] in shown for i in range(len(KEY) - 7)):
                sys.exit(f"the key shows: {shown}")


if __name__ == "__main__":
    signal.signal(signal.SIGALRM, signal.default_int_handler)
    main(sys.argv[1], int(sys.argv[2]))
