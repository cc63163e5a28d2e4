"""The plain form, where the page really cannot draw the full one: it logs in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from harness.servers import NO_BLOBS, JupyterLab, Voila
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.servers import Scratch
    from playwright.sync_api import Locator, Page

    from carto_login_widget.sandbox import Sandbox

LOGIN = "%load_ext carto_login_widget\n%carto_login"
BUSY = "import time\nfor second in range(10):\n    print(second)\n    time.sleep(1)"
PLAIN = "This is the plain form"


def _given(problem: str) -> dict[str, Any]:
    """Return what makes a server one of which anywidget's form is not to be had."""
    if problem == "no blob:":
        return {"settings": NO_BLOBS}
    python = os.environ.get("TEST_PLAIN_SERVER_PYTHON")
    if not python:
        pytest.skip("TEST_PLAIN_SERVER_PYTHON is not set: tests/run.sh sets it")
    return {"python": python}


@pytest.fixture(
    scope="module",
    params=["no anywidget", pytest.param("no blob:", marks=pytest.mark.full)],
)
def problem(request: pytest.FixtureRequest) -> str:
    """What keeps the full form away."""
    return str(request.param)


@pytest.fixture(scope="module")
def lab(scratch: Scratch, problem: str) -> Iterator[JupyterLab]:
    """A JupyterLab without the full form."""
    with JupyterLab(scratch, **_given(problem)) as server:
        yield server


@pytest.fixture(scope="module")
def voila(scratch: Scratch, problem: str) -> Iterator[Voila]:
    """A Voilà without the full form."""
    with Voila(scratch, **_given(problem)) as server:
        yield server


def _log_in(form: Locator | Page, carto: Sandbox) -> None:
    """Log in with a wrong key first, with presses as long as people's."""
    button = form.get_by_role("button", name="Log in")
    form.get_by_label("Address", exact=True).select_option(
        "On-premises or custom address"
    )
    form.get_by_label("URL").fill(carto.url)
    form.get_by_label("User name").fill("jane")
    form.get_by_label("API key").fill("0123456789wrongkey9876543210")
    button.click(delay=150)
    expect(form.get_by_role("status")).to_contain_text("does not accept this key")
    form.get_by_label("API key").fill(carto.accounts["jane"].master.token)
    button.click(delay=150)
    expect(form.get_by_text("Signed in to CARTO as jane")).to_be_visible()


def test_it_takes_over_after_a_busy_cell(
    open_notebook: Callable[..., Any], carto: Sandbox, kernel: str
) -> None:
    """By itself, and not while the kernel could hear no page."""
    notebook = open_notebook([LOGIN, BUSY], kernel=kernel)
    notebook.start_all()
    expect(notebook.output(1)).to_contain_text("6")
    expect(notebook.output(0)).not_to_contain_text(PLAIN)
    expect(notebook.output(0)).to_contain_text(PLAIN)
    _log_in(notebook.output(0), carto)


@pytest.mark.full
def test_it_takes_over_in_voila(
    open_voila: Callable[..., Any], carto: Sandbox, kernel: str
) -> None:
    """There too."""
    page = open_voila([f"{LOGIN} --form"], kernel=kernel)
    expect(page.get_by_text(PLAIN)).to_be_visible()
    _log_in(page, carto)
