"""A `creds.json` that was written by cartoframes or by hand, or cannot be read."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carto_login_widget import CredentialsFileError
from carto_login_widget.identity import Identity
from carto_login_widget.store.profiles import Profiles
from carto_login_widget.store.record import Record

if TYPE_CHECKING:
    from pathlib import Path


def account(username: str, key: str, base_url: str | None = None) -> Record:
    """An account as a file holds it."""
    return Record(Identity.of(username, key, base_url))


JANE = account("jane", "key-of-jane")
JOHN = account("john", "key-of-john")
ON_PREMISES = account("jane", "key-2", "https://maps.example.com/user/jane")


@pytest.fixture
def store(tmp_path: Path) -> Profiles:
    """An empty store."""
    return Profiles(tmp_path / "store")


def write_by_hand(store: Profiles, **fields: Any) -> bytes:
    """Write a creds.json as somebody else would."""
    store.directory.mkdir(exist_ok=True)
    content = json.dumps(fields).encode()
    store.default_path.write_bytes(content)
    store.default_path.chmod(0o600)
    return content


def content_of(store: Profiles, name: str | None = None) -> dict[str, Any]:
    """Read a file of the store; creds.json without a name."""
    path = store.default_path
    if name is not None:
        path = store.directory / "profiles" / f"{name}.json"
    return dict(json.loads(path.read_text()))


def test_an_account_of_cartoframes_is_listed(store: Profiles) -> None:
    """It goes by its user name, can be loaded, and reading changes no file."""
    content = write_by_hand(store, username="john", api_key="key-of-john")
    assert store.names() == ["john"]
    assert store.default_name == "john"
    assert store.load("john") == store.default()
    assert store.load("john").identity == JOHN.identity
    assert store.default_path.read_bytes() == content
    assert [path.name for path in store.directory.iterdir()] == ["creds.json"]


def test_an_account_of_cartoframes_is_kept_before_its_file_is_replaced(
    store: Profiles,
) -> None:
    """It becomes a saved account with all its fields, and that is said."""
    write_by_hand(store, username="john", api_key="key-of-john", theirs={"a": 1})
    (note,) = store.save("jane", JANE, default=True)
    assert store.names() == ["jane", "john"]
    assert store.load("john").identity == JOHN.identity
    assert content_of(store, "john")["theirs"] == {"a": 1}
    assert "theirs" not in content_of(store)
    assert "creds.json" in note
    assert "'john'" in note


def test_an_adopted_account_takes_no_name_that_is_in_use(store: Profiles) -> None:
    """Neither a saved one's, nor the one that is being saved."""
    store.save("jane", ON_PREMISES)
    write_by_hand(store, username="jane", api_key="by-hand")
    assert store.names() == ["jane", "jane-2"]
    store.save("jane-2", JOHN, default=True)
    assert store.names() == ["jane", "jane-2", "jane-3"]
    assert store.load("jane").identity == ON_PREMISES.identity
    assert store.load("jane-2").identity == JOHN.identity
    assert store.load("jane-3").identity == account("jane", "by-hand").identity


def test_the_same_account_is_not_adopted_beside_itself(store: Profiles) -> None:
    """Saving what creds.json holds gives it a name, and makes no second one."""
    write_by_hand(store, username="jane", api_key="key-of-jane", theirs=1)
    store.save("work", JANE, default=True)
    assert store.names() == ["work"]
    assert content_of(store)["theirs"] == content_of(store, "work")["theirs"] == 1


