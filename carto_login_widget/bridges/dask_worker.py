"""What runs in a Dask worker: a plugin that asks the sharing session for the account.

Dask logs what it passes on (at DEBUG all of it, at INFO what a worker cannot load), so
the plugin holds no key, and the answer comes in a form that nobody can open who saw all
of that: its key is agreed on by Diffie-Hellman.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import os
import pickle
import secrets
import uuid
from typing import TYPE_CHECKING, Any

from distributed.diagnostics.plugin import WorkerPlugin
from distributed.protocol.pickle import dumps

from ..session import default as defaults
from . import is_same

if TYPE_CHECKING:
    from ..credentials import Credentials

_log = logging.getLogger(__name__)

_PROCESS = uuid.uuid4().hex
_PATIENCE, _PAUSE, _BRIEFLY = 8.0, 0.02, 2.0  # seconds; many workers may ask at once

# Group 14 of RFC 3526, so that no cryptography package is needed; its generator is 2.
_PRIME = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22"
    "514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6"
    "F44C42E9A637ED6B0BFF5CB6F406B7EDEE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3D"
    "C2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F83655D23DCA3AD961C62F356208552BB"
    "9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3BE39E772C180E8603"
    "9B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AACAA68FFFFFFFFFFFFFFFF",
    16,
)

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


class Exchange:
    """One side of a Diffie-Hellman exchange; everybody may see `public`."""

    def __init__(self) -> None:
        self._private = secrets.randbits(256)
        self.public = f"{pow(2, self._private, _PRIME):x}"

    def key_with(self, public: str) -> bytes:
        """Return the key that only this side and the owner of `public` can know."""
        shared = pow(int(public, 16), self._private, _PRIME)
        return hashlib.sha256(shared.to_bytes(256)).digest()


def seal(key: bytes, content: Any) -> str:
    """Pickle `content` in a form that shows nothing without `key`."""
    plain: bytes = dumps(content)  # type: ignore[no-untyped-call,unused-ignore]
    nonce = secrets.token_bytes(16)
    hidden = nonce + _veil(key + nonce, plain)
    return (hmac.digest(key, hidden, "sha256") + hidden).hex()


def unseal(key: bytes, sealed: str) -> Any:
    """Return what was sealed with `key`; a ValueError if it was another one."""
    whole = bytes.fromhex(sealed)
    tag, hidden = whole[:32], whole[32:]
    if not hmac.compare_digest(tag, hmac.digest(key, hidden, "sha256")):
        raise ValueError("sealed with another key")
    return pickle.loads(_veil(key + hidden[:16], hidden[16:]))  # noqa: S301 - tagged


def _veil(key: bytes, text: bytes) -> bytes:
    stream = hashlib.shake_256(key).digest(len(text))
    return bytes(a ^ b for a, b in zip(text, stream, strict=True))


def this_process() -> str:
    """Return a name that no other process has."""
    # A forked process shares the first part, a process elsewhere may share the second.
    return f"{_PROCESS}-{os.getpid()}"


class AccountFollower(WorkerPlugin):  # type: ignore[misc,unused-ignore]
    """Has the account that one session gives to one worker.

    Made of the topic at which the session listens, this plugin's name, the session's
    client and process, and its side of the exchange.
    """

    def __init__(self, *given: str) -> None:
        self._given = given
        self._topic, self._name, self._client, self._process, self._public = given
        self.credentials: Credentials | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        space = {"source": _ARRIVAL, "space": {"given": self._given}}
        return (eval, ("exec(source, space) or space['plugin']", space))

    async def setup(self, worker: Any) -> None:
        """Ask for the account; a worker gets no task before this is done."""
        if self._process == this_process():
            return  # telling a thread of the sender would start the next round
        _followers.append(self)
        try:
            if not await self.is_orphan(worker):
                self.credentials = await self._ask(worker)
        except Exception as error:  # noqa: BLE001 - a worker must not die of this
            _log.warning("This worker has no CARTO account (%s).", type(error).__name__)
            await self._say(worker, without=self._name)
        _show_newest()

    async def teardown(self, worker: Any) -> None:
        """Give the account back; that of another session that lives may be left."""
        if self in _followers:
            _followers.remove(self)
        for other in list(_followers):
            if await other.is_orphan(worker) and other in _followers:
                _followers.remove(other)
        _show_newest()

    async def _ask(self, worker: Any) -> Credentials | None:
        exchange = Exchange()
        key = exchange.key_with(self._public)
        await self._say(worker, asks=self._name, public=exchange.public)
        # Read at the scheduler: nobody can call a worker that is still starting.
        place = [self._topic, exchange.public]
        for _ in range(int(_PATIENCE / _PAUSE)):
            answer = await worker.scheduler.get_metadata(keys=place, default=None)
            if answer:
                credentials: Credentials | None = unseal(key, answer)
                return credentials
            await asyncio.sleep(_PAUSE)
        raise TimeoutError

    async def is_orphan(self, worker: Any) -> bool:
        """Whether the session is gone: its client was closed, or its kernel died."""
        try:
            async with asyncio.timeout(_BRIEFLY):
                events = await worker.scheduler.events(topic=self._client)
        except Exception:  # noqa: BLE001 - so is the scheduler
            return True
        actions = [news.get("action") for _, news in events if isinstance(news, dict)]
        ends = [one for one in actions if one in ("add-client", "remove-client")]
        return ends[-1:] != ["add-client"]

    async def _say(self, worker: Any, **message: str) -> None:
        message["worker"] = worker.address
        await worker.scheduler.log_event(topic=self._topic, msg=message)


# One for each sharing and each worker in this process, the newest last.
_followers: list[AccountFollower] = []
_shown: Credentials | None = None


def _show_newest() -> None:
    """Sign this process in with the account that was given last."""
    global _shown  # noqa: PLW0603 - the default is the process's too
    held = [one.credentials for one in _followers if one.credentials is not None]
    newest = held[-1] if held else None
    if not is_same(newest, _shown):
        _shown = newest
        defaults.publish(newest)
