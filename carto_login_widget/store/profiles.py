"""The saved accounts: one private file each, and the one that sessions start with.

`profiles/<name>.json` holds an account. `creds.json`, the file that cartoframes reads,
holds a copy of the default one. No file is ever merged with another account's, so a
broken file harms one account only, and two programs that save at the same time do not
undo each other's work.
"""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from ..credentials import DEFAULT_FILE_NAME, Credentials
from ..errors import CredentialsFileError, ProfileNotFoundError
from . import atomic, files
from .documents import close_file, peek, same_account, save_file
from .names import candidates, check_name, is_name, names_of_files, shown

__all__ = ["ProfileStore", "check_name", "store_of"]

_SUFFIX = ".json"


@dataclass(frozen=True)
class _Start:
    """What `creds.json` holds, and the name that it goes by."""

    name: str
    credentials: Credentials
    is_saved: bool


class ProfileStore:
    """The accounts that are saved for this user of the machine.

    Names are compared and shown in lower case. An account in `creds.json` that was
    written by cartoframes or by hand is listed as well, and becomes a saved account of
    its own before anything else is written to that file.

    Args:
        directory: where; None means `CARTO_LOGIN_HOME`, else the directory that
            cartoframes uses.

    Attributes:
        directory: where the accounts are.
        notes: sentences for the user on what else was done while saving: a broken file
            that was kept, a file that others could read, an account that was adopted.
            `take_notes()` returns and clears them.

    Example:
        >>> store = ProfileStore()
        >>> store.save("work", Credentials("jane", key), default=True) # doctest: +SKIP
        >>> store.names()  # doctest: +SKIP
        ['work']
    """

    def __init__(self, directory: str | os.PathLike[str] | None = None) -> None:
        self.directory = (
            files.store_directory()
            if directory is None
            else Path(directory).expanduser()
        )
        self.notes: list[str] = []

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.directory)!r})"

    @property
    def default_path(self) -> Path:
        """The file of the account that sessions start with, `creds.json`."""
        return self.directory / DEFAULT_FILE_NAME

    def take_notes(self) -> list[str]:
        """Return the notes so far, and forget them."""
        taken, self.notes = self.notes, []
        return taken

    def names(self) -> list[str]:
        """Return the names of the saved accounts, sorted.

        Raises:
            CredentialsFileError: the directory cannot be read.
        """
        names = self._saved_names()
        start = self._start()
        if start is not None and not start.is_saved:
            names.append(start.name)
        return sorted(names)

    def load(self, name: str) -> Credentials:
        """Read a saved account.

        Raises:
            ProfileNotFoundError: there is none of that name.
            CredentialsFileError: its file cannot be read or used.
        """
        path = self._find(name)
        credentials = Credentials.from_file(path)
        known_as = name.lower()
        return credentials.remember(source=f"profile '{known_as}'", profile=known_as)

    def save(
        self,
        name: str,
        credentials: Credentials,
        *,
        default: bool = False,
        overwrite: bool = True,
    ) -> Path:
        """Save an account under a name.

        Args:
            name: see `check_name`.
            credentials: the account.
            default: make it the account that sessions start with.
            overwrite: replace a saved account of that name.

        Returns:
            The path of its file.

        Raises:
            InvalidCredentialsError: the name cannot be one.
            FileExistsError: without `overwrite`, the name is taken.
            CredentialsFileError: it could not be written; what was there is still
                there.
        """
        name = check_name(name)
        with self._turn(make=True):
            path = self._save(name, credentials, default=default, overwrite=overwrite)
        credentials.remember(profile=name)
        return path

    def _save(
        self, name: str, credentials: Credentials, *, default: bool, overwrite: bool
    ) -> Path:
        path = self._path(name)
        start = self._start()
        if start is not None and start.name == name:
            if not (overwrite or start.is_saved or start.credentials == credentials):
                raise _taken(name, self.default_path)
            # creds.json is a copy of the default account, and stays one.
            default = default or start.is_saved
        if default:
            self._adopt(credentials, avoid=name)
        self._close_open_files()
        self.notes += save_file(
            credentials,
            path,
            profile=name,
            exclusive=not overwrite,
            extras_from=self.default_path if default else None,
        )
        if default:
            self._write_default(credentials, name)
        return path

    def rename(self, old: str, new: str) -> None:
        """Give a saved account another name.

        Raises:
            ProfileNotFoundError: there is none of the old name.
            InvalidCredentialsError: the new name cannot be one.
            FileExistsError: the new name is taken.
            CredentialsFileError: a file could not be read or written.
        """
        new = check_name(new)
        with self._turn():
            self._rename(old, new)

    def _rename(self, old: str, new: str) -> None:
        source = self._find(old)
        if new == old.lower():
            return
        if new in self.names():
            raise _taken(new, self._path(new))
        was_default = self.default_name == old.lower()
        credentials = self.load(old)
        self._copy(credentials, source, new)
        if was_default:
            self._write_default(credentials, new)
        if source != self.default_path:
            self._remove(source)

    def delete(self, name: str) -> None:
        """Remove a saved account, also from `creds.json` if it is the default.

        Raises:
            ProfileNotFoundError: there is none of that name.
            CredentialsFileError: a file could not be removed.
        """
        with self._turn():
            path = self._find(name)
            if self.default_name == name.lower():
                self._remove(self.default_path)
            if path != self.default_path:
                self._remove(path)

    @property
    def default_name(self) -> str | None:
        """Name of the account that sessions start with; None if there is none."""
        start = self._start()
        return None if start is None else start.name

    def default(self) -> Credentials | None:
        """Read the account that sessions start with; None if there is none.

        Raises:
            CredentialsFileError: `creds.json` cannot be read or used.
        """
        content = peek(self.default_path)
        if isinstance(content, FileNotFoundError):
            return None
        if isinstance(content, Exception):
            raise content
        name = self._name_of(content)[0]
        return content.remember(source=DEFAULT_FILE_NAME, profile=name)

    def set_default(self, name: str) -> None:
        """Let sessions start with a saved account.

        Raises:
            ProfileNotFoundError: there is none of that name.
            CredentialsFileError: a file could not be read or written.
        """
        with self._turn():
            credentials = self.load(name)
            if self._find(name) == self.default_path:
                self._save(name.lower(), credentials, default=True, overwrite=True)
            else:
                self._adopt(credentials)
                self._write_default(credentials, name.lower())

    def replace_default_file(self, credentials: Credentials) -> None:
        """Write `creds.json` alone, as `Credentials.save()` does.

        An account that only this file holds becomes a saved one first.

        Raises:
            CredentialsFileError: a file could not be written; nothing was lost.
        """
        with self._turn(make=True):
            self._adopt(credentials)
            self._write_default(credentials, credentials.profile)

    def _adopt(self, replacement: Credentials, *, avoid: str | None = None) -> None:
        """Save what `creds.json` holds and no profile does, before it is replaced."""
        content = peek(self.default_path)
        while isinstance(content, Credentials) and content != replacement:
            name, is_saved = self._name_of(content, avoid)
            if is_saved or self._adopt_as(name, content):
                return

    def _adopt_as(self, name: str, content: Credentials) -> bool:
        source = self.default_path
        try:
            self._copy(content, source, name)
        except FileExistsError:
            return False  # somebody took the name in the meantime
        self.notes.append(f"The account that was in {source} is now saved as '{name}'.")
        return True

    def _turn(self, *, make: bool = False) -> atomic.Turn:
        if make:
            # Where it fails, the write that follows fails too, and tells why.
            with suppress(OSError):
                atomic.make_directory(self.directory)
        return atomic.Turn(self.directory)

    def _path(self, name: str) -> Path:
        return self.directory / "profiles" / f"{name}{_SUFFIX}"

    def _find(self, name: str) -> Path:
        """Return the file that holds an account: its own, or `creds.json`."""
        lowered = name.lower()
        if is_name(lowered):
            path = self._path(lowered)
            # An unreadable directory is told of by whoever reads the file.
            if os.path.lexists(path):
                return path
            if lowered == self.default_name:
                return self.default_path
        known = self.names()
        listed = ", ".join(known) if known else "none"
        raise ProfileNotFoundError(
            f"No account is saved as {shown(name)!r} in {self.directory}. Saved: "
            f"{listed}.",
            name=shown(name),
            known=known,
        )

    def _saved_names(self) -> list[str]:
        directory = self.directory / "profiles"
        try:
            # os.listdir and no Path: this is to be quick for 10,000 accounts too.
            found = os.listdir(directory)  # noqa: PTH208
        except FileNotFoundError:
            return []
        except OSError as error:
            problem = error.strerror
        else:
            return names_of_files(found)
        raise CredentialsFileError(
            f"The saved accounts in {directory} cannot be listed: {problem}.",
            path=directory,
        )

    def _start(self) -> _Start | None:
        content = peek(self.default_path)
        if not isinstance(content, Credentials):
            return None
        name, is_saved = self._name_of(content)
        return _Start(name, content, is_saved)

    def _name_of(
        self, credentials: Credentials, avoid: str | None = None
    ) -> tuple[str, bool]:
        """Tell the profile that holds these credentials, or a free name for them."""
        free = None
        for base in candidates(credentials):
            for number in count(1):
                name = base if number == 1 else f"{base[:58]}-{number}"
                path = self._path(name)
                if not os.path.lexists(path):
                    if name == avoid:
                        continue
                    free = free or name
                    break
                saved = peek(path)
                if saved == credentials or self._is_newer(path, saved, credentials):
                    return name, True
        return free or "", False

    def _is_newer(
        self, path: Path, saved: Credentials | Exception, credentials: Credentials
    ) -> bool:
        """Whether `creds.json` is an older copy, left by a save that was cut off."""
        return (
            isinstance(saved, Credentials)
            and credentials.profile == path.stem
            and same_account(saved, credentials)
            and files.is_older(self.default_path, path)
        )

    def _copy(self, credentials: Credentials, source: Path, name: str) -> None:
        """Save an account that `source` holds under a name that is free."""
        self.notes += save_file(
            credentials,
            self._path(name),
            profile=name,
            exclusive=True,
            extras_from=source,
        )

    def _write_default(self, credentials: Credentials, name: str | None) -> None:
        self.notes += save_file(
            credentials,
            self.default_path,
            profile=name,
            extras_from=self._path(name) if name else None,
        )

    def _close_open_files(self) -> None:
        directory = self._path("").parent
        files.repair_mode(directory)
        for name in self._saved_names():
            self.notes += close_file(f"{directory}{os.sep}{name}{_SUFFIX}")
        self.notes += close_file(self.default_path)

    def _remove(self, path: Path) -> None:
        target = Path(os.path.realpath(path)) if os.path.islink(path) else None  # noqa: PTH114
        files.remove(path)
        if target is not None:
            self.notes.append(
                f"{path} was a link and is gone; {target}, where the key is, was left."
            )


def store_of(path: Path) -> ProfileStore | None:
    """Return the store that a file starts sessions of, or None for another file."""
    store = ProfileStore()
    same = os.path.abspath(path) == os.path.abspath(store.default_path)  # noqa: PTH100
    return store if same else None


def _taken(name: str, path: Path) -> FileExistsError:
    return FileExistsError(
        f"An account is saved as '{name}' already, in {path}; it was left as it is. "
        f"Choose another name, or allow it to be overwritten."
    )
