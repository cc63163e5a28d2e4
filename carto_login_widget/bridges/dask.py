"""The workers of a Dask cluster have the account of the session that drives them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..address import is_loopback
from ..credentials import _warn
from ..errors import CartoLoginError, sealed
from ..locks import Lock
from ..session import default as defaults

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from distributed import Client

    from ..credentials import Credentials

_log = logging.getLogger(__name__)

_TIMEOUT = 10.0
_NEED = "They need carto_login_widget installed, in the version of this session."
_UNREADABLE = ("inproc", "tls", "wss", "gateway")


@sealed
def share_with_workers(client: Client) -> Callable[[], None]:
    """Give the account of this session to the workers of a Dask cluster.

    Workers that join later have it too before their first task, and all of them follow
    when it changes. They need this package installed; those without it work on. Called
    again for the same cluster, the new sharing takes the place of the one before. No
    log of Dask shows the key; what can be read is a network without TLS.

    Args:
        client: a connected `distributed.Client` that is not asynchronous.

    Returns:
        A function that ends it; the workers are signed out then, unless another session
        shares its account with them.

    Warns:
        UserWarning: some of the workers are not signed in, or the network can be read.

    Raises:
        CartoLoginError: no worker can take the account over; nothing is shared then.

    Example:
        >>> from dask.distributed import Client
        >>> stop = share_with_workers(Client())  # doctest: +SKIP
    """
    if client.asynchronous:
        raise CartoLoginError(
            "share_with_workers() waits for the workers, so it needs a client made "
            "with asynchronous=False."
        )
    _warn(_notes_on_readers(client))
    sharing = _Sharing(client)
    defaults.tell(sharing.begin)
    with _lock:
        before = _sharings.get(sharing.cluster)
        _sharings[sharing.cluster] = sharing
    if before is not None:
        before.end(client)
    notes = [_missing(sharing.without)] if sharing.without else []
    _warn(notes)
    return sealed(sharing.stop)


def _notes_on_readers(client: Any) -> list[str]:
    places = (client.scheduler.address, *client.nthreads())
    if (place := next(filter(_is_readable, places), None)) is None:
        return []
    note = (
        "The Dask cluster is not on TLS, so the CARTO API key can be read on the "
        f"network on its way to {place}. Give the cluster certificates "
        "(distributed.Security), or share an API key that can do little."
    )
    return [note]


def _is_readable(address: str) -> bool:
    """Whether what goes to `address` can be read on the way."""
    return urlsplit(address).scheme not in _UNREADABLE and not is_loopback(address)


class _Sharing:
    """One cluster that follows the account; each account is a plugin of its own."""

    def __init__(self, client: Any) -> None:
        self.cluster: str = client.scheduler_info()["id"]
        self.without: set[str] = set()  # the workers that cannot take it over
        self._client = client
        self._topic = f"carto-account-{secrets.token_hex(8)}"
        self._name = ""
        self._credentials: Credentials | None = None
        self._delivered = self._heard = False

    def begin(self, credentials: Credentials | None) -> None:
        """Sign the present workers in; other deliveries wait meanwhile."""
        self._unsubscribe = defaults.on_default_change(self._follow)
        try:
            if self._give(credentials) == 0 and self.without:
                raise CartoLoginError(_missing(self.without))  # noqa: TRY301
        except BaseException:
            self.end(self._client)
            raise

    def stop(self) -> None:
        """End it, unless another one has taken its place."""
        if not _is_open(self._client):
            return  # the next one for this cluster ends it
        with _lock:
            if _sharings.get(self.cluster) is not self:
                return
            del _sharings[self.cluster]
        self.end(self._client)

    def end(self, client: Any) -> None:
        """Sign the workers out by way of `client`; its own may be closed by now."""
        self._unsubscribe()
        self._delivered = False
        name, self._name = self._name, ""
        if not _is_open(client):
            return
        try:
            if self._heard and _is_open(self._client):
                self._client.unsubscribe_topic(self._topic)
            client.sync(_unregister, client, name, callback_timeout=_TIMEOUT)
        except Exception as error:  # noqa: BLE001 - nothing is left to be undone
            _log.warning(
                "The Dask workers of %s may still be signed in to CARTO (%s).",
                client.scheduler.address,
                type(error).__name__,
            )

    def _follow(self, credentials: Credentials | None) -> None:
        if not _is_open(self._client):
            self._unsubscribe()
            return
        if self._delivered and defaults.is_same(credentials, self._credentials):
            return  # checked meanwhile, which is nothing to a worker
        before = self.without
        self._give(credentials)
        if lost := self.without - before:
            _log.warning(_missing(lost))
            raise CartoLoginError(_missing(lost))

    def _give(self, credentials: Credentials | None) -> int:
        """Have the workers ask for a new account; return how many have."""
        self._credentials, self._delivered = credentials, False
        try:
            asked: int = self._client.sync(self._register, callback_timeout=_TIMEOUT)
        except Exception as error:  # noqa: BLE001 - its text may hold anything
            raise CartoLoginError(
                f"The Dask workers of {self._client.scheduler.address} did not take "
                f"the account over ({type(error).__name__}). {_NEED}"
            ) from None
        self._delivered = True
        return asked

    async def _register(self) -> int:
        from .dask_worker import AccountFollower, this_process

        client, topic, before = self._client, self._topic, self._name
        if not self._heard:
            client.subscribe_topic(topic, self._hear)
        while not self._heard:  # until the scheduler knows that we listen
            await client.scheduler.log_event(topic=topic, msg={})
            await asyncio.sleep(0.01)
        self._name = name = f"{topic}-{secrets.token_hex(4)}"
        await client.scheduler.queue_create(name=name)
        follower = AccountFollower(topic, name, client.id, this_process())
        try:
            await client.register_plugin(follower, name=name)
        finally:
            # Only now, so that no worker is signed out in between.
            await _unregister(client, before)
        news = [message for _, message in await client.scheduler.events(topic=topic)]
        asked = {one["worker"] for one in news if one.get("asks") == name}
        self.without = {one["worker"] for one in news if one.get("without") == name}
        return len(asked - self.without)

    async def _hear(self, event: tuple[float, dict[str, str]]) -> None:
        """Answer a worker, which may be a new one."""
        from .dask_worker import packed

        message, self._heard = event[1], True
        worker = message.get("worker", "")
        if message.get("asks") == self._name:
            answer = packed(self._credentials)
            await self._client.scheduler.queue_put(name=self._name, data=answer)
        elif "without" in message and self._delivered and worker not in self.without:
            self.without.add(worker)
            _log.warning(_missing([worker]))


_lock = Lock()
_sharings: dict[str, _Sharing] = {}  # by the identifier of the scheduler


def _is_open(client: Any) -> bool:
    return client.status not in ("closed", "closing")


async def _unregister(client: Any, name: str) -> None:
    if not name:
        return
    client._send_to_scheduler({"op": "queue_release", "name": name})
    with contextlib.suppress(ValueError):  # the scheduler does not know it
        await client.unregister_worker_plugin(name)


def _missing(workers: Iterable[str]) -> str:
    return (
        "These Dask workers do not have the account of this session: "
        f"{', '.join(sorted(workers))}. {_NEED}"
    )
