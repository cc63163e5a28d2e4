"""Signing in by questions, where there is no form: terminals, VS Code's input box."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from typing import TYPE_CHECKING

from . import settings
from .credentials import Credentials
from .errors import (
    CartoLoginError,
    InvalidCredentialsError,
    NotCartoError,
    NotLoggedInError,
    Reason,
    RejectedError,
    UndecidedError,
)
from .identity import Identity
from .secret import Secret, clean_key, clean_paste
from .session import acts, login
from .session.facts import replaced, short_path
from .session.login import Saving
from .store.profiles import check_name, proposed_name

if TYPE_CHECKING:
    from collections.abc import Callable

    from .store.profiles import Profiles

_TRIES = 5
# The input is at its end, or the front end has none.
_NOBODY = (EOFError, NotImplementedError)


class _DeclinedError(CartoLoginError):
    """The user does not want an account that could not be checked."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """What was said about saving beforehand; None is asked, or as it is proposed."""

    remember: bool | None = None
    name: str | None = None
    default: bool | None = None
    replace: bool = False


def ask(  # noqa: PLR0913 - what is known, and how to talk
    username: str | None = None,
    base_url: str | None = None,
    *,
    validate: bool = True,
    read: Callable[[str], str] | None = None,
    read_key: Callable[[str], str] | None = None,
    say: Callable[[str], None] = print,
) -> Credentials:
    """Ask for an account until CARTO accepts it; it is neither saved nor registered.

    User name and address that are given are offered as answers. What was right is not
    asked again; after a wrong key only the key is.
    """
    # Looked up now: a kernel puts its own in their place while a cell runs.
    read, read_key = read or input, read_key or getpass.getpass
    asked = set[str]()
    for _ in range(_TRIES):
        try:
            if "base_url" not in asked:
                base_url = _text(read, "CARTO address, empty for the cloud", base_url)
            if "username" not in asked:
                username = _text(read, "CARTO user name", username)
            key = _key(read_key)
        except _NOBODY:
            break
        asked = {"base_url", "username"}
        try:
            given = _credentials(username, key, base_url)
            return _checked(given, validate=validate, read=read, say=say)
        except CartoLoginError as error:
            say(str(error))
            asked -= _wrong_fields(error)
            if isinstance(error, InvalidCredentialsError):
                # What was refused is not offered again: it may be a key.
                if error.field == "username":
                    username = error.suggestion
                if error.field == "base_url":
                    base_url = error.suggestion
    raise NotLoggedInError(f"Nobody has signed in. {login.ways_to_log_in()}")


def _credentials(
    username: str | None, key: Secret, base_url: str | None
) -> Credentials:
    """Return what was answered; the address as CARTO has it, not as pasted."""
    where = Identity.of(username or None, key, base_url or None).address
    own = Identity.of(where.username, key, where.base_url if base_url else None)
    return Credentials._made(own, source="the prompt")


def _text(read: Callable[[str], str], question: str, offered: str | None) -> str:
    shown = f" [{offered}]" if offered else ""
    return clean_paste(read(f"{question}{shown}: ")) or offered or ""


def _key(read_key: Callable[[str], str]) -> Secret:
    return Secret(clean_key(read_key("API key (not shown): ")))


def _checked(
    credentials: Credentials,
    *,
    validate: bool,
    read: Callable[[str], str],
    say: Callable[[str], None],
) -> Credentials:
    """Ask CARTO; where there is no verdict, let the user decide."""
    if not validate:
        return login.unchecked(credentials)
    say(f"Checking with {credentials._identity.address.host} …")
    try:
        checked = login.check(credentials)
    except UndecidedError as error:
        say(str(error))
        if not yes(read, "Use it without checking?", default=False):
            raise _DeclinedError(
                "Nothing was changed. Try again, or stop with Ctrl-C."
            ) from None
        return login.unchecked(credentials)
    say(accepted(checked))
    return checked


def accepted(checked: Credentials) -> str:
    """Say that CARTO accepts a key, and what the key can do."""
    known = f": {checked.account.summary}" if checked.account else "."
    return f"CARTO accepts this key{known}"


def is_sure(name: str, read: Callable[[str], str]) -> bool:
    """Ask once more before a saved account is deleted."""
    return yes(read, f"{acts.forget_question(name)}.", default=False)


def in_file(error: CartoLoginError, read: Callable[[str], str] | None = None) -> bool:
    """Ask whether the key is to be in the file where there is no keyring."""
    question = "Keep the key in a file that only you can read instead?"
    return yes(read or input, f"{error} {question}", default=False)


def _wrong_fields(error: CartoLoginError) -> set[str]:
    if isinstance(error, InvalidCredentialsError):
        return {error.field} if error.field else {"username", "base_url"}
    if isinstance(error, NotCartoError):
        return {"username", "base_url"}
    if isinstance(error, RejectedError) and error.reason is not Reason.WRONG_KEY:
        return {"username"}
    return set()


# How an account is saved.


def choose_saving(
    credentials: Credentials,
    profiles: Profiles,
    wishes: Wishes,
    *,
    read: Callable[[str], str] | None = None,
    say: Callable[[str], None] = print,
) -> Saving | None:
    """Return how to save an account, or None; without `read` nobody is asked.

    Raises:
        InvalidCredentialsError: the name that was wished for cannot be one.
        CartoLoginError: something would be replaced that nobody allowed.
    """

    def choose(question: str, *, wish: bool | None, proposed: bool) -> bool:
        if wish is not None or read is None:
            return proposed if wish is None else wish
        return yes(read, question, default=proposed)

    try:
        where = short_path(profiles.directory)
    except CartoLoginError as error:
        if read is None or wishes.remember:
            raise
        say(str(error))
        return None
    account, start = credentials.account, profiles.default_name
    # A token that lives an hour would only be in the way of the next login.
    is_temporary = account is not None and account.key_type == "oauth"
    remember = settings.CartoLogin.instance().remember and not is_temporary
    question = f"Remember this account in {where}, readable only by you?"
    if not choose(question, wish=wishes.remember, proposed=remember):
        return None
    try:
        name, replace = _name(credentials, profiles, wishes, read, say)
    except _NOBODY:
        return None
    wish = True if name == start else wishes.default
    is_first = start is None and account is not None and account.checked
    question = "Start every session with it, and cartoframes too?"
    default = choose(question, wish=wish, proposed=is_first)
    return Saving(name, default, replace)


def _name(
    credentials: Credentials,
    profiles: Profiles,
    wishes: Wishes,
    read: Callable[[str], str] | None,
    say: Callable[[str], None],
) -> tuple[str, bool]:
    """Return a name, and whether what is saved there is replaced."""
    identity, given = credentials._identity, wishes.name
    proposed = given or proposed_name(identity, credentials.account, profiles)
    while True:
        name = proposed
        try:
            if read is not None and given is None:
                name = clean_paste(read(f"Name to save it under [{name}]: ")) or name
            name = check_name(name)
        except InvalidCredentialsError as error:
            if read is None or given is not None:
                raise
            say(str(error))
            continue
        taken = _in_the_way(name, credentials, profiles)
        if taken is None or wishes.replace:
            return name, profiles.has(name)
        told = f"'{name}' is saved already; this {taken}."
        if read is None:
            raise CartoLoginError(
                f"{told} So nothing was saved: --replace does it, and another name "
                "saves it beside."
            )
        if yes(read, f"{told} Replace it?", default=False):
            return name, True
        given = None


def _in_the_way(name: str, credentials: Credentials, profiles: Profiles) -> str | None:
    """Say what a name would replace, or None where that is nothing or the same key."""
    if not profiles.has(name):
        return None
    saved, identity = profiles.peek(name), credentials._identity
    if saved is None:
        return replaced("", "", same=False)
    if saved.identity.same_key(identity):
        return None
    username, _, host = saved.identity.who.partition(" at ")
    return replaced(username, host, same=saved.identity.same_account(identity))


def yes(read: Callable[[str], str], question: str, *, default: bool) -> bool:
    """Ask a question that has two answers; no answer at all is a no."""
    try:
        answer = read(f"{question} [{'Y/n' if default else 'y/N'}] ").strip().lower()
    except _NOBODY:
        return False
    return answer.startswith("y") if answer else default
