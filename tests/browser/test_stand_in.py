"""The plain form takes the place of the full one where the page cannot draw that."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from harness.environment import home_variables
from harness.servers import Scratch, Voila
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# A page without anywidget's front end sees a widget of a module that it does not have.
_LAME = """
from carto_login_widget import LoginForm
form = LoginForm()
form._model_module = form._view_module = "not-there"
form
"""
_FORM = "from carto_login_widget import LoginForm; form = LoginForm(); form"


def _env() -> dict[str, str]:
    return {"PYTHONPATH": os.environ.get("PYTHONPATH", "")}


def test_a_busy_kernel_keeps_the_full_form(
    open_notebook: Callable[..., Any], kernel: str
) -> None:
    """A form and a long cell in one Run All: what the page says is heard after it."""
    cells = [_FORM, "import time; time.sleep(5)"]
    notebook = open_notebook(cells, kernel=kernel, env=_env())
    notebook.run_all()
    time.sleep(4)
    expect(notebook.output(0)).not_to_contain_text("plain form")
    expect(notebook.output(0).get_by_role("button", name="Log in")).to_be_visible()


@pytest.mark.full
@pytest.mark.parametrize("app", ["lab", "notebook"])
def test_the_full_form_is_drawn(
    open_notebook: Callable[..., Any], kernel: str, app: str
) -> None:
    """Where the page has what it needs."""
    notebook = open_notebook([_FORM], kernel=kernel, app=app, env=_env())
    notebook.run(0)
    expect(notebook.output(0).get_by_role("button", name="Log in")).to_be_visible()
    time.sleep(3)
    expect(notebook.output(0)).not_to_contain_text("plain form")


@pytest.mark.full
def test_a_form_that_is_scrolled_out_of_view(open_notebook: Callable[..., Any]) -> None:
    """JupyterLab draws no cell that nobody sees; the page has the form all the same."""
    cells = [_FORM, *["'line'\n" * 30] * 12]
    windowing = {"@jupyterlab/notebook-extension:tracker": {"windowingMode": "full"}}
    notebook = open_notebook(cells, settings=windowing, env=_env())
    notebook.run_all()
    expect(notebook.page.get_by_role("button", name="Log in")).not_to_be_visible()
    time.sleep(4)
    notebook.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.content.scrollToItem(0)"
    )
    expect(notebook.page.get_by_role("button", name="Log in")).to_be_visible()
    expect(notebook.page.get_by_text("This is the plain form")).to_have_count(0)


@pytest.mark.full
def test_a_voila_that_runs_before_anybody_comes(
    opener: Any, tmp_path: Path, kernel_home: Path
) -> None:
    """The form has waited there for its first visitor."""
    scratch = Scratch(tmp_path, None)
    scratch.write_kernels({**home_variables(kernel_home), **_env()})
    ran = tmp_path / "ran"
    notebook = nbformat.v4.new_notebook()
    touch = f"import pathlib; pathlib.Path({str(ran)!r}).touch()"
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in (touch, _FORM)]
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "python3"}
    nbformat.write(notebook, scratch.root / "early.ipynb")
    with Voila(scratch, preheat=True) as server:
        for _ in range(300):
            if ran.exists():
                break
            time.sleep(0.1)
        assert ran.exists()
        time.sleep(7)
        page = opener.page()
        page.goto(f"{server.url}/voila/render/early.ipynb")
        expect(page.get_by_role("button", name="Log in")).to_be_visible()
        time.sleep(6)
        expect(page.get_by_text("This is the plain form")).to_have_count(0)


@pytest.mark.parametrize(
    ("cell", "plain"),
    [(_LAME, True), pytest.param(_FORM, False, marks=pytest.mark.full)],
)
def test_voila(
    open_voila: Callable[..., Any], kernel: str, cell: str, plain: bool
) -> None:
    """There too; the time counts from the first sign of a page."""
    page = open_voila([cell], kernel=kernel, env=_env())
    expect(page.get_by_role("button", name="Log in")).to_be_visible(timeout=20_000)
    time.sleep(0 if plain else 6)
    assert page.get_by_text("This is the plain form").count() == plain
