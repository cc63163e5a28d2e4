"""Why no answer came: what the exceptions of a request mean."""

from __future__ import annotations

import errno
import os
import re
import ssl
from typing import TYPE_CHECKING, Any

from ..errors import CartoLoginError, Reason
from .answers import Row, Seen, first

if TYPE_CHECKING:
    from ..address import Address


def sort_error(
    error: Exception, address: Address, waited: float = 0, proxy: str = ""
) -> CartoLoginError:
    """Tell from an exception, after so many seconds, what went wrong."""
    if isinstance(error, CartoLoginError):
        return error.with_traceback(None)  # whose frames hold the key
    found: CartoLoginError = first(_ERRORS, _Failure(error, address, waited, proxy))
    return found


class _Failure(Seen):
    """An exception and all that it was made of, with the proxy that was used."""

    # The modules that raise them are loaded elsewhere, so exceptions are known by their
    # names, which requests and urllib3 share.

    def __init__(
        self, error: BaseException, address: Address, waited: float, proxy: str
    ) -> None:
        self.address = address
        self.seconds = f"{round(waited, 2 if waited < 1 else 1):g}"
        own = _names(error)
        known = _OF_REQUESTS if "RequestException" in own else _OF_OTHERS
        self.is_of_the_network = not own.isdisjoint(known)
        causes: list[BaseException] = []
        waiting: list[Any] = [error]
        while waiting:
            cause = waiting.pop()
            if isinstance(cause, BaseException) and cause not in causes:
                causes.append(cause)
                waiting += [*cause.args, cause.__context__, cause.__cause__]
                waiting.append(getattr(cause, "reason", None))
        self.names = set().union(*map(_names, causes))
        texts = (t for cause in causes for t in cause.args if isinstance(t, str))
        self.said = "\n".join(texts)
        tls = next((c for c in causes if isinstance(c, ssl.SSLError)), None)
        self.tls_reason = getattr(tls, "reason", None)
        why = getattr(tls, "verify_message", "") or self.tls_reason
        self.why = why or "it broke off"
        # Where this machine has no files or memory left, which error says so.
        numbered = (c for c in causes if getattr(c, "errno", None) in _NOTHING_LEFT)
        self.short_of = next(numbered, None)
        self.name = type(self.short_of or error).__qualname__
        self.by_socks = proxy.lower().startswith("socks")
        self.has_bad_proxy = proxy and not _GOOD_PROXY.fullmatch(proxy)
        self.proxy = re.sub(r".*(//|@)", "", proxy) or "of your network"
        self.variable = _variable_of(proxy)

    def have(self, *names: str) -> bool:
        return not self.names.isdisjoint(names)


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


def _variable_of(proxy: str) -> str:
    """The variable of the environment that names a proxy."""
    for wanted in ("https_proxy", "http_proxy", "all_proxy"):
        for name, value in os.environ.items():
            if name.lower() == wanted and value == proxy:
                return name
    return "the given session's or the system's proxy settings"


_OF_REQUESTS = ("ConnectionError", "Timeout", "ChunkedEncodingError")
_OF_OTHERS = ("OSError", "HTTPException", "HTTPError")
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
_BROKE = (
    "Could not connect to {host}, or the connection broke. Check the address and your "
    "network, then try again."
)


# Read from the top. A proxy's and a TLS error are connection errors too.
_ERRORS = {
    "15 (address)": Row(
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
    "15 (PySocks)": Row(
        lambda e: "SOCKS support" in e.said,
        Reason.PROXY,
        "{host} was not asked: {variable} names a SOCKS proxy, which needs PySocks. "
        "Install it with pip install PySocks, and restart the kernel.",
    ),
    "no trouble of the network": Row(
        lambda e: e.short_of or not e.is_of_the_network,
        None,
        "The request to {host} was ended by an error that nobody expected ({name}). "
        "Try again; if a session was given, try without it.",
    ),
    "15 (https)": Row(
        lambda e: "appears to only use HTTP" in e.said,
        Reason.PROXY,
        "{host} was not asked: the proxy {proxy} does not speak https itself. Begin "
        "its address in {variable} with http:// in place of https://.",
    ),
    "15 (not found)": Row(
        # PySocks says so of CARTO's host with a ProxyError, and of the proxy's without.
        lambda e: e.have("gaierror") and e.have("ProxyError") != e.by_socks,
        Reason.PROXY,
        "{host} was not asked: the proxy {proxy} that {variable} names was not found. "
        "Check its spelling, and that you are connected to its network.",
    ),
    "15 (password)": Row(
        lambda e: "connection failed: 407" in e.said or e.have("SOCKS5AuthError"),
        Reason.PROXY,
        "{host} was not asked: the proxy {proxy} wants a user name and a password. "
        "Check those in {variable}: http://user:password@proxy, percent-encoded.",
    ),
    "15 (refused)": Row(
        lambda e: (
            "Tunnel connection failed" in e.said or e.have("SOCKS4Error", "SOCKS5Error")
        ),
        Reason.PROXY,
        "The proxy {proxy} that {variable} names refused the connection to {host}. "
        "Ask your network's administrator.",
    ),
    "15": Row(
        lambda e: e.have("ProxyError") and not e.have("gaierror"),
        Reason.PROXY,
        "{host} was not asked: the proxy {proxy} that {variable} names does not answer "
        "as one. Check its address, and that you are connected to its network.",
    ),
    "21 (certificate)": Row(
        lambda e: e.have("SSLCertVerificationError"),
        Reason.TLS,
        "The certificate of {host} is not accepted ({why}). If your organisation signs "
        "its own certificates, set REQUESTS_CA_BUNDLE to the file with its CA "
        "certificate.",
    ),
    "22": Row(
        lambda e: e.tls_reason in _PLAIN_HTTP,
        Reason.TLS,
        "{host} does not speak https on that port. Check the port in the address.",
    ),
    "21": Row(
        lambda e: e.have("SSLError"),
        Reason.TLS,
        "No secure connection to {host} could be made ({why}). Check the port in the "
        "address, or ask who runs that server.",
    ),
    "18": Row(
        lambda e: e.have("gaierror"),
        Reason.UNREACHABLE,
        "No server called {host} was found. Check the user name or the address, and "
        "that you are connected to the network.",
    ),
    "19 (broken off)": Row(lambda e: e.have(*_BROKEN_OFF), Reason.UNREACHABLE, _BROKE),
    "20": Row(
        lambda e: e.have("Timeout", "TimeoutError"),
        Reason.TIMEOUT,
        "No answer from {host} within {seconds} s. Check the address and your network, "
        "or try again later.",
    ),
    "21 (client certificate)": Row(
        # So requests says that a file of `cert` is missing.
        lambda e: "invalid path" in e.said,
        Reason.TLS,
        "{host} was not asked: the client certificate of the given session, or its "
        "key, cannot be read. Check session.cert.",
    ),
    "23": Row(
        lambda e: e.have("HTTPException"),
        Reason.NOT_CARTO,
        "Something answers at {host}, but it does not speak HTTP. Check the port in "
        "the address.",
    ),
    "19": Row(lambda _: True, Reason.UNREACHABLE, _BROKE),
}
