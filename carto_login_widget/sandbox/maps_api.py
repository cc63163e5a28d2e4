"""The Maps API, as far as a key check can see it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .messages import Answer, json_answer
from .sql_api import DataCall, RefusedError

if TYPE_CHECKING:
    from .install import Install
    from .messages import Request

_SUBTYPES = {
    401: "api-key-not-found",
    403: "api-key-does-not-grant-access",
    404: "user-not-found",
}


def maps(install: Install, request: Request) -> Answer:
    """List no named maps, or make an empty map, if the key may."""
    call = DataCall(install, request)
    try:
        call.known()
        call.authorized("maps", "Forbidden", "Forbidden")
    except RefusedError as refused:
        return _refusal(refused, request)
    if request.path.rstrip("/").endswith("/named"):
        return json_answer(200, {"template_ids": []})
    made = {"layergroupid": "sandbox:0", "metadata": {"layers": []}}
    return json_answer(200, made)


def _refusal(refused: RefusedError, request: Request) -> Answer:
    text = str(refused)
    detail = {
        "type": "auth",
        "subtype": _SUBTYPES[refused.status],
        "message": text,
    }
    status = 200 if request.params.get("callback") else refused.status
    return json_answer(status, {"errors": [text], "errors_with_context": [detail]})
