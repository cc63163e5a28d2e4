"""Files that are private from their first byte on, and appear whole or not at all.

The steps are those of every careful writer: a temporary file of an unguessable name in
the same directory, made for the owner only, written, flushed to the disk, and given its
name in one step. Nothing here knows what the files hold.
"""

from __future__ import annotations

import os
import secrets
import time
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Self

_PREFIX = ".carto-login-"
_TEMPORARY_SUFFIX = ".tmp"
_LEFTOVER_AGE = 600.0
_REPLACE_TRIES = 20
_REPLACE_PAUSE = 0.025
_LOCK_PATIENCE = 2.0
_LOCK_PAUSE = 0.005
_BINARY: int = getattr(os, "O_BINARY", 0)
_NO_FOLLOW: int = getattr(os, "O_NOFOLLOW", 0)


def write(target: Path, content: memoryview, *, exclusive: bool = False) -> bool:
    """Write a file that only its owner can read, and its missing directories.

    Args:
        target: the file, not a link.
        content: what it will hold; a view, since a traceback shows no content of one.
        exclusive: leave an existing file as it is.

    Returns:
        False where the file exists and `exclusive` was asked for.

    Raises:
        OSError: it cannot be written; what was there is still there.
    """
    make_directory(target.parent)
    temporary = target.with_name(f"{_PREFIX}{secrets.token_hex(16)}{_TEMPORARY_SUFFIX}")
    try:
        _write_temporary(temporary, content)
        if not publish(temporary, target, exclusive=exclusive):
            return False
    finally:
        with suppress(OSError):
            temporary.unlink()
    sync_directory(target.parent)
    _sweep(target)
    return True


def make_directory(directory: Path) -> None:
    """Make a directory and its missing parents, each for the owner only.

    Raises:
        OSError: it cannot be made.
    """
    if directory.is_dir():
        return
    make_directory(directory.parent)
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        return  # another program made it in the meantime
    with suppress(OSError):
        directory.chmod(0o700)
    sync_directory(directory.parent)


def _write_temporary(temporary: Path, content: memoryview) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _BINARY | _NO_FOLLOW
    descriptor = os.open(temporary, flags, 0o600)
    try:
        # A umask may have taken bits away, and FAT has none to give.
        with suppress(OSError, AttributeError):
            os.fchmod(descriptor, 0o600)
        while content:
            content = content[os.write(descriptor, content) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish(temporary: Path, target: Path, *, exclusive: bool) -> bool:
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


def sync_directory(directory: Path) -> None:
    """Flush the names in a directory to the disk, where that can be done."""
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
        with os.scandir(written.parent) as entries:
            leftovers = [e for e in entries if e.name.startswith(_PREFIX)]
        for entry in leftovers:
            status = entry.stat(follow_symlinks=False)
            is_temporary = entry.name.endswith(_TEMPORARY_SUFFIX)
            if is_temporary and status.st_mtime < newest and is_ours(status):
                Path(entry).unlink(missing_ok=True)


class Turn:
    """Take turns with the other programs that change several files of a directory.

    Each file is whole without this; it keeps their order. Where a directory cannot be
    locked (Windows, some network file systems), or somebody keeps it locked for longer
    than two seconds, the turn is taken all the same. A killed program gives up its own.

    Example:
        >>> with Turn(Path("/srv/carto")):  # doctest: +SKIP
        ...     ...
    """

    def __init__(self, directory: Path) -> None:
        self._held: list[int] = []
        self._directory = directory

    def __enter__(self) -> Self:
        with suppress(ImportError, OSError):
            import fcntl

            # Held by the list at once, so that no Ctrl-C comes in between.
            self._held.append(os.open(self._directory, os.O_RDONLY))
            deadline = time.monotonic() + _LOCK_PATIENCE
            while time.monotonic() < deadline:
                with suppress(BlockingIOError):
                    fcntl.flock(self._held[0], fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                time.sleep(_LOCK_PAUSE)
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def __del__(self) -> None:
        # Ctrl-C before the first statement of the body leaves no other way.
        with suppress(AttributeError):
            self._close()

    def _close(self) -> None:
        while self._held:
            os.close(self._held.pop())


def is_ours(status: os.stat_result) -> bool:
    """Whether a file or directory belongs to the user of this process."""
    return os.name == "nt" or status.st_uid == os.geteuid()
