from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import example, given
from hypothesis import strategies as st

from carto_login_widget import address
from carto_login_widget.errors import InvalidCredentialsError

names = st.from_regex(r"[A-Za-z0-9_-]{1,63}", fullmatch=True)
hosts = st.one_of(
    st.from_regex(r"[a-z0-9-]{1,9}(\.[a-z0-9-]{1,9}){0,3}", fullmatch=True),
    st.sampled_from(["jane.carto.com", "team.carto.com", "carto.com", "app.carto.com"]),
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(lambda ip: f"[{ip}]"),
)
paths = st.lists(
    st.sampled_from(
        ["user", "u", "jane", "Me", "me", "api", "v3", "dashboard", "", "."]
    )
    | st.text(max_size=4),
    max_size=5,
).map("/".join)
pasted = st.one_of(
    st.text(max_size=40),
    st.builds(
        "{}{}{}{}/{}{}".format,
        st.sampled_from(
            ["", "https://", "HTTP://", "http://", "//", "https:/", "ftp://"]
        ),
        st.sampled_from(["", "user@", "jane.carto.com@", "a:b@"]),
        hosts,
        st.sampled_from(["", ":", ":443", ":80", ":8080", ":0", ":99999", "."]),
        paths,
        st.sampled_from(["", "?a=1", "#", "#/x", "?api_key=1"]),
    ),
)


def _resolved(name, base):
    try:
        return address.resolve(name, base, allow_non_secure=True)
    except InvalidCredentialsError:
        return None


@given(pasted)
@example("https://https://jane.carto.com")
@example("http://0x7f.1/")
@example("https://jane.carto.com\t.evil.example")
@example("https://a/u/u/user/u")
def test_normalising_twice_is_normalising_once(text):
    """What came out is what goes in the next time."""
    try:
        once = address.normalize_base_url(text, allow_non_secure=True)
    except InvalidCredentialsError:
        return
    assert address.normalize_base_url(once, allow_non_secure=True) == once
    assert once == address.origin_of(once) + urlsplit(once).path
    assert not once.endswith("/")


@given(names)
def test_from_a_name_to_an_address_and_back(name):
    """The address of a name alone gives the name again."""
    found = _resolved(name, None)
    if found is None:
        return
    assert found.username == name.lower()
    assert address.resolve(None, found.base_url) == found
    assert address.resolve(name, found.base_url) == found


@given(names, pasted)
def test_from_an_address_to_an_address(name, text):
    """Whatever was understood is understood the same way again."""
    found = _resolved(name, text)
    if found is None:
        return
    assert found.username == name.lower()
    assert _resolved(name, found.base_url) == found
    assert _resolved(None, found.base_url) == found


@given(st.none() | names | st.text(max_size=30), st.none() | pasted)
@example("evil.com/#", None)
@example("jane", "https://jane.carto.com\\@evil.example/")
@example("jane", "https://jane.carto.com#@evil.example/")
@example("jane", "https://[::ffff:1.2.3.4]/")
@example("jane", "http://127.1/")
def test_no_request_goes_to_a_host_that_was_not_written(name, base):
    """The host that requests would connect to stands in what was given."""
    found = _resolved(name, base)
    if found is None:
        return
    url = found.url("api/v3/api_keys?per_page=1")
    parts = urlsplit(requests.Request("GET", url).prepare().url)
    if base:
        written = address.origin_of(_with_scheme(base)).partition("://")[2]
        assert found.host == written
        assert _bare(parts.hostname) in base.lower() or ":" in parts.hostname
    else:
        assert parts.hostname == f"{name.lower()}.carto.com"
    assert parts.path.endswith("/api/v3/api_keys")
    assert f"{parts.scheme}://{parts.netloc}" == found.origin
    assert parts.username is None


def _bare(host):
    return host.lower()


def _with_scheme(text):
    text = text.strip().strip("/")
    return text if "://" in text else f"https://{text}"


@given(st.text(max_size=30) | pasted)
def test_any_text_is_a_user_name_or_an_error(text):
    """No other error, and what is refused is so when strictly judged, too."""
    try:
        address.check_username(text)
    except InvalidCredentialsError:
        with pytest.raises(InvalidCredentialsError):
            address.check_username_strictly(text)
    else:
        assert re.fullmatch(r"[A-Za-z0-9_-]+", text)
    assert isinstance(address.is_loopback(text), bool)
    assert isinstance(address.origin_of(text), str)
