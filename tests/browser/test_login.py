"""Logging in from a real notebook, end to end."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.form import Form
from harness.frames import holding
from harness.notebook import SAVE_WIDGET_STATE
from playwright.sync_api import expect

from carto_login_widget import form as form_package
from carto_login_widget.sandbox import Fault
from carto_login_widget.secret import has_key

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.notebook import Notebook
    from playwright.sync_api import Browser

    from carto_login_widget.sandbox import Sandbox

    Open = Callable[..., Notebook]

LOGIN = "%load_ext carto_login_widget\n%carto_login"
WHO = (
    "from carto_login_widget import get_default_credentials\n"
    "c = get_default_credentials()\n"
    "print(c and (c.username, c.base_url, c.account and c.account.key_type))"
)


def store_of(kernel_home: Path) -> Path:
    return kernel_home / ".config" / "cartoframes"


def checks(carto: Sandbox) -> list[str]:
    """Return the keys that the server was asked to judge, one for each request."""
    return [r.key for r in carto.requests if r.path.endswith("/api_keys")]


def test_the_whole_story(
    open_notebook: Open, carto: Sandbox, kernel: str, kernel_home: Path
) -> None:
    """Log in, be remembered, add a second account, go back to the first."""
    notebook = open_notebook([LOGIN, WHO], kernel=kernel)
    notebook.run(0)
    Form(notebook, 0).sign_in(carto, "jane")

    path = store_of(kernel_home) / "creds.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    saved = json.loads(path.read_text())
    assert saved["username"] == "jane"
    assert saved["api_key"] == carto.accounts["jane"].master.token
    assert saved["base_url"] == carto.base_url("jane")
    assert saved["allow_non_secure"] is True
    assert notebook.run(1) == str(("jane", carto.base_url("jane"), "master"))

    notebook.restart()
    carto.clear()
    notebook.run(0)
    form = Form(notebook, 0)
    form.expect_card("jane")
    expect(form.key).not_to_be_visible()
    assert checks(carto) == [carto.accounts["jane"].master.token]
    assert notebook.run(1) == str(("jane", carto.base_url("jane"), "master"))

    form.button("Switch account").click()
    form.choose_new()
    form.sign_in(carto, "bob")
    assert "'bob'" in notebook.run(1)

    form.button("Switch account").click()
    form.accounts.click()
    expect(form.options).to_contain_text(["New account", "jane@", "bob@"])
    form.options.nth(2).click()
    expect(form.status).to_contain_text("CARTO accepts this key")
    form.choose("jane@127.0.0.1-" + carto.url.rpartition(":")[2])
    expect(form.status).to_contain_text("CARTO accepts this key")
    before = path.read_text()
    form.button("Continue as jane").click()
    form.expect_card("jane")
    assert "'jane'" in notebook.run(1)
    assert path.read_text() == before


def test_a_wrong_key_keeps_the_rest(
    share_notebook: Open, carto: Sandbox, kernel: str
) -> None:
    """A wrong key is named, the name stays, the current login is as it was."""
    notebook = share_notebook([LOGIN, WHO], kernel=kernel)
    notebook.run(0)
    form = Form(notebook, 0)
    form.sign_in(carto, "bob")
    form.button("Switch account").click()
    form.choose_new()
    form.fill(carto.base_url("jane"), "jane")
    form.log_in("0123456789wrongkey9876543210")
    expect(form.note("api_key")).to_contain_text("does not accept this key")
    expect(form.key).to_have_attribute("aria-invalid", "true")
    expect(form.status).to_contain_text("still signed in as bob")
    expect(form.username).to_have_value("jane")
    expect(form.key).to_have_value("")
    assert "'bob'" in notebook.run(1)


def test_typing_at_full_speed_is_one_request(
    share_notebook: Open, carto: Sandbox, kernel: str
) -> None:
    """Each Enter sends the whole key once, after a wrong one too."""
    notebook = share_notebook([LOGIN], kernel=kernel)
    notebook.run(0)
    form = Form(notebook, 0)
    keys = ["w" * 40, "v" * 40, carto.accounts["jane"].master.token]
    form.choose_custom(carto.base_url("jane"))
    form.username.press_sequentially("jane", delay=0)
    form.username.press("Tab")
    for key in keys:
        # What is typed before the field was emptied for the last key would be lost.
        expect(form.key).to_have_value("")
        form.log_in(key)
    form.expect_card("jane")
    assert sorted(checks(carto)) == sorted(keys)


def test_many_enters_are_one_login(
    share_notebook: Open, carto: Sandbox, kernel: str
) -> None:
    """Enter, more Enters and clicks during a slow check join that check."""
    notebook = share_notebook([LOGIN, WHO], kernel=kernel)
    notebook.run(0)
    form = Form(notebook, 0)
    form.fill(carto.base_url("jane"), "jane")
    with carto.fail(Fault.latency(4.0), "/api/v3/api_keys"):
        form.log_in(carto.accounts["jane"].master.token)
        form.key.press("Enter")
        form.button("Log in").click()
        form.key.press("Enter")
        form.expect_card("jane")
    assert len(checks(carto)) == 1


def test_a_hanging_server_does_not_hold_the_kernel(
    share_notebook: Open, carto: Sandbox, kernel: str
) -> None:
    """While a check hangs, cells run, and Cancel gives the form back."""
    notebook = share_notebook([LOGIN, "print(6 * 7)"], kernel=kernel)
    notebook.run(0)
    form = Form(notebook, 0)
    form.fill(carto.base_url("jane"), "jane")
    with carto.fail(Fault.hang()):
        form.log_in(carto.accounts["jane"].master.token)
        expect(form.root).to_contain_text("Checking with")
        assert notebook.run(1, timeout=5) == "42"
        expect(form.root).to_contain_text("Checking with")
        form.button("Cancel").click()
        expect(form.root).to_contain_text("Cancelled")
    form.button("Log in").click()
    form.expect_card("jane")


@pytest.mark.full
def test_the_key_stays_out_of_the_notebook(
    open_notebook: Open, carto: Sandbox, kernel: str, kernel_home: Path
) -> None:
    """No frame from the kernel holds the key; the file nothing that was typed."""
    notebook = open_notebook([LOGIN, WHO], kernel=kernel, settings=SAVE_WIDGET_STATE)
    notebook.run(0)
    form = Form(notebook, 0)
    key = carto.accounts["jane"].master.token
    form.fill(carto.base_url("jane"), "jane")
    form.key.fill(key)
    form.key.press("Tab")
    expect(form.root).to_contain_text("CARTO accepts this key")
    notebook.save()
    assert key not in notebook.path.read_text()
    form.key.press("Enter")
    form.expect_card("jane")
    tab = notebook.second_tab()
    expect(Form(tab, 0).root).to_contain_text("Signed in to CARTO as jane")
    notebook.reload()
    notebook.run(1)
    notebook.save()
    saved = notebook.path.read_bytes()
    for secret in (key, "jane@127", "cartoframes"):
        assert not holding([saved], secret)
    assert not holding(notebook.frames.from_kernel, key)
    assert holding(notebook.frames.to_kernel, key)
    assert (store_of(kernel_home) / "creds.json").exists()


def test_a_card_says_that_its_kernel_is_gone(
    open_notebook: Open, carto: Sandbox
) -> None:
    """After a restart the card does not claim that anybody is signed in."""
    notebook = open_notebook([LOGIN])
    notebook.run(0)
    form = Form(notebook, 0)
    form.sign_in(carto, "jane")
    notebook.restart()
    expect(form.title).to_have_text("This card is from an earlier session")
    expect(form.status).to_contain_text("run the cell again")
    expect(form.button("Log out")).to_be_disabled()


def test_logging_out_brings_the_form_back(
    share_notebook: Open, carto: Sandbox, kernel: str
) -> None:
    """Log out ends the login; the saved account is offered and not used by itself."""
    notebook = share_notebook([LOGIN, WHO, "%carto_login"], kernel=kernel)
    notebook.run(0)
    form = Form(notebook, 0)
    form.sign_in(carto, "jane")
    form.button("Log out").click()
    expect(form.status).to_contain_text("Logged out.")
    assert notebook.run(1) == "None"
    notebook.run(2)
    again = Form(notebook, 2)
    expect(again.button("Continue as jane")).to_be_visible()
    assert notebook.run(1) == "None"
    again.button("Continue as jane").click()
    again.expect_card("jane")


def test_typing_is_not_disturbed_by_a_verdict(
    share_notebook: Open, carto: Sandbox, kernel: str
) -> None:
    """A verdict that arrives while the next key is typed takes no letter away."""
    notebook = share_notebook([LOGIN], kernel=kernel)
    notebook.run(0)
    form = Form(notebook, 0)
    key = carto.accounts["jane"].master.token
    form.fill(carto.base_url("jane"), "jane")
    with carto.fail(Fault.latency(0.3), "/api/v3/api_keys"):
        form.log_in("w" * 40)
        expect(form.key).to_have_value("")
        form.key.press_sequentially(key[:20], delay=2)
        expect(form.status).to_contain_text("not this API key")
        form.key.press_sequentially(key[20:], delay=2)
        form.key.press("Enter")
        form.expect_card("jane")
    assert checks(carto) == ["w" * 40, key]


def test_choosing_custom_holds_the_check(share_notebook: Open, carto: Sandbox) -> None:
    """A custom address that is still empty sends nothing, and Enter names it."""
    notebook = share_notebook([LOGIN])
    notebook.run(0)
    form = Form(notebook, 0)
    form.fill("", "jane")
    form.log_in(carto.accounts["jane"].master.token)
    expect(form.note("base_url")).to_contain_text("Enter the address of your CARTO.")
    expect(form.base_url).to_be_focused()
    assert carto.count == 0
    form.base_url.fill(carto.base_url("jane"))
    form.base_url.press("Tab")
    expect(form.status).to_contain_text("CARTO accepts this key")
    form.base_url.press("Enter")
    form.expect_card("jane")


def test_a_question_ends_with_its_card(share_notebook: Open, carto: Sandbox) -> None:
    """Answered after another account came on the card, it would be about that one."""
    bob = carto.accounts["bob"].master.token, carto.base_url("bob")
    switch = "from carto_login_widget import set_default_credentials as use\n"
    notebook = share_notebook(
        [LOGIN, f"{switch}use('bob', {bob[0]!r}, base_url={bob[1]!r})"]
    )
    notebook.run(0)
    form = Form(notebook, 0)
    form.fill(carto.base_url("jane"), "jane")
    form.log_in(carto.accounts["jane"].master.token)
    form.expect_card("jane")
    form.settle()
    form.button("More").click()
    form.item("Forget").click()
    expect(form.dialog).to_contain_text("Its key is deleted here, and sessions start")
    notebook.run(1)
    expect(form.title).to_have_text("Signed in as bob, not checked")
    expect(form.dialog).to_be_hidden()


def test_a_name_that_cannot_be_one_is_asked_anew(
    share_notebook: Open, carto: Sandbox
) -> None:
    """The question stays with what was typed; a key does not leave the page."""
    notebook = share_notebook([LOGIN])
    notebook.run(0)
    form = Form(notebook, 0)
    key = carto.accounts["jane"].master.token
    form.fill(carto.base_url("jane"), "jane")
    form.log_in(key)
    form.expect_card("jane")
    form.settle()
    for name in ("a/b", "ends.", key):
        form.button("More").click()
        form.item("Rename").click()
        notebook.frames.clear()
        name_field = form.dialog.get_by_role("textbox")
        name_field.fill(name)
        name_field.press("Enter")
        expect(form.dialog).to_be_visible()
        expect(name_field).to_have_value(name)
        assert not holding(notebook.frames.to_kernel, name)
        form.dialog.get_by_role("button", name="Cancel").click()


def test_the_card_follows_what_cells_do(share_notebook: Open, carto: Sandbox) -> None:
    """Renamed, forgotten or logged out by a cell, it says so."""
    forget = "from carto_login_widget.session import acts\nacts.forget('home')"
    notebook = share_notebook(
        [LOGIN, "%carto_login --rename jane home", forget, "%carto_login --logout"]
    )
    notebook.run(0)
    form = Form(notebook, 0)
    form.fill(carto.base_url("jane"), "jane")
    form.name.fill("jane")
    form.log_in(carto.accounts["jane"].master.token)
    form.expect_card("jane")
    expect(form.root).to_contain_text("as 'jane' in")
    notebook.run(1)
    expect(form.root).to_contain_text("as 'home' in")
    notebook.run(2)
    expect(form.root).to_contain_text("not saved")
    notebook.run(3)
    expect(form.status).to_contain_text("This kernel was logged out.")


SCRIPT = Path(form_package.__file__).with_name("form.js").read_text("utf-8")
_WITH_SCRIPT = """async ([script, given]) => {
    const parts = [script, "export { keyIn };"];
    const module = new Blob(parts, {type: "text/javascript"});
    const {default: form, keyIn} = await import(URL.createObjectURL(module));
    return %s;
}"""


_AROUND = ["({})", "{{{}}}", "<{}>", "**{}**", "jane|{}", "jane%20{}", "{}\\", "'{}',"]


@pytest.mark.parametrize(
    ("text", "is_key"),
    [
        ("0123456789abcdef0123456789ABCDEF01234567", True),
        (
            "https://carto.example.com/0123456789abcdef0123456789abcdef01234567",
            True,
        ),
        ("https://carto.example.com/%30123456789abcdef0123456789abcdef01234567", True),
        ("0123456789abcdef0123456789abcdef0123456", False),
        ("aB3-5_7aB3-5_7aB3-5_7a", True),
        ("https://aB3-5_7aB3-5_7aB3-5_7a.carto.com", True),
        ("ab3-5_7ab3-5_7ab3-5_7a", False),
        ("eyJhbGciOiJIUzI1NiIsInR5cCI6.eyJzdWIi.c2ln", True),
        ("eyJhbGci", False),
        ("jane@maps.example.com", False),
        ("50%", False),
        ('{"username": "jane", "api_key": "set-by-hand"}', True),
        ('{ "apiKey":"set-by-hand", "key": {"type": "master"}', True),
        ('{"username": "jane", "key": {"type": "master"}}', False),
        *((text.format("aB3-5_7aB3-5_7aB3-5_7a"), True) for text in _AROUND),
    ],
)
def test_page_and_kernel_know_the_same_keys(
    chromium: Browser, text: str, *, is_key: bool
) -> None:
    """What the kernel refuses as a key in the wrong place never leaves the page."""
    with chromium.new_page() as page:
        found = page.evaluate(_WITH_SCRIPT % "keyIn(given)", [SCRIPT, text])
    assert bool(found) is is_key is has_key(text)


@pytest.mark.parametrize(
    ("url", "is_told"),
    [
        ("http://hub.example.com/", True),
        ("https://hub.example.com/", False),
        ("http://127.0.0.1/", False),
        ("http://localhost/", False),
    ],
)
def test_a_page_without_tls_says_so(
    chromium: Browser, url: str, *, is_told: bool
) -> None:
    """Where others could read the key on its way, a line says that they can."""
    with chromium.new_page() as page:
        page.route("**/*", lambda route: route.fulfill(body=""))
        page.goto(url)
        model = "{send() {}, on() {}, off() {}}"
        draw = f"void form.render({{model: {model}, el: document.body}})"
        page.evaluate(_WITH_SCRIPT % draw, [SCRIPT, ""])
        told = page.get_by_text("This page is not encrypted")
        expect(told).to_have_count(int(is_told))


def test_a_key_where_none_belongs(share_notebook: Open, carto: Sandbox) -> None:
    """As the user name, and in an address: it is moved by a button, and not sent."""
    notebook = share_notebook([LOGIN])
    notebook.run(0)
    form = Form(notebook, 0)
    key = carto.accounts["jane"].master.token
    form.username.fill(key)
    form.username.press("Enter")
    expect(form.note("username")).to_contain_text("This looks like an API key.")
    form.choose_custom(f"{carto.base_url('jane')}?api_key={key}")
    expect(form.note("base_url")).to_contain_text("This address holds an API key.")
    assert not holding(notebook.frames.to_kernel, key)
    form.username.fill("jane")
    form.note("base_url").get_by_role("button").click()
    expect(form.base_url).to_have_value(carto.base_url("jane"))
    expect(form.status).to_contain_text("CARTO accepts this key")
    assert not holding(notebook.frames.from_kernel, key)


def test_a_file_that_is_pasted_whole(share_notebook: Open, carto: Sandbox) -> None:
    """Where the user name belongs: each part of it finds its own field."""
    notebook = share_notebook([LOGIN])
    notebook.run(0)
    form = Form(notebook, 0)
    jane = {"username": "jane", "base_url": carto.base_url("jane")}
    jane["api_key"] = carto.accounts["jane"].master.token
    form.username.fill(json.dumps(jane, indent=2))
    form.button("Move it to the API key field").click()
    expect(form.username).to_have_value("jane")
    expect(form.base_url).to_have_value(jane["base_url"])
    expect(form.status).to_contain_text("CARTO accepts this key")


def test_a_file_with_any_key_stays_in_the_page(share_notebook: Open) -> None:
    """A key that an administrator has set looks like nothing, but its file tells."""
    key = "set-by-hand-42"
    notebook = share_notebook([LOGIN])
    notebook.run(0)
    form = Form(notebook, 0)
    form.choose_custom("https://carto.example.com")
    for field in (form.username, form.name, form.base_url):
        field.fill(json.dumps({"username": "jane", "api_key": key}))
        field.press("Tab")
        expect(form.button("Move it to the API key field").first).to_be_visible()
        field.fill("")
    form.username.fill("jane")
    form.username.press("Tab")
    expect(form.key).to_be_focused()
    assert not holding(notebook.frames.to_kernel, key)
