"""What the environment and the configuration say."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets import TraitError
from traitlets.config import Config

from carto_login_widget import InvalidCredentialsError, settings
from carto_login_widget.settings import CartoLogin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Given = Callable[[dict[str, str]], None]

KEY = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def _own_settings() -> Iterator[None]:
    CartoLogin.clear_instance()
    yield
    CartoLogin.clear_instance()


def shell_with(**values: object) -> InteractiveShell:
    """Return a shell as `ipython_config.py` with `c.CartoLogin...` would start it."""
    config = Config()
    config.CartoLogin.update(values)
    config.HistoryManager.enabled = False
    return InteractiveShell(config=config)


def timeouts() -> tuple[float, float, float]:
    """Return the limits in force."""
    limits = CartoLogin.instance()
    return limits.connect_timeout, limits.read_timeout, limits.total_timeout


def test_the_limits_are_those_that_are_promised() -> None:
    """5 s for a connection, 15 s for an answer, 20 s for all."""
    assert timeouts() == (5.0, 15.0, 20.0)
    assert CartoLogin.instance().remember is True


def test_the_configuration_file_is_heard() -> None:
    """`c.CartoLogin.read_timeout` of IPython's configuration applies."""
    settings.configure(shell_with(read_timeout=30.0, remember=False))
    assert timeouts() == (5.0, 30.0, 20.0)
    assert CartoLogin.instance().remember is False


def test_config_changes_a_limit_while_the_shell_runs() -> None:
    """`%config CartoLogin.total_timeout = 7` applies at once."""
    shell = shell_with()
    settings.configure(shell)
    shell.run_line_magic("config", "CartoLogin.total_timeout = 7")
    assert timeouts()[2] == 7.0


PROGRAM = """
import carto_login_widget as carto
from carto_login_widget import settings
form = carto.LoginForm()
print(settings.CartoLogin.instance().total_timeout, form.state.fields.remember)
%load_ext carto_login_widget
%config CartoLogin.total_timeout = 8
print(settings.CartoLogin.instance().total_timeout)
"""


def test_the_configuration_file_is_heard_before_the_extension(home: Path) -> None:
    """By login() and LoginForm() in real IPython; %config goes on from there."""
    profile = home / ".ipython" / "profile_default"
    profile.mkdir(parents=True)
    config = "c.CartoLogin.total_timeout = 7\nc.CartoLogin.remember = False\n"
    (profile / "ipython_config.py").write_text(config)
    program = home / "program.ipy"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--no-banner", program],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-2:] == ["7.0 False", "8.0"], done.stdout


def test_config_lists_the_settings_once_however_often_they_are_loaded() -> None:
    """Loading twice adds one entry, and unloading takes it away."""
    shell = shell_with()
    settings.configure(shell)
    settings.configure(shell)
    assert shell.configurables.count(CartoLogin.instance()) == 1
    settings.unconfigure(shell)
    settings.unconfigure(shell)
    assert CartoLogin.instance() not in shell.configurables


@pytest.mark.parametrize("name", ["connect_timeout", "read_timeout", "total_timeout"])
@pytest.mark.parametrize("value", [0, -1, "soon"])
def test_a_limit_is_a_positive_number(name: str, value: object) -> None:
    """What cannot be one is refused, and the old one stays."""
    before = timeouts()
    with pytest.raises(TraitError):
        setattr(CartoLogin.instance(), name, value)
    assert timeouts() == before


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, str]], None]:
    """Set these variables, and no others of CARTO."""

    def set_variables(variables: dict[str, str]) -> None:
        for name in ("USERNAME", "API_KEY", "BASE_URL", "PROFILE"):
            monkeypatch.delenv(f"CARTO_{name}", raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return set_variables


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"CARTO_API_KEY": KEY},
        {"CARTO_USERNAME": "jane"},
        {"CARTO_API_KEY": "", "CARTO_USERNAME": "jane"},
        {"CARTO_API_KEY": "  ", "CARTO_USERNAME": "jane"},
        {"CARTO_API_KEY": KEY, "CARTO_USERNAME": " ", "CARTO_BASE_URL": ""},
    ],
)
def test_an_account_needs_a_key_and_whose_it_is(
    given: Given, variables: dict[str, str]
) -> None:
    """Empty and blank variables count as unset."""
    given(variables)
    assert settings.environment_identity() is None


