from __future__ import annotations

import socket
import ssl
from http.client import BadStatusLine, RemoteDisconnected

import pytest
import requests.exceptions as raised
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError

from carto_login_widget.errors import Reason
from carto_login_widget.server.failures import sort_error

GAI = socket.gaierror(-2, "Name or service not known")
REFUSED = NewConnectionError(None, "refused")
UNTRUSTED = ssl.SSLCertVerificationError(1, "certificate verify failed")


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        # The first three are ConnectionErrors too, and an SSLError is an OSError.
        (raised.ProxyError(raised.SSLError("x")), Reason.PROXY),
        (raised.SSLError(UNTRUSTED), Reason.TLS),
        (raised.ConnectTimeout("x"), Reason.TIMEOUT),
        (raised.ReadTimeout("x"), Reason.TIMEOUT),
        (raised.ConnectionError(TimeoutError(110, "x")), Reason.TIMEOUT),
        (raised.ConnectionError(MaxRetryError(None, "/", REFUSED)), Reason.UNREACHABLE),
        (raised.ConnectionError(ConnectionResetError()), Reason.UNREACHABLE),
        (raised.ConnectionError(GAI), Reason.UNREACHABLE),
        (raised.ConnectionError(ProtocolError("x", BadStatusLine("SSH"))),
         Reason.NOT_CARTO),
        (raised.ConnectionError(ProtocolError("x", RemoteDisconnected("x"))),
         Reason.UNREACHABLE),
        (raised.InvalidProxyURL("x"), Reason.PROXY),
        (raised.ChunkedEncodingError("x"), Reason.UNREACHABLE),
        (ssl.SSLEOFError(8, "x"), Reason.TLS),
        (RuntimeError("x"), Reason.UNREACHABLE),
    ],
    ids=lambda value: getattr(value, "value", type(value).__name__),
)  # fmt: skip
def test_the_right_one_of_overlapping_classes(error, reason):
    """A proxy's and a TLS error are told apart from other connection errors."""
    failure = sort_error(error, "maps.example", 20)
    assert failure.reason is reason
    assert "maps.example" in failure.detail


def test_an_exception_that_was_made_of_itself():
    """A circle of causes has an end."""
    error, other = raised.ConnectionError("x"), OSError("y")
    error.__context__, other.__context__ = other, error
    error.args = (error,)
    assert sort_error(error, "maps.example", 20).reason is Reason.UNREACHABLE


def test_no_exception_is_kept():
    """What is handed on holds texts only."""
    error = raised.ConnectTimeout("secret", request=object())
    failure = sort_error(error, "maps.example", 7.5)
    assert "secret" not in repr(failure)
    assert "7.5 s" in failure.detail
