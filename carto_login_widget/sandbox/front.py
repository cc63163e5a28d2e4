"""The door: looks at a connection's first byte, as nginx does in front of CARTO.

Tornado alone would wait for ever for the end of a line in a TLS greeting, and reset
a connection that speaks http to a TLS port.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Any

from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop
from tornado.iostream import StreamClosedError

if TYPE_CHECKING:
    import ssl

    from tornado.iostream import IOStream

_TLS_GREETING = b"\x16"
_WRONG_SCHEME = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\n"
    b"Content-Length: %d\r\nConnection: close\r\n\r\n%s"
)
_PAGE = b"<html><head><title>400 Bad Request</title></head><body>%s</body></html>\r\n"
_HTTP_TO_HTTPS = _PAGE % b"The plain HTTP request was sent to HTTPS port"
_NOT_HTTP = _PAGE % b"400 Bad Request"


class Front(HTTPServer):
    """A tornado server for one scheme that answers the other one with a 400."""

    context: ssl.SSLContext | None = None

    def initialize(self, *args: Any, **kwargs: Any) -> None:
        """Start without anybody at the door; tornado calls this in place of init."""
        super().initialize(*args, **kwargs)
        self._at_the_door: dict[asyncio.Task[None], IOStream] = {}

    def handle_stream(self, stream: IOStream, address: Any) -> None:
        """Let the connection in, or turn it away."""
        task = asyncio.get_running_loop().create_task(self._greet(stream, address))
        self._at_the_door[task] = stream
        task.add_done_callback(self._at_the_door.pop)

    async def close_all_connections(self) -> None:
        """Close also those that have not said anything yet."""
        waiting = dict(self._at_the_door)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        for stream in waiting.values():
            # A task that never began has closed nothing; TLS takes the socket away.
            if stream.socket is not None:
                stream.close()
        await super().close_all_connections()

    async def _greet(self, stream: IOStream, address: Any) -> None:
        is_tls = await _first_byte(stream) == _TLS_GREETING
        if is_tls != (self.context is not None):
            _turn_away(stream, _NOT_HTTP if is_tls else _HTTP_TO_HTTPS)
            return
        if self.context is not None:
            try:
                stream = await stream.start_tls(True, self.context)  # noqa: FBT003
            except (OSError, StreamClosedError):
                return
        super().handle_stream(stream, address)


async def _first_byte(stream: IOStream) -> bytes:
    """The first byte, left where it is."""
    loop = IOLoop.current()
    arrived = asyncio.Event()
    descriptor = stream.fileno()
    loop.add_handler(descriptor, lambda *_: arrived.set(), IOLoop.READ)
    try:
        await arrived.wait()
    except asyncio.CancelledError:
        stream.close()
        raise
    finally:
        loop.remove_handler(descriptor)
    with contextlib.suppress(OSError):
        return bytes(stream.socket.recv(1, socket.MSG_PEEK))
    return b""


def _turn_away(stream: IOStream, page: bytes) -> None:
    """Answer in plain text; what was sent is read first, else it would be a reset."""
    with contextlib.suppress(OSError):
        stream.socket.recv(65536)
        stream.socket.send(_WRONG_SCHEME % (len(page), page))
    stream.close()
