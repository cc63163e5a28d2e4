"""Signing in by questions."""

from __future__ import annotations

import builtins
import getpass
import io
import json
from contextlib import redirect_stdout
from typing import TYPE_CHECKING, Any

import pytest

from carto_login_widget import (
    CartoLoginError,
    Credentials,
    InvalidCredentialsError,
    NotLoggedInError,
    ProfileStore,
    get_default_credentials,
    prompt,
    set_default_credentials,
)
from carto_login_widget.sandbox import Fault
from carto_login_widget.session import login
from carto_login_widget.session.login import Saving
from carto_login_widget.store.profiles import Profiles

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from carto_login_widget.sandbox import Sandbox

KEY = "0123456789abcdef0123456789abcdef01234567"


class Person:
    """Somebody who answers one question after the other, and then goes away."""

    def __init__(self, *answers: str) -> None:
        self._answers = list(answers)
        self.questions: list[str] = []
        self.hidden: list[str] = []
        self.told: list[str] = []

    def read(self, question: str) -> str:
        """Answer a question."""
        self.questions.append(question)
        if not self._answers:
            raise EOFError
        return self._answers.pop(0)

    def read_key(self, question: str) -> str:
        """Answer without the answer being seen."""
        self.hidden.append(question)
        return self.read(question)

    def meets(self, function: Callable[..., Any], *given: Any, **keywords: Any) -> Any:
        """Be at the keyboard while something runs, as a kernel lends its own."""
        said = io.StringIO()
        try:
            with pytest.MonkeyPatch.context() as patch, redirect_stdout(said):
                patch.setattr(builtins, "input", self.read)
                patch.setattr(getpass, "getpass", self.read_key)
                return function(*given, **keywords)
        finally:
            self.told += said.getvalue().splitlines()

    def ask(self, **keywords: Any) -> Any:
        """Be asked for an account."""
        return self.meets(prompt.ask, **keywords)


def key_of(carto: Sandbox, name: str = "jane") -> str:
    """Return the master key of an account of the sandbox."""
    return carto.accounts[name].master.token


def test_it_asks_for_address_name_and_key(carto: Sandbox, home: Path) -> None:
    """The address first, the key last and hidden; nobody is signed in yet."""
    person = Person(carto.base_url("jane"), "jane", f' "{key_of(carto)}"\n')
    credentials = person.ask()
    assert [question.split()[0] for question in person.questions] == [
        *("CARTO", "CARTO"),
        "API",
    ]
    assert person.hidden == ["API key (not shown): "]
    assert get_default_credentials() is None
    assert credentials.account.key_type == "master"
    assert credentials.source == "the prompt"
    assert list(home.iterdir()) == []
    assert person.told == [
        f"Checking with {carto.url.removeprefix('http://')} …",
        "CARTO accepts this key: Master key, full access.",
    ]


def test_what_is_known_is_offered(carto: Sandbox) -> None:
    """An empty answer takes it."""
    person = Person("", "", key_of(carto))
    credentials = person.ask(username="jane", base_url=carto.base_url("jane"))
    assert credentials.username == "jane"
    assert f"[{carto.base_url('jane')}]" in person.questions[0]
    assert "[jane]" in person.questions[1]


def test_after_a_wrong_key_only_the_key_is_asked(carto: Sandbox) -> None:
    """It is told, and the account of before stays until another is accepted."""
    set_default_credentials("bob", KEY)
    before = get_default_credentials()
    person = Person(carto.base_url("jane"), "jane", KEY, "", "a b")
    with pytest.raises(NotLoggedInError):
        person.ask()
    assert len(person.hidden) == 4
    assert len(person.questions) == 6
    assert any("empty" in line for line in person.told)
    assert get_default_credentials() is before
    assert KEY[:8] not in str(person.told + person.questions)


def test_after_an_unknown_user_the_name_is_asked(carto: Sandbox) -> None:
    """But not the address."""
    person = Person(carto.url, "nobody", KEY, "jane", key_of(carto))
    assert person.ask().username == "jane"
    assert [q.split(" [")[0].rstrip(": ") for q in person.questions] == [
        "CARTO address, empty for the cloud",
        "CARTO user name",
        "API key (not shown)",
        "CARTO user name",
        "API key (not shown)",
    ]


