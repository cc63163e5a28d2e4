"""HTTP to CARTO, and the only place where a key is put on the wire."""

from __future__ import annotations

import contextlib
import logging
import os
import random
import socket
import ssl
import sys
import threading
import time
from collections import deque
from contextvars import copy_context
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakMethod

import requests
import requests.adapters
import urllib3.exceptions

from .. import __version__
from ..address import Address, is_loopback, origin_of
from ..errors import CartoLoginError, Reason, UndecidedError
from ..settings import CartoLogin
from .answers import NO_CARTO, Answer, first, key_mask, read_answer
from .failures import sort_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..identity import Identity

MAX_BODY = 1_000_000
MAX_RETRY_WAIT = 10.0
RETRIED = frozenset({429, 502, 503, 504})

_HEADERS = {
    "User-Agent": f"carto_login_widget/{__version__}",
    "Accept": "application/json",
    "Accept-Encoding": "gzip, deflate",
    "Cache-Control": "no-cache",
}
_NAME = "carto-login-request"  # of the thread
# Windows does not wake a thread that waits for a lock when Ctrl-C is pressed:
# https://github.com/python/cpython/issues/125541
_LONGEST_WAIT = 0.25
# Nothing is kept in it, so it serves all who have lent none.
_NO_SESSION = requests.Session()

# The origins that have answered as CARTO in this process.
proved: set[str] = set()


class Client:
    """Asks the CARTO of an account, with one deadline for all of it."""

    def __init__(self, identity: Identity, timeout: float | None = None) -> None:
        self.address = identity.address
        self._key = identity.key
        self._lent = identity.session or _NO_SESSION
        self._limits = CartoLogin.instance()
        self._total = self._limits.total_timeout if timeout is None else timeout
        self._deadline = time.monotonic() + self._total
        self._sockets: deque[socket.socket] = deque()
        self._is_over = False
        self._adapter: requests.adapters.BaseAdapter | None = None
        self._proxy = ""
        self._may_retry = True
        self.fingerprint: Answer | None = None
        origin = self.address.origin
        self.is_proved = self.address.is_cloud or origin in {identity.proved, *proved}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()
        if isinstance(self._adapter, _Adapter):
            self._adapter.close()

    def get(self, path: str, *, key: str | None = None) -> Answer:
        """Ask for a path below the account's base URL; what keeps it away is raised."""
        if key is not None and not self.is_proved:
            self.prove()
        return self._ask(self.address.url(path), key)

    def prove(self) -> None:
        """Ask the origin without a key, once, and raise if it is not CARTO."""
        if self.fingerprint is None:
            self.fingerprint = self._anonymous_me()
        if not self.fingerprint.is_carto:
            raise first(NO_CARTO, self.fingerprint)
        self.is_proved = True
        proved.add(self.address.origin)

    def _anonymous_me(self) -> Answer:
        base = self.address.base_url
        root = base.removesuffix(f"/user/{self.address.username}")
        answer = self._ask(f"{root}/api/v3/me")
        if root != base or answer.status != 404 or not answer.empty:  # noqa: PLR2004
            return answer
        # So CARTO answers for a user in maintenance, whom the host names: ask for
        # somebody whom no CARTO has.
        return self._ask(f"{root}/user/-/api/v3/me")

    def _ask(self, url: str, key: str | None = None) -> Answer:
        answer = self._wait_for(url, key)
        wait = answer.retry_after
        if answer.status not in RETRIED or wait is None or wait > MAX_RETRY_WAIT:
            return answer
        room = self._left() - wait
        if room <= 0 or not self._may_retry:
            return answer
        self._may_retry = False
        # Many kernels that were told the same number do not come back together.
        time.sleep(wait + random.uniform(0, min(wait, room / 2)))  # noqa: S311
        return self._wait_for(url, key)

    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def _wait_for(self, url: str, key: str | None) -> Answer:
        """Ask in a thread, so that neither a drip of bytes nor a resolver holds us."""
        found: list[Answer | CartoLoginError] = []
        worker = threading.Thread(
            target=copy_context().run,
            args=(self._work, url, key, found),
            name=_NAME,
            daemon=True,
        )
        try:
            if self._left() > 0:
                worker.start()
            while worker.is_alive() and (left := self._left()) > 0:
                worker.join(min(left, _LONGEST_WAIT))
        except RuntimeError as error:  # there is no thread to be had
            found.append(sort_error(error, self.address))
        finally:
            # Looked at before the connections are ended, of which the thread tells too.
            answer = found[0] if found else None
            if answer is None:
                self._end()
        if isinstance(answer, Answer):
            return answer
        raise answer or sort_error(TimeoutError(), self.address, self._total)

    def _work(
        self, url: str, key: str | None, found: list[Answer | CartoLoginError]
    ) -> None:
        began = time.monotonic()
        try:
            with _untraced():
                found.append(self._exchange(url, key))
        except Exception as error:  # noqa: BLE001 - lent adapters may raise anything
            waited = time.monotonic() - began
            found.append(sort_error(error, self.address, waited, self._proxy))

    def _exchange(self, url: str, key: str | None) -> Answer:
        user, secret = self.address.username, self._key.reveal()
        # Made without a session, so no cookie and no ~/.netrc gets into it:
        # https://github.com/psf/requests/issues/3929
        asked = requests.Request(
            "GET",
            url,
            headers=_HEADERS,
            params={"api_key": secret} if key == "query" else None,
            auth=(user, secret) if key == "header" else None,
        )
        settings = _settings(self._lent, url)
        self._proxy = requests.utils.select_proxy(url, settings["proxies"]) or ""
        if self._adapter is None:
            self._adapter = self._lent.get_adapter(url)
            if type(self._adapter) is requests.adapters.HTTPAdapter:
                # Weak, as a cycle would keep the key until the next collection.
                watch = WeakMethod(self._watch)
                self._adapter = _Adapter(url, settings["verify"], watch)
        # A little longer than the caller waits, who has the better message.
        left = max(self._left(), 0.0) + 0.5
        limits = (
            min(self._limits.connect_timeout, left),
            min(self._limits.read_timeout, left),
        )
        response = self._adapter.send(asked.prepare(), timeout=limits, **settings)
        try:
            return read_answer(
                self.address,
                response.status_code,
                response.headers.items(),
                _read(response.raw),
                key_mask(user, secret),
            )
        finally:
            response.close()

    def _watch(self, connection: socket.socket) -> None:
        """Keep a connection in reach of other threads; end it if time is over."""
        # TLS takes the socket over, so only a twin of it stays in our hands.
        self._sockets.append(connection.dup())
        if self._is_over:
            self._end()

    def _end(self) -> None:
        """End all connections, and those that are still to come."""
        self._is_over = True
        # Emptied by whoever comes first: the thread that watches may end them as well.
        with contextlib.suppress(IndexError):
            while True:
                with self._sockets.pop() as twin, contextlib.suppress(OSError):
                    twin.shutdown(socket.SHUT_RDWR)


