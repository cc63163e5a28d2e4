"""Signing in: where the account comes from, and the order in which it takes effect.

The first source that gives an account is used, all fields of it, never mixed with those
of another: a foreign address never meets a stored key. Then always check → save (if
asked) → register, so that a key that is refused changes neither a file nor the account
that the kernel is signed in with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import settings
from ..account import Account
from ..credentials import Credentials
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
from ..identity import Identity
from ..locks import Lock
from ..secret import Secret
from ..store.keyring import KeyringError
from ..store.profiles import Profiles
from . import default
from .facts import who

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path


class _Kernel:
    """What this kernel remembers about logging in and out."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.logged_out = False
        self.said: set[str] = set()

    def is_new(self, note: str) -> bool:
        with self.lock:
            known = note in self.said
            self.said.add(note)
        return not known


_kernel = _Kernel()


@dataclass(frozen=True, slots=True)
class Found:
    """An account to sign in with, before anybody asked CARTO about it.

    Attributes:
        credentials: the account, with its source.
        named: whether the user asked for this very source.
        kept: whether the kernel is signed in with it already.
        successor: what to try where CARTO refuses the account.
        notes: sentences for the user.
    """

    credentials: Credentials
    named: bool = False
    kept: bool = False
    successor: Credentials | None = None
    notes: tuple[str, ...] = ()


class _Given(NamedTuple):
    """What a source gives, and what was said while reading it."""

    credentials: Credentials
    notes: tuple[str, ...] = ()


if TYPE_CHECKING:
    InFile = Callable[[KeyringError], object]
    _Source = Callable[[Profiles, Mapping[str, str]], _Given | None]


@dataclass(frozen=True, slots=True)
class Saving:
    """How an account is saved: under which name, and what that may change.

    Attributes:
        name: of the saved account.
        default: whether every session starts with it.
        replace: whether a saved account of that name may be replaced.
        in_keyring: whether its key goes to the keyring; None: as the settings say.
    """

    name: str
    default: bool = False
    replace: bool = False
    in_keyring: bool | None = None


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
        key=Secret.of(api_key),
        base_url=base_url,
    )
    if found is None:
        raise NotLoggedInError(nothing_found())
    signed_in, notes = sign_in(found, validate=validate)
    default.warn(notes, stacklevel=4)
    return signed_in


@sealed
def logout() -> None:
    """Sign this kernel out; saved accounts stay, and are not used by themselves again.

    Example:
        >>> logout()
        >>> get_default_credentials() is None  # doctest: +SKIP
        True
    """
    default.warn(sign_out(), stacklevel=4)


# Where the account comes from.


def find(  # noqa: PLR0913 - one keyword for each way to give an account
    profile: str | None = None,
    *,
    credentials: Any = None,
    file: str | Path | None = None,
    username: str | None = None,
    key: Secret | None = None,
    base_url: str | None = None,
    profiles: Profiles | None = None,
    environ: Mapping[str, str] = settings.ENVIRONMENT,
) -> Found | None:
    """Return the account of the first source that gives one, or None."""
    profiles = profiles or Profiles()
    given = _explicit(profile, credentials, file, username, key, base_url)
    if profile:
        given = _saved(profile, profiles)
    if given is not None:
        notes = given.notes + _passed_over(given, _WEAKER, profiles, environ)
        return Found(given.credentials, named=True, notes=notes)
    current = default.get_default_credentials()
    for rank, source in enumerate(_WEAKER):
        # Only a profile that was named is stronger than being signed in already.
        if current is not None and source is not _profile_of_environment:
            return Found(current, kept=True)
        given = source(profiles, environ)
        if given is not None:
            weaker = _WEAKER[rank + 1 :]
            return Found(
                given.credentials,
                named=source is _profile_of_environment,
                successor=_successor(profiles) if source is _default_account else None,
                notes=given.notes + _passed_over(given, weaker, profiles, environ),
            )
    return None


def load(name: str, profiles: Profiles) -> Credentials:
    """Return a saved account."""
    return _saved(name, profiles).credentials


def _saved(name: str, profiles: Profiles) -> _Given:
    try:
        record = profiles.load(name)
    except ProfileNotFoundError as error:
        raise _more(error, _meant_by(name)) from None
    source = f"profile '{record.profile}'"
    return _Given(Credentials._of(record, source=source), record.notes)


def _more(error: ProfileNotFoundError, hint: str) -> ProfileNotFoundError:
    text = f"{error} {hint}".rstrip()
    return ProfileNotFoundError(text, name=error.name, known=error.known)


