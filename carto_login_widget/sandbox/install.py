"""The installation: its accounts and switches, and how it finds the user of a request.

CARTO's web application and its SQL API find the user in different ways; the rules
of the former are here (CartoDB/cartodb config/initializers/carto_db.rb).
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypedDict

from .database import Database
from .limits import Limiter, RateLimit
from .tokens import GoogleTokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from .accounts import SandboxAccount
    from .messages import Request

Mode = Literal["auto", "subdomain", "subdomainless"]
_PREFIX = re.compile(r"^/(user|u)/([^/]+)(/.*)$")


class Switches(TypedDict, total=False):
    """What an `Install` can be told besides its accounts and addresses."""

    ssl_required: bool
    rate_limit: RateLimit | None
    old_version: str | None
    old_do: bool
    old_sql: bool
    sso_header: str | None
    google_token_life: float
    clock: Callable[[], float]


@dataclass
class Install:
    """Accounts and switches of one CARTO.

    Attributes:
        accounts: The accounts by user name.
        mode: "subdomain" finds the user in the host, "subdomainless" in the path
            only; "auto" is the former for hosts under `session_domain` and the
            latter for all others, as two installations behind one port would be.
        session_domain: Domain of the subdomain installation, with its dot.
        ssl_required: Whether plain http is sent to https.
        rate_limit: Limit of the SQL API, or None.
        old_version: "4.19" has no Auth API, "4.20.1" lists keys by date alone.
        old_do: Answer 200 with errors where the Data Observatory is not enabled.
        old_sql: The SQL API takes a wrong key for no key.
        sso_header: Header that a proxy in front is trusted to set, or None.
        google_token_life: Seconds a Data Observatory token stays fresh.
        clock: Seconds; what rate limits and tokens count with.
    """

    accounts: dict[str, SandboxAccount]
    mode: Mode = "auto"
    session_domain: str = ".carto.com"
    ssl_required: bool = False
    rate_limit: RateLimit | None = None
    old_version: str | None = None
    old_do: bool = False
    old_sql: bool = False
    sso_header: str | None = None
    google_token_life: float = 3600.0
    clock: Callable[[], float] = time.time
    limiter: Limiter = field(default_factory=Limiter)

    def __post_init__(self) -> None:
        self._databases: dict[str, Database] = {}
        self.google_tokens = GoogleTokens(self.clock)

    def database(self, account: SandboxAccount) -> Database:
        """The account's tables, made when they are first asked for."""
        if account.username not in self._databases:
            self._databases[account.username] = Database(account)
        return self._databases[account.username]

    def close(self) -> None:
        """Forget the tables."""
        while self._databases:
            self._databases.popitem()[1].close()

    def at_least(self, version: str) -> bool:
        """Whether the web application is of that version or newer."""
        if self.old_version is None:
            return True
        return _numbers(self.old_version) >= _numbers(version)

    def has_subdomains(self, host: str) -> bool:
        """Whether this host name tells the user."""
        if self.mode == "auto":
            return f".{host}".endswith(self.session_domain)
        return self.mode == "subdomain"

    def subdomain(self, host: str) -> str:
        """The text before the session domain; empty where there is none."""
        if not self.has_subdomains(host) or not host.endswith(self.session_domain):
            return ""
        return host.removesuffix(self.session_domain)

    def user_of(self, request: Request) -> str:
        """The user name a request is for, in the eyes of the web application."""
        in_path, _ = split_path(request.path)
        asked = in_path or str(request.params.get("user_domain") or "")
        return asked or self.subdomain(web_host(request))


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def split_path(path: str) -> tuple[str, str]:
    """Split `/user/jane/api/...` into the user and the rest."""
    found = _PREFIX.match(path)
    return (found[2], found[3]) if found else ("", path)


def host_name(host: str) -> str:
    """A host without its port."""
    return re.sub(r":\d+$", "", host)


def web_host(request: Request) -> str:
    """The host Rails believes in: the proxy's word wins over `Host`."""
    return host_name(full_host(request))


def full_host(request: Request) -> str:
    """Like `web_host`, with the port if one was sent."""
    forwarded = request.header("x-forwarded-host").split(",")[-1].strip()
    return forwarded or request.header("host")


def is_https(request: Request) -> bool:
    """Whether the request is https, by the connection or by a proxy's word."""
    forwarded = request.header("x-forwarded-proto").split(",")[0].strip()
    return (forwarded or request.scheme) == "https"
