"""carto-python's client works with the account."""

from __future__ import annotations

import sys
import traceback
import warnings

import certifi
import pytest
import requests

from carto_login_widget import (
    CartoLoginError,
    Credentials,
    InvalidCredentialsError,
    login,
)
from carto_login_widget.sandbox import Sandbox

KEY = "0123456789abcdef0123456789abcdef01234567"


def test_its_client_asks_with_the_account(carto: Sandbox, jane: Credentials) -> None:
    """Real calls of carto-python reach the account with its key."""
    from carto.api_keys import APIKeyManager
    from carto.sql import SQLClient

    # carto-python says that http is not encrypted, of this machine too.
    with pytest.warns(UserWarning, match="unencrypted"):
        client = jane.get_api_key_auth_client()
    assert client.username == "jane"
    assert APIKeyManager(client).get("Master").token == jane.api_key
    rows = SQLClient(client).send("SELECT count(*) AS n FROM stores")["rows"]
    assert rows == [{"n": 3}]
    assert {record.key for record in carto.requests} == {jane.api_key}


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        (None, "https://jane.carto.com/"),
        ("https://team.carto.com/u/jane", "https://team.carto.com/user/jane/"),
        ("https://maps.example.com", "https://maps.example.com/user/jane/"),
    ],
)
def test_its_address_is_one_that_it_understands(
    base_url: str | None, expected: str
) -> None:
    """Addresses that carto-python reads wrongly are given in another form."""
    client = Credentials("jane", KEY, base_url).get_api_key_auth_client()
    assert (client.username, client.base_url) == ("jane", expected)


def test_an_error_of_theirs_does_not_come_out(jane: Credentials) -> None:
    """Where their warning is an error, its frames with the key stay inside."""
    with (
        warnings.catch_warnings(action="error"),
        pytest.raises(CartoLoginError, match="UserWarning") as caught,
    ):
        jane.get_api_key_auth_client()
    told = traceback.TracebackException.from_exception(
        caught.value, capture_locals=True
    )
    assert jane.api_key not in "".join(told.format())


def test_the_session_is_lent(jane: Credentials) -> None:
    """Its client goes through a twin of the session: nothing is written on this one."""
    with requests.Session() as session:
        session.headers["X-Team"] = "maps"
        before = dict(session.adapters)
        client = Credentials("jane", KEY, session=session).get_api_key_auth_client()
        assert client.session.headers is session.headers
        assert session.adapters == before


def test_a_session_of_its_own_kind_is_lent_as_it_is(carto: Sandbox) -> None:
    """One with another adapter knows best how to reach its server."""
    with carto.session() as session:
        client = Credentials("jane", KEY, session=session).get_api_key_auth_client()
        assert client.session is session


@pytest.mark.parametrize("way", ["REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "session"])
def test_it_trusts_whom_the_login_trusts(
    way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever says whom to trust: requests knows neither SSL_CERT_FILE nor this way.

    A variable that says something else does not win over the session.
    """
    from carto.sql import SQLClient

    with Sandbox(tls="valid") as carto, requests.Session() as session:
        if way == "session":
            session.verify = str(carto.ca_file)
            monkeypatch.setenv("REQUESTS_CA_BUNDLE", certifi.where())
        else:
            monkeypatch.setenv(way, str(carto.ca_file))
        key = carto.accounts["jane"].master.token
        jane = Credentials("jane", key, carto.base_url("jane"), session)
        client = login(credentials=jane).get_api_key_auth_client()
        rows = SQLClient(client).send("SELECT count(*) AS n FROM stores")["rows"]
    assert rows == [{"n": 3}]


def test_a_certificate_that_nobody_knows_shows_no_key() -> None:
    """carto-python writes the key into the address, which requests' errors repeat."""
    from carto.exceptions import CartoException
    from carto.sql import SQLClient

    with Sandbox(tls="valid") as carto:
        jane = Credentials("jane", KEY, carto.base_url("jane"))
        client = jane.get_api_key_auth_client()
        with pytest.raises(CartoException, match="is not accepted") as caught:
            SQLClient(client).send("SELECT 1")
        assert carto.count == 0
    told = "".join(traceback.format_exception(caught.value))
    assert "SSLError" in told
    assert KEY[:8] not in told


def test_an_address_without_a_user_is_refused() -> None:
    """No client is made for an account that nobody knows."""
    with pytest.raises(InvalidCredentialsError):
        Credentials(None, KEY, "https://10.0.0.5").get_api_key_auth_client()


def test_without_it_the_way_to_get_it_is_told(
    jane: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the extra is missing, its name is in the message."""
    monkeypatch.setitem(sys.modules, "carto.auth", None)
    with pytest.raises(ImportError, match=r"carto_login_widget\[carto\]") as caught:
        jane.get_api_key_auth_client()
    assert caught.value.__context__ is None
