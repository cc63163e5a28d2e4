"""The saved accounts, and the one that sessions start with."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from carto_login_widget import (
    Credentials,
    CredentialsFileError,
    InvalidCredentialsError,
    ProfileNotFoundError,
    ProfileStore,
)

JANE = Credentials("jane", "key-of-jane")
JOHN = Credentials("john", "key-of-john")
ON_PREMISES = Credentials("jane", "key-2", "https://maps.example.com/user/jane")

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")


@pytest.fixture
def store(tmp_path: Path) -> ProfileStore:
    """An empty store."""
    return ProfileStore(tmp_path / "store")


def content_of(store: ProfileStore, name: str | None = None) -> dict[str, Any]:
    """Read a file of the store; creds.json without a name."""
    path = store.default_path
    if name is not None:
        path = store.directory / "profiles" / f"{name}.json"
    return dict(json.loads(path.read_text()))


def test_an_empty_store_has_no_accounts(store: ProfileStore) -> None:
    """Nothing is made by looking, and no name is known."""
    assert store.names() == []
    assert store.default_name is None
    assert store.default() is None
    assert not store.directory.exists()


def test_the_store_is_where_cartoframes_keeps_its_file(home: Path) -> None:
    """Without a directory it is the one of the user."""
    assert home in ProfileStore().directory.parents
    assert ProfileStore("~/x").directory == Path.home() / "x"


def test_a_saved_account_is_loaded_again(store: ProfileStore) -> None:
    """Its name and source are known, and it is no default."""
    credentials = Credentials.from_credentials(ON_PREMISES)
    path = store.save("Maps", credentials)
    assert path == store.directory / "profiles" / "maps.json"
    assert credentials.profile == "maps"
    loaded = store.load("MAPS")
    assert loaded == ON_PREMISES
    assert (loaded.profile, loaded.source) == ("maps", "profile 'maps'")
    assert store.names() == ["maps"]
    assert store.default() is None


def test_the_default_is_a_copy_in_the_format_of_cartoframes(
    store: ProfileStore,
) -> None:
    """`creds.json` has cartoframes' four fields, the name and the proven origin."""
    proved = "https://maps.example.com"
    credentials = Credentials.from_credentials(ON_PREMISES).remember(proved=proved)
    store.save("maps", credentials, default=True)
    assert content_of(store) == content_of(store, "maps")
    assert content_of(store) == {
        "username": "jane",
        "api_key": "key-2",
        "base_url": "https://maps.example.com/user/jane",
        "allow_non_secure": False,
        "profile": "maps",
        "proved": proved,
    }
    default = store.default()
    assert default == ON_PREMISES
    assert (default.profile, default.source) == ("maps", "creds.json")
    assert (default.proved, store.default_name) == (proved, "maps")


def test_a_loopback_address_is_written_so_that_cartoframes_takes_it(
    store: ProfileStore,
) -> None:
    """Loopback http needs no flag here, but cartoframes wants one."""
    store.save("demo", Credentials("jane", "k", "http://localhost:8080/user/jane"))
    assert content_of(store, "demo")["allow_non_secure"] is True


def test_saving_the_default_again_keeps_the_copy_the_same(
    store: ProfileStore,
) -> None:
    """A new key of the default account reaches creds.json without being asked."""
    store.save("jane", JANE, default=True)
    store.save("jane", Credentials("jane", "a-new-key"))
    assert content_of(store)["api_key"] == "a-new-key"
    assert store.names() == ["jane"]


def test_another_account_does_not_become_the_default(store: ProfileStore) -> None:
    """Only `default=True` changes what sessions start with."""
    store.save("jane", JANE, default=True)
    before = store.default_path.read_bytes()
    store.save("john", JOHN)
    assert store.default_path.read_bytes() == before
    store.set_default("John")
    assert store.default() == JOHN
    assert store.default_name == "john"
    assert store.names() == ["jane", "john"]


def test_an_unknown_name_lists_the_known_ones(store: ProfileStore) -> None:
    """Loading, deleting, renaming and choosing all say what there is."""
    store.save("jane", JANE)
    for use in (
        store.load,
        store.delete,
        store.set_default,
        lambda name: store.rename(name, "x"),
    ):
        for name in ("nobody", "../creds", "", "a\0b"):
            with pytest.raises(ProfileNotFoundError, match="Saved: jane") as caught:
                use(name)
            assert (caught.value.name, caught.value.known) == (name, ("jane",))