def test_after_a_wrong_address_all_is_asked(carto: Sandbox) -> None:
    """What is not CARTO never sees the key."""
    with carto.fail(Fault.html(), times=1):
        person = Person(
            carto.base_url("jane"),
            "jane",
            KEY,
            carto.base_url("jane"),
            "",
            key_of(carto),
        )
        assert person.ask().username == "jane"
    assert len([q for q in person.questions if "address" in q]) == 2
    assert not any(record.holds(KEY) for record in carto.requests)


def test_a_slip_is_told_before_anything_is_sent(carto: Sandbox) -> None:
    """The field that is wrong is asked again."""
    person = Person("", "jane@example.com", KEY)
    with pytest.raises(NotLoggedInError):
        person.ask()
    assert "e-mail address" in person.told[0]
    assert "user name" in person.questions[3]
    assert carto.count == 0


def test_a_whole_file_may_be_pasted(carto: Sandbox) -> None:
    """In one line, or in lines that a terminal hands over one by one."""
    fields = {"username": "jane", "api_key": key_of(carto)}
    for text in (json.dumps(fields), json.dumps(fields, indent=2)):
        person = Person(carto.base_url("jane"), "jane", *text.splitlines())
        assert person.ask().api_key == key_of(carto)
    # What is no key was told, and not sent.
    assert sum("no CARTO key has" in line for line in person.told) == 2
    assert {r.key for r in carto.requests} <= {None, key_of(carto)}


def test_without_a_verdict_the_user_decides(carto: Sandbox) -> None:
    """It may be used without a check, and says so."""
    with carto.fail(Fault.status(500)):
        person = Person(carto.base_url("jane"), "jane", key_of(carto), "y")
        credentials = person.ask()
    assert "Use it without checking? [y/N] " in person.questions
    assert credentials.account.checked is False


def test_without_a_verdict_no_is_the_answer(carto: Sandbox) -> None:
    """The reason is told once, and the key is asked again."""
    with carto.fail(Fault.status(500)):
        person = Person(carto.base_url("jane"), "jane", key_of(carto), "")
        with pytest.raises(NotLoggedInError):
            person.ask()
    assert get_default_credentials() is None
    reasons = [line for line in person.told if "500" in line]
    assert len(reasons) == 1
    assert len(person.hidden) == 2


def test_it_need_not_ask_carto(carto: Sandbox) -> None:
    """Then the account is unchecked."""
    person = Person(carto.base_url("jane"), "jane", KEY)
    assert person.ask(validate=False).account.checked is False
    assert carto.count == 0


# How an account is saved.


def choose(
    person: Person | None, credentials: Credentials, **wishes: Any
) -> Saving | None:
    """Be asked how an account is saved; without a person nobody is."""
    if person is None:
        return prompt.choose_saving(credentials, asks=False, **wishes)
    return person.meets(prompt.choose_saving, credentials, asks=True, **wishes)


def checked(carto: Sandbox, key: str | None = None) -> Credentials:
    """Return jane's account as it is after a check."""
    credentials = Credentials("jane", key or key_of(carto), carto.base_url("jane"))
    return login.check(credentials)


def test_the_three_choices_are_asked(carto: Sandbox) -> None:
    """Whether, under which name, and whether sessions start with it."""
    person = Person("", "Mine", "")
    assert choose(person, checked(carto)) == Saving("mine", default=True)
    where, name, start = person.questions
    assert where == (
        "Remember this account in ~/.config/cartoframes, readable only by you? [Y/n] "
    )
    assert name.startswith("Name to save it under [jane@127.0.0.1-")
    assert start == "Start every session with it, and cartoframes too? [Y/n] "
    assert choose(Person("n"), checked(carto)) is None


