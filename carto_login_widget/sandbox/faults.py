"""Everything that can go wrong between a client and CARTO, as values.

A `Fault` says what happens to an answer; `Faults` says to which requests.
"""

from __future__ import annotations

import email.utils
import gzip
import math
import re
import threading
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, Self

from .messages import JSON_TYPE, Answer, Request, html_answer, json_answer
from .routes import api_path

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

Delivery = Literal["whole", "reset", "truncated", "drip_headers", "drip_body", "raw"]

_PORTAL = "<!DOCTYPE html><html><body><h1>Welcome to our network</h1></body></html>"
_BROKEN = "<html><body><h1>{status}</h1><p>Something went wrong.</p></body></html>"


@dataclass(frozen=True)
class Fault:
    """One thing that goes wrong; made by the class methods, put in by `fail`.

    Attributes:
        name: What it is called in a record or `repr`.
        wait: Seconds before anything is answered; infinite for a hang.
        instead: The answer given in CARTO's place, or None.
        change: What is done to CARTO's own answer.
        delivery: How the bytes travel.
        interval: Seconds between two dripped bytes.
        raw_bytes: What is sent where no HTTP is spoken.
    """

    name: str
    wait: float = 0.0
    instead: Answer | None = field(default=None, repr=False)
    change: Callable[[Answer], Answer] | None = field(default=None, repr=False)
    delivery: Delivery = "whole"
    interval: float = 0.05
    raw_bytes: bytes = field(default=b"", repr=False)

    def after(self, seconds: float) -> Fault:
        """The same fault, after a wait."""
        return replace(self, wait=seconds)

    def applied(self, genuine: Callable[[], Answer]) -> Answer:
        """The answer to give, where `genuine()` makes CARTO's own."""
        given = self.instead or genuine()
        return self.change(given) if self.change else given

    @classmethod
    def latency(cls, seconds: float) -> Fault:
        """CARTO's own answer, later."""
        return cls("latency", wait=seconds)

    @classmethod
    def hang(cls) -> Fault:
        """No answer until the fault is healed or the sandbox stops."""
        return cls("hang", wait=math.inf)

    @classmethod
    def reset(cls) -> Fault:
        """The connection is reset instead of an answer."""
        return cls("reset", delivery="reset")

    @classmethod
    def raw(cls, content: bytes = b"") -> Fault:
        """These bytes instead of HTTP, then the end; none is a plain hang-up."""
        return cls("raw", delivery="raw", raw_bytes=content)

    @classmethod
    def truncated(cls) -> Fault:
        """The connection closes half-way through the body."""
        return cls("truncated", delivery="truncated")

    @classmethod
    def drip_headers(cls, interval: float = 0.05) -> Fault:
        """The status line and headers come byte by byte."""
        return cls("drip_headers", delivery="drip_headers", interval=interval)

    @classmethod
    def drip_body(cls, interval: float = 0.05) -> Fault:
        """The headers come at once, the body byte by byte."""
        return cls("drip_body", delivery="drip_body", interval=interval)

    @classmethod
    def html(cls, status: int = 200, body: str = _PORTAL) -> Fault:
        """A web page, as a captive portal or a log-in page gives."""
        return cls("html", instead=html_answer(status, body))

    @classmethod
    def json(cls, status: int, content: object) -> Fault:
        """Any JSON with any status."""
        return cls("json", instead=json_answer(status, content))

    @classmethod
    def answer(cls, status: int, body: bytes = b"", *headers: tuple[str, str]) -> Fault:
        """Any answer at all."""
        return cls("answer", instead=Answer(status, body, headers))

    @classmethod
    def status(cls, status: int) -> Fault:
        """An error page of a gateway, such as 502."""
        page = html_answer(status, _BROKEN.format(status=status))
        return cls("status", instead=page)

    server_error = status

    @classmethod
    def redirect(cls, location: str, status: int = 302) -> Fault:
        """A redirect to wherever."""
        page = html_answer(status, _PORTAL, ("Location", location))
        return cls("redirect", instead=page)

    @classmethod
    def rate_limited(cls, retry_after: int | datetime | str | None = 1) -> Fault:
        """429, with `Retry-After` as seconds, as a date, or not at all."""
        answer = json_answer(429, {"errors": "Too many requests"})
        if retry_after is not None:
            answer = answer.with_headers(("Retry-After", _http_value(retry_after)))
        return cls("rate_limited", instead=answer)

    @classmethod
    def proxy_login(cls, realm: str = "company proxy") -> Fault:
        """401 with `WWW-Authenticate`: a server in front asks for a password."""
        challenge = ("WWW-Authenticate", f'Basic realm="{realm}"')
        return cls("proxy_login", instead=html_answer(401, _PORTAL, challenge))

    @classmethod
    def proxy_required(cls) -> Fault:
        """407, as a proxy gives that wants to know who asks."""
        challenge = ("Proxy-Authenticate", 'Basic realm="proxy"')
        return cls("proxy_required", instead=html_answer(407, _PORTAL, challenge))

    @classmethod
    def gzip(cls) -> Fault:
        """CARTO's own answer, compressed as it should be."""
        return cls("gzip", change=_gzipped)

    @classmethod
    def bad_gzip(cls) -> Fault:
        """A body that says it is gzip and is not."""
        return cls("bad_gzip", change=_falsely_gzipped)

    @classmethod
    def bad_json(cls) -> Fault:
        """CARTO's body, cut in the middle but with a fitting length."""
        return cls(
            "bad_json", change=lambda a: replace(a, body=a.body[: len(a.body) // 2])
        )

    @classmethod
    def big_body(cls, size: int = 2_000_000, *, compressed: bool = False) -> Fault:
        """Well-formed JSON that is far too long, in bytes; or small until unpacked."""
        filling = b'{"total":1,"result":["' + b"x" * size + b'"]}'
        big = Answer(200, filling, (("Content-Type", JSON_TYPE),))
        return cls("big_body", instead=_gzipped(big) if compressed else big)

    @classmethod
    def wrong_token(cls, token: str = "somebody_elses_token01") -> Fault:  # noqa: S107 - invented
        """CARTO's answer, but every token in it is another one."""
        swap = re.compile(rb'("token":)"[^"]*"')
        other = rb'\1"' + token.encode() + b'"'
        return cls(
            "wrong_token", change=lambda a: replace(a, body=swap.sub(other, a.body))
        )

    @classmethod
    def wrong_user(cls, username: str = "somebody-else") -> Fault:
        """CARTO's answer, but every user name in it is another one."""
        swap = re.compile(rb'("username":)"[^"]*"')
        other = rb'\1"' + username.encode() + b'"'
        return cls(
            "wrong_user", change=lambda a: replace(a, body=swap.sub(other, a.body))
        )


class Failure:
    """A fault that was put in; call `heal()` or use it in a `with` to take it out.

    Attributes:
        fault: What goes wrong.
        hits: How many requests it has met.
    """

    def __init__(self, faults: Faults, fault: Fault, path: str, method: str) -> None:
        self._faults = faults
        self._path = path
        self._method = method
        self.fault = fault
        self.left: float = math.inf
        self.hits = 0
        self.healed = threading.Event()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.heal()

    def __repr__(self) -> str:
        where = self._path or "everywhere"
        return f"<Failure {self.fault.name} {where} hits={self.hits}>"

    def heal(self) -> None:
        """Take the fault out; what hangs on it goes on."""
        self._faults.remove(self)

    def meets(self, request: Request) -> bool:
        """Whether this request is one of those that fail."""
        if self.left <= 0 or self._method not in ("", request.method):
            return False
        paths = (request.path, api_path(request.path))
        return any(path.startswith(self._path) for path in paths)


class Faults:
    """The faults that are in, in the order in which they were put in."""

    def __init__(self) -> None:
        self._in: list[Failure] = []
        self._lock = threading.Lock()

    def add(
        self, fault: Fault, path: str = "", times: int | None = None, method: str = ""
    ) -> Failure:
        """Put a fault in; see `Sandbox.fail`."""
        failure = Failure(self, fault, path, method.upper())
        failure.left = math.inf if times is None else times
        with self._lock:
            self._in.append(failure)
        return failure

    def remove(self, failure: Failure) -> None:
        """Take one out."""
        with self._lock:
            self._in = [kept for kept in self._in if kept is not failure]
        failure.healed.set()

    def active(self) -> list[Failure]:
        """Those that are in and not used up."""
        return [failure for failure in self._in if failure.left > 0]

    def clear(self) -> None:
        """Take all out."""
        for failure in list(self._in):
            self.remove(failure)

    def take(self, request: Request) -> Failure | None:
        """The first failure that meets this request, counted."""
        with self._lock:
            met = next((f for f in self._in if f.meets(request)), None)
            if met:
                met.left -= 1
                met.hits += 1
        return met


def _http_value(moment: int | datetime | str) -> str:
    if isinstance(moment, (int, str)):
        return str(moment)
    return email.utils.format_datetime(moment, usegmt=True)


def _gzipped(answer: Answer) -> Answer:
    packed = gzip.compress(answer.body)
    return replace(answer, body=packed).with_headers(("Content-Encoding", "gzip"))


def _falsely_gzipped(answer: Answer) -> Answer:
    broken = b"\x1f\x8b\x08\x00" + b"this is not gzip" * 4
    return replace(answer, body=broken).with_headers(("Content-Encoding", "gzip"))
