"""Each state in each light and width: for a look, for axe-core, and for the README."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import axe_playwright_python
import pytest
from harness.form import Form
from harness.states import states
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.notebook import Notebook

    from carto_login_widget.sandbox import Sandbox

    Share = Callable[..., Notebook]

LOGIN = "%load_ext carto_login_widget\n%carto_login"
WIDTHS = (320, 400, 700, 1400)
AXE = Path(axe_playwright_python.__file__).with_name("axe.min.js")
_RUN_AXE = """async root => {
    const found = await axe.run(root);
    return found.violations.map(({id, nodes}) =>
        `${id}: ${nodes.map(node => node.html.slice(0, 160)).join(' | ')}`);
}"""


@pytest.mark.parametrize(
    "light",
    [
        "light",
        pytest.param("dark", marks=pytest.mark.full),
        pytest.param("forced", marks=pytest.mark.full),
    ],
)
def test_each_state(
    share_notebook: Share, carto: Sandbox, light: str, take_pictures: bool
) -> None:
    """In each nothing is cut or sticks out, and axe-core has nothing to say."""
    notebook = share_notebook([LOGIN])
    page = notebook.page
    notebook.set_theme("dark" if light == "dark" else "light")
    page.emulate_media(forced_colors="active" if light == "forced" else "none")
    page.set_viewport_size({"width": 1600, "height": 1000})
    page.evaluate(AXE.read_text())
    notebook.run(0)
    form = Form(notebook, 0)
    bad = []
    for state in states(form, carto):
        for width in WIDTHS:
            notebook.set_output_width(width)
            if take_pictures:
                notebook.screenshot(f"{state}-{light}-{width}", form.root)
            bad += [f"{state} at {width} px: {what}" for what in form.overflow()]
        bad += [f"{state}: {what}" for what in form.root.evaluate(_RUN_AXE)]
    notebook.set_theme("light")
    page.emulate_media(forced_colors="none")
    assert "\n".join(bad) == ""


def test_words_for_those_who_do_not_see(share_notebook: Share) -> None:
    """Heading, form, group, labels, what describes a field, and the live region."""
    notebook = share_notebook([LOGIN])
    notebook.run(0)
    form = Form(notebook, 0)
    root = form.root
    expect(root.get_by_role("form", name="Log in to CARTO")).to_be_visible()
    expect(root.get_by_role("heading", name="Log in to CARTO", level=2)).to_be_visible()
    expect(root.get_by_role("group", name="Account on")).to_be_visible()
    expect(form.status).to_have_count(1)
    expect(form.username).to_have_accessible_description("The jane in jane.carto.com")
    form.button("Log in").click()
    expect(form.username).to_have_accessible_description("Enter your CARTO user name.")
    expect(form.username).to_have_attribute("aria-invalid", "true")
    expect(form.key).to_have_accessible_description("Enter the API key.")
    expect(form.status).to_have_text("Fill in the marked fields.")


CLOUD = """\
from carto_login_widget import LoginForm
from carto_login_widget.sandbox import Sandbox
carto = Sandbox().start()
LoginForm(session=carto.session())"""


def test_picture_for_the_readme(share_notebook: Share) -> None:
    """The form with a verdict, and the card, as the README shows them."""
    notebook = share_notebook(
        [CLOUD, "print(carto.accounts['jane'].master.token)", "carto.stop()"]
    )
    notebook.set_output_width(568)
    notebook.run(0)
    form = Form(notebook, 0)
    form.username.fill("jane")
    form.username.press("Tab")
    form.key.fill(notebook.run(1))
    form.key.press("Tab")
    expect(form.status).to_have_text("CARTO accepts this key: master key, full access.")
    expect(form.note("api_key")).to_have_text("Checked at jane.carto.com")
    expect(form.held).to_contain_text("Key held by this kernel")
    expect(form.name).to_have_value("jane")
    form.title.click()
    notebook.screenshot("form", notebook.shown(0))
    form.button("Log in").click()
    form.expect_card("jane")
    expect(form.root).to_contain_text("Storage")
    notebook.screenshot("card", notebook.shown(0))
    notebook.run(2)
