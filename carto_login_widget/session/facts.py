"""What is known of an account, in words for people: card, `--whoami`, command line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import CartoLoginError
from ..store.profiles import Profiles

if TYPE_CHECKING:
    from ..credentials import Credentials

ITS_KEY = "its key in the keyring of this system"
NOT_CHECKED = "The key was not checked."


def who(credentials: Credentials) -> str:
    """Return user and host, as `jane at jane.carto.com`."""
    return credentials._identity.who


def facts(credentials: Credentials, profiles: Profiles | None = None) -> dict[str, str]:
    """Return what is known about an account as label and sentence."""
    account = credentials.account
    lines = {
        "Account": who(credentials),
        "Key": account.summary if account else NOT_CHECKED,
    }
    if account and account.organization:
        lines["Organization"] = account.organization
    if credentials.source:
        lines["Account from"] = credentials.source
    lines["Saved"] = _saved(credentials, profiles or Profiles())
    return lines


def _saved(credentials: Credentials, profiles: Profiles) -> str:
    name = credentials.profile
    if name is None or not _is_saved(name, profiles):
        return "not saved"
    key = f", {ITS_KEY}" if credentials._identity.entry else ""
    return f"as '{name}' in {short_path(profiles.directory)}{key}"


def _is_saved(name: str, profiles: Profiles) -> bool:
    try:
        return name in profiles.names()
    except CartoLoginError:
        return True  # a directory that cannot be read just now


def short_path(path: Path) -> str:
    """Return a path with the home directory as `~`, as people write it."""
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(path)
