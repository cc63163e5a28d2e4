"""Which user a request is for: by path, parameter or host, on either installation."""

from __future__ import annotations

import pytest
import requests

from carto_login_widget.sandbox import Sandbox


def status(carto: Sandbox, url: str, user: str) -> int:
    auth = (user, carto.accounts[user].master.token)
    with carto.session() as session:
        return session.get(url, auth=auth, timeout=5).status_code


@pytest.mark.parametrize(
    ("origin", "user", "v3", "v4", "sql"),
    [
        ("https://jane.carto.com", "jane", 200, 200, 400),
        ("https://bob.carto.com", "bob", 200, 200, 400),
        ("https://team.carto.com/user/bob", "bob", 200, 200, 400),
        ("https://team.carto.com/u/bob", "bob", 200, 200, 404),
        ("https://jane.carto.com/user/jane", "jane", 200, 404, 400),
        ("https://team.carto.com", "bob", 401, 401, 404),
        ("https://carto.com", "jane", 401, 401, 400),
        ("https://carto.com/user/jane", "jane", 200, 404, 400),
    ],
)
def test_cloud_addresses(  # noqa: PLR0913
    carto: Sandbox, origin: str, user: str, v3: int, v4: int, sql: int
) -> None:
    """The cloud finds the user in the host, and wants the right one for version 4."""
    assert status(carto, f"{origin}/api/v3/api_keys", user) == v3
    assert status(carto, f"{origin}/api/v4/me", user) == v4
    assert status(carto, f"{origin}/api/v2/sql", user) == sql


def test_case_of_the_host_counts(carto: Sandbox) -> None:
    """A capital in the host is another user, whom nobody knows."""
    url = carto.url + "/api/v3/api_keys"
    for host, status_ in (("jane.carto.com", 200), ("Jane.carto.com", 401)):
        auth = (host.partition(".")[0], "default_public")
        answer = requests.get(url, headers={"Host": host}, auth=auth, timeout=5)
        assert answer.status_code == status_


def test_session_keeps_url_and_host(carto: Sandbox) -> None:
    """The client's own view is the cloud's; the sandbox sees the cloud's host."""
    with carto.session() as session:
        answer = session.get("https://jane.carto.com/api/v4/me?api_key=default_public")
    assert answer.url == "https://jane.carto.com/api/v4/me?api_key=default_public"
    assert carto.requests[-1].host == "jane.carto.com"
    assert carto.requests[-1].user == "jane"
    assert answer.json()["api_endpoints"]["sql"] == "https://jane.carto.com:443"
    assert answer.json()["api_endpoints"]["auth"] == "https://jane.carto.com"


def test_session_goes_past_a_proxy(
    carto: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy of the environment does not come between session and sandbox."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with carto.session() as session:
        assert session.get("https://jane.carto.com/api/v3/me", timeout=5).ok
        assert session.get("http://jane.carto.com/api/v3/me", timeout=5).ok


def test_own_domain() -> None:
    """The domain of the cloud can be another one."""
    with Sandbox(session_domain=".carto.test") as carto:
        assert status(carto, "https://jane.carto.test/api/v4/me", "jane") == 200


def test_subdomain_mode_does_not_know_loopback() -> None:
    """An installation with subdomains finds no user in 127.0.0.1."""
    with Sandbox(mode="subdomain") as carto:
        assert status(carto, f"{carto.url}/api/v3/api_keys", "jane") == 401
        assert status(carto, f"{carto.base_url('jane')}/api/v3/api_keys", "jane") == 200
        assert status(carto, f"{carto.base_url('jane')}/api/v4/me", "jane") == 404
        host = {"Host": "jane.carto.com"}
        answer = requests.get(f"{carto.url}/api/v2/sql", headers=host, timeout=5)
        assert answer.status_code == 400
        assert answer.json() == {"error": ["You must indicate a sql query"]}


def test_subdomainless_mode_ignores_the_host() -> None:
    """An installation without subdomains finds the user in the path only."""
    with Sandbox(mode="subdomainless") as carto:
        assert status(carto, "https://jane.carto.com/api/v3/api_keys", "jane") == 401
        url = "https://maps.carto.com/user/jane/api/v4/me"
        assert status(carto, url, "jane") == 200


def test_user_domain_parameter(carto: Sandbox) -> None:
    """`user_domain` names the user where the path does not, and beats the host."""
    url = carto.url + "/api/v3/api_keys?user_domain=jane"
    assert status(carto, url, "jane") == 200
    url = "https://bob.carto.com/api/v3/api_keys?user_domain=jane"
    assert status(carto, url, "jane") == 200
    both = carto.base_url("jane") + "/api/v3/api_keys?user_domain=bob"
    assert status(carto, both, "jane") == 200


def test_forwarded_host_and_scheme(carto: Sandbox) -> None:
    """Rails believes a proxy about host and scheme; the SQL API reads `Host`."""
    headers = {"X-Forwarded-Host": "jane.carto.com", "X-Forwarded-Proto": "https"}
    answer = requests.get(carto.url + "/api/v3/me", headers=headers, timeout=5)
    assert answer.json()["config"]["user_name"] == "jane"
    template = answer.json()["config"]["sql_api_template"]
    assert template == "https://{user}.carto.com:443"
    assert answer.json()["config"]["cartodb_com_hosted"] is False
    answer = requests.get(carto.url + "/api/v2/sql", headers=headers, timeout=5)
    host = carto.url.removeprefix("http://")
    assert answer.status_code == 400
    assert answer.json() == {"error": [f"No username found in hostname '{host}'"]}


def test_unknown_path(carto: Sandbox) -> None:
    """An unknown path is a web page, or JSON for who asks for it."""
    page = requests.get(carto.url + "/api/v9/nothing", timeout=5)
    assert page.status_code == 404
    assert page.headers["Content-Type"].startswith("text/html")
    accept = {"Accept": "application/json"}
    answer = requests.get(carto.url + "/api/v9/nothing", headers=accept, timeout=5)
    assert answer.json() == {"status": "404", "error": "Not Found"}


def test_head_has_no_body(carto: Sandbox) -> None:
    """HEAD answers as GET does, without the body."""
    answer = requests.head(carto.base_url("jane") + "/api/v3/me", timeout=5)
    assert answer.status_code == 200
    assert answer.content == b""
    assert int(answer.headers["Content-Length"]) > 0
