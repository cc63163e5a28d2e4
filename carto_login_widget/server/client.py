"""HTTP to CARTO, and the only place where a key is put on the wire.

Each request runs in a daemon thread that the caller waits for until one deadline, so
that neither a server that drips bytes nor a resolver that hangs holds a notebook. What
comes back is a value, an `Answer` or a `Failure`: the exceptions of requests hold the
request with its key, so none of them leaves the thread.
"""

from __future__ import annotations

import contextlib
import os
import queue
import threading
import time
from base64 import b64encode
from contextvars import copy_context
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Self

import requests
import requests.adapters
import requests.utils
import urllib3.exceptions

from .. import __version__
from ..address import is_loopback
from ..errors import InvalidCredentialsError
from ..settings import timeouts
from . import answers
from .answers import Answer
from .connections import Line, current_line, tls_context, watch_pools
from .failures import Failure, sort_error, timeout_failure

if TYPE_CHECKING:
    import ssl
    from types import TracebackType

    from ..address import Address
    from ..credentials import Credentials
    from ..secret import Secret

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

KeyPlace = Literal["header", "query", "body"]

_proved: set[str] = set()
_proved_lock = threading.Lock()


def forget_proved() -> None:
    """Forget which origins have answered as CARTO in this process."""
    with _proved_lock:
        _proved.clear()


def me_data(credentials: Credentials) -> dict[str, Any]:
    """Return what `/api/v3/me` tells; `{}` where it does not tell.

    The key itself, which CARTO repeats there, is masked.
    """
    try:
        client = Client(credentials)
    except InvalidCredentialsError:
        return {}
    with client:
        answer = client.send("GET", "api/v3/me", key="header")
    if isinstance(answer, Failure) or answer.status != 200:  # noqa: PLR2004
        return {}
    return answer.object


class _Ask(NamedTuple):
    """A request, without the key that it is going to carry."""

    method: str
    url: str
    key: KeyPlace | None


class Client:
    """Asks the CARTO of some credentials, with one deadline for all of it.

    Args:
        credentials: whose CARTO is asked, with whose key.
        timeout: seconds for everything that this client does; None means the
            configured `total_timeout`.

    Raises:
        InvalidCredentialsError: no address can be told from the credentials.

    Example:
        >>> with Client(credentials) as client:  # doctest: +SKIP
        ...     answer = client.send("GET", "api/v4/me", key="header")
    """

    def __init__(
        self, credentials: Credentials, *, timeout: float | None = None
    ) -> None:
        self.address: Address = credentials.address()
        self._credentials = credentials
        self._limits = timeouts()
        self._total = self._limits.total if timeout is None else timeout
        self._deadline = time.monotonic() + self._total
        self._line = Line()
        self._adapter: requests.adapters.BaseAdapter | None = None
        self._may_retry = True
        self._fingerprint: Answer | Failure | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; what was given up on is ended already."""
        self._line.release()
        if isinstance(self._adapter, _Adapter):
            self._adapter.close()

    def send(
        self, method: str, path: str, *, key: KeyPlace | None = None
    ) -> Answer | Failure:
        """Ask for a path below the account's base URL.

        Args:
            method: HTTP method.
            path: path without a query.
            key: where the key is sent; None sends none. An origin that has not yet
                answered as CARTO is asked without a key first, and where it does not,
                the key is not sent.
        """
        if key is not None and not self._is_proved():
            failure = self.prove()
            if failure is not None:
                return failure
        return self._ask(_Ask(method, self.address.url(path), key))

    def prove(self) -> Failure | None:
        """Ask the origin without a key who it is; None if it is CARTO.

        The answer is kept for the life of the client.
        """
        if self._fingerprint is None:
            self._fingerprint = self._anonymous_me()
        found = self._fingerprint
        if isinstance(found, Failure):
            return found
        if answers.is_carto(found):
            with _proved_lock:
                _proved.add(self.address.origin)
            self._credentials.remember(proved=self.address.origin)
            return None
        return answers.foreign(found, self.address) or answers.not_carto(
            found, self.address
        )

    @property
    def sql_template(self) -> str | None:
        """Where the installation says that users are, if it was asked already."""
        if not isinstance(self._fingerprint, Answer):
            return None
        config = self._fingerprint.object.get("config")
        template = config.get("sql_api_template") if isinstance(config, dict) else None
        return template if isinstance(template, str) else None

    def _anonymous_me(self) -> Answer | Failure:
        base = self.address.base_url
        root = base.removesuffix(f"/user/{self.address.username}")
        answer = self._ask(_Ask("GET", f"{root}/api/v3/me", None))
        if root != base or isinstance(answer, Failure):
            return answer
        if answer.status != 404 or answer.text:  # noqa: PLR2004
            return answer
        # So CARTO answers for a user in maintenance, whom the host names: ask for
        # somebody whom no CARTO has.
        return self._ask(_Ask("GET", f"{root}/user/-/api/v3/me", None))

    def _is_proved(self) -> bool:
        origin = self.address.origin
        with _proved_lock:
            known = origin in _proved
        return known or self.address.is_cloud or self._credentials.proved == origin

    def _ask(self, ask: _Ask) -> Answer | Failure:
        answer = self._wait_for(ask)
        if isinstance(answer, Failure) or answer.status not in RETRIED:
            return answer
        wait = answer.retry_after
        if wait is None or not self._may_retry or wait > MAX_RETRY_WAIT:
            return answer
        if time.monotonic() + wait >= self._deadline:
            return answer
        self._may_retry = False
        time.sleep(wait)
        return self._wait_for(ask)

    def _wait_for(self, ask: _Ask) -> Answer | Failure:
        late = timeout_failure(self.address.host, self._total)
        if time.monotonic() >= self._deadline:
            return late
        box: queue.SimpleQueue[Answer | Failure] = queue.SimpleQueue()
        worker = threading.Thread(
            target=copy_context().run,
            args=(self._work, ask, box),
            name="carto-login-request",
            daemon=True,
        )
        answer: Answer | Failure | None = None
        try:
            worker.start()
            while answer is None and (left := self._deadline - time.monotonic()) > 0:
                with contextlib.suppress(queue.Empty):
                    answer = box.get(timeout=min(left, _LONGEST_WAIT))
        finally:
            if answer is None:
                self._line.cut()
        return answer or late

    def _work(self, ask: _Ask, box: queue.SimpleQueue[Answer | Failure]) -> None:
        current_line.set(self._line)
        began = time.monotonic()
        result: Answer | Failure
        try:
            result = self._exchange(ask)
        except Exception as error:  # noqa: BLE001 - lent adapters may raise anything
            waited = time.monotonic() - began
            result = sort_error(error, self.address.host, waited)
        box.put(result)

    def _exchange(self, ask: _Ask) -> Answer:
        request = _prepare(ask, self.address.username, self._credentials.secret)
        connect, read, _ = self._limits
        # A little longer than the caller waits, who has the better message.
        left = max(self._deadline - time.monotonic(), 0.0) + 0.5
        session = self._credentials.session
        response = self._adapter_for(ask.url).send(
            request,
            stream=True,
            timeout=(min(connect, left), min(read, left)),
            verify=_verify(session),
            cert=None if session is None else session.cert,
            proxies=_proxies(request, session),
        )
        try:
            body, too_big = _read(response.raw)
            return answers.read_answer(
                response.status_code,
                response.headers.items(),
                body,
                too_big=too_big,
                url=ask.url.partition("?")[0],
                masks=answers.key_mask(
                    self.address.username, self._credentials.secret.reveal()
                ),
            )
        finally:
            response.close()

    def _adapter_for(self, url: str) -> requests.adapters.BaseAdapter:
        """The session's own adapter where it has a special one, else ours."""
        session = self._credentials.session
        if self._adapter is None:
            lent = None if session is None else session.get_adapter(url)
            if lent is None or type(lent) is requests.adapters.HTTPAdapter:
                lent = _Adapter(self._tls_context(url))
            self._adapter = lent
        return self._adapter

    def _tls_context(self, url: str) -> ssl.SSLContext | None:
        verify = _verify(self._credentials.session)
        if not url.startswith("https://") or verify is False:
            return None
        return tls_context(verify if isinstance(verify, str) else None)


