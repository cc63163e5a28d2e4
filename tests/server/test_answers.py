from __future__ import annotations

import json
import socket
import ssl
import time
from email.utils import formatdate
from http.client import BadStatusLine, RemoteDisconnected
from urllib.parse import quote

import pytest
import requests.exceptions as raised
from urllib3.exceptions import MaxRetryError, NewConnectionError, ProtocolError

from carto_login_widget.address import resolve
from carto_login_widget.errors import (
    NotCartoError,
    Reason,
    RejectedError,
    UndecidedError,
)
from carto_login_widget.server import answers
from carto_login_widget.server.answers import NO_CARTO, Row, Seen, first
from carto_login_widget.server.failures import sort_error

KEY = "0123456789abcdef%9abcdef0123"


def _answer(status=200, body=b"", address=None, **headers):
    return answers.read_answer(
        resolve("jane", None) if address is None else address,
        status,
        [(name.replace("_", "-"), value) for name, value in headers.items()],
        body,
        answers.key_mask("jane", KEY),
    )


def test_the_key_is_masked_in_every_form():
    """Alone it can still be told from another one."""
    said = {KEY: [f"a {KEY} b", quote(KEY, safe=""), KEY], "other": "0123456789"}
    answer = _answer(body=json.dumps(said).encode(), X_Key=f"={KEY}")
    assert answer.data == {"***": ["a *** b", "***", "***"], "other": "0123456789"}
    assert answer.data["***"][2] is answers.SAME_KEY
    assert answer.data["***"][1] is not answers.SAME_KEY
    assert answer.headers["x-key"] == "=***"
    assert KEY not in repr(answer)


def test_a_short_or_public_key_is_not_cut_out_of_words():
    """`default_public` is no secret, and a short key would garble the rest."""
    for key, text in (("a", "jane"), ("default_public", "x default_public")):
        mask = answers.key_mask("jane", key)
        assert mask(text) == text
        assert mask(key) is answers.SAME_KEY


def test_cookies_are_dropped():
    """Nobody looks at them."""
    assert _answer(Set_Cookie="a=b", X="y").headers == {"x": "y"}


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{", b"[" * 100_000, b"\xff\xfe", b"1" * 5000]
)
def test_what_is_not_json_is_none(body):
    """Broken, too deep, or too long a number."""
    assert _answer(body=body).data is None
    assert _answer(body=body).object == {}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"error": "lockout"}, "lockout"),
        ({"errors": "No."}, "No."),
        ({"error": ["a", "b", 3]}, "a b"),
        ({"errors": {"callback": "x"}}, ""),
        ({"error": " a\r\n\tb\x1b[31m\u202e"}, "a b [31m"),
        ({"error": "x" * 999}, "x" * 300),
        (["error"], ""),
    ],
)
def test_what_carto_says(body, said):
    """In each of its four shapes, made fit to be shown in one line."""
    assert _answer(403, json.dumps(body).encode()).error_text == said


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 0 ", 0.0),
        ("Thu, 01 Jan 1970 00:01:00 GMT", 30.0),
        ("Thu, 01 Jan 1970 01:01:00 +0100", 30.0),
        ("Thu, 01 Jan 1970 00:00:00 GMT", 0.0),
        ("Thu Jan  1 00:01:00 1970", 30.0),
        ("-1", None),
        ("1.5", None),
        ("inf", None),
        ("soon", None),
        ("", None),
        ("9" * 50, None),
        ("Thu, 99 Jan 1970 00:01:00 GMT", None),
    ],
)
def test_retry_after(value, seconds, monkeypatch):
    """A number of seconds or a date; anything else is nothing."""
    monkeypatch.setattr(answers.time, "time", lambda: 30.0)
    assert _answer(429, Retry_After=value).retry_after == seconds


def test_retry_after_counts_from_now():
    """The date is one of the real clock."""
    date = formatdate(time.time() + 60, usegmt=True)
    assert 50 < _answer(429, Retry_After=date).retry_after <= 61


@pytest.mark.parametrize(
    ("location", "suggestion", "says"),
    [
        ("https://jane.carto.com/login", None, "a page of its own"),
        ("/login?next=x", None, "a page of its own"),
        ("//other.example/u/jane", "https://other.example/user/jane", "other.example"),
        (
            "https://other.example:8/x?key=1",
            "https://other.example:8/x/user/jane",
            "example:8",
        ),
        ("http://other.example/", None, "other.example"),
        ("https://jane.carto.com:8443/", "https://jane.carto.com:8443", ":8443"),
        ("https://u:p@other.example/", None, "other.example"),
        ("https://app.carto.com/", None, "app.carto.com"),
        ("javascript:alert(1)", None, "another address"),
        ("http://[", None, "another address"),
        ("", None, "a page of its own"),
    ],
)
def test_where_a_redirect_leads(location, suggestion, says):
    """A suggestion only where a key could go, and its host is named."""
    failure = first(NO_CARTO, _answer(302, Location=location))
    assert failure.reason is Reason.MOVED
    assert failure.suggestion == suggestion
    assert says in failure.message


