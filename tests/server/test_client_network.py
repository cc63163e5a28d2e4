"""Proxies, certificates and lent sessions."""

from __future__ import annotations

import contextlib
import os
import resource
import ssl
from pathlib import Path

import pytest
import requests
import trustme
from harness.asking import identity
from harness.rawserver import RawServer, http

from carto_login_widget.errors import CartoLoginError, Reason
from carto_login_widget.sandbox import Fault, Sandbox
from carto_login_widget.server import client

KEY = "0123456789abcdef0123456789abcdef01234567"


def _ask(who, *, key="header"):
    """Return the answer, or the error that was raised instead."""
    try:
        with client.Client(who, 5) as asking:
            return asking.get("api/v4/me", key=key)
    except CartoLoginError as error:
        return error


def test_the_environments_proxy_is_used_but_not_for_loopback(carto, monkeypatch):
    """A server on this machine is reached directly."""
    with RawServer(http(200, b"{}")) as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        key = carto.accounts["jane"].master.token
        assert _ask(identity("jane", key, carto.base_url("jane"))).status == 200
        assert proxy.heard == b""
        far = identity("jane", KEY, "http://maps.invalid", allow_non_secure=True)
        assert _ask(far).reason is Reason.NOT_CARTO
        first_line = proxy.heard.partition(b"\r\n")[0]
        assert first_line == b"GET http://maps.invalid/api/v3/me HTTP/1.1"
        monkeypatch.setenv("no_proxy", "maps.invalid")
        assert _ask(far).reason is Reason.UNREACHABLE
        assert proxy.requests == 1


@pytest.mark.parametrize("answer", [http(407), http(403), http(502)])
def test_a_proxy_that_does_not_let_us_through(answer, monkeypatch):
    """A refused tunnel is told as such, and the key did not go to the proxy."""
    with RawServer(answer) as proxy:
        monkeypatch.setenv("https_proxy", proxy.url)
        failure = _ask(identity("jane", KEY))
        assert failure.reason is Reason.PROXY
        assert "jane.carto.com" in failure.message
        assert proxy.heard.startswith(b"CONNECT jane.carto.com:443")
        assert b"Authorization: Basic" not in proxy.heard


LOOKS, DEAD = "has to look like http://", "does not answer as one"
UNKNOWN = "was not found"


@pytest.mark.parametrize(
    ("proxy", "says"),
    [
        ("http://127.0.0.1:1", f"127.0.0.1:1 that {{name}} names {DEAD}"),
        ("http://u:SECRET@127.0.0.1:1", f"127.0.0.1:1 that {{name}} names {DEAD}"),
        ("127.0.0.1:1", DEAD),
        ("http://proxy.invalid:80", f"proxy.invalid:80 that {{name}} names {UNKNOWN}"),
        ("socks5://127.0.0.1:1", "{name} names a SOCKS proxy, which needs PySocks"),
        ("socks://127.0.0.1:1", LOOKS),
        ("ftp://127.0.0.1:1", LOOKS),
        ("http:/127.0.0.1:1", LOOKS),
        ("http://", LOOKS),
        ("http://:::", LOOKS),
        ("http://127.0.0.1:99999", LOOKS),
        ("nonsense:x", LOOKS),
        ('"http://127.0.0.1:1"', LOOKS),
        ("'http://127.0.0.1:1'", LOOKS),
        (" http://127.0.0.1:1", LOOKS),
        ("http://127.0.0.1:1 ", LOOKS),
        ("http://127.0.0.1:1\n", LOOKS),
        ("http://u:SECRET#x@127.0.0.1:1", LOOKS),
        ("http://u:1#SECRET@127.0.0.1:1", LOOKS),
        ("http://u:SECRET/x@127.0.0.1:1", LOOKS),
        ("http://u:SECRET?x@127.0.0.1:1", LOOKS),
    ],
)
@pytest.mark.parametrize("name", ["https_proxy", "ALL_PROXY"])
def test_a_proxy_that_cannot_be_used(name, proxy, says, monkeypatch):
    """What is wrong with it, and in which variable; its password is not repeated."""
    monkeypatch.setenv(name, proxy)
    failure = _ask(identity("jane", KEY))
    assert failure.reason is Reason.PROXY
    assert failure.message.startswith("jane.carto.com was not asked")
    assert says.format(name=name) in failure.message
    assert name in failure.message
    assert "SECRET" not in failure.message


