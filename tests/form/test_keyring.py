"""The form where keys are in the keyring of the system."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import keyring
import pytest
from harness.keyrings import InMemory

from carto_login_widget import ProfileStore, get_default_credentials
from carto_login_widget.settings import CartoLogin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carto_login_widget.sandbox import Sandbox


@pytest.fixture(autouse=True)
def _switched_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(CartoLogin.instance(), "keyring", True)
    yield
    InMemory.entries.clear()


def choose(name: str) -> None:
    """Choose a keyring, as the environment of a new session would."""
    os.environ["PYTHON_KEYRING_BACKEND"] = name
    keyring.core.init_backend()


def menu(page: Any) -> dict[str, Any]:
    """The menu of the card, by acts."""
    return {item["act"]: item for item in page.seen["card"]["menu"]}


def test_the_card_says_where_the_key_is(at_jane: Any, carto: Sandbox) -> None:
    """The account is saved, and known by its entry; the list unlocks nothing."""
    choose("harness.keyrings.InMemory")
    key = carto.accounts["jane"].master.token
    at_jane.submit(key)
    at_jane.wait("signed_in")
    assert "its key in the keyring of this system" in at_jane.text
    assert "cartoframes cannot read" in at_jane.text
    assert key not in ProfileStore().default_path.read_text()
    assert {"rename", "forget", "check_again"} == menu(at_jane).keys()
    at_jane.do("forget")
    at_jane.until(lambda: ProfileStore().names() == [] and not InMemory.entries)


def test_without_a_keyring_the_card_offers_the_file(
    at_jane: Any, carto: Sandbox
) -> None:
    """The login stands; nothing is written before somebody asks for that."""
    choose("keyring.backends.fail.Keyring")
    key = carto.accounts["jane"].master.token
    at_jane.submit(key)
    at_jane.wait("signed_in")
    assert "nothing that keeps keys" in at_jane.text
    assert get_default_credentials().api_key == key
    assert ProfileStore().names() == []
    assert "instead" in menu(at_jane)["save_in_file"]["label"]
    at_jane.do("save")
    at_jane.until(lambda: "nothing that keeps keys" in at_jane.text)
    assert ProfileStore().names() == []
    at_jane.fields |= {"name": "jane", "default": True}
    at_jane.do("save_in_file")
    at_jane.until(lambda: ProfileStore().names() == ["jane"])
    at_jane.until(lambda: "as 'jane' in" in at_jane.text)
    assert "save_in_file" not in menu(at_jane)
    assert json.loads(ProfileStore().default_path.read_text())["api_key"] == key


def test_a_locked_account_says_so_when_it_is_chosen(page: Any, carto: Sandbox) -> None:
    """And the fields are there for a key that is typed."""
    from carto_login_widget import Credentials
    from carto_login_widget.form import flow, work

    choose("harness.keyrings.InMemory")
    key = carto.accounts["jane"].master.token
    with pytest.warns(UserWarning, match="cartoframes"):
        ProfileStore().save("work", Credentials("jane", key, carto.base_url("jane")))
    page.form.post(flow.listed, work.rows())
    choose("keyring.backends.fail.Keyring")
    page.choose("work")
    page.wait("rejected")
    assert "keyring of this system" in page.text
    choose("harness.keyrings.InMemory")
    page.submit()
    page.wait("signed_in")
