"""What is known of an account, in words for people: card, `--whoami`, command line."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CartoLoginError
from ..store.profiles import Profiles

if TYPE_CHECKING:
    from ..account import Account
    from ..credentials import Credentials
    from ..store.profiles import Record

NOT_CHECKED = "The key was not checked."


def who(credentials: Credentials) -> str:
    """Return user and host, as `jane at jane.carto.com`."""
    return credentials._identity.who


def facts(
    credentials: Credentials, profiles: Profiles | None = None, **more: Any
) -> list[tuple[str, str]]:
    """Return what is known about an account, as labels and sentences; see `lines`."""
    profiles = profiles or Profiles()
    username = base_url = credentials.base_url
    try:
        where = credentials._identity.address
        username, base_url = where.username, where.base_url
    except CartoLoginError:
        pass
    return lines(
        username=username,
        base_url=base_url,
        account=credentials.account,
        source=credentials.source,
        profile=saved_name(credentials, profiles),
        path=place(profiles),
        start=start_name(profiles),
        in_keyring=credentials._identity.entry is not None,
        **more,
    )


def lines(  # noqa: PLR0913 - each is one line, or a part of one
    *,
    username: str,
    base_url: str,
    account: Account | None,
    source: str | None = None,
    profile: str | None = None,
    path: str = "",
    start: str | None = None,
    since: str = "",
    saving: bool = True,
    in_keyring: bool = False,
) -> list[tuple[str, str]]:
    """Return the lines of the card; `start` is what sessions start with."""
    found = [
        ("User", username),
        ("Address", base_url.partition("://")[2]),
        ("API key", account.summary if account else NOT_CHECKED),
    ]
    if account and account.organization:
        found.append(("Organisation", account.organization))
    if since:
        found.append(("Signed in since", since))
    if source and profile is None:
        found.append(("Comes from", source))
    if saving:
        key = ", its key in the keyring of this system" if in_keyring else ""
        saved = f"as '{profile}' in {path}{key}" if profile else "not saved"
        other = f"start with '{start}'" if start else "ask who signs in"
        is_start = profile is not None and profile == start
        starts = "start with this account" if is_start else other
        found += [("Saved", saved), ("New sessions", starts)]
    return found


def saved_name(credentials: Credentials, profiles: Profiles) -> str | None:
    """Return the saved account that holds this very key."""
    name = credentials.profile
    saved = profiles.peek(name) if name else None
    same = saved is not None and saved.identity.same_key(credentials._identity)
    return name if same else None


def start_name(profiles: Profiles) -> str | None:
    """Return the account that sessions start with; None where it cannot be told."""
    try:
        return profiles.default_name
    except CartoLoginError:
        return None


def listing(profiles: Profiles) -> list[str]:
    """Return the saved accounts, one a line, with a star at the start of sessions."""
    names, start = profiles.names(), start_name(profiles)
    if not names:
        return [f"No account is saved in {short_path(profiles.directory)}."]
    known, width = profiles.details(names), max(map(len, names))
    rows = []
    for name in names:
        record = known.get(name)
        about = "cannot be used"
        if record is not None:
            about = ", ".join(filter(None, (record.identity.who, key_words(record))))
        rows.append(f"{'*' if name == start else ' '} {name:<{width}}  {about}")
    if start in names:
        rows.append("* every session starts with this one")
    return rows


def entries(profiles: Profiles) -> list[dict[str, Any]]:
    """Return the saved accounts as data; of one that cannot be used, the name."""
    names, start = profiles.names(), start_name(profiles)
    known = profiles.details(names)
    blank = dict.fromkeys(("username", "base_url", "key_type", "key_name"))
    found = []
    for name in names:
        entry = {"name": name, "default": name == start, **blank}
        if record := known.get(name):
            identity = record.identity
            entry |= {"username": identity.username, "base_url": identity.base_url}
            entry |= {"key_type": record.key_type, "key_name": record.key_name}
        found.append(entry)
    return found


def as_data(credentials: Credentials) -> dict[str, Any]:
    """Return what is known about an account as data, without the key."""
    name = saved_name(credentials, Profiles())
    return {
        **(asdict(credentials.account) if credentials.account else {}),
        "source": credentials.source,
        "profile": name,
        "default": name is not None and name == start_name(Profiles()),
    }


def names_from(start: str) -> list[str]:
    """Return the names that a word may become; where they cannot be read, none."""
    try:
        return [name for name in Profiles().names() if name.startswith(start.lower())]
    except (CartoLoginError, OSError):
        return []


def key_words(record: Record) -> str:
    """Return which key an account is saved with, as far as its file knows."""
    if record.identity.is_public:
        return "default public"
    return "master key" if record.key_type == "master" else record.key_name or ""


def replaced(username: str, host: str, *, same: bool) -> str:
    """Say what saving under a name that is taken replaces."""
    if same:
        return f"replaces the saved key of {username}"
    other = f"{username} at {host}" if username else "another account"
    return f"replaces the account of {other}"


def place(profiles: Profiles) -> str:
    """Return where accounts are saved; empty where there is no home for them."""
    try:
        return short_path(profiles.directory)
    except CartoLoginError:
        return ""


def short_path(path: Path) -> str:
    """Return a path with the home directory as `~`, as people write it."""
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(path)
