"""What a store must survive, with the file system as it really is."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from carto_login_widget import CredentialsFileError
from carto_login_widget.identity import Identity
from carto_login_widget.store import files
from carto_login_widget.store.profiles import Profiles
from carto_login_widget.store.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.skipif(os.name == "nt", reason="needs fork, modes and mounts")

PROGRAMS = Path(__file__).parents[1] / "programs"
KILLS = [100, pytest.param(1000, marks=pytest.mark.full)]
NOBODY = 65534


def account(username: str, key: str) -> Record:
    """An account as a file holds it."""
    return Record(Identity.of(username, key, None))


def key_in(store: Profiles, name: str) -> str:
    """The key of a saved account."""
    return store.load(name).identity.key.reveal()


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    """Start one of the tests' programs."""
    return subprocess.Popen(
        [sys.executable, PROGRAMS / f"{program}.py", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def output(process: subprocess.Popen[str]) -> str:
    """Wait for a program to end well, and return what it printed."""
    printed, problem = process.communicate(timeout=280)
    assert process.returncode == 0, problem
    return printed


class Reader(threading.Thread):
    """Read the default account all the time, and count what is wrong."""

    def __init__(self, store: Profiles) -> None:
        super().__init__()
        self.store, self.done = store, threading.Event()
        self.reads, self.keys, self.wrong = 0, set[str](), list[object]()

    def run(self) -> None:
        """Read until told to stop."""
        while not self.done.is_set():
            for read in (self.store.default, lambda: self.store.load("work")):
                try:
                    key = read().identity.key.reveal()
                except Exception as error:  # noqa: BLE001 - each is a finding
                    self.wrong.append(error)
                    continue
                self.reads += 1
                self.keys.add(key[:1])
                if len(key) != 1000 or len(set(key)) != 1:
                    self.wrong.append(key)


def temporaries(store: Profiles) -> list[Path]:
    """The files that killed writers have left."""
    return list(store.directory.rglob(".carto-login-*.tmp"))


@pytest.mark.parametrize("kills", KILLS)
def test_kills_leave_whole_files(tmp_path: Path, kills: int) -> None:
    """A reader beside it never sees a torn, empty or missing file.

    A save that was cut off between the two files leaves the old key in creds.json,
    which is kept under a name of its own.
    """
    store = Profiles(tmp_path)
    store.save("work", account("jane", "a" * 1000), default=True)
    reader = Reader(store)
    reader.start()
    try:
        # On a busy machine the reader hardly comes to read between two kills.
        for _ in range(10):
            output(start("killed_saves", tmp_path, kills))
            if temporaries(store) and len(reader.keys) > 5:
                break
    finally:
        reader.done.set()
        reader.join()
    assert reader.wrong == []
    assert len(reader.keys) > 5, "the reader saw too few saves"
    assert "work" in store.names()
    assert all(len(set(key_in(store, name))) == 1 for name in store.names())
    keys = [key_in(store, name) for name in store.names() if name != "work"]
    assert len(set(keys)) == len(keys), "one key was kept twice"
    left = temporaries(store)
    assert left, "no kill hit a save"
    for path in left:
        assert path.stat().st_mode & 0o777 in {0o600, 0}
        os.utime(path, (1e9, 1e9))
    store.save("work", account("jane", "k"), default=True)
    assert temporaries(store) == []
    assert store.default_name == "work"


@pytest.mark.parametrize("each", [100, pytest.param(500, marks=pytest.mark.full)])
def test_two_programs_save_many_accounts(tmp_path: Path, each: int) -> None:
    """None is lost, each has its own key, and the default is one of them."""
    writers = [start("many_saves", tmp_path, user, each) for user in ("jane", "john")]
    for writer in writers:
        output(writer)
    store = Profiles(tmp_path)
    expected = {
        f"{user}-{n}": f"key-of-{user}-{n}"
        for user in ("jane", "john")
        for n in range(each)
    }
    assert {n: key_in(store, n) for n in store.names()} == expected
    assert store.default() == store.load(store.default_name)
    assert temporaries(store) == []


def test_two_programs_save_names_that_differ_in_case(tmp_path: Path) -> None:
    """They write one account, whole, and the default is the same one."""
    writers = [
        start("many_saves", tmp_path, user, 100, name)
        for user, name in (("jane", "Work"), ("john", "wORK"))
    ]
    for writer in writers:
        output(writer)
    store = Profiles(tmp_path)
    assert store.names() == ["work"]
    assert key_in(store, "work") in {"key-of-jane-99", "key-of-john-99"}
    assert store.default() == store.load("work")
    assert [path.name for path in (tmp_path / "profiles").iterdir()] == ["work.json"]


def test_two_programs_that_write_creds_json_alone_lose_nothing(tmp_path: Path) -> None:
    """What one has just written is kept under a name before the other replaces it."""
    writers = [
        start("many_saves", tmp_path, user, 50, "creds.json")
        for user in ("jane", "john")
    ]
    for writer in writers:
        output(writer)
    store = Profiles(tmp_path)
    saved = {key_in(store, name) for name in store.names()}
    assert saved == {
        f"key-of-{user}-{n}" for user in ("jane", "john") for n in range(50)
    }


@contextmanager
def tiny_disk() -> Iterator[Path]:
    """Mount a file system of 64 KiB; skip the test where that is impossible."""
    path = Path(tempfile.mkdtemp())
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(path)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("this system has no mount")
    if done.returncode:
        reason = done.stderr.partition("\n")[0]
        pytest.skip(f"a small file system cannot be mounted here: {reason}")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)
        path.rmdir()


def test_a_full_disk_is_told_and_loses_nothing() -> None:
    """What was saved is still there, and saving works again when there is room."""
    with tiny_disk() as path:
        store, saved = Profiles(path), {}
        store.save("first", account("jane", "old"), default=True)
        with pytest.raises(
            CredentialsFileError, match=r"No space left on device\. Free"
        ) as caught:
            for number in range(200):
                store.save(f"p{number}", account("jane", f"k{number}"))
                saved[f"p{number}"] = f"k{number}"
        assert caught.value.path == path / "profiles" / f"p{len(saved)}.json"
        for use in (
            lambda: store.save("first", account("jane", "new"), default=True),
            lambda: store.set_default("p0"),
            lambda: store.rename("p0", "other"),
        ):
            with pytest.raises(CredentialsFileError, match="is unchanged"):
                use()
        assert store.default().identity == account("jane", "old").identity
        assert {n: key_in(store, n) for n in saved} == saved
        assert set(store.names()) == {"first", *saved}
        assert temporaries(store) == []
        store.delete("p0")
        store.delete("p1")
        store.save("again", account("jane", "k"))
        assert key_in(store, "again") == "k"


def test_a_file_that_fits_in_part_is_not_written() -> None:
    """The kernel takes what fits and says so; that part replaces nothing."""
    with tiny_disk() as path:
        file = files.write_document(path / "a.json", {"n": 1})
        with pytest.raises(
            CredentialsFileError, match=r"No space left on device\. Free"
        ):
            files.write_document(file, {"n": "x" * 200_000})
        assert files.read_document(file) == {"n": 1}
        assert list(path.iterdir()) == [file]


@pytest.fixture
def public_path() -> Iterator[Path]:
    """A directory that every user can reach, unlike pytest's own."""
    path = Path(tempfile.mkdtemp())
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def give_away(directory: Path) -> None:
    """Make all below a directory belong to the user that the program becomes."""
    if os.geteuid() == 0:
        for path in (directory, *directory.rglob("*")):
            os.chown(path, NOBODY, NOBODY)


def everything(directory: Path) -> dict[str, bytes]:
    """All files below a directory, with their content."""
    return {
        str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()
    }


def refusals(directory: Path) -> list[tuple[str, str]]:
    """Path and message of every save that the program tried."""
    lines = output(start("refused_save", directory)).splitlines()
    return [(path, text) for path, text in (line.split("\t") for line in lines)]


def test_a_read_only_directory_is_told_in_words(public_path: Path) -> None:
    """Saving, choosing and deleting fail with the path, and change nothing."""
    directory = public_path / "store"
    store = Profiles(directory)
    store.save("saved", account("john", "k"), default=True)
    before = everything(directory)
    give_away(directory)
    for path in (directory / "profiles", directory):
        path.chmod(0o555)
    told = refusals(directory)
    for path in (directory, directory / "profiles"):
        path.chmod(0o755)
    assert len(told) == 4
    for path, text in told:
        assert path.startswith(str(directory))
        assert path in text
        assert "Permission denied" in text
        assert "CARTO_LOGIN_HOME" in text or "was not removed" in text
    assert everything(directory) == before


def test_a_directory_of_somebody_else_is_told_in_words(public_path: Path) -> None:
    """Saving, choosing and deleting fail with the path, and change nothing."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a directory that belongs to somebody else")
    directory = public_path / "store"
    Profiles(directory).save("saved", account("john", "k"), default=True)
    before = everything(directory)
    for path in (directory, directory / "profiles"):
        path.chmod(0o755)
    for path in before:
        Path(path).chmod(0o644)
    told = refusals(directory)
    assert len(told) == 4
    for path, text in told:
        assert path.startswith(str(directory))
        assert "Permission denied" in text
    assert everything(directory) == before


def test_a_directory_that_cannot_be_opened_is_told_in_words(
    public_path: Path,
) -> None:
    """Not even reading is allowed; every call says so with the path."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a directory that belongs to somebody else")
    directory = public_path / "store"
    Profiles(directory).save("saved", account("john", "k"), default=True)
    told = refusals(directory)
    assert len(told) == 4
    assert all(str(directory) in text for _, text in told)


