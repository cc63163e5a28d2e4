"""What runs in a Dask worker: a plugin that asks the sharing session for the account.

Dask logs what it passes on (at DEBUG all of it, at INFO what a worker cannot load), so
the plugin holds no key. The answer comes as data that Dask passes on unread, and of
which a log has only the type.
"""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import uuid
from typing import TYPE_CHECKING, Any

from distributed.diagnostics.plugin import WorkerPlugin
from distributed.protocol.pickle import dumps
from distributed.protocol.serialize import to_serialize

from ..session import default as defaults

if TYPE_CHECKING:
    from ..credentials import Credentials

_log = logging.getLogger(__name__)

_PROCESS = uuid.uuid4().hex
_PATIENCE, _BRIEFLY = 8.0, 2.0  # seconds; many workers may ask at once

# What travels in place of the plugin: a worker dies of one that it cannot load, and
# this package may be missing there, or be another version of it.
_ARRIVAL = """
from distributed.diagnostics.plugin import WorkerPlugin
try:
    from carto_login_widget.bridges.dask_worker import AccountFollower
    plugin = AccountFollower(*given)
except Exception:
    class Without(WorkerPlugin):
        def setup(self, worker):
            message = {"without": given[1], "worker": worker.address}
            return worker.scheduler.log_event(topic=given[0], msg=message)
    plugin = Without()
"""


def packed(credentials: Credentials | None) -> Any:
    """Return an account as data that Dask neither reads on the way nor logs."""
    # Bytes it would log, and so it would an object that a worker cannot unpickle.
    return to_serialize(memoryview(dumps(credentials)))  # type: ignore[no-untyped-call,unused-ignore]


def this_process() -> str:
    """Return a name that no other process has."""
    # A forked process shares the first part, a process elsewhere may share the second.
    return f"{_PROCESS}-{os.getpid()}"


class AccountFollower(WorkerPlugin):  # type: ignore[misc,unused-ignore]
    """Has the account that one session gives to one worker."""

    def __init__(self, topic: str, name: str, client: str, process: str) -> None:
        self._given = (topic, name, client, process)
        self._topic, self._name, self._client, self._process = self._given
        self.credentials: Credentials | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        space = {"source": _ARRIVAL, "space": {"given": self._given}}
        return (eval, ("exec(source, space) or space['plugin']", space))

    async def setup(self, worker: Any) -> None:
        """Ask for the account; a worker gets no task before this is done."""
        if self._process == this_process():
            return  # telling a thread of the sender would start the next round
        # Before the account is there, as this may be torn down while it asks.
        _followers.append(self)
        try:
            if not await self.is_orphan(worker):
                self.credentials = await self._ask(worker)
        except Exception as error:  # noqa: BLE001 - a worker must not die of this
            _log.warning("This worker has no CARTO account (%s).", type(error).__name__)
            await self._say(worker, "without")
        _show_newest()

    async def teardown(self, worker: Any) -> None:
        """Give the account back, and those of sessions that are gone."""
        gone = [one for one in _followers if one is self or await one.is_orphan(worker)]
        _followers[:] = [one for one in _followers if one not in gone]
        _show_newest()

    async def _ask(self, worker: Any) -> Credentials | None:
        await self._say(worker, "asks")
        # At the scheduler: nobody can call a worker that is still starting.
        answer = await worker.scheduler.queue_get(name=self._name, timeout=_PATIENCE)
        credentials: Credentials | None = pickle.loads(answer["value"])  # noqa: S301
        return credentials

    async def _say(self, worker: Any, what: str) -> None:
        message = {what: self._name, "worker": worker.address}
        await worker.scheduler.log_event(topic=self._topic, msg=message)

    async def is_orphan(self, worker: Any) -> bool:
        """Whether the session is gone: its client was closed, or its kernel died."""
        try:
            async with asyncio.timeout(_BRIEFLY):
                events = await worker.scheduler.events(topic=self._client)
        except Exception:  # noqa: BLE001 - so is the scheduler
            return True
        # That it came may be forgotten: Dask keeps the last 1,000 events of a client,
        # https://github.com/dask/distributed/pull/8173
        actions = [news.get("action") for _, news in events if isinstance(news, dict)]
        moves = [one for one in actions if one in ("add-client", "remove-client")]
        return not events or moves[-1:] == ["remove-client"]


# One for each sharing and each worker in this process, the newest last.
_followers: list[AccountFollower] = []
_shown: Credentials | None = None


def _show_newest() -> None:
    """Sign this process in with the account that was given last."""
    global _shown  # noqa: PLW0603 - the default is the process's too
    held = [one.credentials for one in _followers if one.credentials is not None]
    newest = held[-1] if held else None
    if not defaults.is_same(newest, _shown):
        _shown = newest
        defaults.publish(newest)
