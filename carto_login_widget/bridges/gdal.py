"""GDAL inside pyogrio, and so geopandas, opens `Carto:<user>` with the account.

Its driver sends the option `CARTO_API_KEY` to the address in `CARTO_API_URL`, else to
the cloud account after `Carto:`. Both are set together, so the key goes to its own
address whatever is opened. With them come the authorities and the proxy of the login,
where the user has not told GDAL otherwise; these are for all that it opens.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..secret import Secret
from . import Bridge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from ..credentials import Credentials
    from ..identity import Identity

_AUTHORITIES = "GDAL_CURL_CA_BUNDLE"


@contextmanager
def _options(module: ModuleType, credentials: Credentials) -> Iterator[None]:
    identity = credentials._identity
    with ExitStack() as stack:
        network = _network(identity, stack).items()
        ours = {n: Secret(v) for n, v in network if v and _is_free(module, n)}
        ours["CARTO_API_URL"] = Secret(identity.address.url("api/v2/sql"))
        ours["CARTO_API_KEY"] = identity.key
        module.set_gdal_config_options({n: v.reveal() for n, v in ours.items()})
        yield
        # The last one first, the key before its address; what the user has set stays.
        gone = [
            name
            for name, value in reversed(ours.items())
            if module.get_gdal_config_option(name) == value.reveal()
        ]
        module.set_gdal_config_options(dict.fromkeys(gone))


def _network(identity: Identity, stack: ExitStack) -> dict[str, str | None]:
    """Return whom the login trusts, and the proxy that a session lends."""
    from ..server.client import trusts

    scheme, verify = urlsplit(identity.address.base_url).scheme, trusts(identity)
    lent = identity.session.proxies if identity.session else {}
    system = ssl.get_default_verify_paths()
    own = os.fspath(verify) if isinstance(verify, str | os.PathLike) else ""
    files = [f for f in {own, system.cafile} if f and Path(f).is_file()]
    if len(files) > 1:
        # GDAL takes one file, so all authorities are written into one.
        place = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        path = Path(stack.enter_context(place), "authorities.pem")
        path.write_bytes(b"\n".join(Path(file).read_bytes() for file in files))
        files = [str(path)]
    return {
        _AUTHORITIES: files[0] if files else None,
        "GDAL_HTTP_CAPATH": own if own and Path(own).is_dir() else system.capath,
        # libcurl reads the proxies of the environment by itself.
        f"GDAL_{scheme.upper()}_PROXY": lent.get(scheme) or lent.get("all"),
    }


def _is_free(module: ModuleType, name: str) -> bool:
    """Whether the user has left an option to us; pyogrio sets one by itself."""
    import certifi

    preset = certifi.where() if name == _AUTHORITIES else None
    return module.get_gdal_config_option(name) in {None, preset}


follow = Bridge("pyogrio.core", _options)
