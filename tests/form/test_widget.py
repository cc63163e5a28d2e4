"""The form in a kernel: messages in, snapshots out, and a CARTO on loopback."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any

import ipywidgets
import pytest
import requests

from carto_login_widget import (
    Credentials,
    InvalidCredentialsError,
    LoginForm,
    NotLoggedInError,
    ProfileStore,
    Reason,
    RejectedError,
    get_default_credentials,
    on_default_change,
    set_default_credentials,
    unset_default_credentials,
)
from carto_login_widget.form import flow, living, work
from carto_login_widget.sandbox import Fault
from carto_login_widget.store import record
from carto_login_widget.store.profiles import Profiles

from .conftest import Page

if TYPE_CHECKING:
    from pathlib import Path

    from carto_login_widget.sandbox import Sandbox

KEY = "some-key-0123456789"
_SCRIPT = ("_esm", "_css")


def keys_judged(carto: Sandbox) -> list[str | None]:
    return [r.key for r in carto.requests if r.path.endswith("/api_keys")]


def store_of(home: Path) -> Path:
    return home / ".config" / "cartoframes"


def saved(home: Path) -> list[str]:
    store = store_of(home) / "profiles"
    return sorted(p.stem for p in store.iterdir()) if store.exists() else []


def save(carto: Sandbox, *names: str, default: bool = True) -> None:
    """Save accounts of the sandbox under their user names, the first as default."""
    for name in names:
        key = carto.accounts[name].master.token
        credentials = Credentials(name, key, carto.base_url(name))
        ProfileStore().save(name, credentials, default=default and name == names[0])


def sign_in(page: Page, carto: Sandbox) -> None:
    page.submit(carto.accounts["jane"].master.token)
    page.wait("signed_in")


def test_a_fresh_form_is_empty(page: Page, carto: Sandbox) -> None:
    """Nothing is asked, said or sent before somebody types."""
    form = page.form
    assert (form.status, form.message, form.account) == ("empty", "", None)
    assert form.credentials is None
    assert page.acts == ["submit"]
    assert page.accounts == []
    assert carto.count == 0


def test_committing_checks_at_once(at_jane: Page, carto: Sandbox) -> None:
    """The verdict comes without a click, and Log in uses it."""
    form = at_jane.form
    at_jane.commit(carto.accounts["jane"].keys["reporting"].token)
    at_jane.wait("accepted")
    assert "reporting" in form.message
    assert form.account.key_type == "regular"
    assert get_default_credentials() is None
    at_jane.submit()
    at_jane.wait("signed_in")
    assert len(keys_judged(carto)) == 1
    assert get_default_credentials() is form.credentials


def test_the_key_is_in_no_frame_and_no_log(
    at_jane: Page, carto: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """It goes in as a buffer, and comes out nowhere; nor does it stand in a trait."""
    caplog.set_level(logging.DEBUG)
    key = carto.accounts["jane"].master.token
    sign_in(at_jane, carto)
    at_jane.submit("wrong-key-0123456789")
    for secret in (key, "wrong-key-0123456789"):
        assert not any(secret in frame for frame in at_jane.frames)
        assert secret not in caplog.text
        assert secret not in str(at_jane.form.get_state())
        assert secret not in repr(at_jane.form.state)


def test_nothing_typed_or_shown_is_synced(at_jane: Page, carto: Sandbox) -> None:
    """A saved notebook holds the script, the style and what every widget has."""
    save(carto, "bob")
    at_jane.commit(username="somebody")
    own = set(at_jane.form.get_state()) - set(ipywidgets.DOMWidget().get_state())
    assert own <= {"_esm", "_css", "_anywidget_id"}
    state = str({k: v for k, v in at_jane.form.get_state().items() if k not in _SCRIPT})
    assert "somebody" not in state
    assert "127.0.0.1" not in state
    assert "bob" not in state


def test_a_file_without_a_key_is_told_on_the_card(carto: Sandbox) -> None:
    """It opens what is public only, and that is no full login."""
    store = ProfileStore()
    store.save("jane", Credentials("jane", KEY, carto.base_url("jane")), default=True)
    for path in (store.default_path, store.default_path.parent / "profiles/jane.json"):
        path.write_text(path.read_text().replace('"api_key"', '"apiKey"'))
    page = Page(LoginForm(profile="jane"))
    page.submit()
    page.wait("signed_in")
    assert "it has 'apiKey'" in str(page.seen["card"]["notes"])
    assert KEY not in page.text
    page.form.close()


@pytest.mark.parametrize(
    "pasted",
    [
        '"{key}",',
        'api_key="{key}"',
        "CARTO_API_KEY={key}",
        "export CARTO_API_KEY='{key}'",
        '{{"username": "jane", "api_key": "{key}"}}',
        '{{"username": "jane", "apiKey": "{key}"}}',
        "https://jane.carto.com/api/v2/sql?q=SELECT+1&api_key={key}",
    ],
)
def test_a_key_is_understood_as_it_is_pasted(
    at_jane: Page, carto: Sandbox, pasted: str
) -> None:
    """A line of a program, of a shell and of a file, and a whole file."""
    key = carto.accounts["jane"].master.token
    at_jane.commit(pasted.format(key=key))
    at_jane.wait("accepted")
    assert keys_judged(carto) == [key]


@pytest.mark.parametrize("pasted", ["{", '{"username": "jane"}', '"a": "b"', "{KEY"])
def test_what_holds_no_key_is_refused_with_a_word(
    at_jane: Page, carto: Sandbox, pasted: str
) -> None:
    """And sent nowhere."""
    at_jane.submit(pasted)
    assert "no CARTO key has" in at_jane.text
    assert keys_judged(carto) == []


def test_messages_are_acknowledged_per_view(at_jane: Page) -> None:
    """Each view knows which of its messages arrived; a repeated one does nothing."""
    other = Page(at_jane.form, "view-2")
    at_jane.commit(username="bob")
    assert (at_jane.ack, other.ack) == (at_jane.n, 1)
    assert other.seen["fields"]["username"] == "bob"
    at_jane.n -= 1
    at_jane.commit(username="anna")
    assert at_jane.seen["fields"]["username"] == "bob"


@pytest.mark.parametrize(
    "content",
    [
        None,
        "submit",
        {},
        {"act": 5},
        {"act": "submit", "fields": 7},
        {"act": "submit", "view": 1, "n": "x", "fields": {"username": 5}},
        {"act": "unheard of", "view": "v", "n": 1, "fields": {}},
        {"act": "commit", "view": "v", "n": 1, "fields": {"username": "x" * 100_000}},
        {"act": "rename", "name": ["closed"], "misplaced": 7, "fields": {}},
    ],
)
def test_what_is_not_well_formed_does_nothing(page: Page, content: Any) -> None:
    """No message of any shape harms the form."""
    page.form._handle_custom_msg(content, [b"\xff\xfe", b"x"])
    assert page.form.status == "empty"
    assert "Something went wrong" not in page.form.message
    assert page.form.state.key is None


def test_a_wrong_key_asks_for_the_key_only(at_jane: Page, carto: Sandbox) -> None:
    """The reason stands beside the key; name, address and login stay."""
    set_default_credentials("bob", "some-other-key")
    before = get_default_credentials()
    at_jane.submit("wrong-key-0123456789")
    at_jane.wait("rejected")
    assert "does not accept this key" in at_jane.form.message
    assert "still signed in as bob" in at_jane.form.message
    assert at_jane.fields["username"] == "jane"
    assert get_default_credentials() is before
    at_jane.submit(carto.accounts["jane"].master.token)
    at_jane.wait("signed_in")


def test_no_verdict_can_be_tried_again(at_jane: Page, carto: Sandbox) -> None:
    """A server in trouble is not a wrong key."""
    with carto.fail(Fault.rate_limited(120)):
        at_jane.submit(carto.accounts["jane"].master.token)
        at_jane.wait("undecided")
        assert "No verdict" not in at_jane.text
    at_jane.do("try_again")
    at_jane.wait("signed_in")


def test_use_without_checking_and_check_later(
    at_jane: Page, carto: Sandbox, home: Path
) -> None:
    """Who insists is signed in unchecked; the card offers the check."""
    with carto.fail(Fault.status(503)):
        at_jane.submit(carto.accounts["jane"].master.token)
        at_jane.wait("undecided")
        at_jane.do("use_unchecked")
        at_jane.wait("signed_in")
    assert at_jane.form.account.checked is False
    assert len(saved(home)) == 1
    assert ProfileStore().default_name is None
    assert at_jane.acts[0] == "check_again"
    at_jane.do("check_again")
    at_jane.until(lambda: at_jane.form.account.checked)
    at_jane.until(lambda: "CARTO accepts this key." in at_jane.text)
    assert at_jane.form.credentials is get_default_credentials()


def test_check_again_of_a_key_that_is_no_longer_good(
    at_jane: Page, carto: Sandbox
) -> None:
    """The default stays, and the card tells the truth."""
    sign_in(at_jane, carto)
    before = get_default_credentials()
    carto.accounts["jane"].master.token = "another-key-0123456789"
    at_jane.do("check_again")
    at_jane.until(lambda: "no longer accepts this key" in at_jane.text)
    assert at_jane.acts[0] == "unfold"
    assert get_default_credentials() is before


def test_a_card_says_that_it_is_checking(at_jane: Page, carto: Sandbox) -> None:
    """And that nobody has answered for a while, in the place of the status."""
    sign_in(at_jane, carto)
    with carto.fail(Fault.hang()):
        at_jane.do("check_again")
        assert at_jane.seen["message"]["text"].startswith("Checking with 127.0.0.1")
        at_jane.form.post(flow.ticked, at_jane.form.state.order, 5)
        assert "no answer for 5 seconds" in at_jane.seen["message"]["text"]
        at_jane.do("cancel")
        assert at_jane.seen["message"] == {"kind": "none", "text": ""}


def test_cancel_gives_the_form_back(at_jane: Page, carto: Sandbox) -> None:
    """A cancelled check changes nothing any more, and Log in starts another."""
    with carto.fail(Fault.hang()):
        at_jane.submit(carto.accounts["jane"].master.token)
        carto.wait_for(1)
        began = time.monotonic()
        at_jane.do("cancel")
        assert at_jane.form.status == "empty"
        assert time.monotonic() - began < 1
    assert get_default_credentials() is None
    at_jane.submit()
    at_jane.wait("signed_in")


def test_a_stale_answer_is_dropped(at_jane: Page, carto: Sandbox) -> None:
    """What was typed last decides, whichever answer comes last."""
    right = carto.accounts["jane"].master.token
    with carto.fail(Fault.latency(0.3), "/api/v3/api_keys", times=1):
        at_jane.commit("wrong-key-0123456789")
        at_jane.until(lambda: bool(keys_judged(carto)))
        at_jane.submit(right)
        at_jane.wait("signed_in")
    assert get_default_credentials().api_key == right


def test_remember_saves_and_makes_default(
    at_jane: Page, carto: Sandbox, home: Path
) -> None:
    """A remembered account is the one that sessions start with."""
    sign_in(at_jane, carto)
    (name,) = saved(home)
    assert name.startswith("jane@127.0.0.1-")
    assert ProfileStore().default_name == name


def test_without_remember_nothing_is_written(
    at_jane: Page, carto: Sandbox, home: Path
) -> None:
    """An unticked Remember leaves no file, not even a directory."""
    at_jane.submit(carto.accounts["jane"].master.token, remember=False)
    at_jane.wait("signed_in")
    assert not (home / ".config").exists()
    assert ["Saved", "not saved"] in at_jane.seen["card"]["rows"]


def test_a_failed_save_does_not_undo_the_login(
    at_jane: Page, carto: Sandbox, home: Path
) -> None:
    """Where the directory cannot be made, one is signed in and told."""
    (home / ".config").write_text("in the way")
    sign_in(at_jane, carto)
    assert get_default_credentials().username == "jane"
    assert "could not be saved" in at_jane.text


def test_a_failed_listener_does_not_undo_the_login(
    at_jane: Page, carto: Sandbox
) -> None:
    """A library that cannot follow is told on the card."""

    def broken(_credentials: Any) -> None:
        raise RuntimeError

    stop = on_default_change(broken)
    sign_in(at_jane, carto)
    stop()
    assert "could not follow" in at_jane.text


def test_choosing_a_saved_account_validates_it(carto: Sandbox, home: Path) -> None:
    """Its key is never shown; one act signs in; no file changes."""
    ProfileStore().save("anna", Credentials("anna", KEY), default=True)
    save(carto, "jane", default=False)
    files = {p: p.read_bytes() for p in store_of(home).rglob("*.json")}
    page = Page(LoginForm())
    assert [row[0] for row in page.accounts] == ["anna", "jane"]
    assert page.seen["acts"][0]["label"] == "Continue as anna"
    page.choose("jane")
    page.wait("accepted")
    page.submit()
    page.wait("signed_in")
    assert get_default_credentials().source == "profile 'jane'"
    assert {p: p.read_bytes() for p in store_of(home).rglob("*.json")} == files
    page.do("make_default")
    page.until(lambda: ProfileStore().default_name == "jane")
    page.until(lambda: ["New sessions", "start with this account"]
               in page.seen["card"]["rows"])  # fmt: skip


def test_rename_and_forget(at_jane: Page, carto: Sandbox, home: Path) -> None:
    """The card says under which name, and after Forget that it is not saved."""
    form = at_jane.form
    sign_in(at_jane, carto)
    at_jane.fields["name"] = "Mine"
    at_jane.do("rename")
    at_jane.until(lambda: "as 'mine'" in at_jane.text and not form.state.order)
    assert saved(home) == ["mine"]
    at_jane.do("forget")
    at_jane.until(lambda: '"not saved"' in at_jane.text and not form.state.order)
    assert saved(home) == []
    assert get_default_credentials().profile is None
    at_jane.fields |= {"name": "work", "default": True}
    at_jane.do("save")
    at_jane.until(lambda: "as 'work'" in at_jane.text)
    assert (saved(home), ProfileStore().default_name) == (["work"], "work")


def test_renaming_to_a_taken_name_is_told(at_jane: Page, carto: Sandbox) -> None:
    """Nothing is replaced unasked."""
    save(carto, "bob", default=False)
    sign_in(at_jane, carto)
    at_jane.fields["name"] = "bob"
    at_jane.do("rename")
    at_jane.until(lambda: "bob" in str(at_jane.seen["card"]["notes"]))
    assert ProfileStore().load("bob").username == "bob"


def test_a_new_key_for_a_saved_account_replaces_it(carto: Sandbox, home: Path) -> None:
    """Typing another key for a chosen account updates that profile."""
    save(carto, "jane")
    page = Page(LoginForm())
    page.do("unfold")
    page.submit(carto.accounts["jane"].keys["reporting"].token)
    page.wait("signed_in")
    assert saved(home) == ["jane"]
    assert ProfileStore().load("jane").api_key == get_default_credentials().api_key


def test_another_address_never_meets_a_saved_key(carto: Sandbox) -> None:
    """Changing name or address of a chosen account drops its key."""
    save(carto, "jane")
    page = Page(LoginForm())
    page.do("unfold")
    page.submit(base_url=f"{carto.url}/user/bob", username="bob")
    assert page.fields["account"] is None
    assert "api_key" in page.seen["errors"]
    assert not [r for r in carto.requests if r.key]


def test_a_broken_saved_account_is_told(carto: Sandbox, home: Path) -> None:
    """A file that cannot be read is named, and the others are usable."""
    save(carto, "jane", "bob")
    (store_of(home) / "profiles" / "bob.json").write_text("{")
    page = Page(LoginForm(profile="bob"))
    assert page.accounts[1] == ["bob", "", "", "", False]
    page.submit()
    page.wait("rejected")
    assert "bob.json" in page.form.message
    page.choose("jane")
    page.wait("accepted")


@pytest.mark.parametrize(
    ("default", "words"),
    [("jane", "start with this account"), ("bob", "start with 'bob'"), (None, "ask")],
)
def test_the_facts_of_the_card(carto: Sandbox, default: str, words: str) -> None:
    """Who, where, which key, since when, saved as what, how sessions start."""
    save(carto, "jane", "bob", default=False)
    ProfileStore().set_default(default)
    page = Page(LoginForm(profile="jane"))
    page.submit()
    page.wait("signed_in")
    facts = dict(page.seen["card"]["rows"])
    assert words in facts.pop("New sessions")
    assert facts.pop("Signed in since").startswith("20")
    assert facts == {
        "User": "jane",
        "Address": carto.base_url("jane").removeprefix("http://"),
        "API key": "Master key, full access.",
        "Saved": "as 'jane' in ~/.config/cartoframes",
    }


def test_a_session_is_used_for_saved_accounts_too(carto: Sandbox) -> None:
    """The proxies and certificates that were lent hold for every account."""
    key = carto.accounts["jane"].master.token
    ProfileStore().save("jane", Credentials("jane", key), default=True)
    page = Page(LoginForm(session=carto.session()))
    page.submit()
    page.wait("signed_in")
    assert isinstance(get_default_credentials().session, requests.Session)


def test_an_error_can_be_shown_from_the_start(carto: Sandbox) -> None:
    """A default account that was refused is shown with the reason."""
    save(carto, "jane")
    error = RejectedError("Jane's account is locked.", reason=Reason.LOCKED)
    form = LoginForm(error=error)
    assert form.status == "rejected"
    assert "Jane's account is locked." in form.message


def test_a_pasted_dashboard_address_is_saved_as_what_it_means(
    page: Page, carto: Sandbox, home: Path
) -> None:
    """What is saved is an address that cartoframes can use."""
    address = f"{carto.base_url('jane')}/dashboard/tables"
    page.commit(custom=True, base_url=address, username="jane")
    sign_in(page, carto)
    (name,) = saved(home)
    assert ProfileStore().load(name).base_url == carto.base_url("jane")


# Several forms, threads and programs.


def test_forms_do_not_close_each_other(at_jane: Page, carto: Sandbox) -> None:
    """The first stays alive and true."""
    second = Page(LoginForm())
    sign_in(at_jane, carto)
    assert second.form.comm is not None
    second.until(lambda: second.seen["screen"] == "card")
    second.do("log_out")
    second.until(lambda: "Logged out." in second.form.message)
    at_jane.until(lambda: at_jane.seen["screen"] == "form")


def test_the_card_follows_the_default(at_jane: Page, carto: Sandbox) -> None:
    """An account that is set in a cell is the one that the card shows."""
    sign_in(at_jane, carto)
    set_default_credentials("bob", KEY)
    assert "as bob" in at_jane.form.message
    unset_default_credentials()
    assert at_jane.form.status == "empty"


def test_the_card_is_of_the_account_that_was_set_last(
    at_jane: Page, carto: Sandbox
) -> None:
    """An account that a cell sets while the libraries are told is the one shown."""

    def meddle(credentials: Any) -> None:
        if credentials is not None and credentials.username == "jane":
            set_default_credentials("bob", KEY)

    stop = on_default_change(meddle)
    sign_in(at_jane, carto)
    stop()
    at_jane.until(lambda: "as bob" in at_jane.form.message)
    assert at_jane.form.credentials is get_default_credentials()


def test_an_observer_that_signs_somebody_else_in(carto: Sandbox) -> None:
    """All forms show whom it signed in, those too that had heard of nobody yet."""
    forms = [LoginForm() for _ in range(5)]

    def meddle(change: Any) -> None:
        if change["new"] is not None and change["new"].username == "jane":
            set_default_credentials("bob", KEY)

    for form in forms:
        form.observe(meddle, "credentials")
    set_default_credentials("jane", KEY)
    assert [form.credentials.username for form in forms] == ["bob"] * 5


def test_what_one_form_does_shows_in_all(carto: Sandbox) -> None:
    """A card tells what sessions start with, whichever form has changed that."""
    save(carto, "jane", default=False)
    set_default_credentials(ProfileStore().load("jane"))
    now = get_default_credentials()
    one, other = (Page(LoginForm(credentials=now)) for _ in range(2))
    for page in (one, other):
        assert ["New sessions", "ask who signs in"] in page.seen["card"]["rows"]
    one.do("make_default")
    for page in (one, other):
        page.until(lambda page=page: "start with this account" in page.text)
        page.until(lambda page=page: [row[4] for row in page.accounts] == [True])


def test_switching_threads_end_on_one_account(carto: Sandbox) -> None:
    """The card shows the account that is the default in the end."""
    set_default_credentials("jane", KEY)
    form = LoginForm(credentials=get_default_credentials())
    assert form.status == "signed_in"
    others = [Credentials(name, KEY) for name in ("anna", "bob")] * 10
    run([lambda other=other: set_default_credentials(other) for other in others])
    assert form.credentials is get_default_credentials()


def run(work: list[Any]) -> None:
    """Run functions at once, and hear of what they raise."""
    raised: list[BaseException] = []

    def guarded(one: Any) -> None:
        try:
            one()
        except BaseException as error:  # noqa: BLE001 - of a thread
            raised.append(error)

    threads = [threading.Thread(target=guarded, args=(one,)) for one in work]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert raised == []


def test_two_threads_do_one_login(at_jane: Page, carto: Sandbox) -> None:
    """Enter, click and commit on different threads at once make one request."""
    key = carto.accounts["jane"].master.token
    with carto.fail(Fault.latency(0.1), "/api/v3/api_keys"):
        run([lambda: at_jane.commit(key), lambda: at_jane.submit(key)] * 2)
        at_jane.wait("signed_in")
    assert keys_judged(carto) == [key]


def test_a_program_that_hears_the_status_may_sign_out(
    at_jane: Page, carto: Sandbox
) -> None:
    """An observer that changes the default while a cell does so holds up nobody."""
    began = threading.Event()

    def observer(change: Any) -> None:
        if change["new"] == "accepted":
            began.set()
            time.sleep(0.1)
            set_default_credentials("anna", KEY)

    at_jane.form.observe(observer, "status")
    at_jane.commit(carto.accounts["jane"].master.token)
    assert began.wait(10)
    stop = on_default_change(lambda _credentials: time.sleep(0.2))
    cell = threading.Thread(
        target=set_default_credentials, args=("bob", KEY), daemon=True
    )
    cell.start()
    cell.join(5)
    stop()
    assert not cell.is_alive()


def test_an_observer_that_fails_is_told(at_jane: Page, carto: Sandbox) -> None:
    """With a short id; the form works on, and nothing is printed."""
    form = at_jane.form

    def broken(_change: object) -> None:
        form.unobserve(broken, "account")
        raise RuntimeError

    form.observe(broken, "account")
    at_jane.submit(carto.accounts["jane"].master.token)
    at_jane.wait("signed_in")
    frames = at_jane.frames
    at_jane.until(lambda: "went wrong here (RuntimeError" in "".join(frames))


def test_closing_any_number_of_times(at_jane: Page, carto: Sandbox) -> None:
    """By anybody, on any thread; the answer for a form that is gone signs nobody in."""
    form, key = at_jane.form, carto.accounts["jane"].master.token
    with carto.fail(Fault.latency(0.2), "/api/v3/api_keys"):
        at_jane.submit(key)
        at_jane.wait("checking")
        run([form.close, form.close, ipywidgets.Widget.close_all, LoginForm] * 2)
        time.sleep(0.4)
    form.close()
    assert form.comm is None
    assert get_default_credentials() is None
    assert "CARTO" in repr(form)
    at_jane.submit(key)
    assert form.state.key is None
    assert LoginForm().status == "empty"


def test_an_observer_that_fails_keeps_no_form_open(
    at_jane: Page, carto: Sandbox
) -> None:
    """Whoever waits hears of the end, and the page loses the form."""
    form = at_jane.form
    sign_in(at_jane, carto)

    def broken(_change: object) -> None:
        raise RuntimeError

    form.observe(broken, ["status", "message", "account", "credentials"])
    form.close()
    assert form.comm is None
    assert form.credentials is None
    assert form.status == "empty"


def test_giving_up_waiting_is_quiet(
    page: Page, caplog: pytest.LogCaptureFixture
) -> None:
    """What comes of it later is not logged as an error that nobody has looked at."""

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await page.form.wait(0.01)
        page.form.close()
        await asyncio.sleep(0.05)
        gc.collect()

    asyncio.run(give_up(), debug=True)
    assert "never retrieved" not in caplog.text


@pytest.mark.parametrize("field", ["username", "base_url", "profile"])
def test_a_program_puts_no_key_where_none_belongs(field: str) -> None:
    """It is refused, and neither shown nor sent to the page."""
    key = "0123456789abcdef0123456789abcdef01234567"
    given = f"https://maps.example.com/{key}" if field == "base_url" else key
    with pytest.raises(InvalidCredentialsError) as caught:
        LoginForm(**{field: given})
    assert key not in str(caught.value)


def test_half_a_character_does_not_stop_the_form(at_jane: Page, carto: Sandbox) -> None:
    """A page can hold it, and no message."""
    at_jane.commit(username="jane\ud800")
    assert at_jane.ack == at_jane.n
    at_jane.commit(username="jane")
    sign_in(at_jane, carto)


def test_the_card_has_the_session_that_was_set_last(carto: Sandbox) -> None:
    """Equal accounts may have other sessions."""
    form = LoginForm()
    for _ in range(2):
        set_default_credentials("jane", KEY, session=requests.Session())
        assert form.credentials is get_default_credentials()


def test_many_wishes_for_the_list_are_one_reading(page: Page) -> None:
    """Whoever asks while somebody waits to read hears of that reading."""
    with living._listing:
        before = threading.active_count()
        for _ in range(100):
            page.do("list")
        assert threading.active_count() <= before + 1
    ProfileStore().save("late", Credentials("jane", KEY))
    page.do("list")
    page.until(lambda: [row[0] for row in page.accounts] == ["late"])


@pytest.mark.parametrize("act", ["forget", "make_default", "rename"])
def test_what_another_program_has_replaced_is_left(
    at_jane: Page, carto: Sandbox, home: Path, act: str
) -> None:
    """The card's acts are about the account that it shows, whatever has its name."""
    sign_in(at_jane, carto)
    (name,) = saved(home)
    ProfileStore().set_default(None)
    page = Page(LoginForm(credentials=get_default_credentials()))
    bob = Credentials("bob", KEY)
    ProfileStore().save(name, bob)
    page.fields["name"] = "mine"
    page.do(act)
    page.until(lambda: "not saved with this key any more" in page.text)
    assert ProfileStore().load(name) == bob
    assert ProfileStore().default_name is None


