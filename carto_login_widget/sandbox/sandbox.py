"""The sandbox as its users see it; the parts behind it need the extra `demo`."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, Unpack

from .faults import Failure, Fault, Faults
from .install import Install
from .people import default_accounts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    import requests

    from .accounts import SandboxAccount
    from .install import Mode, Switches
    from .records import Record
    from .server import Server
    from .tls import Certificate
    from .tokens import GoogleTokens

_MISSING = (
    "The CARTO sandbox needs {name}, which is not installed. "
    "Install it with: pip install carto_login_widget[demo]"
)


class Sandbox:
    """A CARTO on loopback, for demos, notebooks and tests.

    It answers as CARTO 2 does: the same statuses, bodies, headers, order of checks
    and traps. `jane` has a key of every kind; `bob` and `anna` (its administrator)
    belong to the organisation `team`; `lena` is locked, `mara` in maintenance,
    `ulla` unverified, `nico` not activated, `enzo` without engine, `noah` without
    Data Observatory. Each has the keys "Master", "Default public", "reporting".

    It serves from a thread of its own, so what holds on to Python's lock while it
    waits for an answer waits for ever: GDAL does (`pyogrio`, `geopandas.read_file`).
    For that, run the sandbox in another process.

    Hosts under `session_domain` are served as a cloud with the user in the host;
    any other host, such as 127.0.0.1, as an on-premises installation with the user
    in the path. `mode` makes it one or the other for all hosts.

    Args:
        port: Port on 127.0.0.1; 0 takes a free one.
        mode: "auto", "subdomain" or "subdomainless".
        session_domain: Domain of the cloud.
        tls: None for http, or "valid", "expired", "self-signed", "wrong-host".
        accounts: Accounts instead of the usual ones.
        seed: The same seed gives the same keys.
        tokens: Keys to use instead of fresh ones, by account and key name.
        **switches: `ssl_required`, `rate_limit`, `old_version`, `old_do`,
            `old_sql`, `sso_header`, `google_token_life`, `clock`: see `Install`.
            Each is also an attribute of `install` and may change at any time.

    Example:
        >>> with Sandbox() as carto:  # doctest: +SKIP
        ...     carto.base_url("jane"), carto.accounts["jane"].master.token
        ...     carto.session().get("https://jane.carto.com/api/v3/me")
        ...     carto.fail(Fault.status(502), path="/api/v3/api_keys", times=1)
        ...     carto.accounts["jane"].state = "locked"
        ...     carto.requests[-1].key_in
    """

    def __init__(  # noqa: PLR0913 - each stands for itself
        self,
        port: int = 0,
        *,
        mode: Mode = "auto",
        session_domain: str = ".carto.com",
        tls: Certificate | None = None,
        accounts: Iterable[SandboxAccount] | None = None,
        seed: int | None = None,
        tokens: Mapping[str, Mapping[str, str]] | None = None,
        **switches: Unpack[Switches],
    ) -> None:
        if accounts is None:
            people = default_accounts(seed, tokens)
        else:
            people = {account.username: account for account in accounts}
        self.install = Install(people, mode, session_domain, **switches)
        self._wanted_port = port
        self._tls = tls
        self._faults = Faults()
        self._records: list[Record] = []
        self._server: Server | None = None
        self._files: tempfile.TemporaryDirectory[str] | None = None
        self.ca_file: Path | None = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def __repr__(self) -> str:
        where = f"at {self.url}" if self._server else "(stopped)"
        return f"<CARTO sandbox {where}, {len(self.accounts)} accounts>"

    def start(self) -> Self:
        """Serve; the port is known from here on.

        Raises:
            ImportError: The extra `demo` is not installed.
            OSError: The port is taken.
        """
        if self._server is not None:
            return self
        server_class = _needs("tornado", _server_class)
        context = None
        if self._tls:
            make = _needs("trustme", _context_maker)
            self._files = tempfile.TemporaryDirectory(prefix="carto-sandbox-")
            context, self.ca_file = make(
                self._tls, self.install.session_domain, Path(self._files.name)
            )
        self._server = server_class(
            self.install, self._faults, self._records, self._wanted_port, context
        )
        self._server.start()
        return self

    def stop(self) -> None:
        """Cut all connections, hanging ones too, and free the port."""
        if self._server is None:
            return
        server, self._server = self._server, None
        server.stop()
        if self._files:
            self._files.cleanup()

    @property
    def port(self) -> int:
        """The port it listens on.

        Raises:
            RuntimeError: It is not running.
        """
        if self._server is None:
            raise RuntimeError(
                "The CARTO sandbox is not running: use `with Sandbox() as carto:` "
                "or call start()."
            )
        return self._server.port

    @property
    def url(self) -> str:
        """Its origin, such as "http://127.0.0.1:40123"."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def wrong_scheme_url(self) -> str:
        """Its origin with the other scheme: TLS on a port that does not speak it."""
        return f"{'http' if self._tls else 'https'}://127.0.0.1:{self.port}"

    def base_url(self, username: str) -> str:
        """The base URL of an account, in the on-premises form."""
        return f"{self.url}/user/{username}"

    @property
    def accounts(self) -> dict[str, SandboxAccount]:
        """The accounts by user name; change them at any time."""
        return self.install.accounts

    @property
    def google_tokens(self) -> GoogleTokens:
        """The Data Observatory tokens issued so far; `is_fresh(token)` tells."""
        return self.install.google_tokens

    def session(self, *, trust: bool = True) -> requests.Session:
        """A session in which `https://jane.carto.com` is the sandbox.

        Args:
            trust: Whether it trusts `ca_file` where the sandbox speaks TLS.
        """
        from .adapter import cloud_session

        ca_file = str(self.ca_file) if self.ca_file and trust else None
        return cloud_session(
            lambda: ("https" if self._tls else "http", self.port),
            self.install.session_domain,
            ca_file,
        )

    def fail(
        self,
        fault: Fault,
        path: str = "",
        times: int | None = None,
        method: str = "",
    ) -> Failure:
        """Put a fault in.

        Several faults are used in the order in which they came: the first whose
        path fits and whose times are not used up meets the request.

        Args:
            fault: What goes wrong, such as `Fault.status(502)`.
            path: Start of the path, with or without `/user/jane`; all if empty.
            times: How many requests it meets; all if None.
            method: Verb it is limited to.

        Returns:
            The failure: `.hits`, `.heal()`; also a context manager.

        Example:
            >>> with carto.fail(Fault.hang(), "/api/v3"):  # doctest: +SKIP
            ...     ...
        """
        return self._faults.add(fault, path, times, method)

    @property
    def faults(self) -> list[Failure]:
        """The faults that are in and not used up."""
        return self._faults.active()

    def heal(self) -> None:
        """Take all faults out; requests that hang are answered now."""
        self._faults.clear()

    @property
    def requests(self) -> list[Record]:
        """What was asked, newest last (a copy)."""
        return list(self._records)

    @property
    def count(self) -> int:
        """How many requests have come in."""
        return len(self._records)

    def clear(self) -> None:
        """Forget the requests so far."""
        self._records.clear()

    def wait_for(self, count: int = 1, timeout: float = 30.0) -> list[Record]:
        """Wait until so many requests have come in.

        Args:
            count: How many, counted since the start or `clear()`.
            timeout: Seconds.

        Raises:
            TimeoutError: They did not come.
        """
        end = time.monotonic() + timeout
        while self.count < count:
            if time.monotonic() > end:
                raise TimeoutError(
                    f"{self.count} of {count} requests came in {timeout} s."
                )
            time.sleep(0.005)
        return self.requests


def _needs(name: str, load: Callable[[], Any]) -> Any:
    """Load a part that needs the extra, or say how to get it."""
    try:
        return load()
    except ModuleNotFoundError as error:
        missing = error.name or name
    raise ImportError(_MISSING.format(name=missing), name=missing)


def _server_class() -> type[Server]:
    from .server import Server

    return Server


def _context_maker() -> Callable[..., Any]:
    from .tls import server_context

    return server_context
