"""Where the store is, and files that are private and whole."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import traceback
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carto_login_widget import CredentialsFileError, InvalidCredentialsError
from carto_login_widget.errors import sealed
from carto_login_widget.store import files

if TYPE_CHECKING:
    from collections.abc import Iterator

CANARY = "c4n4ry0123456789abcdef0123456789abcdef01"

posix = pytest.mark.skipif(os.name == "nt", reason="Windows has no modes")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def shown(error: BaseException) -> str:
    """All that a traceback with local variables shows of an exception."""
    full = traceback.TracebackException.from_exception(error, capture_locals=True)
    chained = (error.__cause__, error.__context__)
    own = [frame for frame in full.stack if "carto_login_widget" in frame.filename]
    return repr([error.args, vars(error), chained, [f.locals for f in own]])


@pytest.fixture
def any_umask() -> object:
    """Restore the umask that a test sets."""
    before = os.umask(0)
    yield None
    os.umask(before)


def test_the_variable_names_the_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    """CARTO_LOGIN_HOME wins, with a tilde too."""
    for text, path in (("/srv/x", Path("/srv/x")), ("~/x", Path.home() / "x")):
        monkeypatch.setenv("CARTO_LOGIN_HOME", text)
        assert files.store_directory() == path


@pytest.mark.parametrize(
    "text", [' "/srv/x"\n', "'/srv/x'", "\ufeff/srv/x ", "$ROOT/x", "${ROOT}/x\r\n"]
)
def test_the_variable_is_cleaned(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Files of variables keep quotes, blanks and dollars that a shell would take."""
    monkeypatch.setenv("ROOT", "/srv")
    monkeypatch.setenv("CARTO_LOGIN_HOME", text)
    assert files.store_directory() == Path("/srv/x")


