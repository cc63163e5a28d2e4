from __future__ import annotations

import gc
import json
import socket
import subprocess
import sys
import threading
import time
import weakref
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
import requests
import urllib3
from harness.asking import identity
from harness.rawserver import RawServer
from harness.rawserver import http as http_answer

from carto_login_widget.errors import CartoLoginError, Reason, UndecidedError
from carto_login_widget.sandbox import Fault
from carto_login_widget.server import client
from carto_login_widget.settings import CartoLogin

KEY = "0123456789abcdef0123456789abcdef01234567"
FINGERPRINT = {"config": {"sql_api_template": "http://127.0.0.1/user/{user}"}}
CARTO = http_answer(200, json.dumps(FINGERPRINT).encode())


def _identity(server, **more):
    return identity("jane", KEY, f"{server.url}/user/jane", proved=server.url, **more)


def _jane(carto, **more):
    key = carto.accounts["jane"].master.token
    return identity("jane", key, carto.base_url("jane"), **more)


def _ask(who, path="api/v4/me", *, key="header", timeout=5.0):
    """Return the answer, or the error that was raised instead."""
    try:
        with client.Client(who, timeout) as asking:
            return asking.get(path, key=key)
    except CartoLoginError as error:
        return error


def test_an_unproved_origin_is_asked_once_in_a_process(carto):
    """What has answered as CARTO is remembered until it is forgotten."""
    who = _jane(carto)
    for _ in range(2):
        assert _ask(who).status == 200
    assert [r.key_in for r in carto.requests] == [None, "header", "header"]
    client.proved.clear()
    assert _ask(who).status == 200
    assert carto.requests[-2].path == "/api/v3/me"
    assert who.proved is None


def test_a_client_tells_what_has_proved_to_be_carto(carto):
    """Nothing is known of an address that was not asked."""
    with client.Client(_jane(carto)) as asking:
        assert not asking.is_proved
        asking.prove()
        assert asking.is_proved
    assert client.Client(identity("jane", KEY)).is_proved


def test_an_origin_that_a_file_remembers_is_not_asked(carto):
    """`proved` counts for that origin only."""
    assert _ask(_jane(carto, proved=carto.url)).status == 200
    assert carto.count == 1
    elsewhere = carto.url.replace("127.0.0.1", "localhost")
    assert _ask(_jane(carto, proved=elsewhere)).status == 200
    assert [r.key_in for r in carto.requests[1:]] == [None, "header"]


def test_carto_cloud_needs_no_question(carto):
    """The first request to https://jane.carto.com carries the key."""
    key = carto.accounts["jane"].master.token
    assert _ask(identity("jane", key, session=carto.session())).status == 200
    assert [(r.host, r.key_in) for r in carto.requests] == [
        ("jane.carto.com", "header")
    ]


@pytest.mark.parametrize("place", ["header", "query", None])
def test_the_key_is_sent_where_it_is_asked_to_be(carto, place):
    """In the header or in the query, and nowhere else."""
    key = carto.accounts["jane"].master.token
    answer = _ask(_jane(carto, proved=carto.url), "/api/v2/sql", key=place)
    assert answer.status == 400
    (record,) = carto.requests
    assert record.key_in == place
    assert record.holds(key) == (place is not None)
    assert record.path == "/user/jane/api/v2/sql"
    assert record.headers["user-agent"].startswith("carto_login_widget/")


def test_an_answer_shows_no_key(carto):
    """What CARTO repeats is masked."""
    answer = _ask(_jane(carto), "api/v3/api_keys/Master")
    assert answer.data["token"] == "***"
    assert carto.accounts["jane"].master.token not in repr(answer)


def test_no_cookie_goes_back():
    """Neither those of the server nor those of a lent session."""
    session = requests.Session()
    session.cookies.set("_cartodb_session", "jane")
    session.headers["X-Mine"] = "1"
    session.auth = ("somebody", "else")
    answer = http_answer(200, b"{}", "Set-Cookie: _cartodb_session=jane; path=/")
    with RawServer(answer) as server:
        who = _identity(server, session=session)
        with client.Client(who) as asking:
            assert "set-cookie" not in asking.get("a").headers
            asking.get("b")
        assert server.requests == 2
        assert b"cookie" not in server.heard.lower()
        assert b"X-Mine" not in server.heard
        assert b"Authorization" not in server.heard
    assert session.cookies.get_dict() == {"_cartodb_session": "jane"}


