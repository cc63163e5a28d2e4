"""Signing in: where the account comes from, and the order in which it takes effect.

All fields of an account come from one source: a foreign address never meets a stored
key. Then always check, save (if asked), register: a refused key changes nothing.
"""

from __future__ import annotations

from contextlib import suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import settings
from ..account import Account
from ..credentials import Credentials, _warn
from ..errors import (
    CartoLoginError,
    InvalidCredentialsError,
    NotLoggedInError,
    ProfileNotFoundError,
    Reason,
    RejectedError,
    UndecidedError,
    sealed,
)
from ..store.keyring import KeyringError
from ..store.profiles import Profiles
from . import default

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ..store.record import Record

    # Whether the key is to be in the file where there is no keyring.
    InFile = Callable[[KeyringError], object]
    Source = Callable[[Profiles], "Found | None"]

# What this kernel remembers: whether somebody has logged out, and notes that were told.
_kernel = SimpleNamespace(logged_out=False, said=set())
_store = Profiles()
_ASKED = f" {settings.ENV_PROFILE} asks for it."


class Found(NamedTuple):
    """An account to sign in with, before anybody asked CARTO about it."""

    credentials: Credentials
    notes: tuple[str, ...] = ()
    kept: bool = False  # the kernel is signed in with it already
    successor: Credentials | None = None  # what to try where CARTO refuses the key


class Saving(NamedTuple):
    """How an account is saved: under which name, and what that may change."""

    name: str
    default: bool = False  # whether every session starts with it
    replace: bool = False  # whether a saved account of that name may be replaced
    in_keyring: bool | None = None  # None: as the settings say


@sealed
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
        The credentials that are now the default of this kernel; `account` says what
        the key can do.

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
    found = find(
        profile,
        credentials=credentials,
        file=file,
        username=username,
        base_url=base_url,
        api_key=api_key,
    )
    if found is None:
        raise NotLoggedInError(nothing_found())
    if api_key is None and (username or base_url):
        raise InvalidCredentialsError(
            "An API key is needed beside the user name; for public data only, give "
            "api_key='default_public'.",
            field="api_key",
        )
    signed_in, notes = sign_in(found, validate=validate)
    _warn(notes)
    return signed_in


@sealed
def logout() -> None:
    """Sign this kernel out; saved accounts stay, and are not used by themselves again.

    Example:
        >>> logout()
        >>> get_default_credentials() is None  # doctest: +SKIP
        True
    """
    _warn(sign_out())


# Where the account comes from.


def find(
    profile: str | None = None, *, environment: bool = True, **arguments: Any
) -> Found | None:
    """Return the account of the first source that gives one; arguments as of login."""
    given = default.from_arguments(profile=profile, source="arguments", **arguments)
    current = default.get_default_credentials()
    # The strongest first.
    sources: tuple[Source, ...] = (
        lambda _: Found(*given) if given else None,
        lambda profiles: _saved(profile, profiles, ""),
        lambda profiles: _saved(settings.named_profile(), profiles, _ASKED),
        lambda _: Found(current, kept=True) if current else None,
        lambda _: _in_environment() if environment else None,
        _default_account,
    )
    for rank, source in enumerate(sources, start=1):
        found = source(_store)
        if found is None:
            continue
        if not found.kept:
            note = settings.environment_note() if environment else None
            told = [*found.notes, *_passed_over(found, sources[rank:]), note]
            found = found._replace(notes=tuple(filter(None, told)))
        return found
    return None


def _saved(name: Any, profiles: Profiles, asked: str) -> Found | None:
    if name is None or name == "":
        return None
    if not isinstance(name, str):
        raise InvalidCredentialsError(
            "The name of a saved account comes first, and it is a text, not "
            f"{type(name).__name__}.{_meant_by(name)}"
        )
    try:
        return _of(profiles.load(name))
    except ProfileNotFoundError as error:
        text = f"{error}{asked or _meant_by(name)}"
        raise ProfileNotFoundError(text, name=error.name, known=error.known) from None


