"""Credentials: what they take, what they show, and how they are kept."""

from __future__ import annotations

import base64
import copy
import json
import logging
import pickle
import weakref
from types import SimpleNamespace

import pytest
import requests

from carto_login_widget import Account, Credentials, InvalidCredentialsError
from carto_login_widget.secret import Secret, clean_paste

CANARY = "c4n4ry0123456789abcdef0123456789abcdef01"


def test_a_user_name_is_enough() -> None:
    """The key is then the public one, and the address the cloud's."""
    credentials = Credentials("jane")
    assert credentials.username == "jane"
    assert credentials.api_key == "default_public"
    assert credentials.base_url == "https://jane.carto.com"
    assert credentials.allow_non_secure is False
    assert credentials.session is None
    assert credentials.source is None
    assert credentials.account is None


def test_arguments_are_those_of_cartoframes_in_its_order() -> None:
    """Positions mean the same as there."""
    session = requests.Session()
    address = "http://x.example.com"
    credentials = Credentials("jane", "k", address, session, True)  # noqa: FBT003
    assert credentials.base_url == address
    assert credentials.session is session
    assert credentials.allow_non_secure is True


@pytest.mark.parametrize(
    ("given_url", "kept"),
    [
        ("https://jane.carto.com/", "https://jane.carto.com"),
        ("/https://Maps.example.com/user/jane/", "https://Maps.example.com/user/jane"),
        ("maps.example.com/user/jane", "https://maps.example.com/user/jane"),
        ("http://localhost:8080/user/jane", "http://localhost:8080/user/jane"),
        ("", "https://jane.carto.com"),
        (None, "https://jane.carto.com"),
    ],
)
def test_the_address_is_kept_as_given(given_url: str | None, kept: str) -> None:
    """Outer slashes go, a missing scheme is https, and an empty address is none."""
    assert Credentials("jane", "k", given_url).base_url == kept


def test_an_address_alone_is_enough() -> None:
    """The user name then stays None, as in cartoframes."""
    credentials = Credentials(base_url="https://jane.carto.com")
    assert credentials.username is None
    assert credentials._identity.address.username == "jane"


@pytest.mark.parametrize("key", [None, "default_public", " default_public\n"])
def test_no_key_is_the_public_one(key: str | None) -> None:
    """None means default_public, also in a file without the field."""
    assert Credentials("jane", key).api_key == "default_public"


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ((), "username"),
        (("", "k"), "username"),
        ((None, "k", ""), "username"),
        (("jane@example.com", "k"), "username"),
        ((5, "k"), "username"),
        (("jane", ""), "api_key"),
        (("jane", 5), "api_key"),
        (("jane", b"k"), "api_key"),
        (("jane", f"{CANARY} x"), "api_key"),
        (("jane", f"{CANARY}\nx"), "api_key"),
        (("jane", f"{CANARY}:x"), "api_key"),
        (("jane", f"{CANARY}é"), "api_key"),
        (("jane", f"eyJ{CANARY}"), "api_key"),
        (("jane", "k", 5), "base_url"),
        (("jane", "k", "http://maps.example.com"), "base_url"),
        (("jane", "k", "ftp://maps.example.com"), "base_url"),
    ],
)
def test_what_cannot_be_right_is_refused(
    arguments: tuple[object, ...], field: str
) -> None:
    """It is a ValueError that names the field, and never shows the key."""
    with pytest.raises(InvalidCredentialsError) as caught:
        Credentials(*arguments)
    assert caught.value.field == field
    assert CANARY[:8] not in repr((str(caught.value), caught.value.args))
    assert isinstance(caught.value, ValueError)


@pytest.mark.parametrize(
    "name", ["username", "api_key", "base_url", "allow_non_secure", "source", "account"]
)
def test_only_the_session_can_be_set(name: str) -> None:
    """The rest is read-only, so that what was validated stays what it was."""
    credentials = Credentials("jane", "k")
    with pytest.raises(AttributeError):
        setattr(credentials, name, "x")
    credentials.session = session = requests.Session()
    assert credentials.session is session


