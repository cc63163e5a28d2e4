"""What CARTO answers about one user and key, asked for when it is first looked at."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..address import base_from_template
from . import answers
from .answers import SAME_KEY, Answer
from .failures import Failure

if TYPE_CHECKING:
    from ..address import Address
    from .client import Client

# ruff: noqa: PLR2004 - HTTP statuses are known by their numbers


class Evidence:
    """The answers of one check, each of them asked for at most once."""

    def __init__(self, client: Client, primary: Answer) -> None:
        self.client = client
        self.address: Address = client.address
        self.primary: Answer = primary

    @property
    def status(self) -> int:
        """Status of the answer to the question itself."""
        return self.primary.status

    # What the question itself was answered.

    @cached_property
    def keys(self) -> list[Any] | None:
        """The keys that were listed, or None where it is not such a list."""
        listed = self.primary.object
        keys, total = listed.get("result"), listed.get("total")
        good = self.status == 200 and type(total) is int
        if not good or not isinstance(keys, list):
            return None
        return keys if all(isinstance(key, dict) for key in keys) else None

    @property
    def first(self) -> dict[str, Any]:
        """The first key that was listed, or `{}`."""
        return self.keys[0] if self.keys else {}

    @property
    def same_key(self) -> bool:
        """Whether the first key is the one that was sent."""
        return self.first.get("token") is SAME_KEY

    @property
    def listed_user(self) -> str:
        """Whose key it is, or `""`."""
        return username_of(self.first.get("user"))

    @property
    def same_user(self) -> bool:
        """Whether it is the key of the user that was asked for."""
        return self.listed_user == self.address.username

    @property
    def other_user(self) -> str:
        """Whose key it is, where it is not that of the user that was asked for."""
        seen = self.f1_user if self.missing else self.listed_user
        return answers.printable(seen) or "somebody else"

    @property
    def nothing_listed(self) -> bool:
        """Whether the key was accepted, but is not one of the keys that are listed."""
        return self.keys == [] and self.primary.object["total"] == 0

    @property
    def several(self) -> bool:
        """Whether there are more keys than the one that was asked for."""
        return bool(self.keys) and self.primary.object["total"] > 1

    @property
    def refused(self) -> bool:
        """Whether CARTO itself did not accept key and user."""
        return self.status == 401 and "www-authenticate" not in self.primary.headers

    @property
    def missing(self) -> bool:
        """Whether the question has no answer there, or the account is closed."""
        return self.status == 404

    # What the others were answered.

    @cached_property
    def f1(self) -> Answer | Failure:
        """The answer to F1."""
        return self.client.send("GET", "api/v4/me", key="header")

    @property
    def f1_status(self) -> int:
        """Status of F1; 0 where there is no answer."""
        return status_of(self.f1)

    @property
    def f1_user(self) -> str:
        """Who F1 says that it is; `""` where it does not."""
        return username_of(body_of(self.f1)) if self.f1_status == 200 else ""

    @property
    def f1_same_user(self) -> bool:
        """Whether F1 accepts the key, for the user that was asked for."""
        return self.f1_user == self.address.username

    def undecided(self, answer: Answer | Failure) -> Failure | None:
        """Why an answer says nothing about the key; None where it does."""
        if isinstance(answer, Failure):
            return answer
        return answers.foreign(answer, self.address)

    @cached_property
    def f2(self) -> Answer | Failure:
        """The answer to F2."""
        return self.client.send("GET", "api/v2/sql")

    def f2_says(self, status: int, words: str = "") -> bool:
        """Whether the SQL API answered so."""
        f2 = self.f2
        return isinstance(f2, Answer) and f2.status == status and words in f2.error_text

    @cached_property
    def f3(self) -> Failure | None:
        """None where F3 says that it is CARTO, else what is there or why nothing is."""
        return self.client.prove()

    @cached_property
    def f4(self) -> Answer | Failure:
        """The answer to F4."""
        return self.client.send("POST", "api/v2/sql", key="header")

    @cached_property
    def master(self) -> Answer | Failure:
        """The master key, as servers show it that do not list it first."""
        return self.client.send("GET", "api/v3/api_keys/Master", key="header")

    @property
    def is_master(self) -> bool:
        """Whether the key that was sent is the master key."""
        key = body_of(self.master)
        return (
            status_of(self.master) == 200
            and key.get("token") is SAME_KEY
            and username_of(key.get("user")) == self.address.username
        )

    @property
    def refusal(self) -> Answer | None:
        """The 403 that tells the state of the account, or None."""
        answer = self.f1 if self.missing else self.primary
        return answer if isinstance(answer, Answer) and answer.status == 403 else None

    def state_is(self, word: str) -> bool:
        """Whether CARTO refuses for the state of the account."""
        refusal = self.refusal
        return refusal is not None and refusal.object.get("error") == word

    @property
    def not_activated(self) -> bool:
        """Whether F1 refuses without a word, as for an unfinished sign-up."""
        return (
            self.missing and self.refusal is not None and not self.refusal.text.strip()
        )

    # Where the account would be, if not here.

    @property
    def path_address(self) -> str | None:
        """The address with `/user/<name>`, where the installation said it is so."""
        there = base_from_template(self.client.sql_template, self.address.username)
        suffix = f"/user/{self.address.username}"
        if there is None or self.address.base_url.endswith(suffix):
            return None
        return there if there.endswith(suffix) else None

    @property
    def other_address(self) -> str | None:
        """A better address than the one that was asked, or None."""
        base, name = self.address.base_url, self.address.username
        told = base_from_template(self.client.sql_template, name)
        if told is not None and told != base:
            return told
        suffix = f"/user/{name}"
        return None if base.endswith(suffix) or told == base else base + suffix


def username_of(value: Any) -> str:
    """The user name in a part of an answer, or `""`."""
    name = value.get("username") if isinstance(value, dict) else None
    return name if isinstance(name, str) else ""


def status_of(answer: Answer | Failure) -> int:
    """The status, or 0 where there is no answer."""
    return answer.status if isinstance(answer, Answer) else 0


def body_of(answer: Answer | Failure) -> dict[str, Any]:
    """The JSON object that was answered, or `{}`."""
    return answer.object if isinstance(answer, Answer) else {}


def said_of(answer: Answer | Failure) -> str:
    """The error that was answered, or `""`."""
    return answer.error_text if isinstance(answer, Answer) else ""
