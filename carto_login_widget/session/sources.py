"""Where the account comes from: the first source that gives one, and what it hides.

All fields come from that one source and are never mixed, so that a foreign address
never meets a stored key.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .. import settings
from ..credentials import Credentials
from ..errors import CartoLoginError, InvalidCredentialsError, ProfileNotFoundError
from ..store.profiles import ProfileStore
from . import default as defaults
from .words import who

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from ..secret import Secret

    Source = Callable[[ProfileStore, Mapping[str, str]], Credentials | None]


@dataclass(slots=True)
class Found:
    """An account to sign in with, before anybody asked CARTO about it.

    Attributes:
        credentials: the account, with its source.
        named: whether the user asked for this very source.
        kept: whether the kernel is signed in with it already.
        notes: sentences for the user.
    """

    credentials: Credentials
    named: bool = False
    kept: bool = False
    notes: list[str] = field(default_factory=list)


class _Session:
    """What this kernel remembers about logging in and out."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.logged_out = False
        self.said: set[str] = set()

    def is_new(self, note: str) -> bool:
        """Whether this is the first time that the note is said here."""
        with self.lock:
            known = note in self.said
            self.said.add(note)
        return not known


session = _Session()


def find(  # noqa: PLR0913 - one keyword for each way to give an account
    profile: str | None = None,
    *,
    credentials: Any = None,
    file: str | Path | None = None,
    username: str | None = None,
    key: Secret | None = None,
    base_url: str | None = None,
    store: ProfileStore | None = None,
    environ: Mapping[str, str] = settings.ENVIRONMENT,
) -> Found | None:
    """Return the account of the first source that gives one, or None.

    Raises:
        ProfileNotFoundError: a named profile does not exist.
        InvalidCredentialsError: an argument or variable cannot be right.
        CredentialsFileError: a file cannot be used.
        FileNotFoundError: `file` does not exist.
    """
    store = store or ProfileStore()
    chosen = _explicit(profile, credentials, file, username, key, base_url)
    if profile:
        chosen = store.load(profile)
    if chosen is not None:
        notes = _passed_over(chosen, _WEAKER, store, environ)
        return Found(chosen, named=True, notes=notes)
    current = defaults.get_default_credentials()
    for rank, source in enumerate(_WEAKER):
        # Only a profile that was named is stronger than being signed in already.
        if current is not None and source is not _profile_of_environment:
            return Found(current, kept=True)
        chosen = source(store, environ)
        if chosen is not None:
            notes = _passed_over(chosen, _WEAKER[rank + 1 :], store, environ)
            return Found(chosen, named=rank == 0, notes=notes)
    return None


def _explicit(  # noqa: PLR0913 - one for each way to give an account
    profile: object,
    credentials: Any,
    file: str | Path | None,
    username: str | None,
    key: Secret | None,
    base_url: str | None,
) -> Credentials | None:
    if profile is not None and not isinstance(profile, str):
        raise InvalidCredentialsError(
            "The name of a saved account comes first, and it is a text, not "
            f"{type(profile).__name__}. Give credentials by name: credentials=..."
        )
    by_hand = username is not None or key is not None or base_url is not None
    ways = (bool(profile), credentials is not None, file is not None, by_hand)
    if sum(ways) > 1:
        raise InvalidCredentialsError(
            "Give the account in one way only: a saved account, credentials, file, or "
            "username with api_key."
        )
    if credentials is not None:
        return defaults.own(credentials)
    if file is not None:
        return Credentials.from_file(file)
    if not by_hand:
        return None
    if key is None:
        raise InvalidCredentialsError(
            "An API key is needed beside the user name; for public data only, give "
            "api_key='default_public'.",
            field="api_key",
        )
    return Credentials(username, key, base_url).remember(source="arguments")


def _profile_of_environment(
    store: ProfileStore, environ: Mapping[str, str]
) -> Credentials | None:
    name = settings.named_profile(environ)
    if name is None:
        return None
    try:
        return store.load(name)
    except ProfileNotFoundError as error:
        missing = error
    raise ProfileNotFoundError(
        f"{missing} {settings.ENV_PROFILE} asks for it.",
        name=missing.name,
        known=missing.known,
    )


def _environment(
    _store: ProfileStore, environ: Mapping[str, str]
) -> Credentials | None:
    return settings.environment_credentials(environ)


def _default_account(
    store: ProfileStore, _environ: Mapping[str, str]
) -> Credentials | None:
    return None if session.logged_out else store.default()


# What may give an account where nobody named one, the strongest first.
_WEAKER: tuple[Source, ...] = (_profile_of_environment, _environment, _default_account)


def _passed_over(
    winner: Credentials,
    weaker: Sequence[Source],
    store: ProfileStore,
    environ: Mapping[str, str],
) -> list[str]:
    """Say which other accounts the sources that were passed over name."""
    notes = []
    for source in weaker:
        try:
            other = source(store, environ)
        except CartoLoginError:
            continue  # what is not used may be broken; that is for its own day
        if other is not None and _names_another(winner, other):
            notes.append(
                f"Signing in as {who(winner)}{_from(winner)}; "
                f"{other.source} names {who(other)} and is not used."
            )
    note = settings.environment_note(environ)
    return [*notes, note] if note else notes


def _from(credentials: Credentials) -> str:
    return f" from {credentials.source}" if credentials.source else ""


def _names_another(one: Credentials, other: Credentials) -> bool:
    try:
        return one.address() != other.address()
    except InvalidCredentialsError:
        return (one.username, one.base_url) != (other.username, other.base_url)