def _settings(session: requests.Session, url: str) -> Any:
    """What a session says, and where it says nothing, what the environment."""
    settings: Any = session.merge_environment_settings(
        url,
        dict(session.proxies),
        stream=True,
        verify=session.verify,
        cert=session.cert,
    )
    if is_loopback(url):
        settings["proxies"] = {}
    if settings["verify"] is not False:
        # requests takes None for False.
        settings["verify"] = settings["verify"] or True
    return settings


def _untraced() -> contextlib.AbstractContextManager[None]:
    """Keep OpenTelemetry from recording our URLs, one of which has to hold the key."""
    telemetry = sys.modules.get("opentelemetry.instrumentation.utils")
    suppress = getattr(telemetry, "suppress_http_instrumentation", None)
    return suppress() if suppress else contextlib.nullcontext()


def _read(raw: Any) -> bytes | None:
    """Read a body; None where it is too big, or not what its headers say."""
    body = bytearray()
    with contextlib.suppress(urllib3.exceptions.DecodeError):
        for part in raw.stream(65_536, decode_content=True):
            body += part
            if len(body) > MAX_BODY:
                return None
        # Where no length was told, only the text shows that it was cut.
        is_cut = body.startswith(b"{") and not body.rstrip().endswith(b"}")
        if is_cut and "content-length" not in raw.headers:
            raise urllib3.exceptions.ProtocolError
        return bytes(body)
    return None


