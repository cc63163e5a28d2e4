"""`%carto_login` in IPython at a terminal, where there are no widgets."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.terminal import Terminal

from carto_login_widget import Credentials, ProfileStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carto_login_widget.sandbox import Sandbox

KEY = "0123456789abcdef0123456789abcdef01234567"

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows has no pty")


@pytest.fixture
def ipython(home: Path) -> Iterator[Terminal]:
    """IPython with the extension loaded."""
    program = Path(sys.executable).with_name("ipython")
    with Terminal([program, "--simple-prompt", "--no-banner"]) as terminal:
        terminal.answer("In [1]: ", "%load_ext carto_login_widget")
        yield terminal


def test_it_asks_by_prompt(ipython: Terminal, carto: Sandbox) -> None:
    """Without a form; the key is not shown, and the account is saved if wanted."""
    key = carto.accounts["jane"].master.token
    ipython.answer("In [2]: ", "%carto_login")
    ipython.answer("CARTO address", carto.base_url("jane"))
    ipython.answer("CARTO user name", "jane")
    ipython.answer("API key (not shown)", KEY)
    ipython.answer("API key (not shown)", key)
    ipython.wait_for("CARTO accepts this key: Master key, full access.")
    ipython.answer("readable only by you? [Y/n]", "")
    ipython.answer("Name to save it under [jane@127.0.0.1", "mine")
    ipython.answer("Start every session with it, and cartoframes too? [Y/n]", "")
    ipython.wait_for("Saved: as 'mine' in ~/.config/cartoframes")
    ipython.wait_for("New sessions: start with this account")
    ipython.answer("In [3]: ", "import carto_login_widget as carto")
    ipython.answer("In [4]: ", "who = carto.get_default_credentials()")
    ipython.answer("In [5]: ", "print(who, 'is', who.account.key_type)")
    ipython.wait_for("Credentials(username='jane', api_key=***")
    ipython.wait_for("is master")
    ipython.answer("In [6]: ", "exit")
    assert ipython.exit_status() == 0
    for secret in (KEY, key):
        assert secret[:8] not in ipython.screen
    assert ProfileStore().default().api_key == key


def test_ctrl_c_at_the_prompt_changes_nothing(ipython: Terminal, home: Path) -> None:
    """And IPython goes on."""
    ipython.answer("In [2]: ", "%carto_login")
    ipython.answer("CARTO address", "\x03")
    ipython.wait_for("KeyboardInterrupt")
    ipython.answer("In [3]: ", "%carto_login --whoami")
    ipython.wait_for("This kernel is not signed in to CARTO.")
    assert not list(home.rglob("creds.json"))


def test_a_refused_default_account_is_told_and_another_asked(
    ipython: Terminal, carto: Sandbox
) -> None:
    """The reason stands above the questions."""
    store = ProfileStore()
    store.save("jane", Credentials("jane", KEY, carto.base_url("jane")), default=True)
    ipython.answer("In [2]: ", "%carto_login")
    told = ipython.wait_for("CARTO address")
    assert "key" in told
    assert "Traceback" not in told
    ipython.type("\x03")


def test_the_saved_account_signs_in_in_words(ipython: Terminal, carto: Sandbox) -> None:
    """As the card would say it."""
    key = carto.accounts["jane"].master.token
    jane = Credentials("jane", key, carto.base_url("jane"))
    ProfileStore().save("jane", jane, default=True)
    ipython.answer("In [2]: ", "%carto_login")
    ipython.wait_for("User: jane")
    ipython.wait_for("API key: Master key, full access.")
    ipython.wait_for("Saved: as 'jane' in ~/.config/cartoframes")
