"""What a test, and each program that it starts, may know of the machine."""

from __future__ import annotations

import os

# Names, or beginnings of names, of variables that could change a result.
_SCRUBBED = (
    *("CARTO_", "CPL_", "GDAL_", "GOOGLE_", "IPYTHON", "JUPYTER", "OGR_", "XDG_"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
    *("CURL_CA_", "NETRC", "REQUESTS_CA_", "SSL_CERT_"),
)
_HOMES = ("HOME", "USERPROFILE", "APPDATA", "LOCALAPPDATA")


def clean_environment() -> dict[str, str]:
    """Return the environment less what could change a result."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(_SCRUBBED)
    }


def home_variables(path: object) -> dict[str, str]:
    """Return the variables that make `path` the home directory on any platform."""
    return dict.fromkeys(_HOMES, str(path))
