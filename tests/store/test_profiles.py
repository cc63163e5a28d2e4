"""The saved accounts, and the one that sessions start with."""

from __future__ import annotations

import errno
import json
import os
import stat
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from carto_login_widget import (
    CredentialsFileError,
    InvalidCredentialsError,
    ProfileNotFoundError,
)
from carto_login_widget.account import Account
from carto_login_widget.identity import Identity
from carto_login_widget.store import profiles
from carto_login_widget.store.profiles import Profiles, proposed_name
from carto_login_widget.store.record import Record


def account(
    username: str | None, key: str | None, base_url: str | None = None, **learned: Any
) -> Record:
    """An account as a file holds it."""
    proved = learned.pop("proved", None)
    identity = Identity.of(username, key, base_url)
    return Record(identity._replace(proved=proved), **learned)


JANE = account("jane", "key-of-jane")
JOHN = account("john", "key-of-john")
ON_PREMISES = account("jane", "key-2", "https://maps.example.com/user/jane")

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")


@pytest.fixture
def store(tmp_path: Path) -> Profiles:
    """An empty store."""
    return Profiles(tmp_path / "store")


def content_of(store: Profiles, name: str | None = None) -> dict[str, Any]:
    """Read a file of the store; creds.json without a name."""
    path = store.default_path
    if name is not None:
        path = store.directory / "profiles" / f"{name}.json"
    return dict(json.loads(path.read_text()))


def test_an_empty_store_has_no_accounts(store: Profiles) -> None:
    """Nothing is made by looking, and no name is known."""
    assert store.names() == []
    assert store.default_name is None
    assert store.default() is None
    assert not store.directory.exists()


def test_the_store_is_where_cartoframes_keeps_its_file(home: Path) -> None:
    """Without a directory it is the one of the user."""
    assert home in Profiles().directory.parents
    assert Profiles("~/x").directory == Path.home() / "x"


def test_a_saved_account_is_loaded_again(store: Profiles) -> None:
    """Its name and source are known, and it is no default."""
    assert store.save("Maps", ON_PREMISES) == []
    assert store.path_of("maps") == store.directory / "profiles" / "maps.json"
    loaded = store.load("MAPS")
    assert loaded.identity == ON_PREMISES.identity
    assert loaded.profile == "maps"
    assert store.names() == ["maps"]
    assert store.default() is None


def test_the_default_is_a_copy_in_the_format_of_cartoframes(
    store: Profiles,
) -> None:
    """`creds.json` has cartoframes' four fields, and what is known of the key."""
    proved = "https://maps.example.com"
    known = account(
        "jane",
        "key-2",
        ON_PREMISES.identity.base_url,
        proved=proved,
        accepted=True,
        key_type="regular",
        key_name="reporting",
    )
    store.save("maps", known, default=True)
    assert content_of(store) == content_of(store, "maps")
    assert content_of(store) == {
        "username": "jane",
        "api_key": "key-2",
        "base_url": "https://maps.example.com/user/jane",
        "allow_non_secure": False,
        "profile": "maps",
        "proved": proved,
        "accepted": True,
        "key": {"type": "regular", "name": "reporting"},
    }
    default = store.default()
    assert default._replace(fields=known.fields) == known._replace(profile="maps")
    assert (default.identity.proved, store.default_name) == (proved, "maps")


def test_a_loopback_address_is_written_so_that_cartoframes_takes_it(
    store: Profiles,
) -> None:
    """Loopback http needs no flag here, but cartoframes wants one."""
    store.save("demo", account("jane", "k", "http://localhost:8080/user/jane"))
    assert content_of(store, "demo")["allow_non_secure"] is True


def test_saving_the_default_again_keeps_the_copy_the_same(
    store: Profiles,
) -> None:
    """A new key of the default account reaches creds.json without being asked."""
    store.save("jane", JANE, default=True)
    store.save("jane", account("jane", "a-new-key"))
    assert content_of(store)["api_key"] == "a-new-key"
    assert store.names() == ["jane"]


def test_another_account_does_not_become_the_default(store: Profiles) -> None:
    """Only `default=True` changes what sessions start with."""
    store.save("jane", JANE, default=True)
    before = store.default_path.read_bytes()
    store.save("john", JOHN)
    assert store.default_path.read_bytes() == before
    store.set_default("John")
    assert store.default().identity == JOHN.identity
    assert store.default_name == "john"
    assert store.names() == ["jane", "john"]


