"""`/api/v4/do/token`: who gets a Google token, and how long it is fresh."""

from __future__ import annotations

import pytest
import requests

from carto_login_widget.sandbox import Sandbox


def ask(carto: Sandbox, user: str, token: str) -> requests.Response:
    url = carto.base_url(user) + "/api/v4/do/token"
    return requests.get(url, params={"api_key": token}, timeout=5)


@pytest.mark.parametrize("key", ["Master", "observatory"])
def test_token_is_issued_and_recorded(carto: Sandbox, key: str) -> None:
    """Master and keys with `do` get a token the sandbox remembers."""
    answer = ask(carto, "jane", carto.accounts["jane"].keys[key].token)
    assert answer.status_code == 200
    told = answer.json()
    assert told.keys() >= {"bq_project", "bq_dataset", "gcs_bucket"}
    assert told["instant_licensing"] is True
    assert told["access_token"] in carto.google_tokens
    assert carto.google_tokens.is_fresh(told["access_token"])
    assert carto.google_tokens[-1].username == "jane"


@pytest.mark.parametrize("key", ["Default public", "reporting", "oauth token"])
def test_other_keys_are_refused(carto: Sandbox, key: str) -> None:
    """A key without `do` is a 403 with a sentence."""
    answer = ask(carto, "jane", carto.accounts["jane"].keys[key].token)
    assert answer.status_code == 403
    assert answer.json()["errors"].startswith("You don't have permission")
    assert len(carto.google_tokens) == 0


def test_header_alone_is_not_enough(carto: Sandbox) -> None:
    """Permission is judged by the parameter: a master key in the header gets 403."""
    jane = carto.accounts["jane"]
    url = carto.base_url("jane") + "/api/v4/do/token"
    auth = ("jane", jane.master.token)
    assert requests.get(url, auth=auth, timeout=5).status_code == 403
    both = {"api_key": jane.keys["observatory"].token}
    assert requests.get(url, auth=auth, params=both, timeout=5).status_code == 200
    assert requests.get(url, params={"api_key": "wrong"}, timeout=5).status_code == 401


def test_not_enabled(carto: Sandbox) -> None:
    """Without Data Observatory it is a 500 with CARTO's text, or an old 200."""
    token = carto.accounts["noah"].master.token
    text = {"errors": ["The user does not have Data Observatory enabled"]}
    answer = ask(carto, "noah", token)
    assert (answer.status_code, answer.json()) == (500, text)
    carto.install.old_do = True
    answer = ask(carto, "noah", token)
    assert (answer.status_code, answer.json()) == (200, text)


def test_locked_account(carto: Sandbox) -> None:
    """A locked account's key hears of the lock."""
    answer = ask(carto, "lena", carto.accounts["lena"].master.token)
    assert (answer.status_code, answer.json()) == (403, {"error": "lockout"})


def test_tokens_age() -> None:
    """A token is fresh for its life, counted by the clock that was given."""
    now = [1000.0]
    with Sandbox(clock=lambda: now[0], google_token_life=60) as carto:
        told = ask(carto, "jane", carto.accounts["jane"].master.token).json()
        token = told["access_token"]
        now[0] += 59
        assert carto.google_tokens.is_fresh(token)
        now[0] += 1
        assert not carto.google_tokens.is_fresh(token)
        assert carto.google_tokens[0].issued_at == 1000.0
        assert not carto.google_tokens.is_fresh("ya29.another")


def test_tokens_can_be_revoked(carto: Sandbox) -> None:
    """A revoked token is stale; the next one is not."""
    master = carto.accounts["jane"].master.token
    first = ask(carto, "jane", master).json()["access_token"]
    carto.google_tokens.revoke()
    second = ask(carto, "jane", master).json()["access_token"]
    assert not carto.google_tokens.is_fresh(first)
    assert carto.google_tokens.is_fresh(second)
