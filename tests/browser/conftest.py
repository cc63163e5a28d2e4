"""JupyterLab, Notebook 7 and Voilà in Chromium, for the tests in this directory."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pytest
from harness.chromium import launch
from harness.environment import home_variables
from harness.frames import Frames
from harness.notebook import Notebook
from harness.servers import JupyterLab, Scratch, Voila
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

KERNELS = ["python3", pytest.param("python3-ipykernel6", marks=pytest.mark.full)]
_DESK = "desk"
_VIEWPORT: Any = {"width": 1280, "height": 900}
_APPS = {"lab": "/doc/tree/", "full lab": "/lab/tree/", "notebook": "/notebooks/"}
# Read here: the tests themselves see no variable that begins with CARTO_.
_SCREENSHOTS = os.environ.get("CARTO_SCREENSHOTS")

expect.set_options(timeout=30_000)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is in this directory, so that `-m "not browser"` leaves it out."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def screenshots(pytestconfig: pytest.Config) -> Path:
    """The directory for pictures: `$CARTO_SCREENSHOTS`, else `screenshots`."""
    path = Path(_SCREENSHOTS or pytestconfig.rootpath / "screenshots")
    path.mkdir(parents=True, exist_ok=True)
    return path


@pytest.fixture(scope="session")
def take_pictures(pytestconfig: pytest.Config) -> bool:
    """Whether somebody will look at the many pictures of each state."""
    return bool(_SCREENSHOTS or pytestconfig.getoption("--all"))


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """One Chromium for all tests of this directory, which is a package for that.

    It ends with them: Playwright's synchronous API has an event loop running in its
    thread, under which `asyncio.run` of a later test would fail.
    """
    with sync_playwright() as playwright, launch(playwright) as browser:
        yield browser


@pytest.fixture(scope="package")
def context(chromium: Browser) -> Iterator[BrowserContext]:
    """One context for all pages: what JupyterLab consists of is loaded once.

    An empty page of the site that all servers are of stays open, and with it the
    process of the others and the scripts that it has compiled.
    """
    with chromium.new_context(viewport=_VIEWPORT) as made:
        made.set_default_timeout(30_000)
        keeper = made.new_page()
        keeper.route("**/*", lambda route: route.fulfill(body=""))
        keeper.goto("http://127.0.0.1/")
        yield made


@pytest.fixture(scope="session")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Scratch:
    """The directories that all servers share."""
    ipykernel6 = os.environ.get("TEST_IPYKERNEL6_PYTHON")
    return Scratch(tmp_path_factory.mktemp("jupyter"), ipykernel6)


@pytest.fixture(scope="session")
def lab(scratch: Scratch) -> Iterator[JupyterLab]:
    """A running JupyterLab."""
    with JupyterLab(scratch) as server:
        yield server


@pytest.fixture(scope="session")
def voila(scratch: Scratch) -> Iterator[Voila]:
    """A running Voilà."""
    with Voila(scratch) as server:
        yield server


@pytest.fixture(params=KERNELS)
def kernel(request: pytest.FixtureRequest) -> str:
    """Each kernel in turn: a test that asks for this runs on all of them."""
    return str(request.param)


@pytest.fixture
def kernel_home(tmp_path: Path) -> Path:
    """The home directory of the kernels of this test, empty at first."""
    path = tmp_path / "kernel-home"
    path.mkdir()
    return path


class Opener:
    """What `open_notebook` and `open_voila` have in common."""

    def __init__(
        self,
        request: pytest.FixtureRequest,
        context: BrowserContext,
        scratch: Scratch,
        home: Path,
    ) -> None:
        self._name = _plain_name(request)
        self._context = context
        self._others = set(context.pages)
        self._scratch = scratch
        self._home = home
        self.frames = Frames()
        self._count = 0

    def page(self) -> Page:
        """Open an empty page whose frames are kept."""
        page = self._context.new_page()
        self.frames.watch(page)
        return page

    def file(
        self, cells: Sequence[str] | Path, kernel: str, env: dict[str, str]
    ) -> Path:
        """Put a notebook where the servers find it, and a kernel for it."""
        _skip_without(self._scratch, kernel)
        self._scratch.write_kernels({**home_variables(self._home), **env})
        self._count += 1
        path = _write(self._scratch, f"{self._name}-{self._count}", cells)
        _set_kernel(path, kernel)
        return path

    def pages(self) -> list[Page]:
        """Return the pages that were opened since."""
        return [page for page in self._context.pages if page not in self._others]

    def close(self) -> None:
        """Close them."""
        for page in self.pages():
            page.close()


def _plain_name(request: pytest.FixtureRequest) -> str:
    return re.sub(r"\W+", "-", request.node.name)


def _skip_without(scratch: Scratch, kernel: str) -> None:
    if kernel == "python3-ipykernel6" and not scratch.ipykernel6:
        pytest.skip("TEST_IPYKERNEL6_PYTHON is not set: tests/run.sh sets it")


def _write(scratch: Scratch, name: str, cells: Sequence[str] | Path) -> Path:
    path = scratch.root / f"{name}.ipynb"
    if isinstance(cells, Path):
        shutil.copy(cells, path)
    else:
        notebook = nbformat.v4.new_notebook()
        notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
        nbformat.write(notebook, path)
    return path


def _set_kernel(path: Path, kernel: str) -> None:
    notebook = nbformat.read(path, as_version=4)
    notebook.metadata.kernelspec = {
        "name": kernel,
        "display_name": kernel,
        "language": "python",
    }
    nbformat.write(notebook, path)


@pytest.fixture
def opener(
    request: pytest.FixtureRequest,
    context: BrowserContext,
    scratch: Scratch,
    kernel_home: Path,
    screenshots: Path,
) -> Iterator[Opener]:
    """The pages of this test; a failure leaves a picture of each."""
    made = Opener(request, context, scratch, kernel_home)
    yield made
    if request.node.stash.get(_FAILED, False):
        for number, page in enumerate(made.pages()):
            page.screenshot(path=screenshots / f"failed-{made._name}-{number}.png")
    made.close()


_FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Any:
    """Note a failure where the fixtures see it."""
    report = yield
    item.stash[_FAILED] = item.stash.get(_FAILED, False) or report.failed
    return report


@pytest.fixture
def open_notebook(
    opener: Opener, lab: JupyterLab, screenshots: Path
) -> Iterator[Callable[..., Notebook]]:
    """Open a notebook: `open_notebook(cells, kernel=, app=, settings=, env=)`.

    `cells` are the texts of code cells, or the path of a notebook, which is copied.
    `kernel` is "python3" or "python3-ipykernel6"; `app` is "lab" (one document),
    "full lab" or "notebook"; `settings` are JupyterLab's, by plugin; `env` are
    environment variables of the kernel.
    """

    def open_(
        cells: Sequence[str] | Path,
        *,
        kernel: str = "python3",
        app: str = "lab",
        settings: dict[str, dict[str, Any]] | None = None,
        env: dict[str, str] | None = None,
    ) -> Notebook:
        path = opener.file(cells, kernel, env or {})
        lab.scratch.write_settings(settings or {})
        url = lab.url + _APPS[app] + path.name
        notebook = Notebook(opener.page(), url, path, opener.frames, screenshots)
        notebook.open()
        return notebook

    yield open_
    lab.shut_down_kernels(but=_DESK)


class Desk:
    """One page of JupyterLab for each kernel, in which test after test is shown.

    What a test needs of its own is given to the running kernel: a home, an account
    that nobody is signed in with, no widgets of others.
    """

    def __init__(
        self, context: BrowserContext, lab: JupyterLab, screenshots: Path, base: Path
    ) -> None:
        self._context, self._lab, self._screenshots = context, lab, screenshots
        self._base = base
        self._count = 0
        self._open: dict[str, Notebook] = {}

    def show(self, cells: Sequence[str], kernel: str, home: Path) -> Notebook:
        """Return the notebook with these cells and no others."""
        try:
            return self._show(cells, kernel, home)
        except PlaywrightError:
            # A test with a page of its own has shut down all kernels of the server.
            self._open.pop(kernel).page.close()
            return self._show(cells, kernel, home)

    def _show(self, cells: Sequence[str], kernel: str, home: Path) -> Notebook:
        notebook = self._notebook(kernel)
        notebook.page.set_viewport_size(_VIEWPORT)
        notebook.set_output_width(None)
        notebook.set_cells(cells)
        notebook.execute(_BLANK.format(home_variables(home)))
        notebook.frames.clear()
        return notebook

    def _notebook(self, kernel: str) -> Notebook:
        if kernel not in self._open:
            page, frames = self._context.new_page(), Frames()
            frames.watch(page)
            scratch = self._lab.scratch
            self._count += 1
            path = _write(scratch, f"{_DESK}-{self._count}", [""])
            _set_kernel(path, kernel)
            scratch.write_kernels(home_variables(self._base))
            scratch.write_settings({})
            url = self._lab.url + _APPS["lab"] + path.name
            notebook = Notebook(page, url, path, frames, self._screenshots)
            notebook.open()
            self._open[kernel] = notebook
        return self._open[kernel]

    def drop(self, kernel: str, name: str) -> None:
        """Take a picture of a page, and use it no more."""
        notebook = self._open.pop(kernel)
        notebook.screenshot(f"failed-{name}")
        self._lab.shut_down_kernels()
        notebook.page.close()


_BLANK = """
import os
os.environ.update({!r})
from ipywidgets import Widget
Widget.close_all()
from carto_login_widget import unset_default_credentials
from carto_login_widget.settings import CartoLogin
unset_default_credentials()
CartoLogin.clear_instance()
get_ipython().extension_manager.unload_extension("carto_login_widget")
"""


@pytest.fixture(scope="package")
def desk(
    context: BrowserContext,
    lab: JupyterLab,
    screenshots: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Desk:
    """The pages that tests share."""
    return Desk(context, lab, screenshots, tmp_path_factory.mktemp("desk"))


@pytest.fixture
def share_notebook(
    request: pytest.FixtureRequest, desk: Desk, scratch: Scratch, kernel_home: Path
) -> Iterator[Callable[..., Notebook]]:
    """As `open_notebook`, in a page and a kernel that are open already.

    `share_notebook(cells, kernel=)`; once in a test, and not for one that restarts the
    kernel or needs settings. Others may have logged out in that kernel, so name the
    saved account that is to be used.
    """
    shown: list[str] = []

    def share(cells: Sequence[str], *, kernel: str = "python3") -> Notebook:
        _skip_without(scratch, kernel)
        shown.append(kernel)
        return desk.show(cells, kernel, kernel_home)

    yield share
    if shown and request.node.stash.get(_FAILED, False):
        desk.drop(shown[0], _plain_name(request))


@pytest.fixture
def open_voila(opener: Opener, voila: Voila) -> Callable[..., Page]:
    """Open a notebook in Voilà, which runs it: `open_voila(cells, kernel=, env=)`."""

    def open_(
        cells: Sequence[str] | Path,
        *,
        kernel: str = "python3",
        env: dict[str, str] | None = None,
    ) -> Page:
        path = opener.file(cells, kernel, env or {})
        page = opener.page()
        page.goto(f"{voila.url}/voila/render/{path.name}")
        return page

    return open_
