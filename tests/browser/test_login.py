"""Logging in from a real notebook, end to end."""

from __future__ import annotations

import json
import stat
from typing import TYPE_CHECKING, Any

import pytest
from harness.form import NEW_ACCOUNT, Form
from harness.frames import holding
from playwright.sync_api import expect

from carto_login_widget.sandbox import Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from harness.notebook import Notebook

    from carto_login_widget.sandbox import Sandbox

    Open = Callable[..., Notebook]

LOGIN = "%load_ext carto_login_widget\n%carto_login"
WHO = (
    "from carto_login_widget import get_default_credentials\n"
    "c = get_default_credentials()\n"
    "print(c and (c.username, c.base_url, c.account and c.account.key_type))"
)
STATE = "application/vnd.jupyter.widget-state+json"
SAVE_STATE = {"@jupyter-widgets/jupyterlab-manager:plugin": {"saveState": True}}


def sign_in(form: Form, carto: Sandbox, name: str) -> None:
    """Type all of an account, as fast as a machine can, and press Enter."""
    form.choose_custom(carto.base_url(name))
    form.username.press_sequentially(name)
    form.username.press("Tab")
    form.log_in(carto.accounts[name].master.token)
    expect(form.root).to_contain_text(f"Signed in to CARTO as {name}")


def store_of(kernel_home: Path) -> Path:
    return kernel_home / ".config" / "cartoframes"


def saved_accounts(saved: dict[str, Any]) -> list[str]:
    """Return what the dropdowns in the saved widget state list."""
    states = saved["metadata"]["widgets"][STATE]["state"].values()
    lists = [s["state"] for s in states if s["model_name"] == "DropdownModel"]
    return [name for state in lists for name in state["_options_labels"]]


def checks(carto: Sandbox) -> list[str]:
    """Return the keys that the server was asked to judge, one for each request."""
    return [r.key for r in carto.requests if r.path.endswith("/api_keys")]


def test_the_whole_story(
    open_notebook: Open, carto: Sandbox, kernel: str, kernel_home: Path
) -> None:
    """Log in, be remembered, add a second account, go back to the first."""
    notebook = open_notebook([LOGIN, WHO], kernel=kernel)
    notebook.run(0)
    sign_in(Form(notebook, 0), carto, "jane")

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
    assert "'jane'" in notebook.run(0)
    form = Form(notebook, 0)
    expect(form.root).to_contain_text("Signed in to CARTO as jane")
    expect(form.key).not_to_be_visible()
    assert checks(carto) == [carto.accounts["jane"].master.token]
    assert notebook.run(1) == str(("jane", carto.base_url("jane"), "master"))

    form.button("Switch account").click()
    form.choose_new()
    sign_in(form, carto, "bob")
    assert "'bob'" in notebook.run(1)

    form.button("Switch account").click()
    names = form.accounts.locator("option")
    expect(names).to_contain_text(["bob@", "jane@", "New"])
    form.accounts.select_option(str(names.nth(1).text_content()))
    expect(form.root).to_contain_text("CARTO accepts this key")
    before = path.read_text()
    form.button("Log in").click()
    expect(form.root).to_contain_text("Signed in to CARTO as jane")
    assert "'jane'" in notebook.run(1)
    assert path.read_text() == before


def test_a_wrong_key_keeps_the_rest(
    open_notebook: Open, carto: Sandbox, kernel: str
) -> None:
    """A wrong key is named, the name stays, the current login is as it was."""
    notebook = open_notebook([LOGIN, WHO], kernel=kernel)
    notebook.run(0)
    form = Form(notebook, 0)
    sign_in(form, carto, "bob")
    form.button("Switch account").click()
    form.choose_new()
    form.choose_custom(carto.base_url("jane"))
    form.username.fill("jane")
    form.username.press("Tab")
    form.log_in("0123456789wrongkey9876543210")
    expect(form.root).to_contain_text("Wrong key.")
    expect(form.root).to_contain_text("still signed in as bob")
    expect(form.username).to_have_value("jane")
    expect(form.key).to_have_value("")
    assert "'bob'" in notebook.run(1)


def test_typing_at_full_speed_is_one_request(
    open_notebook: Open, carto: Sandbox, kernel: str
) -> None:
    """Each Enter sends the whole key once, after a wrong one too."""
    notebook = open_notebook([LOGIN], kernel=kernel)
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
    expect(form.root).to_contain_text("Signed in to CARTO as jane")
    assert sorted(checks(carto)) == sorted(keys)


def test_many_enters_are_one_login(
    open_notebook: Open, carto: Sandbox, kernel: str
) -> None:
    """Enter, more Enters and clicks during a slow check join that check."""
    notebook = open_notebook([LOGIN, WHO], kernel=kernel)
    notebook.run(0)
    form = Form(notebook, 0)
    form.choose_custom(carto.base_url("jane"))
    form.username.fill("jane")
    form.username.press("Tab")
    with carto.fail(Fault.latency(1.0), "/api/v3/api_keys"):
        form.log_in(carto.accounts["jane"].master.token)
        form.key.press("Enter")
        form.button("Log in").click()
        form.key.press("Enter")
        expect(form.root).to_contain_text("Signed in to CARTO as jane")
    assert len(checks(carto)) == 1


