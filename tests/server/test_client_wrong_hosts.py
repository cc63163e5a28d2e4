"""Nothing that is not CARTO receives a key, whatever it is."""

from __future__ import annotations

import gzip
import json
import time
from base64 import b64encode

import pytest
from harness.asking import identity, validate
from harness.rawserver import RawServer, http

from carto_login_widget.errors import NotCartoError, Reason, UndecidedError
from carto_login_widget.sandbox.tls import server_context
from carto_login_widget.server import client
from carto_login_widget.server.check import me

KEY = "0123456789abcdef0123456789abcdef01234567"
JSON = "Content-Type: application/json"
HTML = "Content-Type: text/html"
PAGE = b"<!DOCTYPE html><title>CARTO</title><h1>Log in to CARTO</h1>"


def _json(value: object) -> bytes:
    return json.dumps(value).encode()


def _drips(talk):
    talk.hear()
    talk.drip(http(200, b"{}", *[f"X-{n}: x" for n in range(1000)]))


def _drips_a_body(talk):
    talk.hear()
    talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    talk.drip(b" " * 100_000)


def _hangs(talk):
    talk.hear()
    talk.server.ended.wait(30)


def _banner(text):
    def script(talk):
        talk.say(text)
        talk.hear()

    return script


def _closes(talk):
    talk.hear()


def _resets(talk):
    talk.hear()
    talk.reset()


def _answers_late(talk):
    talk.hear()
    time.sleep(0.3)
    talk.say(http(200, PAGE, HTML))


LISTING = {"total": 1, "result": [{"token": "x", "user": {"username": "jane"}}]}
NOT_CARTO, MOVED = Reason.NOT_CARTO, Reason.MOVED
WRONG_HOSTS = {
    "captive portal": (http(200, PAGE, HTML), NOT_CARTO),
    "slow captive portal": (_answers_late, NOT_CARTO),
    "empty page": (http(200), NOT_CARTO),
    "no content": (http(204), NOT_CARTO),
    "other JSON API": (http(200, _json({"status": "ok"}), JSON), NOT_CARTO),
    "JSON list": (http(200, b"[1, 2]", JSON), NOT_CARTO),
    "JSON with another config": (http(200, _json({"config": {"a": 1}})), NOT_CARTO),
    "JSON config that is a text": (http(200, _json({"config": "sql"})), NOT_CARTO),
    "listing of keys for everything": (http(200, _json(LISTING), JSON), NOT_CARTO),
    "JSONP": (http(200, b'x({"config":{"sql_api_template":"a"}})'), NOT_CARTO),
    "truncated JSON": (
        b'HTTP/1.0 200 OK\r\n\r\n{"config":{"sql_api_te',
        Reason.UNREACHABLE,
    ),
    "endless JSON": (http(200, b'{"config":"' + b"x" * 2_000_000 + b'"}'), NOT_CARTO),
    "deep JSON": (http(200, b"[" * 200_000, JSON), NOT_CARTO),
    "bad gzip": (http(200, b"\x1f\x8bnot", "Content-Encoding: gzip"), NOT_CARTO),
    "gzip bomb": (
        http(200, gzip.compress(b" " * 50_000_000), "Content-Encoding: gzip"),
        NOT_CARTO,
    ),
    "CARTO's 401 for everything": (http(401, b"", JSON), NOT_CARTO),
    "page not found": (http(404, PAGE, HTML), NOT_CARTO),
    "CARTO's empty 404 for everything": (http(404, b"", JSON), NOT_CARTO),
    "new CARTO platform": (http(404, _json({"error": "Not Found"}), JSON), NOT_CARTO),
    "FTP server": (_banner(b"220 ftp ready\r\n"), NOT_CARTO),
    "SSH server": (_banner(b"SSH-2.0-OpenSSH_9.2\r\n"), NOT_CARTO),
    "redirect to another host": (http(302, b"", "Location: https://x.example/"), MOVED),
    "redirect to a log-in page": (http(302, b"", "Location: /login"), MOVED),
    "redirect to itself": (http(307, b"", "Location: /api/v3/me"), MOVED),
    "redirect to nowhere": (http(303), MOVED),
    "redirect to nonsense": (http(301, b"", "Location: http://[::bad"), MOVED),
    "asks for a password": (
        http(401, PAGE, 'WWW-Authenticate: Basic realm="x"'),
        Reason.PROXY,
    ),
    "proxy": (http(407, PAGE, HTML), Reason.PROXY),
    "firewall": (http(403, PAGE, HTML), Reason.BLOCKED),
    "TLS server's complaint": (http(400, PAGE, HTML), Reason.TLS),
    "broken gateway": (http(502, PAGE, HTML), Reason.SERVER_ERROR),
    "busy gateway": (http(503, PAGE, "Retry-After: 0"), Reason.SERVER_ERROR),
    "rate limit": (http(429, b"", "Retry-After: 0"), Reason.RATE_LIMITED),
    "server that closes": (_closes, Reason.UNREACHABLE),
    "server that resets": (_resets, Reason.UNREACHABLE),
    "server that hangs": (_hangs, Reason.TIMEOUT),
    "server that drips headers": (_drips, Reason.TIMEOUT),
    "server that drips a body": (_drips_a_body, Reason.TIMEOUT),
}


