"""The account as objects of other libraries; none of them is imported before that."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from . import __version__
from .errors import CartoLoginError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import carto.auth
    import cartoframes.auth

    from .identity import Identity


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


def to_cartoframes(identity: Identity) -> cartoframes.auth.Credentials:
    """Return cartoframes' own credentials for the same account."""
    username, base_url = identity.username, identity.base_url
    # An address that names no user still serves what needs none.
    if where := identity.known_address:
        # The form of the address that cartoframes and carto understand.
        username, base_url = where.username, where.base_url
    with _library("cartoframes", "'carto_login_widget[cartoframes]'"):
        return _masked_class()(
            username,
            identity.key.reveal(),
            base_url,
            identity.session,
            # cartoframes takes http, to this machine too, only with the flag.
            identity.allow_non_secure or base_url.lower().startswith("http://"),
        )


@cache
def _masked_class() -> Any:
    """Return a subclass of cartoframes', which asks `isinstance`, without the key."""
    from cartoframes.auth.credentials import Credentials as Theirs

    class Credentials(Theirs):  # type: ignore[misc]
        __doc__ = Theirs.__doc__

        def __repr__(self) -> str:
            return (
                f"Credentials(username={self.username!r}, api_key=***, "
                f"base_url={self.base_url!r})"
            )

        def __reduce__(self) -> tuple[Any, ...]:
            names = ("username", "api_key", "base_url", "session", "allow_non_secure")
            return _rebuilt, tuple(getattr(self, name) for name in names)

    return Credentials


def _rebuilt(*values: Any) -> Any:
    return _masked_class()(*values)
