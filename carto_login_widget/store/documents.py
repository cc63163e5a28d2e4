"""Credentials as they stand in a file, and how one is replaced without losing anything.

The format is that of cartoframes with two fields more, so both packages read what the
other one wrote. Fields of somebody else's are kept.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from ..credentials import Credentials
from ..errors import CredentialsFileError, InvalidCredentialsError
from . import files

if TYPE_CHECKING:
    from pathlib import Path

_OURS = frozenset(
    ("username", "api_key", "base_url", "allow_non_secure", "profile", "proved")
)


def to_document(credentials: Credentials) -> files.Document:
    """Return what the file holds: cartoframes' four keys and ours."""
    document = files.Document(
        username=credentials.username,
        api_key=credentials.api_key,
        base_url=credentials.base_url,
        # cartoframes takes a loopback http address only with this flag.
        allow_non_secure=credentials.allow_non_secure
        or credentials.base_url.lower().startswith("http://"),
    )
    if credentials.proved:
        document["proved"] = credentials.proved
    return document


def from_document(document: dict[str, Any], *, path: Path) -> Credentials:
    """Build credentials from the content of a file.

    Raises:
        CredentialsFileError: a field is missing or cannot be right.
    """
    problem = None
    try:
        credentials = Credentials(
            document.get("username"),
            document.get("api_key"),
            document.get("base_url"),
            # Only a true says that the key may travel in the clear.
            allow_non_secure=document.get("allow_non_secure") is True,
        )
        return credentials.remember(
            profile=_text_or_none(document.get("profile")),
            proved=_text_or_none(document.get("proved")),
        )
    except InvalidCredentialsError as error:
        problem = str(error)
    except KeyboardInterrupt:
        problem = None
    del document
    if problem is None:
        # A new one: the frames of the first hold the key.
        raise KeyboardInterrupt
    raise CredentialsFileError(f"{path} cannot be used: {problem}", path=path)


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None


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


def _secure(path: Path) -> list[str]:
    """Keep a broken file and close an open one, before it is replaced."""
    notes = []
    if _is_file(path) and isinstance(peek(path), CredentialsFileError):
        aside = files.set_aside(path)
        notes.append(
            f"{path} could not be used as a credentials file and was kept as "
            f"{aside.name}."
        )
    return notes + close_file(path)


def _is_file(path: Path) -> bool:
    # Path.is_file raises where the directory may not be searched.
    return os.path.isfile(path)  # noqa: PTH113


def close_file(path: Path | str) -> list[str]:
    """Take a file of ours away from other users, and say so if it was open to them."""
    if not files.repair_mode(path):
        return []
    note = (
        f"Other users of this machine could read {path}; now only you can. If the "
        f"machine is shared, give the account a new API key."
    )
    return [note]


def peek(path: Path) -> Credentials | Exception:
    """Read credentials, or return why that is not possible."""
    try:
        return from_document(files.read_document(path), path=path)
    except (FileNotFoundError, CredentialsFileError) as error:
        return error.with_traceback(None)


def _merged(
    credentials: Credentials, sources: tuple[Path | None, ...], profile: str | None
) -> files.Document:
    document = to_document(credentials)
    if profile is not None:
        document["profile"] = profile
    for source in sources:
        saved = _account_in(credentials, source)
        # By name: a value that Ctrl-C left in a local variable could be the key.
        for name in saved:
            if name not in _OURS or (name == "proved" and name not in document):
                document[name] = saved[name]
    return document


def _account_in(credentials: Credentials, path: Path | None) -> files.Document:
    """Return what a file holds, if it holds this account, whatever its key."""
    try:
        if path is None or not _is_file(path):
            return files.Document()
        document = files.read_document(path)
        saved = from_document(document, path=path)
    except (FileNotFoundError, CredentialsFileError):
        return files.Document()
    return document if same_account(saved, credentials) else files.Document()


def same_account(one: Credentials, other: Credentials) -> bool:
    """Whether two credentials are of one account, whatever their keys."""
    return (one.username, one.base_url) == (other.username, other.base_url)