def _meant_by(name: object) -> str:
    """Say how to give what stands in the place of a saved account's name."""
    text = name.lower() if isinstance(name, str) else ""
    if "://" in text or text.endswith(".carto.com"):
        return (
            "An address is given by name: login(base_url=..., api_key=...), or "
            "%carto_login --base-url."
        )
    if hasattr(name, "__fspath__") or text.endswith(".json") or set(text) & set("/\\"):
        return "A file is given by name: login(file=...), or %carto_login --file."
    if hasattr(name, "api_key"):
        return "Credentials are given by name: login(credentials=...)."
    return ""


def _explicit(  # noqa: PLR0913 - one for each way to give an account
    profile: object,
    credentials: Any,
    file: str | Path | None,
    username: str | None,
    key: Secret | None,
    base_url: str | None,
) -> _Given | None:
    if profile is not None and not isinstance(profile, str):
        text = (
            "The name of a saved account comes first, and it is a text, not "
            f"{type(profile).__name__}. {_meant_by(profile)}"
        )
        raise InvalidCredentialsError(text.rstrip())
    by_hand = username is not None or key is not None or base_url is not None
    ways = (bool(profile), credentials is not None, file is not None, by_hand)
    if sum(ways) > 1:
        raise InvalidCredentialsError(
            "Give the account in one way only: a saved account, credentials, file, or "
            "username with api_key."
        )
    if credentials is not None:
        return _Given(default.own(credentials))
    if file is not None:
        return _Given(*Credentials._read(file))
    if not by_hand:
        return None
    if key is None:
        raise InvalidCredentialsError(
            "An API key is needed beside the user name; for public data only, give "
            "api_key='default_public'.",
            field="api_key",
        )
    identity = Identity.of(username, key, base_url)
    return _Given(Credentials._made(identity, source="arguments"))


def _profile_of_environment(
    profiles: Profiles, environ: Mapping[str, str]
) -> _Given | None:
    name = settings.named_profile(environ)
    if name is None:
        return None
    try:
        return _saved(name, profiles)
    except ProfileNotFoundError as error:
        raise _more(error, f"{settings.ENV_PROFILE} asks for it.") from None


def _environment(_profiles: Profiles, environ: Mapping[str, str]) -> _Given | None:
    identity = settings.environment_identity(environ)
    if identity is None:
        return None
    return _Given(Credentials._made(identity, source=settings.ENV_API_KEY))


def _default_account(profiles: Profiles, _environ: Mapping[str, str]) -> _Given | None:
    # In shared mode it is somebody else's, unless it is named.
    if _kernel.logged_out or settings.is_shared():
        return None
    try:
        return _saved_default(profiles)
    except KeyringError as error:
        raise NotLoggedInError(
            f"{error} The saved account {profiles.default_name!r} has its key there: "
            f"unlock it and log in again. {ways_to_log_in()}"
        ) from None


# What may give an account where nobody named one, the strongest first.
_WEAKER: tuple[_Source, ...] = (_profile_of_environment, _environment, _default_account)


def _saved_default(profiles: Profiles) -> _Given | None:
    record = profiles.default()
    if record is None:
        return None
    source = profiles.default_path.name
    return _Given(Credentials._of(record, source=source), record.notes)


def _successor(profiles: Profiles) -> Credentials | None:
    """What a save that was cut off has left newer than `creds.json`."""
    record = profiles.hinted()
    if record is None:
        return None
    return Credentials._of(record, source=f"profile '{record.profile}'")


def _passed_over(
    winner: _Given,
    weaker: Sequence[_Source],
    profiles: Profiles,
    environ: Mapping[str, str],
) -> tuple[str, ...]:
    """Say which other accounts the sources that were passed over name."""
    notes = []
    for source in weaker:
        try:
            other = source(profiles.locked, environ)
        except CartoLoginError:
            continue  # what is not used may be broken; that is for its own day
        if other is not None and _differ(winner.credentials, other.credentials):
            origin = winner.credentials.source
            notes.append(
                f"Signing in as {who(winner.credentials)}"
                f"{f' from {origin}' if origin else ''}; {other.credentials.source} "
                f"names {who(other.credentials)} and is not used."
            )
    note = settings.environment_note(environ)
    return (*notes, note) if note else tuple(notes)


def _differ(one: Credentials, other: Credentials) -> bool:
    return not one._identity.same_account(other._identity)


def nothing_found(environ: Mapping[str, str] = settings.ENVIRONMENT) -> str:
    """Say that there is no account to log in with, why, and what to do."""
    unused = _logged_out_of()
    first = unused or "There is no account to log in with."
    why = settings.environment_note(environ)
    return " ".join(filter(None, (first, why, ways_to_log_in())))


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


