"""Why no answer came: what the exceptions of a request mean.

The modules that raise them are loaded elsewhere, so they are known by their names,
which requests and urllib3 share.
"""

from __future__ import annotations

import errno
import os
import re
import ssl
from typing import Any, NamedTuple

from ..errors import Reason
from .answers import Failure, Row


class AuthoritiesError(OSError):
    """The CA certificates to trust cannot be read; its text is their path."""


class Proxy(NamedTuple):
    """The proxy of a request, and who named it."""

    address: str = ""
    variable: str = "HTTPS_PROXY"

    @classmethod
    def named(cls, address: str | None, scheme: str) -> Proxy:
        """Find the variable that an address is from."""
        if not address:
            return cls()
        for wanted in (f"{scheme}_proxy", "all_proxy"):
            for name, value in os.environ.items():
                if name.lower() == wanted and value == address:
                    return cls(address, name)
        return cls(address, "the given session's or the system's proxy settings")

    @property
    def place(self) -> str:
        """Its host and port, without the password."""
        return re.sub(r".*(//|@)", "", self.address) or "of your network"

    @property
    def is_socks(self) -> bool:
        """Whether PySocks speaks to it."""
        return self.address.lower().startswith("socks")

    @property
    def fault(self) -> str:
        """What is wrong with the address, in words; empty where nothing is seen."""
        found = (says for is_so, says in _FAULTS if re.search(is_so, self.address))
        return next(found, "") if self.address else ""


_LOOKS = "it has to look like http://proxy.example.com:3128"
_FAULTS = (
    (r"""^\s*["']|["']\s*$""", "there are quotes in it"),
    (r"\s", "there is a blank in it"),
    (r"(?i)^socks:", "it does not say which SOCKS: write socks5h:// or socks4a://"),
    (
        r"[#?].*@|//.*/.*@",
        "a #, / or ? in its user name or password has to be written as %23, %2F or %3F",
    ),
    (
        r"(?i)^(?!((https?|socks(4a?|5h?))://)?([^@/]*@)?([^@/:]+|\[.*\])(:\d+)?/?$)",
        _LOOKS,
    ),
)


def sort_error(
    error: Exception, host: str, waited: float, proxy: Proxy | None = None
) -> Failure:
    """Tell from an exception, after so many seconds, what went wrong."""
    seen = _Causes(error, proxy or Proxy())
    row = next(row for row in ERRORS if row.finds(seen))
    detail = row.message.format(
        host=host,
        seconds=f"{round(waited, 1):g}",
        why=getattr(seen.tls, "verify_message", "")
        or seen.tls_reason
        or "it broke off",
        name=type(seen.odd or error).__qualname__,
        path=error,
        proxy=seen.proxy.place,
        variable=seen.proxy.variable,
        fault=seen.proxy.fault or _LOOKS,
    )
    return Failure(row.reason, detail)


def timeout_failure(host: str, seconds: float) -> Failure:
    """Say that a server took too long."""
    return Failure(Reason.TIMEOUT, _LATE.format(host=host, seconds=f"{seconds:g}"))


class _Causes:
    """An exception and all that it was made of."""

    def __init__(self, error: BaseException, proxy: Proxy) -> None:
        found: dict[int, BaseException] = {}
        waiting: list[Any] = [error]
        while waiting:
            cause = waiting.pop()
            if isinstance(cause, BaseException) and id(cause) not in found:
                found[id(cause)] = cause
                waiting += [cause.__context__, cause.__cause__, *cause.args]
                waiting.append(getattr(cause, "reason", None))
        self.error = error
        self.proxy = proxy
        self.all = list(found.values())
        self.said = [t for cause in self.all for t in cause.args if isinstance(t, str)]
        self.tls = next((c for c in self.all if isinstance(c, ssl.SSLError)), None)
        self.tls_reason = getattr(self.tls, "reason", None)

    @property
    def odd(self) -> OSError | None:
        """What the system refused for a reason that is not of the network."""
        numbered = (c for c in self.all if isinstance(c, OSError) and c.errno)
        return next((c for c in numbered if _is_odd(c)), None)

    @property
    def has_bad_proxy(self) -> bool:
        # The address of CARTO itself was checked before.
        looks_bad = self.proxy.fault and self.have("ProxyError", "ValueError")
        return bool(looks_bad) or self.have(*_BAD_ADDRESS)

    @property
    def is_of_the_network(self) -> bool:
        if _is_called(self.error, "RequestException"):
            known = ("ConnectionError", "Timeout", "ChunkedEncodingError")
            return _is_called(self.error, *known)
        return _is_called(self.error, "OSError", "HTTPException", "HTTPError")

    def say(self, words: str) -> bool:
        return any(words in text for text in self.said)

    def have(self, *names: str, but: tuple[str, ...] = ()) -> bool:
        return any(_is_called(c, *names) and not _is_called(c, *but) for c in self.all)


def _is_called(error: BaseException, *names: str) -> bool:
    return any(kind.__name__ in names for kind in type(error).__mro__)


def _is_odd(error: OSError) -> bool:
    known = isinstance(error, ConnectionError | TimeoutError | ssl.SSLError)
    return not (known or _is_called(error, "gaierror") or error.errno in _OF_NETWORKS)


