"""The form by keyboard alone, and where the focus goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness.form import Form
from playwright.sync_api import expect

from carto_login_widget.sandbox import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.notebook import Notebook
    from playwright.sync_api import Locator

    from carto_login_widget.sandbox import Sandbox

    Open = Callable[..., Notebook]

LOGIN = "%load_ext carto_login_widget\n%carto_login"
SAVE = """\
from carto_login_widget import Credentials, ProfileStore
for name in ("jane", "work"):
    jane = Credentials("jane", {!r}, {!r})
    ProfileStore().save(name, jane, default=name == "jane")"""
LIST = "/api/v3/api_keys"
# In command mode these insert, delete, cut, undo, copy, paste, merge and turn cells.
COMMANDS = ["a", "b", "d", "d", "x", "z", "c", "v", "m", "y", "j", "k", "0", "0", "o"]
_ACTIVE = """root => {
    const active = document.activeElement;
    return active !== document.body && root.contains(active);
}"""


class Keys:
    """A keyboard, at a form."""

    def __init__(self, notebook: Notebook, cell: int = 0) -> None:
        self.form = Form(notebook, cell)
        self._page = notebook.page

    def press(self, *keys: str) -> None:
        """Press keys; the focus stays in the form."""
        for key in keys:
            self._page.keyboard.press(key)
            assert self.form.root.evaluate(_ACTIVE), f"the focus is lost after {key}"

    def type(self, text: str) -> None:
        """Type a text."""
        self._page.keyboard.type(text)

    def tab_to(self, what: Locator) -> None:
        """Press Tab once; it leads there."""
        self.press("Tab")
        expect(what).to_be_focused()

    def commands(self) -> None:
        """Press what would change the notebook, were it in command mode."""
        self.press(*COMMANDS, "ArrowDown", "ArrowUp", "Escape")


def _choose_custom(keys: Keys) -> None:
    form = keys.form
    expect(form.key).to_be_visible()
    form.cloud.focus()
    keys.commands()
    form.cloud.focus()
    keys.press("ArrowDown")
    expect(form.custom).to_be_focused()
    expect(form.custom).to_be_checked()
    keys.commands()
    form.custom.focus()
    keys.press("Space")


def _cells(notebook: Notebook) -> int:
    return notebook.page.locator(".jp-Notebook .jp-Cell").count()


@pytest.mark.parametrize(
    "app", ["lab", pytest.param("notebook", marks=pytest.mark.full)]
)
def test_a_login_by_keyboard(open_notebook: Open, carto: Sandbox, app: str) -> None:
    """Tab goes from top to bottom, and no key reaches the notebook."""
    notebook = open_notebook([LOGIN, "2", "3"], app=app)
    notebook.run(0)
    keys = Keys(notebook)
    form = keys.form
    _choose_custom(keys)
    keys.tab_to(form.base_url)
    keys.type(carto.base_url("jane"))
    keys.tab_to(form.username)
    keys.type("jane")
    keys.tab_to(form.key)
    expect(form.link).to_have_attribute("href", f"{carto.base_url('jane')}/your_apps")
    busy = Fault.status(503)
    # Trying again takes so long that the wait for it is seen.
    with carto.fail(busy, LIST, times=1), carto.fail(busy.after(2), LIST):
        keys.type(carto.accounts["jane"].master.token)
        keys.tab_to(form.reveal)
        keys.commands()
        expect(form.button("Try again")).to_be_visible()
        keys.press("Space")
        expect(form.reveal).to_have_attribute("aria-pressed", "true")
        keys.press("Shift+Tab")
        expect(form.button("Drop the held key")).to_be_focused()
        keys.press("Tab")
        keys.tab_to(form.link)
        keys.tab_to(form.remember)
        keys.commands()
        keys.press("Space", "Space")
        expect(form.remember).to_be_checked()
        keys.tab_to(form.name)
        keys.tab_to(form.default)
        keys.tab_to(form.button("Try again"))
        keys.commands()
        keys.press("Space")
        expect(form.status).to_contain_text("Checking with")
        expect(form.button("Try again")).to_be_focused()
        keys.tab_to(form.button("Use without checking"))
        keys.tab_to(form.button("Cancel"))
        keys.press("Enter")
        expect(form.button("Log in")).to_be_focused()
    keys.press("Enter")
    form.expect_card("jane")
    expect(form.title).to_be_focused()
    keys.commands()
    assert _cells(notebook) == 3
    notebook.page.keyboard.press("Control+s")
    notebook.wait_saved()
    assert "jane" not in notebook.path.read_text()


def test_the_card_by_keyboard(share_notebook: Open, carto: Sandbox) -> None:
    """Its buttons, its menu by arrows and letters, its questions."""
    save = SAVE.format(carto.accounts["jane"].master.token, carto.base_url("jane"))
    notebook = share_notebook([f"{save}\n{LOGIN} jane", "2"])
    notebook.run(0)
    keys = Keys(notebook)
    form = keys.form
    form.expect_card("jane")
    form.button("More").focus()
    keys.commands()
    keys.press("ArrowDown")
    expect(form.item("Rename")).to_be_focused()
    keys.press("ArrowDown")
    expect(form.item("Forget")).to_be_focused()
    keys.press("ArrowDown")
    expect(form.item("Check again")).to_be_focused()
    keys.press("ArrowDown", "End", "Home")
    expect(form.item("Rename")).to_be_focused()
    keys.press("c")
    expect(form.item("Check again")).to_be_focused()
    keys.press("d", "x", "b")
    expect(form.item("Check again")).to_be_focused()
    keys.press("Escape")
    expect(form.menu).not_to_be_visible()
    expect(form.button("More")).to_be_focused()
    keys.press("Enter", "r", "Enter")
    expect(form.dialog.get_by_role("textbox")).to_be_focused()
    keys.press("Escape")
    expect(form.button("More")).to_be_focused()
    keys.press("Space", "Enter")
    keys.type('"home" ')  # as it may be pasted
    keys.press("Enter")
    expect(form.root).to_contain_text("as 'home'")
    form.button("More").focus()
    keys.press("ArrowUp", "Enter")
    expect(form.root).to_contain_text("CARTO accepts this key.")
    form.button("More").focus()
    keys.press("Enter", "f", "Enter")
    expect(form.dialog.get_by_role("button", name="Cancel")).to_be_focused()
    keys.press("Enter")
    expect(form.root).to_contain_text("as 'home'")
    keys.press("Enter", "f", "Enter", "Shift+Tab", "Enter")
    expect(form.root).to_contain_text("not saved")
    form.button("Log out").focus()
    keys.press("Enter")
    expect(form.status).to_contain_text("Logged out.")
    expect(form.accounts).to_be_focused()
    assert _cells(notebook) == 2


def test_the_list_by_keyboard(share_notebook: Open, carto: Sandbox) -> None:
    """The list of accounts opens, is searched, left and used without the mouse."""
    save = SAVE.format(carto.accounts["jane"].master.token, carto.base_url("jane"))
    notebook = share_notebook([f"{save}\n{LOGIN} --form", "2"])
    notebook.run(0)
    keys = Keys(notebook)
    form = keys.form
    expect(form.accounts).to_have_value("jane")
    form.accounts.focus()
    keys.press("ArrowDown")
    expect(form.options).to_have_count(3)
    keys.press("Escape")
    expect(form.accounts).to_have_attribute("aria-expanded", "false")
    expect(form.accounts).to_have_value("jane")
    keys.press("ArrowDown", "Home", "Enter")
    expect(form.accounts).to_have_value("New account")
    expect(form.username).to_be_visible()
    keys.type("wor")
    expect(form.options).to_have_count(2)
    keys.press("Enter")
    expect(form.accounts).to_have_value("work")
    expect(form.status).to_contain_text("CARTO accepts this key")
    keys.tab_to(form.button("Continue as jane"))
    keys.press("Enter")
    form.expect_card("jane")
    expect(form.root).to_contain_text("as 'work'")
    assert _cells(notebook) == 2


def test_enter_twice_is_one_login(
    share_notebook: Open, carto: Sandbox, kernel: str
) -> None:
    """The second Enter, and a third much later, press nothing of the card."""
    notebook = share_notebook([LOGIN, "2"], kernel=kernel)
    notebook.run(0)
    keys = Keys(notebook)
    form = keys.form
    form.fill(carto.base_url("jane"), "jane")
    form.key.press_sequentially(carto.accounts["jane"].master.token, delay=0)
    keys.press("Enter", "Enter")
    expect(form.title).to_have_text("Signed in to CARTO as jane")
    keys.press("Enter", "Enter")
    form.settle()
    keys.press("Enter", "Space")
    form.expect_card("jane")
    assert len([r for r in carto.requests if r.route == LIST]) == 1
    assert _cells(notebook) == 2


def test_all_that_is_missing_is_said_at_once(share_notebook: Open) -> None:
    """The focus goes to the first field that lacks something, then to the next."""
    notebook = share_notebook([LOGIN])
    notebook.run(0)
    keys = Keys(notebook)
    form = keys.form
    form.button("Log in").focus()
    keys.press("Enter")
    expect(form.username).to_be_focused()
    expect(form.note("username")).to_contain_text("Enter your CARTO user name.")
    expect(form.note("api_key")).to_contain_text("Enter the API key.")
    keys.type("jane")
    keys.press("Enter")
    expect(form.key).to_be_focused()
    expect(form.username).not_to_have_attribute("aria-invalid", "true")


def test_a_late_sign_in_leaves_the_focus(
    share_notebook: Open, carto: Sandbox, kernel: str
) -> None:
    """Who went on to another cell meanwhile types on there."""
    notebook = share_notebook([LOGIN, ""], kernel=kernel)
    notebook.run(0)
    form = Form(notebook, 0)
    form.fill(carto.base_url("jane"), "jane")
    with carto.fail(Fault.latency(1), LIST):
        form.log_in(carto.accounts["jane"].master.token)
        expect(form.root).to_contain_text("Checking with")
        editor = notebook.cell(1).locator(".cm-content")
        editor.click()
        form.expect_card("jane")
    notebook.page.keyboard.type("dd")
    expect(editor).to_have_text("dd")
