"""What a server answered, as a value, and what it means where it is not CARTO.

An `Answer` does not hold the key that was sent, not even where the server repeats it:
CARTO does so in every listing of keys, and what is parsed here ends up in messages, in
tracebacks and on screens.
"""

from __future__ import annotations

import json
import re
import time
from base64 import b64encode
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urljoin

from ..address import normalize_base_url, origin_of
from ..errors import InvalidCredentialsError, Reason
from .failures import Failure, proxy_failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ..address import Address

# ruff: noqa: PLR2004 - HTTP statuses are known by their numbers

_SHOWN_TEXT = 2_000
_LONG_ENOUGH_TO_MASK = 8


class _SameKey(str):
    """The mask that stands where an answer repeats the key exactly."""

    __slots__ = ()


SAME_KEY = _SameKey("***")


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answered, with the key masked.

    Attributes:
        status: HTTP status.
        headers: values by lower-case name, without cookies.
        data: the parsed JSON body, or None where it is not JSON.
        text: beginning of the body, as text.
        too_big: whether the body was cut at the limit.
        url: what was asked, without a query.
    """

    status: int
    headers: Mapping[str, str]
    data: Any = None
    text: str = ""
    too_big: bool = False
    url: str = ""

    def json(self) -> Any:
        """Return the parsed body, or None where it is not JSON."""
        return self.data

    @property
    def object(self) -> dict[str, Any]:
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


def read_answer(  # noqa: PLR0913 - the parts of an answer
    status: int,
    headers: Iterable[tuple[str, str]],
    body: bytes,
    *,
    too_big: bool,
    url: str,
    masks: Callable[[str], str],
) -> Answer:
    """Parse and mask what was received.

    Args:
        status: HTTP status.
        headers: names and values.
        body: at most the allowed size of it.
        too_big: whether there was more.
        url: what was asked.
        masks: replaces the key in a text; see `key_mask`.
    """
    return Answer(
        status=status,
        headers={
            name.lower(): masks(value)
            for name, value in headers
            if name.lower() not in {"set-cookie", "set-cookie2"}
        },
        data=None if too_big else _parse(body, masks),
        text=masks(body.decode("utf-8", "replace"))[:_SHOWN_TEXT],
        too_big=too_big,
        url=url,
    )


def _parse(body: bytes, masks: Callable[[str], str]) -> Any:
    try:
        return _masked(json.loads(body), masks) if body else None
    except (ValueError, RecursionError):
        return None


def _masked(value: Any, masks: Callable[[str], str]) -> Any:
    match value:
        case str():
            return masks(value)
        case list():
            return [_masked(item, masks) for item in value]
        case dict():
            return {masks(name): _masked(item, masks) for name, item in value.items()}
    return value


def key_mask(username: str, key: str) -> Callable[[str], str]:
    """Return a function that masks a key in a text, in each form it is sent in.

    A text that is the key and nothing else becomes `SAME_KEY`, so that an answer can
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
        return text

    return mask


def retry_seconds(value: str, now: float) -> float | None:
    """Read a `Retry-After` header, a number of seconds or a date.

    Args:
        value: the header, or `""`.
        now: the present, in seconds since the epoch.

    Example:
        >>> retry_seconds("7", 0)
        7.0
        >>> retry_seconds("Thu, 01 Jan 1970 00:01:00 GMT", 30)
        30.0
    """
    if re.fullmatch(r"[0-9]{1,9}", value.strip()):
        return float(value)
    try:
        moment = parsedate_to_datetime(value).timestamp()
    except (ValueError, OverflowError, TypeError):
        return None
    return max(0.0, moment - now)


def is_carto(answer: Answer) -> bool:
    """Whether an anonymous `/api/v3/me` was answered as only CARTO does.

    It tells everybody how the installation is set up (CartoDB/cartodb
    `app/helpers/frontend_config_helper.rb`).
    """
    config = answer.object.get("config")
    return (
        answer.status == 200
        and isinstance(config, dict)
        and any(
            isinstance(config.get(name), str)
            for name in ("sql_api_template", "maps_api_template")
        )
    )


def foreign(answer: Answer, address: Address) -> Failure | None:
    """Sort the answers that come from what stands in front of CARTO.

    Returns:
        What to say, or None where CARTO itself may have answered.
    """
    for _, applies, says in FOREIGN:
        if applies(answer):
            return says(answer, address)
    return None


def _other_password(_: Answer, address: Address) -> Failure:
    return Failure(
        Reason.PROXY,
        f"A server in front of CARTO at {address.host} asks for a user name and a "
        "password of its own. Sign in to your network first, or ask who runs that "
        "server.",
    )


