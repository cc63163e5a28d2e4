"""cartoframes' own default follows ours, whether it is imported before or after.

Its classes are checked by `isinstance`, so it gets an instance of a subclass, whose
`repr` hides the key.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from ..errors import InvalidCredentialsError
from . import Bridge, make

if TYPE_CHECKING:
    from types import ModuleType

    import cartoframes.auth

    from ..credentials import Credentials


class _Default:
    """What was put into cartoframes, and what stood there before."""

    def __init__(self) -> None:
        self._ours: Any = None
        self._theirs: Any = None

    def apply(self, module: ModuleType, credentials: Credentials | None) -> None:
        """Set cartoframes' default, or take ours back."""
        ours = None
        try:
            if credentials is not None:
                ours = _convert(credentials, module.Credentials)
        finally:
            # Where it fails, the account before must not stay behind.
            self._put(module, ours)

    def _put(self, module: ModuleType, ours: Any) -> None:
        current = module.get_default_credentials()
        if current is not self._ours:
            self._theirs = current
        chosen = self._theirs if ours is None else ours
        self._ours = ours
        if chosen is None:
            module.unset_default_credentials()
        else:
            module.set_default_credentials(chosen)


_bridge = Bridge("cartoframes.auth.defaults", _Default().apply)


def follow(credentials: Credentials | None) -> None:
    """Take the account over; None means signed out."""
    _bridge.follow(credentials)


def to_cartoframes(credentials: Credentials) -> cartoframes.auth.Credentials:
    """Return cartoframes' own credentials for the same account.

    Raises:
        ImportError: cartoframes is not installed.
        CartoLoginError: it does not take the account.
    """
    base = _their_class()
    return make("cartoframes", lambda: _convert(credentials, base))


def _their_class() -> Any:
    missing = None
    try:
        from cartoframes.auth import Credentials as Theirs
    except ModuleNotFoundError as error:
        missing = error.name
    if missing is None:
        return Theirs
    raise ImportError(
        f"cartoframes cannot be used here, as there is no module {missing!r}. Install "
        "it with pip install 'carto_login_widget[cartoframes]'."
    )


def _convert(credentials: Credentials, base: Any) -> Any:
    username, base_url = _account(credentials)
    return _masked(base)(
        username,
        credentials.api_key,
        base_url,
        credentials.session,
        # cartoframes takes http, to this machine too, only with the flag.
        credentials.allow_non_secure or base_url.lower().startswith("http://"),
    )


def _account(credentials: Credentials) -> tuple[str | None, str]:
    """Return the form of the address that cartoframes and carto understand."""
    try:
        found = credentials.address()
    except InvalidCredentialsError:
        # An address that names no user still serves what needs none.
        return credentials.username, credentials.base_url
    return found.username, found.base_url


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
