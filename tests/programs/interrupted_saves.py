"""Press Ctrl-C at every line that saving and loading an account go through.

    python interrupted_saves.py DIRECTORY [STEP]

With a STEP at every so many lines only.

Fails if a frame shows the key, or a piece of it, as a local variable. Prints how many
lines there were.
"""

from __future__ import annotations

import sys
from collections import Counter
from itertools import count
from typing import TYPE_CHECKING

from carto_login_widget import Credentials, ProfileStore

if TYPE_CHECKING:
    from types import FrameType

MODULES = ("carto_login_widget", "json", "hmac")
TIMES = 2
KEY = "c4n4ry0123456789abcdef0123456789abcdef01"


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
            frame = traceback.tb_frame
            # The frames of this program hold what it looks for.
            if frame.f_globals is not globals():
                values = " ".join(map(text_of, frame.f_locals.values()))
                shown += f"{frame.f_code.co_qualname}: {values}\n"
            traceback = traceback.tb_next
        error = error.__context__
    return shown


class Interrupt:
    """Raise KeyboardInterrupt at the n-th line, as a signal would."""

    def __init__(self, lines: int) -> None:
        self.lines = lines
        self.times = Counter[object]()

    def __call__(self, frame: FrameType, event: str, _: object) -> Interrupt | None:
        """Count the lines of every function that may have to do with the key."""
        if not frame.f_globals.get("__name__", "").startswith(MODULES):
            return None
        # A line of a loop counts twice.
        place = frame.f_code, frame.f_lineno
        self.times[place] += event == "line"
        self.lines -= event == "line" and self.times[place] <= TIMES
        if self.lines == 0:
            self.lines = -1
            raise KeyboardInterrupt
        return self


def main(directory: str, step: str = "1") -> None:
    """Interrupt at the first line, at the second one, and so on to the last."""
    store, credentials = ProfileStore(directory), Credentials("jane", KEY)
    store.save("work", credentials, default=True)
    for lines in count(1, int(step)):
        try:
            sys.settrace(Interrupt(lines))
            store.save("work", credentials, default=True)
            store.default()
            sys.settrace(None)
        except KeyboardInterrupt as error:
            sys.settrace(None)
            shown = shown_by(error)
            if any(KEY[i : i + 8] in shown for i in range(len(KEY) - 7)):
                sys.exit(f"the key shows:\n{shown}")
        else:
            print(lines)
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
