"""Finding a Chromium that starts, and the way all tests start it.

Run as a program it prints the path of one that starts here, for `tests/run.sh`.
"""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING

from playwright.sync_api import Browser, Error, Playwright, sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import BrowserContext, BrowserType

# Besides Playwright's own: --headless, and --no-sandbox, as root cannot have one.
_FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # A page of JupyterLab loads in half the time where another one has been compiled.
    "--process-per-site",
]
_NAMES = ["chromium", "chromium-browser", "google-chrome"]


def launch(playwright: Playwright, path: str | None = None) -> Browser:
    """Start Chromium: the one at `path`, else `$TEST_CHROMIUM`, else what is found."""
    path = path or os.environ.get("TEST_CHROMIUM") or next(_candidates(playwright))
    return playwright.chromium.launch(executable_path=path, args=_FLAGS)


def launch_with_profile(browser: BrowserType, profile: Path) -> BrowserContext:
    """Start Chromium with a profile that is kept, and with its password manager."""
    return browser.launch_persistent_context(
        profile,
        executable_path=os.environ.get("TEST_CHROMIUM"),
        args=_FLAGS,
        ignore_default_args=["--enable-automation"],
    )


def _candidates(playwright: Playwright) -> Iterator[str]:
    if os.path.exists(playwright.chromium.executable_path):  # noqa: PTH110
        yield playwright.chromium.executable_path
    yield from filter(None, map(shutil.which, _NAMES))


def _starts(playwright: Playwright, path: str) -> bool:
    try:
        launch(playwright, path).close()
    except Error as error:
        print(error, file=sys.stderr)
        return False
    return True


def main(named: list[str]) -> int:
    """Print the first of `named`, or of those found, that starts."""
    with sync_playwright() as playwright:
        for path in named or _candidates(playwright):
            if _starts(playwright, path):
                print(path)
                return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
