"""The ways agree: form, magic, prompt and command line, in words and in effects.

Each row is an act. Every way that has it does it from the same state, and then what was
said, what is on disk, and whom this kernel and cartoframes have are those of the row.
"""

from __future__ import annotations

import builtins
import getpass
import io
import json
import subprocess
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from carto_login_widget import (
    CartoLoginError,
    Credentials,
    LoginForm,
    ProfileStore,
    get_default_credentials,
    login,
    set_default_credentials,
)
from carto_login_widget.session.login import _kernel

from .form.conftest import Page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from carto_login_widget.sandbox import Sandbox

PROGRAM = Path(sys.executable).with_name("carto-login")


@dataclass
class World:
    """A CARTO, the store of the home directory, and this kernel."""

    carto: Sandbox
    monkeypatch: pytest.MonkeyPatch
    capsys: pytest.CaptureFixture[str]
    store: ProfileStore = field(default_factory=ProfileStore)

    def key(self, label: str) -> str:
        """Return a key of jane by its name in CARTO, or the master key of somebody."""
        jane = self.carto.accounts["jane"]
        if label in jane.keys and label != "master":
            return jane.keys[label].token
        return self.carto.accounts[label].master.token

    def account(self, label: str) -> Credentials:
        """Return the account of a key."""
        user = label if label in self.carto.accounts else "jane"
        return Credentials(user, self.key(label), self.carto.base_url(user))

    def label(self, credentials: Credentials | None) -> str | None:
        """Return which key this is."""
        known = {self.key(label): label for label in ("jane", "bob", "reporting")}
        return credentials and known[credentials.api_key]

    def proposed(self, name: str) -> str:
        """Return a proposed name with the host that belongs to it."""
        host = self.carto.url.removeprefix("http://").replace(":", "-")
        return name.replace("HOST", host)

    def on_disk(self) -> dict[str, str | None]:
        """Return which key is saved under each name."""
        return {n: self.label(self.store.load(n)) for n in self.store.names()}

    @property
    def start(self) -> tuple[str | None, str | None]:
        """What every session starts with: the saved account, and its key."""
        return self.store.default_name, self.label(self.store.default())


class Way:
    """How people do it; an act that a way lacks is `NotImplementedError`."""

    has_kernel = True

    def __init__(self, world: World) -> None:
        self.world = world

    def save(self, label: str, name: str, *, replace: bool = False) -> str:
        """Log in with a key and save it; without a name under the proposed one."""
        raise NotImplementedError

    def rename(self, old: str, new: str) -> str:
        """Give the saved account of this kernel another name."""
        raise NotImplementedError

    def make_default(self, name: str) -> str:
        """Let every session start with the saved account of this kernel."""
        raise NotImplementedError

    def forget(self, name: str) -> str:
        """Delete the saved account of this kernel."""
        raise NotImplementedError

    def log_out(self) -> str:
        """Sign this kernel out."""
        raise NotImplementedError


class Form(Way):
    """Acts of the page, as it sends them; what is said is what it shows."""

    def save(self, label: str, name: str, *, replace: bool = False) -> str:
        page = Page(LoginForm())
        page.choose(None)
        page.commit(
            custom=True, base_url=self.world.carto.base_url("jane"), username="jane"
        )
        page.commit(self.world.key(label))
        page.wait("accepted")
        if name:
            page.commit(name=name)
        said = page.text
        if replace or not page.seen["saving"]["replaces"]:
            page.submit()
            page.wait("signed_in")
        return said + page.text

    def act(self, act: str, **fields: Any) -> str:
        page = Page(LoginForm(credentials=get_default_credentials()))
        page.fields |= fields
        page.do(act)
        page.until(lambda: not page.form.state.order)
        page.until(lambda: self.listed(page) == (*self.world.start[:1], self.names()))
        return page.text

    def names(self) -> list[str]:
        return self.world.store.names()

    def listed(self, page: Page) -> tuple[str | None, list[str]]:
        """Return what the form knows of the store: what is read after an act."""
        rows = page.form.state.accounts
        start = next((row.name for row in rows if row.is_default), None)
        return start, sorted(row.name for row in rows)

    def rename(self, old: str, new: str) -> str:  # noqa: ARG002 - of the card's own
        return self.act("rename", name=new)

    def make_default(self, name: str) -> str:  # noqa: ARG002 - of the card's own
        return self.act("make_default")

    def forget(self, name: str) -> str:  # noqa: ARG002 - of the card's own
        return self.act("forget")

    def log_out(self) -> str:
        return self.act("log_out")


