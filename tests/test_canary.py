"""The key comes out nowhere: each way out, tried with a key that is looked for.

It may be in memory, in files that only their owner can read, and on the wire to its own
CARTO: in the `Authorization` header, or as a parameter of `/api/v4/do/token`.
"""

from __future__ import annotations

import base64
import html
import json
import pickle
import stat
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from harness.environment import clean_environment, home_variables
from harness.leaks import (
    cartoframes,
    kernel,
    mistakes,
    notebooks,
    objects,
    programs,
    talking,
)
from harness.leaks.scene import Scene, files_below, sandbox
from harness.leaks.search import MASTER, REGULAR, found_in, texts_of_error

from carto_login_widget import CartoLoginError, Credentials, InvalidCredentialsError
from carto_login_widget.address import check_username
from carto_login_widget.server import client

if TYPE_CHECKING:
    from collections.abc import Iterator

WAYS_OUT = {
    # Objects
    "repr, str, format, pprint": objects.printed,
    "what a notebook displays of a value": objects.displayed,
    "vars, __dict__, slots": objects.looked_into,
    "pandas to_json of a column of them": objects.tabled,
    "json.dumps, dataclasses.asdict": objects.as_data,
    "copies and pickles": objects.copied,
    "comparisons and assertions": objects.compared,
    # While CARTO is asked
    "logs of all libraries at DEBUG": talking.logs,
    "http.client.debuglevel and printed output": talking.printing,
    "warnings": talking.warned,
    "asyncio debugging": talking.asyncio_debug,
    "paths, queries, headers and bodies of requests": talking.addresses_asked,
    "redirects": talking.redirected,
    "a server that is not CARTO": talking.strangers,
    "proxies": talking.proxies,
    "a session that was lent": talking.lent_session,
    "errors of TLS and the network": talking.tls_and_network_errors,
    **{f"errors of {name}": talking.errors_of(name) for name in talking.TALKERS},
    # Before CARTO is asked
    "errors of wrong arguments": mistakes.arguments,
    "errors of the key as a name": mistakes.key_as_a_name,
    "errors of foreign credentials": mistakes.foreign_credentials,
    "errors of broken files": mistakes.broken_files,
    "errors of a store that cannot be written": mistakes.unwritable,
    "errors of the environment": mistakes.environment,
    "errors of %carto_login": mistakes.magic_lines,
    "errors of carto-login": mistakes.commands,
    "what the form says of a bad key": mistakes.form_mistakes,
    "copies of a broken file": mistakes.corrupt_copies,
    # Processes and terminals
    "Ctrl-C in the middle of a request": programs.interrupted,
    "errors that nobody caught": programs.uncaught,
    "faulthandler": programs.dumped,
    "the process list": programs.process_list,
    "child processes": programs.children,
    "carto-login, all commands": programs.command_line,
    "carto-login in a terminal": programs.terminal,
    "IPython in a terminal": programs.ipython_terminal,
    "Python's own prompt": programs.plain_python,
    "Dask's scheduler, workers and logs": programs.dask,
    "cartoframes' credentials": cartoframes.shown,
    "a notebook run by nbclient, its widgets, its HTML": notebooks.executed,
}

IN_A_KERNEL = {
    "comm messages to the page": kernel.comm_messages,
    "output of cells, logs among it": kernel.outputs,
    "tracebacks in Verbose mode, %tb, Ctrl-C": kernel.tracebacks,
    "what %carto_login --prompt shows": kernel.input_requests,
    "a page that is loaded again": kernel.refreshed,
    "tooltips, completion, history": kernel.looked_up,
    "every message of the kernel": kernel.whole_traffic,
    "the log of the kernel": kernel.kernel_log,
    "files of the kernel, history.sqlite among them": kernel.files,
}