def test_a_bad_name_saves_nothing(store: ProfileStore) -> None:
    """Names are checked before anything is written."""
    with pytest.raises(InvalidCredentialsError):
        store.save("../jane", JANE)
    store.save("jane", JANE)
    with pytest.raises(InvalidCredentialsError):
        store.rename("jane", "con")
    assert store.names() == ["jane"]


def test_names_that_differ_in_case_are_one_account(store: ProfileStore) -> None:
    """The second save replaces the first, and without `overwrite` it is refused."""
    store.save("Work", JANE)
    store.save("wORK", JOHN)
    assert store.names() == ["work"]
    assert store.load("WORK") == JOHN
    with pytest.raises(FileExistsError, match=r"work\.json"):
        store.save("WORK", JANE, overwrite=False)
    assert store.load("work") == JOHN


def test_a_renamed_account_stays_the_default(store: ProfileStore) -> None:
    """The file, the name in creds.json, and fields of others' move along."""
    store.save("jane", JANE, default=True)
    path = store.directory / "profiles" / "jane.json"
    path.write_text(json.dumps({**content_of(store, "jane"), "theirs": [1]}))
    store.rename("jane", "Work")
    assert store.names() == ["work"]
    assert store.default_name == "work"
    assert store.load("work") == JANE
    assert content_of(store, "work")["theirs"] == [1]
    assert content_of(store)["profile"] == "work"


def test_rename_replaces_no_account(store: ProfileStore) -> None:
    """A name that is taken is refused, and the same name is no change."""
    store.save("jane", JANE)
    store.save("john", JOHN)
    with pytest.raises(FileExistsError, match="'john'"):
        store.rename("jane", "John")
    store.rename("jane", "JANE")
    assert store.load("jane") == JANE
    assert store.load("john") == JOHN


def test_a_deleted_default_leaves_no_key(store: ProfileStore) -> None:
    """The key is gone from creds.json too; another default stays."""
    store.save("jane", JANE, default=True)
    store.save("john", JOHN)
    store.delete("john")
    assert store.default_name == "jane"
    store.delete("Jane")
    assert store.names() == []
    assert [path for path in store.directory.rglob("*") if path.is_file()] == []


def test_a_broken_profile_harms_itself_only(store: ProfileStore) -> None:
    """It is listed, cannot be loaded, and is kept when it is saved anew."""
    store.save("jane", JANE)
    path = store.save("john", JOHN)
    path.write_text('{"username": 5}')
    assert store.names() == ["jane", "john"]
    assert store.load("jane") == JANE
    with pytest.raises(CredentialsFileError, match=r"john\.json"):
        store.load("john")
    with pytest.raises(FileExistsError):
        store.save("john", JOHN, overwrite=False)
    store.save("john", JOHN)
    assert store.load("john") == JOHN
    assert store.names() == ["jane", "john"]
    assert path.with_name("john.json.corrupt-1").read_text() == '{"username": 5}'


def test_a_broken_profile_can_be_deleted(store: ProfileStore) -> None:
    """What cannot be loaded can be forgotten."""
    path = store.save("jane", JANE)
    path.write_text("broken")
    store.delete("jane")
    assert store.names() == []


def test_unknown_fields_stay_with_their_account(store: ProfileStore) -> None:
    """They survive a new key, and do not pass to another account."""
    path = store.save("jane", JANE)
    path.write_text(json.dumps({**content_of(store, "jane"), "theirs": "x"}))
    store.save("jane", Credentials("jane", "a-new-key"))
    assert content_of(store, "jane")["theirs"] == "x"
    assert content_of(store, "jane")["api_key"] == "a-new-key"
    store.save("jane", JOHN)
    assert "theirs" not in content_of(store, "jane")


def test_a_proven_origin_stays_with_its_address(store: ProfileStore) -> None:
    """It is remembered over a save that does not know of it, not for another host."""
    proved = Credentials.from_credentials(ON_PREMISES).remember(proved="https://x")
    store.save("maps", proved)
    store.save("maps", Credentials("jane", "new", ON_PREMISES.base_url))
    assert store.load("maps").proved == "https://x"
    store.save("maps", Credentials("jane", "new", "https://other.example.com"))
    assert store.load("maps").proved is None