def test_a_proxy_that_wants_a_password(monkeypatch):
    """Only then are user name and password the advice."""
    with RawServer(http(407)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        failure = _ask(identity("jane", KEY))
    assert "wants a user name and a password" in failure.message
    assert "HTTPS_PROXY" in failure.message


def test_a_proxy_that_does_not_speak_https(monkeypatch):
    """A common slip: the variable's name is not the scheme of the proxy."""
    with RawServer(http(400)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("http:", "https:"))
        failure = _ask(identity("jane", KEY))
    assert failure.reason is Reason.PROXY
    assert "http:// in place of https://" in failure.message


def test_a_proxy_of_a_session_is_no_variables():
    """Who named it is said."""
    session = requests.Session()
    session.proxies = {"https": "http://127.0.0.1:1"}
    failure = _ask(identity("jane", KEY, session=session))
    assert "the given session's or the system's" in failure.message


def test_what_the_system_refuses_is_named():
    """No more files may be opened: that says nothing of the server."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with Sandbox() as carto, contextlib.ExitStack() as stack:
        who = identity("jane", KEY, carto.base_url("jane"))
        _ask(who)  # what is imported on the way needs files too
        stack.callback(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        with Path(os.devnull).open() as lowest:
            resource.setrlimit(resource.RLIMIT_NOFILE, (lowest.fileno(), hard))
        client.proved.clear()
        failure = _ask(who)
    assert failure.reason is None
    assert "OSError" in failure.message


def test_a_lent_session_lends_its_proxies(monkeypatch):
    """They are used even where the environment has none."""
    session = requests.Session()
    with RawServer(http(407)) as proxy:
        session.proxies = {"https": proxy.url}
        assert _ask(identity("jane", KEY, session=session)).reason is Reason.PROXY
        assert proxy.heard.startswith(b"CONNECT jane.carto.com:443")


def test_an_unknown_host():
    """DNS does not know it."""
    failure = _ask(identity("jane", KEY, "https://carto.invalid"))
    assert failure.reason is Reason.UNREACHABLE
    assert "No server called carto.invalid" in failure.message


def test_a_closed_port():
    """Nobody listens there."""
    with RawServer(http(200)) as server:
        url = server.url
    failure = _ask(identity("jane", KEY, url))
    assert failure.reason is Reason.UNREACHABLE
    assert url.removeprefix("http://") in failure.message


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_an_authority_of_ones_own(variable, monkeypatch):
    """A file with CA certificates is trusted besides the system's."""
    with Sandbox(tls="valid") as carto:
        key = carto.accounts["jane"].master.token
        who = identity("jane", key, carto.base_url("jane"))
        assert _ask(who).reason is Reason.TLS
        monkeypatch.setenv(variable, str(carto.ca_file))
        assert _ask(who).status == 200


def test_a_directory_of_authorities(monkeypatch, tmp_path):
    """OpenSSL's directories of hashed names are taken, too."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path))
    with Sandbox(tls="valid") as carto:
        failure = _ask(identity("jane", KEY, carto.base_url("jane")))
        assert failure.reason is Reason.TLS
        assert "certificate" in failure.message


@pytest.mark.parametrize("content", [None, "not a certificate"])
def test_an_authority_that_cannot_be_read(content, monkeypatch, tmp_path):
    """The file is named."""
    path = tmp_path / "ca.pem"
    if content:
        path.write_text(content)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(path))
    failure = _ask(identity("jane", KEY))
    assert failure.reason is Reason.TLS
    assert str(path) in failure.message


def test_a_lent_session_lends_its_verification(monkeypatch):
    """`verify` as a file, and as False with the warning of urllib3."""
    with Sandbox(tls="valid") as carto:
        session = requests.Session()
        session.verify = carto.ca_file
        key = carto.accounts["jane"].master.token
        who = identity("jane", key, carto.base_url("jane"), session=session)
        assert _ask(who).status == 200
        session.verify = True
        assert _ask(who).reason is Reason.TLS
        session.trust_env = False
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(carto.ca_file))
        assert _ask(who).reason is Reason.TLS


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_a_lent_session_that_verifies_nothing():
    """Then no certificate is wrong."""
    with Sandbox(tls="self-signed") as carto:
        session = requests.Session()
        session.verify = False
        key = carto.accounts["jane"].master.token
        who = identity("jane", key, carto.base_url("jane"), session=session)
        assert _ask(who).status == 200


def test_a_lent_adapter_may_fail_in_any_way():
    """What is not an error of the network says so, by its class."""

    class Broken(requests.adapters.HTTPAdapter):
        def send(self, request, **_):
            raise RuntimeError(request.headers["Authorization"])

    session = requests.Session()
    session.mount("https://", Broken())
    failure = _ask(identity("jane", KEY, session=session))
    assert failure.reason is None
    assert "RuntimeError" in failure.message
    assert "Basic" not in failure.message


@pytest.mark.parametrize("fault", [Fault.drip_headers(), Fault.drip_body(0.5)])
def test_a_lent_adapter_does_not_hold_the_caller(carto, fault):
    """The deadline holds, whoever made the connection."""
    carto.fail(fault)
    key = carto.accounts["jane"].master.token
    who = identity("jane", key, session=carto.session())
    with (
        client.Client(who, timeout=0.5) as asking,
        pytest.raises(CartoLoginError) as caught,
    ):
        asking.get("api/v3/me", key="header")
    assert caught.value.reason is Reason.TIMEOUT


def test_a_lent_adapter_is_not_asked_to_wait_for_long(carto):
    """Nobody can end its connections, so that it is told when the time is over."""
    told = []

    class Looking(requests.adapters.HTTPAdapter):
        def send(self, request, *, timeout=None, **more):
            told.append(timeout)
            return super().send(request, timeout=timeout, **more)

    with requests.Session() as session:
        session.mount(carto.url, Looking())
        key = carto.accounts["jane"].master.token
        who = identity("jane", key, carto.base_url("jane"), session=session)
        with client.Client(who, timeout=0.5) as asking:
            asking.get("api/v3/me", key="header")
    assert told
    assert all(0.5 <= seconds <= 1 for limits in told for seconds in limits)


@pytest.mark.parametrize("cert", ["/no/such.pem", ("/no/such.pem", "/no/such.key")])
def test_a_client_certificate_that_cannot_be_read(cert, tmp_path):
    """The certificate is named as the cause, not the network."""
    session = requests.Session()
    session.cert = cert
    failure = _ask(identity("jane", KEY, session=session))
    assert failure.reason is Reason.TLS
    assert "client certificate" in failure.message


def test_a_lent_session_lends_its_client_certificate(tmp_path, monkeypatch):
    """A server that asks for one gets it."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    leaf = authority.issue_cert("jane@example.com")
    leaf.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "jane.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    with RawServer(http(200, b"{}"), context) as server:
        session = requests.Session()
        who = identity("jane", KEY, server.url, session=session)
        refused = _ask(who, key=None)
        assert isinstance(refused, CartoLoginError)
        session.cert = str(tmp_path / "jane.pem")
        assert _ask(who, key=None).status == 200


@pytest.mark.parametrize("verify", [None, True, ""])
def test_only_false_verifies_nothing(verify):
    """`requests` itself would take some of these for False, a lent adapter too."""
    seen = []

    class Looking(requests.adapters.HTTPAdapter):
        def send(self, request, **more):
            seen.append(more["verify"])
            return super().send(request, **more)

    with Sandbox(tls="self-signed") as carto:
        for adapter in (requests.adapters.HTTPAdapter(), Looking()):
            session = requests.Session()
            session.mount("https://", adapter)
            session.verify = verify
            who = identity("jane", KEY, carto.base_url("jane"), session=session)
            assert _ask(who).reason is Reason.TLS
    assert seen == [True]


@pytest.mark.parametrize("variable", ["https_proxy", "all_proxy"])
def test_the_sessions_proxy_comes_before_the_environments(variable, monkeypatch):
    """So does its list of authorities; `requests` has it the other way round."""
    session = requests.Session()
    with RawServer(http(407)) as mine, RawServer(http(407)) as other:
        monkeypatch.setenv(variable, other.url)
        session.proxies = {"https": mine.url}
        assert _ask(identity("jane", KEY, session=session)).reason is Reason.PROXY
        assert mine.heard.startswith(b"CONNECT jane.carto.com:443")
        assert other.heard == b""


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_the_sessions_verification_comes_before_the_environments(monkeypatch, tmp_path):
    """A session that verifies nothing does so beside a list of authorities."""
    with Sandbox(tls="self-signed") as carto, Sandbox(tls="valid") as other:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.ca_file))
        session = requests.Session()
        session.verify = False
        key = carto.accounts["jane"].master.token
        who = identity("jane", key, carto.base_url("jane"), session=session)
        assert _ask(who).status == 200


def test_a_list_of_authorities_that_is_not_used_may_be_missing(monkeypatch):
    """requests has one of its own, which a broken installation may lack."""
    missing = "/nowhere/cacert.pem"
    monkeypatch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", missing)
    with Sandbox(tls="valid") as carto, Sandbox(tls="self-signed") as other:
        monkeypatch.setenv("SSL_CERT_FILE", str(carto.ca_file))
        key = carto.accounts["jane"].master.token
        assert _ask(identity("jane", key, carto.base_url("jane"))).status == 200
        failure = _ask(identity("jane", key, other.base_url("jane")))
        assert failure.reason is Reason.TLS
        assert "certificate of" in failure.message
