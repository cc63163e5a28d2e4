"""What the form does with what a person commits."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest

from carto_login_widget import (
    Credentials,
    LoginForm,
    ProfileStore,
    get_default_credentials,
    on_default_change,
    set_default_credentials,
    unset_default_credentials,
)
from carto_login_widget.form.fields import CUSTOM, NEW_ACCOUNT
from carto_login_widget.sandbox import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from carto_login_widget.sandbox import Sandbox

    from .conftest import Person


def keys_judged(carto: Sandbox) -> list[str | None]:
    return [r.key for r in carto.requests if r.path.endswith("/api_keys")]


def saved(home: Path) -> list[str]:
    store = home / ".config" / "cartoframes" / "profiles"
    return sorted(p.stem for p in store.iterdir()) if store.exists() else []


def save_jane(carto: Sandbox, *, default: bool = True) -> Credentials:
    credentials = Credentials(
        "jane", carto.accounts["jane"].master.token, carto.base_url("jane")
    )
    ProfileStore().save("jane", credentials, default=default)
    return credentials


def test_a_fresh_form_is_empty(person: Person) -> None:
    """Nothing is asked, said or sent before somebody types."""
    form = person.form
    assert (form.status, form.message, form.account) == ("empty", "", None)
    assert form.credentials is None
    assert form.profile_field.layout.display == "none"
    assert form.base_url_field.layout.display == "none"
    assert person.labels() == ["Log in"]


def test_committing_checks_at_once(at_jane: Person, carto: Sandbox) -> None:
    """The verdict comes without a click, and Log in uses it."""
    form = at_jane.form
    at_jane.commit(form.key_field, carto.accounts["jane"].keys["reporting"].token)
    at_jane.wait("accepted")
    assert "reporting" in form.message
    assert form.account.key_type == "regular"
    assert get_default_credentials() is None
    at_jane.click("Log in")
    at_jane.wait("signed_in")
    assert len(keys_judged(carto)) == 1
    assert get_default_credentials() is form.credentials


@pytest.mark.parametrize("enter_first", [True, False])
def test_enter_logs_in_in_either_order(
    at_jane: Person, carto: Sandbox, enter_first: bool
) -> None:
    """Enter may arrive before or after the text that it commits."""
    form, key = at_jane.form, carto.accounts["jane"].master.token
    if enter_first:
        at_jane.enter(form.key_field, key)
    else:
        at_jane.commit(form.key_field, key)
        at_jane.press_enter(form.key_field)
    at_jane.wait("signed_in")
    assert keys_judged(carto) == [key]


def test_enter_after_the_verdict_needs_no_second_request(
    at_jane: Person, carto: Sandbox
) -> None:
    """Enter in any field logs in with the verdict that is there."""
    form = at_jane.form
    at_jane.commit(form.key_field, carto.accounts["jane"].master.token)
    at_jane.wait("accepted")
    at_jane.press_enter(form.username_field)
    at_jane.wait("signed_in")
    assert len(keys_judged(carto)) == 1


def test_the_key_is_in_no_trait(at_jane: Person, carto: Sandbox) -> None:
    """The key leaves the field in the very message that brings it."""
    form, key = at_jane.form, carto.accounts["jane"].master.token
    with carto.fail(Fault.hang()):
        at_jane.commit(form.key_field, key)
        assert form.key_field.value == ""
        at_jane.wait("checking")
        assert key not in str([w.get_state() for w in form._view.all_widgets()])
        assert "Key entered" in at_jane.reads()


def test_what_a_paste_brings_along_is_dropped(at_jane: Person, carto: Sandbox) -> None:
    """Blanks, quotes, line breaks and invisible characters are not the key."""
    key = carto.accounts["jane"].master.token
    at_jane.commit(at_jane.form.username_field, " \u200bJane\n")
    at_jane.enter(at_jane.form.key_field, f'  "{key}"\u200b\n')
    at_jane.wait("signed_in")
    assert keys_judged(carto) == [key]


def test_a_wrong_key_asks_for_the_key_only(at_jane: Person, carto: Sandbox) -> None:
    """The reason stands beside the key; name, address and login stay."""
    set_default_credentials("bob", "some-other-key")
    before = get_default_credentials()
    form = at_jane.form
    at_jane.enter(form.key_field, "wrong-key-0123456789")
    at_jane.wait("rejected")
    assert form.message.startswith("Wrong key.")
    assert "still signed in as bob" in form.message
    assert form.username_field.value == "jane"
    assert form.base_url_field.value == carto.base_url("jane")
    assert get_default_credentials() is before
    at_jane.enter(form.key_field, carto.accounts["jane"].master.token)
    at_jane.wait("signed_in")
    assert get_default_credentials().username == "jane"


def test_an_unknown_user_keeps_the_key(person: Person, carto: Sandbox) -> None:
    """After correcting the name nobody types the key again."""
    form = person.form
    person.choose(form.address_choice, CUSTOM)
    person.commit(form.base_url_field, carto.url)
    person.commit(form.username_field, "jnae")
    person.enter(form.key_field, carto.accounts["jane"].master.token)
    person.wait("rejected")
    assert form.message.startswith("Unknown user.")
    person.enter(form.username_field, "jane")
    person.wait("signed_in")


def test_no_verdict_can_be_tried_again(at_jane: Person, carto: Sandbox) -> None:
    """A server in trouble is not a wrong key: Try again uses what was typed."""
    form, key = at_jane.form, carto.accounts["jane"].master.token
    with carto.fail(Fault.rate_limited(120)):
        at_jane.enter(form.key_field, key)
        at_jane.wait("undecided")
        assert at_jane.labels() == ["Try again", "Use without checking", "Cancel"]
        assert form.message.startswith("No verdict.")
    at_jane.click("Try again")
    at_jane.wait("signed_in")


def test_use_without_checking_is_marked(
    at_jane: Person, carto: Sandbox, home: Path
) -> None:
    """Who insists is signed in, as unchecked."""
    form = at_jane.form
    with carto.fail(Fault.status(503)):
        at_jane.enter(form.key_field, carto.accounts["jane"].master.token)
        at_jane.wait("undecided")
        at_jane.click("Use without checking")
        at_jane.wait("signed_in")
    assert form.account.checked is False
    assert "not checked" in at_jane.reads()
    assert len(saved(home)) == 1


def test_cancel_gives_the_form_back(at_jane: Person, carto: Sandbox) -> None:
    """A cancelled check changes nothing any more, and Log in starts another."""
    form = at_jane.form
    with carto.fail(Fault.hang()):
        at_jane.enter(form.key_field, carto.accounts["jane"].master.token)
        at_jane.wait("checking")
        carto.wait_for(1)
        at_jane.click("Cancel")
        assert form.status == "empty"
    assert get_default_credentials() is None
    at_jane.click("Log in")
    at_jane.wait("signed_in")


def test_a_stale_answer_is_dropped(at_jane: Person, carto: Sandbox) -> None:
    """What was typed last decides, whichever answer comes last."""
    form, right = at_jane.form, carto.accounts["jane"].master.token
    with carto.fail(Fault.latency(0.3), "/api/v3/api_keys", times=1):
        at_jane.commit(form.key_field, "wrong-key-0123456789")
        at_jane.until(lambda: bool(keys_judged(carto)))
        at_jane.enter(form.key_field, right)
        at_jane.wait("signed_in")
    assert form.status == "signed_in"
    assert get_default_credentials().api_key == right


def test_a_wish_waits_for_what_is_missing(person: Person, carto: Sandbox) -> None:
    """Log in before the rest was typed names it, and logs in when it comes."""
    form = person.form
    person.click("Log in")
    assert "Enter your CARTO user name." in person.reads()
    person.choose(form.address_choice, CUSTOM)
    assert "Enter the address of your CARTO." in person.reads()
    person.commit(form.base_url_field, carto.base_url("jane"))
    assert "Enter the API key." in person.reads()
    person.commit(form.key_field, carto.accounts["jane"].master.token)
    person.wait("signed_in")


def test_nothing_is_nagged_about_before_that(person: Person) -> None:
    """Leaving a field does not complain about the next ones."""
    person.commit(person.form.username_field, "jane")
    assert "Enter" not in person.reads()
    assert "jane.carto.com" in person.reads()


@pytest.mark.parametrize(
    ("name", "hint"),
    [("jane doe", "jane doe"), ("jane@example.com", "e-mail"), ("evil.com/#", "evil")],
)
def test_a_name_that_cannot_be_is_told_at_once(
    person: Person, name: str, hint: str
) -> None:
    """A wrong user name is named beside its field and nothing is sent."""
    person.commit(person.form.username_field, name)
    person.commit(person.form.key_field, "some-key-0123456789")
    assert 'role="alert"' in person.reads()
    assert hint in person.reads()
    assert person.form.status == "empty"


def test_a_key_that_cannot_be_is_told_at_once(person: Person) -> None:
    """A key with a blank in it is refused beside its field, and not shown."""
    person.commit(person.form.username_field, "jane")
    person.commit(person.form.key_field, "0123456789 9876543210")
    assert "character" in person.reads()
    assert "0123456789" not in person.reads()


def test_a_token_of_carto_3_is_recognised(person: Person) -> None:
    """A token of the new platform is told from a wrong key, before any request."""
    person.commit(person.form.username_field, "jane")
    person.commit(person.form.key_field, "eyJhbGciOiJIUzI1NiJ9.e30.c2ln")
    assert "new" in person.reads().lower()
    assert person.form.status == "empty"


def test_remember_saves_and_makes_default(
    at_jane: Person, carto: Sandbox, home: Path
) -> None:
    """A remembered account is the one that sessions start with."""
    at_jane.enter(at_jane.form.key_field, carto.accounts["jane"].master.token)
    at_jane.wait("signed_in")
    (name,) = saved(home)
    assert name.startswith("jane@127.0.0.1-")
    assert ProfileStore().default_name == name


def test_without_remember_nothing_is_written(
    at_jane: Person, carto: Sandbox, home: Path
) -> None:
    """An unticked Remember leaves no file, not even a directory."""
    at_jane.form.remember_field.set_state({"value": False})
    at_jane.enter(at_jane.form.key_field, carto.accounts["jane"].master.token)
    at_jane.wait("signed_in")
    assert not (home / ".config").exists()


def test_a_late_tick_is_honoured(at_jane: Person, carto: Sandbox, home: Path) -> None:
    """A tick that arrives after the login it was meant for saves all the same."""
    form = at_jane.form
    form.remember_field.set_state({"value": False})
    at_jane.enter(form.key_field, carto.accounts["jane"].master.token)
    at_jane.wait("signed_in")
    form.remember_field.set_state({"value": True})
    at_jane.until(lambda: bool(saved(home)))
    assert "Saved" in at_jane.reads()


def test_a_failed_save_does_not_undo_the_login(
    at_jane: Person, carto: Sandbox, home: Path
) -> None:
    """Where the directory cannot be made, one is signed in and told."""
    (home / ".config").write_text("in the way")
    at_jane.enter(at_jane.form.key_field, carto.accounts["jane"].master.token)
    at_jane.wait("signed_in")
    assert get_default_credentials().username == "jane"
    assert "could not be saved" in at_jane.reads()


def test_a_failed_listener_does_not_undo_the_login(
    at_jane: Person, carto: Sandbox
) -> None:
    """A library that cannot follow is told on the card."""

    def broken(_credentials: Any) -> None:
        raise RuntimeError

    stop = on_default_change(broken)
    at_jane.enter(at_jane.form.key_field, carto.accounts["jane"].master.token)
    at_jane.wait("signed_in")
    stop()
    assert "could not follow" in at_jane.reads()


def test_saved_accounts_are_offered_default_first(carto: Sandbox) -> None:
    """The dropdown lists them, then "New account…"; the default is filled in."""
    save_jane(carto)
    ProfileStore().save("anna", Credentials("anna", "some-key-0123456789"))
    form = LoginForm()
    assert form.profile_field.options == ("jane", "anna", NEW_ACCOUNT)
    assert form.username_field.value == "jane"
    assert form.base_url_field.value == carto.base_url("jane")
    assert form.status == "empty"
    assert carto.count == 0


def test_choosing_a_saved_account_validates_it(carto: Sandbox, home: Path) -> None:
    """Its key is never shown; Log in confirms; no file changes."""
    from .conftest import Person

    ProfileStore().save(
        "anna", Credentials("anna", "some-key-0123456789"), default=True
    )
    credentials = save_jane(carto, default=False)
    files = {p: p.read_bytes() for p in (home / ".config").rglob("*.json")}
    person = Person(LoginForm())
    person.choose(person.form.profile_field, "jane")
    person.wait("accepted")
    assert "Saved key" in person.reads()
    assert credentials.api_key not in person.reads()
    person.click("Log in")
    person.wait("signed_in")
    assert get_default_credentials().source == "profile 'jane'"
    assert {p: p.read_bytes() for p in (home / ".config").rglob("*.json")} == files
    assert "Make default" in person.labels()
    person.click("Make default")
    assert ProfileStore().default_name == "jane"
    assert "Make default" not in person.labels()


def test_another_address_never_meets_a_saved_key(carto: Sandbox) -> None:
    """Changing name or address of a chosen account drops its key."""
    from .conftest import Person

    save_jane(carto)
    person = Person(LoginForm())
    person.commit(person.form.base_url_field, f"{carto.url}/user/bob")
    person.commit(person.form.username_field, "bob")
    person.click("Log in")
    assert person.form.profile_field.value == NEW_ACCOUNT
    assert "Enter the API key." in person.reads()
    assert not [r for r in carto.requests if r.key]


def test_a_new_key_for_a_saved_account_replaces_it(carto: Sandbox, home: Path) -> None:
    """Typing another key for a chosen account updates that profile."""
    from .conftest import Person

    save_jane(carto)
    person = Person(LoginForm())
    person.enter(person.form.key_field, carto.accounts["jane"].keys["reporting"].token)
    person.wait("signed_in")
    assert saved(home) == ["jane"]
    assert ProfileStore().load("jane").api_key == get_default_credentials().api_key


def test_a_broken_saved_account_is_told(home: Path) -> None:
    """A file that cannot be read is named, and the form works on."""
    ProfileStore().save("jane", Credentials("jane", "some-key-0123456789"))
    path = home / ".config" / "cartoframes" / "profiles" / "jane.json"
    path.write_text("{")
    form = LoginForm(profile="jane")
    assert "jane.json" in form.message
    assert form.status == "rejected"


def test_the_card_tells_what_counts(at_jane: Person, carto: Sandbox) -> None:
    """Who, where, which key, from where, saved where, since when; then quotas."""
    at_jane.enter(at_jane.form.key_field, carto.accounts["jane"].master.token)
    at_jane.wait("signed_in")
    text = at_jane.reads()
    for part in ("jane", "127.0.0.1", "Master key", "the form", "creds", "Since"):
        assert part.replace("creds", "cartoframes") in text
    at_jane.until(lambda: "Storage" in at_jane.reads())


def test_fields_and_list_are_emptied_after_sign_in(
    at_jane: Person, carto: Sandbox
) -> None:
    """A saved notebook lists neither accounts nor what was typed."""
    form = at_jane.form
    at_jane.enter(form.key_field, carto.accounts["jane"].master.token)
    at_jane.wait("signed_in")
    assert form.profile_field.options == (NEW_ACCOUNT,)
    assert form.username_field.value == form.base_url_field.value == ""


def test_log_out_and_switch(at_jane: Person, carto: Sandbox) -> None:
    """Switch keeps the login until another one succeeds; Log out ends it."""
    form = at_jane.form
    at_jane.enter(form.key_field, carto.accounts["jane"].master.token)
    at_jane.wait("signed_in")
    at_jane.click("Switch account")
    assert get_default_credentials().username == "jane"
    at_jane.click("Stay signed in as jane")
    assert form.status == "signed_in"
    at_jane.click("Log out")
    assert get_default_credentials() is None
    assert form.status == "empty"
    assert "Signed out." in form.message


def test_the_card_follows_the_default(at_jane: Person, carto: Sandbox) -> None:
    """An account that is set in a cell is the one that the card shows."""
    at_jane.enter(at_jane.form.key_field, carto.accounts["jane"].master.token)
    at_jane.wait("signed_in")
    set_default_credentials("bob", "some-key-0123456789")
    assert "bob" in at_jane.form.message
    unset_default_credentials()
    assert at_jane.form.status == "empty"


def test_messages_after_sign_in_change_nothing(at_jane: Person, carto: Sandbox) -> None:
    """Late Enters, clicks and keys of a form that is done are ignored."""
    form = at_jane.form
    at_jane.enter(form.key_field, carto.accounts["jane"].master.token)
    at_jane.wait("signed_in")
    count = len(keys_judged(carto))
    at_jane.press_enter(form.key_field)
    at_jane.commit(form.key_field, "late-key-0123456789")
    form.login_button._handle_custom_msg({"event": "click"}, [])
    assert form.status == "signed_in"
    assert form._key is None
    assert len(keys_judged(carto)) == count


def test_a_new_form_closes_the_old_one(form: LoginForm) -> None:
    """Only the newest form is alive, so a saved notebook holds one at most."""
    newer = LoginForm()
    assert form.comm is None
    assert newer.comm is not None
    assert form.key_field.comm is None


def test_the_text_form_says_how_else(form: LoginForm) -> None:
    """Where widgets do not show, the text names the other ways."""
    text = form._repr_mimebundle_()["text/plain"]
    for way in ("--prompt", "CARTO_API_KEY", "--file"):
        assert way in text
    assert "children" not in repr(form)


def test_an_error_can_be_shown_from_the_start(carto: Sandbox) -> None:
    """A default account that was refused is shown with the reason."""
    from carto_login_widget import Reason, RejectedError

    save_jane(carto)
    error = RejectedError("The account is locked.", reason=Reason.LOCKED)
    form = LoginForm(error=error)
    assert form.status == "rejected"
    assert "locked" in form.message


def test_waiting_for_the_form(form: LoginForm, carto: Sandbox) -> None:
    """`await form.wait()` gives the credentials, or a TimeoutError and no harm."""

    async def impatient() -> None:
        with pytest.raises(TimeoutError):
            await form.wait(0.01)
        threading.Timer(0.05, set_card).start()
        assert (await form.wait(10)).username == "jane"

    def set_card() -> None:
        form._on_registered(Credentials("jane", "some-key-0123456789"), [])

    asyncio.run(impatient())


def test_two_threads_do_one_login(at_jane: Person, carto: Sandbox) -> None:
    """Enter, click and commit on different threads at once make one request."""
    form, key = at_jane.form, carto.accounts["jane"].master.token
    with carto.fail(Fault.latency(0.1), "/api/v3/api_keys"):
        threads = [
            threading.Thread(target=at_jane.commit, args=(form.key_field, key)),
            threading.Thread(target=at_jane.press_enter, args=(form.key_field,)),
            threading.Thread(target=at_jane.press_enter, args=(form.username_field,)),
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        at_jane.wait("signed_in")
    assert keys_judged(carto) == [key]


def test_switching_threads_end_on_one_account(carto: Sandbox) -> None:
    """The card shows the account that is the default in the end."""
    first = Credentials("jane", "some-key-0123456789")
    form = LoginForm(credentials=first)
    others = [Credentials(name, "some-key-0123456789") for name in ("anna", "bob")]
    threads = [
        threading.Thread(target=set_default_credentials, args=(other,))
        for other in others
        for _ in range(10)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert form.credentials is get_default_credentials()


def test_a_pasted_dashboard_address_is_saved_as_what_it_means(
    at_jane: Person, carto: Sandbox, home: Path
) -> None:
    """What is saved is an address that cartoframes can use."""
    form = at_jane.form
    at_jane.commit(form.base_url_field, f"{carto.base_url('jane')}/dashboard/tables")
    at_jane.enter(form.key_field, carto.accounts["jane"].master.token)
    at_jane.wait("signed_in")
    (name,) = saved(home)
    assert ProfileStore().load(name).base_url == carto.base_url("jane")
