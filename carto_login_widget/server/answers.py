"""What came back from a server, as a value, and what it means where it is no verdict.

An `Answer` does not hold the key that was sent, not even where the server repeats it:
CARTO does so in every listing of keys, and what is parsed here ends up in messages, in
tracebacks and on screens. A `Failure` holds no exception: those of requests hold the
request with its key.
"""

from __future__ import annotations

import json
import re
import time
from base64 import b64encode
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple
from urllib.parse import quote, urljoin

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
    *(Reason.RATE_LIMITED, Reason.SERVER_ERROR),
}
_LONG_ENOUGH_TO_MASK = 8


@dataclass(frozen=True, slots=True)
class Failure:
    """Why there is no result, in a sentence for the user."""

    reason: Reason | None  # None where nobody expected it
    detail: str
    suggestion: str | None = None  # a base URL that would be better
    retry_after: float | None = None

    # Whoever looks for an answer finds an empty one.
    status: ClassVar[int] = 0
    object: ClassVar[Mapping[str, Any]] = {}
    error_text: ClassVar[str] = ""

    def error(self) -> CartoLoginError:
        """Return the error to raise for it."""
        reason, detail = self.reason, self.detail
        if reason is None or reason in _UNDECIDED:
            return UndecidedError(detail, reason=reason, retry_after=self.retry_after)
        if reason in _NOT_CARTO:
            return NotCartoError(detail, reason=reason, suggestion=self.suggestion)
        return RejectedError(detail, reason=reason)


class _SameKey(str):
    """The mask that stands where an answer repeats the key exactly."""

    __slots__ = ()


