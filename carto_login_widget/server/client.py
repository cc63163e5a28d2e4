"""HTTP to CARTO, and the only place where a key is put on the wire.

Each request runs in a daemon thread that the caller waits for until one deadline, so
that neither a server that drips bytes nor a resolver that hangs holds a notebook. What
comes back is a value, an `Answer` or a `Failure`.
"""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import random
import socket
import ssl
import sys
import threading
import time
from base64 import b64encode
from contextvars import ContextVar, copy_context
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Self

import requests
import requests.adapters
import urllib3
import urllib3.exceptions

from .. import __version__
from ..address import is_loopback
from ..settings import CartoLogin
from . import answers
from .answers import Answer, Failure
from .failures import AuthoritiesError, Proxy, sort_error, timeout_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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

KeyPlace = Literal["header", "query"]

_proved: set[str] = set()


def forget_proved() -> None:
    """Forget which origins have answered as CARTO in this process."""
    _proved.clear()


class Client:
    """Asks the CARTO of an account, with one deadline for all of it.

    `proved` is its origin once that is known to be CARTO, else None.
    """

    def __init__(self, identity: Identity, timeout: float | None = None) -> None:
        self.address = identity.address
        self._key = identity.key
        self._lent = identity.session or requests.Session()
        self._limits = CartoLogin.instance()
        self._total = self._limits.total_timeout if timeout is None else timeout
        self._deadline = time.monotonic() + self._total
        self._line = Line()
        self._adapter: requests.adapters.BaseAdapter | None = None
        self._proxy = Proxy()
        self._may_retry = True
        self._fingerprint: Answer | Failure | None = None
        origin = self.address.origin
        known = origin == identity.proved or origin in _proved
        self.proved = origin if known or self.address.is_cloud else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        # What was given up on is ended already.
        self._line.release()
        if isinstance(self._adapter, _Adapter):
            self._adapter.close()

    def send(
        self, method: str, path: str, *, key: KeyPlace | None = None
    ) -> Answer | Failure:
        """Ask for a path below the account's base URL.

        An origin that has not yet answered as CARTO is asked without a key first, and
        where it does not, the key is not sent.
        """
        if key is not None and self.proved is None:
            failure = self.prove()
            if failure is not None:
                return failure
        return self._ask(method, self.address.url(path), key)

    def prove(self) -> Failure | None:
        """Ask the origin without a key who it is, once; None if it is CARTO."""
        if self._fingerprint is None:
            self._fingerprint = self._anonymous_me()
        found = self._fingerprint
        if answers.is_carto(found):
            self.proved = self.address.origin
            _proved.add(self.proved)
            return None
        return answers.foreign(found, self.address) or answers.not_carto(
            found, self.address
        )

    @property
    def config(self) -> Mapping[str, Any]:
        """How the installation says that it is set up, if it was asked already."""
        return answers.config_of(self._fingerprint) if self._fingerprint else {}

    def _anonymous_me(self) -> Answer | Failure:
        base = self.address.base_url
        root = base.removesuffix(f"/user/{self.address.username}")
        answer = self._ask("GET", f"{root}/api/v3/me", None)
        if root != base or isinstance(answer, Failure):
            return answer
        if answer.status != 404 or not answer.empty:  # noqa: PLR2004
            return answer
        # So CARTO answers for a user in maintenance, whom the host names: ask for
        # somebody whom no CARTO has.
        return self._ask("GET", f"{root}/user/-/api/v3/me", None)

    def _ask(self, method: str, url: str, key: KeyPlace | None) -> Answer | Failure:
        exchange = partial(self._exchange, method, url, key)
        answer = self._wait_for(exchange)
        if isinstance(answer, Failure) or answer.status not in RETRIED:
            return answer
        wait = answer.retry_after
        if wait is None or not self._may_retry or wait > MAX_RETRY_WAIT:
            return answer
        room = self._deadline - time.monotonic() - wait
        if room <= 0:
            return answer
        self._may_retry = False
        # Many kernels that were told the same number do not come back together.
        time.sleep(wait + random.uniform(0, min(wait, room / 2)))  # noqa: S311
        return self._wait_for(exchange)

    def _wait_for(self, exchange: Callable[[], Answer]) -> Answer | Failure:
        box: queue.SimpleQueue[Answer | Failure] = queue.SimpleQueue()
        worker = threading.Thread(
            target=copy_context().run,
            args=(self._work, exchange, box),
            name="carto-login-request",
            daemon=True,
        )
        answer: Answer | Failure | None = None
        try:
            if self._left() > 0:
                worker.start()
            while answer is None and (left := self._left()) > 0:
                with contextlib.suppress(queue.Empty):
                    answer = box.get(timeout=min(left, _LONGEST_WAIT))
        except RuntimeError as error:  # there is no thread to be had
            answer = sort_error(error, self.address.host, 0)
        finally:
            if answer is None:
                self._line.cut()
        return answer or timeout_failure(self.address.host, self._total)

    def _left(self) -> float:
        return self._deadline - time.monotonic()

    def _work(
        self,
        exchange: Callable[[], Answer],
        box: queue.SimpleQueue[Answer | Failure],
    ) -> None:
        current_line.set(self._line)
        began = time.monotonic()
        try:
            with _untraced():
                box.put(exchange())
        except Exception as error:  # noqa: BLE001 - lent adapters may raise anything
            waited = time.monotonic() - began
            box.put(sort_error(error, self.address.host, waited, self._proxy))

    def _exchange(self, method: str, url: str, key: KeyPlace | None) -> Answer:
        user, secret = self.address.username, self._key.reveal()
        # Made without a session, so no cookie and no ~/.netrc gets into it.
        asked = requests.Request(method, url, headers=dict(_HEADERS))
        if key == "header":
            pair = b64encode(f"{user}:{secret}".encode()).decode()
            asked.headers["Authorization"] = f"Basic {pair}"
        elif key == "query":
            asked.params = {"api_key": secret}
        settings = self._settings(url)
        named = requests.utils.select_proxy(url, settings["proxies"])
        self._proxy = Proxy.named(named, url.partition(":")[0])
        # A little longer than the caller waits, who has the better message.
        left = max(self._left(), 0.0) + 0.5
        limits = (
            min(self._limits.connect_timeout, left),
            min(self._limits.read_timeout, left),
        )
        adapter = self._adapter_for(url, settings["verify"])
        response = adapter.send(asked.prepare(), timeout=limits, **settings)
        try:
            return answers.read_answer(
                response.status_code,
                response.headers.items(),
                _read(response.raw),
                url.partition("?")[0],
                answers.key_mask(user, secret),
            )
        finally:
            response.close()

    def _settings(self, url: str) -> Any:
        """What the session says, and where it says nothing, what the environment."""
        lent = self._lent
        settings: Any = lent.merge_environment_settings(
            url, dict(lent.proxies), stream=True, verify=lent.verify, cert=lent.cert
        )
        if is_loopback(url):
            settings["proxies"] = {}
        if settings["verify"] is not False:
            # requests takes None for False.
            settings["verify"] = settings["verify"] or True
        return settings

    def _adapter_for(self, url: str, verify: Any) -> requests.adapters.BaseAdapter:
        """The session's own adapter where it has a special one, else ours."""
        if self._adapter is None:
            self._adapter = self._lent.get_adapter(url)
            if type(self._adapter) is requests.adapters.HTTPAdapter:
                is_plain = not url.startswith("https://") or verify is False
                self._adapter = _Adapter(None if is_plain else tls_context(verify))
        return self._adapter


