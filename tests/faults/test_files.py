"""A file is what it holds, not what it is called, says of itself, or is encoded in."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import requests

from carto_login_widget import (
    Credentials,
    ProfileStore,
    UndecidedError,
    get_default_credentials,
    login,
    set_default_credentials,
    unset_default_credentials,
)
from carto_login_widget.sandbox import Fault

from .conftest import WRONG, account

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from carto_login_widget.sandbox import Sandbox

KEY = "0123456789abcdef0123456789abcdef01234567"
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def fields(credentials: Credentials, **claims: object) -> dict[str, Any]:
    """Return the content of a file, with what it says of itself."""
    return {
        "username": credentials.username,
        "api_key": credentials.api_key,
        "base_url": credentials.base_url,
        "allow_non_secure": True,
        **claims,
    }


def write(path: Path, content: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    path.chmod(0o600)
    return path


# Only an account of the store was accepted before.


@pytest.mark.parametrize("claims", ["none", "all"])
@pytest.mark.parametrize("form", ["name", "path", "absolute", "magic"])
@pytest.mark.parametrize("name", ["creds.json", "other.json", "profiles/jane.json"])
def test_a_named_file_was_not_accepted_before(  # noqa: PLR0913 - three that are varied
    carto: Sandbox,
    shell: InteractiveShell,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    form: str,
    claims: str,
) -> None:
    """Without a verdict its key is not registered, whatever the file is called."""
    said = {"proved": carto.url}
    if claims == "all":
        ProfileStore().save("jane", account(carto))
        said |= {"accepted": True, "profile": "jane", "key": {"type": "master"}}
    path = write(tmp_path / name, fields(account(carto, key=WRONG), **said))
    monkeypatch.chdir(tmp_path)
    given = {"name": name, "path": Path(name)}.get(form, path)
    with carto.fail(Fault.status(502)), pytest.raises(UndecidedError):
        if form == "magic":
            shell.run_line_magic("carto_login", f"--file {name}")
        else:
            login(file=given)
    assert get_default_credentials() is None


def test_a_file_of_another_store_was_not_accepted_here(
    carto: Sandbox, tmp_path: Path
) -> None:
    """Not even where that store knows that it was accepted."""
    other = ProfileStore(tmp_path / "other")
    other.save("jane", login(credentials=account(carto)), default=True)
    set_default_credentials(account(carto, "bob"))
    for path in (
        other.directory / "creds.json",
        other.directory / "profiles/jane.json",
    ):
        with carto.fail(Fault.status(502)), pytest.raises(UndecidedError):
            login(file=path)
    assert get_default_credentials().username == "bob"


@pytest.mark.parametrize("fault", [Fault.status(502), Fault.html(), Fault.hang()])
@pytest.mark.parametrize("before", ["never", "other key", "other key by path"])
def test_a_saved_key_that_nobody_accepted_needs_a_verdict(
    carto: Sandbox, shell: InteractiveShell, before: str, fault: Fault
) -> None:
    """That its address was CARTO, or another key of it right, says nothing of it."""
    store = ProfileStore()
    if before != "never":
        store.save("jane", login(credentials=account(carto)), default=True)
        unset_default_credentials()
    new = account(carto, key=WRONG)
    if before == "other key by path":
        new.save()
        new.save(store.directory / "profiles/jane.json")
    else:
        store.save("jane", new, default=True)
    shell.run_line_magic("config", "CartoLogin.total_timeout = 0.5")
    try:
        with carto.fail(fault, "/api/v3/api_keys"):
            for name in (None, "jane"):
                with pytest.raises(UndecidedError):
                    login(name)
    finally:
        shell.run_line_magic("config", "CartoLogin.total_timeout = 20.0")
    assert get_default_credentials() is None


# What a file says of its own name is not believed.

READERS: dict[str, Callable[[Path], Credentials | None]] = {
    "from_file": Credentials.from_file,
    "login": lambda path: login(file=path, validate=False),
    "set_default": lambda path: (
        set_default_credentials(str(path)) or get_default_credentials()
    ),
    "set_default by keyword": lambda path: (
        set_default_credentials(filepath=str(path)) or get_default_credentials()
    ),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("claimed", ["work", "nobody"])
def test_a_foreign_file_names_no_saved_account(
    carto: Sandbox, tmp_path: Path, reader: str, claimed: str
) -> None:
    """Not one that exists, nor one that does not."""
    store = ProfileStore()
    store.save("work", account(carto), default=True)
    content = fields(account(carto, "bob"), profile=claimed, source="profile 'work'")
    taken = READERS[reader](write(tmp_path / "x.json", content))
    assert taken.profile is None
    assert taken.source.endswith("x.json")


def test_a_foreign_file_changes_no_saved_account(
    carto: Sandbox,
    shell: InteractiveShell,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Neither the list nor the default, and the card does not say "Saved as 'work'"."""
    store = ProfileStore()
    store.save("work", account(carto))
    store.save("home", account(carto, "anna"), default=True)
    before = {p: p.read_bytes() for p in store.directory.rglob("*.json")}
    foreign = write(tmp_path / "x.json", fields(account(carto, "bob"), profile="work"))
    capsys.readouterr()
    shell.run_line_magic("carto_login", f"--file {foreign}")
    shell.run_line_magic("carto_login", "--whoami")
    assert "bob" in (shown := capsys.readouterr().out)
    assert "'work'" not in shown
    assert {p: p.read_bytes() for p in store.directory.rglob("*.json")} == before
    assert (store.names(), store.default_name) == (["home", "work"], "home")


