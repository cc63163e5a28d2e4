"""A walk through all that the form can show."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

from carto_login_widget.sandbox import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.form import Form

    from carto_login_widget.sandbox import Sandbox

_LIST = "/api/v3/api_keys"
_GONE = "jupyter-widgets-disconnected"
_WRONG = "0123456789wrongkey9876543210"


def states(form: Form, carto: Sandbox) -> Iterator[str]:
    """Bring an empty form into one state after another; the name of each."""
    expect(form.key).to_be_visible()
    yield "empty"
    form.button("Log in").click()
    expect(form.note("api_key")).to_contain_text("Enter the API key.")
    yield "missing"
    form.username.fill("a" * 40)
    expect(form.button("Move it to the API key field")).to_be_visible()
    yield "misplaced key"
    form.username.fill("")
    yield from _verdicts(form, carto)
    form.key.fill(carto.accounts["jane"].master.token)
    form.key.press("Enter")
    expect(form.root).to_contain_text("Storage")
    yield "card"
    yield from _card(form)
    form.button("Switch account").click()
    expect(form.button("Log in")).to_be_visible()
    yield "switching"
    form.accounts.click()
    expect(form.options.first).to_be_visible()
    yield "list"
    form.options.nth(1).click()
    expect(form.status).to_contain_text("CARTO accepts this key")
    yield "chosen"
    form.button("Stay signed in as jane").click()
    form.expect_card("jane")
    # So JupyterLab marks the widgets of a kernel that is gone.
    form.root.locator("..").evaluate(f"place => place.classList.add('{_GONE}')")
    expect(form.title).to_have_text("This card is from an earlier session")
    yield "stale"


def _verdicts(form: Form, carto: Sandbox) -> Iterator[str]:
    form.fill(carto.base_url("jane"), "jane")
    with carto.fail(Fault.hang()):
        form.log_in(_WRONG)
        expect(form.status).to_contain_text("Checking with")
        yield "checking"
        form.button("Cancel").click()
        expect(form.status).to_contain_text("Cancelled")
    form.log_in(_WRONG)
    expect(form.note("api_key")).to_contain_text("does not accept this key")
    yield "rejected"
    reporting = carto.accounts["jane"].keys["reporting"].token
    with carto.fail(Fault.status(503), _LIST):
        form.log_in(reporting)
        expect(form.button("Use without checking")).to_be_visible()
        yield "undecided"
        form.button("Cancel").click()
    form.key.fill(reporting)
    form.key.press("Tab")
    expect(form.status).to_contain_text("CARTO accepts this key")
    yield "accepted"


def _card(form: Form) -> Iterator[str]:
    form.settle()
    form.button("More").click()
    expect(form.menu).to_be_visible()
    yield "menu"
    form.item("Rename").click()
    expect(form.dialog).to_be_visible()
    yield "question"
    form.dialog.get_by_role("button", name="Cancel").click()
    form.button("More").click()
    form.item("Check again").click()
    expect(form.button("Dismiss")).to_be_visible()
    yield "note"
