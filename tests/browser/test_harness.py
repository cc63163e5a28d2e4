"""The harness itself: without it no test of the form could be believed."""

from __future__ import annotations

import base64
import urllib.parse
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from harness.frames import disguises, holding
from harness.notebook import SAVE_WIDGET_STATE, Notebook
from playwright.sync_api import Page, expect

if TYPE_CHECKING:
    from pathlib import Path

TEXT = """\
import ipywidgets
field = ipywidgets.Text(description="Name", continuous_update=False)
field"""

Open = Callable[..., Notebook]

pytestmark = pytest.mark.full


def type_name(notebook: Notebook, name: str) -> None:
    """Type into the field that the first cell shows."""
    field = notebook.output(0).get_by_label("Name")
    field.press_sequentially(name, delay=2)
    field.press("Enter")


def test_kernel_and_page_share_a_widget(open_notebook: Open, kernel: str) -> None:
    """What is typed is in the kernel; a restart forgets it; saving keeps the cells."""
    notebook = open_notebook([TEXT, "print(field.value)"], kernel=kernel)
    notebook.run(0)
    type_name(notebook, "jane")
    assert notebook.run(1) == "jane"

    notebook.restart()
    assert "NameError" in notebook.run(1)
    saved = notebook.save()
    assert saved.cells[1].outputs[0].ename == "NameError"
    assert "widgets" not in saved.metadata


def test_kernels_are_of_two_generations(open_notebook: Open, kernel: str) -> None:
    """The names of the kernels say which generation of ipykernel they are."""
    notebook = open_notebook(
        ["import ipykernel; print(ipykernel.__version__)"], kernel=kernel
    )
    version = notebook.run(0)
    if kernel == "python3-ipykernel6":
        assert version == "6.31.0"
    else:
        assert int(version.split(".")[0]) >= 7


def test_save_state_writes_what_was_typed(open_notebook: Open) -> None:
    """With the setting on, the file holds the widget's value: a leak would be seen."""
    notebook = open_notebook([TEXT], settings=SAVE_WIDGET_STATE)
    notebook.run(0)
    type_name(notebook, "canary")
    expect(notebook.output(0).get_by_label("Name")).to_have_value("canary")
    notebook.save()
    assert "canary" in notebook.path.read_text()


def test_reopening_starts_another_kernel(open_notebook: Open) -> None:
    """What was saved is shown again, the kernel knows nothing of it."""
    notebook = open_notebook([TEXT, "print(field.value)"], settings=SAVE_WIDGET_STATE)
    notebook.run(0)
    type_name(notebook, "jane")
    assert notebook.run(1) == "jane"
    notebook.save()
    notebook.reopen()
    expect(notebook.output(0).get_by_label("Name")).to_have_value("jane")
    assert notebook.text(1) == "jane"
    assert "NameError" in notebook.run(1)


def test_frames_show_both_directions(open_notebook: Open) -> None:
    """A text that is typed is seen on its way there, and in the answer."""
    notebook = open_notebook([TEXT])
    notebook.run(0)
    notebook.frames.clear()
    type_name(notebook, "canary")
    notebook.run_code("import base64; print(base64.b64encode(b'x=canary'))")
    assert holding(notebook.frames.to_kernel, "canary")
    assert holding(notebook.frames.from_kernel, "canary")
    assert not holding(notebook.frames.from_kernel, "nightingale")


@pytest.mark.parametrize("before", ["", "x", "xy", "xyz"])
def test_disguises_are_seen_through(before: str) -> None:
    """A secret is found in base64 at any offset, and percent-encoded."""
    secret = "k/e+y?0123456789"
    text = f"{before}{secret}--"
    assert holding([base64.b64encode(text.encode())], secret)
    assert holding([base64.urlsafe_b64encode(text.encode())], secret)
    assert holding([urllib.parse.quote(text, safe="").encode()], secret)
    assert all(len(needle) > 12 for needle in disguises(secret))


def test_a_second_tab_shows_the_same_kernel(open_notebook: Open) -> None:
    """Both tabs of a notebook talk to one kernel."""
    notebook = open_notebook(["x = 1"])
    notebook.run(0)
    tab = notebook.second_tab()
    assert tab.run_code("print(x + 1)") == "2"


def test_cells_run_while_the_test_goes_on(open_notebook: Open) -> None:
    """A started cell shows that it runs, and can be waited for."""
    notebook = open_notebook(["input()", "print('after')"])
    notebook.start(0)
    expect(notebook.prompt(0)).to_have_text("[*]:")
    notebook.output(0).locator("input").fill("hello")
    notebook.output(0).locator("input").press("Enter")
    notebook.wait(0)
    assert "'hello'" in notebook.text(0)
    assert notebook.run(1) == "after"


def test_run_all_stops_at_an_error(open_notebook: Open) -> None:
    """As for a person: the cells after the error do not run."""
    notebook = open_notebook(["print(1)", "1 / 0", "print(3)"])
    notebook.run_all()
    assert notebook.text(0) == "1"
    assert "ZeroDivisionError" in notebook.text(1)
    assert notebook.text(2) == ""


def test_kernels_see_only_their_home(open_notebook: Open, kernel_home: Path) -> None:
    """A kernel writes into the home of its test, and sees the variables given."""
    notebook = open_notebook(
        ["import os, pathlib; print(pathlib.Path.home(), os.environ['CARTO_PROFILE'])"],
        env={"CARTO_PROFILE": "work"},
    )
    assert notebook.run(0) == f"{kernel_home} work"


def test_theme_and_width(open_notebook: Open) -> None:
    """Pictures can be taken in the dark theme and of a narrow cell."""
    notebook = open_notebook([TEXT])
    notebook.run(0)
    notebook.set_theme("dark")
    notebook.set_output_width(400)
    expect(notebook.shown(0)).to_have_js_property("offsetWidth", 400)
    picture = notebook.screenshot("harness-dark-400", notebook.shown(0))
    assert picture.read_bytes().startswith(b"\x89PNG")
    notebook.set_theme("light")


def test_notebook_7(open_notebook: Open) -> None:
    """The same driver works in Notebook 7."""
    notebook = open_notebook([TEXT, "print(field.value)"], app="notebook")
    notebook.run(0)
    type_name(notebook, "jane")
    assert notebook.run(1) == "jane"


def test_voila(open_voila: Callable[..., Page]) -> None:
    """Voilà runs the notebook and shows its widgets, alive."""
    show = "out = ipywidgets.Label(); ipywidgets.link((field, 'value'), (out, 'value'))"
    page = open_voila([TEXT, show, "out"])
    field = page.get_by_label("Name")
    field.fill("jane")
    field.press("Enter")
    expect(page.get_by_text("jane")).to_be_visible()
