"""Asking CARTO as `Credentials` do, without them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from carto_login_widget.errors import sealed
from carto_login_widget.identity import Identity
from carto_login_widget.server.check import check

if TYPE_CHECKING:
    from carto_login_widget.account import Account


def identity(  # noqa: PLR0913 - what an account has
    username: str | None,
    key: str,
    base_url: str | None = None,
    *,
    session: Any = None,
    proved: str | None = None,
    allow_non_secure: bool = False,
) -> Identity:
    """Make an identity of what people give and of what was learned of it."""
    given = Identity.of(username, key, base_url, allow_non_secure=allow_non_secure)
    return given._replace(session=session, proved=proved)


@sealed
def validate(who: Identity, timeout: float | None = None) -> Account:
    """What CARTO says of the key, with errors as they leave the package."""
    return check(who, timeout)