def test_netrc_is_not_read(home):
    """A password that ~/.netrc has for the host is not sent."""
    (home / ".netrc").write_text("machine 127.0.0.1 login somebody password else\n")
    with RawServer(http_answer(200, b"{}")) as server:
        plain = requests.get(server.url, timeout=5)
        assert plain.request.headers["Authorization"]
        before = server.heard.count(b"Authorization")
        _ask(_identity(server), key=None)
        assert server.heard.count(b"Authorization") == before == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(status):
    """The other server hears nothing, not even a connection."""
    with RawServer(http_answer(200)) as other:
        answer = http_answer(status, b"", f"Location: {other.url}/api")
        with RawServer(answer) as server:
            assert _ask(_identity(server)).status == status
            assert server.requests == 1
        assert other.heard == b""


def test_a_big_body_is_cut():
    """No more than the limit is kept, and it is not taken for JSON."""
    body = b'["' + b"x" * (client.MAX_BODY + 1) + b'"]'
    with RawServer(http_answer(200, body)) as server:
        answer = _ask(_identity(server))
    assert answer.data is None
    assert not answer.empty
    with RawServer(http_answer(200, b'["' + b"x" * 900_000 + b'"]')) as server:
        assert len(_ask(_identity(server)).data[0]) == 900_000


def _drips(talk):
    talk.hear()
    talk.drip(http_answer(200, b"{}", *[f"X-{n}: x" for n in range(9999)]))


def _drips_a_body(talk):
    talk.hear()
    talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    talk.drip(b" " * 100_000)


def _hangs(talk):
    talk.hear()
    talk.server.ended.wait(60)


def _hears_nothing(talk):
    talk.server.ended.wait(60)


@pytest.mark.parametrize("script", [_drips, _drips_a_body, _hangs])
@pytest.mark.parametrize("tls", [False, True])
def test_no_server_holds_the_caller_beyond_the_deadline(
    script, tls, tmp_path, monkeypatch
):
    """The caller goes on, and the thread that was asking ends soon after."""
    context = _trusted_context(tmp_path, monkeypatch) if tls else None
    with RawServer(script, context) as server:
        failure = _ask(_identity(server), timeout=0.7)
        assert failure.reason is Reason.TIMEOUT
        assert "0.7 s" in failure.message
        assert not _requests_left_after(3)


def test_a_tls_handshake_that_never_ends(tmp_path):
    """The deadline holds before the first request, too."""
    with RawServer(_hears_nothing) as server:
        who = identity("jane", KEY, server.url.replace("http:", "https:"))
        failure = _ask(who, timeout=0.5)
        assert failure.reason is Reason.TIMEOUT
        assert not _requests_left_after(3)


