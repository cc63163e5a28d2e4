"""Pictures of the form with odd contents: long names, foreign scripts, markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from harness.form import Form
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.notebook import Notebook

    Share = Callable[..., Notebook]

WIDTHS = (320, 400, 700)
ACCOUNTS = """\
from carto_login_widget import *
name = "j" + "o" * 61 + "e"
host = "https://carto.department-of-very-long-names.an-organisation.example.org"
store = ProfileStore()
jane = Credentials(name, "some-key-0123456789", host)
store.save("a" * 64, jane, default=True)
for number in range(20):
    store.save(f"account-{number}@maps.some-company.example.com", jane)"""
REJECTED = """\
said = "".join((
    "carto.example.com said: <script>document.title = 'hit'</script>",
    "<img src=x onerror=\\"document.title = 'hit'\\"> ",
    "您的帐户已被锁定 ",
    "حسابك مغلق (code 7). ",
    "x" * 120))
LoginForm(error=RejectedError(said, reason=Reason.FORBIDDEN))"""
CARD = """\
set_default_credentials(jane)
LoginForm(credentials=jane, notes=["A note with a long word: " + "y" * 120])"""
SIGNED_IN = "LoginForm()"


@pytest.mark.parametrize(
    "theme", ["light", pytest.param("dark", marks=pytest.mark.full)]
)
def test_odd_contents_fit(share_notebook: Share, theme: str) -> None:
    """Nothing sticks out or is cut in a narrow cell, and markup stays text."""
    notebook = share_notebook([ACCOUNTS, REJECTED, CARD, SIGNED_IN])
    notebook.set_theme(theme)
    notebook.run(0)
    bad = []
    for cell, name in ((1, "refused"), (2, "card"), (3, "switching")):
        notebook.run(cell)
        form = Form(notebook, cell)
        expect(form.root).to_be_visible()
        for width in WIDTHS:
            notebook.set_output_width(width)
            notebook.screenshot(f"odd-{name}-{theme}-{width}", form.root)
            bad += [f"{name} at {width} px: {what}" for what in form.overflow()]
    form = Form(notebook, 1)
    form.accounts.click()
    form.options.nth(1).scroll_into_view_if_needed()
    notebook.screenshot(f"odd-list-{theme}", form.root)
    bad += form.overflow()
    form.choose_new()
    form.username.fill("jane.doe@some-company.example.com")
    form.username.press("Tab")
    form.key.fill("eyJabc")
    form.key.press("Tab")
    expect(form.root).to_contain_text("e-mail")
    for width in WIDTHS:
        notebook.set_output_width(width)
        notebook.screenshot(f"odd-faults-{theme}-{width}", form.root)
        bad += [f"faults at {width} px: {what}" for what in form.overflow()]
    notebook.set_theme("light")
    assert "\n".join(bad) == ""
    assert notebook.page.title() != "hit"
