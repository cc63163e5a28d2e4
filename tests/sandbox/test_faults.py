"""Faults: each one as a client meets it, and to whom it happens."""

from __future__ import annotations

import datetime as dt
import threading
import time

import pytest
import requests

from carto_login_widget.sandbox import Fault, Sandbox

KEYS = "/api/v3/api_keys"


def ask(carto: Sandbox, path: str = KEYS, timeout: float = 5) -> requests.Response:
    return requests.get(
        carto.base_url("jane") + path,
        auth=("jane", "default_public"),
        timeout=timeout,
        allow_redirects=False,
    )


@pytest.mark.parametrize(
    ("fault", "status", "header"),
    [
        (Fault.status(502), 502, ("Content-Type", "text/html; charset=utf-8")),
        (Fault.server_error(503), 503, ("Content-Type", "text/html; charset=utf-8")),
        (Fault.html(), 200, ("Content-Type", "text/html; charset=utf-8")),
        (Fault.html(403, "<b>no</b>"), 403, ("Content-Length", "9")),
        (Fault.redirect("https://a.example/"), 302, ("Location", "https://a.example/")),
        (Fault.redirect("/login", 301), 301, ("Location", "/login")),
        (Fault.rate_limited(7), 429, ("Retry-After", "7")),
        (Fault.proxy_login("x"), 401, ("WWW-Authenticate", 'Basic realm="x"')),
        (Fault.proxy_required(), 407, ("Proxy-Authenticate", 'Basic realm="proxy"')),
        (Fault.json(200, [1]), 200, ("Content-Length", "3")),
        (Fault.answer(299, b"hm", ("X-Odd", "yes")), 299, ("X-Odd", "yes")),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_answers_in_cartos_place(
    carto: Sandbox, fault: Fault, status: int, header: tuple[str, str]
) -> None:
    """Status and header are those of the fault; the record says which it was."""
    carto.fail(fault)
    answer = ask(carto)
    assert answer.status_code == status
    assert answer.headers[header[0]] == header[1]
    assert carto.requests[-1].fault == fault.name
    assert carto.requests[-1].status == status


def test_retry_after_as_date_and_missing(carto: Sandbox) -> None:
    """`Retry-After` may be an HTTP date, or not there."""
    moment = dt.datetime(2030, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    carto.fail(Fault.rate_limited(moment), times=1)
    carto.fail(Fault.rate_limited(None), times=1)
    assert ask(carto).headers["Retry-After"] == "Wed, 02 Jan 2030 03:04:05 GMT"
    assert "Retry-After" not in ask(carto).headers


def test_connection_is_reset(carto: Sandbox) -> None:
    """A reset is a connection error, and no status was given."""
    carto.fail(Fault.reset())
    with pytest.raises(requests.ConnectionError, match="reset"):
        ask(carto)
    assert carto.requests[-1].status is None


def test_body_is_truncated(carto: Sandbox) -> None:
    """A body shorter than announced is an incomplete read."""
    carto.fail(Fault.truncated())
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        ask(carto)


def test_gzip_is_broken(carto: Sandbox) -> None:
    """A body that is not gzip cannot be decoded."""
    carto.fail(Fault.bad_gzip())
    with pytest.raises(requests.exceptions.ContentDecodingError):
        ask(carto)


def test_json_is_broken(carto: Sandbox) -> None:
    """Half of the JSON comes with a fitting length."""
    carto.fail(Fault.bad_json())
    answer = ask(carto)
    assert answer.text.startswith('{"total":1')
    with pytest.raises(requests.exceptions.JSONDecodeError):
        answer.json()


def test_body_is_too_big(carto: Sandbox) -> None:
    """The body is JSON, and longer than a megabyte."""
    carto.fail(Fault.big_body())
    assert len(ask(carto).content) > 2_000_000


def test_gzip(carto: Sandbox) -> None:
    """A compressed answer unpacks to CARTO's; a bomb to more than a megabyte."""
    carto.fail(Fault.gzip(), times=1)
    assert ask(carto).json()["total"] == 1
    carto.fail(Fault.big_body(compressed=True))
    answer = ask(carto)
    assert int(answer.headers["Content-Length"]) < 10_000
    assert len(answer.content) > 2_000_000


@pytest.mark.parametrize("content", [b"", b"SSH-2.0-OpenSSH_9.2\r\n"])
def test_no_http_at_all(carto: Sandbox, content: bytes) -> None:
    """Other bytes than HTTP, or none, are a connection error."""
    carto.fail(Fault.raw(content))
    with pytest.raises(requests.ConnectionError):
        ask(carto)


def test_wrong_echo(carto: Sandbox) -> None:
    """Every token, or every user name, is another one than that of the key."""
    carto.fail(Fault.wrong_token("other_token"), times=1)
    carto.fail(Fault.wrong_user("other"), times=1)
    assert ask(carto).json()["result"][0]["token"] == "other_token"
    result = ask(carto).json()["result"][0]
    assert (result["user"]["username"], result["token"]) == ("other", "default_public")


@pytest.mark.parametrize("fault", [Fault.drip_headers(0), Fault.drip_body(0)])
def test_dripped_answer_is_whole(carto: Sandbox, fault: Fault) -> None:
    """What comes byte by byte is CARTO's answer all the same."""
    carto.fail(fault)
    assert ask(carto).json()["total"] == 1


@pytest.mark.parametrize("fault", [Fault.drip_headers(9), Fault.drip_body(9)])
def test_drip_starts_and_does_not_end(carto: Sandbox, fault: Fault) -> None:
    """A slow drip runs into the client's read timeout."""
    carto.fail(fault)
    with pytest.raises((requests.ReadTimeout, requests.ConnectionError)):
        ask(carto, timeout=0.2)
    assert carto.requests[-1].status == 200


def test_hang_is_released_by_healing(carto: Sandbox) -> None:
    """A request that hangs is answered once the fault is healed."""
    answers: list[int] = []
    with carto.fail(Fault.hang()):
        thread = threading.Thread(target=lambda: answers.append(ask(carto).status_code))
        thread.start()
        carto.wait_for(1)
        assert carto.requests[-1].status is None
    thread.join(5)
    assert answers == [200]


def test_hang_is_cut_by_stopping() -> None:
    """Stopping the sandbox cuts what hangs, and does not wait for it."""
    errors: list[Exception] = []

    def hang() -> None:
        try:
            ask(carto, timeout=30)
        except requests.RequestException as error:
            errors.append(error)

    with Sandbox() as carto:
        carto.fail(Fault.hang())
        thread = threading.Thread(target=hang)
        thread.start()
        carto.wait_for(1)
    thread.join(5)
    assert isinstance(errors[0], requests.ConnectionError)


def test_client_that_hangs_up_is_noticed(carto: Sandbox) -> None:
    """The record says that the client did not wait for its answer."""
    carto.fail(Fault.hang())
    with pytest.raises(requests.ReadTimeout):
        ask(carto, timeout=0.1)
    end = time.monotonic() + 5
    while not carto.requests[0].hung_up and time.monotonic() < end:
        time.sleep(0.005)
    carto.heal()
    assert ask(carto).ok
    first, second = carto.requests
    assert (first.hung_up, first.status) == (True, None)
    assert (second.hung_up, second.status) == (False, 200)


def test_latency_delays_the_genuine_answer(carto: Sandbox) -> None:
    """Latency gives CARTO's answer, not before its time."""
    carto.fail(Fault.latency(0.1))
    started = time.monotonic()
    assert ask(carto).json()["total"] == 1
    assert time.monotonic() - started >= 0.1


def test_fault_after_a_wait(carto: Sandbox) -> None:
    """Any fault can be late."""
    carto.fail(Fault.status(504).after(0.05))
    with pytest.raises(requests.ReadTimeout):
        ask(carto, timeout=0.02)
    assert ask(carto).status_code == 504


def test_faults_by_path_times_and_method(carto: Sandbox) -> None:
    """A fault meets its path, its verb, and so many requests only."""
    failure = carto.fail(Fault.status(502), path="/api/v3/api_keys", times=2)
    assert ask(carto, "/api/v4/me").status_code == 200
    assert [ask(carto).status_code for _ in range(3)] == [502, 502, 200]
    assert failure.hits == 2
    carto.fail(Fault.status(500), path="/user/jane/api/v4")
    carto.fail(Fault.status(501), path="/api/v3", method="post")
    assert ask(carto, "/api/v4/me").status_code == 500
    assert ask(carto).status_code == 200


def test_faults_follow_one_another(carto: Sandbox) -> None:
    """Faults are used up in the order in which they were put in."""
    carto.fail(Fault.status(502), times=1)
    carto.fail(Fault.status(503), times=1)
    assert [ask(carto).status_code for _ in range(3)] == [502, 503, 200]


def test_heal_takes_all_out(carto: Sandbox) -> None:
    """After `heal()` CARTO answers as before."""
    carto.fail(Fault.status(502))
    carto.fail(Fault.reset(), path="/api/v4")
    assert [failure.fault.name for failure in carto.faults] == ["status", "reset"]
    carto.heal()
    assert ask(carto).ok
    assert ask(carto, "/api/v4/me").ok
    assert carto.faults == []
