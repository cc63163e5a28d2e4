"""A real kernel, and a page made of messages: all that they say to each other is kept.

The form and the plain one are driven as a page drives them, with comm messages, and the
cells do what makes a kernel talk: logs at DEBUG, tracebacks in Verbose mode, Ctrl-C,
history.
"""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from jupyter_client.manager import KernelManager

from carto_login_widget.sandbox import Fault

from .page import message
from .scene import files_below, sandbox
from .search import MASTER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from carto_login_widget.sandbox import Sandbox

_SECONDS = 30
_LOUD = """
import asyncio, http.client, logging, warnings
logging.basicConfig(level=logging.DEBUG)
http.client.HTTPConnection.debuglevel = 1
asyncio.get_event_loop().set_debug(True)
warnings.simplefilter("always")
%load_ext carto_login_widget
%xmode Verbose
"""
_LOOK = """
import carto_login_widget as carto, ipywidgets, json
from ipywidgets.embed import embed_data, embed_minimal_html
from ipywidgets.widgets import widget
account = carto.get_default_credentials()
forms = [w for w in widget._instances.values() if isinstance(w, carto.LoginForm)]
form = forms[0]
print(repr(account), account, vars(account), forms)
for one in forms:
    print(vars(one), one.get_state(), one.state, one._repr_mimebundle_())
display(account, form)
print(json.dumps(ipywidgets.Widget.get_manager_state()))
print(json.dumps(embed_data([form])))
embed_minimal_html("page.html", [form])
%whos
%carto_login --whoami
%carto_login --list
account
"""
_FAIL = """
import sys, traceback
def verbose(call):
    try:
        call()
    except BaseException:
        get_ipython().showtraceback()
        print(*traceback.format_exception(sys.exception()))
        found = traceback.TracebackException.from_exception(
            sys.exception(), capture_locals=True)
        print(*found.format())
verbose(lambda: carto.login(username="jane", api_key=account.api_key + "x",
                            base_url=account.base_url))
verbose(lambda: carto.login(username="jane", api_key=[account.api_key]))
verbose(lambda: carto.Credentials("ja ne", account.api_key))
verbose(lambda: carto.Credentials("jane", account.api_key + " "  + account.api_key))
verbose(lambda: carto.set_default_credentials("jane", account.api_key.encode()))
verbose(lambda: carto.Credentials.from_file("half.json"))
verbose(lambda: carto.ProfileStore("half").load("jane"))
verbose(lambda: carto.ProfileStore("/proc/nowhere").save("jane", account))
verbose(lambda: get_ipython().run_line_magic("carto_login", "--nonsense"))
verbose(lambda: get_ipython().run_line_magic("carto_login", "nobody"))
"""
_HELD = "carto.LoginForm(username='jane')"
_PLAIN = f"""
%config CartoLogin.form = "plain"
display({_HELD})
"""


