"""Signing in by questions, where there is no form: terminals, VS Code's input box."""

from __future__ import annotations

import getpass

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
from .store.profiles import Profiles, check_name, proposed_name

_TRIES = 5
_QUESTIONS = {
    "base_url": "CARTO address, empty for the cloud",
    "username": "CARTO user name",
}
# The input is at its end, or the front end has none.
_NOBODY = (EOFError, NotImplementedError)


def ask(
    username: str | None = None, base_url: str | None = None, *, validate: bool = True
) -> Credentials:
    """Ask for an account until CARTO accepts it; what was right is not asked again."""
    answers = {"base_url": base_url, "username": username}
    wrong: set[str | None] = {*answers}
    for _ in range(_TRIES):
        try:
            for field, question in _QUESTIONS.items():
                if field in wrong:
                    answers[field] = _text(question, answers[field])
            given = made(**answers, key=read_key())
            if validate:
                print(f"Checking with {given._identity.address.host} …")
            return checked(given, validate=validate)
        except _NOBODY:
            break
        except CartoLoginError as error:
            print(error)
            if isinstance(error, UndecidedError):
                if yes("Use it without checking?"):
                    return login.unchecked(given)
                print("Nothing was changed. Try again, or stop with Ctrl-C.")
            wrong = _wrong_fields(error)
            if isinstance(error, InvalidCredentialsError) and error.field in answers:
                # What was refused is not offered again: it may be a key.
                answers[error.field] = error.suggestion
    raise NotLoggedInError(f"Nobody has signed in. {login.ways_to_log_in()}")


def _wrong_fields(error: CartoLoginError) -> set[str | None]:
    """Return what is asked again beside the key, which always is."""
    if isinstance(error, InvalidCredentialsError):
        return {error.field}
    if isinstance(error, NotCartoError):
        return {*_QUESTIONS}
    is_rejected = isinstance(error, RejectedError)
    return {"username"} if is_rejected and error.reason != Reason.WRONG_KEY else set()


def made(username: str | None, key: Secret, base_url: str | None) -> Credentials:
    """Return what was answered; the address as CARTO has it, not as pasted."""
    given = Identity.of(username, key, base_url)
    where = given.address
    own = given._replace(username=where.username, base_url=where.base_url)
    return Credentials._made(own, source="the prompt")


def read_key() -> Secret:
    """Ask for a key without showing it."""
    # By the module's name, as a kernel puts its own in that place while a cell runs.
    return Secret(clean_key(getpass.getpass("API key (not shown): ")))


def _text(question: str, offered: str | None) -> str:
    shown = f" [{offered}]" if offered else ""
    return clean_paste(input(f"{question}{shown}: ")) or offered or ""


def checked(credentials: Credentials, *, validate: bool) -> Credentials:
    """Ask CARTO, and say what the key can do; without `validate` nobody is asked."""
    if not validate:
        return login.unchecked(credentials)
    found = login.check(credentials)
    known = f": {found.account.summary}" if found.account else "."
    print(f"CARTO accepts this key{known}")
    return found


def yes(question: str, *, default: bool = False, asks: bool = True) -> bool:
    """Ask a question that has two answers; no answer at all is a no."""
    if not asks:
        return default
    try:
        answer = input(f"{question} [{'Y/n' if default else 'y/N'}] ").strip().lower()
    except _NOBODY:
        return False
    return answer.startswith("y") if answer else default


def forget(name: str, *, is_sure: bool = False) -> acts.Did:
    """Delete a saved account; whoever is there is asked once more."""
    profiles, asks = Profiles(), settings.somebody_is_there() and not is_sure
    is_start = profiles.default_name == name.lower()
    question = acts.forget_question(name, is_start=is_start)
    # Whoever gives no name of an account hears that at once.
    if asks and profiles.has(name) and not yes(question):
        return acts.Did("Nothing was changed.", [])
    return acts.forget(name)


def in_file(error: CartoLoginError) -> bool:
    """Ask whether the key is to be in the file where there is no keyring."""
    question = f"{error} Keep the key in a file that only you can read instead?"
    return settings.somebody_is_there() and yes(question)


# How an account is saved.


def choose_saving(  # noqa: PLR0913 - what was said beforehand; None is asked
    credentials: Credentials,
    *,
    asks: bool,
    remember: bool | None = None,
    name: str | None = None,
    default: bool | None = None,
    replace: bool = False,
) -> Saving | None:
    """Return how to save an account, or None; what nobody says is as proposed."""
    profiles, account = Profiles(), credentials.account
    # A token that lives an hour would only be in the way of the next login.
    is_temporary = account is not None and account.key_type == "oauth"
    proposed = settings.CartoLogin.instance().remember and not is_temporary
    try:
        where = short_path(profiles.directory)
        question = f"Remember this account in {where}, readable only by you?"
        if remember is None:
            remember = yes(question, default=proposed, asks=asks)
        if not remember:
            return None
        name = _name(credentials, profiles, name, asks=asks, replace=replace)
    except _NOBODY:
        return None
    except CartoLoginError as error:
        if not asks or remember:
            raise
        print(error)
        return None
    # Asked at once: what another program saves there from now on is not replaced.
    is_taken, start = profiles.has(name), profiles.default_name
    if name == start:
        default = True
    elif default is None:
        is_first = start is None and account is not None and account.checked
        question = "Start every session with it, and cartoframes too?"
        default = yes(question, default=is_first, asks=asks)
    return Saving(name, default, is_taken)


def _name(
    credentials: Credentials,
    profiles: Profiles,
    given: str | None,
    *,
    asks: bool,
    replace: bool,
) -> str:
    """Return a name; one that has another key only where that is to be replaced."""
    identity = credentials._identity
    proposed = given or proposed_name(identity, credentials.account, profiles)
    while True:
        is_asked = asks and given is None
        try:
            answer = _text("Name to save it under", proposed) if is_asked else proposed
            name = check_name(answer)
        except InvalidCredentialsError as error:
            if not is_asked:
                raise
            print(error)
            continue
        saved = profiles.peek(name)
        is_same = saved is not None and saved.identity.same_key(identity)
        if replace or is_same or not profiles.has(name):
            return name
        where = saved.identity.known_address if saved else None
        same = saved is not None and saved.identity.same_account(identity)
        whose = (where.username, where.host) if where else ("", "")
        told = f"'{name}' is saved already; this {replaced(*whose, same=same)}."
        if not asks:
            raise CartoLoginError(
                f"{told} So nothing was saved: --replace does it, and another name "
                "saves it beside."
            )
        if yes(f"{told} Replace it?"):
            return name
        given = None
