"""The real cartoframes reads what this package writes, and the other way round."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from carto_login_widget import Credentials, ProfileStore

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ACCOUNTS = {
    "cloud": Credentials("jane", "key-1"),
    "public": Credentials("jane"),
    "upper": Credentials("Jane", "key-2"),
    "address": Credentials("jane", "key-3", "https://maps.example.com:8443/user/jane"),
    "address-only": Credentials(None, "key-4", "https://team.carto.com/user/jane"),
    "loopback": Credentials("jane", "key-5", "http://localhost:8080/user/jane"),
    "insecure": Credentials(
        "jane", "key-6", "http://maps.example.com/user/jane", allow_non_secure=True
    ),
}

READ = """
import json, sys
from cartoframes.auth import Credentials, get_default_credentials
from cartoframes.auth import set_default_credentials
seen = []
for path in sys.argv[1:]:
    # An empty path is the default file, of whose place cartoframes decides by itself.
    set_default_credentials(path or None)
    c = get_default_credentials()
    assert c == Credentials.from_file(path or None)
    seen.append([c.username, c.api_key, c.base_url])
print(json.dumps(seen))
"""

WRITE = """
from cartoframes.auth import Credentials
Credentials('john', 'key-of-john').save()
"""


def run(python: Path, program: str, paths: Iterable[Path | str] = ()) -> str:
    """Run a program where cartoframes is installed; its warnings are its own affair."""
    done = subprocess.run(
        [python, "-W", "ignore", "-c", program, *paths],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def fields(credentials: Credentials) -> list[Any]:
    """Return what cartoframes knows of an account."""
    return [credentials.username, credentials.api_key, credentials.base_url]


def test_cartoframes_reads_every_profile(cartoframes_python: Path) -> None:
    """With a base URL and without, on http too, each file is taken as it is."""
    store = ProfileStore()
    paths = [store.save(name, account) for name, account in ACCOUNTS.items()]
    seen = json.loads(run(cartoframes_python, READ, paths))
    assert seen == [fields(account) for account in ACCOUNTS.values()]


@pytest.mark.parametrize("name", ["cloud", "address", "loopback"])
def test_cartoframes_starts_with_the_default(
    cartoframes_python: Path, name: str
) -> None:
    """`creds.json` is where it looks, and what it understands."""
    ProfileStore().save(name, ACCOUNTS[name], default=True)
    assert json.loads(run(cartoframes_python, READ, [""])) == [fields(ACCOUNTS[name])]


def test_cartoframes_reads_what_save_writes(
    cartoframes_python: Path, tmp_path: Path
) -> None:
    """`Credentials.save()` with a path and without writes for it too."""
    path = ACCOUNTS["address"].save(tmp_path / "elsewhere.json")
    ACCOUNTS["cloud"].save()
    seen = json.loads(run(cartoframes_python, READ, [path, ""]))
    assert seen == [fields(ACCOUNTS["address"]), fields(ACCOUNTS["cloud"])]


def test_what_cartoframes_writes_is_an_account_here(cartoframes_python: Path) -> None:
    """It is listed by its user name, and kept when another default is saved."""
    run(cartoframes_python, WRITE)
    store = ProfileStore()
    assert store.names() == ["john"]
    assert Credentials.from_file() == Credentials("john", "key-of-john")
    store.save("jane", ACCOUNTS["cloud"], default=True)
    assert store.names() == ["jane", "john"]
    assert store.load("john") == Credentials("john", "key-of-john")


def test_cartoframes_replacing_the_default_loses_no_profile(
    cartoframes_python: Path,
) -> None:
    """Its save knows nothing of ours; the saved account is still there."""
    store = ProfileStore()
    store.save("jane", ACCOUNTS["cloud"], default=True)
    run(cartoframes_python, WRITE)
    assert store.names() == ["jane", "john"]
    assert store.default_name == "john"
    assert store.load("jane") == ACCOUNTS["cloud"]
