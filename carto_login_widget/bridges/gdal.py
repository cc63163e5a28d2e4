"""GDAL inside pyogrio, and so geopandas, opens `Carto:<user>` with the account.

GDAL's `Carto` driver sends the option `CARTO_API_KEY` to the address in the option
`CARTO_API_URL`, or to the cloud account that the user wrote after `Carto:`. Both are
set together, so the key goes to its own address whatever is opened.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..secret import Secret
from . import Bridge

if TYPE_CHECKING:
    from types import ModuleType

    from ..credentials import Credentials

    Options = dict[str, Secret]


class _Options:
    """What was put into GDAL; only that is taken back."""

    def __init__(self) -> None:
        self._ours: Options = {}

    def apply(self, module: ModuleType, credentials: Credentials | None) -> None:
        ours: Options = {}
        try:
            if credentials is not None:
                ours = _options(credentials)
        finally:
            # Where it fails, the account before must not stay behind.
            self._put(module, ours)

    def _put(self, module: ModuleType, ours: Options) -> None:
        gone = [
            name
            for name, value in self._ours.items()
            if module.get_gdal_config_option(name) == value.reveal()
        ]
        self._ours = ours
        module.set_gdal_config_options(
            {
                **dict.fromkeys(gone),
                **{name: value.reveal() for name, value in ours.items()},
            }
        )


def _options(credentials: Credentials) -> Options:
    identity = credentials._identity
    url = identity.address.url("api/v2/sql")
    return {"CARTO_API_URL": Secret(url), "CARTO_API_KEY": identity.key}


_bridge = Bridge("pyogrio.core", _Options().apply)


def follow(credentials: Credentials | None) -> None:
    """Take the account over; None means signed out."""
    _bridge.follow(credentials)
