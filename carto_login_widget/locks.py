"""Locks that a forked child finds open, whoever held them in the parent.

The thread that held one does not exist in the child, which would wait for it for ever
(`multiprocessing` with "fork", joblib, the engines of papermill).
"""

from __future__ import annotations

import contextlib
import os
import threading
from weakref import WeakSet


class Lock:
    """A reentrant lock for `with`, made anew in the child of a fork."""

    def __init__(self) -> None:
        self.renew()
        _all.add(self)

    def renew(self) -> None:
        """Forget who holds it: that is a thread of the parent."""
        self._lock = threading.RLock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        # Who forked while holding it has nothing to release in the child.
        with contextlib.suppress(RuntimeError):
            self._lock.release()


_all: WeakSet[Lock] = WeakSet()


def _renew_all() -> None:
    for lock in list(_all):
        lock.renew()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_renew_all)
