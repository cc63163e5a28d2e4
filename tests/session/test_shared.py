"""Shared mode: what nobody named is nobody's."""

from __future__ import annotations

import builtins
import getpass
import os
import sys
from typing import TYPE_CHECKING, Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from carto_login_widget import (
    Credentials,
    LoginForm,
    NotLoggedInError,
    ProfileStore,
    get_default_credentials,
    login,
    logout,
)
from carto_login_widget.session.login import _kernel
from carto_login_widget.settings import CartoLogin, is_shared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carto_login_widget.sandbox import Sandbox


@pytest.fixture
def saved(carto: Sandbox, monkeypatch: pytest.MonkeyPatch) -> ProfileStore:
    """A store with a default account, in shared mode."""
    monkeypatch.setattr(_kernel, "logged_out", False)
    store = ProfileStore()
    store.save("work", account(carto, "jane"), default=True)
    os.environ["CARTO_LOGIN_SHARED"] = "1"
    return store


def account(carto: Sandbox, name: str) -> Credentials:
    """An account of the sandbox."""
    key = carto.accounts[name].master.token
    return Credentials(name, key, carto.base_url(name))


def give(given: Credentials) -> None:
    """Put an account into the environment."""
    os.environ["CARTO_USERNAME"] = given.username or ""
    os.environ["CARTO_API_KEY"] = given.api_key
    os.environ["CARTO_BASE_URL"] = given.base_url


@pytest.mark.parametrize(
    ("variables", "trait", "shared"),
    [
        ({}, False, False),
        ({}, True, True),
        ({"CARTO_LOGIN_SHARED": "1"}, False, True),
        ({"CARTO_LOGIN_SHARED": "0"}, True, False),
        ({"CARTO_LOGIN_SHARED": ""}, False, False),
        ({"SERVER_SOFTWARE": "voila/0.5.8"}, False, True),
        ({"SERVER_SOFTWARE": "voila/0.5.8", "CARTO_LOGIN_SHARED": "0"}, False, False),
        ({"SERVER_SOFTWARE": "jupyter/2"}, False, False),
    ],
)
def test_when_it_is_on(
    variables: dict[str, str],
    trait: bool,
    shared: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Under Voilà by itself; the environment wins over the setting and over that."""
    monkeypatch.setattr(CartoLogin.instance(), "shared", trait)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert is_shared() is shared


def test_the_default_account_is_not_used(saved: ProfileStore) -> None:
    """Nor named, also where somebody has logged out."""
    with pytest.raises(NotLoggedInError) as caught:
        login()
    assert "work" not in str(caught.value)
    logout()
    with pytest.raises(NotLoggedInError) as caught:
        login()
    assert "work" not in str(caught.value)
    os.environ["CARTO_LOGIN_SHARED"] = "0"
    _kernel.logged_out = False
    assert login().username == "jane"


def test_what_code_names_works(saved: ProfileStore, carto: Sandbox) -> None:
    """A profile, by argument or variable, a file, the store, and saving."""
    assert login("work").profile == "work"
    assert login(file=saved.default_path).username == "jane"
    os.environ["CARTO_PROFILE"] = "work"
    assert login().profile == "work"
    saved.save("second", account(carto, "bob"))
    assert saved.names() == ["second", "work"]
    assert account(carto, "bob").save() == saved.default_path


def test_the_account_of_the_environment_is_for_code(
    saved: ProfileStore, carto: Sandbox
) -> None:
    """It is the program's own, and `login()` is in the program."""
    give(account(carto, "bob"))
    assert login().username == "bob"


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """A shell with the magic."""
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell(config=config)
    shell.run_line_magic("load_ext", "carto_login_widget")
    yield shell
    shell.run_line_magic("unload_ext", "carto_login_widget")


def test_the_bare_magic_uses_no_account(
    saved: ProfileStore, carto: Sandbox, shell: InteractiveShell
) -> None:
    """Neither the default one nor that of the environment; a named one it does."""
    give(account(carto, "bob"))
    with pytest.raises(NotLoggedInError):
        shell.run_line_magic("carto_login", "")
    assert get_default_credentials() is None
    os.environ["CARTO_PROFILE"] = "work"
    shell.run_line_magic("carto_login", "")
    assert get_default_credentials().username == "jane"


def test_the_form_lists_and_saves_nothing(saved: ProfileStore, carto: Sandbox) -> None:
    """No account, no path and no choice to save are in what the page gets."""
    sent: list[Any] = []
    form = LoginForm()
    form.send = lambda payload, _buffers=None: sent.append(payload)
    before = saved.default_path.read_text()
    content = {"act": "ready", "view": "v", "n": 1, "fields": {}}
    form._handle_custom_msg(content, [])
    assert sent
    assert "work" not in str(sent)
    assert str(saved.directory) not in str(sent)
    assert sent[-1]["snapshot"]["saving"]["shown"] is False
    assert "cartoframes" not in str(sent)
    bob = account(carto, "bob")
    fields = {"custom": True, "base_url": bob.base_url, "username": "bob"}
    fields |= {"remember": True, "name": "bob", "default": True, "typed": True}
    content = {"act": "submit", "view": "v", "n": 2, "fields": fields}
    form._handle_custom_msg(content, [memoryview(bob.api_key.encode())])
    form._signed_in.result(20)
    form._handle_custom_msg({"act": "save", "view": "v", "n": 3, "fields": fields}, [])
    assert get_default_credentials() == bob
    assert saved.names() == ["work"]
    assert saved.default_path.read_text() == before
    assert "work" not in str(sent)
    form.close()


def test_the_prompt_of_the_magic_saves_nothing(
    saved: ProfileStore,
    carto: Sandbox,
    shell: InteractiveShell,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It asks for the account, and not whether to save it."""
    bob = account(carto, "bob")
    answers = iter([bob.base_url, "bob"])
    monkeypatch.setattr(builtins, "input", lambda _question: next(answers))
    monkeypatch.setattr(getpass, "getpass", lambda _question: bob.api_key)
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    shell.run_line_magic("carto_login", "--prompt")
    assert get_default_credentials() == bob
    assert saved.names() == ["work"]
