"""`/api/v3/api_keys`: who sees which keys, and in which order it refuses."""

from __future__ import annotations

import base64
from typing import Any

import pytest
import requests

from carto_login_widget.sandbox import Sandbox, SandboxAccount, grants

ALWAYS = {
    "X-Frame-Options": "DENY",
    "X-XSS-Protection": "1; mode=block",
    "X-Content-Type-Options": "nosniff",
}


def ask(
    carto: Sandbox, user: str, token: str, path: str = "", **more: Any
) -> requests.Response:
    url = f"{carto.base_url(user)}/api/v3/api_keys{path}"
    return requests.get(
        url, auth=(user, token), allow_redirects=False, timeout=5, **more
    )


def names(answer: requests.Response) -> list[str]:
    return [key["name"] for key in answer.json()["result"]]


def test_master_sees_all_visible_keys(carto: Sandbox) -> None:
    """A master key lists itself, the default key, then the others by date."""
    answer = ask(carto, "jane", carto.accounts["jane"].master.token)
    assert answer.status_code == 200
    assert names(answer) == [
        "Master",
        "Default public",
        "reporting",
        "maps only",
        "observatory",
    ]
    assert answer.json()["total"] == answer.json()["count"] == 5
    assert answer.headers.items() >= ALWAYS.items()
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("name", ["Default public", "reporting", "maps only"])
def test_other_keys_see_themselves(carto: Sandbox, name: str) -> None:
    """A key that is not the master lists itself alone, and shows itself alone."""
    token = carto.accounts["jane"].keys[name].token
    assert names(ask(carto, "jane", token)) == [name]
    assert ask(carto, "jane", token, f"/{name}").json()["token"] == token
    other = ask(carto, "jane", token, "/Master")
    assert other.status_code == 404
    assert other.json() == {
        "errors": "API key not found: Master",
        "errors_cause": None,
    }


def test_oauth_token_lists_nothing(carto: Sandbox) -> None:
    """An OAuth token is let in, sees an empty list, and cannot show itself."""
    token = carto.accounts["jane"].oauth.token
    listed = ask(carto, "jane", token).json()
    assert (listed["total"], listed["count"], listed["result"]) == (0, 0, [])
    assert "page=0" in listed["_links"]["last"]["href"]
    assert ask(carto, "jane", token, "/oauth%20token").status_code == 404


def test_shape_of_a_key(carto: Sandbox) -> None:
    """A shown key has CARTO's fields, its grants in order, and no links."""
    master = carto.accounts["jane"].master
    assert ask(carto, "jane", master.token, "/Master").json() == {
        "name": "Master",
        "user": {"username": "jane"},
        "type": "master",
        "token": master.token,
        "grants": [
            {"type": "apis", "apis": ["sql", "maps"]},
            {"type": "database", "tables": [], "schemas": []},
            {
                "type": "dataservices",
                "services": ["geocoding", "routing", "isolines", "observatory"],
            },
        ],
        "created_at": "2019-02-14 13:23:12 UTC",
        "updated_at": "2019-02-14 13:23:12 UTC",
    }


@pytest.mark.parametrize(
    ("user", "header"),
    [
        ("jane", "Basic " + base64.b64encode(b"jane:wrong").decode()),
        ("jane", "Basic " + base64.b64encode(b"jane:").decode()),
        ("jane", "Basic %%%"),
        ("jane", "Bearer abc"),
        ("jane", ""),
        ("nobody", "Basic " + base64.b64encode(b"nobody:default_public").decode()),
        ("jane", "Basic " + base64.b64encode(b"bob:default_public").decode()),
        ("Jane", "Basic " + base64.b64encode(b"Jane:default_public").decode()),
    ],
)
def test_no_right_key_is_an_empty_401(carto: Sandbox, user: str, header: str) -> None:
    """Wrong key, no key, unknown user and other user cannot be told apart."""
    url = carto.base_url(user) + "/api/v3/api_keys"
    answer = requests.get(url, headers={"Authorization": header}, timeout=5)
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer.headers["Content-Type"] == "application/json"
    assert "WWW-Authenticate" not in answer.headers
    assert "_cartodb_session" in answer.headers["Set-Cookie"]
    assert answer.headers.items() >= ALWAYS.items()


