"""What a form shows after its page or its kernel went away, and when shown twice."""

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
TWICE = "from carto_login_widget import LoginForm\nform = LoginForm()\nform"


def fill_in(form: Form, carto: Sandbox, key: str) -> None:
    form.choose_custom(carto.base_url("jane"))
    form.username.fill("jane")
    form.username.press("Tab")
    form.log_in(key)


def test_a_restart_while_checking(open_notebook: Open, carto: Sandbox) -> None:
    """The form says that it is dead, instead of checking for ever."""
    notebook = open_notebook([LOGIN])
    notebook.run(0)
    form = Form(notebook, 0)
    with carto.fail(Fault.hang()):
        fill_in(form, carto, carto.accounts["jane"].master.token)
        expect(form.root).to_contain_text("Checking with")
        notebook.restart()
    expect(form.root.get_by_text("does nothing now")).to_be_visible()
    expect(form.root.get_by_text("Checking with")).not_to_be_visible()
    expect(form.key).not_to_be_visible()
    notebook.run(0)
    expect(form.key).to_be_visible()
    expect(form.root.get_by_text("does nothing now")).not_to_be_visible()


@pytest.mark.parametrize("state", ["checking", "rejected", "undecided"])
def test_a_reload_keeps_the_state(
    open_notebook: Open, carto: Sandbox, state: str
) -> None:
    """After loading the page again the form goes on where it was."""
    fault = {"checking": Fault.latency(10), "undecided": Fault.status(503)}.get(state)
    words = {
        "checking": "Checking with",
        "rejected": "Wrong key.",
        "undecided": "No verdict.",
    }[state]
    notebook = open_notebook([LOGIN])
    notebook.run(0)
    notebook.save()
    form = Form(notebook, 0)
    key = carto.accounts["jane"].master.token
    if fault:
        with carto.fail(fault, "/api/v3/api_keys", times=1):
            fill_in(form, carto, key)
            expect(form.root).to_contain_text(words)
            notebook.reload()
            expect(form.root).to_contain_text(words)
            if state == "checking":
                expect(form.root).to_contain_text("Signed in to CARTO as jane")
                return
        form.button("Try again").click()
    else:
        fill_in(form, carto, "wrong-key-0123456789")
        expect(form.root).to_contain_text(words)
        notebook.reload()
        expect(form.root).to_contain_text(words)
        expect(form.username).to_have_value("jane")
        form.log_in(key)
    expect(form.root).to_contain_text("Signed in to CARTO as jane")


def test_a_form_that_is_shown_twice(
    open_notebook: Open, carto: Sandbox, kernel: str
) -> None:
    """Both views are one form: typed in one, signed in in both."""
    notebook = open_notebook([TWICE, "form"], kernel=kernel)
    notebook.run(0)
    notebook.run(1)
    first, second = Form(notebook, 0), Form(notebook, 1)
    first.choose_custom(carto.base_url("jane"))
    expect(second.base_url).to_have_value(carto.base_url("jane"))
    second.username.fill("jane")
    second.username.press("Tab")
    first.log_in(carto.accounts["jane"].master.token)
    for form in (first, second):
        expect(form.root).to_contain_text("Signed in to CARTO as jane")
