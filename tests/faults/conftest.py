"""What the tests of this folder share: accounts, a shell, the command line."""

from __future__ import annotations

import io
import sys
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

import pytest

from carto_login_widget import (
    Credentials,
    ProfileStore,
    login,
    unset_default_credentials,
)
from carto_login_widget.server import client

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from IPython.core.interactiveshell import InteractiveShell

    from carto_login_widget.sandbox import Sandbox


@pytest.fixture(autouse=True)
def _nothing_proved() -> None:
    """A port may be that of an earlier sandbox, which has proved to be CARTO."""
    client.proved.clear()


WRONG = "fedcba9876543210fedcba9876543210fedcba98"


def account(
    carto: Sandbox, name: str = "jane", key: str | None = None, **more: Any
) -> Credentials:
    """Return credentials of an account of the sandbox; the right ones without key."""
    key = carto.accounts[name].master.token if key is None else key
    return Credentials(name, key, carto.base_url(name), **more)


def save_accepted(carto: Sandbox, name: str = "jane", *, default: bool = False) -> None:
    """Save an account that CARTO has accepted; nobody is signed in afterwards."""
    ProfileStore().save(name, login(credentials=account(carto, name)), default=default)
    unset_default_credentials()


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """A shell with the extension loaded, in which nobody is there to ask."""
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    config = Config()
    config.HistoryManager.enabled = False
    made = InteractiveShell(config=config)
    made.run_line_magic("load_ext", "carto_login_widget")
    yield made
    made.run_line_magic("unload_ext", "carto_login_widget")


@pytest.fixture
def carto_login(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Run `carto-login` in this process; return its status and all that it printed."""
    (command,) = entry_points(group="console_scripts", name="carto-login")
    main = command.load()

    def run(*words: str, typed: str = "") -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["carto-login", *words])
        monkeypatch.setattr(sys, "stdin", io.StringIO(typed))
        capsys.readouterr()
        try:
            status = main()
        except SystemExit as end:
            status = end.code
        captured = capsys.readouterr()
        return status or 0, captured.out + captured.err

    return run