class Magic(Way):
    """`%carto_login` with its options, where nobody is there to be asked."""

    def run(self, line: str) -> str:
        config = Config()
        config.HistoryManager.enabled = False
        shell = InteractiveShell(config=config)
        shell.run_line_magic("load_ext", "carto_login_widget")
        self.world.capsys.readouterr()
        said = ""
        try:
            shell.run_line_magic("carto_login", line)
        except (CartoLoginError, OSError) as error:
            said = str(error)
        return said + "".join(self.world.capsys.readouterr())

    def save(self, label: str, name: str, *, replace: bool = False) -> str:
        set_default_credentials(self.world.account(label))
        self.run("")
        return self.run(f"--save {name} {'--replace' if replace else ''}")

    def rename(self, old: str, new: str) -> str:
        return self.run(f"--rename {old} {new}")

    def make_default(self, name: str) -> str:
        return self.run(f"--default {name}")

    def forget(self, name: str) -> str:
        return self.run(f"--forget {name}")

    def log_out(self) -> str:
        return self.run("--logout")


class Prompt(Magic):
    """`%carto_login --prompt`, which somebody answers; it only saves."""

    def save(self, label: str, name: str, *, replace: bool = False) -> str:
        base_url, key = self.world.carto.base_url("jane"), self.world.key(label)
        # Address, user, key, remember, name, then yes to what replaces or no; a no is
        # asked for another name, and nobody answers that any more.
        answers = [base_url, "jane", key, "", name]
        answers += ["y" if replace else ""]
        said: list[str] = []

        def read(question: str) -> str:
            said.append(question)
            if not answers:
                raise EOFError
            return answers.pop(0)

        class Terminal(io.StringIO):
            def isatty(self) -> bool:
                return True

        with self.world.monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", Terminal())
            patch.setattr(builtins, "input", read)
            patch.setattr(getpass, "getpass", read)
            printed = self.run("--prompt")
        return "\n".join([*said, printed])

    rename, make_default = Way.rename, Way.make_default
    forget, log_out = Way.forget, Way.log_out


