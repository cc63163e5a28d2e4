"""Notebooks that are saved with the state of their widgets hold nothing of the form.

At each moment of a login, by each way to save: no key, no user name, no account in the
notebook, its checkpoint, its HTML, in a frame from the kernel, or in a log at DEBUG.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from harness.leaks.scene import sandbox
from harness.leaks.search import MASTER, REGULAR, found_in
from harness.notebook import SAVE_WIDGET_STATE, Notebook
from harness.servers import JupyterLab
from nbconvert import HTMLExporter
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from harness.servers import Scratch
    from playwright.sync_api import Locator, Page

    from carto_login_widget.sandbox import Sandbox

    Open = Callable[..., Notebook]

STATE = "application/vnd.jupyter.widget-state+json"
LOGS = """
import logging
logging.basicConfig(level=logging.DEBUG, filename="messages.log")
%load_ext carto_login_widget
%carto_login
"""
AUTOSAVE = {
    "@jupyterlab/docmanager-extension:plugin": {"autosave": True, "autosaveInterval": 1}
}
_DIRTY = """() => {
    const {content, context} = window.jupyterapp.shell.currentWidget;
    content.widgets.at(-1).model.sharedModel.setSource(`# ${Math.random()}`);
    context.model.dirty = true;
}"""
_WATCH = """() => {
    const {context} = window.jupyterapp.shell.currentWidget;
    window.harnessSaved = new Promise(saved => context.saveState.connect(
        (_, state) => state === 'completed' && saved()));
}"""


@pytest.fixture
def carto() -> Iterator[Sandbox]:
    """A CARTO in which jane's keys are those that are looked for."""
    with sandbox() as made:
        yield made


def by_keyboard(page: Page) -> None:
    """Press Ctrl+S in the field."""
    page.keyboard.press("Control+s")


def by_toolbar(page: Page) -> None:
    """Click on the toolbar's button, which leaves the field that was typed in."""
    page.locator("[data-command='docmanager:save']").first.click(delay=60)


def by_autosave(page: Page) -> None:
    """Leave it to the front end, which saves what has changed."""
    page.evaluate(_DIRTY)


WAYS = {"by hand": [by_keyboard, by_toolbar], "by itself": [by_autosave]}
EACH_WAY = ["by hand", pytest.param("by itself", marks=pytest.mark.full)]


@dataclass
class Saver:
    """A notebook with a form, which is saved again and again."""

    notebook: Notebook
    way: str
    form: Locator = field(init=False)

    def __post_init__(self) -> None:
        self.form = self.notebook.output(0).locator(".carto-login")

    def field(self, label: str) -> Locator:
        """Locate a field by its label."""
        return self.form.get_by_label(label, exact=True)

    def type(self, label: str, text: str) -> None:
        """Replace what stands in a field, as somebody who types."""
        self.field(label).press("Control+a")
        self.field(label).press_sequentially(text, delay=1)

    def says(self, words: str) -> None:
        """Wait until the form says something."""
        expect(self.form).to_contain_text(words)

    def save(self) -> None:
        """Save, and look for keys and names in the files."""
        for way in WAYS[self.way]:
            self.notebook.page.evaluate(_WATCH)
            way(self.notebook.page)
            self.notebook.page.evaluate("() => window.harnessSaved")
            saved = self.saved()
            states = saved.metadata.widgets[STATE]["state"].values()
            forms = [s["state"] for s in states if s["model_name"] == "AnyModel"]
            assert [form.pop("_esm") and form.pop("_css") for form in forms]
            assert "jane" not in nbformat.writes(saved)
            assert not found_in(self.files())

    def saved(self) -> nbformat.NotebookNode:
        """Return what the file holds."""
        return nbformat.read(self.notebook.path, as_version=4)

    def finish(self) -> None:
        """Look for keys in what the kernel has said, in the logs, and in the page."""
        frames = self.notebook.frames
        assert found_in(frames.to_kernel)
        told = [*frames.from_kernel, *map(_json_of, frames.to_kernel)]
        assert not found_in([*told, HTMLExporter().from_notebook_node(self.saved())[0]])
        root = self.notebook.path.parent
        messages = (root / "messages.log").read_text()
        logs = [*root.parent.glob("jupyterlab-*.log")]
        server = "".join(log.read_text(errors="replace") for log in logs)
        assert "handle_msg[" in messages
        assert "MESSAGE TYPE:comm_msg" in server
        assert not found_in([messages, server])

    def files(self) -> list[bytes]:
        """Return what the notebook, its checkpoint, and a shared session hold."""
        root, name = self.notebook.path.parent, self.notebook.path.stem
        paths = [*root.rglob(f"*{name}*"), *root.rglob(".jupyter_ystore.db*")]
        return [path.read_bytes() for path in paths if path.is_file()]


def _json_of(frame: bytes) -> bytes:
    """Return a frame to the kernel without the buffers of its message."""
    count = int.from_bytes(frame[:8], "little")
    if count not in range(6, 20):
        return frame  # a text, or what a shared session says to the server
    places = [int.from_bytes(frame[8 * i :][:8], "little") for i in range(1, count + 1)]
    return frame[: places[5]]