def test_a_saved_file_is_named_by_its_place(carto: Sandbox) -> None:
    """A profile is what its file is called, and `creds.json` what it equals."""
    store = ProfileStore()
    store.save("work", account(carto), default=True)
    profiles = store.directory / "profiles"
    write(profiles / "bob.json", fields(account(carto, "bob"), profile="work"))
    assert store.load("bob").profile == "bob"
    assert Credentials.from_file(profiles / "bob.json").profile == "bob"
    write(
        store.directory / "creds.json", fields(account(carto, "anna"), profile="work")
    )
    for taken in (store.default(), Credentials.from_file(), login(validate=False)):
        assert taken.username == "anna"
        assert taken.profile != "work"
    assert store.default_name != "work"


# What cartoframes reads from what was saved.

# As given to jane's credentials, and as every library can use it.
ADDRESSES = {
    "https://jane.carto.com/dashboard": "https://jane.carto.com",
    "jane.carto.com/your_apps/": "https://jane.carto.com",
    "https://jane.carto.com/dashboard/maps?page=2#top": "https://jane.carto.com",
    "https://jane.carto.com/api/v2/sql/": "https://jane.carto.com",
    "https://team.carto.com/u/jane": "https://team.carto.com/user/jane",
    "https://team.carto.com/u/jane/dashboard/": "https://team.carto.com/user/jane",
    "https://team.carto.com": "https://team.carto.com/user/jane",
    "maps.example.com/": "https://maps.example.com/user/jane",
    "maps.example.com:8443/user/jane/builder/1": (
        "https://maps.example.com:8443/user/jane"
    ),
    "https://example.com/carto/u/jane//": "https://example.com/carto/user/jane",
    "http://localhost:8080/user/jane/dashboard": "http://localhost:8080/user/jane",
    "http://maps.example.com/u/jane": "http://maps.example.com/user/jane",
    "jane.carto.com/": "https://jane.carto.com",
}

READ = """
import json, sys
from cartoframes.auth import get_default_credentials, set_default_credentials
seen = []
for path in sys.argv[1:]:
    set_default_credentials(path)
    seen.append(get_default_credentials().base_url)
print(json.dumps(seen))
"""


@pytest.fixture(scope="module")
def read_by_cartoframes(
    tmp_path_factory: pytest.TempPathFactory, cartoframes_python: Path
) -> dict[str, set[str]]:
    """What cartoframes takes for the address, by what was given."""
    directory = tmp_path_factory.mktemp("written")
    files: dict[Path, str] = {}
    for number, given in enumerate(ADDRESSES):
        not_secure = given.startswith("http://maps")
        written = Credentials("jane", KEY, given, allow_non_secure=not_secure)
        store = ProfileStore(directory / str(number))
        store.save("work", written, default=True)
        saved = written.save(store.directory / "saved.json")
        Credentials.from_file(saved).save(store.directory / "again.json")
        if "/u/" in given:  # then the address names the user
            unnamed = Credentials(None, KEY, given, allow_non_secure=not_secure)
            unnamed.save(store.directory / "unnamed.json")
        files |= dict.fromkeys(store.directory.rglob("*.json"), given)
    done = subprocess.run(
        [cartoframes_python, "-W", "ignore", "-c", READ, *files],
        capture_output=True,
        text=True,
        check=True,
        timeout=100,
    )
    seen: dict[str, set[str]] = {}
    for given, address in zip(files.values(), json.loads(done.stdout), strict=True):
        seen.setdefault(given, set()).add(address)
    return seen


