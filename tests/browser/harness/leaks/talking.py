"""What is said while this package talks to CARTO: logs, warnings, requests, errors."""

from __future__ import annotations

import asyncio
import builtins
import contextlib
import getpass
import logging
import os
import pprint
import socket
import warnings
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any
from unittest import mock
from urllib.parse import quote

from harness.rawserver import RawServer, http

from carto_login_widget import (
    CartoLoginError,
    Credentials,
    cli,
    login,
    prompt,
    set_default_credentials,
    unset_default_credentials,
)
from carto_login_widget.sandbox import Fault, Sandbox
from carto_login_widget.server import client
from carto_login_widget.settings import CartoLogin

from .page import Form
from .search import MASTER, frames_of, texts_in, texts_of_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .scene import Scene


# Everything that talks.


def _login(scene: Scene) -> None:
    unset_default_credentials()
    login(username="jane", api_key=MASTER, base_url=scene.carto.base_url("jane"))


def _login_as_saved(scene: Scene) -> None:
    unset_default_credentials()
    scene.store.save("saved", scene.jane())
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            login("saved")
        finally:
            print(*map(str, caught))


def _form(scene: Scene) -> None:
    """Log in as the page does; what the form tells is an error here."""
    form = Form()
    form.does("ready")
    form.types(scene.carto.base_url("jane"), MASTER)
    form.settle()
    print(form.sent, form.message)
    form.close()


def _prompt(scene: Scene) -> None:
    answers = iter([scene.carto.base_url("jane"), "jane", "n", "n"])
    with (
        mock.patch.object(builtins, "input", lambda _: next(answers, "")),
        mock.patch.object(getpass, "getpass", side_effect=[MASTER, EOFError]),
    ):
        prompt.ask()


def _command(scene: Scene) -> None:
    scene.store.save("saved", scene.jane(), default=True)
    unset_default_credentials()
    assert cli.main(["whoami", "saved"]) in (0, 1, 3)


def _refresh(scene: Scene) -> None:
    scene.jane().google_credentials().refresh(None)


TALKERS: dict[str, Callable[[Scene], Any]] = {
    "validate": lambda scene: scene.jane().validate(),
    "login": _login,
    "login as saved": _login_as_saved,
    "the form": _form,
    "the prompt": _prompt,
    "the command line": _command,
    "me_data": lambda scene: scene.jane().me_data,
    "user_id": lambda scene: scene.jane().user_id,
    "Google token": lambda scene: scene.jane().get_gcloud_credentials(),
    "Google credentials": _refresh,
    "BigQuery": lambda scene: scene.jane().bigquery_client().close(),
    "licensing": lambda scene: scene.jane().is_instant_licensing_active(),
}

# What may go wrong there, and what a server may repeat of what it was asked.

_CODED = quote(MASTER, safe="")
_PAGE = f"<html><p>api_key={_CODED}<p>{MASTER}</html>"
FAULTS: dict[str, Fault] = {
    "refused": Fault.json(401, {"errors": "nobody"}),
    "blocked": Fault.html(403, _PAGE),
    "busy": Fault.rate_limited(f"99 {MASTER}"),
    "broken": Fault.html(500, _PAGE),
    "tells the key": Fault.json(400, {"errors": [f"bad key {MASTER}"]}),
    "forbids the key": Fault.json(403, {"errors": f"bad key {_CODED}"}),
    "tells the key in headers": Fault.answer(
        401, b"", ("WWW-Authenticate", f'Basic realm="{MASTER}"'), ("X-Key", MASTER)
    ),
    "redirects with the key": Fault.redirect(f"https://x.example/?api_key={_CODED}"),
    "redirects to the key": Fault.redirect(f"https://x.example/{MASTER}/api/v3/me"),
    "lists the key as a user": Fault.json(
        200, {"total": 1, "result": [{"token": MASTER, "user": {"username": MASTER}}]}
    ),
    "bad JSON": Fault.answer(200, b'{"token": "' + MASTER.encode()),
    "cut off": Fault.truncated(),
    "no HTTP": Fault.raw(MASTER.encode() + b"\r\n"),
    "reset": Fault.reset(),
    "hangs": Fault.hang(),
}


