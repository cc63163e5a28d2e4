"""What the tests run against."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
from pathlib import Path

import pytest

import carto_login_widget

wheel = pytest.mark.skipif(
    "TEST_WHEEL" not in os.environ, reason="only tests/run.sh installs the wheel"
)


def imported_by(python: Path) -> Path:
    """Return the file that `python` imports the package from, in this directory."""
    code = "import carto_login_widget; print(carto_login_widget.__file__)"
    found = subprocess.run(
        [python, "-c", code], capture_output=True, text=True, check=True
    )
    return Path(found.stdout.strip())


@wheel
def test_the_package_is_the_installed_wheel() -> None:
    """The tests import what a user installs, not the checkout."""
    assert "site-packages" in Path(carto_login_widget.__file__).parts
    files = importlib.metadata.files("carto_login_widget") or []
    assert "carto_login_widget/py.typed" in map(str, files)


@wheel
def test_every_environment_has_the_wheel(
    cartoframes_python: Path, ipykernel6_python: Path
) -> None:
    """So do the programs that the tests start, in each environment."""
    for python in (Path(sys.executable), cartoframes_python, ipykernel6_python):
        assert "site-packages" in imported_by(python).parts


def test_cartoframes_can_be_imported(cartoframes_python: Path) -> None:
    """The environment for cartoframes holds a cartoframes that works."""
    code = (
        "from cartoframes.auth import Credentials; print(Credentials('jane').username)"
    )
    found = subprocess.run(
        [cartoframes_python, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout == "jane\n"
