"""User name and base URL of a CARTO account, each told from the other.

A key goes where these functions say, so they answer only with a host that was written
by the user, and raise where it is not clear which account is meant.
"""

from __future__ import annotations

import ipaddress
import re
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit

from .errors import InvalidCredentialsError
from .secret import CARTO_3_MESSAGE, has_key
from .values import NamedTuple

_PORTS = {"https": 443, "http": 80}
_CLOUD = "carto.com"
_CLOUD_HOST = re.compile(r"(?!www\.|app\.)[a-z0-9_-]+\.carto\.com")
# Names of DNS, none of which ends as a number does.
_HOST_NAME = re.compile(
    r"(?!.{254})(?!(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)$)"
    r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*"
)
_WEB_SITES = {"carto.com", "www.carto.com", "cartodb.com", "www.cartodb.com"}
_LENIENT_NAME = re.compile(r"[A-Za-z0-9_-]{1,63}")
_SERVER_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_SECRET_PARAMETER = re.compile(r"key|token|secret|passw", re.IGNORECASE)
# The first that fits says what is wrong with a user name.
_NAME_PROBLEMS = {
    r"": "is empty.",
    r".*\.json": (
        "looks like a file, which Credentials.from_file() or login(file=...) reads."
    ),
    r".*@.*": "looks like an e-mail address.",
    r".*[/#?\\].*|.*\.[a-z]+": "looks like an address.",
    r".*": "must be letters a to z, digits and '-' alone, at most 63 of them.",
}

# Pages of CARTO's own web application: the first of them ends the address of the API.
_PAGE = re.compile(
    r"/(?:account|api|builder|dashboard|dataset|kuviz|lockout|login|maintenance_mode|me"
    r"|multifactor_authentication|organization|profile|signup|tables|unauthenticated"
    r"|unverified|viz|your_apps)(?=/|$)"
)
_USER = re.compile(r"(.*?)/u(?:ser)?/([^/]+)")
_PREFIX = re.compile(r"(?:/(?!\.{1,2}(?:/|$))[A-Za-z0-9._~-]+)*")


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
        is_https = self.origin.startswith("https://")
        return is_https and _CLOUD_HOST.fullmatch(self.host) is not None

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
    problem = next(
        said
        for form, said in _NAME_PROBLEMS.items()
        if re.fullmatch(form, username, re.IGNORECASE | re.DOTALL)
    )
    inside = None
    with suppress(InvalidCredentialsError):
        found = resolve(None, username)
        is_named = found.is_cloud or _user_in_path(found.base_url)
        inside = found.username if is_named else None
    raise InvalidCredentialsError(
        f"The CARTO user name {problem} The user name is the first part of your "
        "address, as in https://NAME.carto.com, or what follows /user/ or /u/ in it.",
        field="username",
        suggestion=inside,
    )


def check_username_strictly(username: str) -> None:
    """Refuse what CARTO itself would not have as a user name, too."""
    check_username(username)
    if _SERVER_NAME.fullmatch(username.lower()):
        return
    better = username.lower().replace("_", "-").strip("-")
    problem = "start and end with a letter or a digit."
    if "_" in username:
        problem = f"have no '_'; did you mean '{better}'?"
    raise InvalidCredentialsError(
        f"CARTO user names {problem}", field="username", suggestion=better or None
    )


def cloud_base(username: str | None) -> str:
    """Return the address of a user of whom no other one is known."""
    if not username:
        raise InvalidCredentialsError(
            "A CARTO user name is needed, or a base_url that names the user.",
            field="username",
        )
    return f"https://{username}.{_CLOUD}"


def normalize_base_url(text: str, *, allow_non_secure: bool = False) -> str:
    """Turn what a browser's address bar shows into the base URL of the API."""
    given = text.strip().strip("/")
    refuse_keys(given)
    if not given:
        raise _invalid("The address is empty.")
    if re.search(r"[^!-~]|[\\<>\"'`{}|^]", given):
        raise _invalid(
            "The address holds a character that no address has (a blank, a line break, "
            "a quote or a letter with an accent). Copy it again from your browser."
        )
    url = given if "://" in given else f"https://{given}"
    if url.partition("://")[0].lower() not in _PORTS:
        raise _invalid("The address must start with https://.")
    if not (origin := origin_of(url)):
        raise _invalid(
            "The address names no valid host, or no number as its port. Copy it from "
            "your browser."
        )
    parts = urlsplit(url)
    normalized = origin + _path(parts.path, origin)
    _check(parts, normalized)
    if parts.scheme != "https" and not allow_non_secure and not is_loopback(normalized):
        raise _invalid(
            "http:// would send the API key readable for everybody on the way; only "
            "https:// is accepted (allow_non_secure=True accepts http:// in a network "
            "that you trust).",
            normalized.replace("http://", "https://", 1).removesuffix(":80"),
        )
    return normalized