def _of(record: Record, source: str | None = None) -> Found:
    return Found(Credentials._of(record, source=source), record.notes)


def _meant_by(name: object) -> str:
    """Say how to give what stands in the place of a saved account's name."""
    text = name.lower() if isinstance(name, str) else ""
    if "://" in text or text.endswith(".carto.com"):
        return (
            " An address is given by name: login(base_url=..., api_key=...), or "
            "%carto_login --base-url."
        )
    if hasattr(name, "__fspath__") or text.endswith(".json") or set(text) & set("/\\"):
        return " A file is given by name: login(file=...), or %carto_login --file."
    if hasattr(name, "api_key"):
        return " Credentials are given by name: login(credentials=...)."
    return ""


def _in_environment() -> Found | None:
    identity = settings.environment_identity()
    if identity is None:
        return None
    return Found(Credentials._made(identity, source=settings.ENV_API_KEY))


def _default_account(profiles: Profiles) -> Found | None:
    # In shared mode it is somebody else's, unless it is named.
    if _kernel.logged_out or settings.is_shared() or not profiles.has_place:
        return None
    try:
        record = profiles.default()
    except KeyringError as error:
        raise NotLoggedInError(
            f"{error} The saved account {profiles.default_name!r} has its key there: "
            f"unlock it and log in again. {ways_to_log_in()}"
        ) from None
    if record is None:
        return None
    # What a save that was cut off has left newer than `creds.json`.
    newer = profiles.hinted()
    successor = _of(newer).credentials if newer else None
    return _of(record, profiles.default_path.name)._replace(successor=successor)


def _passed_over(winner: Found, weaker: Sequence[Source]) -> Iterator[str]:
    """Say which other accounts the sources name that were passed over."""
    one = winner.credentials
    origin = f" from {one.source}" if one.source else ""
    for source in weaker:
        # What is not used may be broken; that is for its own day.
        with suppress(CartoLoginError):
            found = source(Profiles(unlocks=False))
            if found is None or found.kept:
                continue
            other = found.credentials
            if not one._identity.same_account(other._identity):
                yield (
                    f"Signing in as {one._identity.who}{origin}; {other.source} names "
                    f"{other._identity.who} and is not used."
                )


def nothing_found() -> str:
    """Say that there is no account to log in with, why, and what to do."""
    told = "There is no account to log in with."
    if _kernel.logged_out and not settings.is_shared():
        with suppress(CartoLoginError):
            if (saved := Profiles(unlocks=False).default()) is not None:
                told = (
                    "You have logged out in this kernel, so the saved account "
                    f"'{saved.profile}' ({saved.identity.who}) is not used by itself: "
                    f"login('{saved.profile}') or %carto_login {saved.profile} uses it."
                )
    return " ".join(filter(None, (told, settings.environment_note(), ways_to_log_in())))


def ways_to_log_in() -> str:
    """Name only what works in this place, with or without somebody who answers."""
    others = (
        f"set {settings.ENV_USERNAME} and {settings.ENV_API_KEY}; or give a file with "
        "login(file='creds.json') or a saved account with login('name')."
    )
    shell = settings.running_shell()
    if shell is None:
        first = "Run carto-login login in a terminal, which saves an account"
    elif (kernel := getattr(shell, "kernel", None)) is None:
        first = "Run %carto_login in a terminal"
    elif getattr(kernel, "_allow_stdin", False):
        first = (
            "Run %carto_login in a notebook, or %carto_login --prompt where forms do "
            "not show"
        )
    else:
        # No question can be asked here, but a page may be there all the same.
        first = "Run %carto_login --form, if somebody is there to fill it in"
    return f"{first}; {others}"


# From an account to a kernel that is signed in.