@pytest.mark.parametrize("text", ["carto", "./carto", "$NOTHING/x", CANARY])
def test_a_variable_that_is_no_full_path_is_refused(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """A directory that depends on where a program starts is no store."""
    monkeypatch.setenv("CARTO_LOGIN_HOME", text)
    with pytest.raises(InvalidCredentialsError, match="CARTO_LOGIN_HOME") as caught:
        files.store_directory()
    assert CANARY[:8] not in str(caught.value)


@posix
@pytest.mark.parametrize("given", [{}, {"CARTO_LOGIN_HOME": "~/x"}])
def test_without_a_home_no_directory_is_called_tilde(given: dict[str, str]) -> None:
    """A user without a name, as in a container, would get `./~`."""
    if os.geteuid() != 0:
        pytest.skip("only root can become a user without a name")
    program = (
        "import os, platformdirs;"
        "from carto_login_widget.store import files;"
        "from carto_login_widget.store.profiles import Profiles;"
        "files.store_directory();"  # imports the rest
        "os.environ.pop('HOME'); os.setuid(54321);"
        f"os.environ.update({given!r});"
        "store = Profiles();"  # not needed yet, so nothing is wrong
        "\ntry: print(files.store_directory())"
        "\nexcept ValueError as error: print(type(error).__name__, error)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "CARTO_LOGIN_HOME" in done.stdout
    assert "Error" in done.stdout


def test_an_empty_variable_is_none(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable the directory is the one of cartoframes, in the home."""
    without = files.store_directory()
    for text in ("", ' ""\n'):
        monkeypatch.setenv("CARTO_LOGIN_HOME", text)
        assert files.store_directory() == without
    assert without.name == "cartoframes"
    assert home in without.parents


@pytest.mark.skipif(sys.platform != "linux", reason="XDG is for Linux")
def test_on_linux_xdg_config_home_counts(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As for cartoframes, `$XDG_CONFIG_HOME` moves the directory."""
    assert files.store_directory() == home / ".config" / "cartoframes"
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / "elsewhere"))
    assert files.store_directory() == home / "elsewhere" / "cartoframes"


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    """A document comes back as it was."""
    document = {"username": "jane", "note": "ñ \ud800", "deep": {"list": [1, None]}}
    assert files.write_document(tmp_path / "a.json", document) == tmp_path / "a.json"
    assert files.read_document(tmp_path / "a.json") == document


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """The text says which file, and how one comes to be."""
    with pytest.raises(
        FileNotFoundError, match=r"no file .*absent\.json\. Check the path"
    ):
        files.read_document(tmp_path / "absent.json")


BAD_CONTENT = {
    "not UTF-8": f'{{"api_key": "{CANARY}\xff"}}'.encode("latin-1"),
    "half UTF-16": f'{{"api_key": "{CANARY}"}}'.encode("utf-16")[:-1],
    "cut off": f'{{"api_key": "{CANARY}", "us'.encode(),
    "empty": b"",
    "zeros": bytes(4096),
    "a list": f'["{CANARY}"]'.encode(),
    "a text": f'"{CANARY}"'.encode(),
    "deep": b"[" * 200_000,
    "a long number": b'{"a": ' + b"9" * 5_000 + b"}",
    "large": b'{"a": "' + CANARY.encode() + b"x" * 1_000_000 + b'"}',
}


@pytest.mark.parametrize("content", BAD_CONTENT.values(), ids=BAD_CONTENT)
def test_a_broken_file_is_named_and_its_content_is_not(
    tmp_path: Path, content: bytes
) -> None:
    """The error has the path, no part of the content, and the file is as it was."""
    path = tmp_path / "creds.json"
    path.write_bytes(content)
    with pytest.raises(CredentialsFileError) as caught:
        sealed(files.read_document)(path)
    assert str(path) in str(caught.value)
    assert caught.value.path == path
    assert CANARY[:8] not in shown(caught.value)
    assert path.read_bytes() == content


def test_where_a_file_is_no_json_is_told(tmp_path: Path) -> None:
    """A comma too many; Python 3.13 names its place, older ones what follows it."""
    path = tmp_path / "creds.json"
    path.write_text('{\n  "username": "jane",\n}')
    with pytest.raises(CredentialsFileError, match=r"no last commas \(line [23], col"):
        files.read_document(path)


@given(content=st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_give_an_object_or_an_error_with_the_path(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    """Nothing else comes out, and the bytes are still there."""
    path = tmp_path_factory.getbasetemp() / "any-bytes.json"
    path.write_bytes(content)
    try:
        assert isinstance(files.read_document(path), dict)
    except CredentialsFileError as error:
        assert error.path == path
    assert path.read_bytes() == content


def test_a_directory_is_no_file(tmp_path: Path) -> None:
    """It can be neither read, written, nor removed, and the messages say so."""
    for use in (
        files.read_document,
        files.remove,
        lambda path: files.write_document(path, {}),
    ):
        with pytest.raises(CredentialsFileError, match=str(tmp_path)):
            use(tmp_path)
    assert tmp_path.is_dir()


@pytest.mark.parametrize("name", ["a\0b", "x" * 300])
def test_an_impossible_path_is_told_in_words(tmp_path: Path, name: str) -> None:
    """A path that no file can have is a CredentialsFileError too."""
    with pytest.raises(CredentialsFileError):
        files.read_document(tmp_path / name)
    with pytest.raises(CredentialsFileError, match="was not written"):
        files.write_document(tmp_path / name, {})


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("coding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_editors_write_is_read(tmp_path: Path, coding: str, ends: str) -> None:
    """Windows' Notepad begins with a mark, PowerShell writes UTF-16."""
    path = tmp_path / "creds.json"
    text = f'{{{ends}"username": "jane",{ends}"note": "\u00f1"}}{ends}'
    path.write_bytes(text.encode(coding))
    assert files.read_document(path) == {"username": "jane", "note": "\u00f1"}


def test_a_pipe_can_be_read(tmp_path: Path) -> None:
    """`--file <(pass show carto)` hands over a pipe."""
    if not Path("/dev/fd").is_dir():
        pytest.skip("this system has no /dev/fd")
    reading, writing = os.pipe()
    os.write(writing, b'{"username": "jane"}')
    os.close(writing)
    assert files.read_document(Path(f"/dev/fd/{reading}")) == {"username": "jane"}
    os.close(reading)


@posix
@pytest.mark.parametrize("umask", [0o000, 0o022, 0o777])
def test_no_umask_opens_or_closes_what_is_written(
    tmp_path: Path, any_umask: object, umask: int
) -> None:
    """The file is 0600 and each directory that was missing is 0700."""
    os.umask(umask)
    path = files.write_document(tmp_path / "a" / "b" / "c.json", {})
    assert mode_of(path) == 0o600
    assert [mode_of(parent) for parent in list(path.parents)[:2]] == [0o700, 0o700]


@posix
def test_a_directory_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    """Only directories that we made are ours to close."""
    tmp_path.chmod(0o755)
    files.write_document(tmp_path / "a.json", {})
    assert mode_of(tmp_path) == 0o755


@posix
def test_a_replaced_file_becomes_private(tmp_path: Path) -> None:
    """The mode of the old file is not taken over."""
    path = tmp_path / "a.json"
    path.write_text("{}")
    path.chmod(0o666)
    files.write_document(path, {})
    assert mode_of(path) == 0o600


@posix
@pytest.mark.parametrize("exists", [True, False], ids=["target", "no target yet"])
def test_a_link_stays_a_link(tmp_path: Path, exists: bool) -> None:
    """What a link points to is replaced, as dotfile managers need it."""
    (tmp_path / "dotfiles").mkdir()
    target, link = tmp_path / "dotfiles" / "creds.json", tmp_path / "creds.json"
    link.symlink_to("dotfiles/creds.json")
    if exists:
        target.write_text("{}")
    files.write_document(link, {"username": "jane"})
    assert link.is_symlink()
    assert not target.is_symlink()
    assert json.loads(target.read_text()) == {"username": "jane"}
    assert list(tmp_path.rglob("*.tmp")) == []


def test_exclusive_creation_replaces_nothing(tmp_path: Path) -> None:
    """An existing file stays, whatever it holds, and no other file is left."""
    path = tmp_path / "a.json"
    path.write_text("mine")
    with pytest.raises(FileExistsError, match=r"a\.json exists already"):
        files.write_document(path, {"api_key": CANARY}, exclusive=True)
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


def test_exclusive_creation_makes_a_file(tmp_path: Path) -> None:
    """A free name is taken, in one piece."""
    path = files.write_document(tmp_path / "a.json", {"a": 1}, exclusive=True)
    assert files.read_document(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_what_json_cannot_say_is_refused(tmp_path: Path) -> None:
    """The old file stays, and the key shows nowhere in the error."""
    path = files.write_document(tmp_path / "a.json", {"a": 1})
    with pytest.raises(CredentialsFileError, match="JSON") as caught:
        sealed(files.write_document)(path, {"api_key": CANARY, "other": object()})
    assert CANARY[:8] not in shown(caught.value)
    assert files.read_document(path) == {"a": 1}


def test_a_failed_write_shows_no_key(tmp_path: Path) -> None:
    """A file where a directory is needed: told with the path, without the key."""
    (tmp_path / "file").write_text("")
    with pytest.raises(CredentialsFileError, match="was not written") as caught:
        sealed(files.write_document)(tmp_path / "file" / "a.json", {"api_key": CANARY})
    assert caught.value.path == tmp_path / "file" / "a.json"
    assert CANARY[:8] not in shown(caught.value)


def test_a_file_can_be_removed_twice(tmp_path: Path) -> None:
    """There is nothing else to say."""
    path = files.write_document(tmp_path / "a.json", {})
    assert files.remove(path) == []
    assert not path.exists()
    assert files.remove(path) == []


def test_a_broken_file_is_set_aside_under_a_free_name(tmp_path: Path) -> None:
    """Each one is kept, and none is kept twice."""
    path = tmp_path / "creds.json"
    for number in (1, 2, 3):
        path.write_text(f"broken {number}")
        (said,) = files.set_aside(path)
        assert files.set_aside(path) == [said]
        assert said.endswith(f"was kept as creds.json.corrupt-{number}.")
        assert (tmp_path / f"creds.json.corrupt-{number}").samefile(path)
        files.write_document(path, {})
        path.unlink()
    kept = sorted(file.read_text() for file in tmp_path.iterdir())
    assert kept == ["broken 1", "broken 2", "broken 3"]


def test_leftovers_of_killed_writers_go_when_they_are_old(tmp_path: Path) -> None:
    """Those of a writer that may be at work stay, and so do other people's files."""
    old, new, other = (
        tmp_path / f".carto-login-{'0' * 32}.tmp",
        tmp_path / f".carto-login-{'1' * 32}.tmp",
        tmp_path / "notes.tmp",
    )
    for path in (old, new, other):
        path.write_text("")
    an_hour_ago = path.stat().st_mtime - 3600
    os.utime(old, (an_hour_ago, an_hour_ago))
    os.utime(other, (an_hour_ago, an_hour_ago))
    written = files.write_document(tmp_path / "a.json", {})
    assert sorted(tmp_path.iterdir()) == sorted([new, other, written])


@pytest.fixture
def of_a_user(tmp_path: Path) -> Path:
    """A directory that belongs to a user, where root works."""
    if os.name == "nt" or os.geteuid() != 0:
        pytest.skip("only root can write for another user")
    directory = tmp_path / "home"
    directory.mkdir()
    os.chown(directory, 1000, 1001)
    return directory


def owners_below(directory: Path) -> set[tuple[int, int]]:
    return {(s.st_uid, s.st_gid) for s in map(Path.stat, directory.rglob("*"))}


def test_what_root_makes_for_a_user_is_theirs(of_a_user: Path) -> None:
    """New files and directories go to the owner of the directory they are in."""
    path = files.write_document(of_a_user / "a" / "b" / "c.json", {})
    files.write_document(path.with_name("d.json"), {}, exclusive=True)
    assert owners_below(of_a_user) == {(1000, 1001)}
    assert mode_of(path) == 0o600


def test_what_root_replaces_stays_its_owners(of_a_user: Path) -> None:
    """Whoever the directory belongs to, the file keeps owner and group."""
    path = files.write_document(of_a_user / "a.json", {})
    os.chown(path, 1002, 1003)
    files.write_document(path, {"a": 1})
    path.write_text("broken")
    files.set_aside(path)
    files.write_document(path, {"a": 2})
    assert owners_below(of_a_user) == {(1002, 1003)}


@contextmanager
def mounted(file: Path) -> Iterator[None]:
    """Make a file a mount of its own, as containers do."""
    mount = ["mount", "--bind", str(file), str(file)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("this system has no mount")
    if done.returncode:
        pytest.skip(f"a file cannot be mounted here: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(file)], check=True)


def test_a_file_that_is_a_mount_is_left(tmp_path: Path) -> None:
    """The message says what to mount instead."""
    path = files.write_document(tmp_path / "creds.json", {"a": 1})
    with mounted(path):
        with pytest.raises(CredentialsFileError, match="Mount its") as caught:
            files.write_document(path, {"a": 2})
        assert f"directory, {tmp_path}, instead" in str(caught.value)
        assert files.read_document(path) == {"a": 1}
    assert list(tmp_path.iterdir()) == [path]
