"""carto-python's own client for an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import __version__
from ..bridges import make

if TYPE_CHECKING:
    import carto.auth

    from ..credentials import Credentials


def api_key_auth_client(credentials: Credentials) -> carto.auth.APIKeyAuthClient:
    """Return carto-python's client, with the address in the form that it understands.

    Raises:
        ImportError: carto-python is not installed.
        InvalidCredentialsError: the address does not tell the user.
        CartoLoginError: carto-python does not take the account.
    """
    address = credentials.address()
    missing = None
    try:
        from carto.auth import APIKeyAuthClient
    except ModuleNotFoundError as error:
        missing = error.name
    if missing is not None:
        raise ImportError(
            f"carto-python cannot be used here, as there is no module {missing!r}. "
            "Install it with pip install 'carto_login_widget[carto]' 'setuptools<81'."
        )
    name = f"carto_login_widget/{__version__}"
    return make(
        "carto-python",
        lambda: APIKeyAuthClient(
            address.base_url,
            credentials.api_key,
            session=credentials.session,
            client_id=name,
            user_agent=name,
        ),
    )