_LATE = (
    "No answer from {host} within {seconds} s. Check the address and your network, or "
    "try again later."
)
_BAD_ADDRESS = (
    *("InvalidProxyURL", "InvalidURL", "LocationValueError", "ProxySchemeUnknown"),
)
_OF_NETWORKS = {
    *(errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EADDRNOTAVAIL),
    *(getattr(errno, "EHOSTDOWN", 0), errno.EPIPE, errno.ENOTCONN),
}
_BROKEN_OFF = ("RemoteDisconnected", "IncompleteRead")
_SOCKS_REFUSED = ("SOCKS4Error", "SOCKS5Error")
_PLAIN_HTTP = {
    *("WRONG_VERSION_NUMBER", "HTTP_REQUEST"),
    *("RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"),
}

# Read from the top. A proxy's and a TLS error are connection errors too.
ERRORS = (
    Row(
        "authorities",
        lambda e: isinstance(e.error, AuthoritiesError),
        Reason.TLS,
        "{host} was not asked: the CA certificates in {path} cannot be read. Check "
        "REQUESTS_CA_BUNDLE.",
    ),
    Row(
        "proxy: address",
        lambda e: e.has_bad_proxy,
        Reason.PROXY,
        "{host} was not asked: the address of a proxy in {variable} cannot be used, as "
        "{fault}.",
    ),
    Row(
        "proxy: PySocks",
        lambda e: e.say("SOCKS support"),
        Reason.PROXY,
        "{host} was not asked: {variable} names a SOCKS proxy, which needs PySocks. "
        "Install it with pip install PySocks, and restart the kernel.",
    ),
    Row(
        "unexpected",
        lambda e: e.odd or not e.is_of_the_network,
        None,
        "The request to {host} was ended by an error that nobody expected ({name}). "
        "Try again; if a session was given, try without it.",
    ),
    Row(
        "proxy: http",
        lambda e: e.say("appears to only use HTTP"),
        Reason.PROXY,
        "{host} was not asked: the proxy {proxy} does not speak https itself. Begin "
        "its address in {variable} with http:// in place of https://.",
    ),
    Row(
        "proxy: unknown",
        # PySocks says so of CARTO's host with a ProxyError, and of the proxy's without.
        lambda e: e.have("gaierror") and e.have("ProxyError") != e.proxy.is_socks,
        Reason.PROXY,
        "{host} was not asked: the proxy {proxy} that {variable} names was not found. "
        "Check its spelling, and that you are connected to its network.",
    ),
    Row(
        "proxy: password",
        lambda e: e.say("Tunnel connection failed: 407") or e.have("SOCKS5AuthError"),
        Reason.PROXY,
        "{host} was not asked: the proxy {proxy} wants a user name and a password. "
        "Check those in {variable}: http://user:password@proxy, percent-encoded.",
    ),
    Row(
        "proxy: refused",
        lambda e: e.say("Tunnel connection failed") or e.have(*_SOCKS_REFUSED),
        Reason.PROXY,
        "The proxy {proxy} that {variable} names refused the connection to {host}. "
        "Ask your network's administrator.",
    ),
    Row(
        "proxy: dead",
        lambda e: e.have("ProxyError") and not e.have("gaierror"),
        Reason.PROXY,
        "{host} was not asked: the proxy {proxy} that {variable} names does not answer "
        "as one. Check its address, and that you are connected to its network.",
    ),
    Row(
        "21",
        lambda e: isinstance(e.tls, ssl.SSLCertVerificationError),
        Reason.TLS,
        "The certificate of {host} is not accepted ({why}). If your organisation signs "
        "its own certificates, set REQUESTS_CA_BUNDLE to the file with its CA "
        "certificate.",
    ),
    Row(
        "22",
        lambda e: e.tls_reason in _PLAIN_HTTP,
        Reason.TLS,
        "{host} does not speak https on that port. Check the port in the base URL.",
    ),
    Row(
        "21 (else)",
        lambda e: e.tls is not None or e.have("SSLError"),
        Reason.TLS,
        "No secure connection to {host} could be made ({why}). Check the port in the "
        "base URL, or ask who runs that server.",
    ),
    Row(
        "20",
        # urllib3 counts a connection that was refused among the timeouts.
        lambda e: e.have("Timeout", "TimeoutError", but=("NewConnectionError",)),
        Reason.TIMEOUT,
        _LATE,
    ),
    Row(
        "18",
        lambda e: e.have("gaierror"),
        Reason.UNREACHABLE,
        "No server called {host} was found. Check the user name or the base URL, and "
        "that you are connected to the network.",
    ),
    Row(
        "certificate",
        # So requests says that a file of `cert` is missing.
        lambda e: e.say("invalid path"),
        Reason.TLS,
        "{host} was not asked: the client certificate of the given session, or its "
        "key, cannot be read. Check session.cert.",
    ),
    Row(
        "19 (not HTTP)",
        lambda e: e.have("HTTPException", but=_BROKEN_OFF),
        Reason.NOT_CARTO,
        "Something answers at {host}, but it does not speak HTTP. Check the port in "
        "the base URL.",
    ),
    Row(
        "19",
        lambda _: True,
        Reason.UNREACHABLE,
        "Could not connect to {host}, or the connection broke. Check the address and "
        "your network, then try again.",
    ),
)
