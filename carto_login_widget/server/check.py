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
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from ..account import KEY_TYPES, Account, parse_grants, printable
from ..address import base_from_template
from ..errors import InvalidCredentialsError, Reason
from .answers import (
    SAME_KEY,
    STATES,
    Answer,
    Failure,
    Row,
    fill,
    foreign,
    not_carto,
    sort_answer,
)
from .client import Client

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..identity import Identity

# ruff: noqa: PLR2004 - HTTP statuses are known by their numbers


class Verdict(NamedTuple):
    """What an accepted key can do, and the origin that has proved to be CARTO."""

    account: Account
    proved: str


def check(identity: Identity, timeout: float | None = None) -> Verdict:
    """Ask CARTO whether it accepts the key; what else comes of it is raised."""
    with Client(identity, timeout) as client:
        found = _judge(client)
    if isinstance(found, Failure):
        raise found.error()
    return Verdict(found, client.address.origin)


def me(identity: Identity) -> dict[str, Any]:
    """What `/api/v3/me` tells, with the key itself masked; `{}` where it does not."""
    try:
        client = Client(identity)
    except InvalidCredentialsError:
        return {}
    with client:
        answer = client.send("GET", "api/v3/me", key="header")
    return dict(answer.object) if answer.status == 200 else {}


def _judge(client: Client) -> Account | Failure:
    primary = client.send("GET", "api/v3/api_keys?per_page=1", key="header")
    # Rows 15 and 18 to 22, and an origin that is not CARTO: there is no answer.
    if isinstance(primary, Failure):
        return primary
    seen = _Evidence(client, primary)
    for row in ROWS:
        found = row.finds(seen)
        if isinstance(found, Account | Failure):
            return found
        if found:
            return seen.failure(row.reason, row.message)
    return seen.failure(Reason.SERVER_ERROR, _NO_SENSE)


