"""The verdict on a user name and an API key: every answer of CARTO and what it means.

The question is `GET /api/v3/api_keys?per_page=1` of CARTO's Auth API, which lists the
key that asks. Where the answer does not decide, others are asked for, each once:

- F1: `/api/v4/me` with the key: is it right, and is the account open?
- F2: the SQL API without a key: does the user exist?
- F3: `/api/v3/me` without a key: is this CARTO?
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..account import KEY_TYPES, Account, parse_grants, printable
from ..address import base_from_template
from ..errors import CartoLoginError, Reason
from .answers import FOREIGN, SAME_KEY, STATES, Answer, Row, Seen, first
from .client import Client

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..identity import Identity

# ruff: noqa: PLR2004 - HTTP statuses are known by their numbers


def check(identity: Identity, timeout: float | None = None) -> Account:
    """Ask CARTO whether it accepts the key; what else comes of it is raised."""
    with Client(identity, timeout) as client:
        found = first(ROWS, _Evidence(client))
    if isinstance(found, Account):
        return found
    raise found


def me(identity: Identity) -> dict[str, Any]:
    """What `/api/v3/me` tells, with the key itself masked; `{}` where it does not."""
    try:
        with Client(identity) as client:
            answer = client.get("api/v3/me", key="header")
    except CartoLoginError:
        return {}
    return dict(answer.result)


class _Evidence(Seen):
    """The answers of one check, each of them asked for when it is first looked at."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.address = client.address
        self.user = client.address.username
        self.path = f"/user/{self.user}"
        self.primary = client.get("api/v3/api_keys?per_page=1", key="header")
        self.status = self.primary.status
        self.retry_after = self.primary.retry_after
        # CARTO never names a way to sign in; what stands in front of it does.
        foreign = "www-authenticate" in self.primary.headers
        self.refused = self.status == 401 and not foreign
        # The question has no answer there, or the account is closed.
        self.missing = self.status == 404
        listing = self.primary.result
        keys, total = listing.get("result"), listing.get("total")
        if not isinstance(keys, list) or type(total) is not int:
            keys, total = [None], 1
        key = keys[0] if keys else None
        self.first: Mapping[str, Any] = key if isinstance(key, dict) else {}
        self.several = bool(self.first) and total > 1
        # The key was accepted, but is not one of those that are listed.
        self.nothing_listed = not keys and total == 0
        self.needs_f1 = self.nothing_listed or self.missing

    @cached_property
    def f1(self) -> Answer:
        return self.client.get("api/v4/me", key="header")

    @property
    def f1_user(self) -> str:
        return _text(self.f1.result, "username")

    @property
    def whose(self) -> str:
        """Whose the answer is, where it says so."""
        listed = _text(self.first.get("user"), "username")
        return self.f1_user if self.missing else listed

    @property
    def owner(self) -> str:
        return printable(self.whose) or "somebody else"

    @cached_property
    def f2(self) -> Answer:
        try:
            return self.client.get("api/v2/sql")
        except CartoLoginError:
            return Answer(self.address, 0, {}, None, empty=True)

    def f2_says(self, status: int, words: str = "") -> bool:
        return self.f2.status == status and words in self.f2.error_text

    @cached_property
    def master(self) -> Answer:
        """The master key, as servers show it that do not list it first."""
        return self.client.get("api/v3/api_keys/Master", key="header")

    def account_of(self, key: Mapping[str, Any]) -> Account | None:
        """That of the key that was sent, for the user that was asked for."""
        # A cookie, a proxy that signs in, or a key that was cut on the way could each
        # be answered with another (CartoDB/cartodb `config/initializers/warden.rb`).
        is_mine = key.get("token") is SAME_KEY
        if not is_mine or _text(key.get("user"), "username") != self.user:
            return None
        return Account(
            self.user,
            self.address.base_url,
            key_type=KEY_TYPES.get(str(key.get("type")), "unknown"),
            key_name=_text(key, "name") or None,
            **parse_grants(key.get("grants")),
        )

    def account_of_f1(self) -> Account | None:
        """That of an OAuth token, or one whose permissions cannot be listed."""
        if not self.needs_f1 or self.f1_user != self.user:
            return None
        kind = "master" if "first_name" in self.f1.object else "unknown"
        return Account(
            self.user,
            self.address.base_url,
            key_type=kind if self.missing else "oauth",
            organization=_text(self.f1.object.get("organization"), "name") or None,
            engine=not self.missing,
        )

    @property
    def refusal(self) -> Answer | None:
        """The 403 with which CARTO tells the state of the account."""
        answer = self.f1 if self.missing else self.primary
        # Without a word it is a firewall's, unless CARTO was known to be there.
        told = self.missing or answer.data is not None
        return answer if answer.status == 403 and told else None

    @property
    def told(self) -> str:
        """The base URL that the installation told, if it was asked already."""
        found = self.client.fingerprint
        template = found.config.get("sql_api_template") if found else None
        return base_from_template(template, self.user) or ""

    @property
    def wants_path(self) -> bool:
        """Whether the installation told that users are in the path, unlike here."""
        is_here = self.address.base_url.endswith(self.path)
        return not is_here and self.told.endswith(self.path)

    @property
    def better(self) -> str | None:
        base = self.address.base_url
        better = self.told or base.removesuffix(self.path) + self.path
        return None if better == base else better

    @property
    def advice(self) -> str:
        better = self.better
        return f"Try {better}" if better else "Ask who runs it for the right one."

    @property
    def hint(self) -> str:
        is_host = self.address.host.split(".")[0] == self.user
        return _HINT.format(self.user) if is_host else ""