def test_header_beats_parameter(carto: Sandbox) -> None:
    """A wrong header is not saved by a right parameter; a Bearer header is ignored."""
    url = carto.base_url("jane") + "/api/v3/api_keys"
    right = {"api_key": carto.accounts["jane"].master.token}
    assert requests.get(url, params=right, timeout=5).status_code == 200
    wrong = requests.get(url, params=right, auth=("jane", "wrong"), timeout=5)
    assert wrong.status_code == 401
    bearer = {"Authorization": "Bearer abc"}
    answer = requests.get(url, params=right, headers=bearer, timeout=5)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("goodkey_goodkey", 200),
        ("goodkey_goodkey:anything", 200),
        ("goodkey_goodkex", 401),
    ],
)
def test_key_is_cut_at_a_colon(sent: str, status: int) -> None:
    """What follows a second colon does not count."""
    with _one_account("goodkey_goodkey") as carto:
        assert ask(carto, "jane", sent).status_code == status


@pytest.mark.parametrize("slip", ["?", "~", "?and more"])
def test_key_is_cut_where_base64_has_a_slash(slip: str) -> None:
    """A mistyped key whose Base64 holds `/` or `+` is taken for its beginning."""
    with _one_account("abcdefghi") as carto:
        assert ask(carto, "jane", "abcdefghi" + slip).status_code == 200
        assert ask(carto, "jane", "abcdefghi!").status_code == 401


@pytest.mark.parametrize(
    ("header", "status"),
    [("bAsIc {}", 200), ("Negotiate, Basic {}", 200), ("Basic  {}", 401)],
)
def test_loose_pattern_of_the_header(carto: Sandbox, header: str, status: int) -> None:
    """`basic` counts in any case and anywhere, with exactly one blank after it."""
    pair = base64.b64encode(b"jane:default_public").decode()
    url = carto.base_url("jane") + "/api/v3/api_keys"
    headers = {"Authorization": header.format(pair)}
    assert requests.get(url, headers=headers, timeout=5).status_code == status


@pytest.mark.parametrize("key", ["Master", "wrong"])
@pytest.mark.parametrize("user", ["lena", "mara"])
def test_locked_or_maintained_is_404_whatever_the_key(
    carto: Sandbox, user: str, key: str
) -> None:
    """The state is looked at before the key."""
    account = carto.accounts[user]
    token = account.master.token if key == "Master" else key
    answer = ask(carto, user, token)
    assert (answer.status_code, answer.content) == (404, b"")
    assert answer.headers["Content-Type"] == "application/json"
    assert "X-CartoDB-Rev" not in answer.headers


def test_engine_is_looked_at_after_the_key(carto: Sandbox) -> None:
    """Without engine a right key gets 404, a wrong one 401."""
    token = carto.accounts["enzo"].master.token
    assert ask(carto, "enzo", token).status_code == 404
    assert ask(carto, "enzo", "wrong").status_code == 401


@pytest.mark.parametrize("user", ["ulla", "nico"])
def test_unconfirmed_accounts_pass(carto: Sandbox, user: str) -> None:
    """Unverified and not activated accounts may list their keys."""
    token = carto.accounts[user].master.token
    assert ask(carto, user, token).status_code == 200


def test_state_may_change_while_running(carto: Sandbox) -> None:
    """Locking and unlocking an account shows at once."""
    jane = carto.accounts["jane"]
    jane.state = "locked"
    assert ask(carto, "jane", jane.master.token).status_code == 404
    jane.state = "active"
    assert ask(carto, "jane", jane.master.token).status_code == 200


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("page=0", "page"),
        ("page=x", "page"),
        ("per_page=-1", "per_page"),
        ("order=token", "order"),
        ("order_direction=up", "order_direction"),
        ("type=oauth", "type"),
    ],
)
def test_wrong_parameters(carto: Sandbox, query: str, word: str) -> None:
    """A parameter out of range is a 400 that names it."""
    token = carto.accounts["jane"].master.token
    answer = ask(carto, "jane", token, f"?{query}")
    assert answer.status_code == 400
    assert answer.json()["errors"].startswith(f"Wrong '{word}' parameter value.")
    assert answer.json()["errors_cause"] is None


