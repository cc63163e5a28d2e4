"""GDAL inside pyogrio, and so geopandas, opens `Carto:<user>` with the account.

GDAL's `Carto` driver sends the option `CARTO_API_KEY` to the address in the option
`CARTO_API_URL`, or to the cloud account that the user wrote after `Carto:`. Both are
set together, so the key goes to its own address whatever is opened. With them come the
authorities and the proxy of the login, as far as GDAL can be told and the user has not
told it otherwise; both are for all that GDAL opens.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..secret import Secret
from . import Bridge

if TYPE_CHECKING:
    from types import ModuleType

    from ..credentials import Credentials
    from ..identity import Identity

    Options = dict[str, Secret]

_AUTHORITIES = "GDAL_CURL_CA_BUNDLE"


class _Options:
    """What was put into GDAL; only that is taken back."""

    def __init__(self) -> None:
        self._ours: Options = {}
        self._bundle: tempfile.TemporaryDirectory[str] | None = None

    def apply(self, module: ModuleType, credentials: Credentials | None) -> None:
        # First, as an old key must not meet a new address, or stay where this fails.
        self._take_back(module)
        if credentials is not None:
            identity = credentials._identity
            network = self._network(identity).items()
            ours = {n: Secret(v) for n, v in network if v and _is_free(module, n)}
            ours |= _account(identity)
            module.set_gdal_config_options({n: v.reveal() for n, v in ours.items()})
            self._ours = ours

    def _take_back(self, module: ModuleType) -> None:
        # The last one first: the key before its address.
        gone = [
            name
            for name, value in reversed(self._ours.items())
            if module.get_gdal_config_option(name) == value.reveal()
        ]
        self._ours = {}
        module.set_gdal_config_options(dict.fromkeys(gone))
        if self._bundle is not None:
            self._bundle.cleanup()
            self._bundle = None

    def _network(self, identity: Identity) -> dict[str, str | None]:
        """Return whom the login trusts, and the proxy that a session lends."""
        from ..server.client import trusts

        scheme, verify = urlsplit(identity.address.base_url).scheme, trusts(identity)
        lent = identity.session.proxies if identity.session else {}
        system = ssl.get_default_verify_paths()
        files, directory = [system.cafile], system.capath
        if isinstance(verify, str | os.PathLike):
            if Path(verify).is_dir():
                directory = os.fspath(verify)
            else:
                files.append(os.fspath(verify))
        return {
            _AUTHORITIES: self._one_file({f for f in files if f and Path(f).is_file()}),
            "GDAL_HTTP_CAPATH": directory,
            # libcurl reads the proxies of the environment by itself.
            f"GDAL_{scheme.upper()}_PROXY": lent.get(scheme) or lent.get("all"),
        }

    def _one_file(self, files: set[str]) -> str | None:
        """Return all authorities in one file, as GDAL takes no more."""
        if len(files) < 2:  # noqa: PLR2004
            return next(iter(files), None)
        self._bundle = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        path = Path(self._bundle.name, "authorities.pem")
        path.write_bytes(b"\n".join(Path(file).read_bytes() for file in files))
        return str(path)


def _account(identity: Identity) -> Options:
    url = identity.address.url("api/v2/sql")
    return {"CARTO_API_URL": Secret(url), "CARTO_API_KEY": identity.key}


def _is_free(module: ModuleType, name: str) -> bool:
    """Whether the user has left an option to us; pyogrio sets one by itself."""
    import certifi

    preset = certifi.where() if name == _AUTHORITIES else None
    return module.get_gdal_config_option(name) in {None, preset}


_bridge = Bridge("pyogrio.core", _Options().apply)


def follow(credentials: Credentials | None) -> None:
    """Take the account over; None means signed out."""
    _bridge.follow(credentials)
