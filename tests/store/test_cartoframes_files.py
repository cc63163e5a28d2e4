"""The real cartoframes reads what this package writes, and the other way round."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from carto_login_widget.identity import Identity
from carto_login_widget.store import profiles
from carto_login_widget.store.profiles import Profiles
from carto_login_widget.store.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def account(
    username: str | None, key: str | None = None, base_url: str | None = None
) -> Record:
    """An account; http to another machine is allowed where it is asked for."""
    insecure = base_url is not None and base_url.startswith("http://maps")
    return Record(Identity.of(username, key, base_url, allow_non_secure=insecure))


ACCOUNTS = {
    "cloud": account("jane", "key-1"),
    "public": account("jane"),
    "upper": account("Jane", "key-2"),
    "address": account("jane", "key-3", "https://maps.example.com:8443/user/jane"),
    "address-only": account(None, "key-4", "https://team.carto.com/user/jane"),
    "page": account("jane", "key-5", "https://Maps.example.com:443/u/jane/dashboard"),
    "host-only": account("jane", "key-6", "10.0.0.5"),
    "loopback": account("jane", "key-7", "HTTP://localhost:8080/user/jane"),
    "insecure": account("jane", "key-8", "http://maps.example.com/user/jane"),
}
SEEN = {
    "cloud": ["jane", "key-1", "https://jane.carto.com"],
    "public": ["jane", "default_public", "https://jane.carto.com"],
    "upper": ["jane", "key-2", "https://jane.carto.com"],
    "address": ["jane", "key-3", "https://maps.example.com:8443/user/jane"],
    "address-only": ["jane", "key-4", "https://team.carto.com/user/jane"],
    "page": ["jane", "key-5", "https://maps.example.com/user/jane"],
    "host-only": ["jane", "key-6", "https://10.0.0.5/user/jane"],
    "loopback": ["jane", "key-7", "http://localhost:8080/user/jane"],
    "insecure": ["jane", "key-8", "http://maps.example.com/user/jane"],
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


def test_cartoframes_reads_every_profile(cartoframes_python: Path) -> None:
    """However the address was written, each file is one that it can use."""
    store = Profiles()
    for name, record in ACCOUNTS.items():
        store.save(name, record)
    paths = [store.path_of(name) for name in ACCOUNTS]
    seen = json.loads(run(cartoframes_python, READ, paths))
    assert dict(zip(ACCOUNTS, seen, strict=True)) == SEEN


@pytest.mark.parametrize("name", ["cloud", "page", "loopback"])
def test_cartoframes_starts_with_the_default(
    cartoframes_python: Path, name: str
) -> None:
    """`creds.json` is where it looks, and what it understands."""
    Profiles().save(name, ACCOUNTS[name], default=True)
    assert json.loads(run(cartoframes_python, READ, [""])) == [SEEN[name]]


def test_cartoframes_reads_a_file_elsewhere(
    cartoframes_python: Path, tmp_path: Path
) -> None:
    """A file outside the store is written for it too."""
    profiles.write(tmp_path / "elsewhere.json", ACCOUNTS["address"])
    Profiles().set_default(ACCOUNTS["cloud"])
    paths = [tmp_path / "elsewhere.json", ""]
    seen = json.loads(run(cartoframes_python, READ, paths))
    assert seen == [SEEN["address"], SEEN["cloud"]]


def test_what_cartoframes_writes_is_an_account_here(cartoframes_python: Path) -> None:
    """It is listed by its user name, and kept when another default is saved."""
    run(cartoframes_python, WRITE)
    store = Profiles()
    john = account("john", "key-of-john").identity
    assert store.names() == ["john"]
    assert store.default().identity == john
    store.save("jane", ACCOUNTS["cloud"], default=True)
    assert store.names() == ["jane", "john"]
    assert store.load("john").identity == john


def test_cartoframes_replacing_the_default_loses_no_profile(
    cartoframes_python: Path,
) -> None:
    """Its save knows nothing of ours; the saved account is still there."""
    store = Profiles()
    store.save("jane", ACCOUNTS["cloud"], default=True)
    run(cartoframes_python, WRITE)
    assert store.names() == ["jane", "john"]
    assert store.default_name == "john"
    assert store.load("jane").identity == ACCOUNTS["cloud"].identity