class CommandLine(Way):
    """`carto-login`, a process of its own: this kernel knows nothing of it."""

    has_kernel = False

    def run(self, *words: str, typed: str = "") -> str:
        done = subprocess.run(
            [PROGRAM, *words],
            input=typed,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        return done.stdout + done.stderr

    def save(self, label: str, name: str, *, replace: bool = False) -> str:
        words = ["--base-url", self.world.carto.base_url("jane"), "--key-stdin"]
        words += ["--profile", name] if name else []
        words += ["--replace"] if replace else []
        return self.run("login", *words, typed=self.world.key(label))

    def rename(self, old: str, new: str) -> str:
        return self.run("rename", old, new)

    def make_default(self, name: str) -> str:
        return self.run("default", name)

    def forget(self, name: str) -> str:
        return self.run("forget", name)

    def log_out(self) -> str:
        return self.run("logout")


WAYS = {"form": Form, "magic": Magic, "prompt": Prompt, "command line": CommandLine}


@dataclass(frozen=True)
class Row:
    """An act, and what is true after it, whichever way it was done.

    Attributes:
        act: what is done.
        saved: the key under each name before; the first is the default.
        signed_in: the saved account that this kernel is signed in with before.
        said: a part of what is said, or one for each way, with `HOST` for the host.
        disk: the key under each name afterwards.
        start: what every session starts with then, and its key.
        kernel: the key of this kernel, and its saved account.
    """

    act: Callable[[Way], str]
    said: str | dict[str, str]
    disk: dict[str, str]
    start: tuple[str | None, str | None]
    kernel: tuple[str | None, str | None]
    saved: dict[str, str] = field(default_factory=dict)
    signed_in: str | None = None


ROWS = {
    "save": Row(
        act=lambda way: way.save("jane", "work"),
        said="as 'work' in ~/.config/cartoframes",
        disk={"work": "jane"},
        start=("work", "jane"),
        kernel=("jane", "work"),
    ),
    "second key": Row(
        saved={"work": "jane"},
        act=lambda way: way.save("reporting", ""),
        said="as 'jane-reporting@HOST' in ~/.config/cartoframes",
        disk={"work": "jane", "jane-reporting@HOST": "reporting"},
        start=("work", "jane"),
        kernel=("reporting", "jane-reporting@HOST"),
    ),
    "replace, not allowed": Row(
        saved={"work": "bob"},
        act=lambda way: way.save("jane", "work"),
        said="replaces the account of bob at 127.0.0.1",
        disk={"work": "bob"},
        start=("work", "bob"),
        kernel=("jane", None),
    ),
    "replace another key, not allowed": Row(
        saved={"work": "reporting"},
        act=lambda way: way.save("jane", "work"),
        said="replaces the saved key of jane",
        disk={"work": "reporting"},
        start=("work", "reporting"),
        kernel=("jane", None),
    ),
    "replace": Row(
        saved={"work": "bob"},
        act=lambda way: way.save("jane", "work", replace=True),
        said="as 'work' in ~/.config/cartoframes",
        disk={"work": "jane"},
        start=("work", "jane"),
        kernel=("jane", "work"),
    ),
    "rename": Row(
        saved={"work": "jane"},
        signed_in="work",
        act=lambda way: way.rename("work", "office"),
        said="'office'",
        disk={"office": "jane"},
        start=("office", "jane"),
        kernel=("jane", "office"),
    ),
    "rename to a name that is taken": Row(
        saved={"work": "jane", "home": "bob"},
        signed_in="work",
        act=lambda way: way.rename("work", "home"),
        said="An account is saved as 'home' already",
        disk={"work": "jane", "home": "bob"},
        start=("work", "jane"),
        kernel=("jane", "work"),
    ),
    "make default": Row(
        saved={"home": "bob", "work": "jane"},
        signed_in="work",
        act=lambda way: way.make_default("work"),
        said={
            "form": "start with this account",
            "magic": "Every session starts with 'work' now.",
            "command line": "Every session starts with 'work' now.",
        },
        disk={"home": "bob", "work": "jane"},
        start=("work", "jane"),
        kernel=("jane", "work"),
    ),
    "forget": Row(
        saved={"work": "jane", "home": "bob"},
        signed_in="work",
        act=lambda way: way.forget("work"),
        said={
            "form": '["Saved", "not saved"], ["New sessions", "ask who signs in"]',
            "magic": "Forgot 'work': its key is deleted",
            "command line": "Forgot 'work': its key is deleted",
        },
        disk={"home": "bob"},
        start=(None, None),
        kernel=("jane", None),
    ),
    "log out": Row(
        saved={"work": "jane"},
        signed_in="work",
        act=lambda way: way.log_out(),
        said={
            "form": "Logged out.",
            "magic": "Logged out.",
            "command line": "There is no session to log out of here.",
        },
        disk={"work": "jane"},
        start=("work", "jane"),
        kernel=(None, None),
    ),
}


@pytest.fixture
def world(
    carto: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[World]:
    """A CARTO, an empty store, and a kernel in which nobody has logged out."""
    _kernel.logged_out = False
    yield World(carto, monkeypatch, capsys)
    _kernel.logged_out = False


def do(world: World, row: Row, name: str) -> str:
    """Bring about the state before, do the act, and return what is said."""
    for n, (saved, label) in enumerate(row.saved.items()):
        world.store.save(saved, world.account(label), default=n == 0)
    if row.signed_in:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of accounts that are passed over
            login(row.signed_in)
    return row.act(WAYS[name](world))


HAVE = [
    (name, row)
    for row in ROWS
    for name in WAYS
    if name != "prompt" or row.startswith(("save", "second", "replace"))
]


@pytest.mark.parametrize(("name", "act"), HAVE)
def test_the_ways_agree(world: World, name: str, act: str) -> None:
    """In what is said, what is on disk, and whom this kernel has."""
    row = ROWS[act]
    before = get_default_credentials()
    said = do(world, row, name)
    told = row.said if isinstance(row.said, str) else row.said[name]
    assert world.proposed(told) in said
    assert "-0123456789" not in said
    assert world.on_disk() == {world.proposed(n): k for n, k in row.disk.items()}
    assert world.start == row.start
    current = get_default_credentials()
    if WAYS[name].has_kernel:
        key, profile = row.kernel
        # The form waits for another Log in; the others have signed in unsaved.
        refused = "not allowed" in act and name == "form"
        assert world.label(current) == (None if refused else key)
        assert (current and current.profile) == (profile and world.proposed(profile))
    elif not row.signed_in:
        assert current is before is None


STARTS = ("save", "second key", "replace", "make default")
# That all ways leave the same files is shown above; cartoframes takes long to start.
STARTED = [
    pytest.param(name, act, marks=[] if name == "form" else pytest.mark.full)
    for name, act in HAVE
    if act in STARTS
]


@pytest.mark.parametrize(("name", "act"), STARTED)
def test_cartoframes_starts_with_the_same(
    world: World, name: str, act: str, cartoframes_python: Path
) -> None:
    """It reads the file of the store by itself, and has the account of the row."""
    do(world, ROWS[act], name)
    code = (
        "import json\n"
        "from cartoframes.auth import Credentials\n"
        "found = Credentials.from_file()\n"
        "print(json.dumps([found.username, found.api_key, found.base_url]))"
    )
    done = subprocess.run(
        [cartoframes_python, "-W", "ignore", "-c", code],
        capture_output=True,
        text=True,
        check=True,
    )
    _name, label = ROWS[act].start
    wanted = world.account(label)
    assert json.loads(done.stdout) == [wanted.username, wanted.api_key, wanted.base_url]
