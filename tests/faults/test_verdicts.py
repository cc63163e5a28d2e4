"""What was learned of a key is told of that key, and written on nobody's object."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
import requests

from carto_login_widget import (
    Account,
    Credentials,
    LoginForm,
    ProfileStore,
    RejectedError,
    UndecidedError,
    get_default_credentials,
    login,
    set_default_credentials,
)
from carto_login_widget.sandbox import Fault

from .conftest import WRONG, account, save_accepted

if TYPE_CHECKING:
    from collections.abc import Callable

    from carto_login_widget.sandbox import Sandbox

PUBLIC = (
    *("username", "api_key", "base_url", "allow_non_secure", "session"),
    *("source", "profile", "account"),
)


# A verdict ends with its key.


def validated(carto: Sandbox) -> Credentials:
    credentials = account(carto)
    credentials.validate()
    return credentials


def signed_in(carto: Sandbox) -> Credentials:
    return login(credentials=account(carto))


def copied(carto: Sandbox) -> Credentials:
    return Credentials.from_credentials(signed_in(carto))


@pytest.mark.parametrize("accepted", [validated, signed_in, copied])
def test_a_refused_key_is_not_shown_as_checked(
    carto: Sandbox, accepted: Callable[[Sandbox], Credentials]
) -> None:
    """What was accepted before says nothing of a login that asks nobody."""
    credentials = accepted(carto)
    carto.accounts["jane"].master.token = WRONG
    with pytest.raises(RejectedError):
        credentials.validate()
    unchecked = login(credentials=credentials, validate=False)
    assert unchecked.account.checked is False
    assert "not checked" in unchecked.account.summary
    assert get_default_credentials() is unchecked


@pytest.mark.parametrize("state", ["well", "refused", "undecided"])
def test_validate_changes_nothing(carto: Sandbox, state: str) -> None:
    """It returns what it learned, and keeps none of it."""
    credentials = account(carto, key=WRONG if state == "refused" else None)
    known = login(credentials=account(carto))
    before = known.account
    if state == "undecided":
        carto.fail(Fault.status(502))
    for asked in (credentials, known):
        try:
            assert asked.validate().checked
        except (RejectedError, UndecidedError):
            assert state != "well"
    assert credentials.account is None
    assert known.account is before


@pytest.mark.parametrize("way", ["from_credentials", "set_default", "login"])
def test_a_foreign_object_brings_no_verdict(carto: Sandbox, way: str) -> None:
    """Whatever it says beside user, key and address."""
    jane = account(carto)
    theirs = SimpleNamespace(
        username=jane.username,
        api_key=WRONG,
        base_url=jane.base_url,
        session=None,
        allow_non_secure=True,
        account=Account("jane", jane.base_url, key_type="master"),
        profile="work",
        source="profile 'work'",
        proved=carto.url,
        accepted=True,
    )
    if way == "from_credentials":
        taken = Credentials.from_credentials(theirs)
    elif way == "set_default":
        set_default_credentials(theirs)
        taken = get_default_credentials()
    else:
        taken = login(credentials=theirs, validate=False)
    assert taken.account is None or taken.account.checked is False
    assert taken.profile is None
    assert taken.source != "profile 'work'"


# Nobody writes on what they were lent.


def validate_refused(credentials: Credentials, carto: Sandbox) -> None:
    carto.accounts["jane"].master.token = WRONG
    with pytest.raises(RejectedError):
        credentials.validate()


def login_refused(credentials: Credentials, carto: Sandbox) -> None:
    carto.accounts["jane"].master.token = WRONG
    with pytest.raises(RejectedError):
        login(credentials=credentials)


def login_undecided(credentials: Credentials, carto: Sandbox) -> None:
    with carto.fail(Fault.status(502)), pytest.raises(UndecidedError):
        login(credentials=credentials)


def kept_and_checked(credentials: Credentials, _carto: Sandbox) -> None:
    set_default_credentials(credentials)
    assert login().account.checked


def kept_and_undecided(credentials: Credentials, carto: Sandbox) -> None:
    set_default_credentials(credentials)
    with carto.fail(Fault.status(502)), pytest.warns(UserWarning):
        login()


def shown_in_a_form(credentials: Credentials, _carto: Sandbox) -> None:
    LoginForm(credentials=credentials).close()


ACTS: dict[str, Callable[[Credentials, Sandbox], Any]] = {
    "validate": lambda c, _: c.validate(),
    "validate refused": validate_refused,
    "set_default with a session": lambda c, _: set_default_credentials(
        c, session=requests.Session()
    ),
    "set_default by name with a session": lambda c, _: set_default_credentials(
        credentials=c, session=requests.Session()
    ),
    "login": lambda c, _: login(credentials=c),
    "login unchecked": lambda c, _: login(credentials=c, validate=False),
    "login refused": login_refused,
    "login undecided": login_undecided,
    "kept and checked": kept_and_checked,
    "kept and undecided": kept_and_undecided,
    "save": lambda c, _: c.save(),
    "store": lambda c, _: ProfileStore().save("work", c, default=True),
    "form": shown_in_a_form,
    "user_id": lambda c, _: c.user_id,
    "Google token": lambda c, _: c.get_gcloud_credentials(),
}


@pytest.mark.parametrize("act", ACTS)
def test_what_was_given_stays_as_it_was(carto: Sandbox, act: str) -> None:
    """Whatever is done with credentials, the caller's object does not change."""
    credentials = account(carto)
    before = [getattr(credentials, name) for name in PUBLIC]
    ACTS[act](credentials, carto)
    assert [getattr(credentials, name) for name in PUBLIC] == before