def tls_context(verify: object) -> ssl.SSLContext:
    """Trust whom the operating system trusts, and the CA certificates of a path."""
    context: ssl.SSLContext
    if ssl.SSLContext.__module__ == "ssl":
        # Loaded for https only.
        import truststore

        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    else:
        # pip-system-certs, gevent or eventlet have put a class of theirs there, under
        # which truststore's would call itself without an end:
        # https://github.com/sethmlarson/truststore/issues/214
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_default_certs()
    if isinstance(verify, str | os.PathLike):
        is_directory = Path(verify).is_dir()
        paths = (None, verify) if is_directory else (verify, None)
        try:
            context.load_verify_locations(*paths)
        except OSError:
            raise UndecidedError(
                f"CARTO was not asked: the CA certificates in {verify} cannot be read. "
                "Check REQUESTS_CA_BUNDLE.",
                reason=Reason.TLS,
            ) from None
    return context


class _Watched:
    # http.client prints every header where somebody has switched this on.
    debuglevel = 0

    def __init__(self, *args: Any, watch: Any = None, **kwargs: Any) -> None:
        self._watch = watch
        super().__init__(*args, **kwargs)

    def _new_conn(self) -> socket.socket:
        connection: socket.socket = super()._new_conn()  # type: ignore[misc]
        if self._watch and (watch := self._watch()):
            watch(connection)
        return connection


@cache
def _watched(kind: type) -> Any:
    return type(f"Watched{kind.__name__}", (_Watched, kind), {})


class _Adapter(requests.adapters.HTTPAdapter):
    """Trusts whom the operating system trusts, and lets its connections be ended."""

    # A context cannot be pickled, so these are what a copy has.
    _context: ssl.SSLContext | None = None
    _verifies = True
    _watch: WeakMethod[Callable[[socket.socket], None]] | None = None

    def __init__(self, url: str, verify: Any, watch: Any = None) -> None:
        self._verifies, self._watch = verify is not False, watch
        if self._verifies and url.startswith("https://"):
            self._context = tls_context(verify)
        super().__init__()

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        # The context has the authorities, and none of the list that requests would add.
        # Given in one step, as another thread may be connecting.
        found: Any = SimpleNamespace()
        super().cert_verify(found, url, False, cert)  # type: ignore[no-untyped-call,unused-ignore]  # noqa: FBT003
        found.cert_reqs = "CERT_REQUIRED" if verify else "CERT_NONE"
        vars(conn).update(vars(found))
        if self._context is not None:
            conn.conn_kw["ssl_context"] = self._context
        kind = conn.ConnectionCls  # once, as other threads may be here, too
        if not issubclass(kind, _Watched):
            conn.ConnectionCls = _watched(kind)
        if self._watch is not None:
            conn.conn_kw["watch"] = self._watch


class _Lent(_Adapter):
    """For a library that writes the key into addresses, which its errors would show."""

    def send(self, request: Any, *args: Any, **more: Any) -> requests.Response:
        # Not what is asked to be verified: requests lets REQUESTS_CA_BUNDLE win over
        # what a session says, https://github.com/psf/requests/issues/3829
        more["verify"] = self._verifies
        try:
            return super().send(request, *args, **more)
        except requests.RequestException as error:
            address = Address("", origin_of(request.url))
            told = type(error)(str(sort_error(error, address)))
        raise told


def trusts(identity: Identity) -> Any:
    """Return whom the login trusts, as the `verify` of requests."""
    session = identity.session or _NO_SESSION
    return _settings(session, identity.address.base_url)["verify"]


def lend_session(identity: Identity) -> requests.Session:
    """Return a session for a library that is to trust what the login trusts."""
    # requests alone knows neither the authorities of the system nor SSL_CERT_FILE. One
    # with an adapter or a class of its own is lent as it is.
    origin, given = identity.address.origin, identity.session
    session = requests.Session()
    if given is not None:
        own = type(given.get_adapter(origin)), type(given)
        if own != (requests.adapters.HTTPAdapter, requests.Session):
            return given
        session.__dict__.update(vars(given), adapters=dict(given.adapters))
    session.mount(origin, _Lent(origin, trusts(identity)))
    return session


def _hide_key(record: logging.LogRecord) -> bool:
    """Take the query, where a key may be, out of what urllib3 logs of our requests."""
    if threading.current_thread().name == _NAME and isinstance(record.args, tuple):
        record.args = tuple(
            a.partition("?")[0] if isinstance(a, str) and "api_key=" in a else a
            for a in record.args
        )
    return True


for _name in ("urllib3.connectionpool", "urllib3.util.retry"):
    logging.getLogger(_name).addFilter(_hide_key)