def _prepare(ask: _Ask, username: str, key: Secret) -> requests.PreparedRequest:
    # Made without a session, so no cookie and no ~/.netrc gets into it.
    request = requests.Request(ask.method, ask.url, headers=dict(_HEADERS))
    match ask.key:
        case "header":
            request.headers["Authorization"] = "Basic " + (
                b64encode(f"{username}:{key.reveal()}".encode()).decode()
            )
        case "query":
            request.params = {"api_key": key.reveal()}
        case "body":
            request.data = {"api_key": key.reveal()}
    return request.prepare()


def _read(raw: Any) -> tuple[bytes, bool]:
    """Read a body up to the limit; a broken one as far as it is good."""
    body = bytearray()
    try:
        for part in raw.stream(65_536, decode_content=True):
            body += part
            if len(body) > MAX_BODY:
                return bytes(body[:MAX_BODY]), True
    except urllib3.exceptions.ReadTimeoutError:
        raise
    except (urllib3.exceptions.HTTPError, OSError):
        return bytes(body), True
    return bytes(body), False


def _verify(session: requests.Session | None) -> bool | str:
    verify: Any = True if session is None else session.verify
    if verify in (True, None) and (session is None or session.trust_env):
        return (
            os.environ.get("REQUESTS_CA_BUNDLE")
            or os.environ.get("CURL_CA_BUNDLE")
            or True
        )
    if isinstance(verify, str | os.PathLike):
        return os.fspath(verify)
    return verify is not False


def _proxies(
    request: requests.PreparedRequest, session: requests.Session | None
) -> dict[str, str]:
    if is_loopback(request.url or ""):
        return {}
    given = {} if session is None else dict(session.proxies)
    trust_env = session is None or session.trust_env
    return dict(requests.utils.resolve_proxies(request, given, trust_env))


class _Adapter(requests.adapters.HTTPAdapter):
    """Trusts whom the operating system trusts, and lets its connections be ended."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        watch_pools(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        watch_pools(manager)
        return manager

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
