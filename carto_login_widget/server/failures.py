"""Why a request got no answer of CARTO, as a value and a sentence for the user.

The exceptions of requests and urllib3 hold the request with its key. They are sorted
here into `Failure`s and then dropped.
"""

from __future__ import annotations

import http.client
import socket
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import CartoLoginError, NotCartoError, Reason, UndecidedError

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOT_CARTO = {Reason.NOT_CARTO, Reason.WRONG_ADDRESS, Reason.MOVED}
# The address itself was checked before, so only that of a proxy is left.
_BAD_PROXY_SETTINGS = (
    *("InvalidProxyURL", "InvalidSchema", "InvalidURL"),
    *("LocationValueError", "ProxySchemeUnknown"),
)
_PLAIN_HTTP = {
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "RECORD_LAYER_FAILURE",
    "PACKET_LENGTH_TOO_LONG",
}


class AuthoritiesError(OSError):
    """The CA certificates to trust cannot be read; its text is their path."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no answer of CARTO, in a sentence for the user.

    Attributes:
        reason: one of those of `UndecidedError` and `NotCartoError`.
        detail: what happened, where, and what to do next.
        suggestion: a base URL that would be better, or None.
        retry_after: seconds that the server asks to wait, or None.
    """

    reason: Reason
    detail: str
    suggestion: str | None = None
    retry_after: float | None = None

    def error(self) -> CartoLoginError:
        """Return the error to raise for it."""
        if self.reason in _NOT_CARTO:
            return NotCartoError(
                self.detail, reason=self.reason, suggestion=self.suggestion
            )
        return UndecidedError(
            self.detail, reason=self.reason, retry_after=self.retry_after
        )


def proxy_failure(host: str) -> Failure:
    """Say that the proxy of the user's network did not let a request through."""
    return Failure(
        Reason.PROXY,
        f"Your network's proxy refused the connection to {host}. Check HTTPS_PROXY and "
        "its user name and password, or ask your network's administrator.",
    )


def sort_error(error: BaseException, host: str, waited: float) -> Failure:
    """Tell from an exception what went wrong, without keeping it.

    Args:
        error: what the transport raised.
        host: whom it was talking to.
        waited: for how many seconds.
    """
    if isinstance(error, AuthoritiesError):
        return _authorities_failure(host, str(error))
    causes = list(_chain(error))
    tls = next((c for c in causes if isinstance(c, ssl.SSLError)), None)
    # requests and urllib3 use the same names, and those of requests overlap: a proxy's
    # and a TLS error are connection errors too, so they come first.
    if _any_called(causes, "ProxyError", *_BAD_PROXY_SETTINGS):
        return proxy_failure(host)
    if tls is not None or _any_called(causes, "SSLError"):
        return _tls_failure(tls, host)
    # urllib3 counts a connection that was refused among the timeouts.
    others = [c for c in causes if not _any_called([c], "NewConnectionError")]
    if _any_called(others, "Timeout", "TimeoutError"):
        return timeout_failure(host, round(waited, 1))
    return _connection_failure(causes, host)


def _any_called(causes: list[BaseException], *names: str) -> bool:
    return any(c.__name__ in names for cause in causes for c in type(cause).__mro__)


def _connection_failure(causes: list[BaseException], host: str) -> Failure:
    if any(isinstance(c, socket.gaierror) for c in causes):
        return Failure(
            Reason.UNREACHABLE,
            f"No server called {host} was found. Check the user name or the base URL, "
            "and that you are connected to the network.",
        )
    # So requests says that a file of `cert` is missing.
    said = [text for c in causes for text in c.args if isinstance(text, str)]
    if any("invalid path" in text for text in said):
        return Failure(
            Reason.TLS,
            f"{host} was not asked: the client certificate of the given session, or "
            "its key, cannot be read. Check session.cert.",
        )
    if any(_is_not_http(c) for c in causes):
        return Failure(
            Reason.NOT_CARTO,
            f"Something answers at {host}, but it does not speak HTTP. Check the port "
            "in the base URL.",
        )
    return Failure(
        Reason.UNREACHABLE,
        f"Could not connect to {host}, or the connection broke. Check the address and "
        "your network, then try again.",
    )


def _is_not_http(error: BaseException) -> bool:
    return isinstance(error, http.client.HTTPException) and not isinstance(
        error, http.client.RemoteDisconnected | http.client.IncompleteRead
    )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all that it was made of."""
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        found = waiting.pop()
        if isinstance(found, BaseException) and id(found) not in seen:
            seen.add(id(found))
            yield found
            waiting += [found.__context__, found.__cause__, *found.args]
            waiting.append(getattr(found, "reason", None))


def timeout_failure(host: str, seconds: float) -> Failure:
    """Say that a server took too long."""
    return Failure(
        Reason.TIMEOUT,
        f"No answer from {host} within {seconds:g} s. Check the address and your "
        "network, or try again later.",
    )


def _authorities_failure(host: str, path: str) -> Failure:
    return Failure(
        Reason.TLS,
        f"{host} was not asked: the CA certificates in {path} cannot be read. Check "
        "REQUESTS_CA_BUNDLE.",
    )


def _tls_failure(error: ssl.SSLError | None, host: str) -> Failure:
    if isinstance(error, ssl.SSLCertVerificationError):
        why = getattr(error, "verify_message", "") or "not trusted"
        return Failure(
            Reason.TLS,
            f"The certificate of {host} is not accepted ({why}). If your organisation "
            "signs its own certificates, set REQUESTS_CA_BUNDLE to the file with its "
            "CA certificate.",
        )
    why = getattr(error, "reason", None) or "it broke off"
    if why in _PLAIN_HTTP:
        return Failure(
            Reason.TLS,
            f"{host} does not speak https on that port. Check the port in the base "
            "URL.",
        )
    return Failure(
        Reason.TLS,
        f"No secure connection to {host} could be made ({why}). Check the port in the "
        "base URL, or ask who runs that server.",
    )