def resolve(
    username: str | None, base_url: str | None, *, allow_non_secure: bool = False
) -> Address:
    """Tell user and address from what is known of them, or say what is not clear."""
    if username:
        check_username(username)
    name = username.lower() if username else None
    base = normalize_base_url(
        base_url or cloud_base(name), allow_non_secure=allow_non_secure
    )
    in_path, in_host = _user_in_path(base), _user_in_host(base)
    if in_path and name and in_path != name:
        raise InvalidCredentialsError(
            f"The address {base} belongs to '{in_path}', not to '{name}'. Correct the "
            "user name or the address.",
            field="username",
            suggestion=in_path,
        )
    user = in_path or name or in_host
    if not user:
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
    with suppress(InvalidCredentialsError):
        return resolve(username, template.replace("{user}", username)).base_url
    return None


def refuse_keys(text: str, where: str = "the address", field: str = "base_url") -> None:
    """Refuse a text that has a key in it, before any of it is repeated."""
    if has_key(text):
        raise InvalidCredentialsError(
            f"What stands in the place of {where} looks like an API key, so it was "
            f"neither used nor sent. Put {where} there and the key in its own place; a "
            "name that only looks like a key can be written in lower case.",
            field=field,
        )


def _invalid(message: str, suggestion: str | None = None) -> InvalidCredentialsError:
    if suggestion:
        message = f"{message} Did you mean {suggestion}?"
    return InvalidCredentialsError(message, field="base_url", suggestion=suggestion)


def _path(path: str, origin: str) -> str:
    """Return what of a browser's path belongs to the address of the API."""
    path = re.sub("/+", "/", path).rstrip("/")
    before, user = re.sub(r"/u(?:ser)?$", "", _PAGE.split(path)[0]), ""
    if found := _USER.match(path):
        before, user = found[1], found[2].lower()
        if not _LENIENT_NAME.fullmatch(user):
            raise _invalid("The address names no valid user after /user/.")
    if _CLOUD_HOST.fullmatch(origin.partition("://")[2]):
        before = ""
        user = "" if user == _user_in_host(origin) else user
    if not _PREFIX.fullmatch(before):
        raise _invalid("The path of the address is not one of CARTO's.", origin)
    return f"{before}/user/{user}" if user else before


def _user_in_path(base: str) -> str:
    return urlsplit(base).path.partition("/user/")[2]


def _user_in_host(url: str) -> str:
    # As CARTO does (CartoDB/cartodb `config/initializers/carto_db.rb`).
    host = urlsplit(url).hostname or ""
    label, _, rest = host.partition(".")
    is_number = ":" in host or rest.replace(".", "").isdigit()
    return label if rest and label != "www" and not is_number else ""


def _check(parts: SplitResult, normalized: str) -> None:
    """Refuse what is no address of an account, and what else was pasted along."""
    host = urlsplit(normalized).hostname or ""
    if host == f"app.{_CLOUD}" or host.endswith((f".api.{_CLOUD}", f".app.{_CLOUD}")):
        raise _invalid(CARTO_3_MESSAGE)
    if host in _WEB_SITES:
        user = _user_in_path(normalized)
        raise _invalid(
            f"{host} is CARTO's web site; every account has an address of its own, "
            "https://NAME.carto.com.",
            cloud_base(user) if user else None,
        )
    if host.startswith("www.") and host.endswith(f".{_CLOUD}"):
        raise _invalid(f"There is no {host}.", normalized.replace("//www.", "//", 1))
    if "@" in parts.netloc:
        raise _invalid(
            "The address must not hold a user name or a password.", normalized
        )
    extras = f"{parts.query}{parts.fragment}"
    if _SECRET_PARAMETER.search(extras):
        raise _invalid("The address must not hold a key after '?' or '#'.", normalized)
    # What follows a page that was pasted from the browser is dropped with the page.
    if extras and not _PAGE.search(parts.path):
        raise _invalid("The address must end before '?' and '#'.", normalized)


# Hosts and origins, in the one form that is compared and connected to.


def is_loopback(url: str) -> bool:
    """Whether a URL points to this machine, where `http://` is as good as https."""
    host = urlsplit(origin_of(url)).hostname
    try:
        return ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        # Other names below .localhost are up to the resolver, so they do not count.
        return host == "localhost"


def origin_of(url: str) -> str:
    """Return scheme, host and port in their shortest form; `""` if there is no host."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").removesuffix("."), parts.port
        if not _HOST_NAME.fullmatch(host):
            # A resolver would take 127.1 and 0x7f.1 too, and go where nobody reads it.
            number = ipaddress.ip_address(host)
            host = f"[{number}]" if ":" in host else str(number)
    except ValueError:
        return ""
    if port == 0 or parts.netloc.endswith(":") or "%" in host:
        return ""
    suffix = "" if port in (None, _PORTS.get(parts.scheme)) else f":{port}"
    return f"{parts.scheme}://{host}{suffix}"
