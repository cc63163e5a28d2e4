"""Hosts and origins of URLs, in the one form that is compared and connected to."""

from __future__ import annotations

import contextlib
import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

DEFAULT_PORTS = {"https": 443, "http": 80}

_LABEL = re.compile(r"[a-z0-9_-]{1,63}")


def is_loopback(url: str) -> bool:
    """Whether a URL points to this machine, where `http://` is as good as https."""
    host = _host_or_none(url)
    if host is None:
        return False
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        # Other names below .localhost are up to the resolver, so they do not count.
        return host == "localhost"


def origin_of(url: str) -> str:
    """Return scheme, host and port in their shortest form; `""` if there is no host.

    Example:
        >>> origin_of("https://Jane.carto.com:443/dashboard")
        'https://jane.carto.com'
    """
    host = _host_or_none(url)
    if host is None:
        return ""
    parts = urlsplit(url)
    shown = f"[{host}]" if ":" in host else host
    port = parts.port
    if port is None or port == DEFAULT_PORTS.get(parts.scheme):
        return f"{parts.scheme}://{shown}"
    return f"{parts.scheme}://{shown}:{port}"


def split_url(text: str) -> SplitResult:
    """Split a URL whose scheme, host and port can be used as they are.

    Raises:
        ValueError: they cannot; the text is a sentence for the user.
    """
    parts = None
    with contextlib.suppress(ValueError):
        parts = urlsplit(text)
    if parts is not None and parts.scheme not in DEFAULT_PORTS:
        raise ValueError("The address must start with https://.")
    if parts is not None and not _has_good_port(parts):
        raise ValueError("The address has no valid port: a number follows the ':'.")
    if parts is None or plain_host(parts.hostname or "") is None:
        raise ValueError("The address names no valid host. Copy it from your browser.")
    return parts


def _has_good_port(parts: SplitResult) -> bool:
    try:
        return parts.port != 0 and not parts.netloc.endswith(":")
    except ValueError:
        return False


def plain_host(host: str) -> str | None:
    """Return a host in the one form that is compared and connected to."""
    host = host.lower().removesuffix(".")
    labels = host.split(".")
    if ":" in host or re.fullmatch(r"[0-9]+|0x[0-9a-f]*", labels[-1]):
        # A resolver would take 127.1 and 0x7f.1 too, and go where nobody reads it.
        try:
            return None if "%" in host else str(ipaddress.ip_address(host))
        except ValueError:
            return None
    valid = len(host) <= 253 and all(map(_LABEL.fullmatch, labels))  # noqa: PLR2004 - DNS
    return host if valid else None


def _host_or_none(url: str) -> str | None:
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    usable = parts.hostname and _has_good_port(parts)
    return plain_host(parts.hostname or "") if usable else None
