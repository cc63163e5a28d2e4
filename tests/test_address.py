from __future__ import annotations

import pytest

from carto_login_widget import address
from carto_login_widget.errors import InvalidCredentialsError


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("jane.carto.com", "https://jane.carto.com"),
        ("  https://Jane.CARTO.com/ \n", "https://jane.carto.com"),
        ("https://jane.carto.com:443", "https://jane.carto.com"),
        ("https://jane.carto.com.", "https://jane.carto.com"),
        ("//jane.carto.com/", "https://jane.carto.com"),
        ("https://jane.carto.com/dashboard/?page=2#/maps", "https://jane.carto.com"),
        ("https://jane.carto.com/your_apps", "https://jane.carto.com"),
        ("https://jane.carto.com/anything/else", "https://jane.carto.com"),
        ("https://jane.carto.com/user/jane", "https://jane.carto.com"),
        ("https://team.carto.com/u/Jane", "https://team.carto.com/user/jane"),
        ("https://team.carto.com/u/jane/dashboard", "https://team.carto.com/user/jane"),
        ("https://maps.example.com/user/me/me", "https://maps.example.com/user/me"),
        ("maps.example.com/user/mercedes", "https://maps.example.com/user/mercedes"),
        ("maps.example.com/c/user/jo/api/v3", "https://maps.example.com/c/user/jo"),
        ("maps.example.com/api/user/jo", "https://maps.example.com/api/user/jo"),
        ("maps.example.com/carto/login", "https://maps.example.com/carto"),
        ("https://maps.example.com:3000//a//", "https://maps.example.com:3000/a"),
        ("http://127.0.0.1:8080/user/jane", "http://127.0.0.1:8080/user/jane"),
        ("HTTP://[::1]:80/", "http://[::1]"),
        ("localhost:8080", "https://localhost:8080"),
    ],
)
def test_an_address_bar_becomes_the_base_of_the_api(given, expected):
    """Whatever a browser shows on CARTO's pages is understood."""
    assert address.normalize_base_url(given) == expected


@pytest.mark.parametrize(
    ("given", "suggestion"),
    [
        ("", None),
        ("https://", None),
        ("https:/jane.carto.com", None),
        ("https://https://jane.carto.com", None),
        ("https:jane.carto.com", None),
        ("ftp://jane.carto.com", None),
        ("javascript://jane.carto.com", None),
        ("https://ja ne.carto.com", None),
        ("https://jane.carto.com/\r\nX-Key: 1", None),
        ("https://j\u00e4ne.carto.com", None),
        ("https://jane.carto.com\\@evil.example", None),
        ("https://jane.carto.com:0", None),
        ("https://jane.carto.com:99999", None),
        ("https://jane.carto.com:x", None),
        ("https://[::1", None),
        ("https://[fe80::1%25eth0]", None),
        ("https://127.1", None),
        ("https://2130706433", None),
        ("https://0x7f.1", None),
        ("https://a..b", None),
        ("https://" + "a" * 64 + ".com", None),
        ("https://maps.example.com/user/ja%2Fne", None),
        ("https://maps.example.com/../x", "https://maps.example.com"),
        ("https://jane:pw@jane.carto.com", "https://jane.carto.com"),
        ("https://jane.carto.com/?page=2", "https://jane.carto.com"),
        ("https://evil.example/#.carto.com", "https://evil.example"),
        ("https://jane.carto.com/dashboard?api_key=abc", "https://jane.carto.com"),
        ("http://jane.carto.com:80/u/bob", "https://jane.carto.com/user/bob"),
        ("http://maps.example.com", "https://maps.example.com"),
        ("https://www.jane.carto.com", "https://jane.carto.com"),
        ("https://carto.com/u/jane", "https://jane.carto.com"),
        ("https://carto.com/login", None),
    ],
)
def test_an_address_that_cannot_be_right_is_refused(given, suggestion):
    """Refused before any request, with the address that would do where there is one."""
    with pytest.raises(InvalidCredentialsError) as caught:
        address.normalize_base_url(given)
    assert caught.value.field == "base_url"
    assert caught.value.suggestion == suggestion
    assert "abc" not in str(caught.value)
    assert "pw" not in str(caught.value)


