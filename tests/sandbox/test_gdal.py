"""GDAL's CARTO driver reads the sandbox's tables."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pyogrio
import pytest
from pyogrio.raw import read

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM = Path(__file__).parents[1] / "programs" / "serve_sandbox.py"
OPTIONS = ("CARTO_API_URL", "CARTO_API_KEY")


class Server:
    """A sandbox in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        assert process.stdout is not None
        base_url, self.master, self.reporting = process.stdout.readline().split()
        self._url = base_url + "/api/v2/sql"

    def sign_in(self, key: str | None) -> None:
        """Tell GDAL where CARTO is, and the key."""
        pyogrio.set_gdal_config_options(
            dict(zip(OPTIONS, (self._url, key), strict=True))
        )

    def asked(self) -> list[str]:
        """What was asked; ends the server."""
        return self._process.communicate("\n", timeout=10)[0].splitlines()


@pytest.fixture
def server() -> Iterator[Server]:
    """A running sandbox; GDAL forgets it afterwards."""
    command = [sys.executable, str(PROGRAM)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as process:
        yield Server(process)
        process.communicate("\n" if process.poll() is None else None, timeout=10)
    pyogrio.set_gdal_config_options(dict.fromkeys(OPTIONS))


def test_master_key_lists_and_reads(server: Server) -> None:
    """With the master key GDAL lists all tables and reads one with its geometry."""
    server.sign_in(server.master)
    layers = pyogrio.list_layers("Carto:jane")
    assert layers[:, 0].tolist() == [
        "airports",
        "neighbourhoods",
        "stores",
        "public_parks",
        "salaries",
    ]
    meta, _, geometry, columns = read("Carto:jane", layer="airports")
    assert meta["crs"] == "EPSG:4326"
    assert meta["geometry_type"] == "Point"
    assert len(geometry) == 3
    assert columns[0].tolist() == ["North Field", "Harbour East", "Orange Coast"]
    asked = server.asked()
    assert set(asked) == {"body 200"}


def test_regular_key_reads_what_it_may(server: Server) -> None:
    """With a regular key GDAL lists and reads the tables it was granted."""
    server.sign_in(server.reporting)
    assert "salaries" not in pyogrio.list_layers("Carto:jane")[:, 0]
    _, _, _, columns = read("Carto:jane", layer="stores")
    assert columns[0].tolist() == ["Corner Shop", "Market Hall", "Closed Kiosk"]


def test_without_key_only_public_tables(server: Server) -> None:
    """Without a key GDAL sees the public table alone."""
    server.sign_in(None)
    layers = pyogrio.list_layers("Carto:jane")
    assert layers[:, 0].tolist() == ["public_parks"]
    _, _, _, columns = read("Carto:jane", layer="public_parks")
    assert columns[0].tolist() == ["Lakeside Park", "West Woods"]
