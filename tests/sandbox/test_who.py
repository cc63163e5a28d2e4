"""`/api/v3/me` and `/api/v4/me`: one tells everybody, the other any key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from carto_login_widget.sandbox import Sandbox


def me(carto: Sandbox, version: int, user: str, token: str) -> requests.Response:
    url = f"{carto.base_url(user)}/api/v{version}/me"
    return requests.get(url, auth=(user, token), allow_redirects=False, timeout=5)


@pytest.mark.parametrize(
    ("user", "key"),
    [
        ("jane", None),
        ("jane", "Default public"),
        ("jane", "reporting"),
        ("jane", "oauth token"),
        ("nobody", None),
        ("lena", None),
    ],
)
def test_v3_tells_strangers_about_the_server_only(
    carto: Sandbox, user: str, key: str | None
) -> None:
    """Without a master key the answer is 200 and knows nobody."""
    token = carto.accounts[user].keys[key].token if key else "wrong"
    answer = me(carto, 3, user, token)
    assert answer.status_code == 200
    assert answer.json().keys() == {"user_frontend_version", "config"}
    config = answer.json()["config"]
    assert config["user_name"] == user
    assert config["sql_api_template"] == f"{carto.url}/user/{{user}}"
    assert config["cartodb_com_hosted"] is True


def test_v3_knows_the_master_key(carto: Sandbox) -> None:
    """A master key gets its account, key in clear; a locked one too."""
    for user in ("jane", "lena"):
        account = carto.accounts[user]
        data = me(carto, 3, user, account.master.token).json()["user_data"]
        assert data["username"] == user
        assert data["id"] == account.id
        assert data["api_key"] == account.master.token
        assert data["state"] == account.state
        assert data["base_url"] == carto.base_url(user)


def test_v3_is_silent_in_maintenance(carto: Sandbox) -> None:
    """Maintenance is the one thing that makes it a 404."""
    answer = me(carto, 3, "mara", carto.accounts["mara"].master.token)
    assert (answer.status_code, answer.content) == (404, b"")


@pytest.mark.parametrize(
    ("key", "profile"),
    [
        ("Master", "Jane"),
        ("oauth token", "Jane"),
        ("reporting", None),
        ("Default public", None),
    ],
)
def test_v4_takes_any_key(carto: Sandbox, key: str, profile: str | None) -> None:
    """Every key learns its user; only master and OAuth keys a first name."""
    answer = me(carto, 4, "jane", carto.accounts["jane"].keys[key].token)
    assert answer.status_code == 200
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    told = answer.json()
    assert (told["username"], told["organization"]) == ("jane", None)
    assert told["api_endpoints"]["sql"] == carto.base_url("jane")
    assert told.get("first_name") == profile


@pytest.mark.parametrize(
    ("user", "body"),
    [
        ("lena", b'{"error":"lockout"}'),
        ("mara", b'{"error":"maintenance_mode"}'),
        ("ulla", b'{"error":"unverified"}'),
        ("nico", b""),
    ],
)
def test_v4_tells_the_state_to_a_right_key(
    carto: Sandbox, user: str, body: bytes
) -> None:
    """The key is looked at first: 401 for a wrong one, 403 with a word for a right."""
    answer = me(carto, 4, user, carto.accounts[user].master.token)
    assert (answer.status_code, answer.content) == (403, body)
    wrong = me(carto, 4, user, "wrong")
    assert (wrong.status_code, wrong.content) == (401, b"")


def test_v4_asks_for_no_engine_and_no_cookie(carto: Sandbox) -> None:
    """It answers without engine, and a session cookie is nothing to it."""
    assert me(carto, 4, "enzo", carto.accounts["enzo"].master.token).ok
    url = carto.base_url("jane") + "/api/v4/me"
    cookie = {"_cartodb_session": "jane"}
    answer = requests.get(url, cookies=cookie, auth=("jane", "wrong"), timeout=5)
    assert answer.status_code == 401


def test_v4_wants_https_last(carto: Sandbox) -> None:
    """A right key is redirected; a wrong one too, to a page that says so."""
    carto.install.ssl_required = True
    right = me(carto, 4, "jane", "default_public")
    assert right.headers["Location"] == "https://127.0.0.1/user/jane/api/v4/me"
    wrong = me(carto, 4, "jane", "wrong")
    assert wrong.headers["Location"] == "https://127.0.0.1/unauthenticated"
    locked = me(carto, 4, "lena", carto.accounts["lena"].master.token)
    assert locked.status_code == 403


def test_v4_knows_the_organisation(carto: Sandbox) -> None:
    """A member's organisation is named; its owner for a master key only."""
    bob = carto.accounts["bob"]
    told = me(carto, 4, "bob", bob.master.token).json()
    assert told["organization"] == {"name": "team", "owner": {"username": "anna"}}
    told = me(carto, 4, "bob", bob.keys["reporting"].token).json()
    assert told["organization"] == {"name": "team"}


def test_v3_describes_the_organisation(carto: Sandbox) -> None:
    """A member's master key learns of the organisation, and of its own pages."""
    token = carto.accounts["bob"].master.token
    with carto.session() as session:
        url = "https://bob.carto.com/api/v3/me"
        told = session.get(url, params={"api_key": token}, timeout=5).json()
    data = told["user_data"]
    assert data["base_url"] == "https://team.carto.com/u/bob"
    assert data["organization"]["name"] == "team"
    assert data["organization"]["owner"]["username"] == "anna"
    assert data["organization"]["seats"] == 2
