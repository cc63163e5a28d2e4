"""The plain form takes the place of the full one where the page cannot draw that."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

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


@pytest.mark.parametrize(("cell", "plain"), [(_LAME, True), (_FORM, False)])
def test_voila(
    open_voila: Callable[..., Any], kernel: str, cell: str, plain: bool
) -> None:
    """There too; the time counts from the first sign of a page."""
    page = open_voila([cell], kernel=kernel, env=_env())
    expect(page.get_by_role("button", name="Log in")).to_be_visible(timeout=20_000)
    time.sleep(0 if plain else 6)
    assert page.get_by_text("This is the plain form").count() == plain
