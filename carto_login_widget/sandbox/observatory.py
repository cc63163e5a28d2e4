"""The route that hands out Google tokens for the Data Observatory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import rails
from .messages import Answer, json_answer
from .who import public_gate

if TYPE_CHECKING:
    from .accounts import Key, SandboxAccount

_NOT_ENABLED = "The user does not have Data Observatory enabled"


def do_token(call: rails.Call) -> Answer:
    """Issue a token to a master key or to one with the API "do".

    As in CARTO, permission is judged by the parameter `api_key` alone: a key that
    came in the header has authenticated its user, and is refused all the same.
    """
    refused = public_gate(call)
    if refused or call.account is None:
        return refused or rails.unauthenticated(call)
    key = call.account.find(call.api_key_parameter)
    if key is None or not _may_use_observatory(key):
        return rails.failure(403, rails.FORBIDDEN)
    if not call.account.do_enabled:
        status = 200 if call.install.old_do else 500
        return json_answer(status, {"errors": [_NOT_ENABLED]})
    return _issued(call, call.account)


def _may_use_observatory(key: Key) -> bool:
    return key.type == "master" or "do" in key.apis


def _issued(call: rails.Call, account: SandboxAccount) -> Answer:
    life = call.install.google_token_life
    token = call.install.google_tokens.issue(account.username, life)
    return json_answer(
        200,
        {
            "access_token": token.access_token,
            "bq_project": "carto-sandbox",
            "bq_public_project": "carto-do-public-data",
            "gcp_execution_project": "carto-sandbox-execution",
            "bq_dataset": account.username,
            "gcs_bucket": f"carto-sandbox-{account.username}",
            "instant_licensing": account.instant_licensing,
        },
    )
