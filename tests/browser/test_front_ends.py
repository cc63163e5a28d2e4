"""The form elsewhere: Notebook 7, Voilà, Run All, the quickstart, a busy kernel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from harness.form import Form
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from conftest import Opener
    from harness.notebook import Notebook
    from harness.servers import JupyterLab
    from playwright.sync_api import Page

    from carto_login_widget.sandbox import Sandbox

    Open = Callable[..., Notebook]

LOAD = "%load_ext carto_login_widget"
WHO = (
    "from carto_login_widget import get_default_credentials\n"
    "print(get_default_credentials().username)"
)
SHOW_FORM = """\
from carto_login_widget import LoginForm
LoginForm(username="jane", base_url="{}")"""
QUICKSTART = Path(__file__).parents[2] / "notebooks" / "quickstart.ipynb"


def test_notebook_7(open_notebook: Open, carto: Sandbox) -> None:
    """The form works in Notebook 7 as it does in JupyterLab."""
    notebook = open_notebook([f"{LOAD}\n%carto_login", WHO], app="notebook")
    notebook.run(0)
    form = Form(notebook, 0)
    form.sign_in(carto, "jane")
    assert notebook.run(1) == "jane"
    notebook.save()
    notebook.reload()
    form.expect_card("jane")
    form.button("Log out").click()
    expect(form.status).to_contain_text("Logged out.")


# The page first asks which widgets there are, and empties the outputs of all others;
# an answer to a later question says that this has happened.
_WIDGETS_RESTORED = (
    "() => new Promise(end => Jupyter.notebook.kernel.comm_info('jupyter.widget', end))"
)


@pytest.mark.full
def test_nbclassic(
    opener: Opener, lab: JupyterLab, carto: Sandbox, kernel: str
) -> None:
    """And in the classic notebook, where a key goes to the form too."""
    path = opener.file([f"{LOAD}\n%carto_login", "2"], kernel, {})
    page = opener.page()
    page.goto(f"{lab.url}/nbclassic/notebooks/{path.name}")
    page.wait_for_function(
        "() => window.Jupyter?.notebook?.kernel?.info_reply?.banner"
        " && Jupyter.notebook._fully_loaded"
    )
    page.evaluate(_WIDGETS_RESTORED)
    page.evaluate("() => Jupyter.notebook.execute_cells([0])")
    form = Form.at(page.locator(".output_area").first)
    form.sign_in(carto, "jane")
    form.button("Switch account").focus()
    for key in ("d", "d", "x", "b"):
        page.keyboard.press(key)
    assert page.locator(".cell").count() == 2
    page.evaluate("() => Jupyter.notebook.save_notebook()")
    page.reload()
    form.expect_card("jane")


def test_voila_shows_the_form(
    open_voila: Callable[..., Page], carto: Sandbox, kernel: str
) -> None:
    """In Voilà `LoginForm()` is shown, and signs the page's kernel in."""
    shown = SHOW_FORM.format(carto.base_url("jane"))
    page = open_voila([shown], kernel=kernel)
    form = Form.at(page.locator("body"))
    expect(form.base_url).to_have_value(carto.base_url("jane"))
    form.log_in(carto.accounts["jane"].master.token)
    form.expect_card("jane")
    form.button("Log out").focus()
    page.keyboard.press("Enter")
    expect(form.status).to_contain_text("Logged out.")


@pytest.mark.full
def test_run_all_stops_at_the_form(
    open_notebook: Open, carto: Sandbox, kernel: str
) -> None:
    """`--require` shows the form, stops Run All with one line, then goes on."""
    notebook = open_notebook(
        [LOAD, "%carto_login --require", WHO, "print('end')"], kernel=kernel
    )
    notebook.run_all()
    assert notebook.text(1).count("\n") == 1
    assert "Sign in with the form above" in notebook.text(1)
    assert notebook.text(2) == notebook.text(3) == ""
    form = Form(notebook, 1)
    form.sign_in(carto, "jane")
    notebook.run_all()
    assert notebook.text(2) == "jane"
    assert notebook.text(3) == "end"


