"""The login form in a notebook, as a person at the page sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from playwright.sync_api import Locator

    from harness.notebook import Notebook

NEW_ACCOUNT = "New account…"

_OVERFLOW = """root => [...root.querySelectorAll('*')]
    .filter(e => e.offsetParent !== null && e.scrollWidth > e.clientWidth + 1
        && getComputedStyle(e).overflowX !== 'visible' && e.tagName !== 'INPUT')
    .map(e => e.className + ': ' + e.textContent.slice(0, 60))
    .concat([...root.querySelectorAll('*')]
    .filter(e => e.offsetParent !== null
        && e.getBoundingClientRect().right > root.getBoundingClientRect().right + 1)
    .map(e => 'sticks out: ' + e.className + ' ' + e.textContent.slice(0, 60)))"""


class Form:
    """The form or the card that a cell shows."""

    def __init__(self, notebook: Notebook, cell: int) -> None:
        self.notebook = notebook
        self.root = notebook.output(cell).locator(".carto-login")
        self.username = self.root.get_by_label("User name")
        self.key = self.root.get_by_label("API key")
        self.base_url = self.root.get_by_label("URL")
        self.accounts = self.root.locator("select")
        self.remember = self.root.get_by_role("checkbox")

    def button(self, name: str) -> Locator:
        """Locate a button by its words."""
        return self.root.get_by_role("button", name=name)

    def choose_custom(self, base_url: str) -> None:
        """Choose the custom address and commit it."""
        self.root.get_by_text("On-premises or custom address").click()
        self.base_url.fill(base_url)
        self.base_url.press("Tab")

    def choose_new(self) -> None:
        """Choose "New account…", and wait until the fields are empty."""
        self.accounts.select_option(NEW_ACCOUNT)
        expect(self.username).to_have_value("")

    def log_in(self, key: str) -> None:
        """Type the key at full speed and press Enter."""
        self.key.press_sequentially(key, delay=0)
        self.key.press("Enter")

    def overflow(self) -> list[str]:
        """Return what sticks out of the form or is cut in it."""
        return list(self.root.evaluate(_OVERFLOW))
