"""The account as objects of other libraries; none of them is imported before that."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from . import __version__
from .errors import CartoLoginError, InvalidCredentialsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import carto.auth
    import cartoframes.auth

    from .identity import Identity

_FIELDS = ("username", "api_key", "base_url", "session", "allow_non_secure")


def to_carto(identity: Identity) -> carto.auth.APIKeyAuthClient:
    """Return carto-python's client, with an address in the form that it takes."""
    base_url, name = identity.address.base_url, f"carto_login_widget/{__version__}"
    with _library("carto-python", "'carto_login_widget[carto]' 'setuptools<81'"):
        from carto.auth import APIKeyAuthClient

        from .server.client import lend_session

        return APIKeyAuthClient(
            base_url,
            identity.key.reveal(),
            session=lend_session(identity),
            client_id=name,
            user_agent=name,
        )


def to_cartoframes(identity: Identity) -> cartoframes.auth.Credentials:
    """Return cartoframes' own credentials for the same account."""
    with _library("cartoframes", "'carto_login_widget[cartoframes]'"):
        from cartoframes.auth import Credentials

        return of_class(Credentials, identity)


@contextmanager
def _library(name: str, install: str) -> Iterator[None]:
    """Say what is wrong with a library, whose own errors could hold the key."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ImportError(
            f"{name} cannot be used here, as there is no module {error.name!r}. "
            f"Install it with pip install {install}."
        ) from None
    except Exception as error:  # noqa: BLE001 - whatever it was, only its kind is said
        raise CartoLoginError(
            f"{name} did not take the account ({type(error).__name__}). Is it another "
            "version than this package knows?"
        ) from None


def of_class(base: Any, identity: Identity) -> Any:
    """Return an instance of a subclass of `base`, as cartoframes asks `isinstance`."""
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

        def toDict(self) -> dict[str, Any]:  # noqa: N802 - for pandas, as ours
            return {"username": self.username, "base_url": self.base_url}

        def __reduce__(self) -> tuple[Any, ...]:
            return _rebuild, tuple(getattr(self, name) for name in _FIELDS)

    return Credentials


def _rebuild(*values: Any) -> Any:
    from cartoframes.auth import Credentials

    return _masked(Credentials)(*values)
