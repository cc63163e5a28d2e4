"""The workers of a Dask cluster have the account of the session that drives them."""

from __future__ import annotations

import ipaddress
import warnings
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import CartoLoginError
from ..session import default as defaults

if TYPE_CHECKING:
    from collections.abc import Callable

    from distributed import Client

    from ..credentials import Credentials

_NAME = "carto-account"
_TIMEOUT = 10.0
_UNREADABLE = ("inproc", "tls", "wss", "gateway")


def share_with_workers(client: Client) -> Callable[[], None]:
    """Give the account of this session to the workers of a Dask cluster.

    Workers that join later have it too, and all of them follow when it changes. They
    need this package installed. Over anything but TLS the key can be read on the
    network between the machines, so a cluster without it is warned about, unless all
    of it is on this machine.

    Args:
        client: a connected `distributed.Client` that is not asynchronous.

    Returns:
        A function that ends it; the workers are signed out then.

    Raises:
        CartoLoginError: the workers cannot take the account over.

    Example:
        >>> from dask.distributed import Client
        >>> stop = share_with_workers(Client())  # doctest: +SKIP
    """
    if client.asynchronous:
        raise CartoLoginError(
            "share_with_workers() waits for the workers, so it needs a client made "
            "with asynchronous=False."
        )
    _warn_of_readers(client)
    sharing = _Sharing(client)
    sharing.start()
    return sharing.stop


class _Sharing:
    """One cluster that follows the account."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def start(self) -> None:
        self._unsubscribe = defaults.on_default_change(self._follow)
        try:
            defaults.tell(self._follow)
        except BaseException:
            self._unsubscribe()
            raise

    def stop(self) -> None:
        """End it, and sign the workers out."""
        self._unsubscribe()
        if self._is_open():
            self._register(None)
            self._client.unregister_worker_plugin(_NAME)

    def _follow(self, credentials: Credentials | None) -> None:
        if self._is_open():
            self._register(credentials)
        else:
            self._unsubscribe()

    def _is_open(self) -> bool:
        return self._client.status not in ("closed", "closing")

    def _register(self, credentials: Credentials | None) -> None:
        """Replace the plugin at the scheduler and wait for the present workers."""
        from .dask_worker import AccountPlugin

        client, plugin = self._client, AccountPlugin(credentials)

        async def register() -> None:
            await client.register_plugin(plugin, name=_NAME)

        problem = None
        try:
            client.sync(register, callback_timeout=_TIMEOUT)
        except Exception as error:  # noqa: BLE001 - it may hold the pickled key
            problem = type(error).__name__
        if problem:
            raise CartoLoginError(
                f"The Dask workers of {client.scheduler.address} did not take the "
                f"account over ({problem}). They need carto_login_widget installed, in "
                "the version of this session."
            )


def _warn_of_readers(client: Any) -> None:
    info = client.scheduler_info()
    addresses = [client.scheduler.address, *info.get("workers", {})]
    readable = [address for address in addresses if _is_readable(address)]
    if readable:
        warnings.warn(
            f"The Dask cluster is not on TLS, so the CARTO API key can be read on the "
            f"network on its way to {readable[0]}. Give the cluster certificates "
            "(distributed.Security), or share an API key that can do little.",
            stacklevel=3,
        )


def _is_readable(address: str) -> bool:
    """Whether what goes to `address` can be read on the way."""
    parts = urlsplit(address)
    host = parts.hostname or ""
    try:
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        local = False
    return not local and parts.scheme not in _UNREADABLE
