"""Many saved accounts, and what their list says of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.form import Form
from playwright.sync_api import expect

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.notebook import Notebook

    from carto_login_widget.sandbox import Sandbox

    Open = Callable[..., Notebook]

MANY = 1000
SAVE = """\
import json, pathlib
from carto_login_widget import Credentials, ProfileStore
store = ProfileStore()
store.save("jane", Credentials("jane", {key!r}, {url!r}), default=True)
directory = pathlib.Path(store.directory) / "profiles"
text = json.loads((directory / "jane.json").read_text())
for number in range({many}):
    data = dict(text, username=f"user-{{number:04}}", profile=f"account-{{number:04}}",
        base_url="https://maps.example.com/user/user-%04d" % number)
    (directory / f"account-{{number:04}}.json").write_text(json.dumps(data))
store.save("zqx-archive", Credentials("jane", {key!r}, {url!r}))"""
LOGIN = "%load_ext carto_login_widget\n%carto_login --form"


def test_one_of_many_is_found_by_three_letters(
    share_notebook: Open, carto: Sandbox
) -> None:
    """Of 1,000 accounts the default comes first, and typing finds any."""
    key, url = carto.accounts["jane"].master.token, carto.base_url("jane")
    save = SAVE.format(key=key, url=url, many=MANY)
    notebook = share_notebook([f"{save}\n{LOGIN}"])
    notebook.run(0)
    form = Form(notebook, 0)
    expect(form.button("Continue as jane")).to_be_visible()
    form.accounts.click()
    expect(form.options.nth(0)).to_contain_text("New account")
    expect(form.options.nth(1)).to_contain_text("jane")
    expect(form.options.nth(1)).to_contain_text("default")
    expect(form.root.get_by_text("more: type to find")).to_be_visible()
    form.accounts.press_sequentially("417")
    expect(form.options).to_have_count(2)
    expect(form.options.nth(1)).to_contain_text("account-0417")
    expect(form.options.nth(1)).to_contain_text("user-0417 · maps.example.com")
    form.accounts.fill("zqx")
    expect(form.options).to_have_count(2)
    form.accounts.press("Enter")
    expect(form.accounts).to_have_value("zqx-archive")
    expect(form.status).to_contain_text("CARTO accepts this key")
    form.button("Continue as jane").click()
    form.expect_card("jane")
    expect(form.root).to_contain_text("as 'zqx-archive'")


def test_what_matches_nothing_is_said(share_notebook: Open, carto: Sandbox) -> None:
    """And leaving the list keeps the account that was chosen."""
    key, url = carto.accounts["jane"].master.token, carto.base_url("jane")
    save = SAVE.format(key=key, url=url, many=0)
    notebook = share_notebook([f"{save}\n{LOGIN}"])
    notebook.run(0)
    form = Form(notebook, 0)
    form.accounts.click()
    form.accounts.fill("nobody")
    expect(form.root.get_by_text("No saved account matches")).to_be_visible()
    form.accounts.press("Tab")
    expect(form.accounts).to_have_value("jane")
    expect(form.button("Continue as jane")).to_be_visible()


def test_what_a_cell_saves_is_in_the_list(share_notebook: Open, carto: Sandbox) -> None:
    """And what it forgets is not, whenever somebody goes to the list."""
    key, url = carto.accounts["jane"].master.token, carto.base_url("jane")
    save = SAVE.format(key=key, url=url, many=0)
    notebook = share_notebook([f"{save}\n{LOGIN}"])
    notebook.run(0)
    form = Form(notebook, 0)
    expect(form.button("Continue as jane")).to_be_visible()
    notebook.execute("store.rename('zqx-archive', 'later')")
    form.accounts.click()
    expect(form.options).to_have_count(3)
    expect(form.options.nth(2)).to_contain_text("later")
    form.accounts.press("ArrowUp")  # a newer list moves no mark
    listing = "from carto_login_widget.form import living; living.list_accounts()"
    notebook.execute(f"store.rename('later', 'latest'); {listing}")
    expect(form.options.nth(2)).to_contain_text("latest")
    form.accounts.press("Enter")
    expect(form.accounts).to_have_value("New account")
