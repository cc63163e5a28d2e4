"""The verdict on a user name and an API key: every answer of CARTO and what it means.

The question is `GET /api/v3/api_keys?per_page=1` of CARTO's Auth API: any key may ask
it, and it lists the key that asked. A key counts as accepted only if the answer repeats
it, and for the user that was asked for: a cookie, a proxy that signs in, or a key that
was cut on the way could each be answered with somebody else's (CartoDB/cartodb
`config/initializers/warden.rb`, `app/controllers/carto/api/api_keys_controller.rb`).

Where the answer does not decide, others are asked for, each at most once:

- F1: `/api/v4/me` with the key: is it right, and is the account open?
- F2: the SQL API without a key: does the user exist?
- F3: `/api/v3/me` without a key: is this CARTO?
- F4: the SQL API with the key: may it use SQL?
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..account import KEY_TYPES, Account, parse_grants
from ..errors import CartoLoginError, NotCartoError, Reason, RejectedError
from . import answers
from .client import Client
from .evidence import Evidence, body_of, said_of, status_of
from .failures import Failure

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..credentials import Credentials

# ruff: noqa: PLR2004 - HTTP statuses are known by their numbers

_LIST = "api/v3/api_keys?per_page=1"


def validate(credentials: Credentials, *, timeout: float | None = None) -> Account:
    """Ask CARTO whether it accepts the key, and what the key can do.

    Args:
        credentials: they are told what was learned (`account`, `proved`).
        timeout: seconds for the whole check; None means the configured
            `total_timeout`.

    Raises:
        InvalidCredentialsError: wrong before any request.
        RejectedError: CARTO said no.
        UndecidedError: no verdict could be had.
        NotCartoError: the address did not answer as CARTO does.
    """
    interrupted = False
    verdict: Account | CartoLoginError | None = None
    try:
        with Client(credentials, timeout=timeout) as client:
            verdict = _verdict(client)
            if isinstance(verdict, Account):
                origin = client.address.origin
                credentials.remember(account=verdict, proved=origin)
    except KeyboardInterrupt:
        # Its traceback would show frames that were working with the answers.
        interrupted = True
    if interrupted or verdict is None:
        raise KeyboardInterrupt
    if isinstance(verdict, CartoLoginError):
        raise verdict
    return verdict


def _verdict(client: Client) -> Account | CartoLoginError:
    primary = client.send("GET", _LIST, key="header")
    # Rows 15 and 18 to 22, and an origin that is not CARTO: there is no answer.
    if isinstance(primary, Failure):
        return primary.error()
    check = Evidence(client, primary)
    for row in ROWS:
        if row.applies(check):
            return row.verdict(check)
    return _unknown_answer(check).error()


@dataclass(frozen=True)
class Row:
    """One row of the table: when it applies, and what is to be said.

    Attributes:
        name: number of the row.
        applies: condition on the answers.
        result: a reason for `RejectedError`, or what makes the verdict.
        message: sentence with `{user}`, `{host}`, `{base}`, `{keys_page}`, `{listed}`.
    """

    name: str
    applies: Callable[[Evidence], object]
    result: Reason | Callable[[Evidence], Account | CartoLoginError | Failure]
    message: str = ""

    def verdict(self, check: Evidence) -> Account | CartoLoginError:
        """Return what the row says about a check that it applies to."""
        if isinstance(self.result, Reason):
            return RejectedError(_fill(self.message, check), reason=self.result)
        result = self.result(check)
        return result.error() if isinstance(result, Failure) else result


def _fill(message: str, check: Evidence) -> str:
    address = check.address
    return message.format(
        user=address.username,
        host=address.host,
        base=address.base_url,
        keys_page=address.keys_page,
        listed=check.other_user,
    )


# What is made of the answers where the key is right.


def _account(check: Evidence) -> Account:
    return _account_of(check, check.first)


def _master_account(check: Evidence) -> Account:
    return _account_of(check, body_of(check.master))


def _account_of(check: Evidence, key: dict[str, Any]) -> Account:
    name = key.get("name")
    return Account(
        username=check.address.username,
        base_url=check.address.base_url,
        key_type=KEY_TYPES.get(str(key.get("type")), "unknown"),
        key_name=name if isinstance(name, str) else None,
        **parse_grants(key.get("grants")),
    )


def _oauth_account(check: Evidence) -> Account:
    return Account(
        username=check.address.username,
        base_url=check.address.base_url,
        key_type="oauth",
        organization=_organization(check),
    )


def _account_without_engine(check: Evidence) -> Account:
    may_use_sql = status_of(check.f4) == 400 and "must indicate" in said_of(check.f4)
    return Account(
        username=check.address.username,
        base_url=check.address.base_url,
        key_type="master" if "first_name" in body_of(check.f1) else "unknown",
        apis=("sql",) if may_use_sql else (),
        organization=_organization(check),
        engine=False,
    )


def _organization(check: Evidence) -> str | None:
    organization = body_of(check.f1).get("organization")
    name = organization.get("name") if isinstance(organization, dict) else None
    return name if isinstance(name, str) else None


# What is made of them where a sentence of the table is not enough.


def _unknown_user(check: Evidence) -> CartoLoginError:
    user, host = check.address.username, check.address.host
    message = f"CARTO has no user called '{user}' at {host}. Check the spelling."
    if host.split(".")[0] == user:
        message += (
            f" If '{user}' is an organisation, log in with your own user name in it."
        )
    return RejectedError(message, reason=Reason.UNKNOWN_USER)


def _needs_user_path(check: Evidence) -> CartoLoginError:
    better = f"{check.address.base_url}/user/{check.address.username}"
    return NotCartoError(
        f"{check.address.host} does not tell users apart by their host. Use the base "
        f"URL {check.path_address or better}",
        reason=Reason.WRONG_ADDRESS,
        suggestion=check.path_address or better,
    )


def _wrong_form(check: Evidence) -> CartoLoginError:
    better = check.other_address
    advice = f"Try {better}" if better else "Ask who runs it for the right one."
    return NotCartoError(
        f"There is a CARTO at {check.address.host}, but the base URL "
        f"{check.address.base_url} does not fit the user "
        f"'{check.address.username}', or the server is older than 2018. {advice}",
        reason=Reason.WRONG_ADDRESS,
        suggestion=better,
    )


def _forbidden(check: Evidence) -> CartoLoginError:
    refusal = check.refusal
    text = refusal.error_text if refusal else ""
    said = f": {text}" if text else "."
    return RejectedError(
        f"CARTO at {check.address.host} does not let this key in{said}",
        reason=Reason.FORBIDDEN,
    )


def _f1_undecided(check: Evidence) -> Failure:
    return check.undecided(check.f1) or _unknown_answer(check)


def _master_undecided(check: Evidence) -> Failure:
    return check.undecided(check.master) or _unknown_answer(check)


def _f3_decides(check: Evidence) -> Failure:
    """It is CARTO, and what it said makes no sense; or it is not CARTO."""
    if check.f3 is None:
        return _unknown_answer(check)
    if check.f3.reason is Reason.NOT_CARTO:
        return answers.not_carto(check.primary, check.address)
    return check.f3


def _unknown_answer(check: Evidence) -> Failure:
    return Failure(
        Reason.SERVER_ERROR,
        f"CARTO at {check.address.host} gave an answer that makes no sense (HTTP "
        f"{check.status}). Your key was not checked. Try again in a moment.",
    )


def _not_understood(check: Evidence) -> Failure:
    text = check.primary.error_text
    said = f': "{text}"' if text else "."
    return Failure(
        Reason.SERVER_ERROR,
        f"CARTO at {check.address.host} did not understand the request{said} Your key "
        "was not checked. A newer version of this package may be needed.",
    )


def _half_working(check: Evidence) -> Failure:
    return Failure(
        Reason.SERVER_ERROR,
        f"CARTO at {check.address.host} has a problem (HTTP {check.status}): it "
        "accepts the key, but cannot say what the key may do. Try again in a moment.",
        retry_after=check.primary.retry_after,
    )


def _foreign(check: Evidence) -> Failure:
    return check.undecided(check.primary) or _unknown_answer(check)


_LOCKED = (
    "The CARTO account '{user}' at {host} is locked. Contact CARTO, or the "
    "administrator of your organisation."
)
_MAINTENANCE = (
    "The CARTO account '{user}' at {host} is in maintenance. Try again later."
)
_UNVERIFIED = (
    "The e-mail address of '{user}' is not confirmed. Follow the link in the e-mail "
    "that CARTO sent, then log in again at {host}."
)
_NOT_ACTIVATED = (
    "The sign-up of '{user}' at {host} is not finished. Follow the link in the e-mail "
    "that CARTO sent, then log in again."
)
_CLOSED = (
    "The CARTO account '{user}' at {host} is not available: it is locked or in "
    "maintenance, and the key was not accepted either. Contact CARTO, or the "
    "administrator of your organisation."
)
_WRONG_KEY = (
    "CARTO at {host} knows '{user}', but not this API key. Copy it again from "
    "{keys_page}"
)
_WRONG_KEY_OR_USER = (
    "CARTO at {host} does not accept this: the user name '{user}' or the API key is "
    "not right. Copy the key again from {keys_page}"
)
_OTHER_KEY = (
    "CARTO at {host} answered, but not for this key. Check it for characters too many, "
    "or copy it again from {keys_page}"
)
_EXPIRED = (
    "CARTO at {host} does not accept this key any more: it may be a temporary token "
    "that has expired. Copy a key from {keys_page}"
)
_OTHER_USER = (
    "{base} belongs to '{listed}', not to '{user}'. Correct the user name or the base "
    "URL."
)

# Read from the top: the first row that applies is the verdict.
ROWS = (
    Row("1", lambda c: c.same_key and c.same_user, _account),
    Row("2", lambda c: c.nothing_listed and c.f1_same_user, _oauth_account),
    Row("2 (F1)", lambda c: c.nothing_listed and c.undecided(c.f1), _f1_undecided),
    Row("2 (else)", lambda c: c.nothing_listed, Reason.WRONG_KEY, _EXPIRED),
    Row("4", lambda c: c.keys and not c.same_user, Reason.WRONG_USER, _OTHER_USER),
    Row("3", lambda c: c.several and c.is_master, _master_account),
    Row("3 (?)", lambda c: c.several and c.undecided(c.master), _master_undecided),
    Row("3 (else)", lambda c: c.keys, Reason.WRONG_KEY, _OTHER_KEY),
    Row("5, 23", lambda c: 200 <= c.status < 300, _f3_decides),
    Row("6", lambda c: c.refused and c.f2_says(404, "find CARTO user"), _unknown_user),
    Row("6c", lambda c: c.refused and c.f2_says(400, "No username"), _needs_user_path),
    Row("6c (F3)", lambda c: c.refused and c.path_address, _needs_user_path),
    Row(
        "6b",
        lambda c: c.refused and (c.f2_says(400, "must indicate") or c.f2_says(200)),
        Reason.WRONG_KEY,
        _WRONG_KEY,
    ),
    Row("6d", lambda c: c.refused, Reason.WRONG_KEY, _WRONG_KEY_OR_USER),
    Row("8", lambda c: c.missing and c.f1_same_user, _account_without_engine),
    Row("4 (F1)", lambda c: c.missing and c.f1_user, Reason.WRONG_USER, _OTHER_USER),
    Row("8b, 9", lambda c: c.state_is("lockout"), Reason.LOCKED, _LOCKED),
    Row(
        "8c, 9",
        lambda c: c.state_is("maintenance_mode"),
        Reason.MAINTENANCE,
        _MAINTENANCE,
    ),
    Row("8d, 9", lambda c: c.state_is("unverified"), Reason.UNVERIFIED, _UNVERIFIED),
    Row("8d", lambda c: c.not_activated, Reason.NOT_ACTIVATED, _NOT_ACTIVATED),
    Row("9", lambda c: c.refusal and c.refusal.object, _forbidden),
    Row("8 (F1)", lambda c: c.missing and c.undecided(c.f1), _f1_undecided),
    Row("8g", lambda c: c.missing and c.f3, _f3_decides),
    Row("8e", lambda c: c.missing and c.f1_status == 401, Reason.LOCKED, _CLOSED),
    Row("8f", lambda c: c.missing and c.f1_status == 404, _wrong_form),
    Row("17 (F1)", lambda c: c.status >= 500 and c.f1_same_user, _half_working),
    Row("7, 10-12, 14-17", lambda c: c.undecided(c.primary), _foreign),
    Row("13", lambda c: c.status == 400, _not_understood),
    Row("other", lambda c: not c.missing, _f3_decides),
)
