"""The form of core controls, as its page would use it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import ipywidgets
import pytest

from carto_login_widget import (
    Credentials,
    LoginForm,
    ProfileStore,
    get_default_credentials,
    set_default_credentials,
)
from carto_login_widget.form import flow, living, stand_in
from carto_login_widget.form.fields import Fields
from carto_login_widget.settings import CartoLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    from carto_login_widget.form.plain import PlainForm
    from carto_login_widget.sandbox import Sandbox

KEY = "some-key-0123456789"


class Person:
    """Somebody at the page of a plain form."""

    def __init__(self, **how: Any) -> None:
        self.form = LoginForm(**how)
        self.form._ipython_display_()
        self.plain: PlainForm = self.form._displays[0]._plain

    def commit(self, control: Any, value: Any) -> None:
        """Leave a control with a new value."""
        control.set_state({"value": value})

    def click(self, label: str) -> None:
        """Press a button that is shown."""
        button = next(b for b in self.plain.row.children if b.description == label)
        button._handle_custom_msg({"event": "click"}, [])

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is true."""
        end = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < end, self.plain.status.value
            time.sleep(0.002)

    def reads(self) -> str:
        """All that is told."""
        return str(self.plain.status.value)


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch) -> Person:
    """Somebody who asked for the plain form."""
    monkeypatch.setattr(CartoLogin.instance(), "form", "plain")
    return Person()


@pytest.fixture
def at_jane(person: Person, carto: Sandbox) -> Person:
    """Somebody with jane's address and user name."""
    person.plain.custom.set_state({"index": 1})
    person.commit(person.plain.base_url, carto.base_url("jane"))
    person.commit(person.plain.username, "jane")
    return person


def test_it_checks_on_log_in_only(at_jane: Person, carto: Sandbox) -> None:
    """Nothing starts by itself, so nothing moves."""
    at_jane.commit(at_jane.plain.key, carto.accounts["jane"].master.token)
    time.sleep(0.2)
    assert carto.count == 0
    at_jane.click("Log in")
    at_jane.until(lambda: at_jane.form.status == "signed_in")
    assert get_default_credentials().username == "jane"
    assert "Signed in to CARTO as jane" in at_jane.reads()


@pytest.mark.parametrize("enter_first", [True, False])
def test_enter_in_either_order(
    at_jane: Person, carto: Sandbox, enter_first: bool
) -> None:
    """Enter may arrive before or after the text that it commits."""
    key, token = at_jane.plain.key, carto.accounts["jane"].master.token
    steps = [
        lambda: key._handle_custom_msg({"event": "submit"}, []),
        lambda: at_jane.commit(key, token),
    ]
    for step in steps if enter_first else steps[::-1]:
        step()
    at_jane.until(lambda: at_jane.form.status == "signed_in")
    assert [r.key for r in carto.requests if r.path.endswith("/api_keys")] == [token]


def test_a_wrong_key_is_told(at_jane: Person) -> None:
    """And the right one can follow; what is typed elsewhere stays."""
    at_jane.commit(at_jane.plain.key, "wrong-key-0123456789")
    at_jane.click("Log in")
    at_jane.until(lambda: "does not accept this key" in at_jane.reads())
    assert at_jane.plain.username.value == "jane"
    assert at_jane.form.state.key is None


def test_the_key_is_in_no_model(at_jane: Person, carto: Sandbox) -> None:
    """The page is blanked as it commits; what it sent stays in the kernel."""
    at_jane.commit(at_jane.plain.key, KEY)
    assert at_jane.plain.key.get_state()["value"] == ""
    assert KEY not in str(ipywidgets.Widget.get_manager_state())


@pytest.mark.parametrize("field", ["username", "base_url"])
def test_a_key_in_the_wrong_place_leaves_its_control(
    person: Person, field: str
) -> None:
    """A notebook that is saved with its widget state would hold it for ever."""
    key = "0123456789abcdef0123456789abcdef01234567"
    typed = key if field == "username" else f"https://x.example.com/?api_key={key}"
    person.plain.custom.set_state({"index": 1})
    person.commit(getattr(person.plain, field), typed)
    person.click("Log in")
    person.until(lambda: "Correct" in person.reads() or "Fill in" in person.reads())
    person.until(lambda: key not in str(ipywidgets.Widget.get_manager_state()))
    assert key not in repr(person.form.state)


