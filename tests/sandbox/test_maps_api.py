"""`/api/v1/map`: the grant for maps."""

from __future__ import annotations

import pytest
import requests

from carto_login_widget.sandbox import Sandbox, grants


@pytest.mark.parametrize(
    ("name", "status", "subtype"),
    [
        ("maps only", 200, None),
        ("sql only", 403, "api-key-does-not-grant-access"),
        ("wrong", 401, "api-key-not-found"),
    ],
)
def test_grant_for_maps(
    carto: Sandbox, name: str, status: int, subtype: str | None
) -> None:
    """Only a key with the grant makes maps; refusals say which kind they are."""
    jane = carto.accounts["jane"]
    jane.add_key("sql only", grants(["sql"]))
    token = jane.keys[name].token if name in jane.keys else name
    url = carto.base_url("jane") + "/api/v1/map"
    answer = requests.get(url, params={"api_key": token}, timeout=5)
    assert answer.status_code == status
    if subtype:
        detail = answer.json()["errors_with_context"][0]
        assert (detail["type"], detail["subtype"]) == ("auth", subtype)
        assert answer.json()["errors"] == [detail["message"]]
        script = requests.get(
            url, params={"api_key": token, "callback": "f"}, timeout=5
        )
        assert script.status_code == 200
