from __future__ import annotations

import threading
import time

import pytest
import requests
from harness.rawserver import RawServer, http

from carto_login_widget.credentials import Credentials
from carto_login_widget.errors import (
    InvalidCredentialsError,
    NotCartoError,
    Reason,
    RejectedError,
    UndecidedError,
)
from carto_login_widget.sandbox import Fault, Sandbox
from carto_login_widget.server import check as validation
from carto_login_widget.server import client

WRONG = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def _nothing_proved():
    client.forget_proved()


def test_a_right_key_gives_the_account_and_is_remembered(carto):
    """The account is returned, kept, and the origin counts as CARTO from then on."""
    key = carto.accounts["jane"].keys["reporting"].token
    credentials = Credentials("jane", key, carto.base_url("jane"))
    account = credentials.validate()
    assert account.key_type == "regular"
    assert account.key_name == "reporting"
    assert {table.name for table in account.tables} >= {"airports", "stores"}
    assert credentials.account is account
    assert credentials.proved == carto.url
    assert [r.key_in for r in carto.requests] == [None, "header"]


def test_all_that_a_key_may_do(carto):
    """Tables with permissions, schemas, services and datasets are told."""
    key = carto.accounts["jane"].keys["observatory"].token
    account = Credentials("jane", key, carto.base_url("jane")).validate()
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
    account = Credentials(api_key=key, base_url=pasted).validate()
    assert account.username == "jane"
    assert account.base_url == carto.base_url("jane")


@pytest.mark.parametrize("organization", ["bob", "team"])
def test_a_member_of_an_organisation_in_the_cloud(carto, organization):
    """Both their own host and that of the organisation will do."""
    key = carto.accounts["bob"].master.token
    credentials = Credentials(
        "bob", key, f"https://{organization}.carto.com", carto.session()
    )
    assert credentials.validate().key_type == "master"
    assert carto.count == 1


def test_organisation_and_engine_are_told_where_they_were_asked_for(carto):
    """F1 names the organisation."""
    bob = carto.accounts["bob"]
    bob.engine = False
    credentials = Credentials("bob", bob.master.token, session=carto.session())
    account = credentials.validate()
    assert account.organization == "team"
    assert account.engine is False
    assert account.apis == ("sql",)


def test_a_wrong_key_leaves_what_was_known(carto):
    """A failed check does not touch the account of an earlier one."""
    jane = carto.accounts["jane"]
    credentials = Credentials("jane", jane.master.token, carto.base_url("jane"))
    account = credentials.validate()
    jane.master.token = WRONG
    with pytest.raises(RejectedError) as caught:
        credentials.validate()
    assert caught.value.reason is Reason.WRONG_KEY
    assert credentials.account is account


def test_what_cannot_be_right_is_not_asked(carto):
    """No request where user and address do not fit together."""
    credentials = Credentials("bob", WRONG, carto.base_url("jane"))
    with pytest.raises(InvalidCredentialsError, match="belongs to 'jane'"):
        credentials.validate()
    with pytest.raises(InvalidCredentialsError, match="new CARTO platform"):
        Credentials("app", WRONG).validate()
    assert carto.count == 0


@pytest.mark.parametrize("trick", ["{key}?x", "{key}~", "{key}:x", "{key}>"])
def test_a_key_that_carto_would_cut_is_refused(carto, trick):
    """CARTO would take it for the key without its end."""
    key = trick.format(key=carto.accounts["jane"].master.token)
    with pytest.raises(InvalidCredentialsError):
        Credentials("jane", key, carto.base_url("jane"))


def test_a_trusted_proxy_that_signs_in_does_not_fool_us():
    """It lists jane's keys for every key."""

    class SigningIn(requests.adapters.HTTPAdapter):
        def send(self, request, **more):
            request.headers["X-Remote-User"] = "jane"
            return super().send(request, **more)

    session = requests.Session()
    session.mount("http://", SigningIn())
    with Sandbox(sso_header="X-Remote-User") as carto:
        credentials = Credentials("jane", WRONG, carto.base_url("jane"), session)
        with pytest.raises(RejectedError) as caught:
            credentials.validate()
        assert carto.requests[1].status == 200
    assert caught.value.reason is Reason.WRONG_KEY


