from __future__ import annotations

import json
import threading
import time

import pytest
import requests
from harness.asking import identity, validate
from harness.rawserver import RawServer, http

from carto_login_widget.account import TableGrant
from carto_login_widget.errors import (
    InvalidCredentialsError,
    NotCartoError,
    Reason,
    RejectedError,
    UndecidedError,
)
from carto_login_widget.sandbox import Fault, Sandbox
from carto_login_widget.server.check import ROWS, check, me

WRONG = "0123456789abcdef0123456789abcdef01234567"


def test_a_right_key_gives_the_account(carto):
    """It is returned; what was lent is as it was."""
    key = carto.accounts["jane"].keys["reporting"].token
    who = identity("jane", key, carto.base_url("jane"))
    account = check(who)
    assert account.key_type == "regular"
    assert account.key_name == "reporting"
    assert {table.name for table in account.tables} >= {"airports", "stores"}
    assert who.proved is None
    assert [r.key_in for r in carto.requests] == [None, "header"]


def test_all_that_a_key_may_do(carto):
    """Tables with permissions, schemas, services and datasets are told."""
    key = carto.accounts["jane"].keys["observatory"].token
    account = validate(identity("jane", key, carto.base_url("jane")))
    assert account.apis == ("sql", "do")
    assert account.services == ("observatory",)
    (table,) = account.tables
    assert table.owner == "jane"
    assert set(table.permissions) == {"select", "insert", "update", "delete"}
    assert account.schemas[0].permissions == ("create",)
    assert len(account.datasets) == 1


def test_the_user_may_be_told_by_the_address(carto):
    """`base_url` alone is enough, in whatever form it was pasted."""
    key = carto.accounts["jane"].master.token
    pasted = f"{carto.url}/u/Jane/dashboard/?page=2#/"
    account = validate(identity(None, key, pasted))
    assert account.username == "jane"
    assert account.base_url == carto.base_url("jane")


@pytest.mark.parametrize("organization", ["bob", "team"])
def test_a_member_of_an_organisation_in_the_cloud(carto, organization):
    """Both their own host and that of the organisation will do."""
    key = carto.accounts["bob"].master.token
    who = identity(
        "bob", key, f"https://{organization}.carto.com", session=carto.session()
    )
    assert validate(who).key_type == "master"
    assert carto.count == 1


def test_organisation_and_engine_are_told_where_they_were_asked_for(carto):
    """F1 names the organisation."""
    bob = carto.accounts["bob"]
    bob.engine = False
    who = identity("bob", bob.master.token, session=carto.session())
    account = validate(who)
    assert account.organization == "team"
    assert account.engine is False


def test_a_key_that_is_not_accepted_any_more(carto):
    """Nothing of an earlier verdict is kept."""
    jane = carto.accounts["jane"]
    who = identity("jane", jane.master.token, carto.base_url("jane"))
    assert validate(who).key_type == "master"
    jane.master.token = WRONG
    with pytest.raises(RejectedError) as caught:
        validate(who)
    assert caught.value.reason is Reason.WRONG_KEY


def test_what_cannot_be_right_is_not_asked(carto):
    """No request where user and address do not fit together."""
    who = identity("bob", WRONG, carto.base_url("jane"))
    with pytest.raises(InvalidCredentialsError, match="belongs to 'jane'"):
        validate(who)
    with pytest.raises(InvalidCredentialsError, match="new CARTO platform"):
        validate(identity("app", WRONG))
    assert carto.count == 0


@pytest.mark.parametrize("trick", ["{key}?x", "{key}~", "{key}:x", "{key}>"])
def test_a_key_that_carto_would_cut_is_refused(carto, trick):
    """CARTO would take it for the key without its end."""
    key = trick.format(key=carto.accounts["jane"].master.token)
    with pytest.raises(InvalidCredentialsError):
        identity("jane", key, carto.base_url("jane"))


def test_a_trusted_proxy_that_signs_in_does_not_fool_us():
    """It lists jane's keys for every key."""

    class SigningIn(requests.adapters.HTTPAdapter):
        def send(self, request, **more):
            request.headers["X-Remote-User"] = "jane"
            return super().send(request, **more)

    session = requests.Session()
    session.mount("http://", SigningIn())
    with Sandbox(sso_header="X-Remote-User") as carto:
        who = identity("jane", WRONG, carto.base_url("jane"), session=session)
        with pytest.raises(RejectedError) as caught:
            validate(who)
        assert carto.requests[1].status == 200
    assert caught.value.reason is Reason.WRONG_KEY


def test_http_that_wants_https(monkeypatch):
    """The key is not sent, and the better address is suggested."""
    with Sandbox(ssl_required=True) as carto:
        who = identity("jane", WRONG, carto.base_url("jane"))
        with pytest.raises(NotCartoError, match="wants https") as caught:
            validate(who)
        assert caught.value.reason is Reason.MOVED
        assert caught.value.suggestion == "https://127.0.0.1/user/jane"
        assert [r.key_in for r in carto.requests] == [None]


def test_an_unknown_host():
    """DNS does not know it: perhaps the user name is misspelt."""
    who = identity("jane", WRONG, "https://jane.carto.invalid")
    with pytest.raises(UndecidedError, match="Check the user name") as caught:
        validate(who)
    assert caught.value.reason is Reason.UNREACHABLE


