"""User name and base URL of a CARTO account, each told from the other.

A key goes where these functions say, so they answer only with a host that was written
by the user, and raise where it is not clear which account is meant. Nothing here
touches the network. How CARTO finds the user of a request is in CartoDB/cartodb
`config/initializers/carto_db.rb` (`extract_subdomain`).
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qsl, urlsplit

from .errors import InvalidCredentialsError
from .secret import CARTO_3_MESSAGE, looks_like_key, misplaced_key

DEFAULT_PORTS = {"https": 443, "http": 80}

_CLOUD = "carto.com"
_BARE_HOSTS = {"carto.com", "www.carto.com", "cartodb.com", "www.cartodb.com"}
_LENIENT_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")
_SERVER_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_PREFIX_SEGMENT = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._~-]+")
_NO_SLASHES = re.compile(r"https?:(?!//)", re.IGNORECASE)
_SECRET_PARAMETER = re.compile(r"key|token|secret|passw", re.IGNORECASE)

# Pages of CARTO's own web application: the first of them ends the address of the API.
_PAGES = frozenset(
    {"account", "api", "builder", "dashboard", "dataset", "kuviz", "lockout", "login"}
    | {"maintenance_mode", "me", "multifactor_authentication", "organization"}
    | {"profile", "signup", "tables", "unauthenticated", "unverified", "viz"}
    | {"your_apps"}
)


class Address(NamedTuple):
    """A user in lower case and the base of their API, without a slash at the end."""

    username: str
    base_url: str

    @property
    def origin(self) -> str:
        """Scheme, host and port: what a key is given to."""
        return origin_of(self.base_url)

    @property
    def host(self) -> str:
        """Host, with the port if it is a special one, to show to a person."""
        return self.origin.partition("://")[2]

    @property
    def is_cloud(self) -> bool:
        """Whether it is CARTO's own cloud, `https://<name>.carto.com`."""
        scheme, _, host = self.origin.partition("://")
        return scheme == "https" and _is_cloud_host(host)

    @property
    def keys_page(self) -> str:
        """The page where the user copies and makes API keys."""
        return self.url("your_apps")

    def url(self, path: str) -> str:
        """Return the URL of a path below the base URL, whatever slashes it has."""
        return f"{self.base_url}/{path.lstrip('/')}"


def check_username(username: str) -> None:
    """Refuse what cannot be a user name before it becomes a part of an address."""
    refuse_keys(username, "the user name", "username")
    if _LENIENT_NAME.fullmatch(username):
        return
    raise InvalidCredentialsError(
        f"{_name_problem(username)} The user name is the first part of your address, "
        "as in https://NAME.carto.com, or what follows /user/ or /u/ in it.",
        field="username",
        suggestion=_name_inside(username),
    )


def _name_problem(username: str) -> str:
    if not username:
        return "The CARTO user name is empty."
    if username.lower().endswith(".json"):
        return (
            "The CARTO user name looks like a file, which Credentials.from_file() or "
            "login(file=...) reads."
        )
    if re.search(r"[/#?\\]|\.[a-z]+$", username) and "@" not in username:
        return "The CARTO user name looks like an address."
    if "@" in username:
        return "The CARTO user name looks like an e-mail address."
    if len(username) > 63:  # noqa: PLR2004 - the longest name that CARTO and DNS take
        return "The CARTO user name is longer than 63 characters."
    return (
        "The CARTO user name has a character that no user name has: it is made of "
        "letters a to z, digits and '-'."
    )


def _name_inside(text: str) -> str | None:
    """The user name of an address that was given instead of one."""
    if not text.isascii() or "@" in text or "." not in text:
        return None
    try:
        parts = _split(text if "://" in text else f"https://{text}")
        base = urlsplit(_normalize(parts))
    except InvalidCredentialsError:
        return None
    host = base.hostname or ""
    in_host = _user_in_host(host) if host.endswith(f".{_CLOUD}") else None
    return _user_in_path(base.path) or in_host


