"""Every test starts signed out, in an empty home, free of the machine's settings."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.environment import clean_environment, home_variables

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carto_login_widget.sandbox import Sandbox

collect_ignore = ["benchmarks"]

PROGRAMS = Path(__file__).parent / "programs"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the browser tests last.

    The quick tests answer first, and Playwright's synchronous API leaves a running
    event loop in its thread, under which `asyncio.run` of a later test would fail.
    """
    items.sort(key=lambda item: "browser" in item.path.parts)


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The empty home directory of this test; nothing of the machine's shows.

    What a test changes in the environment ends with it: servers that live for the whole
    session start between tests.
    """
    before = dict(os.environ)
    for name in os.environ.keys() - clean_environment().keys():
        del os.environ[name]
    path = tmp_path_factory.mktemp("home")
    os.environ.update(home_variables(path))
    yield path
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(autouse=True)
def _signed_out(home: Path) -> Iterator[None]:
    yield
    # A test that did not import it has signed nothing in: import it for none.
    if "carto_login_widget.session.default" in sys.modules:
        sys.modules["carto_login_widget"].unset_default_credentials()


@pytest.fixture
def carto() -> Iterator[Sandbox]:
    """A CARTO on loopback."""
    from carto_login_widget.sandbox import Sandbox

    with Sandbox() as sandbox:
        yield sandbox


def _interpreter(variable: str) -> Path:
    path = os.environ.get(variable)
    if not path:
        pytest.skip(f"{variable} names no interpreter: tests/run.sh makes one")
    return Path(path)


@pytest.fixture(scope="session")
def cartoframes_python() -> Path:
    """Python of an environment with cartoframes 1.2.5 and this package."""
    return _interpreter("TEST_CARTOFRAMES_PYTHON")


@pytest.fixture(scope="session")
def ipykernel6_python() -> Path:
    """Python of an environment with ipykernel 6.31 and this package."""
    return _interpreter("TEST_IPYKERNEL6_PYTHON")


@pytest.fixture(scope="session")
def dask_python() -> Path:
    """Python of an environment with distributed and without this package."""
    return _interpreter("TEST_DASK_PYTHON")


@pytest.fixture(scope="session")
def bigquery_emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Port of a BigQuery emulator on loopback."""
    directory = tmp_path_factory.mktemp("bigquery")
    with (
        (directory / "log").open("wb") as errors,
        subprocess.Popen(
            [sys.executable, PROGRAMS / "bigquery_emulator.py"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=clean_environment() | home_variables(directory),
        ) as program,
    ):
        ready = next(line for line in program.stdout if line.startswith("port "))
        yield int(ready.split()[1])
        # It ends when its input does.
        program.communicate()
