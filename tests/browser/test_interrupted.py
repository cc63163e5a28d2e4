"""What a form shows after its page or its kernel went away, and when shown twice."""

from __future__ import annotations

import re
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
LIST = "/api/v3/api_keys"
# A page may take long to load: what it finds must not have ended meanwhile.
PATIENT = (
    "%config CartoLogin.read_timeout = 60\n%config CartoLogin.total_timeout = 60\n"
)
GONE = "The kernel is gone or was restarted: run the cell again."


def fill_in(form: Form, carto: Sandbox, key: str) -> None:
    form.fill(carto.base_url("jane"), "jane")
    form.log_in(key)


@pytest.mark.full
def test_a_restart_while_checking(open_notebook: Open, carto: Sandbox) -> None:
    """The form says that it is dead, in words, instead of checking for ever."""
    notebook = open_notebook([LOGIN])
    notebook.run(0)
    form = Form(notebook, 0)
    with carto.fail(Fault.hang()):
        fill_in(form, carto, carto.accounts["jane"].master.token)
        expect(form.status).to_contain_text("Checking with")
        notebook.restart()
    expect(form.status).to_have_text(GONE)
    expect(form.key).to_be_disabled()
    expect(form.button("Log in")).to_be_disabled()
    assert form.overflow() == []
    notebook.run(0)
    expect(form.key).to_be_enabled()
    expect(form.status).to_have_text("")


@pytest.mark.parametrize(
    "state",
    [
        "undecided",
        *(pytest.param(s, marks=pytest.mark.full) for s in ("checking", "rejected")),
    ],
)
def test_a_reload_keeps_the_state(
    share_notebook: Open, carto: Sandbox, state: str
) -> None:
    """After loading the page again the form goes on where it was."""
    fault = {"checking": Fault.hang(), "undecided": Fault.status(503)}.get(state)
    words = {
        "checking": re.compile("Checking with|Still waiting for"),
        "rejected": "knows 'jane', but not this API key",
        "undecided": "has a problem (HTTP 503)",
    }[state]
    notebook = share_notebook([f"%load_ext carto_login_widget\n{PATIENT}{LOGIN}"])
    notebook.run(0)
    notebook.save()
    form = Form(notebook, 0)
    key = carto.accounts["jane"].master.token
    if fault:
        with carto.fail(fault, LIST):
            fill_in(form, carto, key)
            expect(form.status).to_contain_text(words)
            notebook.reload()
            expect(form.status).to_contain_text(words)
            expect(form.held).to_contain_text("Key held by this kernel")
            form.button("Cancel").click()
        expect(form.status).to_contain_text("Cancelled")
        form.button("Log in").click()
    else:
        fill_in(form, carto, "wrong-key-0123456789")
        expect(form.status).to_contain_text(words)
        notebook.reload()
        expect(form.status).to_contain_text(words)
        expect(form.username).to_have_value("jane")
        form.log_in(key)
    form.expect_card("jane")


def test_a_form_that_is_shown_twice(
    share_notebook: Open, carto: Sandbox, kernel: str
) -> None:
    """Both views are one form: typed in one, signed in in both."""
    notebook = share_notebook([TWICE, "form"], kernel=kernel)
    notebook.run(0)
    notebook.run(1)
    first, second = Form(notebook, 0), Form(notebook, 1)
    first.choose_custom(carto.base_url("jane"))
    expect(second.base_url).to_have_value(carto.base_url("jane"))
    second.username.fill("jane")
    second.username.press("Tab")
    expect(first.username).to_have_value("jane")
    first.log_in(carto.accounts["jane"].master.token)
    for form in (first, second):
        form.expect_card("jane")


def test_a_view_that_is_out_of_the_page(share_notebook: Open, carto: Sandbox) -> None:
    """JupyterLab takes cells out that are scrolled away; they come back as true."""
    notebook = share_notebook([TWICE, "form"])
    notebook.run(0)
    notebook.run(1)
    first, second = Form(notebook, 0), Form(notebook, 1)
    expect(second.key).to_be_visible()
    second.root.evaluate("""root => {
        const place = root.parentElement;
        window.putBack = () => place.append(root);
        root.remove();
    }""")
    first.sign_in(carto, "jane")
    notebook.page.evaluate("putBack()")
    second.expect_card("jane")


def test_a_second_form_leaves_the_first_alive(
    share_notebook: Open, carto: Sandbox
) -> None:
    """Each follows the kernel's account; a cell that runs again shows a true card."""
    notebook = share_notebook([f"{LOGIN} --form", f"{LOGIN} --form"])
    notebook.run(0)
    notebook.run(1)
    first, second = Form(notebook, 0), Form(notebook, 1)
    first.username.press_sequentially("ja")
    second.sign_in(carto, "jane")
    expect(first.username).to_have_value("ja")
    first.username.fill("")
    first.username.press("Tab")
    first.sign_in(carto, "bob")
    second.expect_card("bob")
    notebook.set_source(1, "%carto_login")
    notebook.run(1)
    second.expect_card("bob")
    second.button("Log out").click()
    expect(second.status).to_contain_text("Logged out.")
    expect(first.status).to_contain_text("This kernel was logged out.")


@pytest.mark.full
def test_a_second_tab_shows_the_same(share_notebook: Open, carto: Sandbox) -> None:
    """What is done in one tab is seen in the other."""
    notebook = share_notebook([LOGIN])
    notebook.run(0)
    notebook.save()
    form = Form(notebook, 0)
    tab = notebook.second_tab()
    other = Form(tab, 0)
    form.fill(carto.base_url("jane"), "jane")
    expect(other.username).to_have_value("jane")
    other.log_in("wrong-key-0123456789")
    expect(form.note("api_key")).to_contain_text("does not accept this key")
    form.log_in(carto.accounts["jane"].master.token)
    other.expect_card("jane")
    tab.page.close()