def test_what_another_program_has_forgotten_is_told(
    at_jane: Page, carto: Sandbox, home: Path
) -> None:
    """It is no other account, but none."""
    sign_in(at_jane, carto)
    ProfileStore().delete(*saved(home))
    at_jane.do("forget")
    at_jane.until(lambda: "No account is saved as" in at_jane.text)


def test_whose_turn_comes_later_looks_anew(at_jane: Page, carto: Sandbox) -> None:
    """Another program, whose turn it is, saves another key in that place."""
    sign_in(at_jane, carto)
    profiles = Profiles()
    name = profiles.default_name
    bob = Credentials("bob", KEY)
    with profiles._turn():
        at_jane.do("forget")
        at_jane.until(lambda: at_jane.form.state.doing == "forget")
        record.write(profiles.path_of(name), bob._record._replace(profile=name))
    at_jane.until(lambda: "not saved with this key any more" in at_jane.text)
    assert ProfileStore().load(name) == bob


def test_a_form_can_be_collected(carto: Sandbox) -> None:
    """The default's listener does not keep a closed form."""
    form = LoginForm()
    form.close()
    kept = weakref.ref(form)
    del form
    gc.collect()
    assert kept() is None
    set_default_credentials("jane", KEY)


def test_waiting_for_the_form(at_jane: Page, carto: Sandbox) -> None:
    """`await form.wait()` gives the credentials, or a TimeoutError and no harm."""
    form, key = at_jane.form, carto.accounts["jane"].master.token

    async def impatient() -> None:
        with pytest.raises(TimeoutError):
            await form.wait(0.01)
        threading.Timer(0.05, at_jane.submit, (key,)).start()
        assert (await form.wait(10)).username == "jane"

    asyncio.run(impatient())


