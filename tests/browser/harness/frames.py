"""All that a page and its kernel say to each other, kept for a look afterwards."""

from __future__ import annotations

import base64
import urllib.parse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page, WebSocket


class Frames:
    """The WebSocket frames of the pages that it watches, in order, both ways."""

    def __init__(self) -> None:
        self.from_kernel: list[bytes] = []
        self.to_kernel: list[bytes] = []

    def watch(self, page: Page) -> None:
        """Keep the frames of `page` too."""
        page.on("websocket", self._opened)

    def _opened(self, socket: WebSocket) -> None:
        socket.on("framereceived", lambda data: self.from_kernel.append(_bytes(data)))
        socket.on("framesent", lambda data: self.to_kernel.append(_bytes(data)))

    def clear(self) -> None:
        """Forget what was said so far."""
        self.from_kernel.clear()
        self.to_kernel.clear()


def _bytes(data: str | bytes) -> bytes:
    return data.encode() if isinstance(data, str) else data


def disguises(secret: str) -> set[bytes]:
    """Return the ways in which `secret` may stand in a longer text.

    In clear, percent-encoded, and in base64 at each of the three offsets, less the
    characters that depend on what stands beside it.
    """
    found = {secret.encode(), urllib.parse.quote(secret, safe="").encode()}
    for offset, cut in enumerate((0, 2, 3)):
        coded = base64.b64encode(b"\0" * offset + secret.encode())
        whole = coded[cut : len(coded) - 4 if coded.endswith(b"=") else None]
        found |= {whole, whole.translate(bytes.maketrans(b"+/", b"-_"))}
    return found


def holding(haystacks: list[bytes], secret: str) -> list[bytes]:
    """Return those of `haystacks` that hold `secret` in any disguise."""
    needles = disguises(secret)
    return [hay for hay in haystacks if any(needle in hay for needle in needles)]
