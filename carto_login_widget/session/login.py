"""Signing in: where the account comes from, and the order in which it takes effect.

Always validate → save (if asked) → register, so that a key that is refused changes
neither a file nor the account that the kernel is signed in with.
"""

from __future__ import annotations

from itertools import chain, count
from typing import TYPE_CHECKING

from .. import settings
from ..account import Account
from ..credentials import DEFAULT_FILE_NAME, Credentials
from ..errors import (
    CartoLoginError,
    CredentialsFileError,
    InvalidCredentialsError,
    NotLoggedInError,
    UndecidedError,
    without_frames,
)
from ..secret import Secret
from ..store.names import candidates
from ..store.profiles import ProfileStore
from . import default as defaults
from .sources import Found, find, session
from .words import describe, short_path, who

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "WAYS_TO_LOG_IN",
    "Found",
    "check",
    "describe",
    "find",
    "login",
    "logout",
    "nothing_found",
    "profile_name",
    "register",
    "short_path",
    "sign_in",
    "sign_out",
    "use_unchecked",
    "who",
]

WAYS_TO_LOG_IN = (
    "Run %carto_login in a notebook, or %carto_login --prompt where forms do not "
    "show; set CARTO_USERNAME and CARTO_API_KEY; or give a file with "
    "login(file='creds.json') or a saved account with login('name')."
)


@without_frames
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
        validate: ask CARTO before the account is registered; one that the kernel is
            signed in with already is asked about only if that was never done.

    Returns:
        The credentials that are now the default of this kernel.

    Raises:
        NotLoggedInError: nothing to log in with.
        ProfileNotFoundError: no saved account has that name.
        InvalidCredentialsError: wrong before any request, or given twice.
        CredentialsFileError: a file cannot be used.
        FileNotFoundError: `file` does not exist.
        RejectedError: CARTO said no.
        UndecidedError: no verdict; a saved account that was accepted before is
            registered all the same, and one that the kernel is signed in with already
            stays so, both with a warning.
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
        raise NotLoggedInError(nothing_found())
    defaults.warn(sign_in(found, validate=validate), stacklevel=4)
    return found.credentials


def nothing_found(environ: Mapping[str, str] = settings.ENVIRONMENT) -> str:
    """Say that there is no account to log in with, why, and what to do."""
    why = settings.environment_note(environ)
    sentences = ("There is no account to log in with.", why, WAYS_TO_LOG_IN)
    return " ".join(filter(None, sentences))


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
        return _look_after(credentials) if validate else []
    notes = check(credentials, timeout=timeout) if validate else []
    if credentials.account is None:
        use_unchecked(credentials)
    notes += register(credentials)
    return [note for note in found.notes if session.is_new(note)] + notes


def _look_after(credentials: Credentials) -> list[str]:
    """Check what the kernel is signed in with, if nobody has done that yet."""
    if credentials.account is not None:
        return []
    try:
        credentials.validate()
    except UndecidedError as error:
        use_unchecked(credentials)
        return [f"{error} You stay signed in as {who(credentials)}, unchecked."]
    return []


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
    saved = credentials.profile is not None or credentials.source == DEFAULT_FILE_NAME
    return saved and credentials.proved == credentials.address().origin


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
    with session.lock:
        session.logged_out = False
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


def sign_out(environ: Mapping[str, str] = settings.ENVIRONMENT) -> list[str]:
    """Sign this kernel out and return what remains, in sentences for the user."""
    with session.lock:
        session.logged_out = True
    notes = defaults.publish(None)
    if environ.get(settings.ENV_API_KEY):
        notes.append(
            f"{settings.ENV_API_KEY} is still set in the environment: GDAL and the "
            "next login read it. Unset it to be signed out there too."
        )
    if settings.named_profile(environ):
        notes.append(
            f"{settings.ENV_PROFILE} is still set in the environment: the next login "
            "signs in with that account again."
        )
    return notes


def profile_name(credentials: Credentials, store: ProfileStore) -> str:
    """Return the name to save an account under: its own, or a free one.

    Example: `jane`, `jane@maps.example.com`, `jane-2` where `jane` is another account.
    """
    *likely, fallback = candidates(credentials)
    likely = likely or [fallback]
    numbered = (f"{likely[-1][:58]}-{number}" for number in count(2))
    return next(n for n in chain(likely, numbered) if _is_free(n, credentials, store))


def _is_free(name: str, credentials: Credentials, store: ProfileStore) -> bool:
    """Whether a name is that of no other account."""
    try:
        return store.load(name).address() == credentials.address()
    except (CartoLoginError, FileNotFoundError):
        # Not there, or not to be read: then saving moves it aside.
        return True