def test_closing_ends_the_wait(page: Page) -> None:
    """Who waits for a form that is closed hears of it."""

    async def waiting() -> None:
        threading.Timer(0.05, page.form.close).start()
        with pytest.raises(NotLoggedInError, match="closed"):
            await page.form.wait(10)

    asyncio.run(waiting())


def test_hearing_of_a_login(at_jane: Page, carto: Sandbox) -> None:
    """`on_login` calls with the credentials, until it is ended."""
    heard: list[Credentials] = []
    stop = at_jane.form.on_login(heard.append)
    sign_in(at_jane, carto)
    at_jane.until(lambda: len(heard) == 1)
    assert heard[0] is get_default_credentials()
    stop()
    stop()


def test_one_that_fails_keeps_nobody_from_hearing(
    at_jane: Page, carto: Sandbox
) -> None:
    """The form tells of it; the others are called."""
    heard: list[Credentials] = []
    at_jane.form.on_login(lambda _credentials: 1 // 0)
    at_jane.form.on_login(heard.append)
    sign_in(at_jane, carto)
    at_jane.until(lambda: len(heard) == 1)
    frames = at_jane.frames
    at_jane.until(lambda: "went wrong here (ZeroDivisionError" in "".join(frames))


def test_one_function_may_hear_twice(at_jane: Page, carto: Sandbox) -> None:
    """Each time for itself: who ends one does not end the other."""
    heard: list[Credentials] = []
    stop = at_jane.form.on_login(heard.append)
    at_jane.form.on_login(heard.append)
    at_jane.form.on_login(heard.append)
    stop()
    sign_in(at_jane, carto)
    at_jane.until(lambda: len(heard) == 2)


def test_that_others_could_read_a_file_is_said(carto: Sandbox, home: Path) -> None:
    """With the login, also where the check that found it came to no verdict."""
    save(carto, "jane", default=False)
    (store_of(home) / "profiles" / "jane.json").chmod(0o644)
    page = Page(LoginForm())
    with carto.fail(Fault.status(503)):
        page.choose("jane")
        page.wait("undecided")
        page.do("use_unchecked")
        page.wait("signed_in")
    assert "Other users of this machine could read" in page.text


def test_the_text_form_names_nobody(at_jane: Page, carto: Sandbox) -> None:
    """What stands in a saved notebook says how else, or that somebody was signed in."""
    bundle = at_jane.form._repr_mimebundle_()
    data = bundle[0] if isinstance(bundle, tuple) else bundle
    for way in ("--prompt", "CARTO_API_KEY", "--file"):
        assert way in data["text/plain"]
    sign_in(at_jane, carto)
    assert repr(at_jane.form) == "Signed in to CARTO when this was saved."


def test_of_many_accounts_those_that_matter_are_there_at_once(
    carto: Sandbox, home: Path
) -> None:
    """The default and the one that was asked for; all others follow."""
    store = ProfileStore()
    for number in range(130):
        store.save(f"n{number:03}", Credentials(f"user{number}", KEY))
    store.set_default("n100")
    form = LoginForm(profile="N120")
    assert [row.name for row in form.state.accounts[:2]] == ["n100", "n120"]
    assert form.state.fields.username == "user120"
    page = Page(form)
    assert page.accounts[0] == ["n100", "user100", "user100.carto.com", "", True]
    page.until(lambda: len(page.accounts) == 130)
    assert page.accounts[-1][1] == "user129"
    assert form.state.fields.username == "user120"


def test_accounts_of_other_programs_are_listed(page: Page, carto: Sandbox) -> None:
    """Whoever goes to the list sees what was saved since the form was drawn."""
    save(carto, "bob", default=False)
    page.do("list")
    page.until(lambda: [row[0] for row in page.accounts] == ["bob"])
    ProfileStore().delete("bob")
    page.do("list")
    page.until(lambda: page.accounts == [])


def test_only_what_has_changed_is_read_again(home: Path) -> None:
    """The list is read after each login, and may be long."""
    store = ProfileStore()
    for name in ("a", "b"):
        store.save(name, Credentials(name, KEY))
    before = work.rows()
    store.save("b", Credentials("other", KEY))
    (a, b), known = work.rows(), before[0]
    assert a is known
    assert b.address.username == "other"


def test_a_number_that_is_used_again_is_another_version(home: Path) -> None:
    """A file system gives a new file the number, and the second, of an old one."""
    store = ProfileStore()
    path = store_of(home) / "profiles" / "a.json"
    kept = path.with_name("kept")
    for number, username in enumerate(("first", "second", "third")):
        store.save("a", Credentials(username, KEY))
        if number == 0:
            os.link(path, kept)
        if number == 2:
            kept.write_bytes(path.read_bytes())
            kept.replace(path)
        os.utime(path, (1_000_000, 1_000_000))
        (row,) = work.rows()
        assert row.address.username == username