@pytest.fixture
def log_all(kernel_home: Path) -> None:
    """Let the kernel itself log every message, as `jupyter lab --debug` would."""
    path = kernel_home / ".ipython" / "profile_default" / "ipython_kernel_config.py"
    path.parent.mkdir(parents=True)
    path.write_text("c = get_config()\nc.Application.log_level = 10\n")


@pytest.fixture
def sit_down(open_notebook: Open, log_all: None) -> Any:
    """Open a notebook with a form: `sit_down(kernel, way, cell)`."""

    def sit(kernel: str, way: str, cell: str = "") -> Saver:
        settings = {**SAVE_WIDGET_STATE, **(AUTOSAVE if way == "by itself" else {})}
        notebook = open_notebook([LOGS, cell], kernel=kernel, settings=settings)
        notebook.run(0)
        desk = Saver(notebook, way)
        expect(desk.field("User name")).to_be_visible()
        return desk

    return sit


# A front end saves by itself ever more rarely when a save takes long.
@pytest.mark.timeout(400)
@pytest.mark.parametrize("way", EACH_WAY)
def test_nothing_typed_is_saved(
    sit_down: Callable[..., Saver], carto: Sandbox, kernel: str, way: str
) -> None:
    """Typed, left, held, refused and sent, and in fields where no key belongs."""
    _log_in(sit_down(kernel, way), carto)


@pytest.mark.full
@pytest.mark.timeout(400)
def test_nothing_typed_is_in_a_shared_session(
    opener: Any, scratch: Scratch, screenshots: Path, carto: Sandbox, log_all: None
) -> None:
    """Nor in the store of jupyter-collaboration, where the server saves."""
    python = os.environ.get("TEST_COLLABORATION_PYTHON")
    if not python:
        pytest.skip("TEST_COLLABORATION_PYTHON is not set: tests/run.sh sets it")
    path = opener.file([LOGS, ""], "python3", {})
    scratch.write_settings(SAVE_WIDGET_STATE)
    with JupyterLab(scratch, python) as server:
        url = f"{server.url}/doc/tree/{path.name}"
        notebook = Notebook(opener.page(), url, path, opener.frames, screenshots)
        wait = notebook.page.get_by_role("button", name="Continue waiting")
        notebook.page.add_locator_handler(wait, lambda button: button.click())
        notebook.open()
        notebook.run(0)
        _log_in(Saver(notebook, "by hand"), carto)
        assert [*path.parent.rglob(".jupyter_ystore.db")]
        server.shut_down_kernels()


def _log_in(desk: Saver, carto: Sandbox) -> None:
    desk.type("User name", REGULAR)
    desk.save()
    desk.field("User name").press("Tab")
    desk.says("API key")
    desk.save()
    desk.field("On-premises or custom address").check()
    desk.type("Address", f"{carto.base_url('jane')}/?api_key={REGULAR}")
    desk.save()
    desk.field("Address").press("Tab")
    desk.save()
    desk.type("Address", carto.url)
    desk.type("User name", "jane")
    desk.type("API key", f"wrong{MASTER}")
    desk.save()
    desk.field("API key").press("Enter")
    desk.says("CARTO does not accept this key.")
    desk.save()
    desk.type("API key", MASTER)
    desk.field("API key").press("Tab")
    desk.says("CARTO accepts this key")
    desk.says("Key held by this kernel")
    desk.save()
    desk.type("API key", REGULAR)
    desk.save()
    desk.field("API key").press("Enter")
    desk.save()
    desk.says("Signed in to CARTO as jane")
    desk.save()
    assert {r.key for r in carto.requests if r.key} >= {MASTER, REGULAR}
    desk.finish()


@pytest.mark.parametrize("way", EACH_WAY)
def test_nothing_typed_is_saved_while_a_cell_runs(
    sit_down: Callable[..., Saver],
    carto: Sandbox,
    kernel: str,
    way: str,
    tmp_path: Path,
) -> None:
    """Nor is it where the kernel takes the key only at the end of a cell."""
    stop = tmp_path / "stop"
    wait = f"while not os.path.exists({str(stop)!r}):\n    time.sleep(0.05)"
    desk = sit_down(kernel, way, f"import os, time\n{wait}")
    desk.notebook.start(1)
    expect(desk.notebook.prompt(1)).to_have_text("[*]:")
    try:
        desk.field("On-premises or custom address").check()
        desk.type("Address", carto.url)
        desk.type("User name", "jane")
        desk.type("API key", MASTER)
        desk.save()
        desk.field("API key").press("Tab")
        desk.save()
        desk.field("API key").press("Enter")
        desk.save()
        expect(desk.notebook.prompt(1)).to_have_text("[*]:")
    finally:
        stop.touch()
    desk.notebook.wait(1)
    desk.says("Signed in to CARTO as jane")
    desk.save()
    desk.finish()
