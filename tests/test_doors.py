"""Every public door is sealed: errors leave it without frames, cause and context."""

from __future__ import annotations

import inspect
import traceback
from typing import TYPE_CHECKING, Any

import pytest

import carto_login_widget as package
from carto_login_widget import (
    CartoLoginError,
    Credentials,
    ProfileStore,
    login,
    set_default_credentials,
)
from carto_login_widget.errors import sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "0123456789abcdef0123456789abcdef01234567"
DOOR = sealed(len).__code__
# These hand out what they hold, or only call another door.
OPEN = {
    *("Credentials.username", "Credentials.api_key", "Credentials.base_url"),
    *("Credentials.allow_non_secure", "Credentials.session", "Credentials.source"),
    *("Credentials.profile", "Credentials.account", "Credentials.user_id"),
    *("ProfileStore.directory", "ProfileStore.default_path"),
    *("get_default_credentials", "on_default_change"),
}


def doors() -> Iterator[tuple[str, Any]]:
    """Yield each public function, and the public methods of what holds accounts."""
    for name in package.__all__:
        value = getattr(package, name)
        if inspect.isfunction(value):
            yield name, value
    google = type(Credentials("jane").google_credentials())
    for kind in (Credentials, ProfileStore, google):
        for name, value in vars(kind).items():
            plain = getattr(value, "fget", getattr(value, "__func__", value))
            is_public = not name.startswith("_") or name == "__init__"
            if is_public and inspect.isfunction(plain) and kind is not google:
                yield f"{kind.__name__}.{name}", plain
    yield "google_credentials().refresh", google.refresh


def test_every_door_is_sealed() -> None:
    """A new one is sealed too, or it is entered above with its reason."""
    unsealed = {name for name, door in doors() if door.__code__ is not DOOR}
    assert unsealed == OPEN


class Odd:
    """What no argument is prepared for."""

    username = base_url = "jane"
    session = allow_non_secure = None

    @property
    def api_key(self) -> str:
        key = KEY
        raise ZeroDivisionError(len(key))


WRONG = {
    "a key in the address": lambda: Credentials("jane", KEY, f"https://x.com/{KEY}"),
    "no address": lambda: Credentials(base_url="https://10.0.0.5").validate(),
    "nobody listens": lambda: Credentials(
        "jane", KEY, "http://127.0.0.1:9/user/jane"
    ).validate(),
    "no Google token": lambda: Credentials(
        "jane", KEY, "http://127.0.0.1:9/user/jane"
    ).get_gcloud_credentials(),
    "no such file": lambda: Credentials.from_file(f"/nowhere/{KEY[:4]}.json"),
    "no such account": lambda: ProfileStore().load("nobody"),
    "a name that is none": lambda: ProfileStore().save("?", Credentials("jane", KEY)),
    "two keys": lambda: set_default_credentials("jane", KEY, api_key=KEY),
    "half an account": lambda: login(api_key=KEY),
    "something unexpected": lambda: Credentials.from_credentials(Odd()),
}


@pytest.mark.parametrize("what", WRONG)
def test_nothing_is_seen_through_a_door(what: str) -> None:
    """Not even where the traceback shows the values of variables."""
    error = caught_from(WRONG[what])
    assert error.__cause__ is error.__context__ is None
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    inside = [f for f in frames if package.__path__[0] in f.f_code.co_filename]
    assert {f.f_code for f in inside} == {DOOR}
    shown = [repr(value) for f in inside for value in f.f_locals.values()]
    assert not any(KEY in text for text in shown)


def test_an_unexpected_error_says_where_to_look() -> None:
    """As its frames are gone; what the package raises itself needs no note."""
    error = caught_from(WRONG["something unexpected"])
    assert type(error) is ZeroDivisionError
    assert error.__notes__ == [error.__notes__[0]]
    assert "Odd.api_key" in error.__notes__[0]
    assert not hasattr(caught_from(WRONG["half an account"]), "__notes__")


def test_ctrl_c_leaves_anew() -> None:
    """With nothing of the interrupted work about it."""

    @sealed
    def work(key: str) -> None:
        raise KeyboardInterrupt(key)

    error = caught_from(lambda: work(KEY))
    assert type(error) is KeyboardInterrupt
    assert error.args == ()


def caught_from(call: Callable[[], Any]) -> BaseException:
    """Return what a call raises."""
    try:
        call()
    except BaseException as error:  # noqa: BLE001 - Ctrl-C is among them
        return error
    raise CartoLoginError("nothing was raised")