def test_http_that_wants_https(monkeypatch):
    """The key is not sent, and the better address is suggested."""
    with Sandbox(ssl_required=True) as carto:
        credentials = Credentials("jane", WRONG, carto.base_url("jane"))
        with pytest.raises(NotCartoError, match="wants https") as caught:
            credentials.validate()
        assert caught.value.reason is Reason.MOVED
        assert caught.value.suggestion == "https://127.0.0.1/user/jane"
        assert [r.key_in for r in carto.requests] == [None]


def test_an_unknown_host():
    """DNS does not know it: perhaps the user name is misspelt."""
    credentials = Credentials("jane", WRONG, "https://jane.carto.invalid")
    with pytest.raises(UndecidedError, match="Check the user name") as caught:
        credentials.validate()
    assert caught.value.reason is Reason.UNREACHABLE


def test_an_installation_that_wants_the_user_in_the_path():
    """The host names the user for us, but not for the server."""
    with Sandbox(mode="subdomainless", session_domain=".maps.example") as carto:
        key = carto.accounts["jane"].master.token
        credentials = Credentials(
            "jane", key, "https://jane.maps.example", carto.session()
        )
        with pytest.raises(NotCartoError) as caught:
            credentials.validate()
        better = caught.value.suggestion
        assert better == "https://jane.maps.example/user/jane"
        assert Credentials("jane", key, better, carto.session()).validate()


def test_an_installation_that_wants_the_user_in_the_host():
    """Its answer to the anonymous question tells the better address."""
    with Sandbox(mode="subdomain", session_domain=".maps.example") as carto:
        enzo = carto.accounts["enzo"]
        credentials = Credentials(
            "enzo", enzo.master.token, "https://other.maps.example", carto.session()
        )
        with pytest.raises(NotCartoError) as caught:
            credentials.validate()
        assert caught.value.reason is Reason.WRONG_ADDRESS
        better = caught.value.suggestion
        assert better == "https://enzo.maps.example"
        better = Credentials("enzo", enzo.master.token, better, carto.session())
        assert better.validate().engine is False


def test_the_deadline_is_one_for_all_requests(carto):
    """Slow answers add up."""
    carto.fail(Fault.latency(0.6))
    credentials = Credentials("jane", WRONG, carto.base_url("jane"))
    with pytest.raises(UndecidedError) as caught:
        credentials.validate(timeout=1)
    assert caught.value.reason is Reason.TIMEOUT
    assert [r.key_in for r in carto.requests] == [None, "header"]


def test_retry_after_is_handed_on(carto):
    """A form can say when to try again."""
    carto.fail(Fault.rate_limited(77))
    credentials = Credentials("jane", WRONG, session=carto.session())
    with pytest.raises(UndecidedError) as caught:
        credentials.validate()
    assert caught.value.retry_after == 77


def test_nothing_is_left_behind(carto):
    """Neither threads nor connections outlive a check."""
    key = carto.accounts["jane"].master.token
    for _ in range(20):
        Credentials("jane", key, carto.base_url("jane")).validate()
    end = time.monotonic() + 5
    while any(t.name == "carto-login-request" for t in threading.enumerate()):
        assert time.monotonic() < end
        time.sleep(0.01)


def test_many_checks_at_once(carto):
    """They do not get into each other's way."""
    people = [("jane", "master"), ("bob", "master"), ("enzo", "master")] * 8
    verdicts = []

    def check(name, expected):
        key = carto.accounts[name].master.token
        account = Credentials(name, key, carto.base_url(name)).validate()
        verdicts.append((account.username, account.key_type) == (name, expected))

    threads = [threading.Thread(target=check, args=person) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdicts == [True] * len(people)


def test_the_rows_are_in_the_order_of_their_numbers():
    """Where they are not, the first that applies has a reason to come first."""
    names = [row.name for row in validation.ROWS]
    assert len(names) == len(set(names))
    assert names.index("4") < names.index("3")
    assert names.index("6c (F3)") < names.index("6b")


def test_an_answer_in_another_encoding():
    """JSON in UTF-16 is read as JSON, and the key in it is found."""
    text = (
        f'{{"total":1,"result":[{{"token":"{WRONG}","type":"regular","name":"a",'
        '"user":{"username":"jane"},"grants":[]}]}'
    )
    with RawServer(http(200, text.encode("utf-16"))) as server:
        credentials = Credentials("jane", WRONG, f"{server.url}/user/jane")
        assert credentials.remember(proved=server.url).validate().key_name == "a"
