"""GDAL inside pyogrio, and so geopandas, opens `Carto:<user>` with the account.

GDAL's `Carto` driver sends the option `CARTO_API_KEY` to the address in the option
`CARTO_API_URL`, or to the cloud account that the user wrote after `Carto:`. Both are
set together, so the key goes to its own address whatever is opened.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..secret import Secret
from . import Bridge

if TYPE_CHECKING:
    from types import ModuleType

    from ..credentials import Credentials

    Options = dict[str, Secret | None]

_URL = "CARTO_API_URL"
_KEY = "CARTO_API_KEY"
_NOTHING: Options = {_URL: None, _KEY: None}


class _Options:
    """What was put into GDAL, and what stood there before."""

    def __init__(self) -> None:
        self._ours = _NOTHING
        self._theirs = _NOTHING

    def apply(self, module: ModuleType, credentials: Credentials | None) -> None:
        """Set GDAL's options, or take ours back."""
        ours = _NOTHING
        try:
            if credentials is not None:
                ours = _options(credentials)
        finally:
            # Where it fails, the account before must not stay behind.
            self._put(module, ours)

    def _put(self, module: ModuleType, ours: Options) -> None:
        self._theirs = {name: self._without_ours(module, name) for name in ours}
        self._ours = ours
        chosen = self._theirs if ours is _NOTHING else ours
        module.set_gdal_config_options(
            {name: value and value.reveal() for name, value in chosen.items()}
        )

    def _without_ours(self, module: ModuleType, name: str) -> Secret | None:
        """What an option would be without us."""
        found: Any = module.get_gdal_config_option(name)
        current = None if found is None else Secret(str(found))
        if current is not None and current == self._ours[name]:
            return self._theirs[name]
        # GDAL answers with the environment too; set as an option it would stay for
        # good, whatever becomes of the variable.
        from_environment = str(found) == os.environ.get(name)
        return None if from_environment else current


def _options(credentials: Credentials) -> Options:
    url = credentials.address().url("api/v2/sql")
    return {_URL: Secret(url), _KEY: credentials.secret}


_bridge = Bridge("pyogrio.core", _Options().apply)


def follow(credentials: Credentials | None) -> None:
    """Take the account over; None means signed out."""
    _bridge.follow(credentials)
