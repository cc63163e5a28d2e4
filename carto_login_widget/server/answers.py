"""What came back from a server, as a value, and what it says of itself."""

from __future__ import annotations

import json
import re
import time
from base64 import b64encode
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote, urljoin, urlsplit

from ..account import printable
from ..address import normalize_base_url, origin_of
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
_LONG_ENOUGH_TO_MASK = 8


def error_for(
    reason: Reason | None,
    message: str,
    *,
    suggestion: str | None = None,
    retry_after: float | None = None,
) -> CartoLoginError:
    """Return the error to raise for a reason; None is what nobody expected."""
    if reason in _UNDECIDED:
        return UndecidedError(message, reason=reason, retry_after=retry_after)
    if reason in _NOT_CARTO:
        return NotCartoError(message, reason=reason, suggestion=suggestion)
    return RejectedError(message, reason=reason)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered, with the key masked and no control characters."""

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
        """Seconds that the server asks to wait, or None."""
        return retry_seconds(self.headers.get("retry-after", ""), time.time())


def retry_seconds(value: str, now: float) -> float | None:
    """Read a `Retry-After` header, a number of seconds or a date."""
    if re.fullmatch(r"[0-9]{1,9}", value.strip()):
        return float(value)
    try:
        moment = parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError, TypeError):
        return None
    return max(0.0, moment - now)


def read_answer(
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
    return Answer(status, kept, data, body is not None and not body.strip())


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


class Row(NamedTuple):
    """A line of a table: when it applies, and what it says; see `fill`."""

    finds: Callable[[Any], object]
    reason: Reason | None = None
    message: str = ""


def sort_answer(
    rows: Iterable[Row], answer: Answer, address: Address
) -> CartoLoginError | None:
    """Return what the first row that applies says, or None."""
    row = next((row for row in rows if row.finds(answer)), None)
    if row is None or row.reason is Reason.MOVED:
        return row and _moved(answer, address)
    message = fill(row.message, answer, address)
    return error_for(row.reason, message, retry_after=answer.retry_after)


def fill(message: str, answer: Answer, address: Address, **more: str) -> str:
    """Put what is known into a sentence with `{user}`, `{host}` and so on."""
    wait = answer.retry_after
    return message.format(
        user=address.username,
        host=address.host,
        base=address.base_url,
        scheme=address.origin.partition(":")[0],
        keys_page=address.keys_page,
        status=answer.status,
        text=answer.error_text,
        when="in a moment" if wait is None else f"in {max(wait, 1):.0f} s",
        **more,
    )


def not_carto(answer: Answer, address: Address) -> CartoLoginError:
    """Say what stands in front of CARTO, or that whatever answered was not CARTO."""
    message = _WEB_PAGE if answer.status == 200 else _NO_API
    return sort_answer(FOREIGN.values(), answer, address) or error_for(
        Reason.NOT_CARTO, fill(message, answer, address)
    )


_WEB_PAGE = (
    "{host} answered with a web page or other data, not as the CARTO API. Check the "
    "base URL, or sign in to your network first."
)
_NO_API = "There is no CARTO API at {base} (HTTP {status}). Check the base URL."

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
    "11, 12": Row(lambda a: 300 <= a.status < 400, Reason.MOVED),
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


# How CARTO refuses a right key for the state of the account.
STATES = {
    "8b, 9": Row(
        lambda a: a.status == 403 and a.error_text == "lockout",
        Reason.LOCKED,
        "The CARTO account '{user}' at {host} is locked. Contact CARTO, or the "
        "administrator of your organisation.",
    ),
    "8c, 9": Row(
        lambda a: a.status == 403 and a.error_text == "maintenance_mode",
        Reason.MAINTENANCE,
        "The CARTO account '{user}' at {host} is in maintenance. Try again later.",
    ),
    "8d, 9": Row(
        lambda a: a.status == 403 and a.error_text == "unverified",
        Reason.UNVERIFIED,
        "The e-mail address of '{user}' is not confirmed. Follow the link in the "
        "e-mail that CARTO sent, then log in again at {host}.",
    ),
    "8d": Row(
        lambda a: a.status == 403 and a.empty,
        Reason.NOT_ACTIVATED,
        "The sign-up of '{user}' at {host} is not finished. Follow the link in the "
        "e-mail that CARTO sent, then log in again.",
    ),
}


def _moved(answer: Answer, address: Address) -> CartoLoginError:
    try:
        target = urljoin(address.base_url, answer.headers.get("location", ""))
    except ValueError:
        target = ""
    there, here = origin_of(target), address.origin
    better = _better(target, address)
    same_host = urlsplit(there).hostname == urlsplit(here).hostname
    if there == here:
        message = (
            "{host} sent the request on to a page of its own, as a log-in page does. "
            "Check the base URL, or sign in to your network first."
        )
    elif better and here.startswith("http:") and same_host:
        message = "{host} wants https. Use {better} instead."
    else:
        message = (
            "{host} sent the request on to {there}, and the key was not sent there. "
            "Check the base URL, or sign in to your network first."
        )
    shown = there.partition("://")[2] or "another address"
    text = fill(message, answer, address, better=better or "", there=shown)
    return error_for(Reason.MOVED, text, suggestion=better)


def _better(target: str, address: Address) -> str | None:
    """The base URL that a redirect leads to, if a key could go there."""
    target = re.split(r"[?#]", target, maxsplit=1)[0]
    if not target.lower().startswith("https://"):
        return None
    try:
        base = normalize_base_url(target)
    except InvalidCredentialsError:
        return None
    origin = origin_of(base)
    if urlsplit(origin).hostname == urlsplit(address.origin).hostname:
        base = origin + address.base_url.removeprefix(address.origin)
    return None if base == address.base_url else base
