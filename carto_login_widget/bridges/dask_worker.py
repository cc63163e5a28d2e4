"""What runs in a Dask worker: a plugin that makes the account its process's default.

The scheduler keeps the plugin for workers that join later. Registered again under its
name, it replaces the one before.
"""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING, Any

from distributed.diagnostics.plugin import WorkerPlugin

from ..session import default as defaults

if TYPE_CHECKING:
    from ..credentials import Credentials

_PROCESS = uuid.uuid4().hex


class AccountPlugin(WorkerPlugin):  # type: ignore[misc,unused-ignore]
    """Carries an account, or the news of a logout, to a worker.

    Args:
        credentials: the account; None signs the worker out.
    """

    def __init__(self, credentials: Credentials | None) -> None:
        self._credentials = credentials
        self._sent_from = _this_process()

    def setup(self, worker: Any) -> None:  # noqa: ARG002 - Dask's signature
        """Take the account over."""
        # A worker that is a thread of the sender has it already; telling it would
        # start the next round of telling.
        if self._sent_from != _this_process():
            defaults.publish(self._credentials)


def _this_process() -> str:
    # A forked process shares the first part, a process elsewhere may share the second.
    return f"{_PROCESS}-{os.getpid()}"
