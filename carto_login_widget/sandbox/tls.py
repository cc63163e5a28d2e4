"""Certificates for the sandbox: a good one, and three that are wrong."""

from __future__ import annotations

import datetime as dt
import ipaddress
import ssl
from typing import TYPE_CHECKING, Literal

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

if TYPE_CHECKING:
    from pathlib import Path

Certificate = Literal["valid", "expired", "self-signed", "wrong-host"]


def server_context(
    kind: Certificate, session_domain: str, directory: Path
) -> tuple[ssl.SSLContext, Path]:
    """Make a certificate, a context that shows it, and the file to trust.

    Args:
        kind: Which certificate.
        session_domain: Domain whose hosts it is for, besides loopback.
        directory: Where to write the files.

    Returns:
        The server's context, and the CA file a client has to trust; for a
        self-signed certificate that is the certificate itself.
    """
    names = ("127.0.0.1", "localhost", f"*{session_domain}", session_domain.lstrip("."))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trusted = directory / "ca.pem"
    if kind == "self-signed":
        key_and_chain = directory / "server.pem"
        certificate = _self_signed(names, key_and_chain)
        trusted.write_bytes(certificate)
        context.load_cert_chain(key_and_chain)
        return context, trusted
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(trusted))
    _issue(authority, kind, names).configure_cert(context)
    return context, trusted


def _issue(
    authority: trustme.CA, kind: Certificate, names: tuple[str, ...]
) -> trustme.LeafCert:
    if kind == "wrong-host":
        return authority.issue_cert("elsewhere.example.com")
    if kind == "expired":
        now = dt.datetime.now(dt.UTC)
        return authority.issue_cert(
            *names,
            not_before=now - dt.timedelta(days=30),
            not_after=now - dt.timedelta(days=1),
        )
    return authority.issue_cert(*names)


def _self_signed(names: tuple[str, ...], path: Path) -> bytes:
    """Write key and certificate to `path`; return the certificate as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name(
        [x509.NameAttribute(x509.NameOID.COMMON_NAME, "on-premises sandbox")]
    )
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=30))
        .add_extension(_alternative_names(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(
            x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.touch(mode=0o600)
    path.write_bytes(private + pem)
    return pem


def _alternative_names(names: tuple[str, ...]) -> x509.SubjectAlternativeName:
    address, *hosts = names
    return x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address(address)), *map(x509.DNSName, hosts)]
    )
