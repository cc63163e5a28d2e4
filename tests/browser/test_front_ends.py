"""The form elsewhere: Notebook 7, Voilà, Run All, the quickstart, a busy kernel."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from harness.form import Form
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.notebook import Notebook
    from playwright.sync_api import Page

    from carto_login_widget.sandbox import Sandbox

    Open = Callable[..., Notebook]

LOAD = "%load_ext carto_login_widget"
WHO = (
    "from carto_login_widget import get_default_credentials\n"
    "print(get_default_credentials().username)"
)
RUN_MAGIC = """\
try:
    get_ipython().run_line_magic("carto_login", "")
except Exception as error:
    print(type(error).__name__)"""
SHOW_FORM = """\
from carto_login_widget import LoginForm
LoginForm(username="jane", base_url="{}")"""
QUICKSTART = Path(__file__).parents[2] / "notebooks" / "quickstart.ipynb"


def test_notebook_7(open_notebook: Open, carto: Sandbox) -> None:
    """The form works in Notebook 7 as it does in JupyterLab."""
    notebook = open_notebook([f"{LOAD}\n%carto_login", WHO], app="notebook")
    notebook.run(0)
    form = Form(notebook, 0)
    form.choose_custom(carto.base_url("jane"))
    form.username.fill("jane")
    form.username.press("Tab")
    form.log_in(carto.accounts["jane"].master.token)
    expect(form.root).to_contain_text("Signed in to CARTO as jane")
    assert notebook.run(1) == "jane"


def test_voila_shows_the_form_when_told(
    open_voila: Callable[..., Page], carto: Sandbox
) -> None:
    """In Voilà `LoginForm()` is shown, and signs the page's kernel in."""
    shown = SHOW_FORM.format(carto.base_url("jane"))
    page = open_voila([shown])
    root = page.locator(".carto-login").last
    key = root.get_by_label("API key")
    key.press_sequentially(carto.accounts["jane"].master.token)
    key.press("Enter")
    expect(root).to_contain_text("Signed in to CARTO as jane")


def test_voila_is_nobody_to_ask(open_voila: Callable[..., Page]) -> None:
    """In Voilà `%carto_login` without an account is an error, not a form."""
    page = open_voila([LOAD, RUN_MAGIC])
    expect(page.get_by_text("NotLoggedInError")).to_be_visible(timeout=60_000)


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
    form.choose_custom(carto.base_url("jane"))
    form.username.fill("jane")
    form.username.press("Tab")
    form.log_in(carto.accounts["jane"].master.token)
    expect(form.root).to_contain_text("Signed in to CARTO as jane")
    notebook.run_all()
    assert notebook.text(2) == "jane"
    assert notebook.text(3) == "end"


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
    expect(form.root).to_contain_text("Signed in to CARTO as jane")
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
        ("Remember this account in", "n"),
    ):
        box = notebook.output(0).locator("pre", has_text=question).locator("input")
        box.fill(answer)
        box.press("Enter")
    notebook.wait(0)
    assert notebook.run(1) == "jane"
    notebook.save()
    assert key not in notebook.path.read_text()


def test_a_form_that_is_used_while_a_cell_runs(
    open_notebook: Open, carto: Sandbox, kernel: str
) -> None:
    """What is typed during a long cell is not lost: it is checked at its end."""
    wait = "import time\nend = time.time() + 3\nwhile time.time() < end: pass"
    notebook = open_notebook([f"{LOAD}\n%carto_login", wait, WHO], kernel=kernel)
    notebook.run(0)
    form = Form(notebook, 0)
    notebook.start(1)
    expect(notebook.prompt(1)).to_have_text("[*]:")
    form.root.get_by_text("On-premises or custom address").click()
    form.username.fill("jane")
    form.username.press("Tab")
    form.log_in(carto.accounts["jane"].master.token)
    expect(form.root).to_contain_text("Enter the address of your CARTO.")
    form.base_url.fill(carto.base_url("jane"))
    form.base_url.press("Tab")
    expect(form.root).to_contain_text("Signed in to CARTO as jane")
    notebook.wait(1)
    assert notebook.run(2) == "jane"
