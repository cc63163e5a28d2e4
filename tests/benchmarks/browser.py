"""What a person waits for at the page: the form, verdicts, Cancel, other cells.

    python tests/benchmarks/browser.py

Chromium tells when something is painted. CARTO is a sandbox in this process. The peer
is what anybody would write by hand: fields of ipywidgets, one of whose callbacks asks
the same URL with requests and shows the status.
"""

from __future__ import annotations

import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import nbformat
from benchmark import IPYKERNEL6, Row, run
from harness.chromium import launch
from harness.environment import home_variables
from harness.form import Form
from harness.frames import Frames
from harness.notebook import Notebook
from harness.servers import JupyterLab, Scratch
from many_profiles import MANY
from playwright.sync_api import Browser, expect, sync_playwright

from carto_login_widget.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

TIMES = 10
CANCELS = 5
SHOWS = 5
PAUSE = 1500  # milliseconds
APPS = {"JupyterLab": "/doc/tree/", "Notebook 7": "/notebooks/"}
LOGIN = "%load_ext carto_login_widget\n%carto_login --form"
WORK = "sum(n * n for n in range(20_000))"
BUSY = """import time
end = time.monotonic() + 3
while time.monotonic() < end:
    time.sleep(0.01)"""
BARE = """import ipywidgets, requests
field, said = ipywidgets.Password(continuous_update=False), ipywidgets.HTML()
def check(change):
    if change["new"]:
        url = {url!r} + "/api/v3/api_keys?per_page=1"
        answer = requests.get(url, auth=("jane", change["new"]), timeout=20)
        said.value = f"status {{answer.status_code}} for {{change['new']}}"
field.observe(check, "value")
ipywidgets.VBox([field, said])"""

LIST = """import ipywidgets
ipywidgets.VBox([ipywidgets.Dropdown(options=[str(n) for n in range({count})])])"""
# As many controls of each kind as the form has.
CORE = """import ipywidgets as w
texts = [w.Text(description="User name"), w.Text(), w.Password()]
where, ticks = w.RadioButtons(options=["a", "b"]), [w.Checkbox(), w.Checkbox()]
buttons = w.HBox([w.Button(description="Log in"), w.Button()])
w.VBox([w.HTML("<h3>Log in</h3>"), where, *texts, *ticks, buttons, w.HTML("A word")])"""

# From an event in the page to the frame in which the words are painted.
_WATCH = """([cell, event, words]) => {
    const output = document.querySelectorAll('.jp-Notebook .jp-Cell')[cell]
        .querySelector('.jp-Cell-outputArea');
    window.benchmark = new Promise((resolve, reject) => {
        let start = null, gone = false;
        // The form keeps its keys from the document.
        window.addEventListener(event, () => { start ??= performance.now(); },
            {capture: true, once: true});
        const look = () => {
            const there = output.innerText.includes(words);
            gone ||= !there;
            if (start === null || !gone || !there) return;
            watcher.disconnect();
            requestAnimationFrame(() => {
                const channel = new MessageChannel();
                channel.port1.onmessage = () => resolve(performance.now() - start);
                channel.port2.postMessage(null);
            });
        };
        const watcher = new MutationObserver(look);
        const all = {subtree: true, childList: true, characterData: true,
            attributes: true};
        watcher.observe(output, all);
        look();
        setTimeout(() => reject(new Error(`"${words}" was not seen`)), 20000);
    });
}"""
# From running a cell to the frame in which what it shows is painted.
_SHOW = """async ([cell, selector, count]) => {
    const panel = window.jupyterapp.shell.currentWidget;
    panel.content.deselectAll();
    panel.content.activeCellIndex = cell;
    const output = document.querySelectorAll('.jp-Notebook .jp-Cell')[cell]
        .querySelector('.jp-Cell-outputArea');
    output.querySelectorAll(selector).forEach(old => old.remove());
    const start = performance.now();
    await window.jupyterapp.commands.execute('notebook:run-cell');
    while (output.querySelectorAll(selector).length < count)
        await new Promise(requestAnimationFrame);
    await new Promise(requestAnimationFrame);
    return performance.now() - start;
}"""
_FORM = ".carto-login .carto-buttons"
_RUN = """async cell => {
    const panel = window.jupyterapp.shell.currentWidget;
    panel.content.deselectAll();
    panel.content.activeCellIndex = cell;
    const start = performance.now();
    await window.jupyterapp.commands.execute('notebook:run-cell');
    return performance.now() - start;
}"""