def username_hint(username: str) -> str | None:
    """Say why CARTO itself would not have such a user name, or return None.

    Stricter than `check_username`: for a form, where a slip of the fingers is likelier
    than an unusual server.
    """
    name = username.lower()
    if not _LENIENT_NAME.fullmatch(name):
        try:
            check_username(name)
        except InvalidCredentialsError as error:
            return str(error)
    if _SERVER_NAME.fullmatch(name):
        return None
    if "_" in name:
        return (
            "CARTO user names have no '_'; did you mean "
            f"'{name.replace('_', '-').strip('-')}'?"
        )
    return "CARTO user names start and end with a letter or a digit."


def normalize_base_url(text: str, *, allow_non_secure: bool = False) -> str:
    """Turn whatever a browser's address bar shows into the base URL of the API.

    `Team.carto.com/u/jane/dashboard` becomes `https://team.carto.com/user/jane`, and
    that stays as it is when it is given again.
    """
    given = text.strip().strip("/")
    refuse_keys(given)
    _check_characters(given)
    if _NO_SLASHES.match(given):
        raise _invalid("The address needs two slashes after 'https:'.")
    parts = _split(given if "://" in given else f"https://{given}")
    normalized = _normalize(parts)
    _check_platform(parts, normalized)
    _check_extras(parts, normalized)
    _check_scheme(parts, normalized, allow_non_secure=allow_non_secure)
    return normalized


def resolve(
    username: str | None, base_url: str | None, *, allow_non_secure: bool = False
) -> Address:
    """Tell user and address from what is known of them, or say what is not clear."""
    if username:
        check_username(username)
    name = username.lower() if username else None
    if not base_url:
        if name is None:
            raise InvalidCredentialsError(
                "A CARTO user name is needed, or a base URL that names the user.",
                field="username",
            )
        base_url = f"https://{name}.{_CLOUD}"
    base = normalize_base_url(base_url, allow_non_secure=allow_non_secure)
    return _with_user(name, base)


def _with_user(name: str | None, base: str) -> Address:
    parts = urlsplit(base)
    in_path, in_host = _user_in_path(parts.path), _user_in_host(parts.hostname or "")
    if in_path and name and in_path != name:
        raise InvalidCredentialsError(
            f"The address {base} belongs to '{in_path}', not to '{name}'. Correct the "
            "user name or the address.",
            field="username",
            suggestion=in_path,
        )
    user = in_path or name or in_host
    if user is None:
        raise InvalidCredentialsError(
            f"The address {base} does not say whose account it is. Give the user name "
            f"too, or add it to the address: {base}/user/NAME",
            field="username",
        )
    if not in_path and in_host != user:
        # An organisation's host, or one host for all the users of an installation.
        base = f"{base}/user/{user}"
    return Address(user, base)


def base_from_template(template: object, username: str) -> str | None:
    """Tell the base URL from the `sql_api_template` that a CARTO server announces."""
    if not isinstance(template, str) or not re.search(r"://.*\{user\}", template):
        return None
    try:
        return resolve(username, template.replace("{user}", username)).base_url
    except InvalidCredentialsError:
        return None


def _invalid(message: str, suggestion: str | None = None) -> InvalidCredentialsError:
    if suggestion:
        message = f"{message} Did you mean {suggestion}?"
    return InvalidCredentialsError(message, field="base_url", suggestion=suggestion)


def refuse_keys(text: str, where: str = "the address", field: str = "base_url") -> None:
    """Refuse a text that has a key in it, before any of it is repeated."""
    place, _, query = text.partition("?")
    words = re.split(r"[/.:@#]", place)
    words += [value for _, value in parse_qsl(query.replace("#", "&"))]
    words += re.split(r"[?&#=]", query)
    if any(map(looks_like_key, words)):
        raise misplaced_key(where, field)


def _check_characters(text: str) -> None:
    if not text:
        raise _invalid("The address is empty.")
    if re.search(r"[^!-~]|[\\<>\"'`{}|^]", text):
        raise _invalid(
            "The address holds a character that no address has (a blank, a line break, "
            "a quote or a letter with an accent). Copy it again from your browser."
        )


