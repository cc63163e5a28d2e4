"""What every route of CARTO's web application shares: who asks, and how it refuses.

The credentials are found as CartoDB/cartodb config/initializers/warden.rb does,
traps included: a loose pattern for the header, cut at the first odd character.
"""

from __future__ import annotations

import base64
import re
import uuid
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, unquote, urlencode

from .install import full_host, host_name, is_https, split_path, web_host
from .messages import Answer, Request, empty_answer, html_answer, json_answer

if TYPE_CHECKING:
    from .accounts import Key, SandboxAccount
    from .install import Install

_BASIC = re.compile(r"basic\s(\w+)", re.IGNORECASE | re.ASCII)
_CALLBACK = re.compile(r"[$a-z_][0-9a-z_$]*", re.IGNORECASE)
_NOT_FOUND_PAGE = (
    "<!DOCTYPE html>\n<html><head><title>CARTO | 404</title></head>\n"
    "<body><h1>We can't find the page you're looking for</h1></body></html>\n"
)
FORBIDDEN = "You don't have permission to access that resource"


@dataclass(frozen=True)
class BasicPair:
    """User and token out of an `Authorization` header; either may be missing."""

    user: str | None
    token: str | None


def basic_pair(header: str) -> BasicPair | None:
    """Read a Basic header the loose way; None where the pattern does not match."""
    found = _BASIC.search(header)
    if not found:
        return None
    digits = found[1].replace("_", "")
    digits = digits[: len(digits) - (len(digits) % 4 == 1)]
    raw = base64.b64decode(digits + "=" * (-len(digits) % 4))
    parts = [*raw.decode("utf-8", "replace").split(":"), "", ""]
    return BasicPair(parts[0] or None, parts[1] or None)


@dataclass(frozen=True)
class Call:
    """One request to the web application, with its user already found."""

    install: Install
    request: Request

    @cached_property
    def user(self) -> str:
        """The user name the request is for; may be nobody's."""
        return unquote(self.install.user_of(self.request))

    @cached_property
    def path_user(self) -> str:
        """The user name in the path, or an empty text."""
        return unquote(split_path(self.request.path)[0])

    @cached_property
    def account(self) -> SandboxAccount | None:
        """The account of that name, or None."""
        return self.install.accounts.get(self.user)

    @cached_property
    def key(self) -> Key | None:
        """The key the request proves to have, or None."""
        if self.account is None:
            return None
        pair = basic_pair(self.request.header("authorization"))
        if pair is None:
            return self.account.find(self.api_key_parameter)
        return self.account.find(pair.token) if pair.user == self.user else None

    @property
    def api_key_parameter(self) -> str:
        """The parameter `api_key`, or an empty text."""
        return str(self.request.params.get("api_key") or "")

    @cached_property
    def session(self) -> bool:
        """Whether a cookie or a trusted proxy says that the user is logged in."""
        if self.account is None:
            return False
        if self.request.cookies.get("_cartodb_session") == self.user:
            return True
        trusted = self.install.sso_header
        said = self.request.header(trusted) if trusted else ""
        return said in (self.account.username, self.account.email)

    @property
    def host(self) -> str:
        """The host Rails believes in, without port."""
        return web_host(self.request)

    @property
    def subdomains(self) -> bool:
        """Whether the user is found in the host."""
        return self.install.has_subdomains(self.host)

    @property
    def scheme(self) -> str:
        """The scheme the user's browser would show."""
        return "https" if is_https(self.request) else "http"

    def origin(self, subdomain: str, *, explicit_port: bool = False) -> str:
        """The origin of a user's or organisation's pages on this installation."""
        host = self.host
        if self.subdomains:
            host = subdomain + self.install.session_domain
        port = full_host(self.request).removeprefix(host_name(full_host(self.request)))
        if explicit_port and not port:
            port = ":443" if self.scheme == "https" else ":80"
        return f"{self.scheme}://{host}{port}"

    def jsonp(self, status: int, content: object) -> Answer:
        """Answer with JSON, or as a script where `callback` asks for it."""
        callback = self.request.params.get("callback")
        if callback is None:
            return json_answer(status, content)
        if not _CALLBACK.fullmatch(str(callback)):
            wrong = {"errors": {"callback": "Invalid callback format"}}
            return json_answer(400, wrong)
        inner = json_answer(status, content).body.decode()
        script = f"/**/{callback}({inner})".encode()
        kind = "text/javascript; charset=utf-8"
        return Answer(status, script, (("Content-Type", kind),))


def failure(status: int, text: str) -> Answer:
    """A refusal with a sentence in it."""
    return json_answer(status, {"errors": text, "errors_cause": None})


def unauthenticated(call: Call) -> Answer:
    """The answer to a wrong key: nothing in it, and a cookie nobody asked for."""
    if call.install.ssl_required and not is_https(call.request):
        return moved(f"https://{call.host}/unauthenticated")
    cookie = f"_cartodb_session={uuid.uuid4().hex}; path=/; HttpOnly"
    return empty_answer(401).with_headers(("Set-Cookie", cookie), _revision())


def to_https(call: Call) -> Answer | None:
    """The redirect of an installation that wants https; the key stays in the URL."""
    if not call.install.ssl_required or is_https(call.request):
        return None
    query = call.request.query_string
    return moved(f"https://{call.host}{call.request.path}{'?' if query else ''}{query}")


def moved(location: str) -> Answer:
    """A permanent redirect."""
    page = (
        f'<html><body>You are being <a href="{location}">redirected</a>.</body></html>'
    )
    return html_answer(301, page, ("Location", location))


def no_such_page(request: Request) -> Answer:
    """The answer to an unknown path."""
    if request.header("accept").startswith("application/json"):
        return json_answer(404, {"status": "404", "error": "Not Found"})
    return html_answer(404, _NOT_FOUND_PAGE)


def dressed(answer: Answer, seconds: float) -> Answer:
    """Add the headers that the web application always sends."""
    revision = (_revision(),) if answer.status == 200 else ()  # noqa: PLR2004
    return answer.with_headers(
        ("X-Frame-Options", "DENY"),
        ("X-XSS-Protection", "1; mode=block"),
        ("X-Content-Type-Options", "nosniff"),
        ("X-Request-Id", str(uuid.uuid4())),
        ("X-Runtime", f"{seconds:.6f}"),
        *revision,
    )


def escaped(text: str) -> str:
    """Ruby's `CGI::escape`: a blank becomes a plus, also in a path."""
    return quote_plus(text, safe="*")


def to_query(params: dict[str, Any]) -> str:
    """Ruby's `to_query`: sorted by name."""
    return urlencode(sorted(params.items()))


def _revision() -> tuple[str, str]:
    return ("X-CartoDB-Rev", "0af73ea")