def test_http_is_taken_where_it_is_allowed():
    """In a network that the user trusts."""
    allowed = address.normalize_base_url(
        "http://maps.example.com:80/u/jane", allow_non_secure=True
    )
    assert allowed == "http://maps.example.com/user/jane"


@pytest.mark.parametrize(
    "given",
    [
        "app.carto.com",
        "https://app.carto.com/",
        "https://gcp-us-east1.api.carto.com",
        "https://workspace-gcp-us-east1.app.carto.com/login",
        "https://APP.carto.com/user/jane",
    ],
)
def test_the_new_platform_is_recognised(given):
    """The message says what this package signs in to."""
    with pytest.raises(InvalidCredentialsError) as caught:
        address.normalize_base_url(given)
    assert str(caught.value) == address.CARTO_3_MESSAGE


@pytest.mark.parametrize("name", ["jane", "Jane", "jane_doe", "j-1", "-", "a" * 63])
def test_user_names_are_checked_leniently(name):
    """What cannot go astray is let through."""
    address.check_username(name)


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("", None),
        ("jane@example.com", None),
        ("jane.carto.com", "jane"),
        ("https://jane.carto.com/dashboard", "jane"),
        ("team.carto.com/u/jane", "jane"),
        ("maps.example.com/user/jane", "jane"),
        ("evil.com/#", None),
        ("evil.com", None),
        ("jane/../bob", None),
        ("jane doe", None),
        ("jane\r\nHost: x", None),
        ("j\u00e4ne", None),
        ("jane:x", None),
        ("a" * 64, None),
        ("jane?user_domain=bob", None),
    ],
)
def test_what_is_no_user_name_is_refused(name, suggestion):
    """With the name that an address holds, where it was an address."""
    with pytest.raises(InvalidCredentialsError, match="CARTO user name") as caught:
        address.check_username(name)
    assert caught.value.field == "username"
    assert caught.value.suggestion == suggestion


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("jane", None),
        ("Jane", None),
        ("jane_doe", "'jane-doe'"),
        ("-jane", "letter or a digit"),
        ("jane-", "letter or a digit"),
        ("jane.doe", "looks like an address"),
    ],
)
def test_the_hint_is_as_strict_as_the_server(name, hint):
    """A form can tell what CARTO would never have."""
    if hint is None:
        address.check_username_strictly(name)
        return
    with pytest.raises(InvalidCredentialsError, match=hint) as caught:
        address.check_username_strictly(name)
    if better := caught.value.suggestion:
        address.check_username_strictly(better)


@pytest.mark.parametrize(
    ("name", "base", "expected"),
    [
        ("Jane", None, ("jane", "https://jane.carto.com")),
        ("jane", "", ("jane", "https://jane.carto.com")),
        (None, "https://jane.carto.com", ("jane", "https://jane.carto.com")),
        ("jane", "https://JANE.carto.com/", ("jane", "https://jane.carto.com")),
        ("bob", "https://team.carto.com", ("bob", "https://team.carto.com/user/bob")),
        (None, "team.carto.com/u/bob", ("bob", "https://team.carto.com/user/bob")),
        ("Bob", "team.carto.com/u/bob", ("bob", "https://team.carto.com/user/bob")),
        (None, "https://jane.maps.example", ("jane", "https://jane.maps.example")),
        ("jo", "https://maps.example/c", ("jo", "https://maps.example/c/user/jo")),
        ("jo", "https://jo.maps.example/c", ("jo", "https://jo.maps.example/c")),
        ("jane", "http://localhost:1", ("jane", "http://localhost:1/user/jane")),
        (
            "localhost",
            "http://localhost",
            ("localhost", "http://localhost/user/localhost"),
        ),
        ("10", "https://10.0.0.5", ("10", "https://10.0.0.5/user/10")),
        ("jane", "https://[::1]", ("jane", "https://[::1]/user/jane")),
        ("maps", "https://maps", ("maps", "https://maps/user/maps")),
        (
            "www",
            "https://www.maps.example",
            ("www", "https://www.maps.example/user/www"),
        ),
    ],
)
def test_user_and_address_are_told_from_one_another(name, base, expected):
    """The path counts first, then the name that was given, then the host."""
    found = address.resolve(name, base)
    assert (found.username, found.base_url) == expected


