"""Asks CARTO in a process where somebody else has changed how connections are made.

    patched.py WHO before|after BASE_URL KEY

WHO is gevent, eventlet, truststore, or nobody: pip-system-certs needs no more than to
be installed, unless Python runs with -S. Prints the type of the key, or what is wrong.
"""

from __future__ import annotations

import sys
from pathlib import Path

who, when, base_url, key = sys.argv[1:]
if sys.flags.no_site:
    version = f"python3.{sys.version_info.minor}"
    environment = Path(sys.executable).parents[1]
    sys.path.append(str(environment / "lib" / version / "site-packages"))


def patch() -> None:
    """Change the process as people do."""
    if who == "gevent":
        from gevent import monkey

        monkey.patch_all()
    elif who == "eventlet":
        import eventlet

        eventlet.monkey_patch()
    elif who == "truststore":
        import truststore

        truststore.inject_into_ssl()


if when == "before":
    patch()
from carto_login_widget import CartoLoginError, Credentials  # noqa: E402

jane = Credentials("jane", key, base_url)
if when == "after":
    import carto_login_widget.server.client  # noqa: F401 - all that is loaded at first

    patch()
try:
    print(jane.validate().key_type)
except CartoLoginError as error:
    print(f"{error.reason}: {error}")
