"""`carto-login`, as a program of its own."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from harness.terminal import Terminal

import carto_login_widget
from carto_login_widget import Credentials, ProfileStore, cli
from carto_login_widget.sandbox import Fault

if TYPE_CHECKING:
    from carto_login_widget.sandbox import Sandbox

PROGRAM = Path(sys.executable).with_name("carto-login")
KEY = "0123456789abcdef0123456789abcdef01234567"

terminals = pytest.mark.skipif(os.name == "nt", reason="Windows has no pty")


def run(*arguments: object, typed: str = "") -> subprocess.CompletedProcess[str]:
    """Run the program to its end, without a terminal."""
    return subprocess.run(
        [PROGRAM, *map(str, arguments)],
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )


def account(carto: Sandbox, name: str = "jane", key: str | None = None) -> Credentials:
    """Return credentials of an account of the sandbox; the right ones without key."""
    key = key or carto.accounts[name].master.token
    return Credentials(name, key, carto.base_url(name))


def test_a_key_comes_by_standard_input(carto: Sandbox) -> None:
    """It is checked, saved, made the default, and not shown."""
    key = carto.accounts["jane"].master.token
    done = run(
        *("login", "--username", "jane", "--base-url", carto.url, "--key-stdin"),
        typed=f"{key}\n",
    )
    store = ProfileStore()
    (name,) = store.names()
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "CARTO accepts this key: Master key, full access.",
        f"Saved as '{name}' in ~/.config/cartoframes; every session starts with it.",
    ]
    assert store.default().api_key == key
    assert store.default_path.stat().st_mode & 0o077 == 0


def test_a_refused_key_is_not_saved(carto: Sandbox) -> None:
    """The status is 1 and the reason goes to standard error."""
    arguments = ("login", "--base-url", carto.base_url("jane"), "--key-stdin")
    done = run(*arguments, typed=KEY)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.startswith("carto-login: ")
    assert done.stderr.count("\n") == 1
    assert KEY[:8] not in done.stderr
    assert ProfileStore().names() == []


def test_a_key_need_not_be_validated(carto: Sandbox) -> None:
    """Then nothing is sent, and the name may be chosen."""
    done = run(
        *("login", "--base-url", carto.base_url("jane"), "--key-stdin"),
        *("--no-validate", "--profile", "Work"),
        typed=KEY,
    )
    assert done.returncode == 0
    assert carto.count == 0
    assert (ProfileStore().names(), ProfileStore().default_name) == (["work"], None)
    assert "Saved as 'work'" in done.stdout
    assert "session" not in done.stdout


def test_a_file_is_taken_over(carto: Sandbox, tmp_path: Path) -> None:
    """As cartoframes wrote it; a part of its path may look like a key."""
    path = tmp_path / KEY / "creds.json"
    path.parent.mkdir()
    account(carto).save(path)
    done = run("login", "--file", path, "--profile", "work")
    assert done.returncode == 0, done.stderr
    assert ProfileStore().load("work") == account(carto)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["login"], "no terminal to ask on"),
        (["login", "--key-stdin"], "user name is needed"),
        (["login", "--username", "jane", "--key-stdin"], "key is empty"),
        (["login", "--file", "nowhere.json"], "nowhere.json"),
        (["login", "--key-stdin", "--profile", "a/b"], "cannot be the name"),
        (["default", "work"], "Saved: none"),
        (["whoami"], "There is no account to log in with"),
        (["whoami", "work"], "Saved: none"),
        (["rename", "work", "home"], "Saved: none"),
        (["forget", "work"], "Saved: none"),
    ],
)
def test_what_cannot_be_done_is_told_in_a_line(arguments: list[str], told: str) -> None:
    """With status 1, and without a traceback."""
    done = run(*arguments)
    assert done.returncode == 1
    assert told in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["login", "--api-key", KEY],
        ["login", "--key", KEY],
        ["login", f"--key={KEY}"],
        ["login", "--key-stdin", KEY],
        ["login", f"--key-stdin={KEY}"],
        [KEY],
        ["list", KEY],
        ["sandbox", "--port", KEY],
        ["default", KEY],
        ["rename", "work", KEY],
        ["login", "--profile", KEY],
        ["login", "--username", f"jane.{KEY}"],
        ["login", "--base-url", f"https://carto.example.com/user/jane/{KEY}"],
        ["login", "--base-url", f"https://carto.example.com/?api_key={KEY[:12]}"],
    ],
)
def test_a_key_on_the_line_is_refused_and_not_repeated(arguments: list[str]) -> None:
    """With status 2, as any line that is not understood."""
    done = run(*arguments)
    assert done.returncode == 2
    assert "A key has no place on a command line" in done.stderr
    assert KEY[:8] not in done.stdout + done.stderr
    assert ProfileStore().names() == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["whomai"], "There is no such command. Did you mean whoami?"),
        (["hunter2"], "There is no such command. See carto-login --help."),
        (["list", "--jsno"], "There is no such option. Did you mean --json?"),
        (["list", "hunter2"], "There is a word too many. See carto-login list --help"),
        (["default"], "Give the name of a saved account, or --none."),
        (["default", "hunter2", "--none"], "Give the name of a saved account, or"),
        (["rename", "hunter2"], "Missing argument 'NEW'."),
        (["login", "--username"], "Option '--username' requires an argument."),
        (["sandbox", "--port", "hunter2"], "'--port' takes another kind of value."),
        (["login", "--file", "hunter2", "--key-stdin"], "one way only"),
        (["logout"], "carto-login default --none"),
    ],
)
def test_wrong_usage_is_a_line_that_teaches(arguments: list[str], told: str) -> None:
    """With status 2; no word is repeated, nor is there a lecture about keys."""
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert "hunter2" not in done.stderr
    assert "API key" not in done.stderr


@pytest.mark.parametrize("command", sorted(cli._carto_login.commands))
def test_help_teaches(command: str) -> None:
    """What a command does, and how it is used."""
    done = run(command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert ("Examples:" in done.stdout) is (command != "logout")


def test_the_help_of_all() -> None:
    """It names every command, completion and the exit statuses."""
    assert run().stdout == run("--help").stdout == run("-h").stdout
    done = run("--help")
    assert done.returncode == 0
    for command in cli._carto_login.commands:
        assert f"\n  {command} " in done.stdout
    for part in ("_CARTO_LOGIN_COMPLETE=zsh_source", "3 no verdict", "Examples:"):
        assert part in done.stdout
    assert run("--version").stdout == f"carto-login {carto_login_widget.__version__}\n"


def test_accounts_are_listed_and_chosen(carto: Sandbox) -> None:
    """In a pipe by their names; a terminal shows more."""
    assert "No account is saved in" in run("list").stderr
    store = ProfileStore()
    store.save("work", account(carto), default=True)
    store.save("home", account(carto, "bob"))
    assert run("list").stdout == "home\nwork\n"
    done = run("default", "HOME")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "Every session starts with 'home' now.\n"
    assert store.default().username == "bob"
    done = run("default", "--none")
    assert done.stdout == "Sessions start with no account now; saved ones stay saved.\n"
    assert (store.default(), store.names()) == (None, ["home", "work"])


@terminals
def test_a_terminal_shows_whose_they_are(carto: Sandbox) -> None:
    """User, address and key, and what every session starts with."""
    store, host = ProfileStore(), carto.url.removeprefix("http://")
    store.save("work", account(carto), default=True)
    store.save("public", Credentials("bob", base_url=carto.base_url("bob")))
    with Terminal([PROGRAM, "list"]) as terminal:
        assert terminal.exit_status() == 0
    assert terminal.screen.splitlines() == [
        f"  public  bob at {host}, default public",
        f"* work    jane at {host}",
        "* every session starts with this one",
    ]


def test_accounts_as_data(carto: Sandbox) -> None:
    """For programs; the key is not among it."""
    store, key = ProfileStore(), carto.accounts["jane"].keys["reporting"].token
    run(*("login", "--base-url", carto.base_url("jane"), "--key-stdin"), typed=key)
    (name,) = store.names()
    (store.directory / "profiles" / "broken.json").write_text("{")
    listed, known = run("list", "--json"), run("whoami", "--json")
    assert (listed.returncode, known.returncode) == (0, 0)
    blank = dict.fromkeys(("username", "base_url", "key_type", "key_name"))
    assert json.loads(listed.stdout) == [
        {"name": "broken", "default": False, **blank},
        {
            "name": name,
            "default": True,
            "username": "jane",
            "base_url": carto.base_url("jane"),
            "key_type": "regular",
            "key_name": "reporting",
        },
    ]
    said = json.loads(known.stdout)
    assert (said["username"], said["key_name"]) == ("jane", "reporting")
    assert (said["profile"], said["default"], said["checked"]) == (name, True, True)
    assert said["tables"][0]["permissions"]
    assert key not in listed.stdout + known.stdout


def test_a_broken_default_is_told_beside_the_list(carto: Sandbox) -> None:
    """And by whatever would use it; the file stays."""
    store = ProfileStore()
    store.save("work", account(carto))
    store.default_path.write_text("{")
    done = run("list")
    assert (done.returncode, done.stdout) == (1, "work\n")
    assert str(store.default_path) in done.stderr
    done = run("whoami")
    assert (done.returncode, done.stdout) == (1, "")
    assert str(store.default_path) in done.stderr
    assert store.default_path.read_text() == "{"


def test_whoami_asks_carto(carto: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """About the default account, a saved one, or that of the environment."""
    store = ProfileStore()
    store.save("work", account(carto), default=True)
    store.save("home", account(carto, "bob"))
    host = carto.url.removeprefix("http://")
    assert run("whoami").stdout.splitlines() == [
        "User: jane",
        f"Address: {host}/user/jane",
        "API key: Master key, full access.",
        f"Saved: as 'work' in {Path('~/.config/cartoframes')}",
        "New sessions: start with this account",
    ]
    assert "User: bob" in run("whoami", "home").stdout
    monkeypatch.setenv("CARTO_API_KEY", carto.accounts["anna"].master.token)
    monkeypatch.setenv("CARTO_BASE_URL", carto.base_url("anna"))
    done = run("whoami")
    assert "Comes from: CARTO_API_KEY" in done.stdout
    assert "New sessions: start with 'work'" in done.stdout
    assert "creds.json names jane" in done.stderr
    monkeypatch.setenv("CARTO_API_KEY", KEY)
    done = run("whoami")
    assert (done.returncode, done.stdout) == (1, "")
    assert KEY[:8] not in done.stderr


def test_whoami_tells_of_a_server_that_is_away(carto: Sandbox) -> None:
    """There is no verdict, though an account that was accepted before is shown."""
    store = ProfileStore()
    store.save(
        "work", account(carto)._with(proved=carto.url, accepted=True), default=True
    )
    with carto.fail(Fault.status(500)):
        done = run("whoami")
    assert done.returncode == 3
    assert "API key: The key was not checked." in done.stdout
    assert "was not checked this time" in done.stderr
    store.save("home", account(carto, "bob"))
    with carto.fail(Fault.status(500)):
        done = run("whoami", "home")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("\n") == 1


def test_a_key_of_nobody_in_the_environment_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It says which variable is missing."""
    monkeypatch.setenv("CARTO_API_KEY", KEY)
    done = run("whoami")
    assert done.returncode == 1
    assert "neither CARTO_USERNAME nor CARTO_BASE_URL" in done.stderr