def test_pages(carto: Sandbox) -> None:
    """Pages are cut, linked, and empty behind the end."""
    token = carto.accounts["jane"].master.token
    second = ask(carto, "jane", token, "?per_page=2&page=2").json()
    assert [key["name"] for key in second["result"]] == ["reporting", "maps only"]
    assert second["_links"].keys() == {"first", "last", "prev", "next"}
    assert "page=3" in second["_links"]["last"]["href"]
    beyond = ask(carto, "jane", token, "?page=9").json()
    assert (beyond["count"], beyond["total"]) == (0, 5)
    assert "next" not in beyond["_links"]


def test_links_repeat_the_key(carto: Sandbox) -> None:
    """Page links carry every parameter, and a doubled user path."""
    token = carto.accounts["jane"].master.token
    url = carto.base_url("jane") + "/api/v3/api_keys"
    answer = requests.get(url, params={"api_key": token}, timeout=5).json()
    first = answer["_links"]["first"]["href"]
    assert f"api_key={token}" in first
    assert "/user/jane/u/jane/api/v3/api_keys?" in first
    assert answer["result"][1]["_links"]["self"].endswith("/Default+public")


def test_filter_and_order(carto: Sandbox) -> None:
    """`type` takes a list; `order` counts within a type, always ascending."""
    token = carto.accounts["jane"].master.token
    answer = ask(
        carto, "jane", token, "?type=regular,master&order=name&order_direction=desc"
    )
    assert names(answer) == ["Master", "maps only", "observatory", "reporting"]


def test_jsonp_keeps_the_status(carto: Sandbox) -> None:
    """`callback` wraps the answer; a bad one is a 400."""
    token = carto.accounts["jane"].default_public.token
    answer = ask(carto, "jane", token, "?callback=show")
    assert answer.text.startswith('/**/show({"total":1')
    assert answer.headers["Content-Type"].startswith("text/javascript")
    bad = ask(carto, "jane", token, "?callback=a-b")
    assert bad.status_code == 400
    assert bad.json() == {"errors": {"callback": "Invalid callback format"}}


def test_target_user(carto: Sandbox) -> None:
    """Only an administrator looks into a colleague's keys."""
    anna, bob = carto.accounts["anna"].master.token, carto.accounts["bob"].master.token
    seen = ask(carto, "anna", anna, "?target_user=bob")
    assert seen.json()["result"][0]["token"] == bob
    refused = ask(carto, "bob", bob, "?target_user=anna")
    assert refused.status_code == 403
    assert "permission" in refused.json()["errors"]
    shown = ask(carto, "anna", anna, "/Master?target_user=bob")
    assert shown.json()["token"] == bob
    refused = ask(carto, "bob", bob, "/Master?target_user=anna")
    assert refused.status_code == 403
    stranger = ask(carto, "anna", anna, "?target_user=jane")
    assert stranger.status_code == 404
    assert stranger.json()["errors"].startswith("User 'jane' not found")


def test_cookie_lists_everything(carto: Sandbox) -> None:
    """With a session cookie a wrong key lists all keys: the trap of a 200."""
    answer = ask(carto, "jane", "wrong", cookies={"_cartodb_session": "jane"})
    assert answer.status_code == 200
    assert len(names(answer)) == 5
    other = ask(carto, "jane", "wrong", cookies={"_cartodb_session": "bob"})
    assert other.status_code == 401


def test_trusted_header_lists_everything(carto: Sandbox) -> None:
    """So does a header that a proxy is trusted to set, once it is trusted."""
    headers = {"X-Remote-User": "jane@example.com"}
    assert ask(carto, "jane", "wrong", headers=headers).status_code == 401
    carto.install.sso_header = "X-Remote-User"
    assert len(names(ask(carto, "jane", "wrong", headers=headers))) == 5


def test_https_is_required_before_the_key(carto: Sandbox) -> None:
    """Plain http is sent to https with the key still in the URL."""
    carto.install.ssl_required = True
    url = carto.base_url("jane") + "/api/v3/api_keys?api_key=wrong"
    answer = requests.get(url, allow_redirects=False, timeout=5)
    assert answer.status_code == 301
    assert answer.headers["Location"] == (
        "https://127.0.0.1/user/jane/api/v3/api_keys?api_key=wrong"
    )
    proxied = {"X-Forwarded-Proto": "https"}
    assert requests.get(url, headers=proxied, timeout=5).status_code == 401


