"""Where the store is, and private files that are written whole or not at all.

A credentials file holds a key in plain text, so it is readable for its owner only from
its first byte on, and a reader sees the old content or the new one, never a part of it.
The steps are those of every careful writer: a temporary file of an unguessable name in
the same directory, flushed to the disk, and given its name in one step.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import sys
import time
from contextlib import suppress
from itertools import count
from pathlib import Path

from ..errors import CredentialsFileError, InvalidCredentialsError
from ..secret import clean_paste

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    PathLike = str | os.PathLike[str]

HOME_VARIABLE = "CARTO_LOGIN_HOME"

_APPLICATION = "cartoframes"
_MAX_BYTES = 1_000_000
_PREFIX, _SUFFIX = ".carto-login-", ".tmp"
_LEFTOVER_AGE = 600.0
_REPLACE_TRIES, _REPLACE_PAUSE = 20, 0.025
_BINARY: int = getattr(os, "O_BINARY", 0)
_NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)
_CHOOSE = f"Set {HOME_VARIABLE} to a directory that you can write to."
_ADVICE = {
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _CHOOSE),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "Free some space and save again."),
}


class MountedFileError(CredentialsFileError):
    """A file that is a mount of its own, which nothing can be put in the place of."""


def store_directory(environ: Mapping[str, str] = os.environ) -> Path:
    """Return the directory of the store, which need not exist.

    It is the one that cartoframes uses, so that both read the same `creds.json`.
    """
    if text := clean_paste(environ.get(HOME_VARIABLE, "")):
        # os.path, since a Path raises where there is no home.
        named = os.path.expanduser(os.path.expandvars(text))  # noqa: PTH111
        if not os.path.isabs(named):  # noqa: PTH117
            # Not repeated: a key may stand there by mistake.
            raise InvalidCredentialsError(
                f"{HOME_VARIABLE} must name a directory by its full path, as in "
                f"/home/jane/carto or ~/carto."
            )
        return Path(named)
    directory = _application_directory()
    # Without a home, platformdirs gives a "~" that would become a directory here.
    if directory is None or not directory.is_absolute():
        raise CredentialsFileError(
            f"There is no home directory, and so no place for saved accounts. Set "
            f"{HOME_VARIABLE} to a directory.",
            path=directory or _APPLICATION,
        )
    return directory


def _application_directory() -> Path | None:
    try:
        if sys.platform == "darwin":
            # platformdirs would follow XDG here, and cartoframes would not.
            return Path.home() / "Library" / "Application Support" / _APPLICATION
        if os.name != "nt":
            # As platformdirs does it, whose import takes longer than reading a file.
            base = os.environ.get("XDG_CONFIG_HOME", "")
            return Path(base if base.strip() else Path.home() / ".config", _APPLICATION)
    except RuntimeError:
        return None
    from platformdirs import user_config_path

    return user_config_path(_APPLICATION)


def read_document(path: PathLike) -> dict[str, Any]:
    """Read a JSON object from a file; UTF-8 and UTF-16, with a mark or without."""
    path = Path(path)
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"There is no file {path}. Log in with the form and tick Remember, or "
            f"write it with Credentials.save()."
        ) from None
    except (OSError, ValueError) as error:
        raise _unusable(path, f"cannot be read ({_why(error)})") from None
    if len(content) > _MAX_BYTES:
        raise _unusable(path, f"is larger than {_MAX_BYTES} bytes")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        raise _unusable(path, "is not JSON") from None
    if not isinstance(document, dict):
        raise _unusable(path, "holds JSON that is not an object")
    return document


def _unusable(path: Path, problem: str) -> CredentialsFileError:
    return CredentialsFileError(
        f"The credentials file {path} {problem}. Nothing was changed. Repair or remove "
        f"it, or log in again and save the account anew.",
        path=path,
    )


def write_document(
    path: PathLike,
    document: dict[str, Any],
    *,
    exclusive: bool = False,
    follow: bool = True,
) -> Path:
    """Write a JSON object to a file that only its owner can read.

    The file is replaced in one step; a symbolic link stays and its target is replaced,
    unless it is not to be followed. Missing directories are made, for the owner only.
    """
    path = Path(path)
    try:
        content = (json.dumps(document, indent=2) + "\n").encode()
        written = _write(_target(path, follow=follow), content, exclusive=exclusive)
    except (TypeError, RecursionError):
        raise _not_written(path, "Its content cannot be expressed as JSON.") from None
    except (OSError, ValueError) as error:
        number = getattr(error, "errno", None)
        if number in {errno.EBUSY, errno.EXDEV}:
            raise MountedFileError(
                f"{path} was not replaced: it is a mount of its own. Mount its "
                f"directory, {path.parent}, instead of the file.",
                path=path,
            ) from None
        problem = f"{_why(error)}. {_ADVICE.get(number or 0, '')}".rstrip()
        raise _not_written(path, problem) from None
    if not written:
        raise FileExistsError(
            f"{path} exists already and was left as it is. Choose another name."
        )
    return path


def _not_written(path: Path, problem: str) -> CredentialsFileError:
    return CredentialsFileError(
        f"{path} was not written: {problem} What was there before is unchanged.",
        path=path,
    )


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "its name cannot be the name of a file"


def _target(path: Path, *, follow: bool) -> Path:
    target = Path(os.path.realpath(path if follow else path.parent))
    target = target if follow else target / path.name
    if target.exists() and not target.is_file():
        raise OSError(errno.EINVAL, "it is there, and is not a regular file")
    return target


def _write(target: Path, content: bytes, *, exclusive: bool) -> bool:
    """Write a file; False where it exists and `exclusive` was asked for."""
    make_directory(target.parent)
    owner = _owner_for(target)
    temporary = target.with_name(f"{_PREFIX}{os.urandom(16).hex()}{_SUFFIX}")
    try:
        _write_temporary(temporary, content, owner)
        if not _publish(temporary, target, exclusive=exclusive):
            return False
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    _sync_directory(target.parent)
    _sweep(target)
    return True


def _write_temporary(
    temporary: Path, content: bytes, owner: tuple[int, int] | None
) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY | _NO_FOLLOW
    descriptor = os.open(temporary, flags, 0o600)
    try:
        # A umask may have taken bits away, and FAT has none to give.
        with suppress(OSError, AttributeError):
            os.fchmod(descriptor, 0o600)
            if owner:
                os.fchown(descriptor, *owner)
        while content:
            content = content[os.write(descriptor, content) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _owner_for(path: Path) -> tuple[int, int] | None:
    """Whose a file is to be: what root writes for a user stays that user's."""
    if os.name == "nt" or os.geteuid() != 0:
        return None
    status = (path if path.exists() else path.parent).stat()
    return status.st_uid, status.st_gid


