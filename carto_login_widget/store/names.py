"""What a saved account may be called, and what it is called if nobody says.

A name becomes the name of a file, on every system: hence ASCII, one case, and none of
the names that Windows keeps for devices.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import TYPE_CHECKING

from .. import address
from ..errors import InvalidCredentialsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ..credentials import Credentials

_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|\Z)")
_NAME = re.compile(rf"(?!{_DEVICE.pattern})[a-z0-9][a-z0-9._@-]{{0,63}}(?<!\.)")
_FILE = re.compile(rf"({_NAME.pattern})\.json")
_FALLBACK_NAME = "account"
_KEY_LENGTH = 20
_KEY = re.compile(r"[A-Za-z0-9_-]+|eyJ.*")


def check_name(name: str) -> str:
    """Check the name of a saved account.

    Returns:
        The name as it is stored: lower-cased, so that names that differ only in case
        are one account on every file system.

    Raises:
        InvalidCredentialsError: it cannot be one; the message says what can.

    Example:
        >>> check_name("Jane@maps.example.com")
        'jane@maps.example.com'
    """
    lowered = name.lower() if name.isascii() else ""
    if is_name(lowered):
        return lowered
    if _DEVICE.match(lowered):
        raise InvalidCredentialsError(
            f"{name!r} cannot be the name of a saved account: Windows keeps it for a "
            f"device. Choose another one, such as {'my-' + lowered!r}."
        )
    raise InvalidCredentialsError(
        f"{name!r} cannot be the name of a saved account: use 1 to 64 of the letters "
        f"a-z, digits and . _ - @, beginning with a letter or digit and not ending "
        f"with a dot."
    )


def is_name(lowered: str) -> bool:
    """Whether a lower-cased name can be that of a saved account."""
    return _NAME.fullmatch(lowered) is not None


def shown(name: str) -> str:
    """Return a name as messages repeat it, or `***` where it may be a key.

    Example:
        >>> shown("jane@maps.example.com"), shown("9f" * 20)
        ('jane@maps.example.com', '***')
    """
    if len(name) < _KEY_LENGTH:
        return name
    may_be_key = _KEY.fullmatch(name) or not is_name(name.lower())
    return "***" if may_be_key else name


def names_of_files(found: Iterable[str]) -> list[str]:
    """Return the names of the accounts that files are named after, and skip others.

    Example:
        >>> names_of_files(["jane.json", "jane.json.corrupt-1", "nul.json", "notes"])
        ['jane']
    """
    return [match[1] for match in map(_FILE.fullmatch, found) if match]


def candidates(credentials: Credentials) -> Iterator[str]:
    """Yield the names that an account would go by, the likeliest first."""
    proposed = _FALLBACK_NAME
    with suppress(InvalidCredentialsError):
        proposed = address.proposed_profile_name(credentials.address()).lower()
    for name in (credentials.profile, proposed, _FALLBACK_NAME):
        if name is not None and is_name(name):
            yield name
