"""`%carto_login` in real kernels, as clients of every kind see it."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any, Self

import nbformat
import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

from carto_login_widget import Credentials, ProfileStore
from carto_login_widget.form.view import SIGNED_IN_TEXT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from carto_login_widget.sandbox import Sandbox

KEY = "0123456789abcdef0123456789abcdef01234567"
LOAD = "%load_ext carto_login_widget"
# The newest form or card of the kernel.
FORM = (
    "import ipywidgets, carto_login_widget\n"
    "form = [w for w in ipywidgets.Widget._active_widgets.values() "
    "if isinstance(w, carto_login_widget.LoginForm)][-1]\n"
)
SECONDS = 60
# What the kernel itself lets out at the end of a process, and not the package.
QUIET = {"PYTHONWARNINGS": "ignore", "PYDEVD_DISABLE_FILE_VALIDATION": "1"}


class Kernel:
    """A kernel and its client, which may or may not have somebody at a keyboard."""

    def __init__(self, python: str, **environment: str) -> None:
        self.manager = KernelManager()
        self.manager._kernel_spec = KernelSpec(
            argv=[python, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
            display_name="test",
            language="python",
        )
        self._environment = environment
        self.questions: list[tuple[str, bool]] = []
        self.sent: list[dict[str, Any]] = []

    def __enter__(self) -> Self:
        self.manager.start_kernel(env=os.environ | QUIET | self._environment)
        self.client = self.manager.blocking_client()
        self.client.start_channels()
        self.client.wait_for_ready(timeout=SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)
        self.manager.cleanup_resources()

    def run(
        self, code: str, *, answers: Sequence[str] = (), there: bool = True
    ) -> dict[str, Any]:
        """Run a cell and return the reply to it; what else was sent is in `sent`."""
        self.sent, queue = [], list(answers)

        def answer(message: dict[str, Any]) -> None:
            content = message["content"]
            self.questions.append((content["prompt"], content["password"]))
            self.client.input(queue.pop(0))

        reply = self.client.execute_interactive(
            code,
            allow_stdin=there,
            output_hook=self.sent.append,
            stdin_hook=answer,
            timeout=SECONDS,
        )
        assert not queue, f"nobody asked for {len(queue)} of the answers"
        return dict(reply["content"])

    def printed(self) -> str:
        """What the last cell printed."""
        return "".join(self._contents("stream", "text"))

    def shown(self) -> list[str]:
        """The text form of what the last cell displayed."""
        return [data["text/plain"] for data in self._contents("display_data", "data")]

    def _contents(self, kind: str, part: str) -> list[Any]:
        found = (m["content"] for m in self.sent if m["msg_type"] == kind)
        return [content[part] for content in found]


@pytest.fixture(
    params=["this kernel", pytest.param("ipykernel 6", marks=pytest.mark.full)]
)
def python(request: pytest.FixtureRequest) -> str:
    """The Python of the newest ipykernel, and of the one before it."""
    if request.param == "this kernel":
        return sys.executable
    return str(request.getfixturevalue("ipykernel6_python"))


@pytest.fixture
def kernel(python: str) -> Iterator[Kernel]:
    """A kernel with the extension loaded."""
    with Kernel(python) as kernel:
        assert kernel.run(LOAD)["status"] == "ok"
        yield kernel


def account(carto: Sandbox, name: str = "jane", key: str | None = None) -> Credentials:
    """Return credentials of an account of the sandbox; the right ones without key."""
    key = key or carto.accounts[name].master.token
    return Credentials(name, key, carto.base_url(name))


def user(kernel: Kernel) -> str:
    """Return the user that the kernel is signed in as."""
    kernel.run(
        "import carto_login_widget as carto\n"
        "who = carto.get_default_credentials()\n"
        "print(who and who._identity.address.username)"
    )
    return kernel.printed().strip()


def test_where_somebody_is_there_the_form_shows(kernel: Kernel) -> None:
    """With a text for front ends that show no widgets; the cell returns nothing."""
    assert kernel.run("%carto_login")["status"] == "ok"
    (text,) = kernel.shown()
    assert "%carto_login --prompt" in text
    assert "CARTO_API_KEY" in text


def test_where_nobody_is_there_the_error_comes_at_once(kernel: Kernel) -> None:
    """Also after a cell of somebody who was there, and with --require."""
    assert kernel.run("%carto_login")["status"] == "ok"
    for line in ("%carto_login", "%carto_login --require", "%carto_login --prompt"):
        reply = kernel.run(line, there=False)
        assert (reply["status"], reply["ename"]) == ("error", "NotLoggedInError")
        assert "Nobody is there to ask" in reply["evalue"]
        assert kernel.shown() == []


def test_only_what_works_here_is_advised(kernel: Kernel, carto: Sandbox) -> None:
    """A kernel that cannot ask may have a page all the same: the form works there."""
    code = "import carto_login_widget; carto_login_widget.login()"
    lines = ("%carto_login", "%carto_login --prompt", "%carto_login --require", code)
    for line in lines:
        told = kernel.run(line, there=False)["evalue"]
        assert "Run %carto_login --form" in told
        assert "--prompt" not in told
    assert kernel.run("%carto_login --form", there=False)["status"] == "ok"
    assert len(kernel.shown()) == 1
    assert "%carto_login --prompt" in kernel.run(code)["evalue"]


def test_somebody_looks_at_a_page_of_voila(python: str) -> None:
    """Whatever its kernels are told of a keyboard: the form shows."""
    with Kernel(python, SERVER_SOFTWARE="voila/0.5.8") as kernel:
        kernel.run(LOAD)
        for there in (True, False):
            assert kernel.run("%carto_login", there=there)["status"] == "ok"
            assert "%carto_login --prompt" in kernel.shown()[0]


def test_the_card_of_the_default_account_shows(kernel: Kernel, carto: Sandbox) -> None:
    """The cell returns nothing, and what a notebook keeps of it names nobody."""
    store = ProfileStore()
    store.save("jane", account(carto), default=True)
    assert kernel.run("%carto_login", there=False)["status"] == "ok"
    assert kernel.shown() == [SIGNED_IN_TEXT]
    assert kernel._contents("execute_result", "data") == []
    assert kernel.printed() == ""
    assert user(kernel) == "jane"
    kernel.run("%carto_login --logout")
    assert kernel.printed() == "Logged out. Saved accounts stay saved.\n"
    kernel.run("%carto_login")
    assert "CARTO login." in kernel.shown()[0]
    kernel.run("%carto_login jane")
    assert user(kernel) == "jane"
    assert carto.accounts["jane"].master.token not in str(kernel.sent)


def test_the_two_lines_again_are_quiet(
    python: str, carto: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was passed over is told once, in the card; then there is only the card."""
    store = ProfileStore()
    store.save("jane", account(carto), default=True)
    monkeypatch.setenv("CARTO_API_KEY", carto.accounts["bob"].master.token)
    monkeypatch.setenv("CARTO_BASE_URL", carto.base_url("bob"))
    with Kernel(python) as kernel:
        kernel.run(LOAD)
        told = []
        for line in ("%carto_login", "%carto_login", "%carto_login --check"):
            kernel.run(line)
            assert (len(kernel.shown()), kernel.printed()) == (1, "")
            kernel.run(FORM + "print(*form.state.notes)")
            told.append(kernel.printed().strip())
        assert "creds.json names jane" in told[0]
        assert told[1:] == ["", "CARTO accepts this key."]
        assert user(kernel) == "bob"
        for line in ("--rename jane work", "--default work"):
            assert kernel.run(f"%carto_login {line}")["status"] == "ok"
        assert store.default_name == "work"


