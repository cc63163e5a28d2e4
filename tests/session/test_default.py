"""The account of the kernel, set as in cartoframes, and who hears of it."""

from __future__ import annotations

import functools
import json
import subprocess
import sys
import threading
import warnings
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import requests

from carto_login_widget import (
    Credentials,
    CredentialsFileError,
    InvalidCredentialsError,
    ProfileStore,
    get_default_credentials,
    login,
    on_default_change,
    set_default_credentials,
    unset_default_credentials,
)
from carto_login_widget.session import default as session_default

if TYPE_CHECKING:
    from pathlib import Path

KEY = "0123456789abcdef0123456789abcdef01234567"
ON_PREMISES = "https://maps.example.com/user/jane"


@pytest.fixture
def creds_json(tmp_path: Path) -> Path:
    """A file as cartoframes' guide shows it."""
    path = tmp_path / "creds.json"
    content = {"username": "filed", "api_key": KEY, "base_url": ON_PREMISES}
    path.write_text(json.dumps(content | {"base_url": "https://filed.carto.com"}))
    return path


def default() -> tuple[str | None, str, str]:
    """Return user name, key and address of the default account."""
    current = get_default_credentials()
    assert current is not None
    return current.username, current.api_key, current.base_url


@pytest.mark.parametrize(
    ("arguments", "keywords", "expected"),
    [
        (["jane", KEY], {}, ("jane", KEY, "https://jane.carto.com")),
        (["jane"], {}, ("jane", "default_public", "https://jane.carto.com")),
        (["jane"], {"api_key": KEY}, ("jane", KEY, "https://jane.carto.com")),
        ([ON_PREMISES, KEY], {}, (None, KEY, ON_PREMISES)),
        ([ON_PREMISES + "/"], {}, (None, "default_public", ON_PREMISES)),
        (["HTTPS://maps.example.com/user/j"], {}, (None, "default_public", None)),
        ([], {"username": "jane"}, ("jane", "default_public", None)),
        ([], {"base_url": ON_PREMISES, "api_key": KEY}, (None, KEY, ON_PREMISES)),
        (["jane", KEY], {"base_url": ON_PREMISES}, ("jane", KEY, ON_PREMISES)),
        ([ON_PREMISES, KEY], {"username": "jane"}, ("jane", KEY, ON_PREMISES)),
    ],
)
def test_it_is_called_as_in_cartoframes(
    arguments: list[str], keywords: dict[str, Any], expected: tuple[str | None, ...]
) -> None:
    """By user name or address, with a key or for public data."""
    set_default_credentials(*arguments, **keywords)
    username, key, base_url = default()
    assert (username, key) == expected[:2]
    assert expected[2] in (base_url, None)


def test_user_name_and_address_are_both_kept() -> None:
    """cartoframes drops the user name."""
    set_default_credentials(username="jane", base_url=ON_PREMISES, api_key=KEY)
    assert default() == ("jane", KEY, ON_PREMISES)


def test_an_empty_address_is_none() -> None:
    """cartoframes takes it for an address without https."""
    set_default_credentials(username="jane", base_url="", api_key=KEY)
    assert default() == ("jane", KEY, "https://jane.carto.com")


def test_an_address_needs_no_scheme() -> None:
    """cartoframes says that neither name nor address was given."""
    set_default_credentials(base_url="maps.example.com/user/jane")
    assert default()[2] == ON_PREMISES


def test_http_may_be_allowed() -> None:
    """The flag reaches the address, whether that is named or comes first."""
    address = "http://maps.example.com/user/jane"
    with pytest.raises(InvalidCredentialsError, match="allow_non_secure"):
        set_default_credentials(address)
    set_default_credentials(address, allow_non_secure=True)
    set_default_credentials(base_url=address, allow_non_secure=True)
    assert get_default_credentials().allow_non_secure


