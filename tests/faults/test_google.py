"""`refresh()` raises `RefreshError` and nothing else, whatever is wrong."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import google.auth.credentials
import google.auth.exceptions
import pytest
import requests
from google.auth.transport.requests import Request

from carto_login_widget import Credentials, DataObservatoryError
from carto_login_widget.sandbox import Fault

from .conftest import WRONG, account

if TYPE_CHECKING:
    from collections.abc import Callable

    from carto_login_widget.sandbox import Sandbox

TOKEN = "/api/v4/do/token"


class Broken(requests.adapters.HTTPAdapter):
    """An adapter of somebody's session that fails in its own way."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def send(self, *_: Any, **__: Any) -> Any:
        raise self.error


def with_https(carto: Sandbox, **attributes: Any) -> Credentials:
    session = requests.Session()
    for name, value in attributes.items():
        setattr(session, name, value)
    key = carto.accounts["jane"].master.token
    return Credentials("jane", key, carto.wrong_scheme_url, session)


def with_adapter(carto: Sandbox, error: Exception) -> Credentials:
    session = requests.Session()
    session.mount("http://", Broken(error))
    return account(carto, session=session)


def on_closed_port(carto: Sandbox) -> Credentials:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    key = carto.accounts["jane"].master.token
    return Credentials("jane", key, f"http://127.0.0.1:{port}")


def failing(fault: Fault, path: str = TOKEN) -> Callable[[Sandbox], Credentials]:
    def fail(carto: Sandbox) -> Credentials:
        carto.fail(fault, path)
        return account(carto)

    return fail


def without_access(carto: Sandbox) -> Credentials:
    carto.accounts["jane"].do_enabled = False
    return account(carto)


CAUSES: dict[str, Callable[[Sandbox], Credentials]] = {
    "address without a user": lambda carto: Credentials(
        None, carto.accounts["jane"].master.token, carto.url
    ),
    "address of another user": lambda carto: Credentials(
        "bob", carto.accounts["bob"].master.token, carto.base_url("jane")
    ),
    "cloud address without a user": lambda carto: Credentials(
        None, carto.accounts["jane"].master.token, "https://10.0.0.5"
    ),
    "wrong key": lambda carto: account(carto, key=WRONG),
    "public key": lambda carto: account(carto, key="default_public"),
    "not enabled": without_access,
    "closed port": on_closed_port,
    "no https": with_https,
    "no such CA file": lambda carto: with_https(carto, verify="/nowhere/ca.pem"),
    "no such certificate": lambda carto: with_https(carto, cert="/nowhere/me.pem"),
    "certificate that is none": lambda carto: with_https(carto, cert=5),
    "adapter, OSError": lambda carto: with_adapter(carto, OSError("x")),
    "adapter, ValueError": lambda carto: with_adapter(carto, ValueError("x")),
    "adapter, RuntimeError": lambda carto: with_adapter(carto, RuntimeError("x")),
    "adapter, requests": lambda carto: with_adapter(
        carto, requests.exceptions.InvalidURL("x")
    ),
    "network": failing(Fault.reset()),
    "network at first": failing(Fault.reset(), "/api/v3/me"),
    "web page": failing(Fault.html()),
    "web page at first": failing(Fault.html(), "/api/v3/me"),
    "cut body": failing(Fault.truncated()),
    "bad JSON": failing(Fault.bad_json()),
    "bad gzip": failing(Fault.bad_gzip()),
    "no HTTP": failing(Fault.raw(b"\x00\xff")),
    "token that is none": failing(Fault.json(200, {"access_token": 5})),
    "odd token": failing(Fault.json(200, {"access_token": {"a": [1]}})),
    "odd error": failing(Fault.json(500, {"errors": [{"a": 1}, None]})),
    "redirect to nowhere": failing(Fault.redirect("http://[")),
}


def refresh(google_credentials: google.auth.credentials.Credentials) -> None:
    google_credentials.refresh(Request())


def use(google_credentials: google.auth.credentials.Credentials) -> None:
    google_credentials.before_request(Request(), "GET", "https://bigquery.test", {})


@pytest.mark.parametrize("act", [refresh, use])
@pytest.mark.parametrize("cause", CAUSES)
def test_whatever_keeps_the_token_is_a_refresh_error(
    carto: Sandbox,
    cause: str,
    act: Callable[[google.auth.credentials.Credentials], None],
) -> None:
    """Google's libraries know what to do with that only."""
    account_of = CAUSES[cause](carto)
    made = account_of.google_credentials()
    with pytest.raises(google.auth.exceptions.RefreshError) as told:
        act(made)
    assert isinstance(told.value, DataObservatoryError)
    assert account_of.api_key == "default_public" or (
        account_of.api_key[:8] not in repr((told.value, vars(told.value)))
    )
    assert told.value.__cause__ is None
    assert told.value.__context__ is None