def test_what_is_foreseen_is_one_line_and_stops_the_queue(kernel: Kernel) -> None:
    """An unknown name, for one; the traceback has that line alone."""
    client = kernel.client
    first = client.execute("%carto_login wrok", allow_stdin=True)
    second = client.execute("print('went on')", allow_stdin=True)
    replies = {}
    while len(replies) < 2:
        reply = client.get_shell_msg(timeout=SECONDS)
        replies[reply["parent_header"]["msg_id"]] = reply["content"]
    assert replies[first]["ename"] == "ProfileNotFoundError"
    (line,) = replies[first]["traceback"]
    assert line.startswith("ProfileNotFoundError: No account is saved as 'wrok'")
    assert replies[second]["status"] == "aborted"


def test_to_forget_is_asked_once(kernel: Kernel, carto: Sandbox) -> None:
    """Where somebody is there; elsewhere the line says it."""
    store = ProfileStore()
    for answer in ("n", "y"):
        store.save("jane", account(carto))
        kernel.run("%carto_login --forget jane", answers=[answer])
        assert store.names() == ([] if answer == "y" else ["jane"])
        (question, _hidden) = kernel.questions.pop()
        assert question == "Forget 'jane'? Its key is deleted here. [y/N] "
    store.save("jane", account(carto))
    assert kernel.run("%carto_login --forget jane", there=False)["status"] == "ok"
    assert store.names() == []


