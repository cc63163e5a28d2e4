"""Which path leads where."""

from __future__ import annotations

import re
import time
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import unquote

from . import auth_api, maps_api, observatory, rails, sql_api, who
from .install import split_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from .install import Install
    from .messages import Answer, Request

    Handler = Callable[[rails.Call], Answer]

_DATA = re.compile(r"/api/(v\d+)/(sql/job|sql|map)(/.*)?")
_KEY = re.compile(r"/api/v3/api_keys/([^/]+)(/token/regenerate)?")


def api_path(path: str) -> str:
    """The path without `/user/jane`, a slash at the end, or `.json`."""
    return split_path(path)[1].rstrip("/").removesuffix(".json") or "/"


def answer(install: Install, request: Request) -> Answer:
    """Answer one request as CARTO would."""
    path = api_path(request.path)
    found = _DATA.fullmatch(path)
    if found:
        return _data_answer(install, request, found[2])
    started = time.perf_counter()
    handler = _handler(
        install, "GET" if request.method == "HEAD" else request.method, path
    )
    if handler is None:
        return rails.dressed(rails.no_such_page(request), 0.0)
    given = handler(rails.Call(install, request))
    return rails.dressed(given, time.perf_counter() - started)


def _data_answer(install: Install, request: Request, api: str) -> Answer:
    allowed = ("POST",) if api == "sql/job" else ("GET", "HEAD", "POST")
    if request.path.startswith("/u/") or request.method not in allowed:
        return sql_api.not_routed(request)
    handlers = {"sql": sql_api.sql, "sql/job": sql_api.batch, "map": maps_api.maps}
    return handlers[api](install, request)


def _handler(install: Install, method: str, path: str) -> Handler | None:
    has_auth_api = install.at_least("4.20")
    fixed: dict[tuple[str, str], Handler] = {("GET", "/api/v3/me"): who.me_v3}
    if has_auth_api:
        fixed["GET", "/api/v4/me"] = who.me_v4
        fixed["GET", "/api/v3/api_keys"] = auth_api.index
        fixed["POST", "/api/v3/api_keys"] = auth_api.create
    if install.at_least("4.30"):
        fixed["GET", "/api/v4/do/token"] = observatory.do_token
    key = _KEY.fullmatch(path) if has_auth_api else None
    return _key_handler(method, key) if key else fixed.get((method, path))


def _key_handler(method: str, key: re.Match[str]) -> Handler | None:
    name = unquote(key[1])
    if key[2]:
        return partial(auth_api.regenerate, name=name) if method == "POST" else None
    handlers = {"GET": auth_api.show, "DELETE": auth_api.destroy}
    return partial(handlers[method], name=name) if method in handlers else None