class Kernel:
    """A running kernel; `messages` holds all that came from it, in order.

    Args:
        home: its home directory.
        environ: its environment variables.
    """

    def __init__(self, home: Path, environ: dict[str, str]) -> None:
        self.messages: list[dict[str, Any]] = []
        self._acts = 0
        self._manager = KernelManager(kernel_name="python3")
        # As `jupyter lab --debug` would have it in the end: it logs each message.
        arguments = {"extra_arguments": ["--debug"]}
        self._output = (home / "kernel.log").open("w+b")
        self._manager.start_kernel(
            env=environ,
            cwd=str(home),
            stdout=self._output,
            stderr=self._output,
            **arguments,
        )
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(60)

    def stop(self) -> bytes:
        """Shut it down; what it wrote to its standard output and error."""
        self._client.stop_channels()
        self._manager.shutdown_kernel()
        self._output.seek(0)
        with self._output:
            return self._output.read()

    def interrupt(self) -> None:
        """Send it Ctrl-C."""
        self._manager.interrupt_kernel()

    def wait(self, for_: Callable[[], Any]) -> None:
        """Take messages in until something has come."""
        deadline = time.monotonic() + _SECONDS
        client = self._client
        channels = [client.iopub_channel, client.shell_channel]
        channels += [client.stdin_channel, client.control_channel]
        while not for_():
            if time.monotonic() > deadline:
                raise TimeoutError(json.dumps(self.messages[-5:], default=str))
            ready = [channel for channel in channels if channel.msg_ready()]
            self.messages += [channel.get_msg() for channel in ready]
            if not ready:
                time.sleep(0.005)

    def of(self, *kinds: str) -> list[dict[str, Any]]:
        """Return the messages of some kinds."""
        return [m for m in self.messages if m["msg_type"] in kinds]

    def start(self, code: str) -> str:
        """Run code without waiting; the id of the request."""
        return str(self._client.execute(code, allow_stdin=True))

    def finish(self, request: str) -> None:
        """Wait for the end of a cell."""
        self.wait(lambda: self._replied(request) and self._is_idle(request))

    def run(self, code: str) -> None:
        """Run code to its end."""
        self.finish(self.start(code))

    def _replied(self, request: str) -> bool:
        return any(
            m["msg_type"].endswith("_reply") and m["parent_header"]["msg_id"] == request
            for m in reversed(self.messages)
        )

    def _is_idle(self, request: str) -> bool:
        return any(
            m["content"]["execution_state"] == "idle"
            and m["parent_header"].get("msg_id") == request
            for m in reversed(self.of("status"))
        )

    def ask(self, kind: str, content: dict[str, Any], *, control: bool = False) -> None:
        """Send a request and wait for the reply."""
        asked = self._client.session.msg(kind, content)
        channel = self._client.shell_channel
        (self._client.control_channel if control else channel).send(asked)
        self.wait(lambda: self._replied(asked["header"]["msg_id"]))

    def answer(self, text: str) -> None:
        """Answer the question that a cell asks, with what is typed in its box."""
        asked = len(self.of("input_request"))
        self._client.input(text)
        self._answered = asked

    # As the page does.

    def model(self, **state: Any) -> str:
        """Return the id of the newest widget that was opened with such a state."""
        for opened in reversed(self.of("comm_open")):
            given = opened["content"]["data"].get("state", {})
            if all(given.get(name) == value for name, value in state.items()):
                return str(opened["content"]["comm_id"])
        raise LookupError(state)

    def open(self, comm: str, target: str, **metadata: str) -> None:
        """Open a comm of the page's own."""
        content = {"comm_id": comm, "target_name": target, "data": {}}
        session = self._client.session
        opened = session.msg("comm_open", content, metadata=metadata)
        self._client.shell_channel.send(opened)

    def send(self, comm: str, *buffers: bytes, **data: Any) -> None:
        """Send a comm message to a widget."""
        content = {"comm_id": comm, "data": data}
        session, socket = self._client.session, self._client.shell_channel.socket
        session.send(socket, session.msg("comm_msg", content), buffers=[*buffers])

    def act(self, comm: str, act: str, key: str = "", **fields: Any) -> None:
        """Say what somebody did in the form, with the key as a buffer."""
        self._acts += 1
        buffers = [key.encode()] if key else []
        content = message(act, self._acts, **fields)
        self.send(comm, *buffers, method="custom", content=content)

    def commit(self, comm: str, **state: Any) -> None:
        """Tell a widget what the page made of its state."""
        self.send(comm, method="update", state=state, buffer_paths=[])

    def says(self, words: str) -> bool:
        """Whether a widget shows some words by now."""
        return any(
            words in str(m["content"]["data"]) for m in self.of("comm_msg", "comm_open")
        )


def account(carto: Sandbox) -> dict[str, Any]:
    """Return what is typed of jane's account besides the key."""
    return {"custom": True, "base_url": carto.base_url("jane"), "username": "jane"}