@pytest.fixture
def scene(home, tmp_path, capfd, caplog, request) -> Iterator[Scene]:
    client.proved.clear()

    def output() -> str:
        return "".join(capfd.readouterr())

    with sandbox() as carto:
        yield Scene(
            carto,
            home,
            tmp_path,
            output,
            lambda: list(caplog.records),
            request.getfixturevalue,
        )


@pytest.mark.parametrize("way", WAYS_OUT)
def test_the_key_does_not_come_out(way: str, scene: Scene) -> None:
    """Of what comes out that way, nothing holds a key or a part of one."""
    came_out = list(WAYS_OUT[way](scene))
    assert came_out
    assert not found_in(came_out)
    assert not found_in([scene.output()])
    _assert_files_private(scene)
    _assert_sent_rightly(scene)


def _assert_files_private(scene: Scene) -> None:
    for path, content in files_below(scene.home):
        if found_in([content]):
            assert path.is_relative_to(scene.store.directory)
            assert ".tmp" not in path.name
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
            assert stat.S_IMODE(path.parent.stat().st_mode) & 0o077 == 0


def _assert_sent_rightly(scene: Scene | kernel.Story) -> None:
    for record in scene.carto.requests:
        assert record.key_in in (None, "header") or "/do/token" in record.path


@pytest.fixture(scope="module")
def story(tmp_path_factory) -> Iterator[kernel.Story]:
    home = tmp_path_factory.mktemp("kernel-home")
    environ = {**clean_environment(), **home_variables(home)}
    with kernel.told(home, environ) as told:
        yield told


# One for each coding and place; each has to be found, or nothing above means a thing.
LEAKS = {
    "in clear": f"key={MASTER}.",
    "a part of it": f"****{MASTER[-8:]}",
    "the other key": REGULAR,
    "bytes": MASTER.encode(),
    "base64": base64.b64encode(MASTER.encode()),
    "base64 behind the user name": base64.b64encode(f"jane:{MASTER}".encode()),
    "base64 behind another name": base64.b64encode(f"bob:{MASTER}".encode()),
    "base64 for URLs": base64.urlsafe_b64encode(f"{{'k':'{MASTER}".encode()),
    "percent-encoded": quote(MASTER, safe=""),
    "HTML": html.escape(MASTER),
    "JSON": json.dumps({"api_key": MASTER}),
    "hexadecimal": MASTER.encode().hex(),
    "in colours": f"\x1b[32m{MASTER[:5]}\x1b[0m{MASTER[5:10]}",
    "pickled": pickle.dumps(Credentials("jane", MASTER)),
}


@pytest.mark.parametrize("kind", LEAKS)
def test_the_search_finds_a_key(kind: str) -> None:
    """However it is coded, and a part of it."""
    assert found_in(["nothing", LEAKS[kind]])


@pytest.mark.parametrize("what", ["cause", "locals", "attribute", "note"])
def test_the_search_looks_everywhere_in_an_exception(what: str) -> None:
    """In causes, attributes, notes, and the frames of this package."""
    error: Exception = CartoLoginError("no key here")
    if what == "cause":
        error.__cause__ = KeyError(MASTER)
    elif what == "attribute":
        error.request = {"headers": [MASTER]}  # type: ignore[attr-defined]
    elif what == "note":
        error.add_note(MASTER)
    else:
        # A function of the package that keeps what it is given in its frame.
        with pytest.raises(InvalidCredentialsError) as caught:
            check_username(f"{MASTER}!")
        error = caught.value
    assert found_in(texts_of_error(error))


@pytest.mark.parametrize("way", IN_A_KERNEL)
def test_the_key_does_not_come_out_of_a_kernel(way: str, story: kernel.Story) -> None:
    """Nor does it out of a real kernel, where the form was driven as a page does."""
    came_out = list(IN_A_KERNEL[way](story))
    assert came_out
    assert not found_in(came_out)
    _assert_sent_rightly(story)
    sent = {record.key for record in story.carto.requests if record.key}
    assert {MASTER, f"wrong{MASTER}"} <= sent