def test_require_stops_what_is_queued_with_one_line(kernel: Kernel) -> None:
    """Run All ends at the form, without a traceback."""
    client = kernel.client
    first = client.execute("%carto_login --require", allow_stdin=True)
    second = client.execute("print('went on')", allow_stdin=True)
    replies = {}
    while len(replies) < 2:
        reply = client.get_shell_msg(timeout=SECONDS)
        replies[reply["parent_header"]["msg_id"]] = reply["content"]
    assert replies[first]["status"] == "error"
    assert replies[first]["traceback"] == [
        "NotLoggedInError: Sign in with the form above, then run this cell again."
    ]
    assert replies[second]["status"] == "aborted"


def test_require_lets_pass_who_is_signed_in(kernel: Kernel, carto: Sandbox) -> None:
    """The same cell, run again."""
    ProfileStore().save("jane", account(carto), default=True)
    assert kernel.run("%carto_login --require")["status"] == "ok"


def test_a_default_account_that_is_refused_shows_the_form(
    kernel: Kernel, carto: Sandbox
) -> None:
    """With the reason; where it is named, or nobody is there, it raises."""
    ProfileStore().save("jane", account(carto, key=KEY), default=True)
    kernel.run("result = %carto_login")
    assert kernel.run("print(result)")["status"] == "ok"
    assert kernel.printed() == "None\n"
    kernel.run(FORM + "print(form.status, '|', form.message)")
    assert kernel.printed().startswith("rejected | ")
    assert "key" in kernel.printed()
    for line, there in (("%carto_login", False), ("%carto_login jane", True)):
        reply = kernel.run(line, there=there)
        assert reply["ename"] == "RejectedError"
        assert KEY[:8] not in str(kernel.sent) + str(reply)
    assert user(kernel) == "None"


def test_another_account_is_asked_for_with_what_is_known(
    kernel: Kernel, carto: Sandbox
) -> None:
    """The saved one is not used in its place, and stays."""
    ProfileStore().save("jane", account(carto), default=True)
    assert kernel.run(f"%carto_login --username bob --base-url {carto.url}")
    kernel.run(
        FORM + "print(form.state.fields.username, form.state.fields.base_url, "
        "form.status)"
    )
    assert kernel.printed().split() == ["bob", carto.url, "empty"]
    assert user(kernel) == "None"
    kernel.run(f"%carto_login --username jane --base-url {carto.url}")
    assert user(kernel) == "jane"


def test_what_was_set_unchecked_and_is_refused_shows_the_card(
    kernel: Kernel, carto: Sandbox
) -> None:
    """The kernel stays as it is, and the card says that its key is refused."""
    kernel.run(
        "import carto_login_widget as carto\n"
        f"carto.set_default_credentials({carto.base_url('jane')!r}, {KEY!r})"
    )
    assert kernel.run("%carto_login")["status"] == "ok"
    assert len(kernel.shown()) == 1
    kernel.run(FORM + "print(form.message)")
    assert "CARTO no longer accepts this key" in kernel.printed()
    assert user(kernel) == "jane"
    for line, there in (("", False), ("--require", True)):
        reply = kernel.run(f"%carto_login {line}", there=there)
        assert reply["ename"] == "RejectedError"
        assert user(kernel) == "jane"


@pytest.mark.parametrize("broken", ["creds.json", "environment"])
def test_a_default_account_that_is_broken_shows_the_form(
    python: str, broken: str
) -> None:
    """Nobody is locked out by a file or a variable that cannot be used."""
    environment = {}
    if broken == "creds.json":
        path = ProfileStore().default_path
        path.parent.mkdir(parents=True)
        path.write_text("{")
    else:
        environment = {"CARTO_API_KEY": KEY, "CARTO_USERNAME": "jane@example.com"}
    told = "creds.json" if broken == "creds.json" else "CARTO_USERNAME"
    with Kernel(python, **environment) as kernel:
        kernel.run(LOAD)
        assert kernel.run("%carto_login")["status"] == "ok"
        assert len(kernel.shown()) == 1
        kernel.run(FORM + "print(form.message)")
        assert told in kernel.printed()
        reply = kernel.run("%carto_login", there=False)
        assert reply["status"] == "error"
        assert told in reply["evalue"]


