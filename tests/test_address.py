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
