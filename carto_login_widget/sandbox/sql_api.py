"""The SQL API, `/api/v2/sql`: its own way to find the user, the key and an error.

Mirrors CartoDB/CartoDB-SQL-API lib/api: user, rate limit, key, parameters, query.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import time
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from .accounts import DEFAULT_PUBLIC
from .database import QueryError
from .messages import JSON_TYPE, Answer, html_answer, json_answer

if TYPE_CHECKING:
    from .accounts import Key, SandboxAccount
    from .install import Install
    from .messages import Request

_BASIC = re.compile(r" *basic +([A-Za-z0-9._~+/-]+=*) *", re.IGNORECASE)
_UNKNOWN_USER = (
    "Sorry, we can't find CARTO user '{}'. Please check that you have entered "
    "the correct domain."
)
_OVER_LIMITS = {
    "error": ["You are over platform's limits. Please contact us to know more details"],
    "context": "limit",
    "detail": "rate-limit",
}


class RefusedError(Exception):
    """The request goes no further; carries the answer."""

    def __init__(self, status: int, *texts: str, **more: str) -> None:
        super().__init__(*texts)
        self.status = status
        self.content: dict[str, Any] = {"error": list(texts), **more}


@dataclass(frozen=True)
class DataCall:
    """One request to the SQL or Maps API."""

    install: Install
    request: Request

    @cached_property
    def user(self) -> str:
        """The user in the path, else the one in the `Host` header."""
        found = re.match(r"/user/([^/]+)/", self.request.path)
        if found:
            return unquote(found[1])
        host = re.sub(r":\d+$", "", self.request.header("host"))
        return self.install.subdomain(host)

    @cached_property
    def account(self) -> SandboxAccount | None:
        """The account of that name, or None."""
        return self.install.accounts.get(self.user)

    @cached_property
    def basic(self) -> tuple[str, str] | None:
        """User and key of a well-formed Basic header."""
        found = _BASIC.fullmatch(self.request.header("authorization"))
        if not found:
            return None
        try:
            text = base64.b64decode(found[1] + "==").decode("utf-8", "replace")
        except binascii.Error:
            return None
        user, colon, token = text.partition(":")
        return (user, token) if colon else None

    @cached_property
    def token(self) -> str:
        """The key that counts; an empty one means default_public.

        Query and body are laid over what was found first, so a second `api_key`
        replaces the one of the header.
        """
        query, body = self.request.query, self.request.body_params
        first = self.basic[1] if self.basic else None
        for source in (query, body):
            for name in ("api_key", "map_key"):
                if first is None and source.get(name):
                    first = str(source[name])
        laid_over = body.get("api_key", query.get("api_key", first))
        return str(laid_over or "") or DEFAULT_PUBLIC

    def known(self) -> SandboxAccount:
        """The account.

        Raises:
            RefusedError: There is none of that name.
        """
        if self.account is None:
            raise RefusedError(404, _UNKNOWN_USER.format(self.user))
        return self.account

    def authorized(
        self, api: str, denied: str, forbidden: str, *, master: bool = False
    ) -> Key:
        """The key, if it opens that API.

        Raises:
            RefusedError: Another user's header, a wrong key, or no grant.
        """
        account = self.account
        if account is None or (self.basic and self.basic[0] != self.user):
            raise RefusedError(403, denied)
        key = self._enabled_key(account)
        if key is None and self.install.old_sql:
            key = account.default_public
        if key is None:
            raise RefusedError(401, "Unauthorized")
        if api not in key.apis:
            raise RefusedError(403, forbidden)
        if master and key.type != "master":
            raise RefusedError(403, denied)
        return key

    def _enabled_key(self, account: SandboxAccount) -> Key | None:
        """The key as the key cache has it: nothing of a locked account is in there."""
        named = self.request.params.get("user")
        owner = self.install.accounts.get(str(named)) if named else account
        if owner is None or owner.locked:
            return None
        key = owner.find(self.token)
        if key and key.type in ("regular", "oauth") and not owner.engine:
            return None
        return key


def sql(install: Install, request: Request) -> Answer:
    """Answer a query; `callback` turns every error into a 200."""
    call = DataCall(install, request)
    headers: list[tuple[str, str]] = []
    try:
        answer = json_answer(200, _run(call, headers))
    except RefusedError as refused:
        answer = json_answer(refused.status, refused.content)
        headers.append(("Content-Disposition", "inline"))
    answer = _as_script(answer, request).with_headers(
        ("Access-Control-Allow-Origin", "*"),
        ("X-Served-By-Host", "sandbox"),
        *headers,
    )
    return _signed(answer, call)


def batch(install: Install, request: Request) -> Answer:
    """Accept a batch job of the master key; nothing is run."""
    call = DataCall(install, request)
    try:
        call.known()
        call.authorized("sql", "permission denied", "forbidden", master=True)
    except RefusedError as refused:
        return _signed(json_answer(refused.status, refused.content), call)
    job = {
        "job_id": "4e6d5ba2-0c3f-4d8e-9b7e-0f0c6d1a2b3c",
        "user": call.user,
        "query": request.params.get("query"),
        "status": "pending",
    }
    return _signed(json_answer(201, job), call)


def not_routed(request: Request) -> Answer:
    """What Express answers where it has no route, `/u/jane/api/v2/sql` included."""
    what = escape(f"Cannot {request.method} {request.path}")
    page = (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>Error</title>\n</head>\n<body>\n<pre>{what}</pre>\n</body>\n</html>\n"
    )
    return html_answer(404, page, ("X-Content-Type-Options", "nosniff"))


def _run(call: DataCall, headers: list[tuple[str, str]]) -> dict[str, Any]:
    started = time.perf_counter()
    if not call.user:
        host = call.request.header("host")
        raise RefusedError(400, f"No username found in hostname '{host}'")
    account = call.known()
    _count(call, headers)
    key = call.authorized("sql", "permission denied", "forbidden")
    headers.append(("Vary", "Authorization"))
    statement = str(call.request.params.get("q") or "").strip()
    if not statement:
        raise RefusedError(400, "You must indicate a sql query")
    try:
        found = call.install.database(account).run(key, statement)
    except QueryError as error:
        raise RefusedError(error.status, str(error), **error.more) from None
    return {
        "rows": found.rows,
        "time": round(time.perf_counter() - started, 3),
        "fields": found.fields,
        "total_rows": found.total,
    }


def _count(call: DataCall, headers: list[tuple[str, str]]) -> None:
    """Count the request, before anybody has looked at its key."""
    rule = call.install.rate_limit
    if rule is None:
        return
    reading = call.install.limiter.take(call.user, rule, call.install.clock())
    headers.extend(reading.headers)
    if reading.limited:
        refused = RefusedError(429)
        refused.content = _OVER_LIMITS
        raise refused


def _as_script(answer: Answer, request: Request) -> Answer:
    callback = request.params.get("callback")
    if not callback:
        return answer
    name = re.sub(r"[^\[\]\w$.]", "", str(callback))
    text = json.dumps(json.loads(answer.body))
    script = f"/**/ typeof {name} === 'function' && {name}({text});"
    kind = JSON_TYPE.replace("application/json", "text/javascript")
    return Answer(200, script.encode(), (("Content-Type", kind),))


def _signed(answer: Answer, call: DataCall) -> Answer:
    """Say for whom the answer is; the id only of a user who exists."""
    if call.user:
        answer = answer.with_headers(("Carto-User", quote(call.user)))
    if call.account:
        answer = answer.with_headers(("Carto-User-Id", call.account.id))
    return answer