@pytest.mark.parametrize("given", ADDRESSES)
def test_cartoframes_can_use_the_address_that_was_saved(
    read_by_cartoframes: dict[str, set[str]], given: str
) -> None:
    """It is the base of the API, whichever page of the account was given."""
    assert read_by_cartoframes[given] == {ADDRESSES[given]}


# As people's editors write it.

ENCODINGS = {
    "UTF-8": "utf-8",
    "UTF-8 with a mark": "utf-8-sig",
    "UTF-16 with a mark": "utf-16",
    "UTF-16, big end first": "utf-16-be",
    "UTF-16, little end first": "utf-16-le",
}


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_file_of_an_editor_is_read(
    carto: Sandbox, tmp_path: Path, encoding: str, line_end: str
) -> None:
    """At every door; saving the account again loses nothing of it."""
    jane = account(carto)
    text = json.dumps(
        fields(jane, comment="Ñandú", profile="work"), indent=2, ensure_ascii=False
    )
    mark = "\ufeff" if encoding.endswith("end first") else ""
    content = (mark + text).replace("\n", line_end).encode(ENCODINGS[encoding])
    store = ProfileStore()
    paths = [
        tmp_path / "x.json",
        store.directory / "creds.json",
        store.directory / "profiles/work.json",
    ]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_bytes(content)
        path.chmod(0o600)
        assert Credentials.from_file(path) == jane
    assert store.load("work") == store.default() == jane
    assert login(file=paths[0]).account.key_type == "master"
    store.save("work", jane, default=True)
    jane.save(paths[0])
    for path in paths:
        assert json.loads(path.read_text("utf-8"))["comment"] == "Ñandú"
    assert not list(store.directory.rglob("*corrupt*"))
    assert store.names() == ["work"]


# The class of who asks.


class Team(Credentials):
    """A subclass with an attribute."""

    team = None


class Made(Credentials):
    """A subclass that is made in its own way."""

    def __init__(self, team: str, carto: Sandbox) -> None:
        super().__init__(
            "jane", carto.accounts["jane"].master.token, carto.base_url("jane")
        )
        self.team = team


@pytest.mark.parametrize("place", ["default", "path", "profile"])
def test_a_subclass_reads_itself(carto: Sandbox, tmp_path: Path, place: str) -> None:
    """Whichever file it is."""
    store = ProfileStore()
    store.save("work", account(carto), default=True)
    path = {"default": None, "profile": store.directory / "profiles/work.json"}
    where = path.get(place, account(carto).save(tmp_path / "x.json"))
    session = requests.Session()
    taken = Team.from_file(where, session=session)
    assert type(taken) is Team
    assert taken == account(carto)
    assert taken.session is session


COPIES: dict[str, Callable[[Credentials], Any]] = {
    "session": lambda c: set_default_credentials(c, session=requests.Session()),
    "login": lambda c: login(credentials=c),
    "login unchecked": lambda c: login(credentials=c, validate=False),
    "kept": lambda c: set_default_credentials(c) or login(),
}


@pytest.mark.parametrize("copy", COPIES)
def test_a_copy_of_a_subclass_is_one(carto: Sandbox, copy: str) -> None:
    """With its attributes and its session, without being made anew."""
    given = Made("maps", carto)
    given.session = session = requests.Session()
    COPIES[copy](given)
    taken = get_default_credentials()
    assert taken is not given
    assert type(taken) is Made
    assert (taken, taken.team) == (given, "maps")
    assert (taken.session is session) == (copy != "session")
    assert given.session is session
    assert given.account is None