class Story:
    """What came out while somebody worked with the account in a kernel."""

    def __init__(self) -> None:
        self.carto: Sandbox
        self.messages: list[dict[str, Any]] = []
        self.log = b""
        self.files: list[tuple[Path, bytes]] = []
        self.refreshed: list[dict[str, Any]] = []

    def texts(self, *kinds: str) -> list[str]:
        """Return the messages of some kinds as JSON; there has to be one of each."""
        found = {m["msg_type"]: m for m in self.messages}
        assert not set(kinds) - set(found), set(kinds) - set(found)
        return [
            json.dumps([m["content"], m["metadata"]], default=str)
            for m in self.messages
            if m["msg_type"] in kinds
        ]


@contextmanager
def told(home: Path, environ: dict[str, str]) -> Iterator[Story]:
    """Run the whole story in a kernel of its own."""
    story = Story()
    with sandbox() as story.carto:
        kernel = Kernel(home, environ)
        try:
            _play(kernel, story, home)
        finally:
            story.messages = kernel.messages
            story.log = kernel.stop()
        story.files = list(files_below(home))
        yield story


def _play(kernel: Kernel, story: Story, home: Path) -> None:
    carto = story.carto
    (home / "half.json").write_text(f'{{"username": "jane", "api_key": "{MASTER}')
    kernel.run(_LOUD)
    kernel.run("%carto_login")
    form, jane = kernel.model(_model_name="AnyModel"), account(carto)
    kernel.act(form, "ready")
    kernel.act(form, "submit", f"wrong{MASTER}", **jane)
    kernel.wait(lambda: kernel.says("CARTO does not accept this key."))
    kernel.act(form, "commit", MASTER, **jane)
    kernel.wait(lambda: kernel.says("CARTO accepts this key"))
    kernel.act(form, "submit", **jane)
    kernel.wait(lambda: kernel.says("Signed in to CARTO as jane"))
    kernel.wait(lambda: kernel.says("Storage"))
    kernel.run(_LOOK)
    kernel.run(_FAIL)
    _interrupt(kernel, carto)
    kernel.run("%tb Verbose")
    kernel.run("print(repr(sys.last_value), vars(sys.last_value), In, Out)")
    _prompt(kernel, carto)
    _hold(kernel, carto)
    _refresh(kernel, story)
    for name in ("account", "account._identity.key", "form", "form.state"):
        for level in (0, 1):
            inspect = {"code": name, "cursor_pos": len(name), "detail_level": level}
            kernel.ask("inspect_request", inspect)
        kernel.ask(
            "complete_request", {"code": f"{name}.", "cursor_pos": len(name) + 1}
        )
    history = {"hist_access_type": "tail", "n": 99, "output": True, "raw": True}
    kernel.ask("history_request", history)
    kernel.ask("comm_info_request", {})
    kernel.run("%history -o -n\n%carto_login --logout\nform.close()")


def _interrupt(kernel: Kernel, carto: Sandbox) -> None:
    carto.clear()
    with carto.fail(Fault.hang(), "/api/v3/api_keys"):
        request = kernel.start("account.validate()")
        carto.wait_for(1, _SECONDS)
        kernel.interrupt()
        kernel.finish(request)


def _prompt(kernel: Kernel, carto: Sandbox) -> None:
    request = kernel.start("%carto_login --prompt")
    answers = [carto.base_url("jane"), "jane", f"wrong{MASTER}", MASTER, "n"]
    asked = len(kernel.of("input_request"))
    for number, answer in enumerate(answers, asked + 1):
        kernel.wait(lambda number=number: len(kernel.of("input_request")) >= number)
        kernel.answer(answer)
    kernel.finish(request)


