"""A session whose cloud addresses lead to the sandbox, without patching anything."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from requests import PreparedRequest


class CloudAdapter(HTTPAdapter):
    """Connects to the sandbox instead of to hosts under a domain.

    The request keeps its URL and its `Host`, so the sandbox finds the user in the
    host, and says by `X-Forwarded-Proto` what the scheme was, as CARTO's front does.

    Args:
        where: Gives scheme and port of the sandbox; asked anew for each request.
        domain: The domain, with its dot in front.
        ca_file: What to trust there, whatever the environment says; or None.
    """

    def __init__(
        self, where: Callable[[], tuple[str, int]], domain: str, ca_file: str | None
    ) -> None:
        self._where = where
        self._domain = domain
        self._ca_file = ca_file
        super().__init__()

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """Trust the CA file; `REQUESTS_CA_BUNDLE` would win over the session's own."""
        if verify and self._ca_file and self._is_cloud(urlsplit(str(url)).hostname):
            verify = self._ca_file
        super().cert_verify(conn, url, verify, cert)  # type: ignore[no-untyped-call]

    def get_connection_with_tls_context(
        self,
        request: PreparedRequest,
        verify: Any,
        proxies: Mapping[str, str] | None = None,
        cert: Any = None,
    ) -> Any:
        """The pool of connections to the sandbox; proxies do not count there."""
        host = self._cloud_host(request)
        if not host:
            return super().get_connection_with_tls_context(
                request, verify, proxies=proxies, cert=cert
            )
        scheme, port = self._where()
        tls: dict[str, Any] = {}
        if scheme == "https":
            verify = (verify and self._ca_file) or verify
            _, common = self.build_connection_pool_key_attributes(request, verify, cert)
            tls = {**common, "server_hostname": host, "assert_hostname": host}
        return self.poolmanager.connection_from_host(
            "127.0.0.1", port, scheme, pool_kwargs=tls
        )

    def request_url(
        self, request: PreparedRequest, proxies: Mapping[str, str] | None
    ) -> str:
        """The path alone, also where the environment names a proxy."""
        if self._cloud_host(request):
            return request.path_url
        return super().request_url(request, proxies)

    def add_headers(self, request: PreparedRequest, **_: Any) -> None:
        """Say which host and scheme were meant."""
        if self._cloud_host(request):
            parts = urlsplit(str(request.url))
            request.headers["Host"] = parts.netloc.rpartition("@")[2]
            request.headers["X-Forwarded-Proto"] = parts.scheme

    def _cloud_host(self, request: PreparedRequest) -> str:
        """The host, if it is one that the sandbox stands in for."""
        host = urlsplit(str(request.url)).hostname or ""
        return host if self._is_cloud(host) else ""

    def _is_cloud(self, host: str | None) -> bool:
        return f".{host}".endswith(self._domain)


def cloud_session(
    where: Callable[[], tuple[str, int]], domain: str, ca_file: str | None
) -> requests.Session:
    """A session with the adapter on both schemes."""
    session = requests.Session()
    for scheme in ("https://", "http://"):
        session.mount(scheme, CloudAdapter(where, domain, ca_file))
    return session
