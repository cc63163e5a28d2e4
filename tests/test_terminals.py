"""Terminals that know few characters: what cannot be shown ends no login."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.environment import home_variables
from harness.terminal import Terminal

from carto_login_widget.store.profiles import Profiles

if TYPE_CHECKING:
    from carto_login_widget.sandbox import Sandbox

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no pty")
ENCODINGS = ["ascii", "latin-1", "cp1252", "utf-8"]


@pytest.fixture
def zoe(home: Path) -> dict[str, str]:
    """Variables of somebody whose home has letters that those encodings lack."""
    path = home / "Zoë-Łódź"
    path.mkdir()
    return home_variables(path)


def store_of(variables: dict[str, str]) -> Profiles:
    return Profiles(Path(variables["HOME"], ".config", "cartoframes"))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_magic_asks_and_saves(
    carto: Sandbox, zoe: dict[str, str], encoding: str
) -> None:
    """The key that was typed is not lost; the terminal is left as it was."""
    program = Path(sys.executable).with_name("ipython")
    key = carto.accounts["jane"].master.token
    command = [program, "--simple-prompt", "--no-banner"]
    with Terminal(command, PYTHONIOENCODING=encoding, **zoe) as ipython:
        ipython.answer("In [1]: ", "%load_ext carto_login_widget")
        ipython.answer("In [2]: ", "%carto_login")
        ipython.answer("CARTO address", carto.base_url("jane"))
        ipython.answer("CARTO user name", "jane")
        ipython.answer("API key (not shown)", key)
        ipython.answer("readable only by you? [Y/n]", "")
        ipython.answer("In [3]: ", "import sys; print(sys.stdout.errors)")
        ipython.wait_for("strict")
    assert store_of(zoe).default().identity.key.reveal() == key


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_command_line_asks_and_saves(
    carto: Sandbox, zoe: dict[str, str], encoding: str
) -> None:
    """What cannot be read is refused in a sentence, and asked again."""
    key = carto.accounts["jane"].master.token
    command = [sys.executable, "-m", "carto_login_widget.cli", "login"]
    with Terminal(command, PYTHONIOENCODING=encoding, **zoe) as terminal:
        terminal.answer("CARTO address", carto.base_url("jane"))
        terminal.answer("CARTO user name", "Zoë")
        terminal.answer("API key (not shown)", key)
        terminal.answer("CARTO user name", "jane")
        terminal.answer("API key (not shown)", key)
        assert terminal.exit_status() == 0
        assert "Traceback" not in terminal.screen
    assert store_of(zoe).default().identity.key.reveal() == key


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_key_is_piped_in(carto: Sandbox, zoe: dict[str, str], encoding: str) -> None:
    """Without a terminal too."""
    key = carto.accounts["jane"].master.token
    command = [sys.executable, "-m", "carto_login_widget.cli", "login", "--key-stdin"]
    done = subprocess.run(
        [*command, "--base-url", carto.base_url("jane")],
        input=f"{key}\n".encode(),
        env=os.environ | zoe | {"PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"Saved as" in done.stdout
    assert store_of(zoe).default().identity.key.reveal() == key
