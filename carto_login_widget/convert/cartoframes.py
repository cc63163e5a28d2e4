"""cartoframes' own credentials for an account, with a `repr` that hides the key.

Its classes are checked by `isinstance`, so it gets an instance of a subclass.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from ..errors import InvalidCredentialsError
from . import build, missing

if TYPE_CHECKING:
    import cartoframes.auth

    from ..identity import Identity


def to_cartoframes(identity: Identity) -> cartoframes.auth.Credentials:
    """Return cartoframes' own credentials for the same account."""
    base = _their_class()
    return build("cartoframes", lambda: of_class(base, identity))


def _their_class() -> Any:
    try:
        from cartoframes.auth import Credentials as Theirs
    except ModuleNotFoundError as error:
        install = "'carto_login_widget[cartoframes]'"
        raise missing("cartoframes", error, install) from None
    return Theirs


def of_class(base: Any, identity: Identity) -> Any:
    """Return an instance of a subclass of `base`, cartoframes' class."""
    username, base_url = identity.username, identity.base_url
    # An address that names no user still serves what needs none.
    with suppress(InvalidCredentialsError):
        # The form of the address that cartoframes and carto understand.
        username, base_url = identity.address.username, identity.address.base_url
    return _masked(base)(
        username,
        identity.key.reveal(),
        base_url,
        identity.session,
        # cartoframes takes http, to this machine too, only with the flag.
        identity.allow_non_secure or base_url.lower().startswith("http://"),
    )


@cache
def _masked(base: Any) -> Any:
    """Return a subclass of cartoframes' class that does not show the key."""

    class Credentials(base):  # type: ignore[misc]
        __doc__ = base.__doc__

        def __repr__(self) -> str:
            return (
                f"Credentials(username={self.username!r}, api_key=***, "
                f"base_url={self.base_url!r})"
            )

        def __eq__(self, other: object) -> bool:
            return isinstance(other, base) and bool(super().__eq__(other))

        __hash__ = None  # type: ignore[assignment]

        def __reduce__(self) -> tuple[Any, ...]:
            names = ("username", "api_key", "base_url", "session", "allow_non_secure")
            return _rebuild, tuple(getattr(self, name) for name in names)

    return Credentials


def _rebuild(*values: Any) -> Any:
    return _masked(_their_class())(*values)