def test_a_saved_account_is_forgotten(carto: Sandbox) -> None:
    """It is named, and nobody is asked where nobody is there."""
    store = ProfileStore()
    store.save("work", account(carto), default=True)
    store.save("home", account(carto, "bob"))
    done = run("forget", "WORK")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == (
        "Forgot 'work': its key is deleted from ~/.config/cartoframes.\n"
    )
    assert (store.names(), store.default_path.exists()) == (["home"], False)


@terminals
def test_a_terminal_asks_once_before_it_forgets(carto: Sandbox) -> None:
    """No is the answer of whoever only presses Enter."""
    store = ProfileStore()
    store.save("work", account(carto))
    for answer, kept in (("", True), ("y", False)):
        with Terminal([PROGRAM, "forget", "work"]) as terminal:
            terminal.answer("Forget 'work'? Its key is deleted here. [y/N]", answer)
            assert terminal.exit_status() == 0
        assert ("Nothing was changed." in terminal.screen) is kept
        assert (store.names() == ["work"]) is kept
    store.save("work", account(carto))
    with Terminal([PROGRAM, "forget", "--yes", "work"]) as terminal:
        assert terminal.exit_status() == 0
    assert store.names() == []
    with Terminal([PROGRAM, "forget", "work"]) as terminal:
        terminal.wait_for("No account is saved as 'work'")  # and nothing is asked
        assert terminal.exit_status() == 1


