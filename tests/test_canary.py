"""The key comes out nowhere: each way out, tried with a key that is looked for.

It may be in memory, in files that only their owner can read, and on the wire to its own
CARTO: in the `Authorization` header, or as a parameter of `/api/v4/do/token`.
"""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

import pytest
from harness.leaks import mistakes, objects, talking
from harness.leaks.scene import Scene, files_below, sandbox
from harness.leaks.search import MASTER, REGULAR, found_in

from carto_login_widget import client

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

WAYS_OUT = {
    # Objects
    "repr, str, format, pprint": objects.printed,
    "what a notebook displays of a value": objects.displayed,
    "vars, __dict__, slots": objects.looked_into,
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
}


@pytest.fixture
def scene(home, tmp_path, capfd, caplog, request) -> Iterator[Scene]:
    client.forget_proved()

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


def _assert_sent_rightly(scene: Scene) -> None:
    for record in scene.carto.requests:
        assert record.key_in in (None, "header") or "/do/token" in record.path
