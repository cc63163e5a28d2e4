"""What the bridge does to a cartoframes, shown with a stand-in for its module."""

from __future__ import annotations

import copy
import pickle
import sys
import traceback
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest

from carto_login_widget import CartoLoginError, Credentials
from carto_login_widget.bridges import cartoframes as bridge

KEY = "0123456789abcdef0123456789abcdef01234567"
JANE = Credentials("jane", KEY)
BOB = Credentials("bob", KEY)


@dataclass
class TheirCredentials:
    """As much of cartoframes' class as is looked at."""

    username: str | None
    api_key: str
    base_url: str
    session: Any = None
    allow_non_secure: bool = False

    def __post_init__(self) -> None:
        if "broken" in self.base_url:
            raise ValueError(self.api_key)


class TheirDefaults(ModuleType):
    """As much of `cartoframes.auth.defaults` as is used."""

    Credentials = TheirCredentials
    default: Any = None

    def get_default_credentials(self) -> Any:
        return self.default

    def set_default_credentials(self, credentials: Any) -> None:
        self.default = credentials

    def unset_default_credentials(self) -> None:
        self.default = None


@pytest.fixture
def theirs() -> TheirDefaults:
    return TheirDefaults("cartoframes.auth.defaults")


def test_login_switch_and_logout(theirs: TheirDefaults) -> None:
    """The default is an instance of their class, then another, then none."""
    bridged = bridge._Default()
    bridged.apply(theirs, JANE)
    assert isinstance(theirs.default, TheirCredentials)
    assert (theirs.default.username, theirs.default.api_key) == ("jane", KEY)
    bridged.apply(theirs, BOB)
    assert theirs.default.username == "bob"
    bridged.apply(theirs, None)
    assert theirs.default is None


def test_a_switch_leaves_no_moment_without_account(
    theirs: TheirDefaults, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another thread may read tables meanwhile."""
    bridged = bridge._Default()
    bridged.apply(theirs, JANE)
    unset: list[object] = []
    monkeypatch.setattr(theirs, "unset_default_credentials", lambda: unset.append(1))
    bridged.apply(theirs, BOB)
    assert theirs.default.username == "bob"
    assert unset == []
    bridged.apply(theirs, None)
    assert unset == [1]


def test_a_default_that_is_not_ours_is_not_unset(theirs: TheirDefaults) -> None:
    """A logout leaves alone what the user set after the login."""
    bridged = bridge._Default()
    own = TheirCredentials("own", KEY, "x")
    bridged.apply(theirs, JANE)
    theirs.set_default_credentials(own)
    bridged.apply(theirs, None)
    bridged.apply(theirs, None)
    assert theirs.default is own


def test_where_it_fails_nobody_else_is_left(theirs: TheirDefaults) -> None:
    """A library that refuses the account does not keep the one before."""
    bridged = bridge._Default()
    bridged.apply(theirs, JANE)
    with pytest.raises(ValueError, match=KEY):
        bridged.apply(theirs, Credentials("jane", KEY, "https://broken.example.com"))
    assert theirs.default is None


@pytest.fixture
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    package, auth = ModuleType("cartoframes"), ModuleType("cartoframes.auth")
    auth.Credentials = TheirCredentials
    monkeypatch.setitem(sys.modules, "cartoframes", package)
    monkeypatch.setitem(sys.modules, "cartoframes.auth", auth)


@pytest.mark.usefixtures("_installed")
def test_an_error_of_theirs_does_not_come_out() -> None:
    """What they raise may hold the key, so only its kind is told."""
    broken = Credentials("jane", KEY, "https://broken.example.com")
    with pytest.raises(CartoLoginError, match="ValueError") as caught:
        broken.to_cartoframes()
    told = traceback.TracebackException.from_exception(
        caught.value, capture_locals=True
    )
    told.stack.pop(0)  # this test, which knows the key
    assert KEY not in "".join(told.format())


@pytest.mark.usefixtures("_installed")
def test_the_key_is_hidden_and_kept() -> None:
    """No text shows it; copies and pickles have it and hide it too."""
    made = JANE.to_cartoframes()
    assert KEY not in f"{made} {made!r}"
    for other in (copy.copy(made), pickle.loads(pickle.dumps(made))):  # noqa: S301 - our own
        assert (other.api_key, repr(other)) == (KEY, repr(made))
        assert other == made != "jane"