def test_an_account_is_renamed(carto: Sandbox) -> None:
    """A name that is taken is left as it is."""
    store = ProfileStore()
    store.save("work", account(carto), default=True)
    store.save("home", account(carto, "bob"))
    done = run("rename", "work", "Office")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "The saved account 'work' is called 'office' now.\n"
    assert (store.names(), store.default_name) == (["home", "office"], "office")
    done = run("rename", "office", "home")
    assert (done.returncode, done.stdout) == (1, "")
    assert "saved as 'home' already" in done.stderr
    assert store.load("home").username == "bob"


# What is saved, and what is replaced.


def log_in(carto: Sandbox, key: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Log in as jane in a pipe."""
    arguments = ("login", "--base-url", carto.base_url("jane"), "--key-stdin")
    return run(*arguments, *options, typed=key)


def test_nothing_is_replaced_unasked(carto: Sandbox) -> None:
    """Neither another key of the account, nor another account."""
    store, master = ProfileStore(), carto.accounts["jane"].master.token
    store.save("jane", account(carto, key=KEY))
    store.save("bob", account(carto, "bob"))
    for name, whose in (
        ("jane", "replaces the saved key of jane"),
        ("bob", "replaces the account of bob at 127.0.0.1"),
    ):
        before = store.load(name)
        done = log_in(carto, master, "--profile", name)
        assert done.returncode == 1
        assert whose in done.stderr
        assert "--replace" in done.stderr
        assert store.load(name) == before
        assert log_in(carto, master, "--profile", name, "--replace").returncode == 0
        assert store.load(name).api_key == master
        # The same key again replaces nothing.
        assert log_in(carto, master, "--profile", name).returncode == 0


def test_another_account_does_not_become_the_default(carto: Sandbox) -> None:
    """The first is by itself, another if it is asked for."""
    store, jane = ProfileStore(), carto.accounts["jane"]
    assert log_in(carto, jane.master.token, "--profile", "a").returncode == 0
    done = log_in(carto, jane.keys["reporting"].token, "--profile", "b")
    assert done.stdout.endswith("Saved as 'b' in ~/.config/cartoframes.\n")
    assert store.default_name == "a"
    reporting = jane.keys["reporting"].token
    done = log_in(carto, reporting, "--profile", "b", "--default")
    assert done.stdout.endswith("; every session starts with it.\n")
    assert store.default_name == "b"
    assert log_in(carto, KEY, "--no-validate", "--profile", "c").returncode == 0
    assert store.default_name == "b"


def test_a_temporary_token_is_not_remembered(carto: Sandbox) -> None:
    """Unless that is asked for; nor is anything with --no-remember."""
    store, jane = ProfileStore(), carto.accounts["jane"]
    done = log_in(carto, jane.oauth.token)
    assert (done.returncode, store.names()) == (0, [])
    assert "Nothing was saved; --remember saves it." in done.stdout
    assert log_in(carto, jane.master.token, "--no-remember").returncode == 0
    assert store.names() == []
    done = log_in(carto, jane.oauth.token, "--remember", "--profile", "token")
    assert (done.returncode, store.names()) == (0, ["token"])


@terminals
def test_at_a_terminal_the_choices_are_asked(carto: Sandbox) -> None:
    """A name that is taken is asked about, and no asks for another."""
    store, jane = ProfileStore(), carto.accounts["jane"]
    store.save("taken", account(carto, "bob"), default=True)
    with Terminal([PROGRAM, "login", "--username", "jane"]) as terminal:
        terminal.answer("CARTO address", carto.url)
        terminal.answer("CARTO user name, [jane]".replace(",", ""), "")
        terminal.answer("API key (not shown)", jane.keys["reporting"].token)
        terminal.answer("readable only by you? [Y/n]", "")
        terminal.answer("Name to save it under [jane-reporting@127.0.0.1", "taken")
        terminal.answer("replaces the account of bob at 127.0.0.1", "")
        terminal.answer("Name to save it under [jane-reporting@127.0.0.1", "a b")
        terminal.wait_for("cannot be the name of a saved account")
        terminal.answer("Name to save it under", "mine")
        terminal.answer("Start every session with it, and cartoframes too? [y/N]", "y")
        assert terminal.exit_status() == 0
    assert "Saved as 'mine' in ~/.config/cartoframes; every session" in terminal.screen
    assert (store.names(), store.default_name) == (["mine", "taken"], "mine")


# Pipes, completion and other circumstances.


@pytest.mark.skipif(os.name == "nt", reason="Windows has other pipes")
@pytest.mark.parametrize("command", ["list", "--help", "nonsense"])
def test_a_closed_pipe_is_silence(command: str) -> None:
    """Whether it was to take the output or the errors."""
    store = ProfileStore()
    store.save("work", Credentials("jane", KEY))
    reader, writer = os.pipe()
    os.close(reader)
    streams = {"stdout": writer, "stderr": subprocess.PIPE}
    if command == "nonsense":
        streams = {"stdout": subprocess.PIPE, "stderr": writer}
    try:
        done = subprocess.run([PROGRAM, command], **streams, timeout=60, check=False)
    finally:
        os.close(writer)
    assert done.returncode == (2 if command == "nonsense" else 1)
    assert not done.stderr
    assert not done.stdout


def test_a_key_that_is_no_text_is_refused() -> None:
    """Whatever bytes come, there is a sentence."""
    done = subprocess.run(
        [PROGRAM, "login", "--username", "jane", "--key-stdin"],
        input=b"\xff\xfe0123\n",
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert b"character that no CARTO key has" in done.stderr


@pytest.mark.parametrize("missing", ["jupyterlab", "tornado"])
def test_a_bare_install_says_which_extra(tmp_path: Path, missing: str) -> None:
    """Before anything is begun."""
    hide = f"import sys; sys.modules[{missing!r}] = None"
    (tmp_path / "sitecustomize.py").write_text(hide)
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    for command in ("demo", "sandbox") if missing == "tornado" else ("demo",):
        done = subprocess.run(
            [PROGRAM, command],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            env=os.environ | {"PYTHONPATH": path},
        )
        assert (done.returncode, done.stdout) == (1, "")
        assert f"carto-login: {command} needs {missing}: pip install " in done.stderr
        assert "carto_login_widget[demo]" in done.stderr


@terminals
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_commands_and_names_complete(shell: str, carto: Sandbox, home: Path) -> None:
    """In a real shell; a name with an @ is one word."""
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell} here")
    store = ProfileStore()
    store.save("work", account(carto))
    store.save("jane@maps.example.com", account(carto, "bob"))
    options = {"bash": ["--norc", "--noprofile", "-i"], "zsh": ["-f", "-i"]}[shell]
    path = os.pathsep.join([str(PROGRAM.parent), os.environ["PATH"]])
    with Terminal([shell, *options], PATH=path, PS1="ready> ") as terminal:
        if shell == "zsh":
            terminal.answer("ready> ", "autoload -U compinit; compinit -u")
        terminal.answer(
            "ready> ", f'eval "$(_CARTO_LOGIN_COMPLETE={shell}_source carto-login)"'
        )
        terminal.answer("ready> ", "carto-login def\two\t")
        terminal.wait_for("Every session starts with 'work' now.")
        terminal.answer("ready> ", "carto-login default jane@ma\t")
        terminal.wait_for("Every session starts with 'jane@maps.example.com' now.")
        terminal.answer("ready> ", "carto-login list --js\t")
        terminal.wait_for('"name": "work"')
        terminal.answer("ready> ", "exit")
    assert store.default_name == "jane@maps.example.com"


@terminals
def test_at_a_terminal_it_asks(carto: Sandbox) -> None:
    """The key is not shown; a wrong one is asked again."""
    key = carto.accounts["jane"].master.token
    with Terminal([PROGRAM, "login", "--profile", "work"]) as terminal:
        terminal.answer("CARTO address", carto.base_url("jane"))
        terminal.answer("CARTO user name", "jane")
        terminal.answer("API key (not shown)", KEY)
        terminal.answer("API key (not shown)", key)
        terminal.answer("readable only by you? [Y/n]", "")
        terminal.answer("Start every session with it, and cartoframes too? [Y/n]", "")
        assert terminal.exit_status() == 0
        assert "CARTO accepts this key: Master key, full access." in terminal.screen
        for secret in (KEY, key):
            assert secret[:8] not in terminal.screen
    assert ProfileStore().default().profile == "work"


@terminals
def test_at_a_terminal_a_key_of_standard_input_is_not_shown(carto: Sandbox) -> None:
    """Whoever types it there is asked."""
    key = carto.accounts["jane"].master.token
    arguments = ["login", "--base-url", carto.base_url("jane"), "--key-stdin"]
    with Terminal([PROGRAM, *arguments]) as terminal:
        terminal.answer("API key (not shown)", key)
        terminal.answer("readable only by you? [Y/n]", "")
        terminal.answer("Name to save it under", "")
        terminal.answer("Start every session", "")
        assert terminal.exit_status() == 0
        assert key[:8] not in terminal.screen
    assert len(ProfileStore().names()) == 1


@terminals
def test_ctrl_c_at_a_question_ends_it(home: Path) -> None:
    """With the status that shells expect, and nothing is written."""
    with Terminal([PROGRAM, "login"]) as terminal:
        terminal.answer("CARTO address", "\x03")
        assert terminal.exit_status() == 130
        assert "Traceback" not in terminal.screen
    assert not list(home.rglob("*.json"))


@pytest.mark.skipif(os.name == "nt", reason="Windows has another Ctrl-C")
def test_the_sandbox_runs_until_ctrl_c() -> None:
    """It prints its address and keys, which CARTO's Auth API accepts there."""
    with subprocess.Popen(
        [PROGRAM, "sandbox"],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    ) as program:
        text = ""
        while not (
            found := re.search(r"jane +address (\S+)\n +master +Master +(\w+)\n", text)
        ):
            text += program.stdout.readline()
        answer = requests.get(
            f"{found[1]}/api/v3/api_keys", auth=("jane", found[2]), timeout=20
        )
        assert answer.json()["result"][0]["name"] == "Master"
        program.send_signal(signal.SIGINT)
        program.communicate()
    assert program.returncode == 0


def test_a_port_that_is_taken_is_told(carto: Sandbox) -> None:
    """In a line."""
    done = run("sandbox", "--port", carto.port)
    assert done.returncode == 1
    assert done.stderr.startswith("carto-login: ")
    assert done.stderr.count("\n") == 1


def test_the_demo_can_be_checked(home: Path) -> None:
    """It runs the quickstart notebook alone, and touches no file of the user."""
    store = ProfileStore()
    store.save("work", Credentials("jane", KEY), default=True)
    before = store.default_path.read_bytes()
    done = run("demo", "--check")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "The notebook ran to its end." in done.stdout
    assert store.default_path.read_bytes() == before
    assert json.loads(before)["username"] == "jane"
    assert store.names() == ["work"]


@pytest.mark.parametrize("port", [-1, 65536, 99999])
def test_a_port_that_cannot_be_one(port: int) -> None:
    """It is wrong usage, and no traceback."""
    done = run("sandbox", "--port", port)
    assert (done.returncode, done.stdout) == (2, "")
    assert "'--port' takes another kind of value" in done.stderr


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("list >&-", 0),
        ("login --username jane --key-stdin <&-", 1),
        ("whoami >&- 2>&-", 0),
    ],
)
def test_streams_that_are_closed(carto: Sandbox, line: str, status: int) -> None:
    """A shell may have closed them; nothing is printed but a sentence."""
    ProfileStore().save("jane", account(carto), default=True)
    done = subprocess.run(
        ["sh", "-c", f"{PROGRAM} {line}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, "Traceback" in done.stderr) == (status, False)
