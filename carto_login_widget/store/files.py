"""Where the store is, and private files that are written whole or not at all."""

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
    from collections.abc import Callable
    from typing import Any

HOME_VARIABLE = "CARTO_LOGIN_HOME"

_MAX_BYTES = 1_000_000
_PREFIX, _SUFFIX = ".carto-login-", ".tmp"
_LEFTOVER_AGE = 600.0
_REPLACE_TRIES, _REPLACE_PAUSE = 20, 0.025
_CHOOSE = f"Set {HOME_VARIABLE} to a directory that you can write to."
_MOUNT = "It is a mount of its own. Mount its directory, {}, instead of the file."
_MOUNTED = (errno.EBUSY, errno.EXDEV)
_ADVICE = {
    **dict.fromkeys((errno.EACCES, errno.EPERM, errno.EROFS), _CHOOSE),
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT), "Free some space and save again."),
    **dict.fromkeys(_MOUNTED, _MOUNT),
}


class MountedFileError(CredentialsFileError):
    """A file that is a mount of its own, which nothing can be put in the place of."""


def store_directory() -> Path:
    """Return the directory of the store, which need not exist."""
    if text := clean_paste(os.environ.get(HOME_VARIABLE, "")):
        # os.path, since a Path raises where there is no home.
        directory = Path(os.path.expanduser(os.path.expandvars(text)))  # noqa: PTH111
        if not directory.is_absolute():
            # Not repeated: a key may stand there by mistake.
            raise InvalidCredentialsError(
                f"{HOME_VARIABLE} must name a directory by its full path, as in "
                f"/home/jane/carto or ~/carto."
            )
        return directory
    directory = _cartoframes_directory()
    # Without a home, a "~" is left that would become a directory here.
    if not directory.is_absolute():
        raise CredentialsFileError(
            f"There is no home directory, and so no place for saved accounts. Set "
            f"{HOME_VARIABLE} to a directory.",
            path=directory,
        )
    return directory


def _cartoframes_directory() -> Path:
    """Return where cartoframes has its `creds.json`, so that both read the same."""
    if os.name == "nt":
        from platformdirs import user_config_path

        return user_config_path("cartoframes")
    # As platformdirs does it, whose import takes longer than reading a file.
    parent = os.environ.get("XDG_CONFIG_HOME", "").strip() or "~/.config"
    if sys.platform == "darwin":
        # platformdirs would follow XDG here, and cartoframes would not:
        # https://github.com/tox-dev/platformdirs/issues/4
        parent = "~/Library/Application Support"
    return Path(os.path.expanduser(parent), "cartoframes")  # noqa: PTH111


def read_document(path: Path) -> dict[str, Any]:
    """Read a JSON object from a file; UTF-8 and UTF-16, with a mark or without."""
    try:
        with path.open("rb") as file:
            content = file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"There is no file {path}. Check the path; the form with Remember ticked, "
            "and Credentials.save(), write such files."
        ) from None
    except (OSError, ValueError) as error:
        raise _unusable(path, f"cannot be read ({_why(error)})") from None
    if len(content) > _MAX_BYTES:
        raise _unusable(path, f"is larger than {_MAX_BYTES} bytes")
    problem = "is not a JSON object"
    try:
        document = json.loads(content)
        if isinstance(document, dict):
            return document
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        problem = f"is not JSON, which has no comments and no last commas ({place})"
    except (ValueError, RecursionError):
        pass
    raise _unusable(path, problem)


def _unusable(path: Path, problem: str) -> CredentialsFileError:
    return CredentialsFileError(
        f"The credentials file {path} {problem}. Nothing was changed. Repair or remove "
        f"it, or log in again and save the account anew.",
        path=path,
    )


def write_document(
    path: Path,
    document: dict[str, Any],
    *,
    exclusive: bool = False,
    follow: bool = True,
) -> Path:
    """Write a private file in one step; a link stays, unless it is not to be used."""
    try:
        content = (json.dumps(document, indent=2) + "\n").encode()
        target = Path(os.path.realpath(path))
        if not follow:
            target = Path(os.path.realpath(path.parent), path.name)
        if target.exists() and not target.is_file():
            raise OSError(errno.EINVAL, "it is there, and is not a regular file")  # noqa: TRY301
        make_directory(target.parent)
        _write(target, content, _publish_new if exclusive else _replace)
        _sweep(target)
    except FileExistsError:
        raise FileExistsError(
            f"{path} exists already and was left as it is. Choose another name."
        ) from None
    except (OSError, ValueError, TypeError, RecursionError) as error:
        number = getattr(error, "errno", 0)
        advice = _ADVICE.get(number, "").format(path.parent)
        kind = MountedFileError if number in _MOUNTED else CredentialsFileError
        raise kind(
            f"{path} was not written: {_why(error)}. {advice}{' ' if advice else ''}"
            "What was there before is unchanged.",
            path=path,
        ) from None
    return path