@pytest.mark.parametrize("first", [5, object(), b"jane", ["jane"], False, 0])
def test_what_is_no_account_raises(first: object) -> None:
    """cartoframes reads the default file instead."""
    ProfileStore().save("jane", Credentials("jane", KEY), default=True)
    with pytest.raises(InvalidCredentialsError, match=type(first).__name__):
        set_default_credentials(first)
    assert get_default_credentials() is None


@pytest.mark.parametrize("keywords", [{"first": ""}, {"username": ""}])
def test_an_empty_user_name_raises(keywords: dict[str, str]) -> None:
    """An unset variable must not sign in with some file instead."""
    ProfileStore().save("jane", Credentials("jane", KEY), default=True)
    with pytest.raises(InvalidCredentialsError, match="user name"):
        set_default_credentials(**keywords)


def test_what_was_built_by_hand_has_no_source() -> None:
    """There is nothing to name; what `login` was given is named so."""
    set_default_credentials("jane", KEY)
    assert get_default_credentials().source is None
    found = login(username="jane", api_key=KEY, validate=False)
    assert found.source == "arguments"


@pytest.mark.parametrize("name", ["creds.json", "CREDS.JSON"])
@pytest.mark.parametrize("how", ["first", "filepath"])
def test_a_file_is_read(creds_json: Path, name: str, how: str) -> None:
    """Named in any case, and by a text or a path."""
    path = creds_json.rename(creds_json.with_name(name))
    for given in (str(path), path):
        set_default_credentials(**{how: given})
        assert default() == ("filed", KEY, "https://filed.carto.com")
        assert get_default_credentials().source == str(path)


def test_without_arguments_the_file_of_the_store_is_read() -> None:
    """It is creds.json, as in cartoframes; a missing one is a missing file."""
    with pytest.raises(FileNotFoundError, match=r"creds\.json"):
        set_default_credentials()
    ProfileStore().save("jane", Credentials("jane", KEY), default=True)
    set_default_credentials()
    assert default()[0] == "jane"
    assert get_default_credentials().source == "creds.json"


def test_a_file_without_a_key_means_public_access(tmp_path: Path) -> None:
    """cartoframes sets the key to None."""
    path = tmp_path / "creds.json"
    path.write_text('{"username": "jane"}')
    with pytest.warns(UserWarning, match="Public data only"):
        set_default_credentials(path)
    assert default() == ("jane", "default_public", "https://jane.carto.com")


@pytest.mark.parametrize("content", ["[1]", "{", "", '{"username": 5}', '{"a": 1}'])
def test_a_broken_file_is_told_and_changes_nothing(
    tmp_path: Path, content: str
) -> None:
    """With its path, and the account of before stays."""
    set_default_credentials("jane", KEY)
    path = tmp_path / "creds.json"
    path.write_text(content)
    with pytest.raises(CredentialsFileError) as told:
        set_default_credentials(path)
    assert str(path) in str(told.value)
    assert default()[0] == "jane"
    assert path.read_text() == content


def test_ready_made_credentials_are_taken_as_they_are() -> None:
    """The same object is the default, first or by name."""
    credentials = Credentials("jane", KEY)
    for keywords in ({"first": credentials}, {"credentials": credentials}):
        set_default_credentials(**keywords)
        assert get_default_credentials() is credentials
        unset_default_credentials()


def test_credentials_of_cartoframes_are_taken() -> None:
    """By their attributes; what lacks some is refused."""
    session = requests.Session()
    theirs = SimpleNamespace(
        username="jane",
        api_key=KEY,
        base_url=ON_PREMISES,
        session=session,
        allow_non_secure=False,
    )
    set_default_credentials(theirs)
    assert default() == ("jane", KEY, ON_PREMISES)
    assert get_default_credentials().session is session
    with pytest.raises(InvalidCredentialsError):
        set_default_credentials(SimpleNamespace(api_key=KEY))


def test_a_session_reaches_every_kind_of_account(creds_json: Path) -> None:
    """It is the one that requests go through."""
    session = requests.Session()
    for first in ("jane", ON_PREMISES, str(creds_json), Credentials("jane", KEY)):
        set_default_credentials(first, session=session)
        assert get_default_credentials().session is session


