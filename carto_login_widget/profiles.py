"""The saved accounts: one private file each, and the one that sessions start with.

`profiles/<name>.json` holds an account. `creds.json`, the file that cartoframes reads,
holds a copy of the default one. No file is ever merged with another account's, so a
broken file harms one account only, and two programs that save at the same time do not
undo each other's work.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import address, files
from .credentials import DEFAULT_FILE_NAME, Credentials, from_document, to_document
from .errors import (
    CredentialsFileError,
    InvalidCredentialsError,
    ProfileNotFoundError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9._@-]{0,62}[a-z0-9_@-])?")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\..*)?")
_OURS = frozenset(
    ("username", "api_key", "base_url", "allow_non_secure", "profile", "proved")
)
_SUFFIX = ".json"
_FALLBACK_NAME = "account"


def check_name(name: str) -> str:
    """Check the name of a saved account.

    Returns:
        The name as it is stored: lower-cased, so that names that differ only in case
        are one account on every file system.

    Raises:
        InvalidCredentialsError: it cannot be one; the message says what can.

    Example:
        >>> check_name("Jane@maps.example.com")
        'jane@maps.example.com'
    """
    lowered = name.lower() if name.isascii() else ""
    if not _NAME.fullmatch(lowered):
        raise InvalidCredentialsError(
            f"{name!r} cannot be the name of a saved account: use 1 to 64 of the "
            f"letters a-z, digits and . _ - @, beginning with a letter or digit and "
            f"not ending with a dot."
        )
    if _DEVICE.fullmatch(lowered):
        raise InvalidCredentialsError(
            f"{name!r} cannot be the name of a saved account: Windows keeps it for a "
            f"device. Choose another one, such as {'my-' + lowered!r}."
        )
    return lowered


def save_file(
    credentials: Credentials,
    path: Path,
    *,
    profile: str | None = None,
    exclusive: bool = False,
    extras_from: Path | None = None,
) -> list[str]:
    """Write credentials to a file, and lose nothing that is there.

    What cannot be used as credentials is kept as `<name>.corrupt-N`. Fields that this
    package does not know survive when the file holds the same account.

    Args:
        credentials: what to write.
        path: the file.
        profile: the name to note in it.
        exclusive: refuse to replace an existing file.
        extras_from: another file of the same account, whose unknown fields are taken
            over too.

    Returns:
        Sentences for the user on what else was done.

    Raises:
        FileExistsError: with `exclusive`, the file exists.
        CredentialsFileError: it cannot be written; what was there is still there.
    """
    notes = [] if exclusive else _secure(path)
    files.write_document(
        path,
        _merged(credentials, (extras_from, path), profile),
        exclusive=exclusive,
    )
    return notes


def store_of(path: Path) -> ProfileStore | None:
    """Return the store that a file starts sessions of, or None for another file."""
    store = ProfileStore()
    same = os.path.abspath(path) == os.path.abspath(store.default_path)  # noqa: PTH100
    return store if same else None


def _secure(path: Path) -> list[str]:
    """Keep a broken file and close an open one, before it is replaced."""
    notes = []
    if path.is_file() and isinstance(_peek(path), CredentialsFileError):
        aside = files.set_aside(path)
        notes.append(
            f"{path} could not be used as a credentials file and was kept as "
            f"{aside.name}."
        )
    if files.repair_mode(path):
        notes.append(_was_open(path))
    return notes


def _was_open(path: Path) -> str:
    return (
        f"Other users of this machine could read {path}; now only you can. If the "
        f"machine is shared, give the account a new API key."
    )


def _peek(path: Path) -> Credentials | Exception:
    """Read credentials, or return why that is not possible."""
    try:
        return from_document(files.read_document(path), path=path)
    except (FileNotFoundError, CredentialsFileError) as error:
        return error.with_traceback(None)


def _merged(
    credentials: Credentials, sources: tuple[Path | None, ...], profile: str | None
) -> files.Document:
    # Raises nothing: its locals hold the key.
    document = to_document(credentials)
    if profile is not None:
        document["profile"] = profile
    for source in sources:
        for name, value in _same_account(credentials, source).items():
            if name == "proved":
                document.setdefault(name, value)
            elif name not in _OURS:
                document[name] = value
    return document


def _same_account(credentials: Credentials, path: Path | None) -> dict[str, Any]:
    """Return what a file holds, if it holds this account, whatever its key."""
    try:
        document = files.read_document(path) if path is not None else {}
        saved = from_document(document, path=path or Path())
    except (FileNotFoundError, CredentialsFileError):
        return {}
    same = (saved.username, saved.base_url) == (
        credentials.username,
        credentials.base_url,
    )
    return document if same else {}


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
        names = set(self._saved_names())
        start = self._start()
        if start is not None:
            names.add(start.name)
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
        path = self._path(name)
        start = self._start()
        if start is not None and start.name == name:
            if not (overwrite or start.is_saved or start.credentials == credentials):
                raise _taken(name, self.default_path)
            # creds.json is a copy of the default account, and stays one.
            default = default or start.is_saved
        if default:
            self.adopt(credentials, avoid=name)
        self._close_open_files()
        self._write(path, credentials, name, exclusive=not overwrite)
        if default:
            self._write_default(credentials, name)
        credentials.remember(profile=name)
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
        source = self._find(old)
        if new == old.lower():
            return
        if new in self.names():
            raise _taken(new, self._path(new))
        was_default = self.default_name == old.lower()
        credentials = self.load(old)
        self._write(self._path(new), credentials, new, exclusive=True, source=source)
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
        content = _peek(self.default_path)
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
        credentials = self.load(name)
        if self._find(name) == self.default_path:
            self.save(name, credentials, default=True)
        else:
            self.adopt(credentials)
            self._write_default(credentials, name.lower())

    def adopt(self, replacement: Credentials, *, avoid: str | None = None) -> None:
        """Save what `creds.json` holds and no profile does, before it is replaced.

        Args:
            replacement: what is about to be written there.
            avoid: a name that it must not take.

        Raises:
            CredentialsFileError: it could not be saved; nothing was changed.
        """
        content = _peek(self.default_path)
        while isinstance(content, Credentials) and content != replacement:
            name, is_saved = self._name_of(content, avoid)
            if is_saved or self._adopt_as(name, content):
                return

    def _adopt_as(self, name: str, content: Credentials) -> bool:
        source = self.default_path
        try:
            self._write(self._path(name), content, name, exclusive=True, source=source)
        except FileExistsError:
            return False  # somebody took the name in the meantime
        self.notes.append(f"The account that was in {source} is now saved as '{name}'.")
        return True

    def _path(self, name: str) -> Path:
        return self.directory / "profiles" / f"{name}{_SUFFIX}"

    def _find(self, name: str) -> Path:
        """Return the file that holds an account: its own, or `creds.json`."""
        lowered = name.lower()
        if _NAME.fullmatch(lowered):
            path = self._path(lowered)
            # An unreadable directory is told of by whoever reads the file.
            if os.path.lexists(path):
                return path
            if lowered == self.default_name:
                return self.default_path
        known = self.names()
        listed = ", ".join(known) if known else "none"
        raise ProfileNotFoundError(
            f"No account is saved as {name!r} in {self.directory}. Saved: {listed}.",
            name=name,
            known=known,
        )

    def _saved_names(self) -> Iterator[str]:
        directory = self.directory / "profiles"
        try:
            with os.scandir(directory) as entries:
                found = [entry.name for entry in entries]
        except FileNotFoundError:
            return
        except OSError as error:
            problem = error.strerror
        else:
            yield from _names_of(found)
            return
        raise CredentialsFileError(
            f"The saved accounts in {directory} cannot be listed: {problem}.",
            path=directory,
        )

    def _start(self) -> _Start | None:
        content = _peek(self.default_path)
        if not isinstance(content, Credentials):
            return None
        name, is_saved = self._name_of(content)
        return _Start(name, content, is_saved)

    def _name_of(
        self, credentials: Credentials, avoid: str | None = None
    ) -> tuple[str, bool]:
        """Tell the profile that holds these credentials, or a free name for them."""
        free = None
        for base in _bases(credentials):
            for number in count(1):
                name = base if number == 1 else f"{base[:58]}-{number}"
                if name == avoid:
                    continue
                saved = _peek(self._path(name))
                if saved == credentials:
                    return name, True
                if isinstance(saved, FileNotFoundError):
                    free = free or name
                    break
        return free or _FALLBACK_NAME, False

    def _write(
        self,
        path: Path,
        credentials: Credentials,
        name: str,
        *,
        exclusive: bool,
        source: Path | None = None,
    ) -> None:
        try:
            self.notes += save_file(
                credentials,
                path,
                profile=name,
                exclusive=exclusive,
                extras_from=source,
            )
        except FileExistsError:
            pass
        else:
            return
        raise _taken(name, path)

    def _write_default(self, credentials: Credentials, name: str) -> None:
        self.notes += save_file(
            credentials,
            self.default_path,
            profile=name,
            extras_from=self._path(name),
        )

    def _close_open_files(self) -> None:
        directory = self.directory / "profiles"
        files.repair_mode(directory)
        opened = [self.default_path, *map(self._path, self._saved_names())]
        self.notes += [_was_open(path) for path in opened if files.repair_mode(path)]

    def _remove(self, path: Path) -> None:
        target = Path(os.path.realpath(path)) if path.is_symlink() else None
        files.remove(path)
        if target is not None:
            self.notes.append(
                f"{path} was a link and is gone; {target}, where the key is, was left."
            )


def _names_of(file_names: list[str]) -> Iterator[str]:
    for file_name in file_names:
        stem, suffix = os.path.splitext(file_name)  # noqa: PTH122 - ten times as fast
        if suffix == _SUFFIX and _NAME.fullmatch(stem):
            yield stem


def _bases(credentials: Credentials) -> Iterator[str]:
    """Yield the names that an account would go by, the likeliest first."""
    proposed = _FALLBACK_NAME
    with suppress(InvalidCredentialsError):
        proposed = address.proposed_profile_name(credentials.address()).lower()
    for name in (credentials.profile, proposed):
        if name is not None and _NAME.fullmatch(name) and not _DEVICE.fullmatch(name):
            yield name


def _taken(name: str, path: Path) -> FileExistsError:
    return FileExistsError(
        f"An account is saved as '{name}' already, in {path}; it was left as it is. "
        f"Choose another name, or allow it to be overwritten."
    )