def _why(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    if isinstance(error, ValueError):
        return "its name cannot be the name of a file"
    return "its content cannot be expressed as JSON"


def _write(target: Path, content: bytes, publish: Callable[[Path, Path], None]) -> None:
    temporary = target.with_name(f"{_PREFIX}{os.urandom(16).hex()}{_SUFFIX}")
    try:
        with open(temporary, "xb", opener=_private) as file:
            # A umask may have taken bits away, and FAT has none to give.
            with suppress(OSError, AttributeError):
                os.fchmod(file.fileno(), 0o600)
                hand_over(file.fileno(), target if target.exists() else target.parent)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        publish(temporary, target)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
    _sync_directory(target.parent)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def hand_over(made: Path | int, like: Path) -> None:
    """Let what root has just made for a user be that user's."""
    if os.name != "nt" and os.geteuid() == 0:
        owner = like.stat()
        # Not through a link: the owner of the directory could have put one there.
        follow = isinstance(made, int)
        os.chown(made, owner.st_uid, owner.st_gid, follow_symlinks=follow)


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
        hand_over(directory, directory.parent)
    _sync_directory(directory.parent)


def _publish_new(source: Path, target: Path) -> None:
    """Give a file a name that must be free."""
    try:
        # A link is made whole and never replaces a file, unlike a rename.
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:
        # FAT and some network file systems: an empty file holds the name for a moment.
        open(target, "xb", opener=_private).close()
        try:
            _replace(source, target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise


def _replace(source: Path, target: Path) -> None:
    # Windows refuses while somebody, a virus scanner say, has the file open.
    for _ in range(_REPLACE_TRIES if os.name == "nt" else 0):
        with suppress(PermissionError):
            source.replace(target)
            return
        time.sleep(_REPLACE_PAUSE)
    source.replace(target)


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
                if leftover.lstat().st_mtime < newest:
                    leftover.unlink(missing_ok=True)


def remove(path: Path) -> list[str]:
    """Remove a file, if it is there; of a link, say where the key still is."""
    target = os.path.realpath(path)
    try:
        is_link = path.is_symlink()
        path.unlink()
    except FileNotFoundError:
        return []
    except (OSError, ValueError) as error:
        raise CredentialsFileError(
            f"{path} was not removed: {_why(error)}. It is still there, with its key.",
            path=path,
        ) from None
    _sync_directory(path.parent)
    said = f"{path} was a link and is gone; {target}, where the key is, was left."
    return [said] if is_link else []


def set_aside(path: Path) -> list[str]:
    """Keep a broken file as `<name>.corrupt-N`, before something is written there."""
    if not os.path.isfile(path):  # noqa: PTH113 - Path.is_file raises on some paths
        return []
    # It has its own name as well until it is replaced: a write may fail.
    target = Path(os.path.realpath(path))
    for number in count(1):
        aside = target.with_name(f"{target.name}.corrupt-{number}")
        try:
            with suppress(FileExistsError):
                _publish_new(target, aside)
                break
            if aside.samefile(target):
                break
        except OSError as error:
            raise CredentialsFileError(
                f"{path} cannot be used, and keeping a copy of it failed: "
                f"{_why(error)}. It is unchanged, and nothing was written.",
                path=path,
            ) from None
    close(aside)
    said = f"{path} could not be used as a credentials file and was kept as"
    return [f"{said} {aside.name}."]


def close(path: Path) -> list[str]:
    """Take a file or directory of ours away from other users; say if it was open."""
    # On Windows the directory of the user's profile keeps others out.
    if os.name != "nt":
        # What belongs to somebody else cannot be changed, and stays as it is.
        with suppress(OSError):
            mode = stat.S_IMODE(path.stat().st_mode)
            if mode & 0o077:
                path.chmod(mode & 0o700)
                said = (
                    f"Other users of this machine could read {path}; now only you can. "
                    "If the machine is shared, give the account a new API key."
                )
                return [said]
    return []