@pytest.mark.parametrize(
    ("variables", "base_url"),
    [
        ({"CARTO_USERNAME": "jane"}, "https://jane.carto.com"),
        (
            {"CARTO_BASE_URL": "https://maps.example.com/user/jane"},
            "https://maps.example.com/user/jane",
        ),
        (
            {"CARTO_USERNAME": "jane", "CARTO_BASE_URL": "https://maps.example.com"},
            "https://maps.example.com/user/jane",
        ),
        ({"CARTO_USERNAME": '"jane"', "CARTO_BASE_URL": ""}, "https://jane.carto.com"),
    ],
)
def test_the_environment_gives_an_account(
    given: Given, variables: dict[str, str], base_url: str
) -> None:
    """By name or address; quotes that a file of variables left are dropped."""
    given({"CARTO_API_KEY": f"'{KEY}'\n"} | variables)
    found = settings.environment_identity()
    assert found is not None
    assert found.key.reveal() == KEY
    assert found.address.base_url == base_url


@pytest.mark.parametrize(
    ("variables", "blamed"),
    [
        ({"CARTO_USERNAME": "jane@example.com"}, "CARTO_USERNAME"),
        ({"CARTO_USERNAME": "jane", "CARTO_API_KEY": f"{KEY} {KEY}"}, "CARTO_API_KEY"),
        ({"CARTO_BASE_URL": "http://maps.example.com/user/jane"}, "CARTO_BASE_URL"),
        ({"CARTO_BASE_URL": "https://10.0.0.5"}, "CARTO_USERNAME"),
        (
            {
                "CARTO_USERNAME": "bob",
                "CARTO_BASE_URL": "https://maps.example.com/user/jane",
            },
            "CARTO_USERNAME",
        ),
    ],
)
def test_a_wrong_variable_is_named(
    given: Given, variables: dict[str, str], blamed: str
) -> None:
    """The message says which variable it is, and shows no key."""
    given({"CARTO_API_KEY": KEY} | variables)
    with pytest.raises(InvalidCredentialsError, match=f"^{blamed} in the envi") as told:
        settings.environment_identity()
    assert KEY[:8] not in str(told.value)


def test_a_key_of_nobody_is_told(given: Given) -> None:
    """The note names the variables that are missing; else there is none."""
    given({"CARTO_API_KEY": KEY, "CARTO_USERNAME": " "})
    note = settings.environment_note()
    assert note is not None
    assert "neither CARTO_USERNAME nor CARTO_BASE_URL" in note
    assert KEY[:8] not in note
    full = {"CARTO_API_KEY": KEY, "CARTO_USERNAME": "jane"}
    for variables in ({}, {"CARTO_API_KEY": " "}, full):
        given(variables)
        assert settings.environment_note() is None


@pytest.mark.parametrize(
    ("variables", "name"),
    [
        ({"CARTO_PROFILE": " work "}, "work"),
        ({"CARTO_PROFILE": ""}, None),
        ({"CARTO_PROFILE": " "}, None),
        ({}, None),
    ],
)
def test_a_profile_may_be_named(
    given: Given, variables: dict[str, str], name: str | None
) -> None:
    """By CARTO_PROFILE; empty and blank mean unset."""
    given(variables)
    assert settings.named_profile() == name


def test_the_environment_is_read_anew_each_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A variable that is set in the notebook counts from then on."""
    assert settings.environment_identity() is None
    monkeypatch.setenv("CARTO_USERNAME", "jane")
    monkeypatch.setenv("CARTO_API_KEY", KEY)
    found = settings.environment_identity()
    assert found is not None
    assert found.username == "jane"