def test_only_the_first_account_starts_sessions_by_itself(carto: Sandbox) -> None:
    """Another one if that is wanted; one that was not checked never by itself."""
    store, jane = ProfileStore(), checked(carto)
    unchecked = login.unchecked(jane)
    assert choose(Person("", "a", ""), unchecked).default is False
    assert choose(None, unchecked).default is False
    store.save("bob", Credentials("bob", KEY), default=True)
    assert choose(Person("", "a", ""), jane).default is False
    assert choose(Person("", "a", "y"), jane).default is True
    assert choose(None, jane).default is False
    assert choose(None, jane, default=True).default is True


def test_a_temporary_token_is_remembered_only_if_asked_for(carto: Sandbox) -> None:
    """No is the answer of whoever presses Enter."""
    token = checked(carto, carto.accounts["jane"].oauth.token)
    person = Person("")
    assert choose(person, token) is None
    assert person.questions[0].endswith("[y/N] ")
    assert choose(None, token) is None
    assert choose(None, token, remember=True, name="a") == Saving("a", default=True)


def test_what_is_replaced_is_said_before(carto: Sandbox) -> None:
    """No is the answer of whoever presses Enter; another name is asked then."""
    store, jane = ProfileStore(), checked(carto)
    store.save("bob", Credentials("bob", KEY), default=True)
    store.save("jane", Credentials("jane", KEY, carto.base_url("jane")))
    person = Person("", "bob", "", "jane", "y", "")
    assert choose(person, jane) == Saving("jane", replace=True)
    asked = [question for question in person.questions if "Replace it?" in question]
    assert asked == [
        f"'{name}' is saved already; this replaces {whose}. Replace it? [y/N] "
        for name, whose in (
            ("bob", "the account of bob at bob.carto.com"),
            ("jane", "the saved key of jane"),
        )
    ]
    with pytest.raises(CartoLoginError, match="nothing was saved: --replace"):
        choose(None, jane, name="bob")
    assert choose(None, jane, name="bob", replace=True).replace is True


def test_a_new_master_key_is_offered_the_name_of_the_old(carto: Sandbox) -> None:
    """It is asked about all the same, and goes on to start sessions."""
    old = checked(carto)
    login.save(old, choose(None, old), Profiles())
    (name,) = ProfileStore().names()
    carto.accounts["jane"].master.token = "another-key-0123456789"
    new = checked(carto)
    person = Person("", "", "y")
    saving = choose(person, new)
    assert (saving.name, saving.replace) == (name, True)
    assert "replaces the saved key of jane" in person.questions[2]
    login.save(new, saving, Profiles())
    assert ProfileStore().default() == new


def test_the_same_key_again_replaces_nothing(carto: Sandbox) -> None:
    """It is saved under its name already."""
    jane = checked(carto)
    saving = choose(None, jane)
    login.save(jane, saving, Profiles())
    person = Person("", "")
    again = choose(person, jane)
    assert (again.name, again.replace) == (saving.name, True)
    assert not any("Replace" in question for question in person.questions)
    # What starts sessions already is not asked about.
    assert len(person.questions) == 2


def test_a_name_that_cannot_be_one_is_asked_again(carto: Sandbox) -> None:
    """With the reason."""
    person = Person("", "a b", "mine", "")
    assert choose(person, checked(carto)).name == "mine"
    assert "cannot be the name" in person.told[0]
    with pytest.raises(InvalidCredentialsError):
        choose(None, checked(carto), name="a b")


def test_who_goes_away_saves_nothing(carto: Sandbox) -> None:
    """At each of the questions but the last."""
    for answers in ((), ("y",)):
        assert choose(Person(*answers), checked(carto)) is None


# Whoever does not answer.


def test_nobody_is_asked_for_ever(carto: Sandbox) -> None:
    """After five keys it is over, with the ways to log in."""
    person = Person(carto.base_url("jane"), "jane", *[KEY] * 9)
    with pytest.raises(NotLoggedInError, match="CARTO_USERNAME and CARTO_API_KEY"):
        person.ask()
    assert len(person.hidden) == 5


def test_who_goes_away_is_not_signed_in() -> None:
    """At the first question, and at the key."""
    for answers in ([], ["", "jane"]):
        with pytest.raises(NotLoggedInError):
            Person(*answers).ask()
    assert get_default_credentials() is None
