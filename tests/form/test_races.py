"""What arrives late, twice, or on two threads at once."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from carto_login_widget import (
    CartoLoginError,
    Credentials,
    LoginForm,
    ProfileStore,
    get_default_credentials,
    on_default_change,
    set_default_credentials,
    unset_default_credentials,
)
from carto_login_widget.form.login_form import GRACE
from carto_login_widget.sandbox import Fault

from .conftest import Person

if TYPE_CHECKING:
    from carto_login_widget.sandbox import Sandbox

KEY = "some-key-0123456789"


def save(carto: Sandbox, *names: str) -> None:
    """Save accounts of the sandbox under their user names, the first as default."""
    for name in names:
        credentials = Credentials(
            name, carto.accounts[name].master.token, carto.base_url(name)
        )
        ProfileStore().save(name, credentials, default=name == names[0])


def sign_in(person: Person, carto: Sandbox) -> None:
    person.enter(person.form.key_field, carto.accounts["jane"].master.token)
    person.wait("signed_in")


def test_a_late_enter_is_no_wish_for_the_next_account(
    at_jane: Person, carto: Sandbox
) -> None:
    """An Enter after sign-in does not sign in what is chosen later."""
    sign_in(at_jane, carto)
    at_jane.press_enter(at_jane.form.key_field)
    at_jane.form.login_button._handle_custom_msg({"event": "click"}, [])
    save(carto, "anna", "bob")
    at_jane.click("Switch account")
    at_jane.choose(at_jane.form.profile_field, "bob")
    at_jane.wait("accepted")
    assert get_default_credentials().username == "jane"


def test_cancel_takes_back_an_enter_just_before(
    at_jane: Person, carto: Sandbox
) -> None:
    """Enter and Cancel that arrive together end with nothing under way."""
    form = at_jane.form
    with carto.fail(Fault.hang()):
        at_jane.commit(form.key_field, carto.accounts["jane"].master.token)
        at_jane.wait("checking")
        at_jane.until(lambda: time.monotonic() - form._committed_at > GRACE)
        at_jane.press_enter(form.username_field)
        at_jane.click("Cancel")
        time.sleep(3 * GRACE)
        assert form.status == "empty"


def test_choosing_while_registering_saves_under_the_right_name(
    carto: Sandbox,
) -> None:
    """Another choice while the libraries are told overwrites no saved account."""
    save(carto, "bob", "jane")
    person = Person(LoginForm())
    before = ProfileStore().load("jane").api_key
    reporting = carto.accounts["bob"].keys["reporting"].token
    person.commit(person.form.key_field, reporting)
    person.wait("accepted")
    # The steps of a click, with the choice of another account between them.
    with person.form._lock:
        todo = person.form._sign_in(person.form._check.credentials)
    person.form._chosen = ProfileStore().load("jane")
    todo()
    person.wait("signed_in")
    assert ProfileStore().load("jane").api_key == before
    assert ProfileStore().load("bob").api_key == reporting


def test_the_card_is_of_the_account_that_was_set_last(
    at_jane: Person, carto: Sandbox
) -> None:
    """An account that a cell sets while the libraries are told is the one shown."""

    def meddle(credentials: Any) -> None:
        if credentials is not None and credentials.username == "jane":
            set_default_credentials("bob", KEY)

    stop = on_default_change(meddle)
    sign_in(at_jane, carto)
    stop()
    assert get_default_credentials().username == "bob"
    at_jane.until(lambda: "bob" in at_jane.form.message)
    assert at_jane.form.credentials is get_default_credentials()


def test_a_program_that_hears_the_status_may_sign_out(
    at_jane: Person, carto: Sandbox
) -> None:
    """An observer that changes the default while a cell does so holds up nobody."""
    form, began = at_jane.form, threading.Event()

    def observer(change: Any) -> None:
        if change["new"] == "accepted":
            began.set()
            time.sleep(0.1)
            set_default_credentials("anna", KEY)

    form.observe(observer, "status")
    at_jane.commit(form.key_field, carto.accounts["jane"].master.token)
    assert began.wait(10)
    stop = on_default_change(lambda _credentials: time.sleep(0.2))
    cell = threading.Thread(
        target=set_default_credentials, args=("bob", KEY), daemon=True
    )
    cell.start()
    cell.join(5)
    stop()
    assert not cell.is_alive()


def test_a_login_that_ends_elsewhere_is_not_offered_any_more(
    at_jane: Person, carto: Sandbox
) -> None:
    """ "Stay signed in" goes when a cell signs out, and follows another account."""
    sign_in(at_jane, carto)
    at_jane.click("Switch account")
    set_default_credentials("bob", KEY)
    assert "Stay signed in as bob" in at_jane.labels()
    unset_default_credentials()
    assert at_jane.labels() == ["Log in"]


def test_signing_out_leaves_what_is_typed_meanwhile(
    at_jane: Person, carto: Sandbox
) -> None:
    """While slow libraries hear of the sign-out, the form may be in use already."""
    form = at_jane.form
    sign_in(at_jane, carto)

    def slow(credentials: Any) -> None:
        if credentials is None:
            at_jane.commit(form.username_field, "anna")

    stop = on_default_change(slow)
    at_jane.click("Log out")
    stop()
    assert form.username_field.value == "anna"
    assert "Signed out." in form.message


def test_closing_ends_the_wait(form: LoginForm) -> None:
    """Who waits for a form that is closed hears of it."""

    async def waiting() -> None:
        threading.Timer(0.05, form.close).start()
        with pytest.raises(CartoLoginError, match="closed"):
            await form.wait(10)

    asyncio.run(waiting())


def test_closing_while_checking_ends_in_nothing(
    at_jane: Person, carto: Sandbox
) -> None:
    """The answer for a form that is gone signs nobody in."""
    form, key = at_jane.form, carto.accounts["jane"].master.token
    with carto.fail(Fault.latency(0.2), "/api/v3/api_keys"):
        at_jane.enter(form.key_field, key)
        at_jane.wait("checking")
        at_jane.press_enter(form.username_field)
        form.close()
        time.sleep(0.5)
    assert get_default_credentials() is None
    assert form._key is None
    assert form.status != "signed_in"


def test_a_late_name_does_not_stay_beside_the_card(
    at_jane: Person, carto: Sandbox
) -> None:
    """What the page still commits after sign-in is not kept in the notebook."""
    sign_in(at_jane, carto)
    at_jane.commit(at_jane.form.username_field, "jane")
    assert at_jane.form.username_field.value == ""