@contextlib.contextmanager
def impatient(seconds: float) -> Iterator[None]:
    """Let a check take so long only."""
    settings = CartoLogin.instance()
    before, settings.total_timeout = settings.total_timeout, seconds
    try:
        yield
    finally:
        settings.total_timeout = before


# These tell what went wrong instead of raising it, or know nothing then.
_SAY_IT = {"the form", "the command line", "login as saved", "me_data", "user_id"}


def errors_of(name: str) -> Callable[[Scene], Iterator[str | bytes]]:
    """Make the way out that is the errors of one of `TALKERS`, whatever goes wrong."""

    def drive(scene: Scene) -> Iterator[str | bytes]:
        raised = 0
        for kind, fault in FAULTS.items():
            paths = ("/api/v3/api_keys", "/api/v4/", "/api/v3/me")
            scene.jane().validate()  # so that the address is known to be CARTO
            failures = [scene.carto.fail(fault, path) for path in paths]
            error = None
            with impatient(0.2 if kind == "hangs" else 5):
                try:
                    TALKERS[name](scene)
                except CartoLoginError as caught:
                    error = caught
            assert sum(failure.hits for failure in failures)
            scene.carto.heal()
            if error is not None:
                raised += 1
                assert frames_of(error)
                yield from texts_of_error(error)
        assert raised or name in _SAY_IT
        yield scene.output()

    return drive


def tls_and_network_errors(scene: Scene) -> Iterator[str | bytes]:
    """A certificate that is not trusted, TLS where none is spoken, no server at all."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nobody = f"https://127.0.0.1:{taken.getsockname()[1]}"
        with Sandbox(tls="expired") as expired:
            for origin in (expired.url, scene.carto.wrong_scheme_url, nobody):
                jane = Credentials("jane", MASTER, f"{origin}/user/jane")
                jane._with(proved=origin)
                error = _error_of(jane.validate)
                assert error is not None
                yield from texts_of_error(error)


def _error_of(call: Callable[[], Any]) -> CartoLoginError | None:
    try:
        call()
    except CartoLoginError as error:
        return error
    return None


# What is said on the way.


@contextlib.contextmanager
def everything_switched_on() -> Iterator[None]:
    """Log all that there is, and let http.client print its headers."""
    names = ("", "urllib3", "requests", "asyncio", "google", "carto_login_widget")
    loggers = [logging.getLogger(name) for name in names]
    before = [(logger, logger.level) for logger in loggers]
    debug, HTTPConnection.debuglevel = HTTPConnection.debuglevel, 1
    try:
        for logger in loggers:
            logger.setLevel(logging.DEBUG)
        yield
    finally:
        HTTPConnection.debuglevel = debug
        for logger, level in before:
            logger.setLevel(level)


def logs(scene: Scene) -> Iterator[str | bytes]:
    """All loggers at DEBUG, and the records as a JSON logger would write them."""
    with everything_switched_on():
        for talk in TALKERS.values():
            talk(scene)
    text = "".join(record.getMessage() for record in scene.records())
    assert "/api/v4/do/token" in text
    assert "/api/v3/api_keys" in text
    for record in scene.records():
        yield record.getMessage()
        yield pprint.pformat(vars(record))
        yield from texts_in(vars(record))


def printing(scene: Scene) -> Iterator[str]:
    """`http.client` prints requests, and so do our own prompt and command line."""
    with everything_switched_on():
        for talk in TALKERS.values():
            talk(scene)
    yield (said := scene.output())
    assert "User: jane" in said


def warned(scene: Scene) -> Iterator[str]:
    """Warnings: a source that is passed over, no verdict, a file that was open."""
    jane = scene.saved_jane()
    scene.store.save("other", Credentials("other", MASTER))
    os.environ |= {"CARTO_USERNAME": "bob", "CARTO_API_KEY": MASTER}
    path = scene.store.default_path
    path.chmod(0o644)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with scene.carto.fail(Fault.status(503)), impatient(5):
            login("jane")
        jane.save()
        path.write_text(f'{{"api_key": "{MASTER}"')
        jane.save()
        Credentials.delete(scene.scratch / "none.json")
        unset_default_credentials()
        cli.main(["forget", "--yes", "jane"])
    assert len(caught) >= 4
    for warning in caught:
        yield from (str(warning), repr(vars(warning)))
    yield scene.output()


def asyncio_debug(scene: Scene) -> Iterator[str]:
    """A cell that awaits the form, with asyncio's debugging on."""

    async def cell() -> str:
        form = Form()
        waiting = asyncio.ensure_future(form.wait(20))
        await asyncio.sleep(0)
        form.types(scene.carto.base_url("jane"), MASTER)
        signed_in = await waiting
        assert signed_in.api_key == MASTER
        return repr(waiting) + repr(asyncio.all_tasks()) + repr(form)

    with everything_switched_on():
        yield asyncio.run(cell(), debug=True)
    yield "".join(record.getMessage() for record in scene.records())