def _blocked(_: Answer, address: Address) -> Failure:
    return Failure(
        Reason.BLOCKED,
        f"Access to {address.host} is blocked (HTTP 403), probably by a firewall. Your "
        "key was not checked. Try from another network, or ask your network's "
        "administrator.",
    )


def _refused(answer: Answer, address: Address) -> Failure:
    return Failure(
        Reason.TLS,
        f"{address.host} refused the request (HTTP {answer.status}) before it reached "
        "CARTO. Is the port right, and does it speak "
        f"{address.origin.partition(':')[0]}?",
    )


def _trouble(answer: Answer, address: Address) -> Failure:
    return Failure(
        Reason.SERVER_ERROR,
        f"CARTO at {address.host} has a problem (HTTP {answer.status}). Your key was "
        "not checked. Try again in a moment.",
        retry_after=answer.retry_after,
    )


def not_carto(answer: Answer, address: Address) -> Failure:
    """Say that whatever answered was not CARTO."""
    if answer.status == 200:
        return Failure(
            Reason.NOT_CARTO,
            f"{address.host} answered with a web page or other data, not as the CARTO "
            "API. Check the base URL, or sign in to your network first.",
        )
    return Failure(
        Reason.NOT_CARTO,
        f"There is no CARTO API at {address.base_url} (HTTP {answer.status}). Check "
        "the base URL.",
    )


def _busy(answer: Answer, address: Address) -> Failure:
    seconds = answer.retry_after
    when = "in a moment" if seconds is None else f"in {max(seconds, 1):.0f} s"
    return Failure(
        Reason.RATE_LIMITED,
        f"CARTO at {address.host} is busy (HTTP 429). Your key was not checked. "
        f"Try again {when}.",
        retry_after=seconds,
    )


def _moved(answer: Answer, address: Address) -> Failure:
    target = _target(answer)
    there = origin_of(target)
    shown = there.partition("://")[2] or "another address"
    better = _better(target, address)
    if there == address.origin:
        detail = (
            f"{address.host} sent the request on to a page of its own, as a log-in "
            "page does. Check the base URL, or sign in to your network first."
        )
    elif better and _is_https_of(there, address.origin):
        detail = f"{address.host} wants https. Use {better} instead."
    else:
        detail = (
            f"{address.host} sent the request on to {shown}, and the key was not sent "
            "there. Check the base URL, or sign in to your network first."
        )
    return Failure(Reason.MOVED, detail, suggestion=better)


def _is_https_of(there: str, here: str) -> bool:
    return here.startswith("http:") and _without_scheme(there) == _without_scheme(here)


def _without_scheme(origin: str) -> str:
    # http://host:8080 and https://host are one host to the user.
    return re.sub(r":\d+$", "", origin.partition("://")[2])


def _target(answer: Answer) -> str:
    try:
        return urljoin(answer.url, answer.headers.get("location", ""))
    except ValueError:
        return ""


def _better(target: str, address: Address) -> str | None:
    """The base URL that a redirect leads to, if a key could go there."""
    target = re.split(r"[?#]", target, maxsplit=1)[0]
    if not target.lower().startswith("https://"):
        return None
    try:
        base = normalize_base_url(target)
    except InvalidCredentialsError:
        return None
    own_path = address.base_url.removeprefix(address.origin)
    if _without_scheme(origin_of(base)) == _without_scheme(address.origin):
        base = origin_of(base) + own_path
    return None if base == address.base_url else base


# Numbered as in the validation's own table, which these rows are a part of. Whether it
# is CARTO behind them would not change what is to be said, so that is not asked.
FOREIGN: tuple[
    tuple[str, Callable[[Answer], bool], Callable[[Answer, Address], Failure]], ...
] = (
    (
        "7",
        lambda a: a.status == 401 and "www-authenticate" in a.headers,
        _other_password,
    ),
    ("10", lambda a: a.status == 403 and a.data is None, _blocked),
    ("11, 12", lambda a: 300 <= a.status < 400, _moved),
    ("14", lambda a: a.status in {400, 414, 431} and a.data is None, _refused),
    ("15", lambda a: a.status == 407, lambda _, address: proxy_failure(address.host)),
    ("16", lambda a: a.status == 429, _busy),
    ("17", lambda a: a.status >= 500, _trouble),
)


def printable(text: str) -> str:
    """Make a text of a server fit to be shown in one line."""
    shown = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(shown.split())[:300]
