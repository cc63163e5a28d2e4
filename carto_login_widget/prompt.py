"""Signing in by questions, where there is no form: terminals, VS Code's input box."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING

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
from .session import login
from .session.facts import facts
from .session.login import Saving
from .store.profiles import Profiles, proposed_name

if TYPE_CHECKING:
    from collections.abc import Callable


_TRIES = 5


class _DeclinedError(CartoLoginError):
    """The user does not want an account that could not be checked."""


def ask(  # noqa: PLR0913 - what is known, and how to talk
    *,
    username: str | None = None,
    base_url: str | None = None,
    profiles: Profiles | None = None,
    validate: bool = True,
    read: Callable[[str], str] | None = None,
    read_key: Callable[[str], str] | None = None,
    say: Callable[[str], None] = print,
) -> Credentials:
    """Ask for an account until CARTO accepts it, and sign in.

    What was right is not asked again; after a wrong key only the key is.

    Args:
        username: offered as the answer.
        base_url: offered as the answer.
        profiles: where to save, if the user wants that.
        validate: ask CARTO before the account is registered.
        read: shows a question and returns the answer; None means `input`.
        read_key: the same, without showing what is typed; None means `getpass`.
        say: shows a line.

    Raises:
        NotLoggedInError: nobody answers, or no answer was accepted.
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
        except (EOFError, NotImplementedError):
            break
        asked = {"base_url", "username"}
        try:
            given = _credentials(username, key, base_url)
            credentials = _checked(given, validate=validate, read=read, say=say)
        except CartoLoginError as error:
            say(str(error))
            asked -= _wrong_fields(error)
            if isinstance(error, InvalidCredentialsError):
                # What was refused is not offered again: it may be a key.
                if error.field == "username":
                    username = error.suggestion
                if error.field == "base_url":
                    base_url = error.suggestion
            continue
        return _finish(credentials, profiles, read, say)
    raise NotLoggedInError(f"Nobody has signed in. {login.WAYS_TO_LOG_IN}")


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
        if not _yes(read, "Use it without checking?", default=False):
            raise _DeclinedError(
                "Nothing was changed. Try again, or stop with Ctrl-C."
            ) from None
        return login.unchecked(credentials)
    say(f"CARTO accepts this key: {facts(checked)['Key']}")
    return checked


def _wrong_fields(error: CartoLoginError) -> set[str]:
    if isinstance(error, InvalidCredentialsError):
        return {error.field} if error.field else {"username", "base_url"}
    if isinstance(error, NotCartoError):
        return {"username", "base_url"}
    if isinstance(error, RejectedError) and error.reason is not Reason.WRONG_KEY:
        return {"username"}
    return set()


def _finish(
    credentials: Credentials,
    profiles: Profiles | None,
    read: Callable[[str], str],
    say: Callable[[str], None],
) -> Credentials:
    saving = None
    if profiles is not None and _yes(
        read, f"Save it in {profiles.directory}, readable only by you?", default=True
    ):
        name = proposed_name(credentials._identity, credentials.account, profiles)
        saving = Saving(name, default=True, replace=True)

    def in_file(error: CartoLoginError) -> bool:
        say(str(error))
        question = "Keep the key in a file that only you can read instead?"
        return _yes(read, question, default=False)

    signed_in, notes = login.register(credentials, saving, profiles, in_file)
    for note in notes:
        say(note)
    return signed_in


def _yes(read: Callable[[str], str], question: str, *, default: bool) -> bool:
    try:
        answer = read(f"{question} [{'Y/n' if default else 'y/N'}] ").strip().lower()
    except (EOFError, NotImplementedError):
        return False
    return answer.startswith("y") if answer else default