@pytest.mark.skipif(
    sys.platform != "linux" or platform.machine() not in {"x86_64", "aarch64"},
    reason="the filter is written for Linux on two kinds of processors",
)
def test_exclusive_creation_needs_no_hard_links(tmp_path: Path) -> None:
    """On FAT and some network file systems a name is taken by an empty file."""
    process = start("without_links", tmp_path)
    printed, problem = process.communicate(timeout=60)
    if process.returncode == 77:
        pytest.skip("no seccomp filter can be set here")
    assert process.returncode == 0, problem
    assert "exists already" in printed
    aside = tmp_path / "a.json.corrupt-1"
    assert aside.name in printed
    assert aside.read_text() == '{\n  "n": 1\n}\n'
    assert list(tmp_path.iterdir()) == [aside]


@pytest.mark.full  # it waits for ten seconds
def test_a_stopped_program_does_not_keep_others_from_saving(tmp_path: Path) -> None:
    """A lock that is never given up is waited for a moment only."""
    import fcntl

    store = Profiles(tmp_path)
    descriptor = os.open(tmp_path / ".carto-login.lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    store.save("work", account("jane", "k"), default=True)
    os.close(descriptor)
    assert store.default().identity == account("jane", "k").identity


def test_what_root_saves_for_a_user_is_theirs(tmp_path: Path) -> None:
    """The lock, too: the user is to be able to save again."""
    if os.geteuid() != 0:
        pytest.skip("only root can write for another user")
    os.chown(tmp_path, 1000, 1001)
    store = Profiles(tmp_path)
    store.save("work", account("jane", "k"), default=True)
    store.save("work", account("jane", "new"))
    store.rename("work", "x")
    store.set_default(None)
    store.set_default(account("john", "k"))
    found = {path.name: path.stat() for path in tmp_path.rglob("*")}
    assert found.keys() == {"creds.json", "profiles", "x.json", ".carto-login.lock"}
    assert {(s.st_uid, s.st_gid) for s in found.values()} == {(1000, 1001)}


def test_a_default_that_is_a_mount_is_left_and_the_account_saved(
    tmp_path: Path,
) -> None:
    """A container mounts the one file; what to mount instead is said."""
    store = Profiles(tmp_path)
    store.save("john", account("john", "k"), default=True)
    mount = ["mount", "--bind", str(store.default_path), str(store.default_path)]
    if (done := subprocess.run(mount, capture_output=True, text=True)).returncode:  # noqa: PLW1510
        pytest.skip(f"a file cannot be mounted here: {done.stderr.strip()}")
    try:
        (note,) = store.save("jane", account("jane", "k"), default=True)
        assert f"Mount its directory, {tmp_path}, instead of the file" in note
        assert store.names() == ["jane", "john"]
        assert store.default_name == "john"
        for use in (
            lambda: store.set_default("jane"),
            lambda: store.set_default(account("jane", "k")),
            lambda: store.set_default(None),
        ):
            with pytest.raises(CredentialsFileError, match=r"creds\.json was not"):
                use()
        assert (store.names(), store.default_name) == (["jane", "john"], "john")
        (note,) = store.rename("john", "x")
        assert "Mount its directory" in note
        assert temporaries(store) == []
    finally:
        subprocess.run(["umount", str(store.default_path)], check=True)
