"""TLS: a good certificate, and each of the bad ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import requests

from carto_login_widget.sandbox import Sandbox

if TYPE_CHECKING:
    from carto_login_widget.sandbox.tls import Certificate


def get(carto: Sandbox, *, verify: bool | str) -> requests.Response:
    return requests.get(carto.url + "/api/v3/me", verify=verify, timeout=5)


def test_valid_certificate() -> None:
    """Who trusts the CA file gets through, by address and by cloud name."""
    with Sandbox(tls="valid") as carto, carto.session() as session:
        assert carto.url.startswith("https://127.0.0.1:")
        told = get(carto, verify=str(carto.ca_file)).json()
        assert told["config"]["sql_api_template"] == carto.url + "/user/{user}"
        assert session.get("https://jane.carto.com/api/v3/me", timeout=5).ok
        with pytest.raises(requests.exceptions.SSLError):
            get(carto, verify=True)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("expired", "expired"), ("wrong-host", "mismatch|doesn't match")],
)
def test_bad_certificate(kind: Certificate, reason: str) -> None:
    """Trusting the CA does not help where the certificate itself is wrong."""
    with Sandbox(tls=kind) as carto, carto.session() as session:
        with pytest.raises(requests.exceptions.SSLError, match=reason):
            get(carto, verify=str(carto.ca_file))
        with pytest.raises(requests.exceptions.SSLError, match=reason):
            session.get("https://jane.carto.com/api/v3/me", timeout=5)
        assert carto.count == 0


def test_self_signed_certificate() -> None:
    """A self-signed certificate is refused until it is trusted itself."""
    with Sandbox(tls="self-signed") as carto:
        with pytest.raises(requests.exceptions.SSLError, match="self-signed"):
            get(carto, verify=True)
        assert get(carto, verify=str(carto.ca_file)).ok


def test_session_without_trust() -> None:
    """A session can be had that does not know the CA."""
    with (
        Sandbox(tls="valid") as carto,
        carto.session(trust=False) as session,
        pytest.raises(requests.exceptions.SSLError),
    ):
        session.get("https://jane.carto.com/api/v3/me", timeout=5)


def test_https_to_an_http_port(carto: Sandbox) -> None:
    """The wrong scheme is a TLS error that names the version."""
    with pytest.raises(requests.exceptions.SSLError, match="WRONG_VERSION_NUMBER"):
        requests.get(carto.wrong_scheme_url, timeout=5)


def test_http_to_an_https_port() -> None:
    """Plain http to a TLS port is nginx' 400, and reaches no account."""
    with Sandbox(tls="valid") as carto:
        answer = requests.get(carto.wrong_scheme_url, timeout=5)
        assert answer.status_code == 400
        assert "plain HTTP request was sent to HTTPS port" in answer.text
        assert carto.count == 0


def test_files_go_with_the_sandbox() -> None:
    """Certificates and keys do not stay behind."""
    with Sandbox(tls="self-signed") as carto:
        path = carto.ca_file
        assert path is not None
        assert path.exists()
    assert not path.parent.exists()
