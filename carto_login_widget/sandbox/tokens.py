"""Data Observatory tokens: what was issued, when, and whether it is still fresh."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass(frozen=True)
class GoogleToken:
    """One access token; times in seconds of the installation's clock."""

    access_token: str = field(repr=False)
    username: str
    issued_at: float
    life: float


class GoogleTokens:
    """The tokens issued so far, oldest first.

    Example:
        >>> tokens = GoogleTokens(clock=lambda: 0.0)
        >>> tokens.is_fresh(tokens.issue("jane", life=60).access_token)
        True
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._issued: list[GoogleToken] = []
        self._revoked: set[str] = set()

    def __len__(self) -> int:
        return len(self._issued)

    def __iter__(self) -> Iterator[GoogleToken]:
        return iter(list(self._issued))

    def __getitem__(self, index: int) -> GoogleToken:
        return self._issued[index]

    def __contains__(self, access_token: object) -> bool:
        return any(token.access_token == access_token for token in self)

    def issue(self, username: str, life: float) -> GoogleToken:
        """Make and record one more token, good for `life` seconds."""
        text = f"ya29.sandbox-{secrets.token_urlsafe(48)}"
        self._issued.append(GoogleToken(text, username, self._clock(), life))
        return self._issued[-1]

    def is_fresh(self, access_token: str) -> bool:
        """Whether the token was issued here, has not aged out, and is not revoked."""
        found = next((t for t in self if t.access_token == access_token), None)
        if found is None or access_token in self._revoked:
            return False
        return self._clock() < found.issued_at + found.life

    def revoke(self, access_token: str | None = None) -> None:
        """Make one token, or all issued so far, stale before its time."""
        every = {token.access_token for token in self}
        self._revoked |= every if access_token is None else {access_token}