def _logged_out_of() -> str | None:
    """Say which saved account would be used if nobody had logged out here."""
    try:
        is_secret = not _kernel.logged_out or settings.is_shared()
        given = None if is_secret else _saved_default(Profiles().locked)
    except CartoLoginError:
        return None
    if given is None:
        return None
    saved = given.credentials
    return (
        f"You have logged out in this kernel, so the saved account '{saved.profile}' "
        f"({who(saved)}) is not used by itself: login('{saved.profile}') or "
        f"%carto_login {saved.profile} uses it."
    )


# From an account to a kernel that is signed in.


def sign_in(
    found: Found, *, validate: bool = True, timeout: float | None = None
) -> tuple[Credentials, list[str]]:
    """Check and register an account that was found; a refusal changes nothing."""
    if found.kept:
        return _look_after(found.credentials) if validate else (found.credentials, [])
    if validate:
        asked, notes = checked(found, timeout)
    else:
        asked, notes = unchecked(found.credentials), []
    registered, more = register(asked)
    return registered, [*filter(_kernel.is_new, found.notes), *notes, *more]


def check(credentials: Credentials, *, timeout: float | None = None) -> Credentials:
    """Ask CARTO; return a copy that knows what it said."""
    from ..server.check import check as ask

    verdict = ask(credentials._identity, timeout=timeout)
    return credentials._with(account=verdict.account, proved=verdict.proved)


def unchecked(credentials: Credentials) -> Credentials:
    """Return a copy that says that CARTO was not asked about it."""
    where = credentials._identity.address
    account = Account(where.username, where.base_url, checked=False)
    return credentials._with(account=account)


def checked(
    found: Found, timeout: float | None = None
) -> tuple[Credentials, list[str]]:
    """Check an account that was found; what was accepted before may stay unchecked."""
    credentials = found.credentials
    try:
        return check(credentials, timeout=timeout), []
    except UndecidedError as undecided:
        # What CARTO has accepted before survives a server that does not answer.
        if not credentials._accepted:
            raise
        note = f"{undecided} {who(credentials)} was not checked this time."
        return unchecked(credentials), [note]
    except RejectedError as refused:
        if found.successor is None or refused.reason is not Reason.WRONG_KEY:
            raise
        note = (
            f"CARTO no longer accepts the key in {credentials.source}; the newer one "
            f"of {found.successor.source} is used."
        )
        newer, notes = checked(Found(found.successor), timeout)
        return newer, [note, *notes]


def _look_after(credentials: Credentials) -> tuple[Credentials, list[str]]:
    """Check what the kernel is signed in with, unless CARTO has accepted it already."""
    account = credentials.account
    if account is not None and account.checked:
        return credentials, []
    notes = []
    try:
        asked = check(credentials)
    except UndecidedError as error:
        asked = unchecked(credentials)
        notes = [f"{error} You stay signed in as {who(credentials)}, unchecked."]
    problems = default.publish_checked(credentials, asked)
    return asked, notes + (problems or [])


def never(_error: KeyringError) -> bool:
    """Write no key to a file that nobody asked for."""
    return False


def register(
    credentials: Credentials,
    saving: Saving | None = None,
    profiles: Profiles | None = None,
    in_file: InFile = never,
) -> tuple[Credentials, list[str]]:
    """Save (if asked) and register; a save that fails does not undo the login."""
    notes: list[str] = []
    if saving is not None:
        profiles = profiles or Profiles()
        try:
            credentials, notes = save(credentials, saving, profiles, in_file)
        except KeyringError as error:
            instead = "It can be saved in a file that only you can read instead."
            notes = [f"You are signed in, and nothing was saved. {error} {instead}"]
        except (CartoLoginError, FileExistsError) as error:
            notes = [f"You are signed in, but the account could not be saved. {error}"]
    notes += default.publish(credentials)
    with _kernel.lock:
        _kernel.logged_out = False
    return credentials, notes


def save(
    credentials: Credentials,
    saving: Saving,
    profiles: Profiles,
    in_file: InFile = never,
) -> tuple[Credentials, list[str]]:
    """Save an account; return a copy that knows its name, and notes for the user.

    `in_file` says whether the key is to be in the file where there is no keyring.
    """
    record, name = credentials._record, saving.name.lower()
    options = {"default": saving.default, "overwrite": saving.replace}
    try:
        notes = profiles.save(name, record, **options, in_keyring=saving.in_keyring)
    except KeyringError as error:
        if not in_file(error):
            raise
        notes = profiles.save(name, record, **options, in_keyring=False)
    saved = profiles.peek(name)
    entry = saved.identity.entry if saved else None
    known = {"profile": name, "accepted": record.accepted, "entry": entry}
    return credentials._with(**known), notes


def sign_out(environ: Mapping[str, str] = settings.ENVIRONMENT) -> list[str]:
    """Sign this kernel out and return what remains, in sentences for the user."""
    with _kernel.lock:
        _kernel.logged_out = True
    notes = default.publish(None)
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
