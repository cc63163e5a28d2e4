"""Asks CARTO for a Google token of the Data Observatory, and says why there is none.

`GET /api/v4/do/token` (CartoDB/cartodb `data_observatory_controller.rb`). Servers older
than October 2019 say with a 200 that it is not enabled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..errors import Reason
from ..secret import Secret
from . import answers
from .client import Client
from .failures import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..address import Address
    from ..credentials import Credentials
    from .answers import Answer

# ruff: noqa: PLR2004 - HTTP statuses are known by their numbers

_PATH = "api/v4/do/token"


class Grant(NamedTuple):
    """What CARTO gives to an account that may use the Data Observatory.

    Attributes:
        token: Google access token; CARTO does not say how long it lives.
        project: BigQuery project of the account, or None.
        instant_licensing: whether data may be licensed at once.
    """

    token: Secret
    project: str | None
    instant_licensing: bool


class Refusal(NamedTuple):
    """Why there is no token, in a sentence for the user.

    Attributes:
        message: what happened, where, and what to do next.
        reason: the same for programs.
        retry_after: seconds that the server asks to wait, or None.
    """

    message: str
    reason: Reason
    retry_after: float | None = None


def ask(credentials: Credentials) -> Grant | Refusal:
    """Ask CARTO for a token; never raises because of what was answered."""
    interrupted = False
    try:
        with Client(credentials) as client:
            # CARTO looks for the permission of a key that is a parameter, only.
            answer = client.send("GET", _PATH, key="query")
            address = client.address
    except KeyboardInterrupt:
        # Its traceback would show frames that were working with the answer.
        interrupted = True
    if interrupted:
        raise KeyboardInterrupt
    if isinstance(answer, Failure):
        return Refusal(answer.detail, answer.reason, answer.retry_after)
    return _sort(answer, address)


def _sort(answer: Answer, address: Address) -> Grant | Refusal:
    said = answer.object
    token = said.get("access_token")
    if answer.status == 200 and isinstance(token, str) and token:
        project = said.get("bq_project")
        return Grant(
            Secret(token),
            project if isinstance(project, str) else None,
            said.get("instant_licensing") is True,
        )
    for row in _REFUSALS:
        if row.applies(answer):
            return Refusal(_fill(row.message, answer, address), row.reason)
    failure = answers.foreign(answer, address) or answers.not_carto(answer, address)
    return Refusal(failure.detail, failure.reason, failure.retry_after)


def _fill(message: str, answer: Answer, address: Address) -> str:
    return message.format(
        user=address.username,
        host=address.host,
        keys_page=address.keys_page,
        status=answer.status,
        text=answer.error_text,
    )


class _Row(NamedTuple):
    applies: Callable[[Answer], object]
    reason: Reason
    message: str


# Read from the top: the first that applies is the reason.
_REFUSALS = (
    _Row(
        lambda a: "not have Data Observatory enabled" in a.error_text,
        Reason.NOT_ENABLED,
        "The Data Observatory is not enabled for the account '{user}' at {host}. Ask "
        "CARTO, or the administrator of your organisation, for access.",
    ),
    _Row(
        lambda a: a.status == 401 and "www-authenticate" not in a.headers,
        Reason.WRONG_KEY,
        "CARTO at {host} does not accept the user name '{user}' with this API key, so "
        "it gave no Google token. Copy the key again from {keys_page}",
    ),
    _Row(
        lambda a: a.status == 403 and a.error_text == "lockout",
        Reason.LOCKED,
        "The CARTO account '{user}' at {host} is locked, so it gets no Google token. "
        "Contact CARTO, or the administrator of your organisation.",
    ),
    _Row(
        lambda a: a.status == 403 and a.error_text == "maintenance_mode",
        Reason.MAINTENANCE,
        "The CARTO account '{user}' at {host} is in maintenance and gets no Google "
        "token now. Try again later.",
    ),
    _Row(
        lambda a: a.status == 403 and a.error_text == "unverified",
        Reason.UNVERIFIED,
        "The e-mail address of '{user}' is not confirmed, so {host} gives no Google "
        "token. Follow the link in the e-mail that CARTO sent.",
    ),
    _Row(
        lambda a: a.status == 403 and not a.text,
        Reason.NOT_ACTIVATED,
        "The sign-up of '{user}' at {host} is not finished, so it gets no Google "
        "token. Follow the link in the e-mail that CARTO sent.",
    ),
    _Row(
        lambda a: a.status == 403 and a.object,
        Reason.FORBIDDEN,
        "This API key of '{user}' at {host} may not use the Data Observatory. Take the "
        "master key, or make a key with that permission on {keys_page}",
    ),
    _Row(
        lambda a: a.status == 404,
        Reason.WRONG_ADDRESS,
        "CARTO at {host} has no Data Observatory for '{user}' (HTTP 404): the base URL "
        "does not fit the user, or the server is older than 2019.",
    ),
    _Row(
        lambda a: a.status != 429 and a.error_text,
        Reason.SERVER_ERROR,
        "CARTO at {host} could not get a Google token (HTTP {status}): '{text}'. Try "
        "again in a moment.",
    ),
)
