"""Records: what was asked, and where the key was."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

import pytest
import requests

if TYPE_CHECKING:
    from carto_login_widget.sandbox import Sandbox

SECRET = "c4n4ry-key_0123456789AB"


@pytest.mark.parametrize(
    ("sent", "place"),
    [
        ({"auth": ("jane", SECRET)}, "header"),
        ({"params": {"api_key": SECRET}}, "query"),
        ({"params": {"map_key": SECRET}}, "query"),
        ({"data": {"api_key": SECRET}}, "body"),
        ({"json": {"api_key": SECRET}}, "body"),
        ({}, None),
    ],
)
def test_place_of_the_key(carto: Sandbox, sent: dict, place: str | None) -> None:
    """A record says where the key was and which; its repr does not."""
    requests.post(carto.base_url("jane") + "/api/v2/sql", timeout=5, **sent)
    record = carto.requests[-1]
    assert record.key_in == place
    assert record.key == (SECRET if place else None)
    assert record.holds(SECRET) is bool(place)
    assert SECRET not in repr(record)


def test_fields_of_a_record(carto: Sandbox) -> None:
    """Verb, path without query, route, host, user, status and headers are kept."""
    url = carto.base_url("jane") + "/api/v3/api_keys/?page=1"
    requests.get(url, headers={"X-Mine": "yes"}, timeout=5)
    record = carto.requests[-1]
    assert record.method == "GET"
    assert record.path == "/user/jane/api/v3/api_keys/"
    assert record.route == "/api/v3/api_keys"
    assert record.query == "page=1"
    assert record.host == carto.url.removeprefix("http://")
    assert record.user == "jane"
    assert record.status == 401
    assert record.headers["x-mine"] == "yes"
    assert record.fault is None


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Any": SECRET},
        {"Cookie": f"a={SECRET}"},
        {"X-Token": base64.b64encode(f"x:{SECRET}".encode()).decode()},
    ],
)
def test_a_key_is_found_wherever_it_hides(
    carto: Sandbox, headers: dict[str, str]
) -> None:
    """`holds` looks into every header, plainly and inside Base64."""
    requests.get(carto.url + "/anything", headers=headers, timeout=5)
    assert carto.requests[-1].holds(SECRET)
    assert not carto.requests[-1].holds(SECRET[::-1])
    assert carto.requests[-1].key_in is None


def test_count_and_clear(carto: Sandbox) -> None:
    """Requests are counted, newest last, until they are forgotten."""
    for path in ("/one", "/two"):
        requests.get(carto.url + path, timeout=5)
    assert carto.count == 2
    assert [record.path for record in carto.requests] == ["/one", "/two"]
    carto.clear()
    assert (carto.count, carto.requests) == (0, [])


def test_waiting_for_requests_that_do_not_come(carto: Sandbox) -> None:
    """Waiting ends with an error that says how many came."""
    with pytest.raises(TimeoutError, match="0 of 1 requests"):
        carto.wait_for(1, timeout=0.01)