@posix
def test_files_that_others_could_read_are_closed_and_said(
    store: ProfileStore,
) -> None:
    """cartoframes writes creds.json for everybody to read."""
    store.save("jane", JANE, default=True)
    path = store.save("john", JOHN)
    for file in (store.default_path, path):
        file.chmod(0o644)
    path.parent.chmod(0o755)
    store.save("third", JANE)
    modes = [
        stat.S_IMODE(file.stat().st_mode)
        for file in (store.default_path, path, path.parent)
    ]
    assert modes == [0o600, 0o600, 0o700]
    notes = store.take_notes()
    assert [str(path) in note for note in notes] == [True, False]
    assert str(store.default_path) in notes[1]


@posix
def test_a_linked_default_stays_a_link(store: ProfileStore, tmp_path: Path) -> None:
    """Its target is replaced; deleting it says where the key still is."""
    target = tmp_path / "dotfiles-creds.json"
    store.directory.mkdir()
    store.default_path.symlink_to(target)
    store.save("jane", JANE, default=True)
    assert store.default_path.is_symlink()
    assert json.loads(target.read_text())["username"] == "jane"
    store.delete("jane")
    assert not store.default_path.is_symlink()
    assert str(target) in "".join(store.take_notes())


def test_other_files_are_not_accounts(store: ProfileStore) -> None:
    """What is no profile is not listed, and not touched."""
    path = store.save("jane", JANE)
    others = (
        ".x.json",
        "con.json",
        "a b.json",
        "notes.txt",
        f".carto-login-{'0' * 32}.tmp",
    )
    for name in others:
        path.with_name(name).write_text("{}")
    assert store.names() == ["jane"]
    store.save("john", JOHN)
    assert {file.name for file in path.parent.iterdir()} >= set(others)


class StoreMachine(RuleBasedStateMachine):
    """Any sequence of calls leaves what a plain dictionary would hold."""

    names = st.sampled_from(["a", "B", "b", "c@x.y", "C@X.Y"])
    accounts = st.builds(
        Credentials, st.sampled_from(["jane", "john"]), st.sampled_from(["k1", "k2"])
    )

    def __init__(self) -> None:
        super().__init__()
        from tempfile import TemporaryDirectory

        self._directory = TemporaryDirectory()
        self.store = ProfileStore(self._directory.name)
        self.model: dict[str, Credentials] = {}
        self.default: str | None = None

    def teardown(self) -> None:
        self._directory.cleanup()

    @rule(name=names, account=accounts, default=st.booleans(), over=st.booleans())
    def save(
        self, name: str, account: Credentials, *, default: bool, over: bool
    ) -> None:
        if not over and name.lower() in self.model:
            with pytest.raises(FileExistsError):
                self.store.save(name, account, default=default, overwrite=False)
            return
        self.store.save(name, account, default=default, overwrite=over)
        self.model[name.lower()] = account
        self.default = name.lower() if default else self.default

    @rule(old=names, new=names)
    def rename(self, old: str, new: str) -> None:
        old_key, new_key = old.lower(), new.lower()
        if old_key not in self.model:
            with pytest.raises(ProfileNotFoundError):
                self.store.rename(old, new)
        elif new_key in self.model and new_key != old_key:
            with pytest.raises(FileExistsError):
                self.store.rename(old, new)
        else:
            self.store.rename(old, new)
            self.model[new_key] = self.model.pop(old_key)
            self.default = new_key if self.default == old_key else self.default

    @rule(name=names)
    def delete(self, name: str) -> None:
        if name.lower() not in self.model:
            with pytest.raises(ProfileNotFoundError):
                self.store.delete(name)
            return
        self.store.delete(name)
        del self.model[name.lower()]
        self.default = None if self.default == name.lower() else self.default

    @rule(name=names)
    def set_default(self, name: str) -> None:
        if name.lower() in self.model:
            self.store.set_default(name)
            self.default = name.lower()

    @invariant()
    def holds_what_the_model_holds(self) -> None:
        assert self.store.names() == sorted(self.model)
        assert {n: self.store.load(n) for n in self.store.names()} == self.model
        assert self.store.default_name == self.default
        assert self.store.default() == self.model.get(self.default or "")


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(
    max_examples=30, stateful_step_count=15, deadline=None
)