# What goes over the wire.


def addresses_asked(scene: Scene) -> Iterator[str | bytes]:
    """Paths, queries, bodies and headers, save those that carry the key."""
    jane, held = scene.jane(), 0
    for talk in TALKERS.values():
        talk(scene)
    jane.validate()
    for record in scene.carto.requests:
        headers = dict(record.headers)
        held += headers.pop("authorization", None) is not None
        yield from (record.path, repr(headers), repr(record), record.body)
        if record.route == "/api/v4/do/token":
            assert record.key == MASTER
            assert record.key_in == "query"
        else:
            yield record.query
    assert held > 5


def redirected(scene: Scene) -> Iterator[str | bytes]:
    """Whoever a redirect leads to is not asked at all."""
    with RawServer(http(200, b"{}")) as elsewhere:
        for status in (301, 302, 303, 307, 308):
            for target in (elsewhere.url, f"{scene.carto.url}/elsewhere"):
                for path in ("/api/v3/api_keys", "/api/v4"):
                    scene.carto.fail(Fault.redirect(target, status), path)
                error = _error_of(scene.jane().validate)
                assert error is not None
                yield from texts_of_error(error)
                assert _error_of(scene.jane().get_gcloud_credentials) is not None
                scene.carto.heal()
        yield elsewhere.heard
        assert not elsewhere.heard
    assert not [r for r in scene.carto.requests if r.path.startswith("/elsewhere")]


def strangers(scene: Scene) -> Iterator[str | bytes]:
    """A server that does not answer as CARTO is asked, and never sees the key."""
    for answer in (http(200, b"{}"), http(401), http(404), http(302), b"", b"hello"):
        client.proved.clear()
        with RawServer(answer) as stranger:
            jane = Credentials("jane", MASTER, f"{stranger.url}/user/jane")
            for call in (jane.validate, jane.get_gcloud_credentials):
                error = _error_of(call)
                assert error is not None
                yield from texts_of_error(error)
            assert jane.me_data == {}
            assert stranger.heard
            yield stranger.heard


def proxies(scene: Scene) -> Iterator[str | bytes]:
    """A proxy hears whom to connect to; on loopback none is asked."""
    with RawServer(http(502)) as proxy:
        os.environ |= {"HTTP_PROXY": proxy.url, "HTTPS_PROXY": proxy.url}
        assert scene.jane().validate()
        assert not proxy.heard
        error = _error_of(Credentials("jane", MASTER).validate)
        assert error is not None
        yield from texts_of_error(error)
        assert b"CONNECT jane.carto.com:443" in proxy.heard
        yield proxy.heard


def lent_session(scene: Scene) -> Iterator[str | bytes]:
    """A session that was lent keeps nothing: no header, no cookie, no `auth`."""
    session = scene.carto.session()
    jane = Credentials("jane", MASTER, session=session)
    jane.validate()
    jane.get_gcloud_credentials()
    assert scene.carto.requests[-1].key == MASTER
    held = {k: v for k, v in vars(session).items() if k != "adapters"}
    yield pprint.pformat(held)
    yield from texts_in(held)
    for adapter in session.adapters.values():
        pools = [pool for _, pool in adapter.poolmanager.pools._container.items()]
        connections = [c for pool in pools for c in pool.pool.queue if c is not None]
        yield from texts_in([vars(pool) for pool in pools])
        yield from texts_in([vars(connection) for connection in connections])
    set_default_credentials(jane)