def _untraced() -> contextlib.AbstractContextManager[None]:
    """Keep OpenTelemetry from recording our URLs: CARTO wants the key in one of them.

    `/api/v4/do/token` looks for it among the parameters, and is routed for GET only.
    """
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
        try:
            context.load_verify_locations(
                cafile=None if is_directory else verify,
                capath=verify if is_directory else None,
            )
        except OSError as error:
            raise AuthoritiesError(verify) from error
    return context


class _Adapter(requests.adapters.HTTPAdapter):
    """Trusts whom the operating system trusts, and lets its connections be ended."""

    _context: ssl.SSLContext | None = None  # a context cannot be pickled

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        super().__init__()

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        watch(pool)
        return pool

    def build_connection_pool_key_attributes(
        self, request: Any, verify: Any, cert: Any = None
    ) -> Any:
        host, pool = super().build_connection_pool_key_attributes(
            request, verify is not False, cert
        )
        if self._context is not None:
            pool["ssl_context"] = self._context
        return host, pool

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        # Told not to verify, requests does not add its own list of authorities.
        super().cert_verify(conn, url, verify=False, cert=cert)  # type: ignore[no-untyped-call,unused-ignore]
        if verify is not False:
            conn.cert_reqs = "CERT_REQUIRED"


class _Lent(_Adapter):
    """For a library that writes the key into addresses, which its errors would show."""

    # What cannot be pickled is not there any more in a copy.
    _verify: Any = True

    def __init__(self, verify: Any, *, is_plain: bool) -> None:
        self._verify = verify
        super().__init__(None if is_plain or not verify else tls_context(verify))

    def send(self, request: Any, *args: Any, **kwargs: Any) -> requests.Response:
        # requests lets REQUESTS_CA_BUNDLE win over what a session says:
        # https://github.com/psf/requests/issues/3829
        kwargs["verify"] = self._verify
        try:
            return super().send(request, *args, **kwargs)
        except requests.RequestException as error:
            host = urllib3.util.parse_url(request.url).host or ""
            told = type(error)(sort_error(error, host, 0).detail)
        raise told


def trusts(identity: Identity) -> Any:
    """Return whom the login trusts, as the `verify` of requests."""
    return Client(identity)._settings(identity.address.base_url)["verify"]


def lend_session(identity: Identity) -> requests.Session:
    """Return a session for a library that is to trust what the login trusts.

    requests alone knows neither the authorities of the system nor SSL_CERT_FILE. A
    session with an adapter or a class of its own is lent as it is.
    """
    origin, given = identity.address.origin, identity.session
    session = requests.Session()
    if given is not None:
        own = type(given.get_adapter(origin)), type(given)
        if own != (requests.adapters.HTTPAdapter, requests.Session):
            return given
        session.__dict__.update(vars(given), adapters=dict(given.adapters))
    is_plain = origin.startswith("http://")
    session.mount(origin, _Lent(trusts(identity), is_plain=is_plain))
    return session


class Line:
    """The connections of a client, so that they can be ended from another thread."""

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
        for twin in self._taken():
            with contextlib.suppress(OSError):
                twin.shutdown(socket.SHUT_RDWR)
            twin.close()

    def release(self) -> None:
        """Let go of connections whose answers are all read: their owner closes them."""
        for twin in self._taken():
            twin.close()

    def _taken(self) -> list[socket.socket]:
        with self._lock:
            taken, self._sockets = self._sockets, []
        return taken


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
    kind = pool.ConnectionCls
    if not issubclass(kind, _Watched):
        pool.ConnectionCls = type(f"Watched{kind.__name__}", (_Watched, kind), {})


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
