"""Programs as somebody at a terminal sees them."""

from __future__ import annotations

import os
import re
import selectors
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

_SECONDS = 60
# Another process makes the terminal, as forking one with threads is not safe.
_SPAWN = (
    "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))"
)
_CONTROLS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")


class Terminal:
    """A program on a terminal of its own.

    Args:
        command: the program and its arguments.
        **environment: variables beside those of this process.
    """

    def __init__(self, command: Sequence[object], **environment: str) -> None:
        self._program = subprocess.Popen(
            [sys.executable, "-c", _SPAWN, *map(str, command)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env=os.environ | {"TERM": "dumb"} | environment,
        )
        self._raw = b""
        self._read = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._program.poll() is None:
            self._program.kill()
        self._program.communicate()

    @property
    def screen(self) -> str:
        """All that was shown so far."""
        return _CONTROLS.sub("", self._raw.decode(errors="replace"))

    def wait_for(self, text: str) -> str:
        """Wait until a text shows, below what was waited for before; return the rest.

        Raises:
            AssertionError: it did not come.
        """
        end = time.monotonic() + _SECONDS
        while (found := self.screen.find(text, self._read)) < 0:
            assert time.monotonic() < end, f"no {text!r} in: {self.screen}"
            assert self._more(end), f"the program ended without {text!r}: {self.screen}"
        before = self.screen[self._read : found]
        self._read = found + len(text)
        return before

    def type(self, text: str) -> None:
        """Type a line and press Enter."""
        self._program.stdin.write(f"{text}\n".encode())

    def answer(self, question: str, text: str) -> None:
        """Wait for a question, and type the answer to it."""
        self.wait_for(question)
        self.type(text)

    def exit_status(self) -> int:
        """Wait for the end of the program."""
        end = time.monotonic() + _SECONDS
        while self._more(end):
            pass
        return self._program.wait(_SECONDS)

    def _more(self, end: float) -> bool:
        with selectors.DefaultSelector() as ready:
            ready.register(self._program.stdout, selectors.EVENT_READ)
            if not ready.select(max(0.0, end - time.monotonic())):
                return False
        read = os.read(self._program.stdout.fileno(), 65536)
        self._raw += read
        return bool(read)
