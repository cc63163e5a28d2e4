"""Every test starts signed out, in an empty home, free of the machine's settings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness.environment import clean_environment, home_variables
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carto_login_widget import Credentials
    from carto_login_widget.sandbox import Sandbox

collect_ignore = ["benchmarks"]

# How long an example takes says how busy the machine is.
BUSY = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", BUSY, max_examples=50)
settings.register_profile("all", BUSY, max_examples=300)

PROGRAMS = Path(__file__).parent / "programs"
KEEPS_THE_DEFAULT = "carto_login_widget.session.default"
REMEMBERS_LOGOUT = "carto_login_widget.session.login"

# Files that share what is dear to start: one process has to run them.
TOGETHER = {
    "test_google_bigquery.py": "BigQuery",
    "test_service_notebooks.py": "BigQuery",
}
ONLY_ALL = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--all`."""
    parser.addoption("--all", action="store_true", help='run what is marked "full" too')


def pytest_configure(config: pytest.Config) -> None:
    """Try many examples of everything only with `--all`."""
    # Who starts the tests in the background of a script has them ignore Ctrl-C, and so
    # all that they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.load_profile("all" if config.getoption("--all") else "quick")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(
    config: pytest.Config, items: list[pytest.Item]
) -> None:
    """Leave out what only `--all` runs, and begin with what takes longest."""
    if not config.getoption("--all"):
        full = [item for item in items if item.get_closest_marker("full")]
        items[:] = [item for item in items if not item.get_closest_marker("full")]
        config.stash[ONLY_ALL] = len(full)
        config.hook.pytest_deselected(items=full)
    items.sort(key=lambda item: "browser" not in item.path.parts)
    for item in items:
        # Pages and clusters of several processes are late on a busy machine. What was
        # run again is listed at the end.
        if {"browser", "test_dask.py"} & set(item.path.parts):
            item.add_marker(pytest.mark.flaky(reruns=2))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Give each process a whole file at a time, and one of them all browser tests.

    Marks would say it with `--dist loadgroup`, which pytest 9.2 broke:
    https://github.com/pytest-dev/pytest-xdist/issues/1386
    """
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            path = Path(nodeid.partition("::")[0])
            is_in_browser = "browser" in path.parts
            return "browser" if is_in_browser else TOGETHER.get(path.name, str(path))

    return ByGroup(config, log) if config.option.dist == "loadscope" else None


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a process of pytest-xdist counted; each one counts all."""
    stash, there = node.config.stash, getattr(node, "workeroutput", {})
    stash[ONLY_ALL] = max(stash.get(ONLY_ALL, 0), there.get("only all", 0))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand the count to the process that reports."""
    if hasattr(session.config, "workeroutput"):
        count = session.config.stash.get(ONLY_ALL, 0)
        session.config.workeroutput["only all"] = count


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say how much was left out."""
    count = config.stash.get(ONLY_ALL, 0)
    if count:
        terminalreporter.write_line(
            f"{count} more tests run only with --all: bash tests/run.sh --all"
        )


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
    # A test that imported none of it has signed nothing in: import it for none.
    if "ipywidgets" in sys.modules:
        # A form that is left would follow the accounts of all later tests.
        sys.modules["ipywidgets"].Widget.close_all()
    if KEEPS_THE_DEFAULT in sys.modules:
        sys.modules["carto_login_widget"].unset_default_credentials()
    if REMEMBERS_LOGOUT in sys.modules:
        sys.modules[REMEMBERS_LOGOUT]._kernel.logged_out = False


@pytest.fixture
def carto() -> Iterator[Sandbox]:
    """A CARTO on loopback."""
    from carto_login_widget.sandbox import Sandbox

    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def jane(carto: Sandbox) -> Credentials:
    """Jane's account with her master key."""
    from carto_login_widget import Credentials

    key = carto.accounts["jane"].master.token
    return Credentials("jane", key, carto.base_url("jane"))


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
def patched_python() -> Path:
    """Python of an environment whose packages change how connections are made."""
    return _interpreter("TEST_PATCHED_PYTHON")


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
