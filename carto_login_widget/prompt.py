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
    wrong = set(answers)
    for _ in range(_TRIES):
        try:
            for field, question in _QUESTIONS.items():
                if field in wrong:
                    answers[field] = _text(question, answers[field])
            key = read_key()
        except _NOBODY:
            break
        try:
            return checked(made(**answers, key=key), validate=validate)
        except CartoLoginError as error:
            print(error)
            wrong = _wrong_fields(error)
            if isinstance(error, InvalidCredentialsError) and error.field in answers:
                # What was refused is not offered again: it may be a key.
                answers[error.field] = error.suggestion
    raise NotLoggedInError(f"Nobody has signed in. {login.ways_to_log_in()}")


def made(username: str | None, key: Secret, base_url: str | None) -> Credentials:
    """Return what was answered; the address as CARTO has it, not as pasted."""
    where = Identity.of(username or None, key, base_url or None).address
    own = Identity.of(where.username, key, where.base_url)
    return Credentials._made(own, source="the prompt")


def read_key() -> Secret:
    """Ask for a key without showing it."""
    # By the module's name, as a kernel puts its own in that place while a cell runs.
    return Secret(clean_key(getpass.getpass("API key (not shown): ")))


def _text(question: str, offered: str | None) -> str:
    shown = f" [{offered}]" if offered else ""
    return clean_paste(input(f"{question}{shown}: ")) or offered or ""


def checked(
    credentials: Credentials, *, validate: bool, asks: bool = True
) -> Credentials:
    """Ask CARTO; where there is no verdict, let whoever is there decide."""
    if not validate:
        return login.unchecked(credentials)
    if asks:
        print(f"Checking with {credentials._identity.address.host} …")
    try:
        found = login.check(credentials)
    except UndecidedError as error:
        if not asks:
            raise
        print(error)
        if not yes("Use it without checking?"):
            text = "Nothing was changed. Try again, or stop with Ctrl-C."
            raise CartoLoginError(text) from None
        return login.unchecked(credentials)
    known = f": {found.account.summary}" if found.account else "."
    print(f"CARTO accepts this key{known}")
    return found


def _wrong_fields(error: CartoLoginError) -> set[str]:
    if isinstance(error, InvalidCredentialsError) and error.field:
        return {error.field}
    if isinstance(error, InvalidCredentialsError | NotCartoError):
        return set(_QUESTIONS)
    if isinstance(error, RejectedError) and error.reason is not Reason.WRONG_KEY:
        return {"username"}
    return set()


def yes(question: str, *, default: bool = False) -> bool:
    """Ask a question that has two answers; no answer at all is a no."""
    try:
        answer = input(f"{question} [{'Y/n' if default else 'y/N'}] ").strip().lower()
    except _NOBODY:
        return False
    return answer.startswith("y") if answer else default


def forget(name: str, *, is_sure: bool = False) -> acts.Did:
    """Delete a saved account; whoever is there is asked once more."""
    asks = settings.somebody_is_there() and not is_sure
    if asks and not yes(f"{acts.forget_question(name)}."):
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
    profiles = Profiles()

    def choose(question: str, *, wish: bool | None, proposed: bool) -> bool:
        if wish is not None:
            return wish
        return yes(question, default=proposed) if asks else proposed

    try:
        where = short_path(profiles.directory)
    except CartoLoginError as error:
        if not asks or remember:
            raise
        print(error)
        return None
    account, start = credentials.account, profiles.default_name
    # A token that lives an hour would only be in the way of the next login.
    is_temporary = account is not None and account.key_type == "oauth"
    proposed = settings.CartoLogin.instance().remember and not is_temporary
    question = f"Remember this account in {where}, readable only by you?"
    if not choose(question, wish=remember, proposed=proposed):
        return None
    try:
        name, replace = _name(credentials, profiles, name, asks=asks, replace=replace)
    except _NOBODY:
        return None
    is_first = start is None and account is not None and account.checked
    question = "Start every session with it, and cartoframes too?"
    wish = True if name == start else default
    return Saving(name, choose(question, wish=wish, proposed=is_first), replace)


def _name(
    credentials: Credentials,
    profiles: Profiles,
    given: str | None,
    *,
    asks: bool,
    replace: bool,
) -> tuple[str, bool]:
    """Return a name, and whether what is saved there is replaced."""
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
        taken = _in_the_way(name, identity, profiles)
        if taken is None or replace:
            return name, profiles.has(name)
        told = f"'{name}' is saved already; this {taken}."
        if not asks:
            raise CartoLoginError(
                f"{told} So nothing was saved: --replace does it, and another name "
                "saves it beside."
            )
        if yes(f"{told} Replace it?"):
            return name, True
        given = None


def _in_the_way(name: str, identity: Identity, profiles: Profiles) -> str | None:
    """Say what a name would replace, or None where that is nothing or the same key."""
    saved = profiles.peek(name)
    if saved is None:
        return replaced("", "", same=False) if profiles.has(name) else None
    if saved.identity.same_key(identity):
        return None
    username, _, host = saved.identity.who.partition(" at ")
    return replaced(username, host, same=saved.identity.same_account(identity))
