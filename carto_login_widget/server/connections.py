"""Connections that can be ended from another thread, and keep the key to themselves."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import threading
from contextvars import ContextVar
from pathlib import Path

import urllib3
import urllib3.connection

from .failures import AuthoritiesError


class Line:
    """The connections of a client, so that they can be ended from outside."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._is_cut = False

    def watch(self, connection: socket.socket) -> None:
        """Keep a connection in reach; end it at once if the line was cut already."""
        # TLS takes the socket over, so only a twin of it stays in our hands.
        twin = connection.dup()
        with self._lock:
            self._sockets.append(twin)
            late = self._is_cut
        if late:
            self.cut()

    def cut(self) -> None:
        """End all connections, and those that are still to come."""
        with self._lock:
            self._is_cut = True
            ended, self._sockets = self._sockets, []
        for twin in ended:
            with contextlib.suppress(OSError):
                twin.shutdown(socket.SHUT_RDWR)
            twin.close()

    def release(self) -> None:
        """Let go of connections whose answers are all read: their owner closes them."""
        with self._lock:
            done, self._sockets = self._sockets, []
        for twin in done:
            twin.close()


current_line: ContextVar[Line | None] = ContextVar("carto_login_line", default=None)


class _Watched:
    # http.client prints every header where somebody has switched this on.
    debuglevel = 0

    def _new_conn(self) -> socket.socket:
        connection: socket.socket = super()._new_conn()  # type: ignore[misc]
        line = current_line.get()
        if line is not None:
            line.watch(connection)
        return connection


class _HTTPConnection(_Watched, urllib3.connection.HTTPConnection):
    pass


class _HTTPSConnection(_Watched, urllib3.connection.HTTPSConnection):
    pass


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


def watch_pools(manager: urllib3.PoolManager) -> None:
    """Let the connections of a pool manager be ended by the current line."""
    if type(manager) in {urllib3.PoolManager, urllib3.ProxyManager}:
        manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}


def tls_context(authorities: str | None) -> ssl.SSLContext:
    """Trust whom the operating system trusts.

    Args:
        authorities: a file or directory of CA certificates to trust as well.

    Raises:
        AuthoritiesError: they cannot be read.
    """
    import truststore

    context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authorities is None:
        return context
    is_directory = Path(authorities).is_dir()
    try:
        context.load_verify_locations(
            cafile=None if is_directory else authorities,
            capath=authorities if is_directory else None,
        )
    except OSError as error:
        raise AuthoritiesError(authorities) from error
    return context


class _HideKey(logging.Filter):
    """Takes the query, where a key may be, out of what urllib3 logs of our requests."""

    def filter(self, record: logging.LogRecord) -> bool:
        if current_line.get() is not None and isinstance(record.args, tuple):
            record.args = tuple(
                a.partition("?")[0] if isinstance(a, str) and "api_key=" in a else a
                for a in record.args
            )
        return True


for _name in ("urllib3.connectionpool", "urllib3.util.retry"):
    logging.getLogger(_name).addFilter(_HideKey())
