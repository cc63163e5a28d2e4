"""What stands in the controls of the form, and what is wrong with it.

Of what is typed where no key belongs, nothing that may be one is kept or repeated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import address
from ..errors import CartoLoginError, InvalidCredentialsError, Reason
from ..identity import Identity
from ..secret import (
    Secret,
    check_key,
    clean_paste,
    has_key,
    looks_like_master_key,
)
from ..store.profiles import check_name

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Fields:
    """The controls of the page, but for the key's."""

    account: str | None = None
    custom: bool = False
    base_url: str = ""
    username: str = ""
    remember: bool = True
    name: str = ""
    default: bool = False

    @property
    def asked(self) -> tuple[str | None, str | None, str]:
        """What a verdict depends on, but for the key."""
        return self.account, self.base_url if self.custom else None, self.username

    def address(self) -> address.Address:
        """Return whose account is meant, or say what is not clear."""
        return address.resolve(self.username, self.base_url if self.custom else None)


def controls_of(where: address.Address) -> dict[str, Any]:
    """Return what the controls of an account hold."""
    is_own = where.base_url == f"https://{where.username}.carto.com"
    base_url = "" if is_own else where.base_url
    return {"username": where.username, "base_url": base_url, "custom": not is_own}


class Problem(NamedTuple):
    """What is wrong with a field, and a value that would be better."""

    field: str | None
    text: str
    take: str | None = None
    missing: bool = False


_FIELD_OF: dict[Reason | None, str] = {
    Reason.WRONG_KEY: "api_key",
    Reason.UNKNOWN_USER: "username",
    Reason.WRONG_USER: "username",
    Reason.NOT_CARTO: "base_url",
    Reason.WRONG_ADDRESS: "base_url",
    Reason.MOVED: "base_url",
}


def problem_of(error: CartoLoginError) -> Problem:
    """Return the field that is wrong, where it is a single one, and why."""
    field = _FIELD_OF.get(error.reason)
    if isinstance(error, InvalidCredentialsError):
        field = error.field
    return Problem(field, str(error), getattr(error, "suggestion", None))


# A key in the wrong place.

_SECRET_PART = re.compile(
    r"[?#].*(?:key|token|secret|passw).*|(?<=//)[^/?#]*@", re.IGNORECASE
)
_MISPLACED = {
    "username": "That looks like an API key. It belongs in the field below; enter your "
    "CARTO user name here.",
    "base_url": "An address holds no key or password. Enter it without, and the key "
    "below.",
}


def clean(given: Fields) -> Fields:
    """Return the controls without what a paste brings along, and without keys."""
    name = clean_paste(given.name)
    return replace(
        given,
        username=_keyless(clean_paste(given.username)),
        base_url=_keyless(clean_paste(given.base_url)),
        name="" if has_key(name, looks_like_master_key) else name.lower(),
    )


def _keyless(text: str) -> str:
    return "" if has_key(text) else _SECRET_PART.sub("", text)


def misplaced(given: Fields, kept_back: str = "") -> list[Problem]:
    """Return where a key stands, or where the page has kept one back."""
    kept = clean(given)
    return [
        Problem(name, text)
        for name, text in _MISPLACED.items()
        if name == kept_back or getattr(kept, name) != clean_paste(getattr(given, name))
    ]


# What can be told without asking anybody.


def judge(given: Fields, key: Secret | None) -> tuple[Identity | None, list[Problem]]:
    """Return what can be checked, or all that is missing or cannot be right."""
    found: list[Problem] = []
    if given.custom and not given.base_url:
        text = "Enter the address of your CARTO."
        found.append(Problem("base_url", text, missing=True))
    if given.username:
        found += _refused(address.check_username_strictly, given.username)
    elif not (given.custom and given.base_url):
        text = "Enter your CARTO user name."
        found.append(Problem("username", text, missing=True))
    found = found or _refused(given.address)
    if key is None:
        found.append(Problem("api_key", "Enter the API key.", missing=True))
    else:
        found += _refused(check_key, key)
    if found:
        return None, found
    where = given.address()
    return Identity.of(
        where.username, key, where.base_url if given.custom else None
    ), []


def _refused(check: Callable[..., object], *args: Any) -> list[Problem]:
    try:
        check(*args)
    except InvalidCredentialsError as error:
        return [problem_of(error)]
    return []


def judge_name(name: str) -> list[Problem]:
    """Return what is wrong with the name to save an account under."""
    found = _refused(check_name, name)
    return [problem._replace(field="name") for problem in found]


def is_named(given: Fields, found: Identity) -> bool:
    """Whether the account is named beyond doubt, so that a check may start by itself.

    https://carto.example.com is hardly the one of a user called carto.
    """
    where = found.address
    return bool(given.username) or where.is_cloud or "/user/" in where.base_url
