"""A `creds.json` that was written by cartoframes or by hand, or cannot be read."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from carto_login_widget import Credentials, CredentialsFileError, ProfileStore

if TYPE_CHECKING:
    from pathlib import Path

JANE = Credentials("jane", "key-of-jane")
JOHN = Credentials("john", "key-of-john")
ON_PREMISES = Credentials("jane", "key-2", "https://maps.example.com/user/jane")


@pytest.fixture
def store(tmp_path: Path) -> ProfileStore:
    """An empty store."""
    return ProfileStore(tmp_path / "store")


def write_by_hand(store: ProfileStore, **fields: Any) -> bytes:
    """Write a creds.json as somebody else would."""
    store.directory.mkdir(exist_ok=True)
    content = json.dumps(fields).encode()
    store.default_path.write_bytes(content)
    store.default_path.chmod(0o600)
    return content


def content_of(store: ProfileStore, name: str | None = None) -> dict[str, Any]:
    """Read a file of the store; creds.json without a name."""
    path = store.default_path
    if name is not None:
        path = store.directory / "profiles" / f"{name}.json"
    return dict(json.loads(path.read_text()))


def test_an_account_of_cartoframes_is_listed(store: ProfileStore) -> None:
    """It goes by its user name, can be loaded, and reading changes no file."""
    content = write_by_hand(store, username="john", api_key="key-of-john")
    assert store.names() == ["john"]
    assert store.default_name == "john"
    assert store.load("john") == store.default() == JOHN
    assert store.load("john").source == "profile 'john'"
    assert store.default_path.read_bytes() == content
    assert [path.name for path in store.directory.iterdir()] == ["creds.json"]


def test_an_account_of_cartoframes_is_kept_before_its_file_is_replaced(
    store: ProfileStore,
) -> None:
    """It becomes a saved account with all its fields, and that is said."""
    write_by_hand(store, username="john", api_key="key-of-john", theirs={"a": 1})
    store.save("jane", JANE, default=True)
    assert store.names() == ["jane", "john"]
    assert store.load("john") == JOHN
    assert content_of(store, "john")["theirs"] == {"a": 1}
    assert "theirs" not in content_of(store)
    (note,) = store.take_notes()
    assert "creds.json" in note
    assert "'john'" in note
    assert store.take_notes() == []


def test_an_adopted_account_takes_no_name_that_is_in_use(store: ProfileStore) -> None:
    """Neither a saved one's, nor the one that is being saved."""
    store.save("jane", ON_PREMISES)
    write_by_hand(store, username="jane", api_key="by-hand")
    assert store.names() == ["jane", "jane-2"]
    store.save("jane-2", JOHN, default=True)
    assert store.names() == ["jane", "jane-2", "jane-3"]
    assert store.load("jane") == ON_PREMISES
    assert store.load("jane-2") == JOHN
    assert store.load("jane-3") == Credentials("jane", "by-hand")


def test_the_same_account_is_not_adopted_beside_itself(store: ProfileStore) -> None:
    """Saving what creds.json holds gives it a name, and makes no second one."""
    write_by_hand(store, username="jane", api_key="key-of-jane", theirs=1)
    store.save("work", JANE, default=True)
    assert store.names() == ["work"]
    assert content_of(store)["theirs"] == content_of(store, "work")["theirs"] == 1


def test_cartoframes_rewriting_the_default_makes_no_second_account(
    store: ProfileStore,
) -> None:
    """cartoframes drops our fields; by its content the account is still known."""
    store.save("jane", JANE, default=True)
    write_by_hand(
        store,
        username="jane",
        api_key="key-of-jane",
        base_url="https://jane.carto.com",
        allow_non_secure=False,
    )
    assert store.names() == ["jane"]
    assert store.default_name == "jane"


def test_a_key_that_was_changed_by_hand_is_kept(store: ProfileStore) -> None:
    """An edited creds.json is an account of its own, until it is saved."""
    store.save("jane", JANE, default=True)
    edited = {**content_of(store), "api_key": "edited"}
    write_by_hand(store, **edited)
    os.utime(store.default_path, (2e9, 2e9))
    assert store.default() == Credentials("jane", "edited")
    store.save("john", JOHN, default=True)
    assert store.load("jane") == JANE
    assert store.load("jane-2") == Credentials("jane", "edited")


def test_a_save_that_was_cut_off_makes_no_second_account(store: ProfileStore) -> None:
    """Between the two files a killed program leaves the older copy."""
    store.save("jane", JANE, default=True)
    old = store.default_path.read_bytes()
    store.save("jane", Credentials("jane", "a-new-key"))
    store.default_path.write_bytes(old)
    os.utime(store.default_path, (1e9, 1e9))
    assert store.names() == ["jane"]
    store.set_default("jane")
    assert store.names() == ["jane"]
    assert store.default() == Credentials("jane", "a-new-key")


def test_an_account_in_creds_json_only_can_be_managed(store: ProfileStore) -> None:
    """It can be made the default, renamed and deleted like a saved one."""
    write_by_hand(store, username="john", api_key="key-of-john")
    with pytest.raises(FileExistsError, match="'john'"):
        store.save("john", JANE, overwrite=False)
    store.rename("john", "johnny")
    assert store.names() == ["johnny"]
    assert store.default_name == "johnny"

    write_by_hand(store, username="jane", api_key="key-of-jane")
    store.set_default("jane")
    assert store.names() == ["jane", "johnny"]
    store.delete("jane")

    write_by_hand(store, username="jane", api_key="key-of-jane")
    store.delete("jane")
    assert store.names() == ["johnny"]
    assert not store.default_path.exists()


def test_a_broken_creds_json_is_kept_aside_and_said(store: ProfileStore) -> None:
    """It hides no account, is never taken for an empty one, and is never lost."""
    store.save("jane", JANE)
    store.default_path.write_bytes(b"\xffbroken")
    assert store.names() == ["jane"]
    assert store.default_name is None
    with pytest.raises(CredentialsFileError, match=r"creds\.json"):
        store.default()
    store.save("john", JOHN)
    assert store.default_path.read_bytes() == b"\xffbroken"
    store.take_notes()
    store.set_default("jane")
    assert store.default() == JANE
    aside = store.default_path.with_name("creds.json.corrupt-1")
    assert aside.read_bytes() == b"\xffbroken"
    assert any(aside.name in note for note in store.take_notes())


@given(content=st.binary(max_size=200))
@settings(deadline=None, max_examples=50)
def test_whatever_is_in_a_file_is_not_lost_by_saving(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    """Any bytes in creds.json are found again after another account is saved."""
    store = ProfileStore(tmp_path_factory.mktemp("any"))
    store.default_path.write_bytes(content)
    store.save("jane", JANE, default=True)
    assert content in {path.read_bytes() for path in store.directory.glob("*.*")}
