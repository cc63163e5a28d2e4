"""The form by keyboard alone, and where the focus goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from carto_login_widget.form.kernel import ATTENTION
from harness.form import Form
from playwright.sync_api import expect

from carto_login_widget.sandbox import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.notebook import Notebook

    from carto_login_widget.sandbox import Sandbox

    Open = Callable[..., Notebook]

LOGIN = "%load_ext carto_login_widget\n%carto_login"


def test_a_login_by_keyboard(open_notebook: Open, carto: Sandbox) -> None:
    """Tab goes from top to bottom, and the focus is never lost on the way."""
    notebook = open_notebook([LOGIN])
    notebook.run(0)
    form, keyboard = Form(notebook, 0), notebook.page.keyboard
    form.root.get_by_label("CARTO cloud").focus()
    keyboard.press("Tab")
    keyboard.press("Space")
    expect(form.base_url).to_be_visible()
    keyboard.press("Tab")
    keyboard.type(carto.base_url("jane"))
    keyboard.press("Tab")
    keyboard.type("jane")
    keyboard.press("Tab")
    # Nobody types faster than the kernel answers; on a busy machine a program does.
    page = f"{carto.base_url('jane')}/your_apps"
    expect(form.root.get_by_role("link")).to_have_attribute("href", page)
    with carto.fail(Fault.status(503), "/api/v3/api_keys"):
        keyboard.type(carto.accounts["jane"].master.token)
        keyboard.press("Tab")
        expect(form.root.get_by_text("Key entered.")).to_be_visible()
        expect(form.root.get_by_role("link")).to_be_focused()
        keyboard.press("Tab")
        expect(form.remember).to_be_focused()
        expect(form.button("Try again")).to_be_visible()
        keyboard.press("Tab")
        expect(form.button("Try again")).to_be_focused()
        for _ in range(2):
            keyboard.press("Tab")
        expect(form.button("Cancel")).to_be_focused()
        keyboard.press("Enter")
        expect(form.button("Log in")).to_be_focused()
    keyboard.press("Enter")
    expect(form.button("Switch account")).to_be_focused()
    keyboard.press("Enter")
    expect(form.accounts).to_be_focused()
    form.button("Stay signed in").press("Enter")
    expect(form.button("Switch account")).to_be_focused()
    keyboard.press("Tab")
    keyboard.press("Enter")
    expect(form.root).to_contain_text("Signed out.")
    expect(form.accounts).to_be_focused()


def test_a_late_sign_in_leaves_the_focus(
    open_notebook: Open, carto: Sandbox, kernel: str
) -> None:
    """Who went on to another cell meanwhile types on there."""
    notebook = open_notebook([LOGIN, ""], kernel=kernel)
    notebook.run(0)
    form = Form(notebook, 0)
    form.choose_custom(carto.base_url("jane"))
    form.username.fill("jane")
    form.username.press("Tab")
    with carto.fail(Fault.latency(ATTENTION + 1), "/api/v3/api_keys"):
        form.log_in(carto.accounts["jane"].master.token)
        expect(form.root).to_contain_text("Checking with")
        editor = notebook.cell(1).locator(".cm-content")
        editor.click()
        expect(form.root).to_contain_text("Signed in to CARTO as jane")
    notebook.page.keyboard.type("dd")
    expect(editor).to_have_text("dd")