def sign_in(found: Found, *, validate: bool = True) -> tuple[Credentials, list[str]]:
    """Check and register an account that was found; a refusal changes nothing."""
    given = found.credentials
    if found.kept and (not validate or (given.account and given.account.checked)):
        return given, []
    asked, notes = checked(found) if validate else (unchecked(given), [])
    if found.kept:
        return asked, notes + default.publish(asked, instead_of=given)
    registered, more = register(asked)
    told = [note for note in found.notes if note not in _kernel.said]
    _kernel.said.update(told)
    return registered, [*told, *notes, *more]


def check(credentials: Credentials) -> Credentials:
    """Ask CARTO; return a copy that knows what it said."""
    from ..server.check import check as ask

    identity = credentials._identity
    return credentials._with(account=ask(identity), proved=identity.address.origin)


def unchecked(credentials: Credentials) -> Credentials:
    """Return a copy that says that CARTO was not asked about it."""
    where = credentials._identity.address
    account = Account(where.username, where.base_url, checked=False)
    return credentials._with(account=account)


def checked(found: Found) -> tuple[Credentials, list[str]]:
    """Check an account that was found; what was accepted before may stay unchecked."""
    credentials = found.credentials
    try:
        return check(credentials), []
    except UndecidedError as undecided:
        # What CARTO has accepted before survives a server that does not answer.
        if not (found.kept or credentials._accepted):
            raise
        who = credentials._identity.who
        state = f"{who} was not checked this time."
        if found.kept:
            state = f"You stay signed in as {who}, unchecked."
        return unchecked(credentials), [f"{undecided} {state}"]
    except RejectedError as refused:
        if found.successor is None or refused.reason is not Reason.WRONG_KEY:
            raise
        note = (
            f"CARTO no longer accepts the key in {credentials.source}; the newer one "
            f"of {found.successor.source} is used."
        )
        newer, notes = checked(Found(found.successor))
        return newer, [note, *notes]


def register(
    credentials: Credentials,
    saving: Saving | None = None,
    in_file: InFile | None = None,
) -> tuple[Credentials, list[str]]:
    """Save (if asked) and register; a save that fails does not undo the login."""
    notes: list[str] = []
    if saving is not None:
        try:
            credentials, notes = save(credentials, saving, in_file)
        except KeyringError as error:
            instead = "It can be saved in a file that only you can read instead."
            notes = [f"You are signed in, and nothing was saved. {error} {instead}"]
        except (CartoLoginError, FileExistsError) as error:
            notes = [f"You are signed in, but the account could not be saved. {error}"]
        except Exception as error:  # noqa: BLE001 - a library may be missing or broken
            kind = type(error).__name__
            notes = [f"You are signed in, but the account could not be saved ({kind})."]
    notes += default.publish(credentials)
    _kernel.logged_out = False
    return credentials, notes


def save(
    credentials: Credentials, saving: Saving, in_file: InFile | None = None
) -> tuple[Credentials, list[str]]:
    """Save an account; return a copy that knows its name, and notes for the user."""
    record, name = credentials._record, saving.name.lower()
    try:
        notes = _store.save(
            name,
            record,
            default=saving.default,
            overwrite=saving.replace,
            in_keyring=saving.in_keyring,
        )
    except KeyringError as error:
        if in_file is None or not in_file(error):
            raise
        return save(credentials, saving._replace(in_keyring=False))
    saved = _store.peek(name)
    entry = saved.identity.entry if saved else None
    known = {"profile": name, "accepted": record.accepted, "entry": entry}
    return credentials._with(**known), notes


def sign_out() -> list[str]:
    """Sign this kernel out and return what remains, in sentences for the user."""
    _kernel.logged_out = True
    left = {
        settings.ENV_API_KEY: "GDAL and the next login read it. Unset it to be signed "
        "out there too.",
        settings.ENV_PROFILE: "the next login signs in with that account again.",
    }
    return default.publish(None) + [
        f"{name} is still set in the environment: {what}"
        for name, what in left.items()
        if settings.variable(name)
    ]