@pytest.mark.full
def test_the_quickstart_with_a_person(open_notebook: Open, kernel: str) -> None:
    """Somebody follows the quickstart and types the key that it shows."""
    notebook = open_notebook(QUICKSTART, kernel=kernel)
    code = [i for i in range(20) if notebook.is_code(i)]
    shown = notebook.run(code[0])
    key = shown.rpartition("API key:")[2].strip()
    notebook.run(code[1])
    form = Form(notebook, code[1])
    expect(form.username).to_have_value("jane")
    form.log_in(key)
    form.expect_card("jane")
    for cell in code[2:]:
        assert "Error" not in notebook.run(cell)
    assert key not in "".join(notebook.text(cell) for cell in code[1:])


def test_the_prompt_in_the_notebook(
    open_notebook: Open, carto: Sandbox, kernel: str
) -> None:
    """`--prompt` asks by the input box, and the notebook keeps no key."""
    notebook = open_notebook([f"{LOAD}\n%carto_login --prompt", WHO], kernel=kernel)
    key = carto.accounts["jane"].master.token
    notebook.start(0)
    for question, answer in (
        ("CARTO address", carto.base_url("jane")),
        ("CARTO user name", "jane"),
        ("API key", key),
        ("Remember this account", "n"),
    ):
        box = notebook.output(0).locator("pre", has_text=question).locator("input")
        box.fill(answer)
        box.press("Enter")
    notebook.wait(0)
    assert notebook.run(1) == "jane"
    notebook.save()
    assert key not in notebook.path.read_text()


def test_a_form_that_is_used_while_a_cell_runs(
    share_notebook: Open, carto: Sandbox, kernel: str
) -> None:
    """What is typed during a long cell is not lost: at its end it is checked."""
    wait = "import time\nend = time.time() + 3\nwhile time.time() < end: pass"
    notebook = share_notebook([f"{LOAD}\n%carto_login", wait, WHO], kernel=kernel)
    notebook.run(0)
    form = Form(notebook, 0)
    notebook.start(1)
    expect(notebook.prompt(1)).to_have_text("[*]:")
    form.fill("", "jane")
    form.log_in(carto.accounts["jane"].master.token)
    expect(form.note("base_url")).to_contain_text("Enter the address of your CARTO.")
    form.base_url.fill(carto.base_url("jane"))
    form.base_url.press("Enter")
    form.expect_card("jane")
    notebook.wait(1)
    assert notebook.run(2) == "jane"


COPIED = (
    "from carto_login_widget import Credentials, LoginForm, set_default_credentials\n"
    "set_default_credentials(Credentials('jane', 'some-key-0123456789'))\n"
    "LoginForm(credentials=Credentials('jane', 'some-key-0123456789'))"
)


@pytest.mark.full
def test_a_colleague_opens_a_copy(open_notebook: Open, carto: Sandbox) -> None:
    """The saved text names nobody, and does not deny that somebody signed in."""
    notebook = open_notebook([f"{LOAD}\n%carto_login", COPIED])
    notebook.run(0)
    Form(notebook, 0).sign_in(carto, "jane")
    notebook.run(1)
    saved = notebook.save()
    texts = [_plain_text(cell) for cell in saved.cells]
    assert "Run this cell to sign in, or to see who is." in texts[0]
    assert texts[1] == "Signed in to CARTO when this was saved."
    assert "jane" not in str([cell.outputs for cell in saved.cells])
    notebook.reopen()
    shown = [notebook.output(cell).inner_text() for cell in (0, 1)]
    assert not any("jane" in text for text in shown)


def _plain_text(cell: Any) -> str:
    return "".join(output.data["text/plain"] for output in cell.outputs)