class _Evidence:
    """The answers of one check, each of them asked for when it is first looked at."""

    def __init__(self, client: Client, primary: Answer) -> None:
        self.client = client
        self.address = client.address
        self.primary = primary
        self.status = primary.status
        self.refused = self.status == 401 and "www-authenticate" not in primary.headers
        # The question has no answer there, or the account is closed.
        self.missing = self.status == 404
        self.keys, self.total = _listing(primary)
        self.first: Mapping[str, Any] = self.keys[0] if self.keys else {}
        self.same_key = self.first.get("token") is SAME_KEY
        self.same_user = _username_of(self.first.get("user")) == self.address.username
        # The key was accepted, but is not one of those that are listed.
        self.nothing_listed = self.keys == [] and self.total == 0
        self.several = bool(self.keys) and self.total > 1

    @cached_property
    def f1(self) -> Answer | Failure:
        return self.client.send("GET", "api/v4/me", key="header")

    @cached_property
    def f2(self) -> Answer | Failure:
        return self.client.send("GET", "api/v2/sql")

    @cached_property
    def master(self) -> Answer | Failure:
        """The master key, as servers show it that do not list it first."""
        return self.client.send("GET", "api/v3/api_keys/Master", key="header")

    @property
    def elsewhere(self) -> Failure | None:
        """What F3 finds where it is not CARTO, or why it finds nothing."""
        found = self.client.prove()
        if found is not None and found.reason is Reason.NOT_CARTO:
            return not_carto(self.primary, self.address)
        return found

    @property
    def f1_user(self) -> str:
        return _username_of(self.f1.object) if self.f1.status == 200 else ""

    @property
    def f1_same_user(self) -> bool:
        return self.f1_user == self.address.username

    def f2_says(self, status: int, words: str = "") -> bool:
        return self.f2.status == status and words in self.f2.error_text

    @property
    def is_master(self) -> bool:
        key = self.master.object
        same_user = _username_of(key.get("user")) == self.address.username
        return self.master.status == 200 and key.get("token") is SAME_KEY and same_user

    @property
    def refusal(self) -> Answer | None:
        """The 403 with which CARTO tells the state of the account."""
        answer = self.f1 if self.missing else self.primary
        if isinstance(answer, Failure) or answer.status != 403:
            return None
        # Without a word it is a firewall's, unless CARTO was known to be there.
        return answer if self.missing or answer.data is not None else None

    @property
    def state(self) -> Failure | None:
        return sort_answer(STATES, self.refusal, self.address) if self.refusal else None

    def trouble(self, answer: Answer | Failure) -> Failure | None:
        """Why an answer says nothing about the key; None where it does."""
        return foreign(answer, self.address)

    def account(self, key: Mapping[str, Any]) -> Account:
        kind = KEY_TYPES.get(str(key.get("type")), "unknown")
        grants = parse_grants(key.get("grants"))
        return self._account(key_type=kind, key_name=_text(key, "name"), **grants)

    def account_of_f1(self) -> Account:
        """That of an OAuth token, or one whose permissions cannot be listed."""
        kind = "master" if "first_name" in self.f1.object else "unknown"
        return self._account(
            key_type=kind if self.missing else "oauth",
            organization=_text(self.f1.object.get("organization"), "name"),
            engine=not self.missing,
        )

    def _account(self, **known: Any) -> Account:
        return Account(
            username=self.address.username, base_url=self.address.base_url, **known
        )

    def failure(
        self, reason: Reason | None, message: str, better: str | None = None
    ) -> Failure:
        """Put what is known into a sentence of the table."""
        name, answer = self.address.username, self.refusal or self.primary
        listed = self.f1_user if self.missing else _username_of(self.first.get("user"))
        hint = f" If '{name}' is an organisation, log in with your own user name in it."
        detail = fill(
            message,
            answer,
            self.address,
            listed=printable(listed) or "somebody else",
            hint=hint if self.address.host.split(".")[0] == name else "",
            said=f": {answer.error_text}" if answer.error_text else ".",
            better=better or "",
        )
        return Failure(reason, detail, better, self.primary.retry_after)

    @property
    def told(self) -> str | None:
        """The address that the installation told, if it was asked already."""
        template = self.client.config.get("sql_api_template")
        return base_from_template(template, self.address.username)

    @property
    def wants_path(self) -> bool:
        """Whether the installation told that users are in the path, unlike here."""
        suffix = f"/user/{self.address.username}"
        is_here = self.address.base_url.endswith(suffix)
        return not is_here and self.told is not None and self.told.endswith(suffix)

    def needs_path(self) -> Failure:
        better = self.address.url(f"user/{self.address.username}")
        if self.wants_path and self.told:
            better = self.told
        return self.failure(Reason.WRONG_ADDRESS, _NO_USER_IN_HOST, better)

    def wrong_form(self) -> Failure:
        base, suffix = self.address.base_url, f"/user/{self.address.username}"
        better = None if base.endswith(suffix) else base + suffix
        if self.told is not None:
            better = None if self.told == base else self.told
        advice = " Try {better}" if better else " Ask who runs it for the right one."
        return self.failure(Reason.WRONG_ADDRESS, _WRONG_FORM + advice, better)


def _listing(answer: Answer) -> tuple[list[Any] | None, Any]:
    """The keys that are listed and how many there are; None if it is no such list."""
    keys, total = answer.object.get("result"), answer.object.get("total")
    if answer.status != 200 or type(total) is not int or not isinstance(keys, list):
        return None, total
    return keys if all(isinstance(key, dict) for key in keys) else None, total


def _text(value: Any, name: str) -> str | None:
    text = value.get(name) if isinstance(value, dict) else None
    return text if isinstance(text, str) else None


def _username_of(value: Any) -> str:
    return _text(value, "username") or ""


