"""The workers of a Dask cluster have the account of the session that drives them."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import CartoLoginError, sealed
from ..locks import Lock
from ..session import default as defaults
from . import is_same

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
    when it changes. They need this package installed; those without it work on, and are
    named to the user. Called again for the same cluster, the new sharing takes the
    place of the one before, whose function then does nothing.

    No log of Dask shows the key. Over anything but TLS it can be read on the network
    between the machines, so a cluster without it is warned about, unless all of it is
    on this machine.

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
    defaults.warn(_notes_on_readers(client), stacklevel=4)
    sharing = _Sharing(client)
    notes = sharing.start()
    with _lock:
        before = _sharings.get(sharing.cluster)
        _sharings[sharing.cluster] = sharing
    if before is not None:
        before.end(client)
    defaults.warn(notes, stacklevel=4)
    return sealed(sharing.stop)


class _Sharing:
    """One cluster that follows the account.

    Each account is a plugin of its own, under a new name: all workers, and those that
    join later, ask for it at the topic and are answered by way of the scheduler.
    """

    def __init__(self, client: Any) -> None:
        from .dask_worker import Exchange

        self.cluster: str = client.scheduler_info()["id"]
        self._client, self._exchange = client, Exchange()
        self._topic = f"carto-account-{secrets.token_hex(8)}"
        self._name = ""
        self._credentials: Credentials | None = None
        self._delivered = self._heard = self._ended = False
        self._without: set[str] = set()

    def start(self) -> list[str]:
        """Sign the present workers in; return what the user should know."""
        defaults.tell(self._begin)
        return [_missing(self._without)] if self._without else []

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
        self._ended, self._delivered = True, False
        if not _is_open(client):
            return
        try:
            client.sync(self._withdraw, client, callback_timeout=_TIMEOUT)
        except Exception as error:  # noqa: BLE001 - nothing is left to be undone
            _log.warning(
                "The Dask workers of %s may still be signed in to CARTO (%s).",
                client.scheduler.address,
                type(error).__name__,
            )

    def _begin(self, credentials: Credentials | None) -> None:
        # Other deliveries wait meanwhile, so no change slips between.
        self._unsubscribe = defaults.on_default_change(self._follow)
        try:
            if self._give(credentials) == 0 and self._without:
                raise CartoLoginError(_missing(self._without))  # noqa: TRY301
        except BaseException:
            self.end(self._client)
            raise

    def _follow(self, credentials: Credentials | None) -> None:
        if not _is_open(self._client):
            self._unsubscribe()
            return
        if self._delivered and is_same(credentials, self._credentials):
            return  # checked meanwhile, which is nothing to a worker
        before = self._without.copy()
        self._give(credentials)
        if lost := self._without - before:
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
        given = (topic, name, client.id, this_process(), self._exchange.public)
        try:
            await client.register_plugin(AccountFollower(*given), name=name)
        finally:
            # Only now, so that no worker is signed out in between.
            await _unregister(client, before)
        news = [message for _, message in await client.scheduler.events(topic=topic)]
        asked = {one["worker"] for one in news if one.get("asks") == name}
        self._without = {one["worker"] for one in news if one.get("without") == name}
        return len(asked - self._without)

    async def _hear(self, event: tuple[float, dict[str, str]]) -> None:
        """Answer a worker, which may be a new one."""
        message, self._heard = event[1], True
        worker = message.get("worker", "")
        if "asks" in message and not self._ended:
            await self._answer(message["public"])
        elif "without" in message and self._delivered and worker not in self._without:
            self._without.add(worker)
            _log.warning(_missing([worker]))

    async def _answer(self, public: str) -> None:
        from .dask_worker import seal

        answer = seal(self._exchange.key_with(public), self._credentials)
        place = [self._topic, public]
        await self._client.scheduler.set_metadata(keys=place, value=answer)

    async def _withdraw(self, client: Any) -> None:
        if self._heard and _is_open(self._client):
            self._client.unsubscribe_topic(self._topic)
        await client.scheduler.set_metadata(keys=[self._topic], value=None)
        await _unregister(client, self._name)


_lock = Lock()
_sharings: dict[str, _Sharing] = {}  # by the identifier of the scheduler


def _is_open(client: Any) -> bool:
    return client.status not in ("closed", "closing")


async def _unregister(client: Any, name: str) -> None:
    if not name:
        return
    with contextlib.suppress(ValueError):  # the scheduler does not know it
        await client.unregister_worker_plugin(name)


def _missing(workers: Iterable[str]) -> str:
    return (
        "These Dask workers do not have the account of this session: "
        f"{', '.join(sorted(workers))}. {_NEED}"
    )


def _notes_on_readers(client: Any) -> list[str]:
    readable = [
        address
        for address in (client.scheduler.address, *client.nthreads())
        if _is_readable(address)
    ]
    if not readable:
        return []
    note = (
        "The Dask cluster is not on TLS, so the CARTO API key can be read on the "
        f"network on its way to {readable[0]}. Give the cluster certificates "
        "(distributed.Security), or share an API key that can do little."
    )
    return [note]


def _is_readable(address: str) -> bool:
    """Whether what goes to `address` can be read on the way."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    return not local and parts.scheme not in _UNREADABLE
