"""`carto-login`, as a program of its own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import requests
from harness.terminal import Terminal

from carto_login_widget import Credentials, ProfileStore
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
        "Master key, full access.",
        f"Saved as '{name}' in {store.directory}; sessions start with it.",
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
    assert ProfileStore().default_name == "work"
    assert "Saved as 'work'" in done.stdout


def test_a_file_is_taken_over(carto: Sandbox, tmp_path: Path) -> None:
    """As cartoframes wrote it."""
    account(carto).save(tmp_path / "creds.json")
    done = run("login", "--file", tmp_path / "creds.json", "--profile", "work")
    assert done.returncode == 0, done.stderr
    assert ProfileStore().load("work") == account(carto)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["login"], "no terminal to ask on"),
        (["login", "--key-stdin"], "user name is needed"),
        (["login", "--username", "jane", "--key-stdin"], "key is empty"),
        (["login", "--file", "nowhere.json"], "nowhere.json"),
        (["login", "--file", "x.json", "--username", "jane"], "one way only"),
        (["login", "--key-stdin", "--profile", "a/b"], "cannot be the name"),
        (["use", "work"], "Saved: none"),
        (["whoami"], "No account is saved"),
        (["whoami", "work"], "Saved: none"),
        (["logout", "work"], "Saved: none"),
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
    ],
)
def test_a_key_on_the_line_is_refused_and_not_repeated(arguments: list[str]) -> None:
    """With status 2, as any line that is not understood."""
    done = run(*arguments)
    assert done.returncode == 2
    assert "not repeated here" in done.stderr
    assert KEY[:8] not in done.stdout + done.stderr
    assert ProfileStore().names() == []


def test_usage_is_told() -> None:
    """Without a command, without a name that is needed, and on request."""
    done = run()
    assert done.returncode == 2
    assert "COMMAND" in done.stderr
    done = run("use")
    assert (done.returncode, "required: profile" in done.stderr) == (2, True)
    done = run("--help")
    assert done.returncode == 0
    for command in ("login", "list", "use", "whoami", "logout", "sandbox", "demo"):
        assert f"\n    {command} " in done.stdout


def test_accounts_are_listed_and_chosen(carto: Sandbox) -> None:
    """The default one has a star."""
    assert "No account is saved in" in run("list").stdout
    store = ProfileStore()
    store.save("work", account(carto), default=True)
    store.save("home", account(carto, "bob"))
    assert run("list").stdout == "  home\n* work\n"
    done = run("use", "HOME")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Sessions start with 'home' now." in done.stdout
    assert run("list").stdout == "* home\n  work\n"
    assert store.default().username == "bob"


def test_a_broken_default_is_told_beside_the_list(carto: Sandbox) -> None:
    """And by whatever would use it; the file stays."""
    store = ProfileStore()
    store.save("work", account(carto))
    store.default_path.write_text("{")
    done = run("list")
    assert (done.returncode, done.stdout) == (1, "  work\n")
    assert str(store.default_path) in done.stderr
    for command in ("whoami", "logout"):
        done = run(command)
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
        f"Account: jane at {host}",
        "Key: Master key, full access.",
        "Account from: creds.json",
        f"Saved: as 'work' in {Path('~/.config/cartoframes')}",
    ]
    assert f"Account: bob at {host}" in run("whoami", "home").stdout
    monkeypatch.setenv("CARTO_API_KEY", carto.accounts["anna"].master.token)
    monkeypatch.setenv("CARTO_BASE_URL", carto.base_url("anna"))
    done = run("whoami")
    assert "Account from: CARTO_API_KEY" in done.stdout
    assert "creds.json names jane" in done.stdout
    monkeypatch.setenv("CARTO_API_KEY", KEY)
    done = run("whoami")
    assert (done.returncode, done.stdout) == (1, "")
    assert KEY[:8] not in done.stderr


def test_whoami_tells_of_a_server_that_is_away(carto: Sandbox) -> None:
    """An account that was accepted before is shown as unchecked."""
    store = ProfileStore()
    store.save(
        "work", account(carto)._with(proved=carto.url, accepted=True), default=True
    )
    with carto.fail(Fault.status(500)):
        done = run("whoami")
    assert done.returncode == 0
    assert "Key: The key was not checked." in done.stdout
    assert "was not checked this time" in done.stdout


def test_a_key_of_nobody_in_the_environment_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It says which variable is missing."""
    monkeypatch.setenv("CARTO_API_KEY", KEY)
    done = run("whoami")
    assert done.returncode == 1
    assert "neither CARTO_USERNAME nor CARTO_BASE_URL" in done.stderr


def test_logout_deletes_a_saved_account(
    carto: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The default one, or the one that is named; what stays is told."""
    store = ProfileStore()
    store.save("work", account(carto), default=True)
    store.save("home", account(carto, "bob"))
    assert "'work' is deleted from" in run("logout").stdout
    assert (store.names(), store.default_path.exists()) == (["home"], False)
    assert run("logout").stdout == "No account is saved.\n"
    monkeypatch.setenv("CARTO_API_KEY", KEY)
    monkeypatch.setenv("CARTO_USERNAME", "jane")
    assert "CARTO_API_KEY still gives jane" in run("logout", "home").stdout
    assert store.names() == []


@terminals
def test_at_a_terminal_it_asks(carto: Sandbox) -> None:
    """The key is not shown; a wrong one is asked again."""
    key = carto.accounts["jane"].master.token
    with Terminal([PROGRAM, "login", "--profile", "work"]) as terminal:
        terminal.answer("CARTO address", carto.base_url("jane"))
        terminal.answer("CARTO user name", "jane")
        terminal.answer("API key (not shown)", KEY)
        terminal.answer("API key (not shown)", key)
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
