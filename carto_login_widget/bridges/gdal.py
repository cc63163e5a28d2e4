"""GDAL inside pyogrio, and so geopandas, opens `Carto:<user>` with the account.

Its driver sends the option `CARTO_API_KEY` to the address in `CARTO_API_URL`, else to
the cloud account after `Carto:`. Both are set together, so the key goes to its own
address whatever is opened. With them come the authorities and the proxy of the login,
where the user has not told GDAL otherwise; these are for all that it opens.
"""

from __future__ import annotations

import os
import shutil
import ssl
import tempfile
import weakref
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..secret import Secret
from . import Bridge

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from ..credentials import Credentials
    from ..identity import Identity

_AUTHORITIES = "GDAL_CURL_CA_BUNDLE"


class _Options(Bridge):
    module_name = "pyogrio.core"

    def __init__(self) -> None:
        super().__init__()
        self._ours: dict[str, Secret] = {}  # only that is taken back
        self._remove_bundle: Callable[[], object] | None = None

    def apply(self, module: ModuleType, credentials: Credentials | None) -> None:
        # First, as an old key must not meet a new address, or stay where this fails.
        self._take_back(module)
        if credentials is None:
            return
        identity = credentials._identity
        network = self._network(identity).items()
        ours = {n: Secret(v) for n, v in network if v and _is_free(module, n)}
        ours["CARTO_API_URL"] = Secret(identity.address.url("api/v2/sql"))
        ours["CARTO_API_KEY"] = identity.key
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
        if self._remove_bundle is not None:
            self._remove_bundle()
            self._remove_bundle = None

    def _network(self, identity: Identity) -> dict[str, str | None]:
        """Return whom the login trusts, and the proxy that a session lends."""
        from ..server.client import trusts

        scheme, verify = urlsplit(identity.address.base_url).scheme, trusts(identity)
        lent = identity.session.proxies if identity.session else {}
        system = ssl.get_default_verify_paths()
        files, directory = {system.cafile}, system.capath
        if isinstance(verify, str | os.PathLike):
            if Path(verify).is_dir():
                directory = os.fspath(verify)
            else:
                files.add(os.fspath(verify))
        return {
            _AUTHORITIES: self._one_file([f for f in files if f and Path(f).is_file()]),
            "GDAL_HTTP_CAPATH": directory,
            # libcurl reads the proxies of the environment by itself.
            f"GDAL_{scheme.upper()}_PROXY": lent.get(scheme) or lent.get("all"),
        }

    def _one_file(self, files: list[str]) -> str | None:
        """Return all authorities in one file, as GDAL takes no more."""
        if len(files) < 2:  # noqa: PLR2004
            return files[0] if files else None
        directory = tempfile.mkdtemp()
        self._remove_bundle = weakref.finalize(self, _remove, directory, os.getpid())
        path = Path(directory, "authorities.pem")
        path.write_bytes(b"\n".join(Path(file).read_bytes() for file in files))
        return str(path)


def _remove(directory: str, maker: int) -> None:
    # A forked child ends, or logs out, while its parent goes on.
    if os.getpid() == maker:
        shutil.rmtree(directory, ignore_errors=True)


def _is_free(module: ModuleType, name: str) -> bool:
    """Whether the user has left an option to us; pyogrio sets one by itself."""
    import certifi

    preset = certifi.where() if name == _AUTHORITIES else None
    return module.get_gdal_config_option(name) in {None, preset}


follow = _Options()