def _text(value: Any, name: str) -> str:
    text = value.get(name) if isinstance(value, dict) else None
    return text if isinstance(text, str) else ""


_OTHER_KEY = (
    "CARTO at {host} answered, but not for this key. Check it for characters too many, "
    "or copy it again from {keys_page}"
)
_EXPIRED = (
    "CARTO at {host} does not accept this key any more: it may be a temporary token "
    "that has expired. Copy a key from {keys_page}"
)
_HINT = " If '{}' is an organisation, log in with your own user name in it."
_WRONG_EITHER = (
    "CARTO at {host} does not accept this: the user name '{username}' or the API key "
    "is not right. Copy the key again from {keys_page}"
)
_CLOSED = (
    "The CARTO account '{username}' at {host} is not available: it is locked or in "
    "maintenance, and the key was not accepted either. Contact CARTO, or the "
    "administrator of your organisation."
)
_NO_SENSE = (
    "CARTO at {host} gave an answer that makes no sense (HTTP {status}). Your key was "
    "not checked. Try again in a moment."
)

# Read from the top: the first row that finds something is the verdict. It is what was
# found, an account or an error, or else the row's own reason and sentence. Rows 15 and
# 18 to 22, and an origin that is not CARTO, are raised by whoever asks.
ROWS = {
    "1": Row(lambda c: c.account_of(c.first)),
    "2, 8": Row(lambda c: c.account_of_f1()),
    "4": Row(
        lambda c: (c.first or c.whose) and c.whose != c.user,
        Reason.WRONG_USER,
        "{base_url} belongs to '{owner}', not to '{username}'. Correct the user name "
        "or the address.",
    ),
    "3": Row(lambda c: c.several and c.account_of(c.master.result)),
    "3 (Master)": Row(lambda c: c.several and first(FOREIGN, c.master)),
    "3 (else)": Row(lambda c: c.first, Reason.WRONG_KEY, _OTHER_KEY),
    "6": Row(
        lambda c: c.refused and c.f2_says(404, "find CARTO user"),
        Reason.UNKNOWN_USER,
        "CARTO has no user called '{username}' at {host}. Check the spelling.{hint}",
    ),
    "6c": Row(
        lambda c: c.refused and (c.f2_says(400, "No username") or c.wants_path),
        Reason.WRONG_ADDRESS,
        "{host} does not tell users apart by their host. {advice}",
    ),
    "6b": Row(
        lambda c: c.refused and (c.f2_says(400, "must indicate") or c.f2_says(200)),
        Reason.WRONG_KEY,
        "CARTO at {host} knows '{username}', but not this API key. Copy it again from "
        "{keys_page}",
    ),
    "6d": Row(lambda c: c.refused, Reason.WRONG_KEY, _WRONG_EITHER),
    "8b-8d, 9": Row(lambda c: c.refusal and first(STATES, c.refusal)),
    "9": Row(
        lambda c: c.refusal and c.refusal.error_text,
        Reason.FORBIDDEN,
        "CARTO at {host} does not let this key in: {refusal.error_text}",
    ),
    "9 (else)": Row(
        lambda c: c.refusal and c.refusal.object,
        Reason.FORBIDDEN,
        "CARTO at {host} does not let this key in.",
    ),
    "2, 8 (F1)": Row(lambda c: c.needs_f1 and first(FOREIGN, c.f1)),
    "2 (else)": Row(lambda c: c.nothing_listed, Reason.WRONG_KEY, _EXPIRED),
    "8g": Row(lambda c: c.missing and c.client.prove()),
    "8e": Row(lambda c: c.missing and c.f1.status == 401, Reason.LOCKED, _CLOSED),
    "8f": Row(
        lambda c: c.missing and c.f1.status == 404,
        Reason.WRONG_ADDRESS,
        "There is a CARTO at {host}, but the address {base_url} does not fit the user "
        "'{username}', or the server is older than 2018. {advice}",
    ),
    "17 (F1)": Row(
        lambda c: c.status >= 500 and c.f1_user == c.user,
        Reason.SERVER_ERROR,
        "CARTO at {host} has a problem (HTTP {status}): it accepts the key, but cannot "
        "say what the key may do. Try again in a moment.",
    ),
    "7, 10-12, 14-17": Row(lambda c: first(FOREIGN, c.primary)),
    "13": Row(
        lambda c: c.status == 400 and c.primary.error_text,
        Reason.SERVER_ERROR,
        'CARTO at {host} did not understand the request: "{primary.error_text}" Your '
        "key was not checked. A newer version of this package may be needed.",
    ),
    "5, 23": Row(lambda c: c.client.prove()),
    "else": Row(lambda _: True, Reason.SERVER_ERROR, _NO_SENSE),
}
