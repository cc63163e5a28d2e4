"""Why no answer came: what the exceptions of a request mean."""

from __future__ import annotations

import errno
import os
import re
import ssl
from typing import Any

from ..errors import CartoLoginError, Reason
from .answers import Row, error_for


def sort_error(
    error: Exception, host: str, waited: float, proxy: str = ""
) -> CartoLoginError:
    """Tell from an exception, after so many seconds, what went wrong."""
    if isinstance(error, CartoLoginError):
        return error.with_traceback(None)  # whose frames hold the key
    seen = _Causes(error, proxy)
    row = next(row for row in _ERRORS if row.finds(seen))
    text = row.message.format(
        host=host,
        seconds=f"{round(waited, 1):g}",
        why=getattr(seen.tls, "verify_message", "")
        or seen.tls_reason
        or "it broke off",
        name=type(seen.short_of or error).__qualname__,
        proxy=re.sub(r".*(//|@)", "", proxy) or "of your network",
        variable=_variable_of(proxy),
    )
    return error_for(row.reason, text)


def too_late(host: str, seconds: float) -> CartoLoginError:
    """Say that a server took too long."""
    return error_for(Reason.TIMEOUT, _LATE.format(host=host, seconds=f"{seconds:g}"))


class _Causes:
    """An exception and all that it was made of, with the proxy that was used."""

    # The modules that raise them are loaded elsewhere, so exceptions are known by their
    # names, which requests and urllib3 share.

    def __init__(self, error: BaseException, proxy: str) -> None:
        self.error = error
        self.is_socks: bool = proxy.lower().startswith("socks")
        self.has_bad_proxy: bool = bool(proxy) and not _GOOD_PROXY.fullmatch(proxy)
        self.all: list[BaseException] = []
        waiting: list[Any] = [error]
        while waiting:
            cause = waiting.pop()
            if isinstance(cause, BaseException) and cause not in self.all:
                self.all.append(cause)
                waiting += [*cause.args, cause.__context__, cause.__cause__]
                waiting.append(getattr(cause, "reason", None))
        texts = (t for cause in self.all for t in cause.args if isinstance(t, str))
        self.said: str = "\n".join(texts)
        refused = (c for c in self.all if isinstance(c, ssl.SSLError))
        self.tls: ssl.SSLError | None = next(refused, None)
        self.tls_reason: str | None = getattr(self.tls, "reason", None)

    @property
    def short_of(self) -> BaseException | None:
        """Where this machine has no files or memory left, which error says so."""
        numbered = (c for c in self.all if getattr(c, "errno", None) in _NOTHING_LEFT)
        return next(numbered, None)

    @property
    def is_of_the_network(self) -> bool:
        if _is_called(self.error, "RequestException"):
            known = ("ConnectionError", "Timeout", "ChunkedEncodingError")
            return _is_called(self.error, *known)
        return _is_called(self.error, "OSError", "HTTPException", "HTTPError")

    def have(self, *names: str) -> bool:
        return any(_is_called(cause, *names) for cause in self.all)


def _is_called(error: BaseException, *names: str) -> bool:
    return any(kind.__name__ in names for kind in type(error).__mro__)


def _variable_of(proxy: str) -> str:
    """The variable of the environment that names a proxy."""
    for wanted in ("https_proxy", "http_proxy", "all_proxy"):
        for name, value in os.environ.items():
            if name.lower() == wanted and value == proxy:
                return name
    return "the given session's or the system's proxy settings"


_NOTHING_LEFT = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS}
_BAD_ADDRESS = (
    *("InvalidProxyURL", "InvalidURL", "LocationValueError", "ProxySchemeUnknown"),
)
_BROKEN_OFF = ("NewConnectionError", "RemoteDisconnected", "IncompleteRead")
_PLAIN_HTTP = {
    *("WRONG_VERSION_NUMBER", "HTTP_REQUEST"),
    *("RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"),
}
_GOOD_PROXY = re.compile(
    r"((https?|socks4a?|socks5h?)://)?([^@/?#\s\"']*@)?([^@/:\s\"']+|\[.*\])(:\d+)?/?",
    re.IGNORECASE,
)
_LATE = (
    "No answer from {host} within {seconds} s. Check the address and your network, or "
    "try again later."
)
_BROKE = (
    "Could not connect to {host}, or the connection broke. Check the address and your "
    "network, then try again."
)