@pytest.mark.parametrize(
    ("name", "base", "problem"),
    [
        (None, None, "user name is needed"),
        ("", "", "user name is needed"),
        ("jane", "https://team.carto.com/u/bob", "belongs to 'bob', not to 'jane'"),
        (None, "https://10.0.0.5", "whose account"),
        (None, "http://localhost:8080", "whose account"),
        (None, "https://[::1]:8080", "whose account"),
        (None, "https://maps", "whose account"),
        (None, "https://www.example.com", "whose account"),
        ("evil.com/#", None, "looks like an address"),
        ("jane", "https://carto.com", "CARTO's web site"),
        ("app", None, "new CARTO platform"),
        ("www", None, "web site"),
    ],
)
def test_an_account_that_is_not_clear_is_refused(name, base, problem):
    """Before any request."""
    with pytest.raises(InvalidCredentialsError, match=problem):
        address.resolve(name, base)


def test_what_an_address_tells():
    """Origin, host, keys page and URLs of the cloud and of an installation."""
    cloud = address.resolve("jane", None)
    assert cloud.is_cloud
    assert (cloud.origin, cloud.host) == ("https://jane.carto.com", "jane.carto.com")
    assert cloud.keys_page == "https://jane.carto.com/your_apps"
    own = address.resolve("jane", "https://Maps.example.com:8443/c")
    assert not own.is_cloud
    assert own.host == "maps.example.com:8443"
    assert own.url("/api/v4/me") == own.url("api/v4/me")
    assert own.url("a") == "https://maps.example.com:8443/c/user/jane/a"


@pytest.mark.parametrize(
    ("base", "cloud"),
    [
        ("https://team.carto.com/user/jane", True),
        ("https://jane.carto.com:443", True),
        ("https://jane.carto.com:8443", False),
        ("https://jane.carto.com.evil.example", False),
        ("https://jane.notcarto.com", False),
        ("https://a.jane.carto.com", False),
        ("https://jane.cartodb.com", False),
    ],
)
def test_only_carto_com_is_the_cloud(base, cloud):
    """Exactly one label under carto.com, over https at the usual port."""
    assert address.resolve("jane", base).is_cloud == cloud


def test_http_is_not_the_cloud():
    """Whoever answers there has not shown a certificate."""
    plain = address.resolve("jane", "http://jane.carto.com", allow_non_secure=True)
    assert not plain.is_cloud


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:80", True),
        ("http://LOCALHOST/", True),
        ("http://127.8.9.1:5", True),
        ("http://[::1]/x", True),
        ("http://localhost.evil.example", False),
        ("http://jane.localhost", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://0.0.0.0", False),
        ("http://127.1", False),
        ("http://192.168.0.1", False),
        ("nonsense", False),
        ("http://[::1", False),
    ],
)
def test_loopback(url, expected):
    """Only what cannot lead to another machine."""
    assert address.is_loopback(url) == expected


@pytest.mark.parametrize("url", ["", "x", "http://", "http://[::1", "http://a:b"])
def test_no_origin(url):
    """What has no host has no origin."""
    assert address.origin_of(url) == ""


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("https://{user}.maps.example:443", "https://jane.maps.example"),
        ("https://maps.example:443/user/{user}", "https://maps.example/user/jane"),
        ("http://maps.example/user/{user}", None),
        ("https://{user}@maps.example", None),
        ("https://maps.example", None),
        ("{user}", None),
        (None, None),
        (7, None),
    ],
)
def test_the_address_that_a_server_announces(template, expected):
    """It is a suggestion only, and no worse than one that was typed."""
    assert address.base_from_template(template, "jane") == expected
