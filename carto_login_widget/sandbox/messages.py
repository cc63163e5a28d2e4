"""What comes in and what goes out, as plain values without a web framework."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON_TYPE = "application/json; charset=utf-8"
HTML_TYPE = "text/html; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """One request as it arrived.

    Attributes:
        method: Upper-case verb.
        path: Path without the query, still percent-encoded.
        query_string: What followed the question mark.
        headers: Header values by lower-case name.
        body: The body's bytes.
        form: Fields of a form body, as the web server parsed them.
        scheme: "http" or "https", of the connection itself.
    """

    method: str
    path: str
    query_string: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    scheme: str = "http"

    @cached_property
    def query(self) -> dict[str, str]:
        """Query parameters; of a repeated one the last."""
        return dict(parse_qsl(self.query_string, keep_blank_values=True))

    @cached_property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object; empty when it is not one."""
        if "json" not in self.header("content-type"):
            return {}
        try:
            parsed = json.loads(self.body)
        except ValueError:
            return {}
        return parsed if isinstance(parsed, dict) else {}

    @cached_property
    def body_params(self) -> dict[str, Any]:
        """Parameters in the body: JSON, form or multipart."""
        return {**self.form, **self.json}

    @property
    def params(self) -> dict[str, Any]:
        """All parameters; the body wins over the query."""
        return {**self.query, **self.body_params}

    def header(self, name: str) -> str:
        """A header's value, or an empty text."""
        return self.headers.get(name.lower(), "")

    @property
    def cookies(self) -> dict[str, str]:
        """Cookies by name."""
        pairs = (part.partition("=") for part in self.header("cookie").split(";"))
        return {name.strip(): value.strip() for name, _, value in pairs if name.strip()}


@dataclass(frozen=True)
class Answer:
    """One answer: status, headers in order, and the body's bytes."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()

    def with_headers(self, *more: tuple[str, str]) -> Answer:
        """The same answer with more headers."""
        return replace(self, headers=(*self.headers, *more))

    def get(self, name: str) -> str:
        """A header's value, or an empty text."""
        return next((v for n, v in self.headers if n.lower() == name.lower()), "")


def json_answer(status: int, content: object, kind: str = JSON_TYPE) -> Answer:
    """An answer with a JSON body."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)
    return Answer(status, text.encode(), (("Content-Type", kind),))


def empty_answer(status: int) -> Answer:
    """An answer with headers only, as CARTO gives for most refusals."""
    return Answer(status, b"", (("Content-Type", "application/json"),))


def html_answer(status: int, text: str, *headers: tuple[str, str]) -> Answer:
    """A web page."""
    return Answer(status, text.encode(), (("Content-Type", HTML_TYPE), *headers))
