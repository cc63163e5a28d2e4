"""A process that forks, whatever its other threads do at that moment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import carto_login_widget

if TYPE_CHECKING:
    from carto_login_widget.sandbox import Sandbox

PROGRAM = Path(__file__).parent / "programs" / "forked.py"
ROOT = Path(carto_login_widget.__file__).parent


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on Windows")
@pytest.mark.parametrize(
    "how", ["fork", pytest.param("multiprocessing", marks=pytest.mark.full)]
)
def test_a_child_waits_for_no_lock_of_its_parent(carto: Sandbox, how: str) -> None:
    """It has the parent's account, and can log in, renew tokens, save and show."""
    key = carto.accounts["jane"].master.token
    arguments = [carto.base_url("jane"), key, how]
    # From Python 3.12 on a fork beside threads is warned about.
    done = subprocess.run(
        [sys.executable, "-W", "ignore", PROGRAM, *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("done\n", "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork on Windows")
def test_who_forks_may_hold_the_lock() -> None:
    """A listener may fork; parent and child both come out of its turn."""
    program = (
        "import os\n"
        "from carto_login_widget import *\n"
        "numbers = []\n"
        "stop = on_default_change(lambda _: numbers or numbers.append(os.fork()))\n"
        "set_default_credentials('jane', 'default_public')\n"
        "set_default_credentials('bob', 'default_public')\n"
        "code = os.waitpid(numbers[0], 0)[1] if numbers[0] else 0\n"
        "print(get_default_credentials().username, code, flush=True)\n"
        "os._exit(0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("bob 0\n" * 2, "")


def test_every_lock_is_renewed() -> None:
    """One that is not would be held in the child for ever."""
    bare = {
        path.relative_to(ROOT).as_posix()
        for path in ROOT.rglob("*.py")
        if re.search(r"threading\.(R?Lock|Condition|\w*Semaphore)\b", path.read_text())
    }
    expected = {"locks.py"}
    assert {name for name in bare if not name.startswith("sandbox/")} == expected
