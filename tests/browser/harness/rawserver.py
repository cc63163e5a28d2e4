"""A TCP server that says whatever a test wants, and keeps all that it hears."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable


def http(status: int, body: bytes = b"", *headers: str, reason: str = "Any") -> bytes:
    """An HTTP answer; a header is given as a line."""
    lines = [f"HTTP/1.1 {status} {reason}", *headers, f"Content-Length: {len(body)}"]
    return "\r\n".join([*lines, "Connection: close", "", ""]).encode() + body


class Talk:
    """One connection of a `RawServer`."""

    def __init__(self, server: RawServer, connection: socket.socket) -> None:
        self.server = server
        self.connection = connection

    def hear(self) -> bytes:
        """Wait for a request with its body, or for whatever comes first."""
        heard = b""
        while b"\r\n\r\n" not in heard:
            part = self.connection.recv(65_536)
            self.server.keep(part)
            heard += part
            if not part or not heard[:1].isalpha():
                break
        return heard

    def say(self, text: bytes) -> None:
        """Send all of it."""
        self.connection.sendall(text)

    def drip(self, text: bytes, interval: float = 0.02) -> None:
        """Send it byte by byte, for as long as somebody listens."""
        for at in range(len(text)):
            self.say(text[at : at + 1])
            time.sleep(interval)

    def reset(self) -> None:
        """Break the connection off."""
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)


class RawServer:
    """Listens on loopback; every connection is handled by `script` in a thread.

    Args:
        script: an answer to every request, or what does all the talking.
        tls: what makes it speak TLS.
    """

    def __init__(
        self, script: bytes | Callable[[Talk], None], tls: ssl.SSLContext | None = None
    ) -> None:
        self._script = script
        self._tls = tls
        self._heard: list[bytes] = []
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.ended = threading.Event()

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in list(self._threads):
            thread.join(5)
        self._listener.close()

    @property
    def url(self) -> str:
        """Its origin."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def heard(self) -> bytes:
        """All bytes that have come in, decrypted."""
        return b"".join(self._heard)

    @property
    def requests(self) -> int:
        """How many HTTP requests have come in."""
        return self.heard.count(b" HTTP/1.1\r\n")

    @property
    def busy(self) -> bool:
        """Whether somebody is still connected."""
        return bool(self._open)

    def keep(self, part: bytes) -> None:
        """Write down what came in."""
        self._heard.append(part)

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.add(connection)
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        plain = connection
        try:
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.add(connection)
            self._talk(Talk(self, connection))
        except OSError:
            pass  # the other side left, or did not like our certificate
        finally:
            self._open -= {plain, connection}
            connection.close()
            plain.close()

    def _talk(self, talk: Talk) -> None:
        if callable(self._script):
            self._script(talk)
        else:
            talk.hear()
            talk.say(self._script)
