"""A key that is committed while a cell runs, and a notebook that is saved meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness.form import Form
from harness.frames import holding
from harness.notebook import SAVE_WIDGET_STATE
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness.notebook import Notebook

    Open = Callable[..., Notebook]

LOGIN = "%load_ext carto_login_widget\n%carto_login"
KEY = "8c1f5e0b7a94d2360c1f5e8b7a94d2360c1f5e8b"


@pytest.fixture
def busy(tmp_path: Path) -> Iterator[str]:
    """Code of a cell that runs until the test ends it."""
    stop = tmp_path / "stop"
    wait = f"while not os.path.exists({str(stop)!r}):\n    time.sleep(0.05)"
    yield f"import os, time\n{wait}"
    stop.touch()


def _commit_while_busy(notebook: Notebook) -> Form:
    form = Form(notebook, 0)
    expect(form.key).to_be_visible()
    notebook.wait_idle()
    notebook.start(1)
    expect(notebook.prompt(1)).to_contain_text("*")
    form.key.fill(KEY)
    form.key.press("Tab")
    return form


def _is_saved(notebook: Notebook) -> bool:
    notebook.save()
    return bool(holding([notebook.path.read_bytes()], KEY))


def test_a_busy_kernel_takes_the_key_at_once(open_notebook: Open, busy: str) -> None:
    """ipykernel 7 takes the key from the page while a cell runs."""
    notebook = open_notebook([LOGIN, busy], settings=SAVE_WIDGET_STATE)
    notebook.run(0)
    remember = Form(notebook, 0).remember
    # The page opens its side channel to the kernel when it has drawn the form; only
    # what it says afterwards shows that.
    for _ in range(60):
        if any(b'"subshell_id":"' in frame for frame in notebook.frames.to_kernel):
            break
        remember.click()
        notebook.page.wait_for_timeout(500)
    else:
        pytest.fail("the page has opened no side channel")
    notebook.execute("pass")  # the kernel has answered by then
    form = _commit_while_busy(notebook)
    expect(form.held).to_contain_text("Key held by this kernel")
    expect(form.key).to_have_value("")
    expect(notebook.prompt(1)).to_contain_text("*")
    assert not _is_saved(notebook)


@pytest.mark.full
def test_an_older_kernel_takes_it_when_it_is_idle(
    open_notebook: Open, tmp_path: Path, busy: str
) -> None:
    """ipykernel 6 does so after the cell; until then it says why, and saves nothing."""
    notebook = open_notebook(
        [LOGIN, busy], kernel="python3-ipykernel6", settings=SAVE_WIDGET_STATE
    )
    notebook.run(0)
    form = _commit_while_busy(notebook)
    expect(form.status).to_contain_text("The kernel has not answered yet (busy?).")
    expect(form.key).to_have_value(KEY)
    assert not _is_saved(notebook)
    (tmp_path / "stop").touch()
    notebook.wait(1)
    expect(form.key).to_have_value("")
    expect(form.held).to_contain_text("Key held by this kernel")
    expect(form.status).to_have_text("")
    assert not _is_saved(notebook)
