"""What came back from a server, as a value, and what it says of itself."""

from __future__ import annotations

import json
import re
import time
from base64 import b64encode
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urljoin, urlsplit

from ..account import printable
from ..address import origin_of, resolve
from ..errors import (
    CartoLoginError,
    InvalidCredentialsError,
    NotCartoError,
    Reason,
    RejectedError,
    UndecidedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..address import Address

# ruff: noqa: PLR2004 - HTTP statuses are known by their numbers

_NOT_CARTO = {Reason.NOT_CARTO, Reason.WRONG_ADDRESS, Reason.MOVED}
_UNDECIDED = {
    *(Reason.UNREACHABLE, Reason.TIMEOUT, Reason.TLS, Reason.PROXY, Reason.BLOCKED),
    *(Reason.RATE_LIMITED, Reason.SERVER_ERROR, None),
}
REFUSED = set(Reason) - _NOT_CARTO - _UNDECIDED
_LONG_ENOUGH_TO_MASK = 8


class Seen:
    """What a table looks at; its sentences speak of its attributes by their names."""

    address: Address  # the account's, whose attributes count as well

    def __getitem__(self, name: str) -> Any:
        return getattr(self if hasattr(self, name) else self.address, name)


class Row(NamedTuple):
    """A line of a table: when it applies, and what is to be said then."""

    finds: Callable[[Any], object]
    reason: Reason | None = None
    message: str = ""


def first(table: Mapping[str, Row], seen: Seen) -> Any:
    """Return the error that the first row says which applies, or else what it found."""
    for row in table.values():
        found = row.finds(seen)
        if found and row.message:
            return _error_of(row, seen)
        if found:
            return found
    return None


def _error_of(row: Row, seen: Seen) -> CartoLoginError:
    text = row.message.format_map(seen)
    if row.reason in _UNDECIDED:
        wait = getattr(seen, "retry_after", None)
        return UndecidedError(text, reason=row.reason, retry_after=wait)
    if row.reason in _NOT_CARTO:
        better = getattr(seen, "better", None)
        return NotCartoError(text, reason=row.reason, suggestion=better)
    return RejectedError(text, reason=row.reason)


@dataclass(frozen=True)
class Answer(Seen):
    """What a server answered, with the key masked and no control characters."""

    address: Address
    status: int
    headers: Mapping[str, str]  # by lower-case name, without cookies
    data: Any  # the parsed body, or None where it is not JSON
    empty: bool

    @property
    def object(self) -> Mapping[str, Any]:
        """The parsed body if it is a JSON object, else `{}`."""
        return self.data if isinstance(self.data, dict) else {}

    @property
    def result(self) -> Mapping[str, Any]:
        """The object that was asked for, else `{}`."""
        return self.object if self.status == 200 else {}

    @property
    def config(self) -> Mapping[str, Any]:
        """How an installation says that it is set up, or `{}`."""
        config = self.result.get("config")
        return config if isinstance(config, dict) else {}

    @property
    def is_carto(self) -> bool:
        """Whether an anonymous `/api/v3/me` was answered as only CARTO does."""
        # CartoDB/cartodb `app/helpers/frontend_config_helper.rb`, told to everybody.
        templates = ("sql_api_template", "maps_api_template")
        return any(isinstance(self.config.get(name), str) for name in templates)

    @property
    def error_text(self) -> str:
        """What CARTO's parts say in `error` or `errors`, in whichever of its shapes."""
        said = self.object.get("error", self.object.get("errors"))
        if isinstance(said, list):
            said = " ".join(part for part in said if isinstance(part, str))
        return printable(said) if isinstance(said, str) else ""

    @property
    def retry_after(self) -> float | None:
        """Seconds that the server asks to wait, by a number or a date, or None."""
        value = self.headers.get("retry-after", "").strip()
        if re.fullmatch(r"[0-9]{1,9}", value):
            return float(value)
        try:
            moment = parsedate_to_datetime(value)
            # HTTP's oldest form names no zone, and means UTC.
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            return max(0.0, moment.timestamp() - time.time())
        except (ValueError, OverflowError, TypeError):
            return None

    @property
    def when(self) -> str:
        """The same for people."""
        wait = self.retry_after
        return "in a moment" if wait is None else f"in {max(wait, 1):.0f} s"

    @property
    def scheme(self) -> str:
        """What was asked in, `http` or `https`."""
        return self.address.origin.partition(":")[0]

    @property
    def target(self) -> str:
        """Where the request was sent on to, without a query, or `""`."""
        location = re.split(r"[?#]", self.headers.get("location", ""))[0]
        with suppress(ValueError):
            if 300 <= self.status < 400:
                return str(urljoin(self.address.base_url, location))
        return ""

    @property
    def there(self) -> str:
        """The host of that."""
        return origin_of(self.target).partition("://")[2] or "another address"

    @property
    def better(self) -> str | None:
        """The base URL that the request was sent on to, if a key could go there."""
        here, target = self.address, self.target
        with suppress(InvalidCredentialsError):
            if target.lower().startswith("https:"):
                base = resolve(here.username, target).base_url
                # The page there may be any; who moves to https keeps the path.
                if _host(target) == _host(here.base_url):
                    path = here.base_url.removeprefix(here.origin)
                    base = origin_of(target) + path
                return None if base == here.base_url else base
        return None


def read_answer(
    address: Address,
    status: int,
    headers: Iterable[tuple[str, str]],
    body: bytes | None,
    mask: Callable[[str], str],
) -> Answer:
    """Parse what was received, and mask each text of it; a body of None is broken."""
    # CARTO repeats keys, and what is in an answer gets into messages and tracebacks.
    try:
        data = _masked(json.loads(body or b""), mask)
    except (ValueError, RecursionError):
        data = None
    kept = {name.lower(): mask(value) for name, value in headers}
    kept.pop("set-cookie", None)
    is_empty = body is not None and not body.strip()
    return Answer(address, status, kept, data, is_empty)


def _masked(value: Any, mask: Callable[[str], str]) -> Any:
    match value:
        case str():
            return mask(value)
        case list():
            return [_masked(item, mask) for item in value]
        case dict():
            return {mask(name): _masked(item, mask) for name, item in value.items()}
    return value


class _SameKey(str):
    __slots__ = ()


# The mask where a text is the key and nothing else, so that this can still be seen.
SAME_KEY = _SameKey("***")


def key_mask(username: str, key: str) -> Callable[[str], str]:
    """Return what takes the key in each form, and control characters, out of a text."""
    forms = [key, quote(key, safe="")]
    forms += [b64encode(t.encode()).decode() for t in (f"{username}:{key}", key)]
    # Shorter ones would take away parts of words that are not the key.
    hidden = len(key) >= _LONG_ENOUGH_TO_MASK and key != "default_public"

    def mask(text: str) -> str:
        if text == key:
            return SAME_KEY
        for form in forms if hidden else ():
            text = text.replace(form, "***")
        if text.isprintable():
            return text
        return "".join(c if c.isprintable() else " " for c in text)

    return mask


def _host(url: str | None) -> str | None:
    return urlsplit(url or "").hostname


# Numbered as in the validation's own table, which these rows are a part of. Whether it
# is CARTO behind them would not change what is to be said, so that is not asked.
FOREIGN = {
    "7": Row(
        lambda a: a.status == 401 and "www-authenticate" in a.headers,
        Reason.PROXY,
        "A server in front of CARTO at {host} asks for a user name and a password of "
        "its own. Sign in to your network first, or ask who runs that server.",
    ),
    "10": Row(
        lambda a: a.status == 403 and a.data is None,
        Reason.BLOCKED,
        "Access to {host} is blocked (HTTP 403), probably by a firewall. Your key was "
        "not checked. Try from another network, or ask your network's administrator.",
    ),
    "12 (log-in page)": Row(
        lambda a: a.target and origin_of(a.target) == a.address.origin,
        Reason.MOVED,
        "{host} sent the request on to a page of its own, as a log-in page does. Check "
        "the address, or sign in to your network first.",
    ),
    "11": Row(
        lambda a: a.scheme == "http" and _host(a.better) == _host(a.address.base_url),
        Reason.MOVED,
        "{host} wants https. Use {better} instead.",
    ),
    "12": Row(
        lambda a: 300 <= a.status < 400,
        Reason.MOVED,
        "{host} sent the request on to {there}, and the key was not sent there. Check "
        "the address, or sign in to your network first.",
    ),
    "14": Row(
        lambda a: a.status in {400, 414, 431} and a.data is None,
        Reason.TLS,
        "{host} refused the request (HTTP {status}) before it reached CARTO. Is the "
        "port right, and does it speak {scheme}?",
    ),
    "15": Row(
        lambda a: a.status == 407,
        Reason.PROXY,
        "Your network's proxy refused the connection to {host}. Check HTTPS_PROXY and "
        "its user name and password, or ask your network's administrator.",
    ),
    "16": Row(
        lambda a: a.status == 429,
        Reason.RATE_LIMITED,
        "CARTO at {host} is busy (HTTP 429). Your key was not checked. Try again "
        "{when}.",
    ),
    "17": Row(
        lambda a: a.status >= 500,
        Reason.SERVER_ERROR,
        "CARTO at {host} has a problem (HTTP {status}). Your key was not checked. Try "
        "again in a moment.",
    ),
}

# The same, and what is left where whatever answered was not CARTO.
NO_CARTO = {
    **FOREIGN,
    "5, 23": Row(
        lambda a: a.status == 200,
        Reason.NOT_CARTO,
        "{host} answered with a web page or other data, not as the CARTO API. Check "
        "the address, or sign in to your network first.",
    ),
    "8g": Row(
        lambda _: True,
        Reason.NOT_CARTO,
        "There is no CARTO API at {base_url} (HTTP {status}). Check the address.",
    ),
}

# How CARTO refuses a right key for the state of the account.
STATES = {
    "8b, 9": Row(
        lambda a: a.status == 403 and a.error_text == "lockout",
        Reason.LOCKED,
        "The CARTO account '{username}' at {host} is locked. Contact CARTO, or the "
        "administrator of your organisation.",
    ),
    "8c, 9": Row(
        lambda a: a.status == 403 and a.error_text == "maintenance_mode",
        Reason.MAINTENANCE,
        "The CARTO account '{username}' at {host} is in maintenance. Try again later.",
    ),
    "8d, 9": Row(
        lambda a: a.status == 403 and a.error_text == "unverified",
        Reason.UNVERIFIED,
        "The e-mail address of '{username}' is not confirmed. Follow the link in the "
        "e-mail that CARTO sent, then log in again at {host}.",
    ),
    "8d": Row(
        lambda a: a.status == 403 and a.empty,
        Reason.NOT_ACTIVATED,
        "The sign-up of '{username}' at {host} is not finished. Follow the link in the "
        "e-mail that CARTO sent, then log in again.",
    ),
}