class Bench:
    """One notebook with one kernel in one front end, and the form in its first cell."""

    def __init__(self, notebook: Notebook, carto: Sandbox, home: Path) -> None:
        self.notebook = notebook
        self.profiles = home / ".config" / "cartoframes" / "profiles"
        self.carto = carto
        self.key = carto.accounts["jane"].master.token
        self.address = carto.base_url("jane")
        notebook.run(0)
        self.form = Form(notebook, 0)
        expect(self.form.key, notebook.text(0)).to_be_visible()
        kernel = "import ipykernel; print(ipykernel.__version__.rpartition('.')[0])"
        self.version = f"ipykernel {notebook.run_code(kernel)}"

    def painted(self, press: str, words: str, cell: int = 0) -> float:
        """Press Enter in the key field, or a button; milliseconds until words show."""
        page = self.notebook.page
        by_enter = press == "Enter"
        page.evaluate(_WATCH, [cell, "keydown" if by_enter else "click", words])
        if by_enter:
            field = self.notebook.output(cell).locator("input[type=password]")
            (field if cell else self.form.key).press("Enter")
        else:
            self.form.button(press).click()
        return float(page.evaluate("() => window.benchmark"))

    def ran(self, cell: int) -> float:
        """Run a cell; milliseconds until the page knows that it has ended."""
        return float(self.notebook.page.evaluate(_RUN, cell))

    def fill_in(self) -> None:
        """Give name and address."""
        self.form.fill(self.address, "jane")

    def rejected(self) -> list[float]:
        """Enter wrong keys."""
        found = []
        self.fill_in()
        for number in range(1 + TIMES):
            self.form.key.fill(f"wrong{number:035}")
            found.append(self.painted("Enter", "does not accept this key"))
        return found[1:]

    def accepted(self) -> list[float]:
        """Enter the right key, and be remembered each time."""
        found = []
        for _ in range(1 + TIMES):
            self.form.key.fill(self.key)
            found.append(self.painted("Enter", "Signed in to CARTO as jane"))
            self.form.settle()
            self.form.button("Switch account").click()
            self.form.choose_new()
            self.fill_in()
        return found[1:]

    def bare(self) -> list[float]:
        """Enter keys into the field that anybody would write."""
        cell = self.notebook.add_cell(BARE.format(url=self.address))
        self.notebook.run(cell)
        field = self.notebook.output(cell).locator("input[type=password]")
        found = []
        for number in range(1 + TIMES):
            key = f"wrong{number:035}"
            field.fill(key)
            found.append(self.painted("Enter", f"for {key}", cell))
        return found[1:]

    def fill_store(self, accounts: int) -> None:
        """Save so many accounts, copies of the one that there is."""
        saved = next(self.profiles.iterdir())
        for number in range(1, accounts):
            shutil.copy(saved, self.profiles / f"copy-{number}.json")

    def shown(self, source: str, selector: str, count: int = 1) -> list[float]:
        """Run a cell; milliseconds until so many of its elements are painted."""
        show = [self.notebook.add_cell(source), selector, count]
        found = []
        for _ in range(1 + SHOWS):
            # The list of all accounts comes after the form: not while the next is made.
            self.notebook.page.wait_for_timeout(PAUSE)
            found.append(float(self.notebook.page.evaluate(_SHOW, show)))
        return found[1:]

    def hung(self) -> tuple[list[float], list[float]]:
        """Run a cell without and with a check that hangs."""
        cell = self.notebook.add_cell(WORK)
        alone = [self.ran(cell) for _ in range(1 + TIMES)][1:]
        self.form.key.fill(self.key)
        with self.carto.fail(Fault.hang()):
            self.form.key.press("Enter")
            expect(self.form.root).to_contain_text("Checking with")
            beside = [self.ran(cell) for _ in range(1 + TIMES)][1:]
            expect(self.form.root).to_contain_text("Checking with")
            self.painted("Cancel", "Cancelled")
        return alone + [self.ran(cell) for _ in range(TIMES)], beside

    def cancelled(self, *, busy: bool) -> list[float]:
        """Cancel checks that hang, with an idle kernel or while a cell runs."""
        found = []
        cell = self.notebook.add_cell(BUSY)
        with self.carto.fail(Fault.hang()):
            for _ in range(CANCELS):
                self.form.button("Log in").click()
                expect(self.form.root).to_contain_text("Checking with")
                if busy:
                    self.notebook.start(cell)
                    expect(self.notebook.prompt(cell)).to_contain_text("*")
                    self.notebook.page.wait_for_timeout(300)
                found.append(self.painted("Cancel", "Cancelled"))
                if busy:
                    self.notebook.wait(cell)
        return found