@pytest.mark.parametrize(
    "there",
    [
        "https://maps.example/c/api/v3/me",
        "https://maps.example/sso/start",
        "HTTPS://maps.example/",
    ],
)
@pytest.mark.parametrize("port", ["", ":8080"])
def test_a_redirect_to_https(port, there):
    """The same host, with whatever port and page: the path stays."""
    base = f"http://maps.example{port}/c"
    here = resolve("jane", base, allow_non_secure=True)
    failure = first(NO_CARTO, _answer(301, address=here, Location=there))
    assert failure.suggestion == "https://maps.example/c/user/jane"
    assert failure.suggestion in failure.message


def test_a_log_in_page_of_ones_own_is_no_better_address():
    """Whatever its path, nobody would be at home there."""
    here = resolve("jane", "https://maps.example/c")
    for there in ("/login", "https://maps.example/auth/realms"):
        failure = first(NO_CARTO, _answer(302, address=here, Location=there))
        assert failure.suggestion is None
        assert "a page of its own" in failure.message


def _said(reason, message, **more):
    seen = Seen()
    vars(seen).update(more)
    return first({"1": Row(lambda _: True, reason, message)}, seen)


def test_a_reason_has_its_error():
    """By their reason, with all that they hold."""
    error = _said(Reason.MOVED, "It moved.", better="https://x")
    assert type(error) is NotCartoError
    assert (str(error), error.reason, error.suggestion) == (
        "It moved.",
        Reason.MOVED,
        "https://x",
    )
    late = _said(Reason.RATE_LIMITED, "Busy.", retry_after=3.0)
    assert type(late) is UndecidedError
    assert (late.reason, late.retry_after) == (Reason.RATE_LIMITED, 3.0)
    nobody_knows = _said(None, "A bug.")
    assert (type(nobody_knows), nobody_knows.reason) == (UndecidedError, None)
    locked = _said(Reason.LOCKED, "Locked.")
    assert (type(locked), locked.reason) == (RejectedError, Reason.LOCKED)


def test_control_characters_go_from_every_text():
    """Names, values and headers; nothing is cut, and the key is still found."""
    said = {"a\x1b[1mb": ["\x00\u202e", "\ud800", "x" * 999], KEY: f"\x07{KEY}\n"}
    answer = _answer(body=json.dumps(said).encode(), X_Note="a\x1b]0;b\x07")
    assert answer.data == {"a [1mb": ["  ", " ", "x" * 999], "***": " *** "}
    assert answer.headers["x-note"] == "a ]0;b "


HERE = resolve("jane", "https://maps.example")
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
        (ConnectionResetError("x"), Reason.UNREACHABLE),
        (OSError(101, "Network is unreachable"), Reason.UNREACHABLE),
        (RuntimeError("x"), None),
        (raised.InvalidHeader("x"), None),
    ],
    ids=lambda value: getattr(value, "value", type(value).__name__),
)  # fmt: skip
def test_the_right_one_of_overlapping_classes(error, reason):
    """A proxy's and a TLS error are told apart from other connection errors."""
    failure = sort_error(error, HERE, 20)
    assert failure.reason is reason
    assert "maps.example" in failure.message


def test_an_exception_that_was_made_of_itself():
    """A circle of causes has an end."""
    error, other = raised.ConnectionError("x"), OSError("y")
    error.__context__, other.__context__ = other, error
    error.args = (error,)
    assert sort_error(error, HERE, 20).reason is Reason.UNREACHABLE


def test_no_exception_is_kept():
    """What is handed on holds texts only."""
    error = raised.ConnectTimeout("secret", request=object())
    failure = sort_error(error, HERE, 7.5)
    assert "secret" not in repr((failure, vars(failure)))
    assert "7.5 s" in failure.message


def test_what_nobody_expected_is_not_an_unreachable_server():
    """A fault of a program is named by its class, whatever came before it."""
    try:
        try:
            raise TimeoutError
        except OSError:
            {}["secret"]
    except KeyError as error:
        failure = sort_error(error, HERE, 1)
    assert failure.reason is None
    assert "KeyError" in failure.message
    assert "secret" not in failure.message
