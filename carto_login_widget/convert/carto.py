"""carto-python's own client for an account."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import __version__
from . import build, missing

if TYPE_CHECKING:
    import carto.auth

    from ..identity import Identity


def api_key_auth_client(identity: Identity) -> carto.auth.APIKeyAuthClient:
    """Return carto-python's client, with an address in the form that it takes."""
    address = identity.address
    try:
        from carto.auth import APIKeyAuthClient
    except ModuleNotFoundError as error:
        install = "'carto_login_widget[carto]' 'setuptools<81'"
        raise missing("carto-python", error, install) from None
    from ..server.client import lend_session

    name = f"carto_login_widget/{__version__}"
    return build(
        "carto-python",
        lambda: APIKeyAuthClient(
            address.base_url,
            identity.key.reveal(),
            session=lend_session(identity),
            client_id=name,
            user_agent=name,
        ),
    )
