"""Whatever is answered: an account or one of our errors, and never the key in it."""

from __future__ import annotations

import gzip
import json
import pickle
import zlib
from base64 import b64encode
from dataclasses import asdict

import pytest
from harness.asking import identity, validate
from harness.rawserver import RawServer, http
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from carto_login_widget.account import Account
from carto_login_widget.errors import CartoLoginError

KEY = "0123456789abcdef0123456789abcdef01234567"
ENCODED = b64encode(f"jane:{KEY}".encode()).decode()

SETTINGS = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

texts = st.sampled_from([KEY, ENCODED, f"x{KEY}y", "jane", "", "\0", "\u2028"]) | (
    st.text(max_size=12)
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3)
    ),
    max_leaves=12,
)


@st.composite
def listings(draw):
    """A listing of one key in which some parts are something else."""
    grants = [
        {"type": "apis", "apis": draw(values | st.just(["sql"]))},
        {"type": "database", "tables": draw(values), "schemas": draw(values)},
        {"type": draw(values), "services": draw(values)},
        draw(values),
    ]
    key = {
        "token": draw(st.just(KEY) | values),
        "name": draw(values),
        "type": draw(st.sampled_from(["master", "regular", "default"]) | values),
        "user": draw(st.just({"username": "jane"}) | values),
        "grants": draw(st.just(grants) | values),
    }
    result = draw(st.just([key]) | st.just([]) | values)
    return {"total": draw(st.integers(0, 3) | values), "result": result}


others = st.fixed_dictionaries(
    {},
    optional={
        "username": st.just("jane") | values,
        "organization": st.just({"name": "team"}) | values,
        "first_name": values,
        "error": st.sampled_from(["lockout", "unverified", f"no {KEY}"]) | values,
        "errors": values,
        "config": values
        | st.just({"sql_api_template": f"https://{{user}}.{KEY}.example:443"}),
    },
)
bodies = (
    st.one_of(listings(), others, values).map(lambda v: json.dumps(v).encode())
    | st.binary(max_size=40)
    | st.just(f"<html>{KEY}</html>".encode())
    | st.just(json.dumps({"config": "x"}).encode("utf-16"))
)
statuses = st.sampled_from([200, 200, 401, 403, 404, 302, 400, 429, 500]) | (
    st.integers(100, 999)
)
# A wait of 0 s allows the retry without making the test wait.
headers = st.lists(
    st.sampled_from(
        [
            "Content-Type: application/json",
            "Content-Encoding: gzip",
            "Content-Encoding: deflate",
            "Content-Encoding: br",
            "Content-Length: 5",
            "Content-Length: x",
            "Transfer-Encoding: chunked",
            f"Location: https://{KEY}.example/{ENCODED}",
            f"Location: //x.example/?api_key={KEY}",
            "Location: http://[",
            "Retry-After: 0",
            f"Retry-After: {KEY}",
            "WWW-Authenticate: Basic",
            f"Set-Cookie: a={KEY}",
            "broken header",
            ": nothing",
            f"X-Key: {KEY}",
        ]
    ),
    max_size=3,
)


@st.composite
def answers(draw):
    """Bytes that are more or less an answer."""
    body = draw(bodies)
    pack = draw(st.sampled_from([bytes, bytes, gzip.compress, zlib.compress]))
    whole = http(draw(statuses), pack(body), *draw(headers))
    cut = draw(st.just(len(whole)) | st.integers(0, len(whole)))
    return draw(st.just(whole[:cut]) | st.binary(max_size=30))


class Scripted:
    """Answers one request after the other, and the last one again and again."""

    def __init__(self) -> None:
        self.left: list[bytes] = []

    def __call__(self, talk) -> None:
        talk.hear()
        talk.say(self.left.pop(0) if len(self.left) > 1 else self.left[0])


@pytest.fixture(scope="module")
def fuzzing():
    script = Scripted()
    with RawServer(script) as server:
        yield server, script


def _outcome(server):
    base = f"{server.url}/user/jane"
    who = identity("jane", KEY, base, proved=server.url)
    try:
        return validate(who, timeout=5)
    except CartoLoginError as error:
        assert error.__context__ is None
        assert error.__cause__ is None
        return error


def _texts_in(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts_in(item)


def _assert_no_key(outcome):
    shown = repr(outcome) + str(outcome)
    if isinstance(outcome, Account):
        shown += repr(asdict(outcome)) + outcome.summary
        assert all(map(str.isprintable, _texts_in(asdict(outcome))))
    else:
        shown += repr(vars(outcome))
    assert KEY not in shown
    assert ENCODED not in shown
    assert KEY.encode() not in pickle.dumps(outcome)


@SETTINGS
@given(said=st.lists(answers(), min_size=1, max_size=5))
def test_any_bytes(fuzzing, said):
    """Random statuses, headers, JSON, truncations and encodings."""
    server, script = fuzzing
    script.left = said
    outcome = _outcome(server)
    assert isinstance(outcome, Account | CartoLoginError)
    _assert_no_key(outcome)


@SETTINGS
@given(listing=listings())
def test_any_listing(fuzzing, listing):
    """An account only if the key and the user are those that were asked for."""
    server, script = fuzzing
    script.left = [http(200, json.dumps(listing).encode())]
    outcome = _outcome(server)
    _assert_no_key(outcome)
    result = listing["result"]
    first = result[0] if isinstance(result, list) and result else {}
    accepted = (
        isinstance(first, dict)
        and first.get("token") == KEY
        and first.get("user") == {"username": "jane"}
    )
    if isinstance(outcome, Account):
        assert accepted
        assert outcome.username == "jane"