def test_what_was_learned_is_in_a_new_object(carto: Sandbox) -> None:
    """The login's own; what was set by hand is the default itself."""
    credentials = account(carto)
    set_default_credentials(credentials)
    assert get_default_credentials() is credentials
    session = requests.Session()
    set_default_credentials(credentials, session=session)
    copy = get_default_credentials()
    assert copy is not credentials
    assert copy == credentials
    assert copy.session is session
    learned = login(credentials=credentials)
    assert learned is not credentials
    assert learned.account.key_type == "master"
    assert get_default_credentials() is learned


# Nothing stays unchecked once CARTO can be asked.


def started_by_default(carto: Sandbox) -> None:
    save_accepted(carto, default=True)
    with carto.fail(Fault.status(502)), pytest.warns(UserWarning):
        login()


def started_by_name(carto: Sandbox) -> None:
    save_accepted(carto)
    with carto.fail(Fault.status(502)), pytest.warns(UserWarning):
        login("jane")


def registered_unchecked(carto: Sandbox) -> None:
    login(credentials=account(carto), validate=False)


def set_by_hand(carto: Sandbox) -> None:
    set_default_credentials(account(carto))
    with carto.fail(Fault.status(502)), pytest.warns(UserWarning):
        login()


UNCHECKED = [started_by_default, started_by_name, registered_unchecked, set_by_hand]


@pytest.mark.parametrize("start", UNCHECKED)
def test_an_unchecked_account_is_checked_at_the_next_login(
    carto: Sandbox, start: Callable[[Sandbox], None]
) -> None:
    """And once it was, nothing more is asked."""
    start(carto)
    before = login(validate=False).account
    assert before is None or before.checked is False
    assert login().account.key_type == "master"
    assert get_default_credentials().account.checked is True
    carto.clear()
    login()
    assert carto.count == 0


@pytest.mark.parametrize("start", UNCHECKED)
def test_an_unchecked_account_can_be_refused_at_the_next_login(
    carto: Sandbox, start: Callable[[Sandbox], None]
) -> None:
    """The verdict that comes late is told as any other."""
    start(carto)
    carto.accounts["jane"].master.token = WRONG
    with pytest.raises(RejectedError):
        login()