def test_a_hanging_server_does_not_hold_the_kernel(
    open_notebook: Open, carto: Sandbox, kernel: str
) -> None:
    """While a check hangs, cells run, and Cancel gives the form back."""
    notebook = open_notebook([LOGIN, "print(6 * 7)"], kernel=kernel)
    notebook.run(0)
    form = Form(notebook, 0)
    form.choose_custom(carto.base_url("jane"))
    form.username.fill("jane")
    form.username.press("Tab")
    with carto.fail(Fault.hang()):
        form.log_in(carto.accounts["jane"].master.token)
        expect(form.root).to_contain_text("Checking with")
        assert notebook.run(1, timeout=5) == "42"
        expect(form.root).to_contain_text("Checking with")
        form.button("Cancel").click()
        expect(form.root).to_contain_text("Cancelled")
    form.button("Log in").click()
    expect(form.root).to_contain_text("Signed in to CARTO as jane")


def test_the_key_stays_out_of_the_notebook(
    open_notebook: Open, carto: Sandbox, kernel: str, kernel_home: Path
) -> None:
    """Neither the saved file nor any frame from the kernel holds the key."""
    notebook = open_notebook([LOGIN, WHO], kernel=kernel, settings=SAVE_STATE)
    notebook.run(0)
    form = Form(notebook, 0)
    key = carto.accounts["jane"].master.token
    form.choose_custom(carto.base_url("jane"))
    form.username.fill("jane")
    form.username.press("Tab")
    form.key.fill(key)
    form.key.press("Tab")
    expect(form.root).to_contain_text("CARTO accepts this key")
    notebook.save()
    assert key not in notebook.path.read_text()
    form.key.press("Enter")
    expect(form.root).to_contain_text("Signed in to CARTO as jane")
    tab = notebook.second_tab()
    expect(Form(tab, 0).root).to_contain_text("Signed in to CARTO as jane")
    notebook.reload()
    notebook.run(1)
    saved = notebook.save()
    text = notebook.path.read_text()
    assert saved_accounts(saved) == [NEW_ACCOUNT]
    assert not holding([text.encode()], key)
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
    sign_in(form, carto, "jane")
    notebook.restart()
    expect(form.root.get_by_text("from an earlier session")).to_be_visible()
    expect(form.root.get_by_text("Signed in to CARTO")).not_to_be_visible()


def test_logging_out_brings_the_form_back(
    open_notebook: Open, carto: Sandbox, kernel: str
) -> None:
    """Log out ends the login; the saved account is offered and not used by itself."""
    notebook = open_notebook([LOGIN, WHO, "%carto_login"], kernel=kernel)
    notebook.run(0)
    form = Form(notebook, 0)
    sign_in(form, carto, "jane")
    form.button("Log out").click()
    expect(form.root).to_contain_text("Signed out.")
    assert notebook.run(1) == "None"
    notebook.run(2)
    again = Form(notebook, 2)
    expect(again.username).to_have_value("jane")
    assert notebook.run(1) == "None"
    again.button("Log in").click()
    expect(again.root).to_contain_text("Signed in to CARTO as jane")


def test_typing_is_not_disturbed_by_a_verdict(
    open_notebook: Open, carto: Sandbox, kernel: str
) -> None:
    """A verdict that arrives while the next key is typed takes no letter away."""
    notebook = open_notebook([LOGIN], kernel=kernel)
    notebook.run(0)
    form = Form(notebook, 0)
    key = carto.accounts["jane"].master.token
    form.choose_custom(carto.base_url("jane"))
    form.username.fill("jane")
    form.username.press("Tab")
    with carto.fail(Fault.latency(0.3), "/api/v3/api_keys"):
        form.log_in("w" * 40)
        expect(form.key).to_have_value("")
        form.key.press_sequentially(key[:20], delay=2)
        expect(form.root).to_contain_text("Wrong key.")
        form.key.press_sequentially(key[20:], delay=2)
        form.key.press("Enter")
        expect(form.root).to_contain_text("Signed in to CARTO as jane")
    assert checks(carto) == ["w" * 40, key]


@pytest.mark.parametrize("kernel", ["python3"])
def test_choosing_custom_holds_the_check(
    open_notebook: Open, carto: Sandbox, kernel: str
) -> None:
    """A custom address that is still empty sends nothing, and Enter names it."""
    notebook = open_notebook([LOGIN], kernel=kernel)
    notebook.run(0)
    form = Form(notebook, 0)
    form.root.get_by_text("On-premises or custom address").click()
    form.username.fill("jane")
    form.username.press("Tab")
    form.log_in(carto.accounts["jane"].master.token)
    expect(form.root).to_contain_text("Enter the address of your CARTO.")
    assert carto.count == 0
    form.base_url.fill(carto.base_url("jane"))
    form.base_url.press("Tab")
    expect(form.root).to_contain_text("Signed in to CARTO as jane")
