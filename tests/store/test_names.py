"""What a saved account may be called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from carto_login_widget import InvalidCredentialsError
from carto_login_widget.store.profiles import Profiles, check_name, is_name, shown

if TYPE_CHECKING:
    from pathlib import Path

ALLOWED = ["a", "7", "jane", "jane@maps.example.com", "a.b-c_d@e", "a-", "x" * 64]
REFUSED = ["", ".", "..", ".a", "-a", "@a", "a.", "a b", "a/b", "a\\b", "a\n", "x" * 65]
NOT_ASCII = ["jan\u00e9", "\uff4aane", "\u212aelvin", "\u0000"]
DEVICES = ["con", "PRN", "Aux", "nul", "com1", "LPT9", "con.txt", "nul.tar.gz"]
NO_DEVICES = ["con1", "console", "com", "com10", "nulls", "my-con"]


@pytest.mark.parametrize("name", [*ALLOWED, *NO_DEVICES])
def test_a_plain_name_is_taken(name: str) -> None:
    """What is plain on every file system is a name."""
    assert check_name(name) == name


@pytest.mark.parametrize("name", [*REFUSED, *NOT_ASCII, *DEVICES])
def test_a_name_that_some_file_system_would_not_take_is_refused(name: str) -> None:
    """The message repeats the name, if it is no key, and says what would be one."""
    with pytest.raises(InvalidCredentialsError) as caught:
        check_name(name)
    assert repr(shown(name)) in str(caught.value)
    assert "use 1 to 64" in str(caught.value)


def test_case_does_not_matter() -> None:
    """Names that differ in case are one."""
    assert check_name("Work@Maps.Example.COM") == check_name("work@maps.example.com")


def test_files_are_named_after_accounts(tmp_path: Path) -> None:
    """A file is listed if what stands before its `.json` is a name, in lower case."""
    stems = [*ALLOWED, *NO_DEVICES, *DEVICES, "", ".a", "-a", "a.", "a b", "Jane"]
    others = ["a.JSON", "a.json.corrupt-1", "a.json\n"]
    (tmp_path / "profiles").mkdir()
    for name in (*(f"{stem}.json" for stem in stems), *others):
        (tmp_path / "profiles" / name).touch()
    assert Profiles(tmp_path).names() == sorted(filter(is_name, stems))
