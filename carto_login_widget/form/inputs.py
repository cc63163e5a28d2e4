"""What is committed in the fields, and what is wrong with it beforehand."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .. import address
from ..credentials import Credentials
from ..errors import InvalidCredentialsError
from ..secret import clean_paste

if TYPE_CHECKING:
    import requests

    from ..secret import Secret

_KEY = re.compile(r"[0-9a-f]{40}")


def looks_like_key(text: str) -> bool:
    """Whether a text is of the form that CARTO gives its keys."""
    return _KEY.fullmatch(clean_paste(text)) is not None


@dataclass(frozen=True, slots=True)
class Inputs:
    """The committed fields, cleaned of what a paste brings along.

    Attributes:
        username: user name, or `""`.
        custom: whether a custom address was chosen.
        base_url: that address, or `""`.
        key: the key that was entered, or None.
    """

    username: str
    custom: bool
    base_url: str
    key: Secret | None

    def address(self) -> address.Address:
        """Return user and address that the inputs name.

        Raises:
            InvalidCredentialsError: something is wrong or missing; `field` says where.
        """
        if self.custom and not self.base_url:
            message = "Enter the address of your CARTO."
            raise InvalidCredentialsError(message, field="base_url")
        if self.username:
            address.check_username(self.username)
            if hint := address.username_hint(self.username):
                raise InvalidCredentialsError(hint, field="username")
        if not self.username and not self.base_url:
            message = "Enter your CARTO user name."
            raise InvalidCredentialsError(message, field="username")
        base_url = self.base_url or f"https://{self.username.lower()}.carto.com"
        return address.resolve(self.username or None, base_url)

    def credentials(self, session: requests.Session | None) -> Credentials:
        """Return credentials that can be checked.

        Raises:
            InvalidCredentialsError: something is wrong or missing; `field` says where.
        """
        where = self.address()
        if self.key is None:
            raise InvalidCredentialsError("Enter the API key.", field="api_key")
        # Not as pasted: cartoframes, which reads the file, takes no dashboard's URL.
        base_url = where.base_url if self.custom else None
        credentials = Credentials(where.username, self.key, base_url, session=session)
        return credentials.remember(source="the form")

    def has(self, field: str | None) -> bool:
        """Whether something is committed in a field."""
        given = {
            "username": bool(self.username),
            "base_url": bool(self.base_url),
            "api_key": self.key is not None,
        }
        return given.get(field or "", True)
