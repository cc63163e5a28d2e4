"""What is said and kept as one state follows another, and where files are odd."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from carto_login_widget import (
    Credentials,
    LoginForm,
    ProfileStore,
    Reason,
    UndecidedError,
    get_default_credentials,
)
from carto_login_widget.form.fields import CUSTOM, NEW_ACCOUNT
from carto_login_widget.sandbox import Fault

from .conftest import Person

if TYPE_CHECKING:
    from pathlib import Path

    from carto_login_widget.sandbox import Sandbox

KEY = "some-key-0123456789"


def profiles(home: Path) -> Path:
    return home / ".config" / "cartoframes" / "profiles"


def test_a_verdict_goes_with_what_it_was_for(at_jane: Person, carto: Sandbox) -> None:
    """An accepted key is not called accepted for an address that is not there yet."""
    form = at_jane.form
    at_jane.choose(form.address_choice, CUSTOM)
    at_jane.commit(form.key_field, carto.accounts["jane"].master.token)
    at_jane.wait("accepted")
    at_jane.commit(form.base_url_field, "")
    assert "accepts" not in at_jane.reads()
    assert (form.status, form.message, form.account) == ("empty", "", None)


def test_a_refusal_goes_with_what_it_was_for(at_jane: Person) -> None:
    """After a wrong key, another name is not accused of it."""
    form = at_jane.form
    at_jane.enter(form.key_field, "wrong-key-0123456789")
    at_jane.wait("rejected")
    at_jane.commit(form.username_field, "anna")
    assert "Wrong key" not in at_jane.reads()
    assert form.status == "empty"


def test_a_missing_name_is_told_after_a_refusal_too(at_jane: Person) -> None:
    """Log in names what is missing, whatever went before."""
    form = at_jane.form
    at_jane.enter(form.key_field, "wrong-key-0123456789")
    at_jane.wait("rejected")
    at_jane.commit(form.base_url_field, "")
    at_jane.click("Log in")
    assert "Enter the address of your CARTO." in at_jane.reads()


def test_a_key_that_cannot_be_is_not_called_entered(person: Person) -> None:
    """What is refused at once is dropped, and nothing else is claimed."""
    person.commit(person.form.username_field, "jane")
    person.commit(person.form.key_field, "0123456789 9876543210")
    assert person.form._key is None
    assert "Key entered" not in person.reads()


def test_an_error_from_before_can_be_overruled(carto: Sandbox) -> None:
    """A default account without a verdict can be used without checking."""
    credentials = Credentials("jane", KEY, carto.base_url("jane"))
    ProfileStore().save("jane", credentials, default=True)
    error = UndecidedError("No network.", reason=Reason.UNREACHABLE)
    person = Person(LoginForm(error=error))
    assert "Use without checking" in person.labels()
    person.click("Use without checking")
    person.wait("signed_in")
    assert get_default_credentials().username == "jane"
    assert carto.count == 0


def test_a_saved_key_that_was_refused_is_asked_for(carto: Sandbox) -> None:
    """After the saved key was refused, the link to the keys is there."""
    credentials = Credentials("jane", "wrong-key-0123", carto.base_url("jane"))
    ProfileStore().save("jane", credentials, default=True)
    person = Person(LoginForm())
    person.click("Log in")
    person.wait("rejected")
    assert "Your API keys page" in person.reads()
    assert "Saved key." not in person.reads()


def test_a_broken_account_leaves_no_other_in_the_fields(home: Path) -> None:
    """The fields beside a broken account are not those of the one before."""
    store = ProfileStore()
    store.save("anna", Credentials("anna", KEY), default=True)
    store.save("jane", Credentials("jane", KEY))
    (profiles(home) / "jane.json").write_text("{")
    person = Person(LoginForm())
    person.choose(person.form.profile_field, "jane")
    assert "jane.json" in person.form.message
    assert person.form.username_field.value == ""


def test_a_broken_default_file_harms_no_other(carto: Sandbox, home: Path) -> None:
    """With a broken creds.json the other accounts are offered and usable."""
    credentials = Credentials(
        "jane", carto.accounts["jane"].master.token, carto.base_url("jane")
    )
    ProfileStore().save("jane", credentials, default=True)
    (home / ".config" / "cartoframes" / "creds.json").write_text("{")
    person = Person(LoginForm())
    person.choose(person.form.profile_field, NEW_ACCOUNT)
    person.choose(person.form.profile_field, "jane")
    person.wait("accepted")
    person.click("Log in")
    person.wait("signed_in")
    assert "Signed in to CARTO as jane" in person.reads()


def test_an_unreadable_store_is_told_at_the_end(
    at_jane: Person, carto: Sandbox, home: Path
) -> None:
    """Where the store is a file, one signs in all the same, and is told."""
    (home / ".config").mkdir()
    (home / ".config" / "cartoframes").write_text("in the way")
    person = Person(LoginForm(username="jane", base_url=carto.base_url("jane")))
    person.enter(person.form.key_field, carto.accounts["jane"].master.token)
    person.wait("signed_in")
    assert "could not be saved" in person.reads()


def test_a_session_is_used_for_saved_accounts_too(carto: Sandbox) -> None:
    """The proxies and certificates that were lent hold for every account."""
    ProfileStore().save(
        "jane", Credentials("jane", carto.accounts["jane"].master.token), default=True
    )
    person = Person(LoginForm(session=carto.session()))
    person.click("Log in")
    person.wait("signed_in")
    assert isinstance(get_default_credentials().session, requests.Session)


def test_server_text_is_text(at_jane: Person, carto: Sandbox) -> None:
    """Markup of a server is shown as it is, and runs nowhere."""
    text = "<script>alert(1)</script>"
    fault = Fault.json(403, {"errors": [text]})
    with carto.fail(fault, "/api/v3/api_keys"):
        at_jane.enter(at_jane.form.key_field, KEY)
        at_jane.until(lambda: at_jane.form.status in ("rejected", "undecided"))
    assert "<script>" not in at_jane.reads().split("</style>")[-1]


@pytest.mark.parametrize(
    ("name", "said"), [("lena", "locked"), ("mara", "maintenance")]
)
def test_a_state_of_the_account_is_told(
    person: Person, carto: Sandbox, name: str, said: str
) -> None:
    """A locked account is no wrong key."""
    form = person.form
    person.choose(form.address_choice, CUSTOM)
    person.commit(form.base_url_field, carto.base_url(name))
    person.commit(form.username_field, name)
    person.enter(form.key_field, carto.accounts[name].master.token)
    person.wait("rejected")
    assert said in form.message


def test_a_key_that_everybody_knows(at_jane: Person) -> None:
    """`default_public` is accepted for what it is."""
    at_jane.commit(at_jane.form.key_field, "default_public")
    at_jane.wait("accepted")
    assert "Public access only" in at_jane.form.message


def test_an_account_without_engine(person: Person, carto: Sandbox) -> None:
    """Where permissions cannot be listed, the key is accepted and that is said."""
    form = person.form
    person.choose(form.address_choice, CUSTOM)
    person.commit(form.base_url_field, carto.base_url("enzo"))
    person.enter(form.key_field, carto.accounts["enzo"].master.token)
    person.wait("signed_in")
    assert "no Engine access" in form.message


def test_undecided_then_cancel_then_edit(at_jane: Person, carto: Sandbox) -> None:
    """The edit is checked; the wish was cancelled, and so are the words about it."""
    form = at_jane.form
    with carto.fail(Fault.status(503)):
        at_jane.enter(form.key_field, carto.accounts["jane"].master.token)
        at_jane.wait("undecided")
        at_jane.click("Cancel")
        assert form.status == "empty"
    at_jane.commit(form.username_field, "Jane")
    at_jane.wait("accepted")
    assert "Cancelled" not in at_jane.reads()
    assert get_default_credentials() is None


def test_cancel_then_enter(at_jane: Person, carto: Sandbox) -> None:
    """Enter after Cancel checks again, with the key that was entered."""
    form = at_jane.form
    with carto.fail(Fault.hang()):
        at_jane.enter(form.key_field, carto.accounts["jane"].master.token)
        at_jane.wait("checking")
        at_jane.click("Cancel")
    at_jane.press_enter(form.key_field)
    at_jane.wait("signed_in")


def test_an_unexpected_failure_leaves_the_form_usable(
    at_jane: Person, carto: Sandbox
) -> None:
    """An observer of a program that fails is told, and the next try works."""
    form = at_jane.form

    def broken(_change: object) -> None:
        form.unobserve(broken, "account")
        raise RuntimeError

    form.observe(broken, "account")
    at_jane.enter(form.key_field, carto.accounts["jane"].master.token)
    at_jane.until(lambda: "Something went wrong here" in at_jane.reads())
    assert form.status == "empty"
    at_jane.click("Log in")
    at_jane.wait("signed_in")
