"""Programs that use a library in a process of their own, as a kernel does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness.environment import clean_environment, home_variables

from carto_login_widget import Credentials

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from carto_login_widget.sandbox import Sandbox

PROGRAM = Path(__file__).parents[1] / "programs" / "run_snippets.py"
START = "import json, sys\ngiven = json.load(sys.stdin)\n"


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Any]:
    """Run code that finds its arguments in `given` and prints JSON last."""

    def run_code(
        code: str,
        python: str | Path = sys.executable,
        warn: str = "error",
        **given: Any,
    ) -> Any:
        done = subprocess.run(
            [python, "-W", warn, "-c", START + code],
            input=json.dumps(given),
            capture_output=True,
            text=True,
            cwd=tmp_path,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run_code


@pytest.fixture
def bob(carto: Sandbox) -> Credentials:
    """Bob's account with his master key."""
    key = carto.accounts["bob"].master.token
    return Credentials("bob", key, carto.base_url("bob"))


HELPERS = """
import carto_login_widget as carto
def show(credentials):
    if credentials is None:
        return None
    names = ("username", "api_key", "base_url", "allow_non_secure")
    return [getattr(credentials, name) for name in names]
"""


SIGN_OUT = f"""
{HELPERS}
carto.unset_default_credentials()
"""


@pytest.fixture(scope="module")
def process(
    cartoframes_python: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[subprocess.Popen[str]]:
    """A process that has imported cartoframes, before any login."""
    # It outlives the home of a single test, and must not fall back on the user's.
    home = home_variables(tmp_path_factory.mktemp("home"))
    # cartoframes and what it imports warn a lot.
    with subprocess.Popen(
        [cartoframes_python, "-W", "ignore", PROGRAM, "cartoframes.auth"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=clean_environment() | home,
    ) as program:
        yield program
        program.communicate()


@pytest.fixture
def frames(process: subprocess.Popen[str]) -> Callable[..., Any]:
    """Run code where cartoframes is imported; `show()` and `carto` are there."""

    def run_code(code: str, **given: Any) -> Any:
        job = {"code": SIGN_OUT + code, "given": given}
        print(json.dumps(job), file=process.stdin, flush=True)
        said = json.loads(process.stdout.readline())
        assert "error" not in said, said["error"]
        return said["answer"]

    return run_code


@pytest.fixture
def fresh(run: Callable[..., Any], cartoframes_python: Path) -> Callable[..., Any]:
    """The same in a process that has not imported cartoframes."""

    def run_code(code: str, **given: Any) -> Any:
        return run(HELPERS + code, python=cartoframes_python, warn="ignore", **given)

    return run_code