def _normalize(parts: SplitResult) -> str:
    origin = origin_of(f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}")
    segments = [segment for segment in parts.path.split("/") if segment]
    is_cloud = _is_cloud_host(parts.hostname or "")
    before, user = _cut(segments)
    if user is not None:
        check = user.lower()
        if not _LENIENT_NAME.fullmatch(check):
            raise _invalid("The address names no valid user after /user/.")
        user = check
    if is_cloud:
        before = []
    if not all(map(_PREFIX_SEGMENT.fullmatch, before)):
        raise _invalid("The path of the address is not one of CARTO's.", origin)
    if user and not (is_cloud and user == _user_in_host(parts.hostname or "")):
        before = [*before, "user", user]
    return "/".join([origin, *before])


def _cut(segments: list[str]) -> tuple[list[str], str | None]:
    """Split a path into what stands before `/user/<name>` or a page, and the name."""
    for index, segment in enumerate(segments[:-1]):
        if segment in {"user", "u"}:
            return segments[:index], segments[index + 1]
    for index, segment in enumerate(segments):
        if segment in _PAGES:
            return segments[:index], None
    while segments and segments[-1] in {"user", "u"}:
        segments = segments[:-1]
    return segments, None


def _user_in_path(path: str) -> str | None:
    return _cut([segment for segment in path.split("/") if segment])[1]


def _user_in_host(host: str) -> str | None:
    label, dot, rest = host.lower().partition(".")
    if not dot or host in _BARE_HOSTS or label == "www" or not rest:
        return None
    if ":" in host or host.replace(".", "").isdigit():
        return None
    return label


def _is_cloud_host(host: str) -> bool:
    label, _, rest = host.lower().partition(".")
    return rest == _CLOUD and label not in {"www", "app"}


def _check_platform(parts: SplitResult, normalized: str) -> None:
    host = urlsplit(normalized).hostname or ""
    if host == f"app.{_CLOUD}" or host.endswith((f".api.{_CLOUD}", f".app.{_CLOUD}")):
        raise _invalid(CARTO_3_MESSAGE)
    user = _user_in_path(parts.path)
    if host in _BARE_HOSTS:
        raise _invalid(
            f"{host} is CARTO's web site; every account has an address of its own, "
            "https://NAME.carto.com.",
            f"https://{user}.{_CLOUD}" if user else None,
        )
    if host.startswith("www.") and host.endswith(f".{_CLOUD}"):
        raise _invalid(f"There is no {host}.", normalized.replace("//www.", "//", 1))


def _split(text: str) -> SplitResult:
    try:
        return split_url(text)
    except ValueError as error:
        raise _invalid(str(error)) from None


def _check_extras(parts: SplitResult, normalized: str) -> None:
    if "@" in parts.netloc:
        raise _invalid(
            "The address must not hold a user name or a password.", normalized
        )
    extras = f"{parts.query}#{parts.fragment}"
    if _SECRET_PARAMETER.search(extras):
        raise _invalid("The address must not hold a key after '?' or '#'.", normalized)
    # What follows a page that was pasted from the browser is dropped with the page.
    page = set(parts.path.split("/")) & _PAGES
    if extras != "#" and not page:
        raise _invalid("The address must end before '?' and '#'.", normalized)


def _check_scheme(
    parts: SplitResult, normalized: str, *, allow_non_secure: bool
) -> None:
    if parts.scheme == "https" or allow_non_secure or is_loopback(normalized):
        return
    raise _invalid(
        "http:// would send the API key readable for everybody on the way; only "
        "https:// is accepted (allow_non_secure=True accepts http:// in a network that "
        "you trust).",
        normalized.replace("http://", "https://", 1).removesuffix(":80"),
    )


# Hosts and origins, in the one form that is compared and connected to.

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
    """Return scheme, host and port in their shortest form; `""` if there is no host."""
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
    """Split a URL that can be used; the text of a ValueError is for the user."""
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