@contextmanager
def bench(
    server: JupyterLab, chromium: Browser, app: str, kernel: str
) -> Iterator[Bench]:
    """Open a notebook with the form in it; a kernel starts and ends with it."""
    scratch = server.scratch
    home = scratch.base / "kernel-home" / f"{app}-{kernel}"
    with Sandbox() as carto, chromium.new_context() as context:
        scratch.write_kernels(home_variables(home))
        scratch.write_settings({})
        path = scratch.root / f"{app}-{kernel}.ipynb".replace(" ", "-").lower()
        cells = [nbformat.v4.new_code_cell(LOGIN)]
        made = nbformat.v4.new_notebook(cells=cells)
        made.metadata.kernelspec = {"name": kernel, "display_name": kernel}
        nbformat.write(made, path)
        url = server.url + APPS[app] + path.name
        page = context.new_page()
        page.set_default_timeout(20_000)
        notebook = Notebook(page, url, path, Frames(), scratch.base)
        notebook.open()
        try:
            yield Bench(notebook, carto, home)
        finally:
            server.shut_down_kernels()


def verdicts(one: Bench, where: str) -> list[Row]:
    """Measure from Enter to the verdict."""
    bare = one.bare()
    words = {"rejected": one.rejected, "signed in, saved": one.accepted}
    return [
        Row(
            f"Enter to '{what}' painted, {where}",
            task(),
            limit=250,
            peer="bare ipywidgets and requests",
            peer_values=bare,
        )
        for what, task in words.items()
    ]


def hangs(one: Bench, where: str, *, subshells: bool) -> list[Row]:
    """Measure what a hung server does to other cells, and how soon Cancel works."""
    alone, beside = one.hung()
    added = [taken - median(alone) for taken in beside]
    idle, busy = one.cancelled(busy=False), one.cancelled(busy=True)
    cells = f"added to a cell while a check hangs, {where}"
    return [
        Row(cells, added, limit=20, peer="the cell alone", peer_values=alone),
        Row(f"Cancel, idle kernel, {where}", idle, limit=100),
        Row(
            f"Cancel, a cell of 3 s runs, {where}",
            busy,
            limit=100 if subshells else None,
        ),
    ]


def shows(one: Bench, where: str) -> Row:
    """Measure from running the cell to the form, beside a form of core controls."""
    return Row(
        f"%carto_login to the form painted, {where}",
        one.shown("%carto_login --form", _FORM),
        limit=300,
        peer="as many core controls",
        peer_values=one.shown(CORE, "input[type=checkbox]", 2),
    )


def accounts(one: Bench, where: str) -> Row:
    """Measure what many saved accounts add until the page has painted the form.

    The peer is what as many options add to a bare list.
    """
    form = "%carto_login --form"
    few = median(one.shown(form, _FORM))
    one.fill_store(MANY)
    many = [taken - few for taken in one.shown(form, _FORM)]
    bare = median(one.shown(LIST.format(count=2), "option", 2))
    options = one.shown(LIST.format(count=MANY), "option", MANY)
    what = f"  {MANY:,} accounts add until it is painted, {where}"
    return Row(
        what,
        many,
        limit=100,
        peer="... options add to a bare list",
        peer_values=[taken - bare for taken in options],
    )


def measure() -> list[Row]:
    """Measure in each front end, on each kernel."""
    kernels = ["python3", "python3-ipykernel6"] if IPYKERNEL6 else ["python3"]
    rows = []
    with (
        tempfile.TemporaryDirectory(prefix="carto-benchmark-") as directory,
        sync_playwright() as playwright,
        launch(playwright) as chromium,
        JupyterLab(Scratch(Path(directory), IPYKERNEL6)) as server,
    ):
        for app in APPS:
            for kernel in kernels:
                with bench(server, chromium, app, kernel) as one:
                    where = f"{app}, {one.version}"
                    rows.append(shows(one, where))
                    rows += verdicts(one, where)
                    rows += hangs(one, where, subshells=kernel == "python3")
                    if not any("accounts add" in row.promise for row in rows):
                        rows.append(accounts(one, where))
    return rows


if __name__ == "__main__":
    run(measure)
