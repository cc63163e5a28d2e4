"""Where other packages have changed how connections are made, or watch them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from harness.rawserver import RawServer

from carto_login_widget.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.rawserver import Talk

PROGRAMS = Path(__file__).parents[1] / "programs"
KEY = "0123456789abcdef0123456789abcdef01234567"


def output_of(python: Path, program: str, *arguments: str, site: bool = True) -> str:
    options = ["-W", "ignore"] if site else ["-W", "ignore", "-S"]
    done = subprocess.run(
        [python, *options, PROGRAMS / program, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def carto_over_tls() -> Iterator[Sandbox]:
    """A CARTO whose certificate is of an authority of its own."""
    with Sandbox(tls="valid") as sandbox:
        yield sandbox


@pytest.mark.parametrize(
    ("who", "site"),
    [
        ("pip-system-certs", True),
        pytest.param("truststore", True, marks=pytest.mark.full),
        pytest.param("truststore", False, marks=pytest.mark.full),
        ("gevent", False),
        ("eventlet", False),
    ],
)
@pytest.mark.parametrize(
    "when", ["before", pytest.param("after", marks=pytest.mark.full)]
)
def test_another_tls_is_used_as_it_is(  # noqa: PLR0913 - what varies
    patched_python, carto_over_tls, monkeypatch, who, site, when
):
    """It trusts who is to be trusted, and nobody else."""
    key = carto_over_tls.accounts["jane"].master.token
    asked = ("patched.py", who, when, carto_over_tls.base_url("jane"), key)
    refused = output_of(patched_python, *asked, site=site)
    assert refused.startswith("tls: The certificate of 127.0.0.1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(carto_over_tls.ca_file))
    assert output_of(patched_python, *asked, site=site) == "master"


def wants_a_password(talk: Talk) -> None:
    """No way to sign in that was offered is taken."""
    talk.hear()
    talk.say(b"\x05\xff")


def refuses(talk: Talk) -> None:
    """Connections to there are not allowed."""
    talk.hear()
    talk.say(b"\x05\x00")
    talk.hear()
    talk.say(b"\x05\x02\x00\x01\x00\x00\x00\x00\x00\x00")


@pytest.mark.parametrize(
    ("proxy", "script", "says"),
    [
        ("socks5h://127.0.0.1:1", b"", "proxy 127.0.0.1:1 that ALL_PROXY names does"),
        ("socks5h://proxy.invalid:1", b"", "proxy.invalid:1 that ALL_PROXY names was"),
        (
            "socks://127.0.0.1:1",
            b"",
            "proxy in ALL_PROXY cannot be used. It has to",
        ),
        ("socks5h://127.0.0.1:{}", wants_a_password, "wants a user name and a passw"),
        ("socks5h://127.0.0.1:{}", refuses, "refused the connection to jane.carto.com"),
    ],
)
def test_a_socks_proxy_that_cannot_be_used(
    patched_python, monkeypatch, proxy, script, says
):
    """With PySocks, which tells of it in its own way."""
    with RawServer(script) as server:
        monkeypatch.setenv("ALL_PROXY", proxy.format(server.port))
        said = output_of(
            patched_python, "patched.py", "nobody", "", "https://jane.carto.com", KEY
        )
    assert said.startswith("proxy: ")
    assert says in said
    assert "jane.carto.com" in said


def test_a_socks_proxy_that_leaves_the_names_to_us(patched_python, monkeypatch):
    """With socks5:// the host is looked up here, so the proxy is not to blame."""
    with RawServer(b"\x05\x00") as server:
        monkeypatch.setenv("ALL_PROXY", f"socks5://127.0.0.1:{server.port}")
        said = output_of(
            patched_python, "patched.py", "nobody", "", "https://carto.invalid", KEY
        )
    assert said.startswith("unreachable: No server called carto.invalid was found")


def test_telemetry_does_not_record_the_key(patched_python, carto):
    """CARTO wants it in the URL of `/api/v4/do/token`."""
    key, base = carto.accounts["jane"].master.token, carto.base_url("jane")
    assert output_of(patched_python, "traced.py", base, key) == f"{base}/another"
    assert any(record.path.endswith("/do/token") for record in carto.requests)