def _trusted_context(tmp_path, monkeypatch):
    from carto_login_widget.sandbox.tls import server_context

    context, authority = server_context("valid", ".example.com", tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    return context


def _requests_left_after(seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        left = [t for t in threading.enumerate() if t.name == "carto-login-request"]
        if not left:
            return []
        time.sleep(0.01)
    return left


def test_what_is_asked_after_the_deadline_is_not_sent():
    """A client that is late asks nothing more."""
    with RawServer(http_answer(200)) as server:
        assert _ask(_identity(server), timeout=0).reason is Reason.TIMEOUT
        assert server.heard == b""


@pytest.mark.parametrize("kind", ["number", "date"])
def test_one_retry_where_the_server_says_when(carto, kind):
    """`Retry-After` is understood as a number of seconds and as a date."""
    when = 1 if kind == "number" else datetime.now(UTC) + timedelta(seconds=2)
    carto.fail(Fault.rate_limited(when), "/api/v4/me", times=1)
    base = carto.base_url("jane")
    who = identity("jane", KEY, base, proved=carto.url)
    assert _ask(who).status == 401
    assert [r.status for r in carto.requests] == [429, 401]


@pytest.mark.parametrize("wait", [None, 11, "soon", "-1", "", "9" * 400])
def test_no_retry_where_the_wait_is_long_or_unknown(carto, wait):
    """Then the answer itself is the result."""
    carto.fail(Fault.rate_limited(wait), "/api/v4/me")
    base = carto.base_url("jane")
    who = identity("jane", KEY, base, proved=carto.url)
    assert _ask(who).status == 429
    assert carto.count == 1


def test_no_retry_beyond_the_deadline(carto):
    """A wait that does not fit is not begun."""
    carto.fail(Fault.rate_limited(9), "/api/v4/me")
    base = carto.base_url("jane")
    who = identity("jane", KEY, base, proved=carto.url)
    assert _ask(who, timeout=5).retry_after == 9
    assert carto.count == 1


def test_no_second_retry(carto):
    """Two requests of one client that fail are three requests in all."""
    carto.fail(Fault.rate_limited(0))
    base = carto.base_url("jane")
    who = identity("jane", KEY, base, proved=carto.url)
    with client.Client(who) as asking:
        asking.get("api/v4/me", key="header")
        asking.get("api/v4/me", key="header")
    assert carto.count == 3


def test_a_body_that_stops_coming(monkeypatch):
    """The time to wait for the next byte is shorter than the whole deadline."""

    def stops(talk):
        talk.hear()
        talk.say(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{")
        talk.server.ended.wait(30)

    monkeypatch.setattr(CartoLogin.instance(), "read_timeout", 0.4)
    with RawServer(stops) as server:
        failure = _ask(_identity(server), timeout=20)
    assert failure.reason is Reason.TIMEOUT
    assert "20 s" not in failure.message


def test_no_thread_to_be_had(carto, monkeypatch):
    """Where the system gives no thread, that is said, by the class of the error."""

    def start(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    failure = _ask(_jane(carto))
    assert failure.reason is None
    assert "RuntimeError" in failure.message


def test_cutting_ends_what_is_connected_and_what_comes():
    """Later connections are ended at once."""
    asking = client.Client(identity("jane", KEY))
    ours, theirs = socket.socketpair()
    late, peer = socket.socketpair()
    with ours, theirs, late, peer:
        asking._watch(ours)
        ours.sendall(b"x")
        assert theirs.recv(9) == b"x"
        asking._end()
        assert theirs.recv(9) == b""
        with pytest.raises(OSError, match=r"."):
            ours.sendall(b"y")
        asking._watch(late)
        assert peer.recv(9) == b""
        asking._end()


def test_a_pool_is_watched_once():
    """However often a connection of it is asked for."""
    adapter = client._Adapter("http://127.0.0.1", verify=True, watch=None)
    request = requests.Request("GET", "http://127.0.0.1").prepare()
    pool = adapter.get_connection_with_tls_context(request, verify=True)
    adapter.cert_verify(pool, request.url, verify=True, cert=None)
    kind = pool.ConnectionCls
    adapter.cert_verify(pool, request.url, verify=True, cert=None)
    assert pool.ConnectionCls is kind
    assert kind is not urllib3.HTTPConnectionPool.ConnectionCls
    other = client._Adapter("http://127.0.0.1", verify=True)
    twin = other.get_connection_with_tls_context(request, verify=True)
    other.cert_verify(twin, request.url, verify=True, cert=None)
    assert twin.ConnectionCls is kind


def test_no_moment_goes_by_without_checking_certificates():
    """Another thread may connect while the same pool is made ready once more."""
    seen = []

    class Pool(SimpleNamespace):
        ConnectionCls = urllib3.HTTPSConnectionPool.ConnectionCls

        def __setattr__(self, name, value):
            seen.append((name, value))
            super().__setattr__(name, value)

    pool = Pool(conn_kw={})
    adapter = client._Adapter("https://carto.example.com", verify=True)
    adapter.cert_verify(pool, "https://carto.example.com", verify=True, cert=None)
    assert pool.cert_reqs == "CERT_REQUIRED"
    assert ("cert_reqs", "CERT_NONE") not in seen


def test_nothing_keeps_the_key_after_the_answer(carto):
    """Not even until the next collection."""
    key = carto.accounts["jane"].master.token
    with client.Client(identity("jane", key, carto.base_url("jane"))) as asking:
        asking.get("api/v3/me", key="header")
    gone = weakref.ref(asking)
    gc.disable()
    try:
        del asking
        assert gone() is None
    finally:
        gc.enable()


def test_authorities_that_are_missing(tmp_path):
    """Said before anything is connected."""
    with pytest.raises(UndecidedError, match=r"ca\.pem"):
        client.tls_context(str(tmp_path / "ca.pem"))


def test_plain_http_loads_no_trust_store(carto):
    """It is built only for https."""
    program = (
        "import sys\n"
        "from carto_login_widget.identity import Identity\n"
        "from carto_login_widget.server.check import check\n"
        "key, base = sys.argv[1:]\n"
        "print(check(Identity.of('jane', key, base)).key_type)\n"
        "print('truststore' in sys.modules)\n"
    )
    command = [sys.executable, "-c", program, carto.accounts["jane"].master.token]
    done = subprocess.run(
        [*command, carto.base_url("jane")], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["master", "False"]
