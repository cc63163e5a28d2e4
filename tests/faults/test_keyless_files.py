"""A file without a key opens what is public only, and every door says so."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from carto_login_widget import (
    Credentials,
    ProfileStore,
    get_default_credentials,
    login,
    set_default_credentials,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from IPython.core.interactiveshell import InteractiveShell

    from carto_login_widget.sandbox import Sandbox

KEY = "0123456789abcdef0123456789abcdef01234567"
TOLD = "Public data only: .* has no 'api_key'; it has 'token'"


@pytest.fixture
def creds(carto: Sandbox) -> Path:
    """The default file of the store, with the key under a wrong name."""
    path = ProfileStore().default_path
    path.parent.mkdir(parents=True)
    document = {
        "username": "jane",
        "token": KEY,
        "base_url": carto.base_url("jane"),
        "allow_non_secure": True,
    }
    path.write_text(json.dumps(document))
    path.chmod(0o600)
    return path


DOORS: dict[str, Callable[[Path], object]] = {
    "login": lambda _path: login(),
    "login(file)": lambda path: login(file=path),
    "from_file": Credentials.from_file,
    "set_default": lambda path: set_default_credentials(filepath=path),
    "store": lambda _path: ProfileStore().default(),
    "profile": lambda _path: login(ProfileStore().default_name),
}


@pytest.mark.parametrize("door", DOORS)
def test_it_is_a_warning(creds: Path, door: str) -> None:
    """Of the line that opened the file; the key is not shown."""
    with pytest.warns(UserWarning, match=TOLD) as warned:
        DOORS[door](creds)
    assert [w.filename for w in warned] == [__file__]
    assert KEY[:8] not in str(warned[0].message)


@pytest.mark.parametrize("option", ["", "--file"])
def test_the_magic_tells_it_with_the_account(
    shell: InteractiveShell,
    creds: Path,
    capsys: pytest.CaptureFixture[str],
    option: str,
) -> None:
    """In words, and no warning beside them."""
    shell.run_line_magic("carto_login", f"{option} {creds}" if option else "")
    assert get_default_credentials().api_key == "default_public"
    printed = capsys.readouterr().out
    assert "Public data only" in printed
    assert "it has 'token'" in printed


def test_a_save_makes_it_no_profile_without_a_word(creds: Path) -> None:
    """What was in the file is kept, and it is said that this is no full account."""
    with pytest.warns(UserWarning) as warned:
        ProfileStore().save("work", Credentials("bob", KEY), default=True)
    told = " ".join(str(w.message) for w in warned)
    assert "is now saved as 'jane-public@127.0.0.1" in told
    assert "it has 'token'" in told
    (kept,) = creds.parent.glob("profiles/jane-public*.json")
    assert json.loads(kept.read_text())["token"] == KEY
