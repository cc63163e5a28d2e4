"""Where the store is, and private files that are written whole or not at all.

A credentials file holds a key in plain text, so it is readable for its owner from its
first byte on, and a reader sees the old content or the new one, never a part of it.
What goes wrong is told in words with the path, and without the content: a JSON error
of the standard library would carry the whole file.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CredentialsFileError
from . import atomic

if TYPE_CHECKING:
    from collections.abc import Mapping

HOME_VARIABLE = "CARTO_LOGIN_HOME"

_APPLICATION = "cartoframes"
_MAX_BYTES = 1_000_000


def store_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the directory of the store, which need not exist.

    It is the one that cartoframes uses, so that both read the same `creds.json`.

    Args:
        environ: where `CARTO_LOGIN_HOME` is looked up; empty means unset.

    Example:
        >>> store_directory({"CARTO_LOGIN_HOME": "/srv/carto"}).as_posix()
        '/srv/carto'
    """
    if home := environ.get(HOME_VARIABLE):
        return Path(os.path.expanduser(home))  # noqa: PTH111 - no error without a home
    if sys.platform == "darwin":
        # platformdirs would follow XDG here, and cartoframes would not.
        return Path.home() / "Library" / "Application Support" / _APPLICATION
    from platformdirs import user_config_path

    return user_config_path(_APPLICATION)


def read_document(path: str | os.PathLike[str]) -> Document:
    """Read a JSON object from a file.

    Raises:
        FileNotFoundError: there is no such file.
        CredentialsFileError: it cannot be read, is not UTF-8, not JSON or no object.
    """
    result = _load(Path(path))
    if isinstance(result, Document):
        return result
    raise result


def _load(path: Path) -> Document | BaseException:
    # Errors are returned: raised from here they would show the content as a local.
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
        if len(content) > _MAX_BYTES:
            return _unusable(path, f"is larger than {_MAX_BYTES} bytes")
        # Windows' Notepad begins a file with a byte order mark.
        text = content.decode("utf-8-sig")
        document = json.loads(text, object_pairs_hook=Document)
        if isinstance(document, Document):
            return document
    except KeyboardInterrupt:
        return KeyboardInterrupt()
    except (OSError, ValueError, RecursionError) as error:
        return _read_error(path, error)
    return _unusable(path, "holds JSON that is not an object")


def _read_error(path: Path, error: Exception) -> Exception:
    if isinstance(error, FileNotFoundError):
        return FileNotFoundError(
            f"There is no file {path}. Log in with the form and tick Remember, or "
            f"write it with Credentials.save()."
        )
    if isinstance(error, UnicodeDecodeError):
        return _unusable(path, "is not UTF-8 text")
    if isinstance(error, OSError):
        return _unusable(path, f"cannot be read ({error.strerror})")
    return _unusable(path, "is not JSON")


def _unusable(path: Path, problem: str) -> CredentialsFileError:
    return CredentialsFileError(
        f"The credentials file {path} {problem}. Nothing was changed. Repair or remove "
        f"it, or log in again and save the account anew.",
        path=path,
    )


class Document(dict[str, Any]):
    """A JSON object that shows no content, should a traceback show it."""

    def __repr__(self) -> str:
        return f"<document with {', '.join(sorted(self))}>"


class _Content:
    """The bytes of a file, kept out of the local variables that a traceback shows."""

    __slots__ = ("data",)

    def __init__(self, document: dict[str, Any]) -> None:
        self.data: bytes | None = None
        interrupted = False
        try:
            self.data = (json.dumps(document, indent=2) + "\n").encode()
        except (TypeError, ValueError, RecursionError):
            return
        except KeyboardInterrupt:
            interrupted = True
        if interrupted:
            # A new one: the frames of the first hold pieces of the content.
            raise KeyboardInterrupt


def write_document(
    path: str | os.PathLike[str], document: dict[str, Any], *, exclusive: bool = False
) -> Path:
    """Write a JSON object to a file that only its owner can read.

    The file is replaced in one step; a symbolic link stays and its target is replaced.
    Missing directories are made, for the owner only.

    Args:
        path: the file.
        document: what to write; not kept in the frames of an exception.
        exclusive: refuse to replace an existing file.

    Returns:
        The path.

    Raises:
        FileExistsError: with `exclusive`, the file exists.
        CredentialsFileError: it cannot be written; what was there is still there.
    """
    content = _Content(document)
    del document
    path = Path(path)
    problem = _write(path, content, exclusive=exclusive)
    if problem is not None:
        raise problem
    return path