def _hold(kernel: Kernel, carto: Sandbox) -> None:
    """Leave a key in a form, and one that was typed in the plain form."""
    kernel.run(_HELD)
    form = kernel.model(_model_name="AnyModel")
    kernel.act(form, "commit", f"held{MASTER}", **account(carto))
    elsewhere = {**account(carto), "username": "", "misplaced": "username"}
    kernel.act(form, "commit", **elsewhere)
    kernel.wait(lambda: kernel.says("That looks like an API key."))
    kernel.run(_PLAIN)
    key = kernel.model(description="API key")
    kernel.commit(kernel.model(description="Address"), index=1)
    kernel.commit(kernel.model(description="URL"), value=carto.base_url("jane"))
    kernel.commit(key, value=f"typed{MASTER}")
    kernel.send(key, method="custom", content={"event": "submit"})
    kernel.wait(lambda: [r for r in carto.requests if r.key == f"typed{MASTER}"])
    kernel.wait(lambda: kernel.says("not this API key"))
    kernel.commit(key, value=f"left{MASTER}")
    kernel.run("ipywidgets.Widget.get_manager_state()")


def _refresh(kernel: Kernel, story: Story) -> None:
    """Ask for the states of all widgets, as a second tab or a reload does."""
    begun, comm = len(kernel.messages), uuid4().hex
    kernel.open(comm, "jupyter.widget.control", version="1.0.0")
    kernel.send(comm, method="request_states")

    def answered() -> list[dict[str, Any]]:
        later = kernel.messages[begun:]
        states = [m for m in later if m["msg_type"] == "comm_msg"]
        return [m for m in states if m["content"]["comm_id"] == comm]

    kernel.wait(answered)
    story.refreshed = answered()


# The ways out.


def comm_messages(story: Story) -> Iterator[str]:
    """Whatever a widget says to the page, the echo of what was typed among it."""
    yield from story.texts("comm_open", "comm_msg", "comm_close")
    assert any('"jane"' in text for text in story.texts("comm_msg"))
    assert any('"snapshot"' in text for text in story.texts("comm_msg"))


def outputs(story: Story) -> Iterator[str]:
    """What cells print, display and return, logs at DEBUG among it, also of comms."""
    yield from story.texts("stream", "display_data", "execute_result")
    said = "".join(story.texts("stream"))
    assert "handle_msg[" in said
    assert "view-of-a-page" in said
    assert "/api/v3/api_keys" in said
    assert "api_key=***" in said
    assert "model_id" in said


def tracebacks(story: Story) -> Iterator[str]:
    """Errors in Verbose mode, `%tb`, and the locals of all frames."""
    yield from story.texts("error", "stream")
    said = "".join(story.texts("error", "stream"))
    for name in ("RejectedError", "InvalidCredentialsError", "CredentialsFileError"):
        assert name in said
    assert "KeyboardInterrupt" in said
    assert "UsageError" in said


def input_requests(story: Story) -> Iterator[str]:
    """What the prompt shows; the key is asked for as a password."""
    yield from story.texts("input_request")
    asked = [m["content"] for m in story.messages if m["msg_type"] == "input_request"]
    assert [a["password"] for a in asked if "API key" in a["prompt"]] == [True, True]


def refreshed(story: Story) -> Iterator[str]:
    """What a reloaded page or a second tab gets."""
    assert story.refreshed
    text = json.dumps([m["content"] for m in story.refreshed])
    assert "PasswordModel" in text
    assert "AnyModel" in text
    yield text


def looked_up(story: Story) -> Iterator[str]:
    """Tooltips, completions, the history, the list of comms."""
    yield from story.texts("inspect_reply", "complete_reply", "history_reply")
    yield from story.texts("comm_info_reply", "execute_reply", "execute_input")


def whole_traffic(story: Story) -> Iterator[str | bytes]:
    """Every message whatever, with its headers and buffers."""
    for told in story.messages:
        yield json.dumps(told, default=str)
        yield from map(bytes, told["buffers"])


def kernel_log(story: Story) -> Iterator[bytes]:
    """What the kernel itself wrote, for the log of the server."""
    assert b"MESSAGE TYPE:comm_msg" in story.log
    yield story.log


def files(story: Story) -> Iterator[bytes]:
    """The files of the home directory: history, the page that was exported."""
    names = {path.name for path, _ in story.files}
    assert {"history.sqlite", "page.html", "creds.json"} <= names
    for path, content in story.files:
        if path.name not in {"creds.json", "jane.json", "half.json"} and (
            path.parent.name != "profiles"
        ):
            yield content