BANNERS = {"FTP server", "SSH server"}


def _assert_no_key(heard: bytes) -> None:
    assert b"authorization" not in heard.lower()
    assert b"api_key" not in heard
    for form in (KEY, b64encode(f"jane:{KEY}".encode()).decode()):
        pieces = {form[at : at + 6] for at in range(len(form) - 5)}
        assert not [piece for piece in pieces if piece.encode() in heard]


@pytest.mark.parametrize("kind", WRONG_HOSTS)
def test_a_host_that_is_not_carto_gets_no_key(kind):
    """It is asked without a key, and that was all."""
    script, reason = WRONG_HOSTS[kind]
    with RawServer(script) as server:
        who = identity("jane", KEY, f"{server.url}/user/jane")
        with pytest.raises((NotCartoError, UndecidedError)) as caught:
            validate(who, timeout=0.6 if reason is Reason.TIMEOUT else 5)
        assert caught.value.reason is reason
        assert f"127.0.0.1:{server.port}" in str(caught.value)
        # A banner comes unasked: the client may hang up before its question is read.
        assert server.requests in ({0, 1} if kind in BANNERS else {1, 2})
        _assert_no_key(server.heard)


@pytest.mark.parametrize("key", ["header", "query"])
def test_no_way_of_sending_the_key_skips_the_question(key):
    """Nor does a request that is not a validation."""
    with RawServer(http(200, PAGE, HTML)) as server:
        who = identity("jane", KEY, f"{server.url}/user/jane")
        with client.Client(who) as asking, pytest.raises(NotCartoError) as caught:
            asking.get("api/v4/do/token", key=key)
        assert caught.value.reason is Reason.NOT_CARTO
        _assert_no_key(server.heard)
        assert me(who) == {}
        _assert_no_key(server.heard)


def test_tls_on_a_port_that_does_not_speak_it():
    """https to an http server is told apart from a bad certificate."""
    with RawServer(http(400, PAGE, HTML)) as server:
        url = server.url.replace("http:", "https:")
        with pytest.raises(UndecidedError, match="does not speak https") as caught:
            validate(identity("jane", KEY, url), timeout=5)
        assert caught.value.reason is Reason.TLS
        _assert_no_key(server.heard)


@pytest.mark.parametrize("kind", ["self-signed", "expired", "wrong-host", "valid"])
def test_a_certificate_that_is_not_trusted(kind, tmp_path):
    """Without the authority none is trusted, and nothing is said over it."""
    tls, _ = server_context(kind, ".example.com", tmp_path)
    with RawServer(http(200, PAGE), tls) as server:
        with pytest.raises(UndecidedError, match="certificate") as caught:
            validate(identity("jane", KEY, server.url), timeout=5)
        assert caught.value.reason is Reason.TLS
        assert server.heard == b""


@pytest.mark.parametrize(
    ("kind", "why"), [("expired", "expired"), ("wrong-host", "127.0.0.1")]
)
def test_a_wrong_certificate_of_a_known_authority(kind, why, tmp_path, monkeypatch):
    """The message says what is wrong with it."""
    tls, authority = server_context(kind, ".example.com", tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    with RawServer(http(200, PAGE), tls) as server:
        with pytest.raises(UndecidedError, match=why):
            validate(identity("jane", KEY, server.url), timeout=5)
        assert server.heard == b""


def test_http_to_a_port_that_speaks_tls(tmp_path):
    """The TLS server sees one plain request, without the key."""
    tls, _ = server_context("valid", ".example.com", tmp_path)
    with RawServer(http(200, PAGE), tls) as server:
        url = server.url.replace("https:", "http:")
        with pytest.raises((NotCartoError, UndecidedError)):
            validate(identity("jane", KEY, url), timeout=5)
        _assert_no_key(server.heard)
