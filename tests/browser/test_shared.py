"""Two visitors of one Voilà page: neither gets anything of the other or the machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness.frames import Frames, holding
from playwright.sync_api import expect

from carto_login_widget import Credentials, ProfileStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Locator, Page

    from carto_login_widget.sandbox import Sandbox

MAGIC = "%load_ext carto_login_widget\n%carto_login"


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[Callable[[str], tuple[Page, Frames]]]:
    """Open a page in a browser of its own."""
    contexts = []

    def open_(url: str) -> tuple[Page, Frames]:
        context = chromium.new_context(viewport={"width": 1280, "height": 900})
        contexts.append(context)
        page, frames = context.new_page(), Frames()
        frames.watch(page)
        page.goto(url)
        return page, frames

    yield open_
    for context in contexts:
        context.close()


def account(carto: Sandbox, name: str) -> Credentials:
    """An account of the sandbox."""
    key = carto.accounts[name].master.token
    return Credentials(name, key, carto.base_url(name))


def expect_empty_form(root: Locator) -> None:
    """Without accounts to choose from, and with no choice to save."""
    expect(root.get_by_role("heading")).to_have_text("Log in to CARTO")
    expect(root.get_by_label("User name", exact=True)).to_have_value("")
    expect(root.get_by_role("combobox", name="Account")).not_to_be_visible()
    expect(root.get_by_role("checkbox", name="Remember")).not_to_be_visible()


def sign_in(root: Locator, given: Credentials) -> None:
    """Type an account into the form."""
    root.get_by_role("radio", name="On-premises or custom address").check()
    root.get_by_label("Address", exact=True).fill(given.base_url)
    root.get_by_label("User name", exact=True).fill(given.username or "")
    key = root.get_by_label("API key", exact=True)
    key.press_sequentially(given.api_key)
    key.press("Enter")
    expect(root.get_by_role("heading")).to_have_text(
        f"Signed in to CARTO as {given.username}"
    )


@pytest.mark.full
def test_the_second_visitor_sees_nothing_of_the_first(
    open_voila: Callable[..., Page],
    visitor: Callable[[str], tuple[Page, Frames]],
    carto: Sandbox,
    kernel_home: Path,
) -> None:
    """The machine has a saved account and one in the environment; both stay its own."""
    saved, own = account(carto, "bob"), account(carto, "anna")
    store = ProfileStore(kernel_home / ".config" / "cartoframes")
    store.save("of-this-machine", saved, default=True)
    before = {path: path.read_bytes() for path in store.directory.rglob("*.json")}
    env = {
        "CARTO_USERNAME": own.username or "",
        "CARTO_API_KEY": own.api_key,
        "CARTO_BASE_URL": own.base_url,
    }
    first = open_voila([MAGIC], env=env)
    root = first.locator(".carto-login")
    expect_empty_form(root)
    jane = account(carto, "jane")
    sign_in(root, jane)
    second, frames = visitor(first.url)
    other = second.locator(".carto-login")
    expect_empty_form(other)
    sign_in(other, account(carto, "noah"))
    told = [second.content().encode(), *frames.from_kernel]
    assert holding(told, "/user/noah")
    for given in (saved, own, jane):
        for text in (given.base_url, given.api_key):
            assert not holding(told, text)
    for text in ("of-this-machine", str(store.directory)):
        assert not holding(told, text)
    expect(root.get_by_role("heading")).to_have_text("Signed in to CARTO as jane")
    assert before == {
        path: path.read_bytes() for path in store.directory.rglob("*.json")
    }
