"""The source that was asked for signs in, or none does."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import pytest
from IPython.core.error import UsageError

from carto_login_widget import (
    CartoLoginError,
    NotLoggedInError,
    ProfileStore,
    get_default_credentials,
    login,
    logout,
    set_default_credentials,
)

from .conftest import account

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from IPython.core.interactiveshell import InteractiveShell

    from carto_login_widget.sandbox import Sandbox


@pytest.fixture(autouse=True)
def _logged_in_again(carto: Sandbox) -> Iterator[None]:
    yield
    # Whoever logs in has not logged out: the next test begins as a new kernel does.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        login(credentials=account(carto), validate=False)


# A user name or an address on the line prefills; nobody else signs in then.

PREFILLED: dict[str, Callable[[Sandbox], str]] = {
    "username": lambda _: "--username jane",
    "base_url": lambda carto: f"--base-url {carto.base_url('jane')}",
    "both": lambda carto: f"--username jane --base-url {carto.base_url('jane')}",
    "unchecked": lambda _: "--username jane --no-validate",
    "required": lambda _: "--username jane --require",
}


def by_variable(carto: Sandbox, patch: pytest.MonkeyPatch) -> str:
    ProfileStore().save("work", account(carto, "bob"))
    patch.setenv("CARTO_PROFILE", "work")
    return ""


def by_name(carto: Sandbox, _: pytest.MonkeyPatch) -> str:
    ProfileStore().save("work", account(carto, "bob"))
    return "work"


def by_file(carto: Sandbox, patch: pytest.MonkeyPatch) -> str:
    directory = ProfileStore().directory.parent
    account(carto, "bob").save(directory / "bob.json")
    patch.chdir(directory)
    return "--file bob.json"


def by_key(carto: Sandbox, patch: pytest.MonkeyPatch) -> str:
    bob = account(carto, "bob")
    for name in ("username", "api_key", "base_url"):
        patch.setenv(f"CARTO_{name.upper()}", getattr(bob, name))
    return ""


def by_default(carto: Sandbox, _: pytest.MonkeyPatch) -> str:
    ProfileStore().save("bob", account(carto, "bob"), default=True)
    return ""


def by_session(carto: Sandbox, _: pytest.MonkeyPatch) -> str:
    set_default_credentials(account(carto, "bob"))
    return ""


def by_all(carto: Sandbox, patch: pytest.MonkeyPatch) -> str:
    by_default(carto, patch)
    by_key(carto, patch)
    return by_variable(carto, patch)


SOURCES = [by_variable, by_name, by_file, by_key, by_default, by_session, by_all]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("prefilled", PREFILLED)
def test_no_source_signs_in_as_somebody_else(
    shell: InteractiveShell,
    carto: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    prefilled: str,
    source: Callable[[Sandbox, pytest.MonkeyPatch], str],
) -> None:
    """Whichever names bob where jane is asked for."""
    given = source(carto, monkeypatch)
    before = get_default_credentials()
    line = f"{given} {PREFILLED[prefilled](carto)}"
    with pytest.raises((CartoLoginError, UsageError)):
        shell.run_line_magic("carto_login", line)
    assert get_default_credentials() is before
    assert not [record for record in carto.requests if record.key]


def test_a_variable_does_not_hide_the_account_that_is_asked_for(
    shell: InteractiveShell, carto: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is as good as any source that was passed over."""
    by_variable(carto, monkeypatch)
    with pytest.raises(NotLoggedInError, match="Nobody is there to ask"):
        shell.run_line_magic("carto_login", "--username jane")
    assert get_default_credentials() is None


# A default account that is not used, as the user has logged out, is told of.


def saved_by_name(carto: Sandbox) -> str:
    ProfileStore().save("work", account(carto), default=True)
    return "work"


def saved_as_file(carto: Sandbox) -> str:
    account(carto).save()
    return ProfileStore().default_name


SAVED = [saved_by_name, saved_as_file]


def by_login(_: InteractiveShell) -> Any:
    return login()


def by_magic(shell: InteractiveShell) -> Any:
    return shell.run_line_magic("carto_login", "")


@pytest.mark.parametrize("again", [by_login, by_magic])
@pytest.mark.parametrize("out", ["logout", "--logout"])
@pytest.mark.parametrize("saved", SAVED)
def test_after_a_logout_the_saved_default_is_told_of(
    shell: InteractiveShell,
    carto: Sandbox,
    saved: Callable[[Sandbox], str],
    out: str,
    again: Callable[[InteractiveShell], Any],
) -> None:
    """That it is there, why it is not used, and how to use it."""
    name = saved(carto)
    login()
    if out == "logout":
        logout()
    else:
        shell.run_line_magic("carto_login", out)
    with pytest.raises(NotLoggedInError, match=r"(?i)(logged|signed) out") as told:
        again(shell)
    assert "There is no account to log in with" not in str(told.value)
    assert f"'{name}'" in str(told.value)
    assert login(name).account.key_type == "master"


@pytest.mark.parametrize("saved", SAVED)
def test_after_a_logout_and_a_login_the_default_counts_again(
    carto: Sandbox, saved: Callable[[Sandbox], str]
) -> None:
    """What it says to do ends the logout."""
    name = saved(carto)
    login()
    logout()
    with pytest.raises(NotLoggedInError, match=rf"login\(.{name}.\)"):
        login()
    login(name)
    set_default_credentials(account(carto, "bob"))
    assert login().username == "bob"
