"""What was asked, and where the key was: the sandbox's memory for tests."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from .rails import basic_pair
from .routes import api_path

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .messages import Request

Place = Literal["header", "query", "body"]
_URL_SAFE = str.maketrans("-_", "+/")


@dataclass
class Record:
    """One request that arrived; its `repr` shows no key.

    Attributes:
        method: Upper-case verb.
        path: The path as asked for, without the query.
        route: The path without `/user/jane`, such as "/api/v3/api_keys".
        host: The `Host` header, port included.
        user: The user the request was for, or "".
        key_in: Where the key was: "header", "query", "body" or None.
        status: What was answered; None while it is not, or was cut off.
        fault: Name of the fault that met it, or None.
        hung_up: Whether the connection ended before the answer was given.
        query: The query string.
        headers: Header values by lower-case name.
        key: The key that was sent, or None.
    """

    method: str
    path: str
    host: str
    user: str
    key_in: Place | None
    key: str | None = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    query: str = field(repr=False)
    body: bytes = field(repr=False)
    status: int | None = None
    fault: str | None = None
    hung_up: bool = False

    @classmethod
    def of(cls, request: Request, user: str) -> Record:
        """Write down a request."""
        place, key = _key_of(request)
        return cls(
            method=request.method,
            path=request.path,
            host=request.header("host"),
            user=user,
            key_in=place,
            key=key,
            headers=dict(request.headers),
            query=request.query_string,
            body=request.body,
        )

    @property
    def route(self) -> str:
        """The path without the user in front."""
        return api_path(self.path)

    def holds(self, secret: str) -> bool:
        """Whether `secret` came in anywhere, plainly or inside Base64."""
        sent = [self.path, self.query, *self.headers.values(), _text(self.body)]
        words = re.findall(r"[A-Za-z0-9+/_-]{4,}={0,2}", " ".join(sent))
        unpacked = [_text(_decoded(word)) for word in words]
        return any(secret in part for part in (*sent, *unpacked))


def _key_of(request: Request) -> tuple[Place | None, str | None]:
    """Where a key was, in the order in which CARTO looks."""
    pair = basic_pair(request.header("authorization"))
    if pair is not None:
        return "header", pair.token or ""
    places: tuple[tuple[Place, Mapping[str, object]], ...] = (
        ("query", request.query),
        ("body", request.body_params),
    )
    for place, params in places:
        for name in ("api_key", "map_key"):
            if name in params:
                return place, str(params[name])
    return None, None


def _decoded(word: str) -> bytes:
    bare = word.rstrip("=")
    bare = bare[: len(bare) - (len(bare) % 4 == 1)].translate(_URL_SAFE)
    return base64.b64decode(bare + "=" * (-len(bare) % 4))


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")