@pytest.mark.parametrize(
    ("arguments", "keywords"),
    [
        (["jane"], {"credentials": Credentials("bob", KEY)}),
        (["jane"], {"filepath": "creds.json"}),
        (["jane"], {"username": "bob"}),
        ([ON_PREMISES], {"base_url": "https://other.example.com/user/jane"}),
        ([Credentials("jane", KEY)], {"username": "bob"}),
        ([Credentials("jane", KEY), "another-key"], {}),
        (["creds.json", "another-key"], {}),
        (["jane", "one-key"], {"api_key": "another-key"}),
        ([], {"credentials": Credentials("jane", KEY), "filepath": "creds.json"}),
        ([], {"filepath": "creds.json", "username": "jane"}),
        ([None, KEY], {}),
        ([], {"api_key": KEY}),
    ],
)
def test_nothing_that_was_given_is_ignored(
    arguments: list[Any], keywords: dict[str, Any]
) -> None:
    """Two accounts, or a key of nobody, are refused; cartoframes takes one of them."""
    set_default_credentials("before", KEY)
    with pytest.raises(InvalidCredentialsError) as told:
        set_default_credentials(*arguments, **keywords)
    assert default()[0] == "before"
    assert "another-key" not in str(told.value)


def test_it_asks_nobody(carto: Any) -> None:
    """Setting an account sends nothing, however wrong it may be."""
    set_default_credentials(base_url=carto.base_url("nobody"), api_key="wrong-key")
    assert carto.count == 0
    assert get_default_credentials().account is None


def test_listeners_hear_in_the_order_in_which_they_came() -> None:
    """Each change once, with the account or None."""
    heard: list[tuple[str, str | None]] = []
    stops = [
        on_default_change(lambda new, n=name: heard.append((n, new and new.username)))
        for name in "abc"
    ]
    set_default_credentials("jane", KEY)
    unset_default_credentials()
    for stop in stops:
        stop()
    assert heard == [
        *(("a", "jane"), ("b", "jane"), ("c", "jane")),
        *(("a", None), ("b", None), ("c", None)),
    ]


def test_a_subscription_ends_for_itself_only() -> None:
    """The same listener twice is two subscriptions, and ending one twice ends one."""
    heard: list[Any] = []
    first, second = on_default_change(heard.append), on_default_change(heard.append)
    first()
    first()
    set_default_credentials("jane", KEY)
    second()
    unset_default_credentials()
    assert [new.username for new in heard] == ["jane"]


def test_a_listener_may_end_a_subscription() -> None:
    """Its own or the next one, which then hears nothing any more."""
    heard: list[str] = []
    stops: list[Any] = []

    def leave(_new: Any) -> None:
        heard.append("leave")
        for stop in stops:
            stop()

    stops.append(on_default_change(leave))
    stops.append(on_default_change(lambda _new: heard.append("next")))
    set_default_credentials("jane", KEY)
    set_default_credentials("bob", KEY)
    assert heard == ["leave"]


def test_a_listener_that_fails_stops_nobody() -> None:
    """The account is set, the next one hears, and a warning names the one."""
    heard: list[Any] = []

    def follow_me(_new: Any) -> None:
        raise ValueError(KEY)

    stops = [on_default_change(follow_me), on_default_change(heard.append)]
    with pytest.warns(UserWarning, match="signed in here, but .*follow_me") as told:
        set_default_credentials("jane", KEY)
    assert [new.username for new in heard] == ["jane"]
    assert default()[0] == "jane"
    (warning,) = told
    assert "ValueError" in str(warning.message)
    assert KEY[:8] not in str(warning.message)
    assert warning.filename == __file__
    with pytest.warns(UserWarning, match="signed out here, but .*follow_me"):
        unset_default_credentials()
    for stop in stops:
        stop()