def test_a_default_that_could_not_be_written_is_no_success(store: Profiles) -> None:
    """The account is saved by then, and stays; whoever asked for more hears of it."""
    store.default_path.mkdir(parents=True)
    with pytest.raises(CredentialsFileError, match=r"creds\.json was not written"):
        store.save("jane", JANE, default=True)
    assert store.load("jane").identity == JANE.identity
    assert store.default_name is None


def test_what_the_default_is_a_copy_of_stays_where_it_cannot_follow(
    store: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Renamed alone, the default would be an account that nobody has saved."""
    store.save("work", JANE, default=True)

    def replace(source: Path, target: Path) -> Path:
        if target.name == "creds.json":
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        return Path(os.rename(source, target) or target)  # noqa: PTH104

    monkeypatch.setattr("pathlib.Path.replace", replace)
    assert "Mount its directory" in store.rename("work", "job")[-1]
    assert store.names() == ["job", "work"]
    assert store.default_name == "work"


def test_no_session_starts_with_an_account_that_is_gone(
    store: Profiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where creds.json cannot be removed, nothing is."""
    store.save("work", JANE, default=True)
    unlink = Path.unlink

    def refuse(path: Path, **options: Any) -> None:
        if path.name == "creds.json":
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        unlink(path, **options)

    monkeypatch.setattr("pathlib.Path.unlink", refuse)
    with pytest.raises(CredentialsFileError, match=r"creds\.json was not removed"):
        store.delete("work")
    assert store.load("work").identity == JANE.identity


def test_what_stands_beside_another_key_stays_there(store: Profiles) -> None:
    """It may be a key itself, under a wrong name."""
    store.directory.mkdir(parents=True)
    misnamed = {"username": "jane", "apikey": "e" * 40, "note": "x"}
    store.default_path.write_text(json.dumps(misnamed))
    store.save("work", JANE)
    assert not {"apikey", "note"} & set(content_of(store, "work"))


def test_what_creds_json_alone_holds_can_be_saved_by_its_name(store: Profiles) -> None:
    """Exclusively, too; another key under that name is refused."""
    store.set_default(JANE)
    with pytest.raises(FileExistsError, match="'jane' already"):
        store.save("jane", account("jane", "another"), overwrite=False)
    store.save("jane", JANE, overwrite=False)
    assert (store.names(), store.default_name) == (["jane"], "jane")


def test_one_of_two_programs_renames(store: Profiles) -> None:
    """The other finds nothing of that name."""
    store.save("work", JANE, default=True)
    barrier, said = threading.Barrier(2), list[Any]()

    def rename(name: str) -> None:
        barrier.wait()
        try:
            said.append(Profiles(store.directory).rename("work", name))
        except ProfileNotFoundError as error:
            said.append(error)

    threads = [threading.Thread(target=rename, args=(n,)) for n in ("job", "other")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(store.names()) == 1
    assert store.default_name in store.names()
    assert sum(isinstance(one, ProfileNotFoundError) for one in said) == 1


def test_names_that_are_saved_are_shown(store: Profiles) -> None:
    """Those of on-premises accounts are as long as keys, and were proposed so."""
    for name in ("jane@maps.example.com", "jane"):
        store.save(name, JANE)
    with pytest.raises(ProfileNotFoundError) as caught:
        store.load("jane@maps.exmple.com")
    assert "'jane@maps.exmple.com'" in str(caught.value)
    assert "Did you mean 'jane@maps.example.com'?" in str(caught.value)
    assert "Saved: jane, jane@maps.example.com." in str(caught.value)


def test_an_unknown_name_lists_the_known_ones(store: Profiles) -> None:
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


def test_a_bad_name_saves_nothing(store: Profiles) -> None:
    """Names are checked before anything is written."""
    with pytest.raises(InvalidCredentialsError):
        store.save("../jane", JANE)
    store.save("jane", JANE)
    with pytest.raises(InvalidCredentialsError):
        store.rename("jane", "con")
    assert store.names() == ["jane"]


def test_names_that_differ_in_case_are_one_account(store: Profiles) -> None:
    """The second save replaces the first, and without `overwrite` it is refused."""
    store.save("Work", JANE)
    store.save("wORK", JOHN)
    assert store.names() == ["work"]
    assert store.load("WORK").identity == JOHN.identity
    with pytest.raises(FileExistsError, match="'work' already"):
        store.save("WORK", JANE, overwrite=False)
    assert store.load("work").identity == JOHN.identity


def test_a_renamed_account_stays_the_default(store: Profiles) -> None:
    """The file, the name in creds.json, and fields of others' move along."""
    store.save("jane", JANE, default=True)
    path = store.directory / "profiles" / "jane.json"
    path.write_text(json.dumps({**content_of(store, "jane"), "theirs": [1]}))
    store.rename("jane", "Work")
    assert store.names() == ["work"]
    assert store.default_name == "work"
    assert store.load("work").identity == JANE.identity
    assert content_of(store, "work")["theirs"] == [1]
    assert content_of(store)["profile"] == "work"


def test_rename_replaces_no_account(store: Profiles) -> None:
    """A name that is taken is refused, and the same name is no change."""
    store.save("jane", JANE)
    store.save("john", JOHN)
    with pytest.raises(FileExistsError, match="'john'"):
        store.rename("jane", "John")
    store.rename("jane", "JANE")
    assert store.load("jane").identity == JANE.identity
    assert store.load("john").identity == JOHN.identity


def test_a_deleted_default_leaves_no_key(store: Profiles) -> None:
    """The key is gone from creds.json too; another default stays."""
    store.save("jane", JANE, default=True)
    store.save("john", JOHN)
    store.delete("john")
    assert store.default_name == "jane"
    store.delete("Jane")
    assert store.names() == []
    assert {path.name for path in store.directory.rglob("*") if path.is_file()} == {
        ".carto-login.lock"
    }


def test_a_broken_profile_harms_itself_only(store: Profiles) -> None:
    """It is listed, cannot be loaded, and is kept when it is saved anew."""
    store.save("jane", JANE)
    store.save("john", JOHN)
    path = store.path_of("john")
    path.write_text('{"username": 5}')
    assert store.names() == ["jane", "john"]
    assert store.load("jane").identity == JANE.identity
    with pytest.raises(CredentialsFileError, match=r"john\.json"):
        store.load("john")
    with pytest.raises(FileExistsError):
        store.save("john", JOHN, overwrite=False)
    store.save("john", JOHN)
    assert store.load("john").identity == JOHN.identity
    assert store.names() == ["jane", "john"]
    assert path.with_name("john.json.corrupt-1").read_text() == '{"username": 5}'


def test_a_broken_profile_can_be_deleted(store: Profiles) -> None:
    """What cannot be loaded can be forgotten."""
    store.save("jane", JANE)
    path = store.path_of("jane")
    path.write_text("broken")
    store.delete("jane")
    assert store.names() == []


def test_unknown_fields_stay_with_their_account(store: Profiles) -> None:
    """They survive a new key, and do not pass to another account."""
    store.save("jane", JANE)
    path = store.path_of("jane")
    path.write_text(json.dumps({**content_of(store, "jane"), "theirs": "x"}))
    store.save("jane", account("jane", "a-new-key"))
    assert content_of(store, "jane")["theirs"] == "x"
    assert content_of(store, "jane")["api_key"] == "a-new-key"
    store.save("jane", JOHN)
    assert "theirs" not in content_of(store, "jane")


def test_a_proven_origin_stays_with_its_address(store: Profiles) -> None:
    """It is remembered over a save that does not know of it, not for another host."""
    base_url = ON_PREMISES.identity.base_url
    store.save("maps", account("jane", "key-2", base_url, proved="https://x"))
    store.save("maps", account("jane", "new", base_url))
    assert store.load("maps").identity.proved == "https://x"
    store.save("maps", account("jane", "new", "https://other.example.com"))
    assert store.load("maps").identity.proved is None


def test_what_carto_said_of_a_key_stays_with_that_key(store: Profiles) -> None:
    """It survives a save that does not know of it, and is dropped with the key."""
    said = {"accepted": True, "key_type": "master", "key_name": "Master"}
    known = account("jane", "k", proved="https://jane.carto.com", **said)
    store.save("jane", known, default=True)
    store.save("jane", account("Jane", "k"))
    assert store.load("jane") == store.default()._replace(profile="jane")
    assert store.load("jane").accepted is True
    assert store.load("jane").key_type == "master"
    store.save("jane", account("jane", "new"))
    for record in (store.load("jane"), store.default()):
        assert (record.accepted, record.key_type) == (False, None)
        assert record.key_name is None
    assert not {"accepted", "key"} & set(content_of(store))


def test_only_a_check_makes_an_accepted_account() -> None:
    """An account that nobody checked says nothing of its key."""
    identity = JANE.identity
    said = Account("jane", "https://jane.carto.com", key_type="regular", key_name="x")
    new = Record(identity)
    assert new.told(said) == Record(identity, None, True, "regular", "x")  # noqa: FBT003
    unchecked = replace(said, checked=False)
    assert new.told(unchecked) == new.told(None) == new
    oddly = replace(said, key_type="unknown", key_name=None)
    assert new.told(oddly) == Record(identity, accepted=True)


@pytest.mark.parametrize("value", ["true", 1, None, [True]])
def test_only_a_true_is_accepted(store: Profiles, value: object) -> None:
    """What others write into our fields is not believed, and breaks nothing."""
    store.save("jane", JANE)
    fields = {**content_of(store, "jane"), "accepted": value, "key": value}
    store.path_of("jane").write_text(json.dumps(fields))
    record = store.load("jane")
    assert (record.accepted, record.key_type, record.key_name) == (False, None, None)


@pytest.mark.parametrize(
    ("given", "username", "base_url"),
    [
        (("Jane", "k"), "jane", "https://jane.carto.com"),
        (
            (None, "k", "https://team.carto.com/u/jane"),
            "jane",
            "https://team.carto.com/user/jane",
        ),
        (("jane", "k", "10.0.0.5:443"), "jane", "https://10.0.0.5/user/jane"),
        ((None, "k", "https://10.0.0.5"), None, "https://10.0.0.5"),
    ],
)
def test_what_is_written_is_an_address_that_cartoframes_can_use(
    store: Profiles,
    given: tuple[str | None, ...],
    username: str | None,
    base_url: str,
) -> None:
    """User and address are those that requests go to; as given if nobody can tell."""
    store.save("x", account(*given))
    content = content_of(store, "x")
    assert (content["username"], content["base_url"]) == (username, base_url)
    assert store.load("x").identity.same_key(account(*given).identity)


@posix
def test_files_that_others_could_read_are_closed_and_said(store: Profiles) -> None:
    """cartoframes writes creds.json for everybody to read; each is closed when used."""
    store.save("jane", JANE, default=True)
    store.save("john", JOHN)
    path = store.path_of("john")
    for file in (store.default_path, path, store.path_of("jane")):
        file.chmod(0o644)
    path.parent.chmod(0o755)

    def modes() -> list[int]:
        files = (path.parent, store.default_path, path, store.path_of("jane"))
        return [stat.S_IMODE(file.stat().st_mode) for file in files]

    store.names()
    store.peek("john")
    assert modes() == [0o755, 0o644, 0o644, 0o644]
    (note,) = store.load("john").notes
    assert str(path) in note
    assert store.load("john").notes == ()
    (note,) = store.default().notes
    assert str(store.default_path) in note
    (note,) = store.save("jane", JANE)
    assert str(store.path_of("jane")) in note
    assert modes() == [0o700, 0o600, 0o600, 0o600]


@posix
def test_a_linked_default_stays_a_link(store: Profiles, tmp_path: Path) -> None:
    """Its target is replaced; deleting it says where the key still is."""
    target = tmp_path / "dotfiles-creds.json"
    store.directory.mkdir()
    store.default_path.symlink_to(target)
    store.save("jane", JANE, default=True)
    assert store.default_path.is_symlink()
    assert json.loads(target.read_text())["username"] == "jane"
    notes = store.delete("jane")
    assert not store.default_path.is_symlink()
    assert str(target) in "".join(notes)


def test_other_files_are_not_accounts(store: Profiles) -> None:
    """What is no profile is not listed, and not touched."""
    store.save("jane", JANE)
    path = store.path_of("jane")
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
        account, st.sampled_from(["jane", "john"]), st.sampled_from(["k1", "k2"])
    )

    def __init__(self) -> None:
        super().__init__()
        from tempfile import TemporaryDirectory

        self._directory = TemporaryDirectory()
        self.store = Profiles(self._directory.name)
        self.model: dict[str, Record] = {}
        self.default: str | None = None

    def teardown(self) -> None:
        self._directory.cleanup()

    @rule(name=names, account=accounts, default=st.booleans(), over=st.booleans())
    def save(self, name: str, account: Record, *, default: bool, over: bool) -> None:
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
        found = {n: self.store.load(n).identity for n in self.store.names()}
        assert found == {n: record.identity for n, record in self.model.items()}
        assert self.store.default_name == self.default
        default = self.store.default()
        assert (default and default.identity) == found.get(self.default or "")


TestStoreMachine = StoreMachine.TestCase
TestStoreMachine.settings = settings(max_examples=30, stateful_step_count=15)


def proposed(store: Profiles, record: Record, said: Account | None = None) -> str:
    return proposed_name(record.identity, said, store)


def key_of(key_type: str, key_name: str | None = None) -> Account:
    """What CARTO said of a key."""
    return Account("jane", "", key_type=key_type, key_name=key_name)


@pytest.mark.parametrize(
    ("record", "said", "name"),
    [
        (JANE, None, "jane"),
        (JANE, key_of("master", "Master"), "jane"),
        (JANE, key_of("unknown"), "jane"),
        (JANE, key_of("regular", "reporting"), "jane-reporting"),
        (JANE, key_of("regular", " My key (2)! "), "jane-my-key-2"),
        (JANE, key_of("regular", "\u00f1\u00f1"), "jane"),
        (JANE, replace(key_of("regular", "reporting"), checked=False), "jane"),
        (account("jane", None), key_of("default_public"), "jane-public"),
        (account("jane", None), None, "jane-public"),
        (ON_PREMISES, None, "jane@maps.example.com"),
        (ON_PREMISES, key_of("regular", "x"), "jane-x@maps.example.com"),
        (account("con", "k"), None, "con@carto.com"),
        (account("_x_", "k"), None, "x_"),
        (account("jane", "k", "https://[fd00::1]"), None, "jane@fd00--1"),
        (account("jane", "k", "http://localhost:80/"), None, "jane@localhost"),
        (account(None, "k", "https://10.0.0.5"), None, "account"),
    ],
)
def test_the_proposed_name_tells_the_keys_of_an_account_apart(
    store: Profiles, record: Record, said: Account | None, name: str
) -> None:
    """User, key and host, as far as they say something; always a name."""
    assert proposed(store, record, said) == profiles.check_name(name) == name


@pytest.mark.parametrize("length", [30, 58, 64, 200])
def test_long_names_are_cut_to_names(store: Profiles, length: int) -> None:
    """Cut, they are numbered like others."""
    record = account("jane", "k", f"https://{'a.' * (length // 2)}example.com")
    for number in range(3):
        name = proposed(store, record, key_of("regular", "x" * length))
        assert profiles.check_name(name) == name
        assert len(store.names()) == number
        store.save(name, account("other", f"k{number}"))


def test_a_taken_name_is_proposed_for_the_same_thing_only(store: Profiles) -> None:
    """A key that was made anew replaces the old one; any other gets a free name."""
    store.save("jane", account("jane", "old", key_type="master"))
    new = account("jane", "new")
    assert proposed(store, new, key_of("master")) == "jane"
    assert proposed(store, new, None) == "jane-2"
    assert proposed(store, new, key_of("unknown")) == "jane-2"
    assert proposed(store, account("jane", "old"), None) == "jane"

    reporting = key_of("regular", "reporting")
    store.save("jane-reporting", account("jane", "r").told(reporting))
    assert proposed(store, new, reporting) == "jane-reporting"
    assert proposed(store, new, key_of("regular", "Reporting!")) == "jane-reporting-2"

    store.path_of("john").write_text("broken")
    assert proposed(store, JOHN) == "john-2"
    store.save("john-2", account("john", None))
    assert proposed(store, JOHN) == "john-3"


def test_a_name_that_only_creds_json_goes_by_is_taken_too(store: Profiles) -> None:
    """An account that cartoframes wrote is listed, so its name is not free."""
    store.set_default(JANE)
    assert proposed(store, JANE) == "jane"
    assert proposed(store, account("jane", "new")) == "jane-2"


def test_a_name_with_a_key_in_it_is_not_repeated(store: Profiles) -> None:
    """A master key is no name; what looks like any key is masked in messages."""
    store.save("jane", JANE)
    master, other = "9f" * 20, "Yw3-hQ8sXn6_vDz4kBr9Ta"
    for use in (lambda name: store.save(name, JANE), lambda n: store.rename("jane", n)):
        with pytest.raises(InvalidCredentialsError, match="looks like") as refused:
            use(master.upper())
        assert master[:8] not in str(refused.value).lower()
    store.save(other, JANE)
    assert store.names() == ["jane", other.lower()]
    by_hand = "aB3$dE5@gH7!jK9#mN1%qR"  # as an administrator may set one
    for name in (master, f"{other}x y", other[::-1], by_hand, f'api_key="{master}"'):
        with pytest.raises(ProfileNotFoundError) as caught:
            store.load(name)
        if "x y" not in name:
            assert name not in str(caught.value)
            assert caught.value.name == "***"
        if "api_key" in name:
            with pytest.raises(InvalidCredentialsError) as refused:
                store.save(name, JANE)
            assert master not in str(refused.value)


def test_ten_thousand_names_are_not_all_told(store: Profiles) -> None:
    """A message stays one that can be read."""
    store.save("a", JANE)
    for number in range(30):
        store.path_of(f"b{number}").write_text("{}")
    with pytest.raises(ProfileNotFoundError, match="and 11 more") as caught:
        store.load("x")
    assert len(caught.value.known) == 31


def test_an_account_can_be_looked_at(store: Profiles) -> None:
    """One that is broken or missing is none."""
    store.save("jane", account("jane", "k", key_type="master"))
    store.set_default(JOHN)
    store.path_of("broken").write_text("{")
    found = [store.peek(name) for name in ("jane", "john", "broken", "missing")]
    assert [r and (r.profile, r.key_type) for r in found] == [
        ("jane", "master"),
        ("john", None),
        None,
        None,
    ]


def test_a_file_of_the_store_is_one_however_it_is_reached(
    home: Path, tmp_path: Path
) -> None:
    """By its resolved path; a file elsewhere has no name, whatever it says."""
    store = Profiles()
    store.save("work", JANE, default=True)
    elsewhere = tmp_path / "creds.json"
    elsewhere.write_bytes(store.default_path.read_bytes())
    link = tmp_path / "link"
    link.symlink_to(store.directory)
    for path in (store.default_path, store.path_of("work"), link / "creds.json"):
        assert profiles.read(path).profile == "work"
    assert profiles.read(elsewhere).profile is None
    assert profiles.read(elsewhere).identity == JANE.identity


def test_writing_a_file_of_the_store_is_saving(home: Path, tmp_path: Path) -> None:
    """The account of creds.json is kept, and a profile keeps its copy."""
    store = Profiles()
    store.save("work", JANE, default=True)
    profiles.write(store.path_of("work"), account("jane", "new"))
    assert store.default().identity == account("jane", "new").identity
    profiles.write(store.default_path, JOHN)
    (note,) = profiles.write(store.default_path, JANE)
    assert "'john'" in note
    assert store.names() == ["jane", "john", "work"]
    path = tmp_path / "c.json"
    assert profiles.write(path, JANE._replace(profile="work")) == []
    assert "profile" not in json.loads(path.read_text())


def test_a_link_to_another_account_is_replaced_and_that_one_stays(
    store: Profiles,
) -> None:
    """Saving one account writes no other one."""
    store.save("work", JANE)
    store.path_of("prod").symlink_to(store.path_of("work"))
    store.save("prod", JOHN)
    assert (store.load("work").identity, store.load("prod").identity) == (
        JANE.identity,
        JOHN.identity,
    )


def test_the_default_that_is_saved_again_keeps_its_name(store: Profiles) -> None:
    """Not one account more comes of it."""
    store.save("work", JANE, default=True)
    store.set_default(Record(JANE.identity))
    assert (store.names(), store.default_name) == (["work"], "work")


@pytest.mark.parametrize(
    "act",
    [
        lambda store: store.delete("work"),
        lambda store: store.rename("work", "job"),
        lambda store: store.set_default("work"),
        lambda store: store.load("work"),
    ],
)
def test_who_names_no_account_makes_no_store(tmp_path: Path, act: Any) -> None:
    """Nothing is left in a home where nothing was saved."""
    store = Profiles(tmp_path / "none")
    with pytest.raises(ProfileNotFoundError):
        act(store)
    profiles.remove(tmp_path / "absent.json")
    assert not store.directory.exists()