def test_the_key_shows_at_its_property_only() -> None:
    """Not by repr, format, vars, logging or JSON; in clear, base64 or in part."""
    credentials = Credentials("jane", CANARY)
    record = logging.LogRecord("x", 10, "", 0, "%s %r", (credentials,) * 2, None)
    ways = [
        repr(credentials),
        str(credentials),
        f"{credentials}",
        f"{credentials!s:>100}",
        repr(vars(credentials)),
        repr([credentials, {credentials: credentials}]),
        repr(credentials._identity),
        f"{credentials._identity.key:>20}",
        record.getMessage(),
        json.dumps(vars(credentials), default=repr),
        repr(copy.copy(credentials)),
        repr(copy.deepcopy(credentials)),
    ]
    encoded = base64.b64encode(CANARY.encode()).decode()
    parts = {text[i : i + 8] for text in (CANARY, encoded) for i in range(32)}
    assert [(way, part) for way in ways for part in parts if part in way] == []
    assert credentials.api_key == CANARY


def test_the_public_key_is_no_secret() -> None:
    """Everybody knows it, so its name shows what the account can do."""
    assert "default_public" in repr(Credentials("jane"))


def test_equal_is_the_same_user_key_and_address() -> None:
    """Another type is never equal, and equal ones share a hash."""
    one, same = Credentials("jane", "k"), Credentials("jane", "k")
    assert one == same
    assert len({one, same}) == 1
    assert one != Credentials("jane", "other")
    assert one != Credentials("john", "k")
    assert one != Credentials("jane", "k", "https://x.example.com/user/jane")
    assert (one == 5) is False
    assert (one == "jane") is False


def test_from_credentials_copies_ours_and_cartoframes() -> None:
    """What has the attributes is copied; anything else is a ValueError."""
    account = Account(username="jane", base_url="https://jane.carto.com")
    ours = Credentials("jane", CANARY)._with(source="x", account=account)
    copied = Credentials.from_credentials(ours)
    assert copied == ours
    assert copied is not ours
    assert (copied.source, copied.account) == ("x", account)
    theirs = SimpleNamespace(
        username=None,
        api_key=CANARY,
        base_url="https://jane.carto.com",
        session=None,
        allow_non_secure=None,
    )
    assert Credentials.from_credentials(theirs).api_key == CANARY
    with pytest.raises(ValueError, match="not str"):
        Credentials.from_credentials("jane")


@pytest.mark.parametrize(
    ("pasted", "clean"),
    [
        (' "jane"\n', "jane"),
        ("\u200bjane\ufeff", "jane"),
        ("\u201cjane\u201d", "jane"),
        ("\xa0jane\t", "jane"),
        ("jane", "jane"),
        ("''", ""),
    ],
)
def test_what_a_paste_brings_along_is_dropped(pasted: str, clean: str) -> None:
    """Blanks, quotes, line breaks and invisible characters around it."""
    assert clean_paste(pasted) == clean


def test_a_secret_compares_and_pickles_without_showing() -> None:
    """It is a value like any other, save that it does not print itself."""
    secret = Secret(CANARY)
    assert pickle.loads(pickle.dumps(secret)) == secret  # noqa: S301 - our own
    assert len({secret, Secret(CANARY)}) == 1
    assert secret != Secret("x")
    assert secret != CANARY
    assert bool(secret)
    assert not Secret("")
    assert Secret.of(secret) is secret
    assert Secret.of(None) is None


class Team(Credentials):
    """A subclass with attributes of its own, and a constructor of its own."""

    def __init__(self, team: str, key: str) -> None:
        super().__init__("jane", key)
        self.team = team


def test_a_copy_is_of_the_same_kind() -> None:
    """With the attributes of a subclass, and without calling its constructor."""
    given = Team("maps", CANARY)
    given.session = requests.Session()
    learned = given._with(source="x", proved="https://jane.carto.com")
    assert type(learned) is Team
    assert (learned.team, learned.source) == ("maps", "x")
    assert learned.session is given.session
    assert learned == given
    assert given.source is None


def test_a_pickle_has_all_but_the_session() -> None:
    """A session holds sockets and somebody's cookies."""
    given = Team("maps", CANARY)._with(source="x")
    given.session = requests.Session()
    loaded = pickle.loads(pickle.dumps(given))  # noqa: S301 - our own
    assert loaded == given
    assert (loaded.team, loaded.source, loaded.session) == ("maps", "x", None)
    assert given.session is not None
    assert weakref.ref(given)() is given


def test_what_cannot_compare_itself_is_not_asked() -> None:
    """cartoframes' own class raises for whatever is no such object."""

    class Theirs:
        def __eq__(self, other: object) -> bool:
            raise AttributeError

        __hash__ = None

    assert (Credentials("jane", CANARY) == Theirs()) is False


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_protocol_of_pickle(protocol: int) -> None:
    """The oldest ones know no slots."""
    jane = Credentials("jane", CANARY)
    assert pickle.loads(pickle.dumps(jane, protocol)) == jane  # noqa: S301
