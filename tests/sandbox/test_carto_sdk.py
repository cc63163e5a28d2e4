"""The real carto SDK works against the sandbox as it does against CARTO."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from carto_login_widget.sandbox import Sandbox

# The SDK warns of http, and of the setuptools that it needs.
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def sdk() -> SimpleNamespace:
    """The SDK's classes; it cannot be imported where warnings are errors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from carto.api_keys import APIKeyManager
        from carto.auth import APIKeyAuthClient, AuthAPIClient
        from carto.do_token import DoTokenManager
        from carto.exceptions import CartoException, CartoRateLimitException
        from carto.sql import SQLClient
    return SimpleNamespace(
        APIKeyAuthClient=APIKeyAuthClient,
        APIKeyManager=APIKeyManager,
        AuthAPIClient=AuthAPIClient,
        CartoException=CartoException,
        CartoRateLimitException=CartoRateLimitException,
        DoTokenManager=DoTokenManager,
        SQLClient=SQLClient,
    )


def test_keys_are_listed(carto: Sandbox, sdk: SimpleNamespace) -> None:
    """`APIKeyManager.all()` and `.filter()` list the keys with their grants."""
    jane = carto.accounts["jane"]
    client = sdk.APIKeyAuthClient(carto.base_url("jane"), jane.master.token)
    keys = sdk.APIKeyManager(client).all()
    assert [key.token for key in keys] == [
        key.token for key in jane.keys.values() if key.type != "oauth"
    ]
    reporting = next(key for key in keys if key.name == "reporting")
    tables = [table.name for table in reporting.grants.tables]
    assert tables == ["airports", "neighbourhoods", "stores"]
    assert reporting.created_at.year == 2019
    regular = sdk.APIKeyManager(client).filter(type="regular")
    assert {key.type for key in regular} == {"regular"}


def test_many_keys_are_paged(carto: Sandbox, sdk: SimpleNamespace) -> None:
    """The SDK's paginator reads all pages."""
    jane = carto.accounts["jane"]
    for number in range(50):
        jane.add_key(f"key {number}")
    client = sdk.APIKeyAuthClient(carto.base_url("jane"), jane.master.token)
    assert len(sdk.APIKeyManager(client).all()) == 55
    assert carto.count == 3


def test_one_key_is_shown(carto: Sandbox, sdk: SimpleNamespace) -> None:
    """`APIKeyManager.get()` shows one key."""
    jane = carto.accounts["jane"]
    client = sdk.APIKeyAuthClient(carto.base_url("jane"), jane.master.token)
    key = sdk.APIKeyManager(client).get("reporting")
    assert key.token == jane.keys["reporting"].token
    assert key.grants.apis == ["sql", "maps"]


def test_key_is_made_renewed_and_deleted(carto: Sandbox, sdk: SimpleNamespace) -> None:
    """A key's whole life goes through the SDK."""
    jane = carto.accounts["jane"]
    base_url = carto.base_url("jane")
    client = sdk.APIKeyAuthClient(base_url, jane.master.token)
    table = {"schema": "public", "name": "stores", "permissions": ["select"]}
    key = sdk.APIKeyManager(client).create(
        "fresh", apis=["sql"], tables=[table], services=["routing"]
    )
    assert key.token == jane.keys["fresh"].token
    assert jane.keys["fresh"].permissions("stores") == ["select"]
    old = key.token
    key.regenerate_token()
    assert key.token != old
    assert sdk.AuthAPIClient(base_url, key.token).is_valid_api_key()
    assert not sdk.AuthAPIClient(base_url, old).is_valid_api_key()
    key.delete()
    assert "fresh" not in jane.keys


@pytest.mark.parametrize("name", ["Master", "Default public", "reporting"])
def test_validity_is_checked_by_header(
    carto: Sandbox, sdk: SimpleNamespace, name: str
) -> None:
    """`AuthAPIClient.is_valid_api_key()` tells a right key, at both addresses."""
    token = carto.accounts["jane"].keys[name].token
    for base_url in (carto.base_url("jane"), "https://jane.carto.com"):
        with carto.session() as session:
            client = sdk.AuthAPIClient(base_url, token, session=session)
            assert client.is_valid_api_key()
            client = sdk.AuthAPIClient(base_url, "wrong", session=session)
            assert not client.is_valid_api_key()


def test_google_token_is_fetched(carto: Sandbox, sdk: SimpleNamespace) -> None:
    """`DoTokenManager.get()` gets a token that the sandbox knows."""
    token = carto.accounts["jane"].master.token
    client = sdk.APIKeyAuthClient(carto.base_url("jane"), token)
    told = sdk.DoTokenManager(client).get()
    assert carto.google_tokens.is_fresh(told.access_token)
    assert told.bq_project == "carto-sandbox"
    assert told.instant_licensing is True


def test_sql_is_run(carto: Sandbox, sdk: SimpleNamespace) -> None:
    """`SQLClient` gets rows, and CARTO's text for a table without right."""
    token = carto.accounts["jane"].keys["reporting"].token
    client = sdk.SQLClient(sdk.APIKeyAuthClient(carto.base_url("jane"), token))
    rows = client.send("SELECT count(*) FROM airports")["rows"]
    assert rows == [{"count": 3}]
    with pytest.raises(sdk.CartoException):
        client.send("SELECT * FROM salaries")


def test_rate_limit_is_understood(carto: Sandbox, sdk: SimpleNamespace) -> None:
    """The SDK reads the sandbox's rate limit headers."""
    from carto_login_widget.sandbox import RateLimit

    carto.install.rate_limit = RateLimit(count=1, period=3600)
    token = carto.accounts["jane"].master.token
    auth = sdk.APIKeyAuthClient(carto.base_url("jane"), token)
    sdk.SQLClient(auth).send("SELECT 1")
    with pytest.raises(sdk.CartoException) as caught:
        auth.send("api/v2/sql", "get", params={"q": "SELECT 1"})
    assert isinstance(caught.value, sdk.CartoRateLimitException)
    assert caught.value.retry_after > 3000