def test_the_prompt_is_answered_by_the_client(kernel: Kernel, carto: Sandbox) -> None:
    """The key is asked without showing it; a wrong one is asked again, alone."""
    right = carto.accounts["jane"].master.token
    answers = [carto.base_url("jane"), "jane", KEY, right, "y", "mine", ""]
    reply = kernel.run("%carto_login --prompt", answers=answers)
    assert reply["status"] == "ok"
    assert [hidden for _, hidden in kernel.questions] == [
        False,
        False,
        True,
        True,
        False,
        False,
        False,
    ]
    assert len(kernel.shown()) == 1
    assert "CARTO accepts this key: Master key, full access." in kernel.printed()
    assert user(kernel) == "jane"
    assert ProfileStore().default_name == "mine"
    assert ProfileStore().default().api_key == right
    for key in (KEY, right):
        assert key not in str(kernel.sent) + str(reply)


@pytest.mark.parametrize("magic", ["%carto_login", "carto_login"])
def test_names_and_options_complete(kernel: Kernel, magic: str) -> None:
    """As a front end asks for it, below another line, with a name that has an @."""
    store = ProfileStore()
    for name in ("work", "jane@maps.example.com"):
        store.save(name, Credentials("jane", KEY))

    def complete(typed: str) -> list[str]:
        code = f"{LOAD}\n{magic} {typed}"
        reply = kernel.client.complete(code, reply=True, timeout=SECONDS)["content"]
        start = reply["cursor_start"] - len(code) + len(typed)
        assert reply["cursor_end"] == len(code)
        return [typed[:start] + match for match in reply["matches"]]

    assert complete("wo") == ["work"]
    assert complete("") == ["jane@maps.example.com", "work"]
    assert complete("jane@ma") == ["jane@maps.example.com"]
    assert complete("--fo") == ["--forget", "--form"]
    assert complete("--rename wo") == ["--rename work"]
    assert complete("work --no") == ["work --no-validate"]


def test_a_key_on_the_line_comes_back_nowhere(kernel: Kernel) -> None:
    """In no message of the kernel but the one that repeats every cell."""
    reply = kernel.run(f"%carto_login --api-key {KEY}")
    assert reply["ename"] == "UsageError"
    others = [m for m in kernel.sent if m["msg_type"] != "execute_input"]
    assert len(others) < len(kernel.sent)
    assert "takes no API key" in str(others)
    assert KEY[:8] not in str(others) + str(reply)


def run_notebook(python: str, *cells: str) -> list[list[Any]]:
    """Run a notebook as nbclient and papermill do, and return the outputs of its cells.

    Raises:
        CellExecutionError: a cell failed.
    """
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in cells]
    with Kernel(python) as kernel:
        client = NotebookClient(notebook, km=kernel.manager, timeout=SECONDS)
        client.execute(cleanup_kc=True)
    return [cell.outputs for cell in notebook.cells]


@pytest.mark.parametrize("option", ["", "--require", "--prompt"])
def test_a_notebook_without_an_account_fails_at_once(python: str, option: str) -> None:
    """nbclient's error says what to do."""
    with pytest.raises(CellExecutionError) as told:
        run_notebook(python, LOAD, f"%carto_login {option}", "print('went on')")
    assert told.value.ename == "NotLoggedInError"
    assert "set CARTO_USERNAME and CARTO_API_KEY" in str(told.value)


def test_a_notebook_may_show_the_form(python: str) -> None:
    """--form never fails; with --require the error is one line."""
    outputs = run_notebook(python, LOAD, "%carto_login --form")
    assert "CARTO login." in outputs[1][0].data["text/plain"]
    with pytest.raises(CellExecutionError) as told:
        run_notebook(python, LOAD, "%carto_login --form --require")
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(told.value))
    assert "NotLoggedInError: Sign in with the form above" in text
    assert "Traceback" not in text


def test_a_notebook_signs_in_from_the_environment(
    python: str, carto: Sandbox, monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    """And writes nothing."""
    monkeypatch.setenv("CARTO_API_KEY", carto.accounts["jane"].master.token)
    monkeypatch.setenv("CARTO_BASE_URL", carto.base_url("jane"))
    outputs = run_notebook(python, LOAD, "%carto_login", "%carto_login --whoami")
    assert "Comes from: CARTO_API_KEY" in outputs[2][0].text
    assert carto.accounts["jane"].master.token not in str(outputs)
    assert not list(home.rglob("*creds.json"))
