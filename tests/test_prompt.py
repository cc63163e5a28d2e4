"""Signing in by questions."""

from __future__ import annotations

import builtins
import getpass
import json
from typing import TYPE_CHECKING, Any

import pytest

from carto_login_widget import (
    NotLoggedInError,
    ProfileStore,
    get_default_credentials,
    prompt,
    set_default_credentials,
)
from carto_login_widget.sandbox import Fault
from carto_login_widget.store.profiles import Profiles

if TYPE_CHECKING:
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

    def ask(self, **keywords: Any) -> Any:
        """Be asked."""
        return prompt.ask(
            read=self.read, read_key=self.read_key, say=self.told.append, **keywords
        )


def key_of(carto: Sandbox, name: str = "jane") -> str:
    """Return the master key of an account of the sandbox."""
    return carto.accounts[name].master.token


def test_it_asks_for_address_name_and_key(carto: Sandbox, home: Path) -> None:
    """The address first, the key last and hidden; nothing is saved without a store."""
    person = Person(carto.base_url("jane"), "jane", f' "{key_of(carto)}"\n')
    credentials = person.ask()
    assert [question.split()[0] for question in person.questions] == [
        *("CARTO", "CARTO"),
        "API",
    ]
    assert person.hidden == ["API key (not shown): "]
    assert get_default_credentials() is credentials
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
    assert get_default_credentials() is credentials


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


@pytest.mark.parametrize(("answer", "saved"), [("", True), ("Y", True), ("n", False)])
def test_it_is_saved_if_the_user_wants_it(
    carto: Sandbox, answer: str, saved: bool
) -> None:
    """The question says where; the account is the one that sessions start with."""
    store = ProfileStore()
    person = Person(carto.base_url("jane"), "jane", key_of(carto), answer)
    credentials = person.ask(profiles=Profiles())
    assert str(store.directory) in person.questions[-1]
    assert (store.default() == credentials) is saved
    assert (credentials.profile is not None) is saved
    assert len(store.names()) == saved


def test_a_save_that_fails_is_told(carto: Sandbox, home: Path) -> None:
    """The login stands."""
    (home / "in-the-way").write_text("")
    person = Person(carto.base_url("jane"), "jane", key_of(carto), "y")
    person.ask(profiles=Profiles(home / "in-the-way"))
    assert "could not be saved" in person.told[-1]
    assert get_default_credentials().username == "jane"


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


def test_the_kernel_may_lend_its_own_input(
    carto: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A kernel replaces `input` and `getpass` while a cell runs, so they count then."""
    person = Person(carto.base_url("jane"), "jane", key_of(carto))
    monkeypatch.setattr(builtins, "input", person.read)
    monkeypatch.setattr(getpass, "getpass", person.read_key)
    assert prompt.ask().username == "jane"
    assert "CARTO accepts this key" in capsys.readouterr().out
