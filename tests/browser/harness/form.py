"""The login form in a notebook, as a person at the page sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from playwright.sync_api import expect

if TYPE_CHECKING:
    from harness.notebook import Notebook
    from playwright.sync_api import Locator

    from carto_login_widget.sandbox import Sandbox

NEW_ACCOUNT = "New account"
CUSTOM = "On-premises or custom address"

# One line of text in an input or a list may be longer than its place: it scrolls. What
# is said of a field and has no room beside it is said below the buttons too.
_OVERFLOW = """root => {
    const shown = [...root.querySelectorAll('*')].filter(e => e.checkVisibility());
    const said = root.querySelector('.carto-message').textContent;
    const cut = shown.filter(e => e.tagName !== 'INPUT' && e.clientWidth > 1
        && getComputedStyle(e).overflowX !== 'visible'
        && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)
        && !e.matches('.carto-options') && !e.title && !said.includes(e.textContent));
    const edge = root.getBoundingClientRect().right + 1;
    const out = shown.filter(e => e.getBoundingClientRect().right > edge);
    const words = e => `${e.getAttribute('class')} ${e.textContent.slice(0, 60)}`;
    return [...cut.map(e => 'cut: ' + words(e)), ...out.map(e => 'out: ' + words(e))];
}"""


class Form:
    """The form or the card that a cell shows, or a part of another page."""

    def __init__(self, notebook: Notebook, cell: int) -> None:
        self.notebook = notebook
        self._find(notebook.output(cell).locator(".carto-login"))

    @classmethod
    def at(cls, place: Locator) -> Form:
        """Find the form in any part of any page."""
        self = cls.__new__(cls)
        self._find(place.locator(".carto-login"))
        return self

    def _find(self, root: Locator) -> None:
        self.root = root
        self.accounts = root.get_by_role("combobox", name="Account")
        self.options = root.get_by_role("option")
        self.cloud = root.get_by_role("radio", name="CARTO cloud")
        self.custom = root.get_by_role("radio", name=CUSTOM)
        self.base_url = root.get_by_label("Address", exact=True)
        self.username = root.get_by_label("User name", exact=True)
        self.key = root.get_by_label("API key", exact=True)
        self.reveal = root.get_by_role("button", name="Show the key")
        self.held = root.locator(".carto-held")
        self.link = root.get_by_role("link")
        self.remember = root.get_by_role("checkbox", name="Remember this account as")
        self.name = root.get_by_label("Name", exact=True)
        self.default = root.locator(".carto-saving").get_by_label("Start every session")
        self.status = root.get_by_role("status")
        self.title = root.get_by_role("heading")
        self.menu = root.get_by_role("menu")
        self.dialog = root.get_by_role("dialog")

    def button(self, name: str) -> Locator:
        """Locate a button by its words."""
        return self.root.get_by_role("button", name=name, exact=True)

    def item(self, name: str) -> Locator:
        """Locate a line of the card's menu by its words."""
        return self.root.get_by_role("menuitem", name=name)

    def note(self, field: str) -> Locator:
        """Locate what stands below a field, such as "username"."""
        return self.root.locator(f".carto-field-{field} .carto-slot")

    def choose_custom(self, base_url: str) -> None:
        """Choose the custom address and commit it."""
        self.custom.check()
        self.base_url.fill(base_url)
        self.base_url.press("Tab")

    def choose(self, account: str) -> None:
        """Choose from the list of accounts, as somebody does who types its name."""
        self.accounts.click()
        self.accounts.fill(account)
        self.options.filter(has=self.root.get_by_text(account, exact=True)).click()

    def choose_new(self) -> None:
        """Choose "New account", and wait until the fields are empty."""
        self.accounts.click()
        self.options.first.click()
        expect(self.username).to_have_value("")

    def fill(self, base_url: str, username: str) -> None:
        """Fill in all but the key, and wait until the kernel knows it."""
        self.choose_custom(base_url)
        self.username.fill(username)
        self.username.press("Tab")

    def log_in(self, key: str) -> None:
        """Type the key at full speed and press Enter."""
        self.key.press_sequentially(key, delay=0)
        self.key.press("Enter")

    def sign_in(self, carto: Sandbox, user: str) -> None:
        """Type all of an account, as fast as a machine can, and press Enter."""
        self.fill(carto.base_url(user), user)
        self.log_in(carto.accounts[user].master.token)
        self.expect_card(user)

    def expect_card(self, user: str) -> None:
        """Wait for the card of somebody, and until it can be used."""
        expect(self.title).to_have_text(f"Signed in to CARTO as {user}")
        self.settle()

    def settle(self) -> None:
        """Wait until a press is no longer taken for one of the screen before."""
        expect(self.root).not_to_have_attribute("data-fresh", "true")

    def overflow(self) -> list[str]:
        """Return what sticks out of the form or is cut in it."""
        return list(self.root.evaluate(_OVERFLOW))
