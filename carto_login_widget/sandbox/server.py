"""The web server: tornado's HTTP on a thread and event loop of its own."""

from __future__ import annotations

import asyncio
import http
import logging
import socket
import struct
import threading
from email.utils import formatdate
from typing import TYPE_CHECKING, cast

from tornado.httputil import HTTPHeaders, ResponseStartLine
from tornado.iostream import StreamClosedError

from . import routes
from .faults import Fault
from .front import Front
from .messages import Answer, Request, html_answer
from .records import Record
from .sql_api import DataCall

if TYPE_CHECKING:
    import ssl

    from tornado.http1connection import HTTP1Connection
    from tornado.httputil import HTTPServerRequest
    from tornado.iostream import IOStream

    from .faults import Failure, Faults
    from .install import Install

_log = logging.getLogger(__name__)
_DEFECT = "<html><body><h1>500</h1><p>A defect of the sandbox.</p></body></html>"
_NO_FAULT = Fault("none")
_POLL = 0.02  # seconds between two looks at a hang that may have been healed
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends RST, not FIN


class Server:
    """One listening socket and the thread that serves it.

    Args:
        install: The accounts and switches.
        faults: What goes wrong.
        records: The list every request is written to.
        port: Port on 127.0.0.1; 0 takes a free one.
        context: TLS context, or None for plain http.
    """

    def __init__(
        self,
        install: Install,
        faults: Faults,
        records: list[Record],
        port: int,
        context: ssl.SSLContext | None,
    ) -> None:
        self._install = install
        self._faults = faults
        self._records = records
        self._scheme = "https" if context else "http"
        self._context = context
        self._tasks: set[asyncio.Task[None]] = set()
        self._socket = socket.create_server(("127.0.0.1", port), backlog=128)
        self._socket.settimeout(0)
        self.port: int = self._socket.getsockname()[1]
        self._ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._main()), name="carto-sandbox", daemon=True
        )

    def start(self) -> None:
        """Serve until `stop()`."""
        self._thread.start()
        self._ready.wait()

    def stop(self) -> None:
        """Cut every connection and end the thread."""
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        server = Front(self._accept)
        server.context = self._context
        server.add_socket(self._socket)
        self._ready.set()
        await self._stopping.wait()
        server.stop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await server.close_all_connections()
        self._install.close()

    def _accept(self, raw: HTTPServerRequest) -> None:
        task = self._loop.create_task(self._serve(raw))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

        def hang_up() -> None:
            task.cancel()

        _connection(raw).set_close_callback(hang_up)

    async def _serve(self, raw: HTTPServerRequest) -> None:
        request = _plain(raw, self._scheme)
        record = Record.of(request, self._user(request))
        self._records.append(record)
        failure = self._faults.take(request)
        record.fault = failure.fault.name if failure else None
        try:
            await self._answer(raw, request, record, failure)
        except (StreamClosedError, asyncio.CancelledError):
            record.hung_up = True
        except Exception:  # noqa: BLE001 - a defect must not leave a client waiting
            _log.exception("The sandbox could not answer %s", record)
            record.status = 500
            await _deliver(raw, html_answer(500, _DEFECT), _NO_FAULT)

    async def _answer(
        self,
        raw: HTTPServerRequest,
        request: Request,
        record: Record,
        failure: Failure | None,
    ) -> None:
        fault = failure.fault if failure else _NO_FAULT
        if failure:
            await _wait(failure)
        given = fault.applied(lambda: routes.answer(self._install, request))
        if fault.delivery != "reset":
            record.status = given.status
        await _deliver(raw, given, fault)

    def _user(self, request: Request) -> str:
        found = self._install.user_of(request)
        return found or DataCall(self._install, request).user


def _plain(raw: HTTPServerRequest, scheme: str) -> Request:
    """The request without tornado in it."""
    form = {
        name: values[-1].decode("utf-8", "replace")
        for name, values in raw.body_arguments.items()
    }
    headers = {name.lower(): value for name, value in raw.headers.get_all()}
    return Request(
        raw.method or "GET", raw.path, raw.query, headers, raw.body, form, scheme
    )


def _connection(raw: HTTPServerRequest) -> HTTP1Connection:
    """Tornado's one kind of connection, which its annotations do not name."""
    return cast("HTTP1Connection", raw.connection)


async def _wait(failure: Failure) -> None:
    """Let the fault's time pass, or until it is healed."""
    loop = asyncio.get_running_loop()
    end = loop.time() + failure.fault.wait
    # The fault is healed from another thread, so there is no event to await here.
    while loop.time() < end and not failure.healed.is_set():  # noqa: ASYNC110
        await asyncio.sleep(min(_POLL, end - loop.time()))


async def _deliver(raw: HTTPServerRequest, answer: Answer, fault: Fault) -> None:
    length = str(len(answer.body))
    answer = answer.with_headers(
        ("Date", formatdate(usegmt=True)), ("Content-Length", length)
    )
    if fault.delivery == "whole":
        await _deliver_whole(raw, answer)
    else:
        await _deliver_badly(raw, answer, fault)


async def _deliver_whole(raw: HTTPServerRequest, answer: Answer) -> None:
    headers = HTTPHeaders()
    for name, value in answer.headers:
        headers.add(name, value)
    line = ResponseStartLine("HTTP/1.1", answer.status, _reason(answer.status))
    body = b"" if raw.method == "HEAD" else answer.body
    connection = _connection(raw)
    await connection.write_headers(line, headers, body)
    connection.finish()


async def _deliver_badly(raw: HTTPServerRequest, answer: Answer, fault: Fault) -> None:
    """Take the connection out of tornado's hands and mistreat it."""
    stream = _connection(raw).detach()
    try:
        if fault.delivery == "raw":
            await stream.write(fault.raw_bytes)
            return
        if fault.delivery == "reset":
            stream.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            return
        head = _head(answer)
        if fault.delivery == "drip_headers":
            await _drip(stream, head, fault.interval)
            await stream.write(answer.body)
            return
        await stream.write(head)
        if fault.delivery == "truncated":
            await stream.write(answer.body[: len(answer.body) // 2])
        else:
            await _drip(stream, answer.body, fault.interval)
    finally:
        stream.close()


async def _drip(stream: IOStream, content: bytes, interval: float) -> None:
    for position in range(len(content)):
        await stream.write(content[position : position + 1])
        await asyncio.sleep(interval)


def _head(answer: Answer) -> bytes:
    lines = [f"HTTP/1.1 {answer.status} {_reason(answer.status)}"]
    lines += [f"{name}: {value}" for name, value in answer.headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _reason(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
