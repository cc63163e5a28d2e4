"""Programs that use a library in a process of their own, as a kernel does."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from carto_login_widget import Credentials

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from carto_login_widget.sandbox import Sandbox

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
def jane(carto: Sandbox) -> Credentials:
    """Jane's account with her master key."""
    key = carto.accounts["jane"].master.token
    return Credentials("jane", key, carto.base_url("jane"))


@pytest.fixture
def bob(carto: Sandbox) -> Credentials:
    """Bob's account with his master key."""
    key = carto.accounts["bob"].master.token
    return Credentials("bob", key, carto.base_url("bob"))