_NO_SENSE = (
    "CARTO at {host} gave an answer that makes no sense (HTTP {status}). Your key was "
    "not checked. Try again in a moment."
)
_NO_USER_IN_HOST = (
    "{host} does not tell users apart by their host. Use the base URL {better}"
)
_WRONG_FORM = (
    "There is a CARTO at {host}, but the base URL {base} does not fit the user "
    "'{user}', or the server is older than 2018."
)
_OTHER_KEY = (
    "CARTO at {host} answered, but not for this key. Check it for characters too many, "
    "or copy it again from {keys_page}"
)
_EXPIRED = (
    "CARTO at {host} does not accept this key any more: it may be a temporary token "
    "that has expired. Copy a key from {keys_page}"
)
_WRONG_KEY = (
    "CARTO at {host} does not accept this: the user name '{user}' or the API key is "
    "not right. Copy the key again from {keys_page}"
)
_OTHER_USER = (
    "{base} belongs to '{listed}', not to '{user}'. Correct the user name or the base "
    "URL."
)
_CLOSED = (
    "The CARTO account '{user}' at {host} is not available: it is locked or in "
    "maintenance, and the key was not accepted either. Contact CARTO, or the "
    "administrator of your organisation."
)


# Read from the top: the first row that finds something is the verdict.
ROWS = (
    Row("1", lambda c: c.same_key and c.same_user and c.account(c.first)),
    Row("2", lambda c: c.nothing_listed and c.f1_same_user and c.account_of_f1()),
    Row("2 (F1)", lambda c: c.nothing_listed and c.trouble(c.f1)),
    Row("2 (else)", lambda c: c.nothing_listed, Reason.WRONG_KEY, _EXPIRED),
    Row("4", lambda c: c.keys and not c.same_user, Reason.WRONG_USER, _OTHER_USER),
    Row("3", lambda c: c.several and c.is_master and c.account(c.master.object)),
    Row("3 (?)", lambda c: c.several and c.trouble(c.master)),
    Row("3 (else)", lambda c: c.keys, Reason.WRONG_KEY, _OTHER_KEY),
    Row(
        "6",
        lambda c: c.refused and c.f2_says(404, "find CARTO user"),
        Reason.UNKNOWN_USER,
        "CARTO has no user called '{user}' at {host}. Check the spelling.{hint}",
    ),
    Row("6c", lambda c: c.refused and c.f2_says(400, "No username") and c.needs_path()),
    Row("6c (F3)", lambda c: c.refused and c.wants_path and c.needs_path()),
    Row(
        "6b",
        lambda c: c.refused and (c.f2_says(400, "must indicate") or c.f2_says(200)),
        Reason.WRONG_KEY,
        "CARTO at {host} knows '{user}', but not this API key. Copy it again from "
        "{keys_page}",
    ),
    Row("6d", lambda c: c.refused, Reason.WRONG_KEY, _WRONG_KEY),
    Row("8", lambda c: c.missing and c.f1_same_user and c.account_of_f1()),
    Row("4 (F1)", lambda c: c.missing and c.f1_user, Reason.WRONG_USER, _OTHER_USER),
    Row("8b-8d, 9", lambda c: c.state),
    Row(
        "9",
        lambda c: c.refusal and c.refusal.object,
        Reason.FORBIDDEN,
        "CARTO at {host} does not let this key in{said}",
    ),
    Row("8 (F1)", lambda c: c.missing and c.trouble(c.f1)),
    Row("8g", lambda c: c.missing and c.elsewhere),
    Row("8e", lambda c: c.missing and c.f1.status == 401, Reason.LOCKED, _CLOSED),
    Row("8f", lambda c: c.missing and c.f1.status == 404 and c.wrong_form()),
    Row(
        "17 (F1)",
        lambda c: c.status >= 500 and c.f1_same_user,
        Reason.SERVER_ERROR,
        "CARTO at {host} has a problem (HTTP {status}): it accepts the key, but cannot "
        "say what the key may do. Try again in a moment.",
    ),
    Row("7, 10-12, 14-17", lambda c: c.trouble(c.primary)),
    Row(
        "13",
        lambda c: c.status == 400 and c.primary.error_text,
        Reason.SERVER_ERROR,
        'CARTO at {host} did not understand the request: "{text}" Your key was not '
        "checked. A newer version of this package may be needed.",
    ),
    Row("5, 23", lambda c: c.elsewhere),
)
