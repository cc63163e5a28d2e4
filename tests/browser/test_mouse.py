"""A mouse that holds a button down for a while, and controls that stay where they are.

Automated clicks take no time: what a form does between press and release is seen only
by those who press as people do.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from harness.form import CUSTOM, Form
from playwright.sync_api import expect

from carto_login_widget.sandbox import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from harness.notebook import Notebook
    from playwright.sync_api import Locator

    from carto_login_widget.sandbox import Sandbox

    Share = Callable[..., Notebook]

LOGIN = "%load_ext carto_login_widget\n%carto_login --form"
CARD = "%load_ext carto_login_widget\n%carto_login jane"
SOME = """\
from carto_login_widget import Credentials, ProfileStore
jane = Credentials("jane", {!r}, {!r})
ProfileStore().save("jane", jane, default=True)"""
LIST = "/api/v3/api_keys"
WRONG = "0123456789wrongkey9876543210"
WIDTHS = (320, 400, 700, 1400)

# Where each control is in its form, in each frame from a start to an end: a press and
# its release, or what a test says. What is not seen at the start cannot move.
_WATCH = """root => {
    const controls = 'input, button, a, label, legend';
    const places = () => {
        const {left, top} = root.getBoundingClientRect();
        return new Map([...root.querySelectorAll(controls)]
            .filter(node => node.checkVisibility({visibilityProperty: true}))
            .map(node => [node, node.getBoundingClientRect()])
            .map(([node, r]) => [node, [r.left - left, r.top - top, r.width, r.height]
                .map(n => Math.round(8 * n) / 8).join(' ')]));
    };
    const name = node => node.id.replace(/^carto-v\\\\d+-/, '') || node.dataset.act
        || node.textContent || node.className;
    let start = null, when = '';
    const look = () => {
        if (start === null) return;
        for (const [node, place] of places()) {
            const before = start.get(node);
            if (before !== undefined && before !== place) {
                window.moved.add(`${when}: ${name(node)} from ${before} to ${place}`);
            }
        }
    };
    window.moved = new Set();
    window.still = {
        begin(words) { start = places(); when = words; },
        end() { look(); start = null; },
    };
    const frame = () => { look(); if (root.isConnected) requestAnimationFrame(frame); };
    requestAnimationFrame(frame);
    const press = event => window.still.begin('pressing ' + name(event.target));
    window.addEventListener('pointerdown', press, {capture: true});
    // Before the form hears of it, and before what the press has asked for.
    window.addEventListener('pointerup', () => window.still.end(), {capture: true});
}"""


class Hand:
    """A hand on a mouse, and an eye on the controls."""

    def __init__(self, form: Form, held: int) -> None:
        self.form, self._held = form, held
        form.root.evaluate(_WATCH)
        self._page = form.root.page

    def press(self, what: str | Locator) -> None:
        """Press a button, and release it where it was pressed."""
        one = self.form.button(what) if isinstance(what, str) else what
        expect(one).to_be_visible()
        self.form.settle()
        one.click(delay=self._held)

    @contextmanager
    def still(self, words: str) -> Iterator[None]:
        """Watch what happens by itself."""
        self._page.evaluate("words => window.still.begin(words)", words)
        yield
        self._page.evaluate("() => window.still.end()")

    def moved(self) -> list[str]:
        """Return what moved so far."""
        return list(self._page.evaluate("() => [...window.moved]"))


@pytest.fixture(
    params=[
        pytest.param(60, marks=pytest.mark.full),
        150,
        pytest.param(400, marks=pytest.mark.full),
    ]
)
def held(request: pytest.FixtureRequest) -> int:
    """Milliseconds from press to release."""
    return int(request.param)


def test_log_in_from_the_key_field(
    share_notebook: Share, carto: Sandbox, held: int, kernel: str
) -> None:
    """Leaving the field starts the check; the press still counts, for one request."""
    notebook = share_notebook([LOGIN], kernel=kernel)
    notebook.run(0)
    form = Form(notebook, 0)
    hand = Hand(form, held)
    form.fill(carto.base_url("jane"), "jane")
    # The answers come before the release, at it, and after it.
    with carto.fail(Fault.latency(0.1), LIST):
        form.key.press_sequentially(WRONG, delay=0)
        hand.press("Log in")
        expect(form.note("api_key")).to_contain_text("does not accept this key")
        expect(form.key).to_be_focused()
        form.key.press_sequentially(carto.accounts["jane"].master.token, delay=0)
        hand.press("Log in")
        form.expect_card("jane")
    keys = [r.key for r in carto.requests if r.route == LIST]
    assert keys == [WRONG, carto.accounts["jane"].master.token]
    assert hand.moved() == []


def test_every_button_at_a_field(
    share_notebook: Share, carto: Sandbox, held: int
) -> None:
    """Labels, boxes, suggestions, and what hides or drops the key."""
    notebook = share_notebook([LOGIN])
    notebook.run(0)
    form = Form(notebook, 0)
    hand = Hand(form, held)

    hand.press("Log in")
    expect(form.username).to_be_focused()
    expect(form.note("username")).to_contain_text("Enter your CARTO user name.")
    expect(form.note("api_key")).to_contain_text("Enter the API key.")
    form.username.fill("a" * 40)
    hand.press("Move it to the API key field")
    expect(form.username).to_have_value("")
    expect(form.key).to_be_focused()
    expect(form.held).to_contain_text("Key held by this kernel")
    hand.press("Drop the held key")
    expect(form.held).not_to_be_visible()
    hand.press(form.root.get_by_text(CUSTOM))
    expect(form.base_url).to_be_visible()
    form.base_url.fill(carto.base_url("jane"))
    hand.press(form.root.get_by_text("Remember this account as"))
    expect(form.name).to_be_disabled()
    hand.press(form.remember)
    expect(form.name).to_be_enabled()
    hand.press(form.root.get_by_text("Start every session with it").first)
    expect(form.default).not_to_be_checked()

    form.username.fill("Jane")
    hand.press("Use jane")
    expect(form.username).to_have_value("jane")
    hand.press("Show the key")
    expect(form.reveal).to_have_attribute("aria-pressed", "true")
    assert hand.moved() == []


def test_a_press_that_gives_no_focus(share_notebook: Share) -> None:
    """As in Safari, where the notebook would take it, and the next keys as commands."""
    notebook = share_notebook([LOGIN])
    notebook.run(0)
    form = Form(notebook, 0)
    expect(form.key).to_be_visible()
    notebook.page.evaluate("document.activeElement.blur()")
    form.button("Log in").evaluate("button => button.click()")
    expect(form.username).to_be_focused()


def test_every_button_of_a_check(
    share_notebook: Share, carto: Sandbox, held: int
) -> None:
    """In each state that has one."""
    notebook = share_notebook([LOGIN])
    notebook.run(0)
    form = Form(notebook, 0)
    hand = Hand(form, held)
    form.fill(carto.base_url("jane"), "jane")
    form.key.fill(carto.accounts["jane"].keys["reporting"].token)
    with carto.fail(Fault.hang(), LIST):
        form.key.press("Tab")
        expect(form.status).to_contain_text("Checking with")
        hand.press("Cancel")
        expect(form.status).to_contain_text("Cancelled")
        expect(form.button("Log in")).to_be_focused()
    with carto.fail(Fault.status(503), LIST):
        hand.press("Log in")
        expect(form.button("Try again")).to_be_focused()
        hand.press("Cancel")
        expect(form.status).to_contain_text("Cancelled")
        hand.press("Log in")
        expect(form.button("Try again")).to_be_focused()
        asked = carto.count
        hand.press("Use without checking")
        expect(form.title).to_have_text("Signed in as jane, not checked")
        assert carto.count == asked
    hand.press("Check now")
    form.expect_card("jane")
    assert hand.moved() == []


def test_every_button_of_the_list(
    share_notebook: Share, carto: Sandbox, held: int
) -> None:
    """An account is chosen, its fields are shown, it signs in."""
    some = SOME.format(carto.accounts["jane"].master.token, carto.base_url("jane"))
    notebook = share_notebook([f"{some}\n{LOGIN}"])
    notebook.run(0)
    form = Form(notebook, 0)
    hand = Hand(form, held)

    hand.press("Show the fields")
    expect(form.username).to_have_value("jane")
    hand.press("Log in")
    form.expect_card("jane")
    hand.press("Switch account")
    hand.press(form.accounts)
    with carto.fail(Fault.status(503), LIST):
        hand.press(form.options.nth(1))
        expect(form.status).to_contain_text("has a problem (HTTP 503)")
    hand.press("Try again")
    expect(form.status).to_contain_text("CARTO accepts this key")
    hand.press("Continue as jane")
    form.expect_card("jane")
    hand.press("Log out")
    hand.press("Continue as jane")
    form.expect_card("jane")
    assert hand.moved() == []


def test_every_button_of_the_card(
    share_notebook: Share, carto: Sandbox, held: int
) -> None:
    """Of its menu and of what that asks, too."""
    some = SOME.format(carto.accounts["jane"].master.token, carto.base_url("jane"))
    notebook = share_notebook([f"{some}\n{CARD}"])
    notebook.run(0)
    form = Form(notebook, 0)
    hand = Hand(form, held)
    form.expect_card("jane")

    hand.press("Switch account")
    hand.press("Stay signed in as jane")
    form.expect_card("jane")
    hand.press("More")
    hand.press(form.item("Rename"))
    hand.press(form.dialog.get_by_role("button", name="Cancel"))
    expect(form.dialog).not_to_be_visible()
    expect(form.button("More")).to_be_focused()
    hand.press("More")
    hand.press(form.item("Rename"))
    form.dialog.get_by_role("textbox").fill("work")
    hand.press(form.dialog.get_by_role("button", name="Rename"))
    expect(form.root).to_contain_text("as 'work'")
    hand.press("More")
    hand.press(form.item("Check again"))
    expect(form.root).to_contain_text("CARTO accepts this key.")
    hand.press("Dismiss")
    expect(form.button("Dismiss")).not_to_be_visible()
    hand.press("More")
    hand.press(form.item("Forget"))
    hand.press(form.dialog.get_by_role("button", name="Forget"))
    expect(form.root).to_contain_text("not saved")
    hand.press("More")
    hand.press(form.item("Save"))
    hand.press(form.dialog.get_by_role("button", name="Save"))
    expect(form.root).to_contain_text("as 'jane@")
    hand.press("Log out")
    expect(form.status).to_contain_text("Logged out.")
    assert hand.moved() == []


def test_a_double_click_presses_one_screen(
    share_notebook: Share, carto: Sandbox
) -> None:
    """Its second half presses nothing of the card that the first half brought."""
    some = SOME.format(carto.accounts["jane"].master.token, carto.base_url("jane"))
    notebook = share_notebook([f"{some}\n{LOGIN}"])
    notebook.run(0)
    form = Form(notebook, 0)
    form.button("Continue as jane").dblclick()
    form.expect_card("jane")
    form.settle()
    form.expect_card("jane")


def test_no_control_moves_by_itself(share_notebook: Share, carto: Sandbox) -> None:
    """At each width, while checks begin, go on and end, and while bars arrive."""
    notebook = share_notebook([LOGIN, "1"])
    notebook.run(0)
    form = Form(notebook, 0)
    hand = Hand(form, 0)
    reporting = carto.accounts["jane"].keys["reporting"].token
    form.fill(carto.base_url("jane"), "jane")
    for width in WIDTHS:
        notebook.set_output_width(width)

        def commit(key: str, words: str, width: int = width) -> None:
            form.key.fill(key)
            with hand.still(f"{words} at {width} px"):
                form.key.press("Tab")
                expect(form.root).to_contain_text(words)

        commit(WRONG, "does not accept this key")
        with carto.fail(Fault.hang(), LIST):
            commit(reporting, "Checking with")
            if width == WIDTHS[0]:
                with hand.still("waiting"):
                    expect(form.status).to_contain_text("no answer for 5 seconds")
            hand.press("Cancel")
            expect(form.status).to_contain_text("Cancelled")
        with carto.fail(Fault.status(503), LIST):
            commit(reporting, "Try again")
        commit(reporting, "CARTO accepts this key")
        commit("w" * 40, "does not accept this key")
    for width in WIDTHS:
        notebook.set_output_width(width)
        if width == WIDTHS[0]:
            with carto.fail(Fault.latency(0.3), "/api/v3/me"):
                form.key.fill(carto.accounts["jane"].master.token)
                form.key.press("Enter")
                form.expect_card("jane")
                with hand.still("bars"):
                    expect(form.root).to_contain_text("Storage")
        with carto.fail(Fault.latency(0.2), LIST):
            hand.press("More")
            form.item("Check again").click()
            with hand.still(f"check again at {width} px"):
                expect(form.root).to_contain_text("CARTO accepts this key.")
        hand.press("Dismiss")
    assert hand.moved() == []
