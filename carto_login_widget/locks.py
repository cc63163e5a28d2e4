"""Locks that a forked child finds open, whoever held them in the parent."""

from __future__ import annotations

import contextlib
import os
import threading
from weakref import WeakSet


class Lock:
    """A reentrant lock for `with`, made anew in the child of a fork."""

    # The thread that held one does not exist in the child, which would wait for ever
    # (`multiprocessing` with "fork", joblib, the engines of papermill).

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _all.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        # Who forked while holding it has nothing to release in the child.
        with contextlib.suppress(RuntimeError):
            self._lock.release()


_all: WeakSet[Lock] = WeakSet()


def _renew_all() -> None:
    for lock in list(_all):
        lock._lock = threading.RLock()


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_renew_all)