# Read from the top. A proxy's and a TLS error are connection errors too.
_ERRORS: tuple[Row, ...] = (
    Row(
        # The address of CARTO itself was checked before.
        lambda e: (
            e.have(*_BAD_ADDRESS)
            or (e.has_bad_proxy and e.have("ProxyError", "ValueError"))
        ),
        Reason.PROXY,
        "{host} was not asked: the address of a proxy in {variable} cannot be used. It "
        "has to look like http://proxy.example.com:3128 or socks5h://me:password@host, "
        "without quotes and blanks; in a password %23 stands for #, %2F for / and %3F "
        "for ?.",
    ),
    Row(
        lambda e: "SOCKS support" in e.said,
        Reason.PROXY,
        "{host} was not asked: {variable} names a SOCKS proxy, which needs PySocks. "
        "Install it with pip install PySocks, and restart the kernel.",
    ),
    Row(
        lambda e: e.short_of or not e.is_of_the_network,
        None,
        "The request to {host} was ended by an error that nobody expected ({name}). "
        "Try again; if a session was given, try without it.",
    ),
    Row(
        lambda e: "appears to only use HTTP" in e.said,
        Reason.PROXY,
        "{host} was not asked: the proxy {proxy} does not speak https itself. Begin "
        "its address in {variable} with http:// in place of https://.",
    ),
    Row(
        # PySocks says so of CARTO's host with a ProxyError, and of the proxy's without.
        lambda e: e.have("gaierror") and e.have("ProxyError") != e.is_socks,
        Reason.PROXY,
        "{host} was not asked: the proxy {proxy} that {variable} names was not found. "
        "Check its spelling, and that you are connected to its network.",
    ),
    Row(
        lambda e: "connection failed: 407" in e.said or e.have("SOCKS5AuthError"),
        Reason.PROXY,
        "{host} was not asked: the proxy {proxy} wants a user name and a password. "
        "Check those in {variable}: http://user:password@proxy, percent-encoded.",
    ),
    Row(
        lambda e: (
            "Tunnel connection failed" in e.said or e.have("SOCKS4Error", "SOCKS5Error")
        ),
        Reason.PROXY,
        "The proxy {proxy} that {variable} names refused the connection to {host}. "
        "Ask your network's administrator.",
    ),
    Row(
        lambda e: e.have("ProxyError") and not e.have("gaierror"),
        Reason.PROXY,
        "{host} was not asked: the proxy {proxy} that {variable} names does not answer "
        "as one. Check its address, and that you are connected to its network.",
    ),
    Row(
        lambda e: isinstance(e.tls, ssl.SSLCertVerificationError),
        Reason.TLS,
        "The certificate of {host} is not accepted ({why}). If your organisation signs "
        "its own certificates, set REQUESTS_CA_BUNDLE to the file with its CA "
        "certificate.",
    ),
    Row(
        lambda e: e.tls_reason in _PLAIN_HTTP,
        Reason.TLS,
        "{host} does not speak https on that port. Check the port in the base URL.",
    ),
    Row(
        lambda e: e.have("SSLError"),
        Reason.TLS,
        "No secure connection to {host} could be made ({why}). Check the port in the "
        "base URL, or ask who runs that server.",
    ),
    Row(
        lambda e: e.have("gaierror"),
        Reason.UNREACHABLE,
        "No server called {host} was found. Check the user name or the base URL, and "
        "that you are connected to the network.",
    ),
    Row(lambda e: e.have(*_BROKEN_OFF), Reason.UNREACHABLE, _BROKE),
    Row(lambda e: e.have("Timeout", "TimeoutError"), Reason.TIMEOUT, _LATE),
    Row(
        # So requests says that a file of `cert` is missing.
        lambda e: "invalid path" in e.said,
        Reason.TLS,
        "{host} was not asked: the client certificate of the given session, or its "
        "key, cannot be read. Check session.cert.",
    ),
    Row(
        lambda e: e.have("HTTPException"),
        Reason.NOT_CARTO,
        "Something answers at {host}, but it does not speak HTTP. Check the port in "
        "the base URL.",
    ),
    Row(lambda _: True, Reason.UNREACHABLE, _BROKE),
)