def test_the_arguments_of_a_listener_are_not_shown() -> None:
    """A partial's repr holds what it was made with."""
    stop = on_default_change(functools.partial(int, KEY))
    with pytest.warns(UserWarning, match="partial could not follow") as told:
        set_default_credentials("jane", KEY)
    stop()
    assert KEY[:8] not in str(told[0].message)


def test_a_listener_may_set_another_account() -> None:
    """Whoever comes after it hears the newest, and nobody ends on the older."""
    heard: list[str] = []

    def prefer_bob(new: Any) -> None:
        if new is not None and new.username == "jane":
            set_default_credentials("bob", KEY)

    stops = [
        on_default_change(prefer_bob),
        on_default_change(lambda new: heard.append(new.username)),
    ]
    set_default_credentials("jane", KEY)
    for stop in stops:
        stop()
    assert set(heard) == {"bob"}
    assert default()[0] == "bob"


def test_two_threads_leave_every_listener_on_the_newest() -> None:
    """Whatever the order in which they come, all end where the kernel does."""
    ends: dict[str, str] = {}
    inside = threading.Lock()

    def note(name: str, new: Any) -> None:
        assert inside.acquire(blocking=False), "two deliveries at a time"
        ends[name] = new.username
        inside.release()

    stops = [on_default_change(functools.partial(note, name)) for name in "abc"]
    start = threading.Barrier(2)

    def work(name: str) -> None:
        start.wait()
        for number in range(50):
            set_default_credentials(f"{name}-{number}", KEY)

    threads = [threading.Thread(target=work, args=(name,)) for name in ("x", "y")]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    for stop in stops:
        stop()
    assert ends == dict.fromkeys("abc", default()[0])


def test_who_comes_and_goes_stops_no_delivery() -> None:
    """Other threads subscribe and unsubscribe while the listeners are told."""
    stops = [on_default_change(lambda _: None) for _ in range(1000)]
    is_over = threading.Event()

    def come_and_go() -> None:
        while not is_over.is_set():
            on_default_change(lambda _: None)()

    threads = [threading.Thread(target=come_and_go) for _ in range(2)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for number in range(50):
            set_default_credentials(f"user-{number}", KEY)
    finally:
        is_over.set()
        sys.setswitchinterval(before)
        for thread in threads:
            thread.join()
    for stop in stops:
        stop()
    assert default()[0] == "user-49"


def test_no_bridge_is_loaded_before_somebody_signs_in() -> None:
    """Neither by importing nor by signing out; the first account loads them."""
    code = (
        "import sys\n"
        "import carto_login_widget as carto\n"
        "loaded = lambda: 'carto_login_widget.bridges' in sys.modules\n"
        "carto.unset_default_credentials(); carto.on_default_change(print)()\n"
        "print(loaded())\n"
        "carto.set_default_credentials('jane')\n"
        "print(loaded(), 'requests' in sys.modules, 'google' in sys.modules)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True", "False", "False"]


def test_who_stops_the_program_stops_no_delivery(carto: Any) -> None:
    """Ctrl-C in one listener leaves no other one with the account before."""
    heard: list[Any] = []

    def stopped(_new: Any) -> None:
        raise KeyboardInterrupt

    stops = [on_default_change(stopped), on_default_change(heard.append)]
    with pytest.raises(KeyboardInterrupt):
        set_default_credentials("jane", KEY)
    assert heard == [get_default_credentials()]
    for stop in stops:
        stop()


def test_a_library_is_told_again_but_not_of_what_was_learned() -> None:
    """Its user may have set another account; a checked copy changes nothing there."""
    heard: list[Any] = []
    session_default._state.listeners["a library"] = heard.append
    jane = Credentials("jane", KEY)
    set_default_credentials(jane)
    set_default_credentials(jane)
    assert len(heard) == 2
    session_default.publish(jane._with(profile="work"), instead_of=jane)
    assert len(heard) == 2
    del session_default._state.listeners["a library"]