def test_old_versions(carto: Sandbox) -> None:
    """Before 4.20 there is no Auth API; 4.20.1 lists by date alone."""
    jane = carto.accounts["jane"]
    carto.install.old_version = "4.19.0"
    answer = ask(carto, "jane", jane.master.token)
    assert answer.status_code == 404
    assert answer.headers["Content-Type"].startswith("text/html")
    carto.install.old_version = "4.20.1"
    jane.master.updated_at = jane.keys["observatory"].updated_at.replace(year=2024)
    assert names(ask(carto, "jane", jane.master.token))[-1] == "Master"
    carto.install.old_version = "4.20.2"
    assert names(ask(carto, "jane", jane.master.token))[0] == "Master"


@pytest.mark.parametrize("suffix", ["", "/", ".json"])
@pytest.mark.parametrize("prefix", ["/user/jane", "/u/jane"])
def test_forms_of_the_path(carto: Sandbox, prefix: str, suffix: str) -> None:
    """Both prefixes, a slash at the end and `.json` lead to the list."""
    url = f"{carto.url}{prefix}/api/v3/api_keys{suffix}"
    answer = requests.get(url, auth=("jane", "default_public"), timeout=5)
    assert answer.status_code == 200


def test_keys_are_managed_by_the_master_key(carto: Sandbox) -> None:
    """The master key makes, renews and deletes regular keys."""
    jane = carto.accounts["jane"]
    url = carto.base_url("jane") + "/api/v3/api_keys"
    body = {"name": "fresh key", "grants": grants(["sql"])}
    auth = ("jane", jane.master.token)
    made = requests.post(url, json=body, auth=auth, timeout=5)
    assert made.status_code == 201
    token = made.json()["token"]
    assert ask(carto, "jane", token).json()["result"][0]["name"] == "fresh key"
    assert requests.post(url, json=body, auth=auth, timeout=5).status_code == 422
    again = requests.post(f"{url}/fresh%20key/token/regenerate", auth=auth, timeout=5)
    assert again.json()["token"] == jane.keys["fresh key"].token != token
    assert ask(carto, "jane", token).status_code == 401
    assert (
        requests.delete(f"{url}/fresh%20key", auth=auth, timeout=5).status_code == 200
    )
    assert "fresh key" not in jane.keys
    kept = requests.delete(f"{url}/Master", auth=auth, timeout=5)
    assert kept.status_code == 403


@pytest.mark.parametrize(
    "body",
    [
        {"name": "", "grants": grants()},
        {"name": "Master", "grants": grants()},
        {"name": "fresh"},
        {"name": "fresh", "grants": []},
        {"name": "fresh", "grants": [*grants(), {"type": "apis", "apis": []}]},
        {"name": "fresh", "grants": [{"type": "apis", "apis": []}, 5]},
    ],
)
def test_wrong_new_keys_are_unprocessable(carto: Sandbox, body: dict[str, Any]) -> None:
    """A key needs a new name and exactly one grant of APIs."""
    jane = carto.accounts["jane"]
    before = list(jane.keys)
    url = carto.base_url("jane") + "/api/v3/api_keys"
    auth = ("jane", jane.master.token)
    answer = requests.post(url, json=body, auth=auth, timeout=5)
    assert answer.status_code == 422
    assert answer.json()["errors"].startswith("Validation failed:")
    assert list(jane.keys) == before


def test_public_key_keeps_its_token(carto: Sandbox) -> None:
    """The token of the default key cannot be renewed."""
    url = carto.base_url("jane") + "/api/v3/api_keys/Default%20public/token/regenerate"
    auth = ("jane", carto.accounts["jane"].master.token)
    assert requests.post(url, auth=auth, timeout=5).status_code == 403


@pytest.mark.parametrize("name", ["reporting", "Default public", "oauth token"])
def test_other_keys_manage_nothing(carto: Sandbox, name: str) -> None:
    """Any other key gets a 401 for making, renewing and deleting."""
    auth = ("jane", carto.accounts["jane"].keys[name].token)
    url = carto.base_url("jane") + "/api/v3/api_keys"
    body = {"name": "fresh", "grants": grants()}
    one = f"{url}/reporting"
    assert requests.post(url, json=body, auth=auth, timeout=5).status_code == 401
    assert requests.delete(one, auth=auth, timeout=5).status_code == 401
    renewed = requests.post(f"{one}/token/regenerate", auth=auth, timeout=5)
    assert renewed.status_code == 401


def _one_account(token: str) -> Sandbox:
    jane = SandboxAccount("jane")
    jane.add_key("reporting", token=token)
    return Sandbox(accounts=[jane])
