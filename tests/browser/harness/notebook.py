"""A driver of one notebook in JupyterLab or Notebook 7, as a person at the page.

Plumbing (running a cell, saving) goes through the commands of the front end, so that
each call returns when it has happened; what is under test is typed and clicked.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import nbformat
from playwright.sync_api import TimeoutError as PageTimeoutError
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.frames import Frames
    from playwright.sync_api import Locator, Page

# Settings for `open_notebook`: the file then holds the state of the widgets.
SAVE_WIDGET_STATE = {"@jupyter-widgets/jupyterlab-manager:plugin": {"saveState": True}}

_PANEL = "const panel = window.jupyterapp?.shell?.currentWidget;"
_READY = f"""() => {{
    {_PANEL}
    const kernel = panel?.sessionContext?.session?.kernel;
    return panel?.content?.widgets?.length > 0 && panel.context.isReady
        && kernel?.connectionStatus === 'connected' && kernel.status === 'idle';
}}"""
_START = f"""([command, cell, key]) => {{
    {_PANEL}
    if (cell !== null) {{
        panel.content.deselectAll();
        panel.content.activeCellIndex = cell;
    }}
    window.harnessRuns ??= {{}};
    window.harnessRuns[key] = window.jupyterapp.commands.execute(command);
}}"""
_WAIT = """([key, seconds]) => Promise.race([
    window.harnessRuns[key].then(() => true),
    new Promise(resolve => setTimeout(() => resolve(false), 1000 * seconds)),
])"""
_CELL = f"""cell => {{
    {_PANEL}
    return panel.content.widgets[cell].model.toJSON();
}}"""
_IS_CODE = f"""cell => {{
    {_PANEL}
    return panel.content.widgets[cell]?.model.type === 'code';
}}"""
_ADD = f"""source => {{
    {_PANEL}
    const model = panel.content.model.sharedModel;
    model.addCell({{cell_type: 'code', source, metadata: {{trusted: true}}}});
    return panel.content.widgets.length - 1;
}}"""
_SET = f"""([cell, source]) => {{
    {_PANEL}
    panel.content.widgets[cell].model.sharedModel.setSource(source);
}}"""
_SET_ALL = f"""sources => {{
    {_PANEL}
    const model = panel.content.model.sharedModel;
    const cells = sources.map(source =>
        ({{cell_type: 'code', source, metadata: {{trusted: true}}}}));
    model.transact(() => {{
        model.deleteCellRange(0, model.cells.length);
        model.insertCells(0, cells);
    }});
}}"""
_EXECUTE = f"""async code => {{
    {_PANEL}
    const kernel = panel.sessionContext.session.kernel;
    return (await kernel.requestExecute({{code, store_history: false}}).done).content;
}}"""
# The stylesheet itself stays the same, so that it can be set again and again.
_WIDTH = """pixels => {
    const sheet = document.getElementById('harness-width')
        ?? document.head.appendChild(document.createElement('style'));
    sheet.id = 'harness-width';
    sheet.textContent = pixels === null ? '' : `.jp-OutputArea-output {
        box-sizing: border-box; flex: none !important; min-width: 0;
        width: ${pixels}px !important }`;
}"""
_SAVED = f"() => {{ {_PANEL} return !panel.context.model.dirty; }}"
_THEME = (
    "name => window.jupyterapp.commands.execute('apputils:change-theme', {theme: name})"
)
_SHUT_DOWN = f"""() => {{
    {_PANEL}
    return panel.sessionContext.shutdown();
}}"""
_FRESH_SECONDS = 30
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


class Notebook:
    """A notebook that is open in `page`.

    Cells are counted from 0. `frames` holds all that page and kernel said.

    Example:
        notebook = open_notebook(["import ipywidgets", "ipywidgets.Text()"])
        notebook.run_all()
        notebook.output(1).get_by_role("textbox").fill("jane")
    """

    def __init__(
        self, page: Page, url: str, path: Path, frames: Frames, screenshots: Path
    ) -> None:
        self.page = page
        self.url = url
        self.path = path
        self.frames = frames
        self._screenshots = screenshots

    # Opening

    def open(self) -> None:
        """Load the page and wait for an idle kernel.

        A fresh kernel now and then looks dead to the page that started it; a person
        would load the page again, and so does this, once.
        """
        self.page.goto(self.url)
        try:
            self.wait_idle(_FRESH_SECONDS)
        except PageTimeoutError:
            self.reload()

    def reload(self) -> None:
        """Load the page again; the kernel, if there is one, goes on."""
        self.page.reload()
        self.wait_idle()

    def reopen(self) -> None:
        """Shut the kernel down and open what is saved, as on the next day."""
        self.page.evaluate(_SHUT_DOWN)
        self.open()

    def second_tab(self) -> Notebook:
        """Open the same notebook, with the same kernel, in another tab."""
        page = self.page.context.new_page()
        self.frames.watch(page)
        tab = Notebook(page, self.url, self.path, self.frames, self._screenshots)
        tab.open()
        return tab

    # Cells and the kernel

    def add_cell(self, source: str) -> int:
        """Append a code cell; its number."""
        return int(self.page.evaluate(_ADD, source))

    def set_cells(self, sources: Sequence[str]) -> None:
        """Put code cells with these texts in place of all there are."""
        self.page.evaluate(_SET_ALL, list(sources))

    def execute(self, code: str) -> None:
        """Run code in the kernel that is in no cell, and wait for its end."""
        reply = self.page.evaluate(_EXECUTE, code)
        assert reply["status"] == "ok", reply

    def set_source(self, cell: int, source: str) -> None:
        """Replace the text of a cell."""
        self.page.evaluate(_SET, [cell, source])

    def run(self, cell: int, timeout: float = 60) -> str:
        """Run a cell to its end, at most `timeout` seconds; its text output."""
        self.start(cell)
        self.wait(cell, timeout)
        return self.text(cell)

    def run_code(self, source: str, timeout: float = 60) -> str:
        """Append a cell with `source` and run it; its text output."""
        return self.run(self.add_cell(source), timeout)

    def run_all(self, timeout: float = 60) -> None:
        """Run all cells from the top, as the menu does: an error stops it."""
        self.start_all()
        self._wait("all", timeout)

    def start_all(self) -> None:
        """Run all cells without waiting for them."""
        self._start("notebook:run-all-cells", None, "all")

    def start(self, cell: int) -> None:
        """Run a cell without waiting for it."""
        self._start("notebook:run-cell", cell, str(cell))

    def wait(self, cell: int, timeout: float = 60) -> None:
        """Wait for the end of a cell that was started."""
        self._wait(str(cell), timeout)

    def _start(self, command: str, cell: int | None, key: str) -> None:
        self.page.evaluate(_START, [command, cell, key])

    def _wait(self, key: str, timeout: float) -> None:
        if not self.page.evaluate(_WAIT, [key, timeout]):
            msg = f"{key} did not end within {timeout} s in {self.path.name}"
            raise TimeoutError(msg)

    def wait_idle(self, timeout: float = 60) -> None:
        """Wait until the kernel is connected and has nothing to do."""
        self.page.wait_for_function(_READY, timeout=1000 * timeout)

    def restart(self) -> None:
        """Restart the kernel from the menu's command, and confirm."""
        self._start("notebook:restart-kernel", None, "restart")
        self.page.locator(".jp-Dialog button.jp-mod-accept").click()
        self._wait("restart", 60)
        self.wait_idle()

    def save(self) -> nbformat.NotebookNode:
        """Save from the menu's command; what is in the file afterwards."""
        self._start("docmanager:save", None, "save")
        self._wait("save", 60)
        return nbformat.read(self.path, as_version=4)

    def wait_saved(self) -> None:
        """Wait until what is shown is what the file holds."""
        self.page.wait_for_function(_SAVED)

    # What is seen

    def cell(self, cell: int) -> Locator:
        """Locate a cell."""
        return self.page.locator(".jp-Notebook .jp-Cell").nth(cell)

    def output(self, cell: int) -> Locator:
        """Locate the output of a cell; look for widgets in it."""
        return self.cell(cell).locator(".jp-Cell-outputArea")

    def shown(self, cell: int) -> Locator:
        """Locate what a cell shows without the room around it, as for a picture."""
        return self.output(cell).locator(".jp-OutputArea-output")

    def prompt(self, cell: int) -> Locator:
        """Locate the prompt of a cell: `[*]:` while it runs or waits, then `[3]:`."""
        return self.cell(cell).locator(".jp-InputPrompt")

    def is_code(self, cell: int) -> bool:
        """Return whether there is a code cell of this number."""
        return bool(self.page.evaluate(_IS_CODE, cell))

    def outputs(self, cell: int) -> list[dict[str, Any]]:
        """Return the outputs of a cell, as in the file format."""
        return list(self.page.evaluate(_CELL, cell)["outputs"])

    def text(self, cell: int) -> str:
        """Return what a cell printed, its `text/plain` result and its traceback."""
        return "".join(map(_plain, self.outputs(cell))).strip()

    def set_theme(self, theme: str) -> None:
        """Change to the "light" or the "dark" theme."""
        self.page.evaluate(_THEME, f"JupyterLab {theme.title()}")
        light = str(theme == "light").lower()
        expect(self.page.locator("body")).to_have_attribute(
            "data-jp-theme-light", light
        )

    def set_output_width(self, pixels: int | None) -> None:
        """Give all outputs this width, as a narrow window would; None: the page's."""
        self.page.evaluate(_WIDTH, pixels)

    def screenshot(self, name: str, of: Locator | None = None) -> Path:
        """Save a picture of the page, or of one part; its path."""
        path = self._screenshots / f"{name}.png"
        (of or self.page).screenshot(path=path)
        return path


def _plain(output: dict[str, Any]) -> str:
    if output["output_type"] == "stream":
        return "".join(output["text"])
    if output["output_type"] == "error":
        return _ANSI.sub("", "\n".join(output["traceback"])) + "\n"
    return "".join(output["data"].get("text/plain", "")) + "\n"