def _write(path: Path, content: _Content, *, exclusive: bool) -> Exception | None:
    if content.data is None:
        return _not_written(path, "its content cannot be expressed as JSON")
    try:
        written = atomic.write(
            _target(path), memoryview(content.data), exclusive=exclusive
        )
    except (OSError, ValueError) as error:
        return _not_written(path, _why(error, path))
    if written:
        return None
    return FileExistsError(
        f"{path} exists already and was left as it is. Choose another name."
    )


def _target(path: Path) -> Path:
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "it is there, and is not a regular file")
    return target


def remove(path: str | os.PathLike[str]) -> bool:
    """Remove a file, or the link if it is one.

    Returns:
        Whether there was one.

    Raises:
        CredentialsFileError: it cannot be removed and is still there.
    """
    path = Path(path)
    try:
        path.unlink()
        atomic.sync_directory(path.parent)
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as error:
        problem = _why(error, path)
    else:
        return True
    raise CredentialsFileError(
        f"{path} was not removed: {problem}. It is still there, with its key.",
        path=path,
    )


def set_aside(path: str | os.PathLike[str]) -> Path:
    """Keep a broken file as `<name>.corrupt-N`, before something is written there.

    The file keeps its own name as well until it is replaced, so that a failed write
    leaves it where it was.

    Returns:
        The path of the copy.

    Raises:
        CredentialsFileError: that cannot be done; the file is as it was.
    """
    target = Path(os.path.realpath(path))
    try:
        for number in count(1):
            aside = target.with_name(f"{target.name}.corrupt-{number}")
            if _same_file(aside, target) or atomic.publish(
                target, aside, exclusive=True
            ):
                repair_mode(aside)
                return aside
    except OSError as error:
        problem = _why(error, target)
    raise CredentialsFileError(
        f"{path} cannot be used, and keeping a copy of it failed: {problem}. It is "
        f"unchanged, and nothing was written.",
        path=path,
    )


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except FileNotFoundError:
        return False


def is_older(one: Path, other: Path) -> bool:
    """Whether a file was written before another one, or at the same moment."""
    try:
        return one.stat().st_mtime_ns <= other.stat().st_mtime_ns
    except OSError:
        return False


def repair_mode(path: str | os.PathLike[str]) -> bool:
    """Take a file or directory of ours away from other users; True if it was open.

    On Windows the directory of the user's profile keeps others out, and nothing is
    done.
    """
    if os.name == "nt":
        return False
    with suppress(OSError):
        status = os.stat(path)  # noqa: PTH116 - a Path for each of 10,000 is slow
        if status.st_mode & 0o077 and atomic.is_ours(status):
            Path(path).chmod(stat.S_IMODE(status.st_mode) & 0o700)
            return True
    return False


def _not_written(path: Path, problem: str) -> CredentialsFileError:
    return CredentialsFileError(
        f"{path} was not written: {problem}. What was there before is unchanged.",
        path=path,
    )


_WORDS = {
    errno.ENOSPC: "the disk is full; free some space and save again",
    errno.EDQUOT: "your disk quota is used up; free some space and save again",
    errno.EROFS: "the file system is read-only; set CARTO_LOGIN_HOME to a directory "
    "that you can write to",
}


def _why(error: Exception, path: Path) -> str:
    if not isinstance(error, OSError):
        return "its name cannot be the name of a file"
    if error.errno in {errno.EACCES, errno.EPERM}:
        return (
            f"{_owner(path)}; set CARTO_LOGIN_HOME to a directory of your own, or save "
            f"to another path"
        )
    return _WORDS.get(error.errno or 0) or error.strerror or type(error).__name__


def _owner(path: Path) -> str:
    """Say whose directory it is that does not let us write."""
    directory = Path(os.path.realpath(path)).parent
    with suppress(OSError, KeyError, NotImplementedError, RuntimeError):
        while not directory.exists():
            directory = directory.parent
        if not atomic.is_ours(directory.stat()):
            return f"the directory {directory} belongs to {directory.owner()}"
    return f"you may not write in the directory {directory}"