SAME_KEY = _SameKey("***")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered, with the key masked and no control characters."""

    status: int
    headers: Mapping[str, str]  # by lower-case name, without cookies
    data: Any  # the parsed body, or None where it is not JSON
    empty: bool
    url: str  # what was asked, without a query

    @property
    def object(self) -> Mapping[str, Any]:
        """The parsed body if it is a JSON object, else `{}`."""
        return self.data if isinstance(self.data, dict) else {}

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


def read_answer(
    status: int,
    headers: Iterable[tuple[str, str]],
    body: bytes | None,
    url: str,
    mask: Callable[[str], str],
) -> Answer:
    """Parse what was received, and mask each text of it; a body of None is broken."""
    return Answer(
        status=status,
        headers={
            name.lower(): mask(value)
            for name, value in headers
            if name.lower() not in {"set-cookie", "set-cookie2"}
        },
        data=_parse(body, mask) if body else None,
        empty=body is not None and not body.strip(),
        url=url,
    )


def _parse(body: bytes, mask: Callable[[str], str]) -> Any:
    try:
        return _masked(json.loads(body), mask)
    except (ValueError, RecursionError):
        return None


def _masked(value: Any, mask: Callable[[str], str]) -> Any:
    match value:
        case str():
            return mask(value)
        case list():
            return [_masked(item, mask) for item in value]
        case dict():
            return {mask(name): _masked(item, mask) for name, item in value.items()}
    return value


def key_mask(username: str, key: str) -> Callable[[str], str]:
    """Return what every text of a server goes through.

    It masks the key in each form that it is sent in, and drops control characters. A
    text that is the key and nothing else becomes `SAME_KEY`, so that an answer can
    still be seen to repeat it.
    """
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


def retry_seconds(value: str, now: float) -> float | None:
    """Read a `Retry-After` header, a number of seconds or a date."""
    if re.fullmatch(r"[0-9]{1,9}", value.strip()):
        return float(value)
    try:
        moment = parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError, TypeError):
        return None
    return max(0.0, moment - now)


def config_of(answer: Answer | Failure) -> Mapping[str, Any]:
    """How an installation says that it is set up, or `{}`."""
    config = answer.object.get("config")
    return config if isinstance(config, dict) else {}


def is_carto(answer: Answer | Failure) -> bool:
    """Whether an anonymous `/api/v3/me` was answered as only CARTO does.

    It tells everybody how the installation is set up (CartoDB/cartodb
    `app/helpers/frontend_config_helper.rb`).
    """
    templates = ("sql_api_template", "maps_api_template")
    told = (config_of(answer).get(name) for name in templates)
    return answer.status == 200 and any(isinstance(value, str) for value in told)


class Row(NamedTuple):
    """A line of a table: a name, what it is about, and what it says; see `fill`.

    What `finds` returns is the result itself, or whether the row applies.
    """

    name: str
    finds: Callable[[Any], object]
    reason: Reason | None = None
    message: str = ""


def sort_answer(
    rows: Iterable[Row], answer: Answer | Failure, address: Address
) -> Failure | None:
    """What the first row that applies says; a failure is one already."""
    if isinstance(answer, Failure):
        return answer
    row = next((row for row in rows if row.finds(answer)), None)
    if row is None or row.reason is Reason.MOVED:
        return row and _moved(answer, address)
    detail = fill(row.message, answer, address)
    return Failure(row.reason, detail, retry_after=answer.retry_after)


def fill(message: str, answer: Answer | Failure, address: Address, **more: str) -> str:
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


def foreign(answer: Answer | Failure, address: Address) -> Failure | None:
    """What stands in front of CARTO; None where CARTO itself may have answered."""
    return sort_answer(FOREIGN, answer, address)


def not_carto(answer: Answer | Failure, address: Address) -> Failure:
    """Say that whatever answered was not CARTO."""
    message = _NO_API if answer.status != 200 else _WEB_PAGE
    return Failure(Reason.NOT_CARTO, fill(message, answer, address))


_WEB_PAGE = (
    "{host} answered with a web page or other data, not as the CARTO API. Check the "
    "base URL, or sign in to your network first."
)
_NO_API = "There is no CARTO API at {base} (HTTP {status}). Check the base URL."

# Numbered as in the validation's own table, which these rows are a part of. Whether it
# is CARTO behind them would not change what is to be said, so that is not asked.
FOREIGN = (
    Row(
        "7",
        lambda a: a.status == 401 and "www-authenticate" in a.headers,
        Reason.PROXY,
        "A server in front of CARTO at {host} asks for a user name and a password of "
        "its own. Sign in to your network first, or ask who runs that server.",
    ),
    Row(
        "10",
        lambda a: a.status == 403 and a.data is None,
        Reason.BLOCKED,
        "Access to {host} is blocked (HTTP 403), probably by a firewall. Your key was "
        "not checked. Try from another network, or ask your network's administrator.",
    ),
    Row("11, 12", lambda a: 300 <= a.status < 400, Reason.MOVED, ""),
    Row(
        "14",
        lambda a: a.status in {400, 414, 431} and a.data is None,
        Reason.TLS,
        "{host} refused the request (HTTP {status}) before it reached CARTO. Is the "
        "port right, and does it speak {scheme}?",
    ),
    Row(
        "15",
        lambda a: a.status == 407,
        Reason.PROXY,
        "Your network's proxy refused the connection to {host}. Check HTTPS_PROXY and "
        "its user name and password, or ask your network's administrator.",
    ),
    Row(
        "16",
        lambda a: a.status == 429,
        Reason.RATE_LIMITED,
        "CARTO at {host} is busy (HTTP 429). Your key was not checked. Try again "
        "{when}.",
    ),
    Row(
        "17",
        lambda a: a.status >= 500,
        Reason.SERVER_ERROR,
        "CARTO at {host} has a problem (HTTP {status}). Your key was not checked. Try "
        "again in a moment.",
    ),
)


# How CARTO refuses a right key for the state of the account.
STATES = (
    Row(
        "8b, 9",
        lambda a: a.status == 403 and a.error_text == "lockout",
        Reason.LOCKED,
        "The CARTO account '{user}' at {host} is locked. Contact CARTO, or the "
        "administrator of your organisation.",
    ),
    Row(
        "8c, 9",
        lambda a: a.status == 403 and a.error_text == "maintenance_mode",
        Reason.MAINTENANCE,
        "The CARTO account '{user}' at {host} is in maintenance. Try again later.",
    ),
    Row(
        "8d, 9",
        lambda a: a.status == 403 and a.error_text == "unverified",
        Reason.UNVERIFIED,
        "The e-mail address of '{user}' is not confirmed. Follow the link in the "
        "e-mail that CARTO sent, then log in again at {host}.",
    ),
    Row(
        "8d",
        lambda a: a.status == 403 and a.empty,
        Reason.NOT_ACTIVATED,
        "The sign-up of '{user}' at {host} is not finished. Follow the link in the "
        "e-mail that CARTO sent, then log in again.",
    ),
)


def _moved(answer: Answer, address: Address) -> Failure:
    try:
        target = urljoin(answer.url, answer.headers.get("location", ""))
    except ValueError:
        target = ""
    there, here = origin_of(target), address.origin
    better = _better(target, address)
    same_host = _without_scheme(there) == _without_scheme(here)
    if there == here:
        detail = (
            f"{address.host} sent the request on to a page of its own, as a log-in "
            "page does. Check the base URL, or sign in to your network first."
        )
    elif better and here.startswith("http:") and same_host:
        detail = f"{address.host} wants https. Use {better} instead."
    else:
        shown = there.partition("://")[2] or "another address"
        detail = (
            f"{address.host} sent the request on to {shown}, and the key was not sent "
            "there. Check the base URL, or sign in to your network first."
        )
    return Failure(Reason.MOVED, detail, suggestion=better)


def _without_scheme(origin: str) -> str:
    # http://host:8080 and https://host are one host to the user.
    return re.sub(r":\d+$", "", origin.partition("://")[2])


def _better(target: str, address: Address) -> str | None:
    """The base URL that a redirect leads to, if a key could go there."""
    target = re.split(r"[?#]", target, maxsplit=1)[0]
    if not target.lower().startswith("https://"):
        return None
    try:
        base = normalize_base_url(target)
    except InvalidCredentialsError:
        return None
    if _without_scheme(origin_of(base)) == _without_scheme(address.origin):
        base = origin_of(base) + address.base_url.removeprefix(address.origin)
    return None if base == address.base_url else base