def test_cartoframes_rewriting_the_default_makes_no_second_account(
    store: Profiles,
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


def test_a_key_that_was_changed_by_hand_is_kept(store: Profiles) -> None:
    """An edited creds.json is an account of its own, until it is saved."""
    store.save("jane", JANE, default=True)
    edited = {**content_of(store), "api_key": "edited"}
    write_by_hand(store, **edited)
    assert store.default().identity == account("jane", "edited").identity
    store.save("john", JOHN, default=True)
    assert store.load("jane").identity == JANE.identity
    assert store.load("jane-2").identity == account("jane", "edited").identity


def test_after_a_save_that_was_cut_off_the_old_key_is_an_account(
    store: Profiles,
) -> None:
    """Nothing says which is newer, so both are kept; the hint leads to the new one."""
    store.save("jane", JANE, default=True)
    assert store.hinted() is None
    old = store.default_path.read_bytes()
    store.save("jane", account("jane", "a-new-key"))
    assert store.hinted() is None
    store.default_path.write_bytes(old)
    assert store.names() == ["jane", "jane-2"]
    assert store.default_name == "jane-2"
    hinted = store.hinted()
    assert (hinted.profile, hinted.identity.key.reveal()) == ("jane", "a-new-key")
    store.set_default("jane")
    assert store.names() == ["jane", "jane-2"]
    assert store.load("jane-2").identity == JANE.identity
    assert store.default().identity == account("jane", "a-new-key").identity


@pytest.mark.parametrize(
    "address",
    [
        None,
        "",
        "jane.carto.com",
        "https://Jane.carto.com:443/dashboard",
        "https://jane.carto.com/user/jane/",
    ],
)
def test_a_differently_written_address_is_the_same(
    store: Profiles, address: str | None
) -> None:
    """People and programs write it in their ways; it is one account."""
    store.save("work", JANE, default=True)
    write_by_hand(
        store,
        username="Jane",
        api_key="key-of-jane",
        base_url=address,
        profile="work",
    )
    assert (store.names(), store.default_name) == (["work"], "work")
    store.save("work", account("jane", "new"))
    assert content_of(store)["api_key"] == "new"


@pytest.mark.parametrize("hint", ["john", "nobody", "../../x", "CON", 5, "9f" * 20])
def test_what_a_file_says_of_its_name_is_only_a_hint(
    store: Profiles, hint: object
) -> None:
    """A foreign name makes it neither that account nor lets it be replaced."""
    store.save("john", JOHN)
    write_by_hand(store, username="jane", api_key="key-of-jane", profile=hint)
    assert (store.names(), store.default_name) == (["jane", "john"], "jane")
    store.save("john", account("john", "new"))
    assert store.default().identity == JANE.identity
    store.delete("john")
    assert store.names() == ["jane"]


def test_a_file_of_the_same_key_under_another_name_is_not_looked_for(
    store: Profiles,
) -> None:
    """Looked at are the hint and the derived names; 10,000 others are not read."""
    store.save("work", JANE)
    write_by_hand(store, username="jane", api_key="key-of-jane")
    assert store.names() == ["jane", "work"]
    store.set_default("work")
    assert (store.names(), store.default_name) == (["work"], "work")


def test_sessions_can_start_with_no_account(store: Profiles) -> None:
    """A saved one stays saved, one that is nowhere else is saved first, and said."""
    store.save("jane", JANE, default=True)
    assert store.set_default(None) == []
    assert (store.default(), store.default_name) == (None, None)
    assert store.names() == ["jane"]
    write_by_hand(store, username="john", api_key="key-of-john", theirs=1)
    (note,) = store.set_default(None)
    assert "now saved as 'john'" in note
    assert (store.names(), store.default()) == (["jane", "john"], None)
    assert content_of(store, "john")["theirs"] == 1
    assert store.set_default(None) == []


def test_no_default_keeps_a_broken_file(store: Profiles) -> None:
    """What cannot be read is moved aside, not removed."""
    write_by_hand(store)
    store.default_path.write_text("broken")
    (note,) = store.set_default(None)
    aside = store.default_path.with_name("creds.json.corrupt-1")
    assert aside.name in note
    assert aside.read_text() == "broken"
    assert not store.default_path.exists()


@pytest.mark.skipif(os.name == "nt", reason="links are for administrators there")
def test_a_link_to_a_profile_does_not_let_that_one_be_replaced(store: Profiles) -> None:
    """Somebody made creds.json a link to a saved account; choosing another is safe."""
    path = store.path_of("jane")
    store.save("jane", JANE)
    store.save("john", JOHN)
    store.default_path.symlink_to(path)
    assert store.default_name == "jane"
    store.set_default("john")
    assert store.load("jane").identity == JANE.identity
    assert store.default().identity == JOHN.identity


def test_an_account_in_creds_json_only_can_be_managed(store: Profiles) -> None:
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


def test_a_broken_creds_json_is_kept_aside_and_said(store: Profiles) -> None:
    """It hides no account, is never taken for an empty one, and is never lost."""
    store.save("jane", JANE)
    store.default_path.write_bytes(b"\xffbroken")
    assert store.names() == ["jane"]
    assert store.default_name is None
    with pytest.raises(CredentialsFileError, match=r"creds\.json"):
        store.default()
    store.save("john", JOHN)
    assert store.default_path.read_bytes() == b"\xffbroken"
    notes = store.set_default("jane")
    assert store.default().identity == JANE.identity
    aside = store.default_path.with_name("creds.json.corrupt-1")
    assert aside.read_bytes() == b"\xffbroken"
    assert any(aside.name in note for note in notes)


@given(content=st.binary(max_size=200))
def test_whatever_is_in_a_file_is_not_lost_by_saving(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    """Any bytes in creds.json are found again after another account is saved."""
    store = Profiles(tmp_path_factory.mktemp("any"))
    store.default_path.write_bytes(content)
    store.save("jane", JANE, default=True)
    assert content in {path.read_bytes() for path in store.directory.glob("*.*")}
