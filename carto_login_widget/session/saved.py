"""The saved accounts as users of Python see them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..credentials import Credentials, _warn
from ..errors import sealed
from ..store.profiles import Profiles, check_name

if TYPE_CHECKING:
    import os
    from pathlib import Path


class ProfileStore:
    """The accounts that are saved for this user of the machine.

    Names are compared and shown in lower case. An account in `creds.json` that was
    written by cartoframes or by hand is listed as well, and becomes a saved account of
    its own before anything else is written to that file. What else was done (a broken
    file that was kept, a file that others could read) is a `UserWarning`. With
    `CartoLogin.keyring` the keys are in the keyring of the operating system.

    Args:
        directory: where; None means `CARTO_LOGIN_HOME`, else the directory that
            cartoframes uses.

    Example:
        >>> store = ProfileStore()
        >>> store.save("work", Credentials("jane", key), default=True) # doctest: +SKIP
        >>> store.names()  # doctest: +SKIP
        ['work']
    """

    @sealed
    def __init__(self, directory: str | os.PathLike[str] | None = None) -> None:
        self._profiles = Profiles(directory)

    @property
    def directory(self) -> Path:
        """Where the accounts are."""
        return self._profiles.directory

    @property
    def default_path(self) -> Path:
        """The file of the account that sessions start with, `creds.json`."""
        return self._profiles.default_path

    def __repr__(self) -> str:
        given = self._profiles.given
        given = "" if given is None else repr(str(given))
        return f"{type(self).__name__}({given})"

    @sealed
    def names(self) -> list[str]:
        """Return the names of the saved accounts, sorted.

        Raises:
            CredentialsFileError: the directory cannot be read.
        """
        return self._profiles.names()

    @sealed
    def load(self, name: str) -> Credentials:
        """Read a saved account.

        Raises:
            ProfileNotFoundError: there is none of that name.
            CredentialsFileError: its file cannot be read or used.
        """
        record = self._profiles.load(name)
        _warn(record.notes)
        return Credentials._of(record)

    @sealed
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
            name: 1 to 64 of the letters a-z, digits and `. _ - @`.
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
        record = Credentials.from_credentials(credentials)._record
        notes = self._profiles.save(name, record, default=default, overwrite=overwrite)
        _warn(notes)
        return self._profiles.path_of(check_name(name))

    @sealed
    def rename(self, old: str, new: str) -> None:
        """Give a saved account another name.

        Raises:
            ProfileNotFoundError: there is none of the old name.
            InvalidCredentialsError: the new name cannot be one.
            FileExistsError: the new name is taken.
            CredentialsFileError: a file could not be read or written.
        """
        _warn(self._profiles.rename(old, new))

    @sealed
    def delete(self, name: str) -> None:
        """Remove a saved account, also from `creds.json` if it is the default.

        Raises:
            ProfileNotFoundError: there is none of that name.
            CredentialsFileError: a file could not be removed.
        """
        _warn(self._profiles.delete(name))

    @property
    @sealed
    def default_name(self) -> str | None:
        """Name of the account that sessions start with; None if there is none."""
        return self._profiles.default_name

    @sealed
    def default(self) -> Credentials | None:
        """Read the account that sessions start with; None if there is none.

        Raises:
            CredentialsFileError: `creds.json` cannot be read or used.
        """
        record = self._profiles.default()
        if record is None:
            return None
        _warn(record.notes)
        return Credentials._of(record, source=self.default_path.name)

    @sealed
    def set_default(self, name: str | None) -> None:
        """Let sessions start with a saved account, or with none.

        An account that stood only in `creds.json` is saved under a name first.

        Raises:
            ProfileNotFoundError: there is none of that name.
            CredentialsFileError: a file could not be read or written.
        """
        _warn(self._profiles.set_default(name))
