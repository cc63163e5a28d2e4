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
from base64 import b64encode
from collections import deque
from contextvars import ContextVar, copy_context
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import requests
import requests.adapters
import urllib3
import urllib3.exceptions

from .. import __version__
from ..address import is_loopback
from ..errors import CartoLoginError, Reason, UndecidedError
from ..settings import CartoLogin
from .answers import Answer, key_mask, not_carto, read_answer
from .failures import sort_error, too_late

if TYPE_CHECKING:
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
# Windows does not wake a thread that waits for a lock when Ctrl-C is pressed.
_LONGEST_WAIT = 0.25
# Nothing is kept in it, so it serves all who have lent none.
_NO_SESSION = requests.Session()

_proved: set[str] = set()


def forget_proved() -> None:
    """Forget which origins have answered as CARTO in this process."""
    _proved.clear()


class Client:
    """Asks the CARTO of an account, with one deadline for all of it."""

    def __init__(self, identity: Identity, timeout: float | None = None) -> None:
        self.address = identity.address
        self._key = identity.key
        self._lent = identity.session or _NO_SESSION
        self._limits = CartoLogin.instance()
        self._total = self._limits.total_timeout if timeout is None else timeout
        self._deadline = time.monotonic() + self._total
        self._line = Line()
        self._adapter: requests.adapters.BaseAdapter | None = None
        self._proxy = ""
        self._may_retry = True
        self.fingerprint: Answer | None = None
        origin = self.address.origin
        self.is_proved = self.address.is_cloud or origin in {identity.proved, *_proved}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._line.cut()
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
            raise not_carto(self.fingerprint, self.address)
        self.is_proved = True
        _proved.add(self.address.origin)

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
            name="carto-login-request",
            daemon=True,
        )
        try:
            if self._left() > 0:
                worker.start()
            while worker.is_alive() and (left := self._left()) > 0:
                worker.join(min(left, _LONGEST_WAIT))
        except RuntimeError as error:  # there is no thread to be had
            found.append(sort_error(error, self.address.host, 0))
        finally:
            # Looked at before the connections are ended, of which the thread tells too.
            answer = found[0] if found else None
            if answer is None:
                self._line.cut()
        if isinstance(answer, Answer):
            return answer
        raise answer or too_late(self.address.host, self._total)

    def _work(
        self, url: str, key: str | None, found: list[Answer | CartoLoginError]
    ) -> None:
        current_line.set(self._line)
        began = time.monotonic()
        try:
            with _untraced():
                found.append(self._exchange(url, key))
        except Exception as error:  # noqa: BLE001 - lent adapters may raise anything
            waited = time.monotonic() - began
            found.append(sort_error(error, self.address.host, waited, self._proxy))

    def _exchange(self, url: str, key: str | None) -> Answer:
        user, secret = self.address.username, self._key.reveal()
        # Made without a session, so no cookie and no ~/.netrc gets into it.
        asked = requests.Request("GET", url, headers=dict(_HEADERS))
        if key == "header":
            pair = b64encode(f"{user}:{secret}".encode()).decode()
            asked.headers["Authorization"] = f"Basic {pair}"
        elif key == "query":
            asked.params = {"api_key": secret}
        settings = _settings(self._lent, url)
        self._proxy = requests.utils.select_proxy(url, settings["proxies"]) or ""
        if self._adapter is None:
            self._adapter = self._lent.get_adapter(url)
            if type(self._adapter) is requests.adapters.HTTPAdapter:
                self._adapter = _Adapter(url, settings["verify"])
        # A little longer than the caller waits, who has the better message.
        left = max(self._left(), 0.0) + 0.5
        limits = (
            min(self._limits.connect_timeout, left),
            min(self._limits.read_timeout, left),
        )
        response = self._adapter.send(asked.prepare(), timeout=limits, **settings)
        try:
            return read_answer(
                response.status_code,
                response.headers.items(),
                _read(response.raw),
                key_mask(user, secret),
            )
        finally:
            response.close()


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
        # which truststore's would call itself without an end.
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


class _Adapter(requests.adapters.HTTPAdapter):
    """Trusts whom the operating system trusts, and lets its connections be ended."""

    # A context cannot be pickled, so these are what a copy has.
    _context: ssl.SSLContext | None = None
    _verifies = True

    def __init__(self, url: str, verify: Any) -> None:
        self._verifies = verify is not False
        if self._verifies and url.startswith("https://"):
            self._context = tls_context(verify)
        super().__init__()

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        watch(pool)
        return pool

    # Not what is asked to be verified: requests lets REQUESTS_CA_BUNDLE win over what a
    # session says, https://github.com/psf/requests/issues/3829

    def build_connection_pool_key_attributes(
        self, request: Any, verify: Any, cert: Any = None
    ) -> Any:
        verify = self._verifies
        host, pool = super().build_connection_pool_key_attributes(request, verify, cert)
        if self._context is not None:
            pool["ssl_context"] = self._context
        return host, pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        # Told not to verify, requests does not add its own list of authorities.
        verify = False
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call,unused-ignore]
        if self._verifies:
            conn.cert_reqs = "CERT_REQUIRED"


class _Lent(_Adapter):
    """For a library that writes the key into addresses, which its errors would show."""

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        try:
            return super().send(request, *args, **kwargs)
        except requests.RequestException as error:
            host = urllib3.util.parse_url(request.url).host or ""
            told = type(error)(str(sort_error(error, host, 0)))
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


class Line:
    """The connections of a client, so that they can be ended from another thread."""

    def __init__(self) -> None:
        self._sockets: deque[socket.socket] = deque()
        self._is_cut = False

    def watch(self, connection: socket.socket) -> None:
        """Keep a connection in reach; end it at once if the line was cut already."""
        # TLS takes the socket over, so only a twin of it stays in our hands.
        self._sockets.append(connection.dup())
        if self._is_cut:
            self.cut()

    def cut(self) -> None:
        """End all connections, and those that are still to come."""
        self._is_cut = True
        # Emptied by whoever comes first: the thread that watches may cut as well.
        with contextlib.suppress(IndexError):
            while True:
                with self._sockets.pop() as twin, contextlib.suppress(OSError):
                    twin.shutdown(socket.SHUT_RDWR)


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


def watch(pool: urllib3.HTTPConnectionPool) -> None:
    """Let the connections of a pool be ended by the current line."""
    if not issubclass(pool.ConnectionCls, _Watched):
        pool.ConnectionCls = _watched(pool.ConnectionCls)


@cache
def _watched(kind: type) -> Any:
    return type(f"Watched{kind.__name__}", (_Watched, kind), {})


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