def hand_over(path: Path) -> None:
    """Give what root has just made to the owner of the directory that it is in."""
    if os.name != "nt" and os.geteuid() == 0:
        status = path.parent.stat()
        # Not through a link: the owner of the directory could have put one there.
        os.chown(path, status.st_uid, status.st_gid, follow_symlinks=False)


def make_directory(directory: Path) -> None:
    """Make a directory and its missing parents, each for the owner only."""
    if directory.is_dir():
        return
    make_directory(directory.parent)
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        return  # another program made it in the meantime
    with suppress(OSError):
        directory.chmod(0o700)
        hand_over(directory)
    _sync_directory(directory.parent)


def _publish(temporary: Path, target: Path, *, exclusive: bool) -> bool:
    """Give the file its name; False where that name is taken and `exclusive`."""
    if not exclusive:
        _replace(temporary, target)
        return True
    try:
        # A link is made whole and never replaces a file, unlike a rename.
        os.link(temporary, target)
    except FileExistsError:
        return False
    except OSError:
        return _publish_without_links(temporary, target)
    return True


def _publish_without_links(temporary: Path, target: Path) -> bool:
    # FAT and some network file systems: an empty file holds the name for a moment.
    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    try:
        _replace(temporary, target)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return True


def _replace(source: Path, target: Path) -> None:
    for attempt in count(1):
        try:
            source.replace(target)
        except PermissionError:
            # Windows refuses while somebody, a virus scanner say, has the file open.
            if os.name != "nt" or attempt == _REPLACE_TRIES:
                raise
            time.sleep(_REPLACE_PAUSE)
        else:
            return


def _sync_directory(directory: Path) -> None:
    # Not every file system can; the file itself is safe by then.
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _sweep(written: Path) -> None:
    """Remove what killed writers left beside a file that was just written."""
    with suppress(OSError):
        # The age is counted by the clock of the file system, which may be elsewhere.
        newest = written.stat().st_mtime - _LEFTOVER_AGE
        # os.listdir and no Path: this is to be quick beside 10,000 accounts too.
        for name in os.listdir(written.parent):  # noqa: PTH208
            if name.startswith(_PREFIX) and name.endswith(_SUFFIX):
                leftover = written.with_name(name)
                status = leftover.lstat()
                if status.st_mtime < newest and _is_ours(status):
                    leftover.unlink(missing_ok=True)


def remove(path: PathLike) -> bool:
    """Remove a file, or the link if it is one; False where there is none."""
    path = Path(path)
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as error:
        raise CredentialsFileError(
            f"{path} was not removed: {_why(error)}. It is still there, with its key.",
            path=path,
        ) from None
    _sync_directory(path.parent)
    return True


def set_aside(path: PathLike) -> Path:
    """Keep a broken file as `<name>.corrupt-N`, before something is written there.

    The file keeps its own name as well until it is replaced, so that a failed write
    leaves it where it was.
    """
    target = Path(os.path.realpath(path))
    try:
        for number in count(1):
            aside = target.with_name(f"{target.name}.corrupt-{number}")
            if _same_file(aside, target) or _publish(target, aside, exclusive=True):
                repair_mode(aside)
                break
    except OSError as error:
        raise CredentialsFileError(
            f"{path} cannot be used, and keeping a copy of it failed: {_why(error)}. "
            f"It is unchanged, and nothing was written.",
            path=path,
        ) from None
    return aside


def _same_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except FileNotFoundError:
        return False


def repair_mode(path: PathLike) -> bool:
    """Take a file or directory of ours away from other users; True if it was open.

    On Windows the directory of the user's profile keeps others out, and nothing is
    done.
    """
    if os.name == "nt":
        return False
    with suppress(OSError):
        path = Path(path)
        status = path.stat()
        if status.st_mode & 0o077 and _is_ours(status):
            path.chmod(stat.S_IMODE(status.st_mode) & 0o700)
            return True
    return False


def _is_ours(status: os.stat_result) -> bool:
    return os.name == "nt" or os.geteuid() in {0, status.st_uid}
