"""The saved accounts as users of Python see them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import traceback
from pathlib import Path

import pytest

from carto_login_widget import (
    Credentials,
    CredentialsFileError,
    InvalidCredentialsError,
    ProfileNotFoundError,
    ProfileStore,
)

CANARY = "c4n4ry0123456789abcdef0123456789abcdef01"
JANE = Credentials("jane", "key-of-jane")
JOHN = Credentials("john", "key-of-john")
PROGRAMS = Path(__file__).parents[1] / "programs"

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")


@pytest.fixture
def store(tmp_path: Path) -> ProfileStore:
    """An empty store in tmp_path."""
    return ProfileStore(tmp_path)


def test_an_empty_store_has_no_accounts(home: Path) -> None:
    """Nothing is made by looking, and no name is known."""
    store = ProfileStore()
    assert (store.names(), store.default_name, store.default()) == ([], None, None)
    assert list(home.iterdir()) == []


def test_a_repr_looks_nothing_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Making and showing a store needs no home."""
    monkeypatch.setenv("CARTO_LOGIN_HOME", "no-full-path")
    assert repr(ProfileStore()) == "ProfileStore()"
    assert repr(ProfileStore("x")) == "ProfileStore('x')"
    with pytest.raises(InvalidCredentialsError, match="CARTO_LOGIN_HOME"):
        ProfileStore().names()


def test_the_store_is_where_cartoframes_keeps_its_file(home: Path) -> None:
    """Without a directory it is the one of the user; a tilde is their home."""
    assert home in ProfileStore().save("jane", JANE).parents
    assert home / "x" in ProfileStore("~/x").save("jane", JANE).parents


def test_a_saved_account_is_loaded_again(store: ProfileStore, tmp_path: Path) -> None:
    """Its name and source are known, and it is no default."""
    path = store.save("Work", JANE)
    assert path == tmp_path / "profiles" / "work.json"
    loaded = store.load("WORK")
    assert loaded == JANE
    assert (loaded.profile, loaded.source) == ("work", "profile 'work'")
    assert (JANE.profile, store.names(), store.default()) == (None, ["work"], None)


def test_the_default_knows_its_name(store: ProfileStore) -> None:
    """Its source is the file that it was read from."""
    store.save("work", JANE, default=True)
    default = store.default()
    assert default == JANE
    assert (default.profile, default.source) == ("work", "creds.json")
    assert store.default_name == "work"
    store.save("john", JOHN)
    store.set_default("john")
    assert store.default() == JOHN
    store.rename("john", "x")
    assert store.default_name == "x"
    store.set_default(None)
    assert (store.default(), store.names()) == (None, ["work", "x"])
    store.delete("x")
    assert store.names() == ["work"]


def test_what_cartoframes_made_can_be_saved(store: ProfileStore) -> None:
    """Credentials of cartoframes are recognised by their attributes."""

    class Theirs:
        username, api_key, base_url = "jane", "key-of-jane", "https://jane.carto.com"
        session, allow_non_secure = None, False

    store.save("jane", Theirs())
    assert store.load("jane") == JANE
    with pytest.raises(ValueError, match="not int"):
        store.save("jane", 5)


def test_an_accepted_key_stays_accepted(store: ProfileStore, tmp_path: Path) -> None:
    """Loaded and saved under another name it is the same key."""
    path = store.save("a", JANE)
    fields = json.loads(path.read_text())
    path.write_text(
        json.dumps({**fields, "accepted": True, "proved": "https://jane.carto.com"})
    )
    store.save("b", store.load("a"))
    content = json.loads((tmp_path / "profiles" / "b.json").read_text())
    assert content["accepted"] is True


def test_what_else_was_done_is_a_warning_at_the_call(
    store: ProfileStore, tmp_path: Path
) -> None:
    """An account that was in creds.json only is kept, and the user is told."""
    fields = {"username": "john", "api_key": "key-of-john"}
    for use in (
        lambda: store.save("jane", JANE, default=True),
        lambda: store.set_default("jane"),
        lambda: store.set_default(None),
    ):
        store.save("jane", JANE)
        (tmp_path / "creds.json").write_text(json.dumps(fields))
        (tmp_path / "creds.json").chmod(0o600)
        with pytest.warns(UserWarning, match="saved as 'john'") as caught:
            use()
        assert [warning.filename for warning in caught] == [__file__]
        store.delete("john")


@posix
def test_an_open_file_is_closed_where_it_is_used(
    store: ProfileStore, tmp_path: Path
) -> None:
    """Reading says so as well, at the line that reads."""
    path = store.save("jane", JANE, default=True)
    for file, use in (
        (path, lambda: store.load("jane")),
        (tmp_path / "creds.json", lambda: store.default()),  # noqa: PLW0108
    ):
        file.chmod(0o644)
        with pytest.warns(UserWarning, match="Other users of this") as caught:
            use()
        assert [warning.filename for warning in caught] == [__file__]
        assert file.stat().st_mode & 0o777 == 0o600


def test_errors_say_what_is_known(store: ProfileStore) -> None:
    """They are those of the store."""
    store.save("jane", JANE)
    for use in (store.load, store.delete, store.set_default):
        with pytest.raises(ProfileNotFoundError, match="Saved: jane") as caught:
            use("nobody")
        assert (caught.value.name, caught.value.known) == ("nobody", ("jane",))
    with pytest.raises(FileExistsError, match="'jane' already"):
        store.save("JANE", JOHN, overwrite=False)
    with pytest.raises(InvalidCredentialsError):
        store.save("../jane", JANE)


def test_no_error_shows_a_key(store: ProfileStore, tmp_path: Path) -> None:
    """Whatever goes wrong leaves without frames, cause and context."""
    path = store.save("jane", JANE, default=True)
    for file in (path, tmp_path / "creds.json"):
        file.write_text(f'{{"api_key": "{CANARY}", ')
    (tmp_path / "file").write_text("")
    elsewhere = ProfileStore(tmp_path / "file" / "x")
    for use in (
        lambda: store.load("jane"),
        store.default,
        lambda: elsewhere.save("x", Credentials("jane", CANARY)),
        lambda: store.load(f"api_key={'9f' * 20}"),
    ):
        with pytest.raises((CredentialsFileError, ProfileNotFoundError)) as caught:
            use()
        error = caught.value
        assert (error.__cause__, error.__context__) == (None, None)
        full = traceback.TracebackException.from_exception(error, capture_locals=True)
        inside = [f for f in full.stack if "carto_login_widget/" in f.filename]
        shown = repr([error.args, vars(error), [frame.locals for frame in inside]])
        assert CANARY[:8] not in shown
        assert "9f9f" not in shown


@pytest.mark.parametrize("step", ["7", pytest.param("1", marks=pytest.mark.full)])
def test_ctrl_c_in_the_middle_shows_no_key(tmp_path: Path, step: str) -> None:
    """At whichever line it comes, the files are whole, and no other is left."""
    program = [sys.executable, PROGRAMS / "interrupted_saves.py", str(tmp_path), step]
    done = subprocess.run(
        program, capture_output=True, text=True, check=False, timeout=110
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 500
    store = ProfileStore(tmp_path)
    assert store.names() == ["work"]
    assert store.default() == store.load("work")
    assert list(tmp_path.rglob("*.tmp")) == []
