"""What other processes, terminals and users of the machine see."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pexpect
from harness.environment import clean_environment, home_variables

from carto_login_widget import cli, unset_default_credentials
from carto_login_widget.sandbox import Fault

from .scene import files_below
from .search import MASTER, REGULAR

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .scene import Scene

_TESTS = Path(__file__).parents[2]
_ASKED = ("/api/v3/api_keys", "/api/v3/me", "/api/v4")


def environment(scene: Scene) -> dict[str, str]:
    """Return the variables of a process that has the scene's home."""
    path = os.pathsep.join([str(_TESTS), os.environ.get("PYTHONPATH", "")])
    home = {**home_variables(scene.home), "PYTHONPATH": path.strip(os.pathsep)}
    return {**clean_environment(), **home, "TERM": "dumb"}


@contextmanager
def _program(scene: Scene, *words: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [sys.executable, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=environment(scene),
        cwd=scene.scratch,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _lines_until_ready(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    for line in process.stdout:
        yield line
        if line == "ready\n":
            return


def interrupted(scene: Scene) -> Iterator[str]:
    """Ctrl-C in the middle of each call: its traceback, and all of its frames."""
    scene.saved_jane()
    for path in _ASKED:
        scene.carto.fail(Fault.hang(), path)
    scene.carto.clear()
    times = 0
    with _program(scene, "-m", "harness.leaks.program", "interrupted") as process:
        while (said := "".join(_lines_until_ready(process))).endswith("ready\n"):
            yield said
            scene.carto.wait_for(times := times + 1, 20)
            process.send_signal(signal.SIGINT)
        yield said
    assert times == 8
    assert said.endswith("status 130\n")


def uncaught(scene: Scene) -> Iterator[str]:
    """`sys.excepthook` and `threading.excepthook`, in Python's development mode."""
    scene.saved_jane()
    scene.carto.fail(Fault.json(401, {"errors": [MASTER]}), "/api/v3/api_keys")
    with _program(
        scene, "-X", "dev", "-m", "harness.leaks.program", "uncaught"
    ) as process:
        yield (said := process.communicate(timeout=30)[0])
    assert said.count("RejectedError") == 2
    assert "Exception in thread" in said


def dumped(scene: Scene) -> Iterator[str]:
    """`faulthandler`, in the middle of a request."""
    scene.saved_jane()
    scene.carto.clear()
    with (
        scene.carto.fail(Fault.hang()),
        _program(scene, "-m", "harness.leaks.program", "dumped") as process,
    ):
        yield from _lines_until_ready(process)
        scene.carto.wait_for(1, 20)
        yield (said := process.communicate("go\n", timeout=30)[0])
    assert "client.py" in said


def process_list(scene: Scene) -> Iterator[str | bytes]:
    """Arguments and environment, as `ps` shows them, while the key is in use."""
    words = ["login", "--key-stdin", "--username", "jane"]
    words += ["--base-url", scene.carto.base_url("jane")]
    with (
        scene.carto.fail(Fault.hang(), "/api/v3/api_keys"),
        _program(scene, "-m", "carto_login_widget.cli", *words) as process,
    ):
        assert process.stdin is not None
        process.stdin.write(f"{MASTER}\n")
        process.stdin.flush()
        scene.carto.wait_for(2, 20)
        proc = Path("/proc") / str(process.pid)
        if proc.exists():
            for name in ("cmdline", "environ", "comm", "status", "maps"):
                yield (proc / name).read_bytes()
            yield repr(list(proc.glob("task/*/children")))
            yield "".join(str(link.readlink()) for link in (proc / "fd").iterdir())
        shown = ["ps", "-eww", "-o", "args"]
        yield subprocess.run(shown, capture_output=True, check=False).stdout
        process.send_signal(signal.SIGINT)
        yield process.communicate(timeout=30)[0]
    assert os.environ.get("CARTO_API_KEY") is None


def children(scene: Scene) -> Iterator[str]:
    """A process that is started after a login does not inherit the key."""
    scene.saved_jane()
    cli.main(["whoami"])
    code = (
        "import os, sys; print(dict(os.environ), sys.argv, os.listdir('/proc/self/fd'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    yield repr(done.stdout)
    yield repr(dict(os.environ))


def command_line(scene: Scene) -> Iterator[str]:
    """`carto-login` with all its commands, in good and in bad times."""
    base_url, said = scene.carto.base_url("jane"), ""
    stdin, sys.stdin = sys.stdin, io.StringIO(f"{REGULAR}\n{MASTER}\nwrong{MASTER}\n")
    account = ["--username", "jane", "--base-url", base_url]
    lines = [
        ["login", "--key-stdin", *account, "--profile", "work"],
        ["login", "--key-stdin", *account],
        ["login", "--key-stdin", *account],
        ["login", "--file", str(scene.store.default_path), "--profile", "again"],
        ["login", *account],
        ["list"],
        ["whoami"],
        ["whoami", "work"],
        ["list", "--json"],
        ["whoami", "--json"],
        ["default", "again"],
        ["rename", "work", "office"],
        ["forget", "office"],
        ["logout"],
        ["--help"],
        ["login", "--help"],
    ]
    try:
        for line in lines:
            unset_default_credentials()
            cli.main(line)
            said += scene.output()
    finally:
        sys.stdin = stdin
    assert "Saved as 'work'" in said
    assert "API key 'reporting'" in said
    assert "does not accept" in said or "not this API key" in said
    yield said


def _typed(scene: Scene, words: list[str], answers: list[tuple[str, str]]) -> str:
    """Answer the questions of a program in a terminal; return all that it shows."""
    shown = io.StringIO()
    child = pexpect.spawn(
        sys.executable,
        words,
        env=environment(scene),
        cwd=str(scene.scratch),
        encoding="utf-8",
        timeout=30,
        dimensions=(50, 200),
    )
    child.logfile_read = shown
    for question, answer in answers:
        child.expect_exact(question)
        child.sendline(answer)
    child.expect(pexpect.EOF)
    child.close()
    return shown.getvalue()


def _account(scene: Scene) -> list[tuple[str, str]]:
    return [
        ("CARTO address", scene.carto.base_url("jane")),
        ("user name", "jane"),
        ("API key", f"wrong{MASTER}"),
        ("API key", MASTER),
    ]


_SAVING = [
    ("Remember this account", ""),
    ("Name to save it under", ""),
    ("Start every session", ""),
]


def terminal(scene: Scene) -> Iterator[str]:
    """The questions of `carto-login login` in a terminal."""
    words = ["-m", "carto_login_widget.cli", "login"]
    yield (said := _typed(scene, words, [*_account(scene), *_SAVING]))
    assert "Saved as" in said


def ipython_terminal(scene: Scene) -> Iterator[str | bytes]:
    """IPython in a terminal: the prompt, its history, an error in Verbose mode."""
    words = ["-m", "IPython", "--simple-prompt", "--no-banner", "--colors=NoColor"]
    answers = [
        ("In [1]:", "%load_ext carto_login_widget"),
        ("In [2]:", "%carto_login --prompt"),
        *_account(scene),
        *_SAVING,
        ("In [3]:", "%xmode Verbose"),
        ("In [4]:", "import carto_login_widget as c; c.login('none')"),
        ("In [5]:", "c.get_default_credentials()"),
        ("In [6]:", "%history -n"),
        ("In [7]:", "exit"),
    ]
    yield (said := _typed(scene, words, answers))
    assert "ProfileNotFoundError" in said
    assert "api_key=***" in said
    names = set()
    for path, content in files_below(scene.home):
        names.add(path.name)
        if not path.is_relative_to(scene.store.directory):
            yield content
    assert "history.sqlite" in names


def plain_python(scene: Scene) -> Iterator[str | bytes]:
    """Python's own prompt keeps a history of what was typed, and not of the key."""
    code = "import carto_login_widget.prompt as p; print(p.ask())"
    yield (
        said := _typed(scene, ["-i", "-c", code], [*_account(scene), (">>>", "exit()")])
    )
    assert re.search(r"Credentials\(.*api_key=\*\*\*", said)
    for _, content in files_below(scene.home):
        yield content


def dask(scene: Scene) -> Iterator[Any]:
    """A Dask cluster: the plugin, what the scheduler knows and what it logs."""
    from distributed import Client, LocalCluster

    from carto_login_widget import login, share_with_workers

    scene.saved_jane()
    login("jane")
    options = {"dashboard_address": ":0", "silence_logs": False, "processes": True}
    with (
        LocalCluster(n_workers=1, threads_per_worker=1, **options) as cluster,
        Client(cluster) as connected,
    ):
        stop = share_with_workers(connected)
        reads = connected.run(_reads_the_key)
        assert list(reads.values()) == [len(MASTER)]
        yield repr(connected.scheduler_info())
        connected.dump_cluster_state(str(scene.scratch / "dump"), format="yaml")
        yield repr(connected.get_scheduler_logs())
        yield repr(connected.get_worker_logs())
        yield repr(connected.get_events())
        yield repr([connected, cluster, cluster.get_logs()])
        stop()
    for _, content in files_below(scene.scratch):
        yield content
    text = "".join(record.getMessage() for record in scene.records())
    assert "Registering Worker plugin carto-account" in text
    yield text


def _reads_the_key() -> int:
    from carto_login_widget import get_default_credentials

    found = get_default_credentials()
    return 0 if found is None else len(found.api_key)
