"""What all bridges share: waiting for an import, catching up, not being in the way."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import pytest

from carto_login_widget import (
    Credentials,
    get_default_credentials,
    on_default_change,
    set_default_credentials,
    unset_default_credentials,
)
from carto_login_widget.bridges import Bridge

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import ModuleType

KEY = "0123456789abcdef0123456789abcdef01234567"
JANE = Credentials("jane", KEY)
BOB = Credentials("bob", KEY)

LOGIN = """
import carto_login_widget as carto
carto.set_default_credentials("jane", "0123456789abcdef")
carto.unset_default_credentials()
from carto_login_widget import *
libraries = ("cartoframes", "carto", "pyogrio", "geopandas", "distributed", "dask",
             "google.cloud.bigquery")
print(json.dumps([name for name in libraries if name in sys.modules]))
"""

LIGHT_LOGIN = """
import carto_login_widget as carto
carto.set_default_credentials("jane", "0123456789abcdef")
libraries = ("google", "google.auth", "requests", "ipywidgets")
print(json.dumps([name for name in libraries if name in sys.modules]))
"""


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: Any) -> str:
    """Name of a library that can be imported and has not been yet."""
    name = f"library_of_{request.node.name}"
    (tmp_path / f"{name}.py").write_text("account = None\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return name


class Put(Bridge):
    """Puts the account into a library."""

    def __init__(self, library: str) -> None:
        super().__init__()
        self.module_name = library

    def apply(self, module: ModuleType, credentials: Credentials | None) -> None:
        module.account = credentials


class Fail(Put):
    """Cannot do that."""

    def apply(self, *_: object) -> None:
        raise RuntimeError


def test_a_login_imports_no_library(run: Callable[..., Any]) -> None:
    """Not even `import *` imports a library that the program does not use."""
    assert run(LOGIN) == []


def test_a_default_costs_no_import(run: Callable[..., Any]) -> None:
    """A program that only sets its account loads nothing for it."""
    assert run(LIGHT_LOGIN) == []


def test_an_imported_library_has_the_account_at_once(library: str) -> None:
    """Imported before the login, it follows login, switch and logout."""
    module = import_module(library)
    bridge = Put(library)
    for account in (JANE, BOB, None):
        bridge(account)
        assert module.account is account


def test_a_library_that_is_imported_later_catches_up(library: str) -> None:
    """It gets the newest account when it is imported, and follows from then on."""
    bridge = Put(library)
    bridge(JANE)
    bridge(BOB)
    assert library not in sys.modules
    module = import_module(library)
    assert module.account is BOB
    bridge(None)
    assert module.account is None


def test_a_library_imported_after_the_logout_gets_nothing(library: str) -> None:
    """An account that was left is not brought back by an import."""
    bridge = Fail(library)
    bridge(None)
    assert import_module(library).account is None


def test_a_failing_bridge_does_not_break_the_import(
    library: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The import belongs to the user and goes well; what is missing is said."""
    bridge = Fail(library)
    bridge(JANE)
    assert import_module(library).account is None
    assert f"{library} was imported, but did not get your CARTO account" in caplog.text


def test_an_import_that_is_forbidden_is_no_trouble(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A library that cannot be imported is one that has not been imported."""
    monkeypatch.setitem(sys.modules, library, None)
    bridge = Fail(library)
    bridge(JANE)
    bridge(None)


def test_a_failing_listener_is_said_and_the_rest_goes_on() -> None:
    """One library that cannot follow stops neither the login nor the others."""
    heard = []

    def failing(credentials: Credentials | None) -> None:
        raise RuntimeError(KEY)

    stops = [on_default_change(failing), on_default_change(heard.append)]
    with pytest.warns(UserWarning, match="signed in here, but") as said:
        set_default_credentials(JANE)
    with pytest.warns(UserWarning, match="signed out here, but"):
        unset_default_credentials()
    for stop in stops:
        stop()
    assert heard == [JANE, None]
    assert get_default_credentials() is None
    assert KEY not in str(said[0].message)
