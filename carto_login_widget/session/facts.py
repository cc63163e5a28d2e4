"""What is known of an account, in words for people: card, `--whoami`, command line."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import CartoLoginError
from ..store.profiles import Profiles

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..credentials import Credentials
    from ..store.record import Record

_store = Profiles()


def facts(
    credentials: Credentials, *, since: str = "", saving: bool = True
) -> list[tuple[str, str]]:
    """Return what is known about an account, as labels and sentences."""
    identity, account = credentials._identity, credentials.account
    where = identity.known_address
    base_url = where.base_url if where else identity.base_url
    profile = saved_name(credentials)
    found = [
        ("User", where.username if where else base_url),
        ("Address", base_url.partition("://")[2]),
        ("API key", account.summary if account else "The key was not checked."),
        ("Organisation", account and account.organization),
        ("Signed in since", since),
        ("Comes from", None if profile else credentials.source),
    ]
    if saving:
        start = _store.default_name
        key = ", its key in the keyring of this system" if identity.entry else ""
        saved = f"as '{profile}' in {place()}{key}" if profile else "not saved"
        other = f"start with '{start}'" if start else "ask who signs in"
        is_start = profile is not None and profile == start
        starts = "start with this account" if is_start else other
        found += [("Saved", saved), ("New sessions", starts)]
    return [(label, text) for label, text in found if text]


def in_words(credentials: Credentials, notes: Iterable[str] = ()) -> str:
    """Return the card of an account for a terminal, with what else is to be said."""
    lines = (f"{label}: {text}" for label, text in facts(credentials))
    return "\n".join([*lines, *notes])


def saved_name(credentials: Credentials) -> str | None:
    """Return the saved account that holds this very key."""
    name = credentials.profile
    saved = _store.peek(name) if name else None
    same = saved is not None and saved.identity.same_key(credentials._identity)
    return name if same else None


def listing(profiles: Profiles) -> list[str]:
    """Return the saved accounts, one a line, with a star at the start of sessions."""
    names, start = profiles.names(), profiles.default_name
    if not names:
        return [f"No account is saved in {short_path(profiles.directory)}."]
    rows, width = [], max(map(len, names))
    for name in names:
        record, about = profiles.peek(name), "cannot be used"
        if record is not None:
            about = ", ".join(filter(None, (record.identity.who, key_words(record))))
        rows.append(f"{'*' if name == start else ' '} {name:<{width}}  {about}")
    if start in names:
        rows.append("* every session starts with this one")
    return rows


def entries(profiles: Profiles) -> list[dict[str, Any]]:
    """Return the saved accounts as data; of one that cannot be used, the name."""
    start, found = profiles.default_name, []
    for name in profiles.names():
        record = profiles.peek(name)
        entry = {
            "name": name,
            "default": name == start,
            "username": record and record.identity.username,
            "base_url": record and record.identity.base_url,
            "key_type": record and record.key_type,
            "key_name": record and record.key_name,
        }
        found.append(entry)
    return found


def as_data(credentials: Credentials) -> dict[str, Any]:
    """Return what is known about an account as data, without the key."""
    name = saved_name(credentials)
    return {
        **(asdict(credentials.account) if credentials.account else {}),
        "source": credentials.source,
        "profile": name,
        "default": name is not None and name == _store.default_name,
    }


def names_from(start: str) -> list[str]:
    """Return the names that a word may become; where they cannot be read, none."""
    try:
        return [name for name in _store.names() if name.startswith(start.lower())]
    except CartoLoginError:
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


def place() -> str:
    """Return where accounts are saved; empty where there is no home for them."""
    try:
        return short_path(_store.directory)
    except CartoLoginError:
        return ""


def short_path(path: Path) -> str:
    """Return a path with the home directory as `~`, as people write it."""
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(path)
