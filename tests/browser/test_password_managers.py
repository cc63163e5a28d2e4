"""A browser that has a password for this origin does not fill it into the form."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.kdf.pbkdf2 import PBKDF2HMAC
from harness.chromium import launch_with_profile
from harness.frames import Frames
from harness.notebook import Notebook
from playwright.sync_api import expect

if TYPE_CHECKING:
    from pathlib import Path

    from harness.servers import JupyterLab
    from playwright.sync_api import Browser

    from carto_login_widget.sandbox import Sandbox

LOGIN = "%load_ext carto_login_widget\n%carto_login"
# What it would fill, or the test shows nothing.
_USUAL = """() => document.body.insertAdjacentHTML('beforeend', `
    <form id="usual" style="position: fixed; top: 0">
    <input name="user" autocomplete="username"><input name="word" type="password">
    </form>`)"""
_FILL = """(input, text) => {
    input.value = text;
    for (const name of ['input', 'change'])
        input.dispatchEvent(new Event(name, {bubbles: true}));
}"""


def _encrypted(text: str) -> bytes:
    """Encrypt as Chromium does where the system keeps no keys for it."""
    key = PBKDF2HMAC(hashes.SHA1(), 16, b"saltysalt", 1).derive(b"peanuts")  # noqa: S303
    short = 16 - len(text) % 16
    cipher = Cipher(algorithms.AES(key), modes.CBC(b" " * 16)).encryptor()
    padded = text.encode() + bytes([short]) * short
    return b"v10" + cipher.update(padded) + cipher.finalize()


def _save_password(profile: Path, origin: str) -> None:
    """Save a password for an origin, in a profile that no Chromium uses just now."""
    row: dict[str, Any] = {
        **dict.fromkeys(("username_element", "password_element", "submit_element"), ""),
        **dict.fromkeys(("display_name", "icon_url", "federation_url"), ""),
        **dict.fromkeys(("blacklisted_by_user", "scheme", "password_type"), 0),
        **dict.fromkeys(("skip_zero_click", "generation_upload_status"), 0),
        **dict.fromkeys(("form_data", "possible_username_pairs"), b""),
        **dict.fromkeys(("date_created", "date_last_used"), 13350000000000000),
        "moving_blocked_for": b"",
        "date_password_modified": 13350000000000000,
        "origin_url": f"{origin}/",
        "signon_realm": f"{origin}/",
        "action_url": "",
        "username_value": "saved-jane",
        "times_used": 3,
        "password_value": _encrypted("saved-password"),
    }
    with sqlite3.connect(profile / "Default" / "Login Data") as logins:
        places = ",".join("?" * len(row))
        command = f"insert into logins ({','.join(row)}) values ({places})"  # noqa: S608
        logins.execute(command, list(row.values()))
    logins.close()


@pytest.mark.full
def test_nothing_is_filled_and_nothing_filled_is_checked(  # noqa: PLR0913 - fixtures
    opener: Any,
    lab: JupyterLab,
    chromium: Browser,
    carto: Sandbox,
    tmp_path: Path,
    screenshots: Path,
) -> None:
    """Chromium fills a usual form beside it; what others fill waits for Log in."""
    profile = tmp_path / "profile"
    context = launch_with_profile(chromium.browser_type, profile)
    context.pages[0].goto(lab.url)
    context.close()
    _save_password(profile, lab.url)
    path = opener.file([LOGIN], "python3", {})
    lab.scratch.write_settings({})
    context = launch_with_profile(chromium.browser_type, profile)
    try:
        url = f"{lab.url}/doc/tree/{path.name}"
        page = context.pages[0]
        notebook = Notebook(page, url, path, Frames(), screenshots)
        notebook.open()
        notebook.run(0)
        form = notebook.output(0).locator(".carto-login")
        expect(form.get_by_label("User name")).to_be_visible()
        page.evaluate(_USUAL)
        expect(page.locator("#usual input:autofill")).to_have_count(2)
        expect(form.locator("input:autofill")).to_have_count(0)
        for label in ("User name", "API key"):
            expect(form.get_by_label(label, exact=True)).to_have_value("")
        page.locator("#usual").evaluate("usual => usual.remove()")
        _fill(form, carto)
    finally:
        context.close()
        lab.shut_down_kernels()


def _fill(form: Any, carto: Sandbox) -> None:
    form.get_by_label("On-premises or custom address").check()
    form.get_by_label("Address", exact=True).fill(carto.url)
    name, key = form.get_by_label("User name"), form.get_by_label("API key", exact=True)
    name.evaluate(_FILL, "jane")
    key.evaluate(_FILL, carto.accounts["jane"].master.token)
    name.focus()
    key.focus()
    name.focus()
    expect(form).to_contain_text("Key held by this kernel")
    assert carto.count == 0
    form.get_by_role("button", name="Log in").click()
    expect(form).to_contain_text("Signed in to CARTO as jane")
