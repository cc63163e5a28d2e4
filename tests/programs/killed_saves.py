"""Save an account again and again, and be killed, a given number of times.

    python killed_saves.py DIRECTORY KILLS

Each save writes another key, a thousand times the same character, so that a reader
can tell a whole file from a part of one.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time

from carto_login_widget.identity import Identity
from carto_login_widget.store.profiles import Profiles
from carto_login_widget.store.record import Record

# How many saves the longest life of a writer is long: fewer than one where a disk or a
# processor is slow would never let one come to its end.
LONGEST_LIFE = 4
SAVES = 5


def account(key: str) -> Record:
    """Make an account of jane's with a key."""
    return Record(Identity.of("jane", key, None))


def save_for_ever(directory: str, start: int) -> None:
    """Save until killed."""
    store = Profiles(directory)
    while True:
        start += 1
        key = chr(ord("a") + start % 26) * 1000
        store.save("work", account(key), default=True)


def seconds_of_a_save(directory: str) -> float:
    """Save a few times, and return how long each took."""
    store, began = Profiles(directory), time.perf_counter()
    for _ in range(SAVES):
        store.save("work", account("a" * 1000), default=True)
    return (time.perf_counter() - began) / SAVES


def main(directory: str, kills: int) -> None:
    """Fork a writer and kill it at a random moment, `kills` times."""
    moments = random.Random(20)  # noqa: S311 - not for secrets
    longest = LONGEST_LIFE * seconds_of_a_save(directory)
    for number in range(kills):
        writer = os.fork()
        if writer == 0:
            save_for_ever(directory, number)
        time.sleep(moments.uniform(0, longest))
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