def test_an_installation_that_wants_the_user_in_the_path():
    """The host names the user for us, but not for the server."""
    with Sandbox(mode="subdomainless", session_domain=".maps.example") as carto:
        key = carto.accounts["jane"].master.token
        who = identity(
            "jane", key, "https://jane.maps.example", session=carto.session()
        )
        with pytest.raises(NotCartoError) as caught:
            validate(who)
        better = caught.value.suggestion
        assert better == "https://jane.maps.example/user/jane"
        assert validate(identity("jane", key, better, session=carto.session()))


def test_an_installation_that_wants_the_user_in_the_host():
    """Its answer to the anonymous question tells the better address."""
    with Sandbox(mode="subdomain", session_domain=".maps.example") as carto:
        enzo = carto.accounts["enzo"]
        who = identity(
            "enzo",
            enzo.master.token,
            "https://other.maps.example",
            session=carto.session(),
        )
        with pytest.raises(NotCartoError) as caught:
            validate(who)
        assert caught.value.reason is Reason.WRONG_ADDRESS
        better = caught.value.suggestion
        assert better == "https://enzo.maps.example"
        who = identity("enzo", enzo.master.token, better, session=carto.session())
        assert validate(who).engine is False


def test_the_deadline_is_one_for_all_requests(carto):
    """Slow answers add up."""
    carto.fail(Fault.latency(0.6))
    who = identity("jane", WRONG, carto.base_url("jane"))
    with pytest.raises(UndecidedError) as caught:
        validate(who, timeout=1)
    assert caught.value.reason is Reason.TIMEOUT
    assert [r.key_in for r in carto.requests] == [None, "header"]


def test_retry_after_is_handed_on(carto):
    """A form can say when to try again."""
    carto.fail(Fault.rate_limited(77))
    who = identity("jane", WRONG, session=carto.session())
    with pytest.raises(UndecidedError) as caught:
        validate(who)
    assert caught.value.retry_after == 77


def test_nothing_is_left_behind(carto):
    """Neither threads nor connections outlive a check."""
    key = carto.accounts["jane"].master.token
    for _ in range(20):
        validate(identity("jane", key, carto.base_url("jane")))
    end = time.monotonic() + 5
    while any(t.name == "carto-login-request" for t in threading.enumerate()):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_many_checks_at_once(carto):
    """They do not get into each other's way."""
    people = [("jane", "master"), ("bob", "master"), ("enzo", "master")] * 8
    verdicts = []

    def ask(name, expected):
        key = carto.accounts[name].master.token
        account = validate(identity(name, key, carto.base_url(name)))
        verdicts.append((account.username, account.key_type) == (name, expected))

    threads = [threading.Thread(target=ask, args=person) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdicts == [True] * len(people)


def test_the_rows_are_in_the_order_of_their_numbers():
    """Where they are not, the first that applies has a reason to come first."""
    names = list(ROWS)
    assert names.index("4") < names.index("3")
    assert names.index("6c") < names.index("6b")


def test_an_answer_in_another_encoding():
    """JSON in UTF-16 is read as JSON, and the key in it is found."""
    text = (
        f'{{"total":1,"result":[{{"token":"{WRONG}","type":"regular","name":"a",'
        '"user":{"username":"jane"},"grants":[]}]}'
    )
    with RawServer(http(200, text.encode("utf-16"))) as server:
        base = f"{server.url}/user/jane"
        who = identity("jane", WRONG, base, proved=server.url)
        assert validate(who).key_name == "a"


def test_me_shows_no_key(carto):
    """What CARTO repeats is masked."""
    key = carto.accounts["jane"].master.token
    told = me(identity("jane", key, carto.base_url("jane")))["user_data"]
    assert told["api_key"] == "***"
    assert told["id"] == carto.accounts["jane"].id


def test_me_is_empty_where_carto_does_not_tell(carto):
    """Without an answer or JSON there is nothing to tell."""
    who = identity("jane", WRONG, carto.base_url("jane"))
    assert "user_data" not in me(who)
    with carto.fail(Fault.html(), "/api/v3/me"):
        assert me(who) == {}
    with carto.fail(Fault.status(500), "/api/v3/me"):
        assert me(who) == {}
    with carto.fail(Fault.reset(), "/api/v3/me"):
        assert me(who) == {}


def test_no_text_of_an_account_has_control_characters():
    """Whichever field it came in: table names and the name of the key, too."""
    bad, good = "a\x1b[31m\n\u202eb", "a [31m  b"
    tables = [{"schema": bad, "name": bad, "owner": bad, "permissions": [bad]}]
    grants = [
        {"type": "apis", "apis": [bad]},
        {"type": "database", "tables": tables, "schemas": [{"name": "x" * 999}]},
    ]
    key = {"token": WRONG, "type": "regular", "name": bad, "grants": grants}
    listed = {"total": 1, "result": [{**key, "user": {"username": "jane"}}]}
    with RawServer(http(200, json.dumps(listed).encode())) as server:
        base = f"{server.url}/user/jane"
        account = validate(identity("jane", WRONG, base, proved=server.url))
    assert account.key_name == good
    assert account.apis == (good,)
    (table,) = account.tables
    assert table == TableGrant(good, good, good, (good,))
    assert account.schemas[0].name == "x" * 999
