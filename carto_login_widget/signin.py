"""Signing in: where the account comes from, and the order in which it takes effect.

Always validate → save (if asked) → register, so that a key that is refused changes
neither a file nor the account that the kernel is signed in with.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import address, defaults, settings
from .account import Account
from .credentials import Credentials, Secret
from .errors import (
    CartoLoginError,
    CredentialsFileError,
    InvalidCredentialsError,
    NotLoggedInError,
    UndecidedError,
)
from .profiles import ProfileStore

if TYPE_CHECKING:
    from collections.abc import Mapping

WAYS_TO_LOG_IN = (
    "Run %carto_login in a notebook, or %carto_login --prompt where forms do not "
    "show; set CARTO_USERNAME and CARTO_API_KEY; or give a file with "
    "login(file='creds.json') or a saved account with login('name')."
)


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

    def once(self, note: str) -> list[str]:
        with self.lock:
            if note in self.said:
                return []
            self.said.add(note)
            return [note]


_session = _Session()


def login(  # noqa: PLR0913 - one keyword for each way to give an account
    profile: str | None = None,
    *,
    credentials: Credentials | None = None,
    file: str | Path | None = None,
    username: str | None = None,
    api_key: str | None = None,
    base_url: str | None = None,
    validate: bool = True,
) -> Credentials:
    """Sign this kernel in, without ever asking anybody.

    The first of these that gives an account is used: the arguments, the profile named
    by argument or by `CARTO_PROFILE`, the account that the kernel is signed in with
    already, `CARTO_API_KEY` with `CARTO_USERNAME` or `CARTO_BASE_URL`, and the saved
    default account.

    Args:
        profile: name of a saved account.
        credentials: ready-made `Credentials` of this package or of cartoframes.
        file: path of a credentials file.
        username: CARTO user name, with `api_key`.
        api_key: API key, with `username` or `base_url`.
        base_url: address of the user's CARTO.
        validate: ask CARTO before the account is registered.

    Returns:
        The credentials that are now the default of this kernel.

    Raises:
        NotLoggedInError: nothing to log in with.
        ProfileNotFoundError: no saved account has that name.
        InvalidCredentialsError: wrong before any request.
        CredentialsFileError: a file cannot be used.
        FileNotFoundError: `file` does not exist.
        RejectedError: CARTO said no.
        UndecidedError: no verdict; a saved account that was accepted before is
            registered all the same, with a warning.
        NotCartoError: the address did not answer as CARTO does.

    Example:
        >>> login(username="jane", api_key=key).account.key_type  # doctest: +SKIP
        'master'
    """
    key, api_key = Secret.of(api_key), None
    found = find(
        profile,
        credentials=credentials,
        file=file,
        username=username,
        key=key,
        base_url=base_url,
    )
    if found is None:
        raise NotLoggedInError(f"There is no account to log in with. {WAYS_TO_LOG_IN}")
    notes = sign_in(found, validate=validate)
    defaults.warn(notes)
    return found.credentials


def find(  # noqa: PLR0913 - one keyword for each way to give an account
    profile: str | None = None,
    *,
    credentials: Any = None,
    file: str | Path | None = None,
    username: str | None = None,
    key: Secret | None = None,
    base_url: str | None = None,
    store: ProfileStore | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Found | None:
    """Return the account of the first source that gives one, or None.

    Raises:
        ProfileNotFoundError: a named profile does not exist.
        InvalidCredentialsError: an argument or variable cannot be right.
        CredentialsFileError: a file cannot be used.
        FileNotFoundError: `file` does not exist.
    """
    store = store or ProfileStore()
    explicit = _explicit(credentials, file, username, key, base_url)
    name = profile or settings.named_profile(environ)
    if explicit is not None:
        return Found(explicit, named=True)
    if name:
        found = Found(store.load(name), named=True)
        found.notes = _passed_over(found.credentials, store, environ, environment=True)
        return found
    current = defaults.get_default_credentials()
    if current is not None:
        return Found(current, kept=True)
    from_environment = settings.environment_credentials(environ)
    if from_environment is not None:
        notes = _passed_over(from_environment, store, environ, environment=False)
        return Found(from_environment, notes=notes)
    if _session.logged_out:
        return None
    default = store.default()
    if default is None:
        return None
    note = settings.environment_note(environ)
    return Found(default, notes=_session.once(note) if note else [])


def _explicit(
    credentials: Any,
    file: str | Path | None,
    username: str | None,
    key: Secret | None,
    base_url: str | None,
) -> Credentials | None:
    by_hand = username is not None or key is not None or base_url is not None
    if (credentials is not None) + (file is not None) + by_hand > 1:
        raise InvalidCredentialsError(
            "Give the account in one way only: credentials, file, or username with "
            "api_key."
        )
    if credentials is not None:
        if isinstance(credentials, Credentials):
            return credentials
        return Credentials.from_credentials(credentials)
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


def _passed_over(
    winner: Credentials,
    store: ProfileStore,
    environ: Mapping[str, str],
    *,
    environment: bool,
) -> list[str]:
    """Say, once, which other account a weaker source names."""
    others: list[Credentials | None] = []
    try:
        if environment:
            others.append(settings.environment_credentials(environ))
        others.append(store.default())
    except CartoLoginError:
        # A source that is not used may be broken; that is for its own day.
        return []
    for other in others:
        if other is not None and _names_another(winner, other):
            return _session.once(
                f"Signing in as {who(winner)} from {winner.source}; "
                f"{other.source} names {who(other)} and is not used."
            )
    return []


def _names_another(one: Credentials, other: Credentials) -> bool:
    return (one.username, one.base_url) != (other.username, other.base_url)


def sign_in(
    found: Found,
    *,
    validate: bool = True,
    timeout: float | None = None,
) -> list[str]:
    """Validate and register an account that was found; return notes for the user.

    Raises:
        CartoLoginError: as `Credentials.validate`; the default stays as it was.
    """
    credentials = found.credentials
    if found.kept:
        return found.notes
    notes = list(found.notes)
    if validate:
        notes += check(credentials, timeout=timeout)
    else:
        use_unchecked(credentials)
    return notes + register(credentials)


def check(credentials: Credentials, *, timeout: float | None = None) -> list[str]:
    """Validate; an account that was accepted before survives having no verdict."""
    try:
        credentials.validate(timeout=timeout)
    except UndecidedError as error:
        undecided: UndecidedError = error
    else:
        return []
    if not was_accepted_before(credentials):
        raise undecided.with_traceback(None)
    use_unchecked(credentials)
    return [f"{undecided} {who(credentials)} was not checked this time."]


def was_accepted_before(credentials: Credentials) -> bool:
    """Whether a saved file says that CARTO has answered for this account."""
    saved = credentials.profile is not None or credentials.source == "creds.json"
    return saved and credentials.proved is not None


def use_unchecked(credentials: Credentials) -> None:
    """Mark credentials as not checked by CARTO."""
    where = credentials.address()
    credentials.remember(account=Account(where.username, where.base_url, checked=False))


def register(
    credentials: Credentials,
    *,
    save_as: str | None = None,
    store: ProfileStore | None = None,
) -> list[str]:
    """Save (if asked) and make the account this kernel's; return notes for the user.

    Args:
        credentials: an account that was accepted.
        save_as: profile name to save it under; it also becomes the account to start
            with. None saves nothing.
        store: where to save.
    """
    notes = []
    if save_as:
        store = store or ProfileStore()
        notes += _save(credentials, save_as, store) + store.take_notes()
    notes += defaults.publish(credentials)
    with _session.lock:
        _session.logged_out = False
    return notes


def _save(credentials: Credentials, name: str, store: ProfileStore) -> list[str]:
    """Save without letting a failure undo the login."""
    try:
        store.save(name, credentials, default=True)
    except (CredentialsFileError, InvalidCredentialsError) as error:
        return [f"You are signed in, but the account could not be saved. {error}"]
    return []


def logout() -> None:
    """Sign this kernel out; saved accounts stay, and are not used by themselves again.

    Example:
        >>> logout()
        >>> get_default_credentials() is None  # doctest: +SKIP
        True
    """
    defaults.warn(sign_out())


def sign_out(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Sign this kernel out and return what remains, in sentences for the user."""
    with _session.lock:
        _session.logged_out = True
    notes = defaults.publish(None)
    if environ.get(settings.ENV_API_KEY):
        notes.append(
            f"{settings.ENV_API_KEY} is still set in the environment: GDAL and the "
            "next login read it. Unset it to be signed out there too."
        )
    return notes


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
    if not credentials.profile:
        return "not saved by this login"
    return f"as '{credentials.profile}' in {short_path(store.directory)}"


def short_path(path: Path) -> str:
    """Return a path with the home directory as `~`, as people write it."""
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except (ValueError, RuntimeError):
        return str(path)


def profile_name(credentials: Credentials, store: ProfileStore) -> str:
    """Return the name to save an account under: its own, or a free one.

    Example: `jane`, `jane@maps.example.com`, `jane-2` where `jane` is another account.
    """
    if credentials.profile:
        return credentials.profile
    proposed = address.proposed_profile_name(credentials.address())
    names = (proposed, *(f"{proposed}-{n}" for n in range(2, 1000)))
    return next(n for n in names if _is_free(n, credentials, store))


def _is_free(name: str, credentials: Credentials, store: ProfileStore) -> bool:
    try:
        return store.load(name).address() == credentials.address()
    except CartoLoginError:
        # Not there, or not to be read: then saving moves it aside.
        return True
