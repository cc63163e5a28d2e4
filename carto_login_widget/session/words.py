"""How an account is told to people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CartoLoginError, InvalidCredentialsError
from ..store.profiles import ProfileStore

if TYPE_CHECKING:
    from ..credentials import Credentials


def who(credentials: Credentials) -> str:
    """Return user and host, as `jane at jane.carto.com`."""
    try:
        where = credentials.address()
    except InvalidCredentialsError:
        return credentials.base_url
    return f"{where.username} at {where.host}"


def describe(
    credentials: Credentials, store: ProfileStore | None = None
) -> dict[str, str]:
    """Return what is known about an account as label and sentence, for people."""
    account = credentials.account
    lines = {
        "Account": who(credentials),
        "Key": account.summary if account else "The key was not checked.",
    }
    if account and account.organization:
        lines["Organization"] = account.organization
    if credentials.source:
        lines["Signed in from"] = credentials.source
    lines["Saved"] = _saved(credentials, store or ProfileStore())
    return lines


def _saved(credentials: Credentials, store: ProfileStore) -> str:
    if not credentials.profile or not _is_saved(credentials.profile, store):
        return "not saved by this login"
    return f"as '{credentials.profile}' in {short_path(store.directory)}"


def _is_saved(name: str, store: ProfileStore) -> bool:
    try:
        return name in store.names()
    except CartoLoginError:
        return True  # a directory that cannot be read just now


def short_path(path: Path) -> str:
    """Return a path with the home directory as `~`, as people write it."""
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(path)
