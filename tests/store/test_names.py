"""What a saved account may be called."""

from __future__ import annotations

import pytest

from carto_login_widget import Credentials, InvalidCredentialsError
from carto_login_widget.store.names import (
    candidates,
    check_name,
    is_name,
    names_of_files,
)

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
    """The message repeats the name and says what would be one."""
    with pytest.raises(InvalidCredentialsError) as caught:
        check_name(name)
    assert repr(name) in str(caught.value)
    assert "use 1 to 64" in str(caught.value) or "Choose" in str(caught.value)


def test_case_does_not_matter() -> None:
    """Names that differ in case are one."""
    assert check_name("Work@Maps.Example.COM") == check_name("work@maps.example.com")


@pytest.mark.parametrize(
    ("credentials", "first"),
    [
        (Credentials("jane", "k"), "jane"),
        (Credentials("Jane", "k"), "jane"),
        (Credentials("con", "k"), "con@carto.com"),
        (Credentials("jane", "k", "https://10.0.0.5/user/jane"), "jane@10.0.0.5"),
        (Credentials("jane", "k", "https://[fd00::1]"), "jane@fd00--1"),
        (Credentials(None, "k", "https://10.0.0.5"), "account"),
        (Credentials("jane", "k").remember(profile="work"), "work"),
        (Credentials("jane", "k").remember(profile="../../x"), "jane"),
    ],
)
def test_an_account_without_a_name_goes_by_its_user(
    credentials: Credentials, first: str
) -> None:
    """The name is a valid one, whatever the account."""
    names = list(candidates(credentials))
    assert names[0] == first
    assert [check_name(name) for name in names] == names


def test_files_are_named_after_accounts() -> None:
    """A file is listed if what stands before its `.json` is a name, in lower case."""
    stems = [*ALLOWED, *NO_DEVICES, *REFUSED, *NOT_ASCII, *DEVICES, "a.json", "Jane"]
    listed = names_of_files(f"{stem}.json" for stem in stems)
    assert listed == [stem for stem in stems if is_name(stem)]
    assert names_of_files(["a", "a.JSON", "a.json.corrupt-1", "a.json\n"]) == []
