"""What stands in the controls of the form, and what is wrong with it.

Of what is typed where no key belongs, nothing that may be one is kept or repeated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .. import address
from ..errors import CartoLoginError, InvalidCredentialsError, NotCartoError, Reason
from ..identity import Identity
from ..secret import (
    Secret,
    check_key,
    clean_paste,
    has_key,
    looks_like_master_key,
)

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


# What is wrong is an error, whether it was told before any request or by CARTO.


class MissingError(InvalidCredentialsError):
    """A field that is needed is empty; said to those only who want to log in."""


_FIELD_OF: dict[Reason | None, str] = {
    Reason.WRONG_KEY: "api_key",
    Reason.UNKNOWN_USER: "username",
    Reason.WRONG_USER: "username",
}


def field_of(error: CartoLoginError) -> str | None:
    """Return the field that is wrong, where it is a single one."""
    if isinstance(error, InvalidCredentialsError):
        return error.field
    is_elsewhere = isinstance(error, NotCartoError)
    return "base_url" if is_elsewhere else _FIELD_OF.get(error.reason)


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


def clean(given: Fields, kept_back: str = "") -> tuple[Fields, list[CartoLoginError]]:
    """Return the controls without keys, and where one stood or was kept back."""
    wrong: list[CartoLoginError] = []
    name = clean_paste(given.name)
    name = "" if has_key(name, looks_like_master_key) else name.lower()
    kept: dict[str, Any] = {"name": name}
    for field, text in _MISPLACED.items():
        pasted = clean_paste(getattr(given, field))
        is_key = has_key(pasted)
        kept[field] = "" if is_key else _SECRET_PART.sub("", pasted)
        if field == kept_back or kept[field] != pasted:
            wrong.append(InvalidCredentialsError(text, field=field))
    return replace(given, **kept), wrong


# What can be told without asking anybody.


def judge(
    given: Fields, key: Secret | None
) -> tuple[Identity | None, list[CartoLoginError]]:
    """Return what can be checked, or all that is missing or cannot be right."""
    found: list[CartoLoginError] = []
    if given.custom and not given.base_url:
        found.append(MissingError("Enter the address of your CARTO.", field="base_url"))
    if given.username:
        found += refused(address.check_username_strictly, given.username)
    elif not (given.custom and given.base_url):
        found.append(MissingError("Enter your CARTO user name.", field="username"))
    found = found or refused(given.address)
    if key is None:
        found.append(MissingError("Enter the API key.", field="api_key"))
    else:
        found += refused(check_key, key)
    if found:
        return None, found
    where = given.address()
    return Identity.of(
        where.username, key, where.base_url if given.custom else None
    ), []


def refused(
    check: Callable[..., object], *args: Any, field: str | None = None
) -> list[CartoLoginError]:
    """Return what a check says of values, as said of a field."""
    try:
        check(*args)
    except InvalidCredentialsError as error:
        # Not the one that was raised, whose frames hold the key.
        told = {"field": field or error.field, "suggestion": error.suggestion}
        return [InvalidCredentialsError(str(error), **told)]
    return []


def is_named(given: Fields, found: Identity) -> bool:
    """Whether the account is named beyond doubt, so that a check may start by itself.

    https://carto.example.com is hardly the one of a user called carto.
    """
    where = found.address
    return bool(given.username) or where.is_cloud or "/user/" in where.base_url
