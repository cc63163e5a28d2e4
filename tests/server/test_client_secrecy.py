"""No way out for the key but the wire."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import threading
import traceback
from base64 import b64encode
from contextvars import ContextVar
from http.client import HTTPConnection
from urllib.parse import quote

import pytest
from harness.asking import identity, validate
from harness.rawserver import RawServer, http

from carto_login_widget.errors import CartoLoginError
from carto_login_widget.sandbox import Fault
from carto_login_widget.secret import Secret
from carto_login_widget.server import client

KEY = "0123456789abcdef%$9abcdef01234567canary"
FORMS = [KEY, quote(KEY, safe="")]
FORMS += [b64encode(t.encode()).decode() for t in (KEY, f"jane:{KEY}")]


def _known(server):
    base = f"{server.url}/user/jane"
    return identity("jane", KEY, base, proved=server.url)


def _assert_clean(text):
    assert not [form for form in FORMS if form in text]


def _everything_in(value, seen=None):
    """All texts that can be reached from a value, except through a `Secret`."""
    seen = {} if seen is None else seen
    if id(value) in seen or isinstance(value, Secret):
        return
    seen[id(value)] = value
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes | bytearray):
        yield bytes(value).decode("latin-1")
    elif isinstance(value, dict):
        for pair in list(value.items()):
            yield from _everything_in(pair, seen)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in list(value):
            yield from _everything_in(item, seen)
    elif type(value).__module__.startswith(("carto_login_widget", "requests")):
        names = [s for c in type(value).__mro__ for s in getattr(c, "__slots__", ())]
        yield from _everything_in([getattr(value, n, None) for n in names], seen)
        yield from _everything_in(getattr(value, "__dict__", {}), seen)


def _assert_exception_clean(error):
    """Message, attributes, causes, pickle, and the locals of all its frames."""
    while error is not None:
        _assert_clean("".join(traceback.format_exception(error)))
        _assert_clean(repr(error) + repr(vars(error)) + repr(error.args))
        for frame, _ in traceback.walk_tb(error.__traceback__):
            inside = frame.f_code.co_filename
            if "carto_login_widget" in inside or "site-packages" in inside:
                for text in _everything_in(dict(frame.f_locals)):
                    _assert_clean(text)
        assert error.__cause__ is None
        error = error.__context__


ANSWERS = {
    "refused": http(401),
    "busy": http(429),
    "broken": http(500, f"<p>{KEY}".encode()),
    "says the key": http(403, b'{"errors":"key ' + KEY.encode() + b' is bad"}'),
    "says the header": http(
        400, b'{"errors":"' + b64encode(f"jane:{KEY}".encode()) + b'"}'
    ),
    "redirects with the key": http(
        302, b"", f"Location: https://x.example/?api_key={quote(KEY)}"
    ),
    "redirects to the key": http(302, b"", f"Location: https://x.example/{KEY}"),
    "other user": http(
        200,
        b'{"total":1,"result":[{"token":"'
        + KEY.encode()
        + b'","user":{"username":"'
        + KEY.encode()
        + b'"}}]}',
    ),
    "cut": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n" + KEY.encode(),
    "not HTTP": KEY.encode() + b"\r\n",
    "nothing": b"",
}


@pytest.mark.parametrize("kind", ANSWERS)
def test_no_error_holds_the_key(kind):
    """Not even where the server repeats it."""
    with RawServer(ANSWERS[kind]) as server:
        who = _known(server)
        with pytest.raises(CartoLoginError) as caught:
            validate(who, timeout=5)
        sent = b64encode(f"jane:{KEY}".encode())
        assert sent in server.heard
    _assert_exception_clean(caught.value)
    assert caught.value.__context__ is None
    copy = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - just made
    assert str(copy) == str(caught.value)


def test_an_account_does_not_hold_the_key():
    """A name that is the key is masked."""
    quoted = KEY.encode()
    body = (
        b'{"total":1,"result":[{"token":"%s","name":"my %s","type":"regular",'
        b'"user":{"username":"jane"},"grants":[{"type":"apis","apis":["%s"]}]}]}'
    ) % (quoted, quoted, quoted)
    with RawServer(http(200, body)) as server:
        account = validate(_known(server))
    assert account.key_name == "my ***"
    for text in _everything_in(account):
        _assert_clean(text)


def test_ctrl_c_shows_no_key():
    """The interrupt that leaves is a fresh one, and the thread ends."""

    def interrupts(talk):
        talk.hear()
        os.kill(os.getpid(), signal.SIGINT)
        talk.server.ended.wait(30)

    with RawServer(interrupts) as server:
        who = _known(server)
        with pytest.raises(KeyboardInterrupt) as caught:
            validate(who, timeout=30)
        _assert_exception_clean(caught.value)
        assert caught.value.__context__ is None
        names = [f.f_code.co_name for f, _ in traceback.walk_tb(caught.tb)]
        assert "_wait_for" not in names
        for thread in threading.enumerate():
            if thread.name == "carto-login-request":
                thread.join(5)
                assert not thread.is_alive()


@pytest.mark.parametrize("place", ["header", "query"])
def test_logs_and_debug_output_show_no_key(place, carto, caplog, capsys, monkeypatch):
    """With all the logging and http.client's own printing switched on."""
    monkeypatch.setattr(HTTPConnection, "debuglevel", 1)
    caplog.set_level(logging.DEBUG)
    who = identity("jane", KEY, carto.base_url("jane"))
    with client.Client(who) as asking:
        asking.get("api/v4/do/token", key=place)
    assert carto.requests[-1].key_in == place
    assert "/api/v4/do/token" in caplog.text
    _assert_clean(caplog.text + "".join(capsys.readouterr()))


def test_logs_of_a_lent_session_show_no_key(carto, caplog):
    """Its adapter logs through urllib3 too."""
    caplog.set_level(logging.DEBUG)
    who = identity("jane", KEY, session=carto.session())
    with client.Client(who) as asking:
        asking.get("api/v4/do/token", key="query")
    assert carto.requests[-1].key == KEY
    assert "/api/v4/do/token" in caplog.text
    _assert_clean(caplog.text)


def test_logs_of_others_are_left_alone(carto, caplog):
    """Only our own requests are changed in the log."""
    import requests

    caplog.set_level(logging.DEBUG)
    requests.get(f"{carto.url}/api/v4/me?api_key=theirs", timeout=5)
    assert "api_key=theirs" in caplog.text


def test_the_worker_runs_in_the_callers_context(carto):
    """So that output and context of the cell belong to the cell."""
    import requests

    seen = []
    variable = ContextVar("variable", default=None)

    class Looking(requests.adapters.HTTPAdapter):
        def send(self, request, **more):
            seen.append((variable.get(), threading.current_thread().daemon))
            return super().send(request, **more)

    session = requests.Session()
    session.mount("http://", Looking())
    variable.set("mine")
    key = carto.accounts["jane"].master.token
    validate(identity("jane", key, carto.base_url("jane"), session=session))
    assert seen == [("mine", True), ("mine", True)]


def test_a_failure_after_a_fault_keeps_nothing(carto):
    """The client may be looked at after a reset, and holds no key."""
    carto.fail(Fault.reset(), "/api/v4/me")
    who = identity("jane", KEY, carto.base_url("jane"))
    with client.Client(who) as asking, pytest.raises(CartoLoginError) as caught:
        asking.get("api/v4/me", key="query")
    for text in _everything_in([vars(caught.value), asking]):
        _assert_clean(text)