def test_what_was_chosen_stays_when_the_list_is_read_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of many accounts the list of all comes later; one of them may be gone."""
    store = ProfileStore()
    for number in range(60):
        store.save(f"n{number}", Credentials(f"user{number}", KEY))
    store.set_default("n30")
    monkeypatch.setattr(CartoLogin.instance(), "form", "plain")
    person = Person()
    account, state = person.plain.account, lambda: person.form.state
    person.until(lambda: len(account.options) == 61 and account.value is not None)
    assert account.value == state().fields.account == "n30"
    store.delete("n7")
    living.list_accounts()
    person.until(lambda: len(account.options) == 60 and account.value is not None)
    assert account.value == state().fields.account == "n30"
    store.delete("n30")
    living.list_accounts()
    person.until(lambda: len(account.options) == 59 and account.value is None)
    assert state().fields.account is None
    assert "Something went wrong" not in person.reads()


def test_all_that_is_missing_is_named(person: Person) -> None:
    """As in the full form."""
    person.click("Log in")
    person.until(lambda: "Enter the API key." in person.reads())
    assert "Enter your CARTO user name." in person.reads()


def test_a_saved_account(carto: Sandbox, person: Person) -> None:
    """Chosen in the list, and used."""
    key = carto.accounts["jane"].master.token
    ProfileStore().save("jane", Credentials("jane", key, carto.base_url("jane")))
    other = Person()
    assert [name for _label, name in other.plain.account.options] == [None, "jane"]
    other.plain.account.set_state({"index": 1})
    other.until(lambda: other.form.status == "accepted")
    assert other.plain.fields.layout.display == "none"
    other.click("Continue as jane")
    other.until(lambda: other.form.status == "signed_in")
    other.click("Log out")
    other.until(lambda: "Logged out." in other.reads())


def test_texts_are_escaped(person: Person) -> None:
    """Markup of a server is shown as it is."""
    person.commit(person.plain.username, "<img src=x>")
    person.click("Log in")
    person.until(lambda: "field" in person.reads())
    assert "<img" not in person.reads()


class Handle:
    """A display handle that notes what was shown."""

    def __init__(self) -> None:
        self.shown: list[str] = []

    def display(self, data: Any, **_options: Any) -> None:
        view = data.get("application/vnd.jupyter.widget-view+json", {})
        self.shown.append(view.get("model_id", data["text/plain"]))

    update = display


class Kernel:
    """A kernel with somebody there, busy or idle."""

    _allow_stdin = True

    def __init__(self) -> None:
        self.idle = True
        self.io_loop = self.shell = self.events = self

    def get_parent(self) -> dict[str, Any]:
        return {"header": {"msg_type": "execute_request"}}

    def register(self, name: str, callback: Callable[[], None]) -> None:
        setattr(self, name, callback)

    def unregister(self, name: str, callback: Callable[[], None]) -> None:
        pass

    def add_callback(self, callback: Callable[[], None]) -> None:
        if self.idle:
            callback()


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> tuple[LoginForm, Kernel, Handle]:
    """A form that was shown in a cell which is still running."""
    kernel, handle = Kernel(), Handle()
    CartoLogin.instance()  # made before there is a shell that is none
    monkeypatch.setattr("IPython.core.getipython.get_ipython", lambda: kernel)
    kernel.kernel = kernel
    monkeypatch.setattr(stand_in.ipython_display, "DisplayHandle", lambda: handle)
    monkeypatch.setattr(stand_in, "_PATIENCE", 0.2)
    monkeypatch.setattr(stand_in, "_STEP", 0.02)
    form = LoginForm()
    form._ipython_display_()
    assert handle.shown == [form.model_id]
    time.sleep(0.1)
    return form, kernel, handle


def test_the_plain_form_takes_over(watched: tuple[LoginForm, Kernel, Handle]) -> None:
    """Only the time counts in which the kernel could have heard from the page."""
    form, kernel, handle = watched
    time.sleep(0.5)
    assert len(handle.shown) == 1  # the cell runs
    kernel.idle = False
    kernel.post_execute()
    time.sleep(0.5)
    assert len(handle.shown) == 1  # the loop is blocked
    kernel.idle = True
    time.sleep(0.6)
    plain = form._displays[0]._plain
    assert handle.shown == [form.model_id, plain.model_id]


def test_a_page_that_speaks_up_late_gets_the_form_back(
    watched: tuple[LoginForm, Kernel, Handle],
) -> None:
    """With what was typed meanwhile."""
    form, kernel, handle = watched
    kernel.post_execute()
    time.sleep(0.8)
    plain = form._displays[0]._plain
    plain.username.set_state({"value": "jane"})
    plain.key.set_state({"value": KEY})
    form._handle_custom_msg({"act": "ready", "view": "v", "n": 1, "fields": {}}, [])
    assert handle.shown[-1] == form.model_id
    assert form.state.fields.username == "jane"
    assert form.state.key.reveal() == KEY
    assert plain.key.take() is None
    assert form.state.status == "empty"


def test_a_page_that_answers_keeps_the_form(
    watched: tuple[LoginForm, Kernel, Handle],
) -> None:
    """It need not be drawn: the script says that it is loaded."""
    form, kernel, handle = watched
    form._handle_custom_msg({"act": "loaded"}, [])
    kernel.post_execute()
    time.sleep(0.5)
    assert handle.shown == [form.model_id]


@pytest.mark.parametrize("why", ["unknown", "shared"])
def test_an_account_without_a_line_leaves_a_way_on(
    monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    """One that is asked for by name, and is not in the list."""
    monkeypatch.setattr(CartoLogin.instance(), "form", "plain")
    if why == "shared":
        ProfileStore().save("work", Credentials("jane", KEY))
        monkeypatch.setenv("CARTO_LOGIN_SHARED", "1")
    person = Person(profile="work")
    person.click("Show the fields")
    person.until(lambda: person.plain.fields.layout.display is None)


def test_what_is_pressed_is_about_the_card_that_was_shown(person: Person) -> None:
    """A cell signs somebody else in while a press waits for what was typed."""
    set_default_credentials(Credentials("jane", KEY))
    person.click("Log out")
    set_default_credentials(Credentials("bob", KEY))
    person.until(lambda: not person.plain._timer.is_alive())
    assert get_default_credentials().username == "bob"


def test_what_is_pressed_is_about_the_account_that_was_shown(
    monkeypatch: pytest.MonkeyPatch, carto: Sandbox
) -> None:
    """Another view of the form chooses another account meanwhile."""
    monkeypatch.setattr(CartoLogin.instance(), "form", "plain")
    for name in ("jane", "anna"):
        token = carto.accounts[name].master.token
        account = Credentials(name, token, carto.base_url(name))
        ProfileStore().save(name, account, default=name == "jane")
    person = Person()
    person.click("Continue as jane")
    person.form.post(flow.Act("choose", Fields(account="anna")))
    person.until(lambda: not person.plain._timer.is_alive())
    person.until(lambda: person.form.status == "accepted")
    time.sleep(0.1)
    assert get_default_credentials() is None
