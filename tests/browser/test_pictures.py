"""Pictures of the form in each state, for a look; the README shows one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness.form import Form
from playwright.sync_api import expect

from carto_login_widget.sandbox import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.notebook import Notebook

    from carto_login_widget.sandbox import Sandbox

    Open = Callable[..., Notebook]

LOGIN = "%load_ext carto_login_widget\n%carto_login"
WIDTHS = {"wide": None, "narrow": 400}


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_each_state_fits(
    open_notebook: Open, carto: Sandbox, theme: str, width: str
) -> None:
    """In each state the form is as wide as its cell, and nothing is cut."""
    notebook = open_notebook([LOGIN])
    notebook.set_theme(theme)
    if WIDTHS[width]:
        notebook.set_output_width(WIDTHS[width])
    form = Form(notebook, 0)

    def picture(state: str) -> None:
        notebook.screenshot(f"{state}-{theme}-{width}", notebook.shown(0))
        assert form.overflow() == []

    notebook.run(0)
    expect(form.key).to_be_visible()
    picture("empty")
    form.choose_custom(carto.base_url("jane"))
    form.username.fill("jane")
    form.username.press("Tab")
    with carto.fail(Fault.hang()):
        form.log_in("wrong-key-000")
        expect(form.root).to_contain_text("Checking with")
        picture("checking")
        form.button("Cancel").click()
        expect(form.root).to_contain_text("Cancelled")
    form.log_in("wrong-key-000")
    expect(form.root).to_contain_text("Wrong key.")
    picture("rejected")
    with carto.fail(Fault.status(503), "/api/v3/api_keys"):
        form.log_in(carto.accounts["jane"].keys["reporting"].token)
        expect(form.button("Use without checking")).to_be_visible()
        picture("undecided")
        form.button("Cancel").click()
    form.key.fill(carto.accounts["jane"].keys["reporting"].token)
    form.key.press("Tab")
    expect(form.root).to_contain_text("CARTO accepts this key")
    picture("accepted")
    form.key.fill(carto.accounts["jane"].master.token)
    form.key.press("Enter")
    expect(form.root).to_contain_text("Storage:")
    picture("signed-in")
    form.button("Switch account").click()
    expect(form.accounts).to_be_visible()
    picture("switching")


CLOUD = """\
from carto_login_widget import LoginForm
from carto_login_widget.sandbox import Sandbox
carto = Sandbox().start()
LoginForm(session=carto.session())"""


def test_picture_for_the_readme(open_notebook: Open) -> None:
    """The form with a verdict, and the card, as the README shows them."""
    notebook = open_notebook([CLOUD, "print(carto.accounts['jane'].master.token)"])
    notebook.set_output_width(520)
    notebook.run(0)
    form = Form(notebook, 0)
    form.username.fill("jane")
    form.username.press("Tab")
    form.key.fill(notebook.run(1))
    form.key.press("Tab")
    expect(form.root).to_contain_text(
        "CARTO accepts this key: Master key, full access."
    )
    expect(form.root).to_contain_text("It will be checked at jane.carto.com.")
    form.root.get_by_text("Log in to CARTO").click()
    notebook.screenshot("form", notebook.shown(0))
    form.button("Log in").click()
    expect(form.root).to_contain_text("Storage:")
    form.root.get_by_text("Signed in to CARTO").click()
    notebook.screenshot("card", notebook.shown(0))
