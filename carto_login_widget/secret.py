"""The API key: kept out of sight, cleaned of what a paste brings, and recognised.

Wrapped in a `Secret` a key shows neither in a `repr` nor among the local variables of a
traceback; it is plain text only at `Credentials.api_key`, in the file and on the wire.
"""

from __future__ import annotations

import re
from urllib.parse import unquote

from .errors import InvalidCredentialsError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

DEFAULT_PUBLIC = "default_public"
CARTO_3_MESSAGE = (
    "That belongs to the new CARTO platform (app.carto.com). This package signs in to "
    "CARTO 2 accounts (<user>.carto.com) and on-premises installations, with a user "
    "name and an API key from the API keys page of the account."
)

# CARTO cuts or splits a key at some of these (CartoDB/cartodb
# `config/initializers/warden.rb`), so a mistyped key could be taken for another one.
_FORBIDDEN_IN_KEY = re.compile(r"[^!-~]|[:?~>{}\"'`]")
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
_AROUND = "\"'`\u2018\u2019\u201c\u201d \t\r\n\xa0"
# CartoDB/cartodb makes a master key of 20 random bytes in hexadecimal
# (`user_commons.rb`), the others of 16 bytes in URL-safe base64
# (`auth_token_generator.rb`). Tokens of CARTO 3 are JWTs.
_MASTER = re.compile(r"[0-9A-Fa-f]{40}")
_OTHER = re.compile(r"(?=.*[a-z])(?=.*[A-Z])[A-Za-z0-9_-]{22}")
_TOKEN = re.compile(r"eyJ[A-Za-z0-9._-]{17,}")
_NAME_OF_KEY = r"(?:carto[-_]?)?(?:(?:master[-_]?)?(?:api[-_]?)?key|(?:api[-_]?)?token)"
# `api_key="KEY",`, `"apiKey": "KEY"` and `export CARTO_API_KEY=KEY`
_ASSIGNED = re.compile(
    rf"(?:export\s+|set\s+)?[\"']?{_NAME_OF_KEY}[\"']?\s*[:=]\s*(.+)", re.IGNORECASE
)
_IN_FILE = re.compile(
    rf'\{{.*?"{_NAME_OF_KEY}"\s*:\s*"([^"]+)".*', re.IGNORECASE | re.DOTALL
)
_IN_URL = re.compile(rf"\S+[?&]{_NAME_OF_KEY}=([^&#\s]+)\S*", re.IGNORECASE)
# `--api-key`, `--token=…`, `api_key=…`
_KEY_OPTION = (
    r"--?(?:api[-_]?)?(?:key|token|password|secret)\b.*"
    r"|.*(?:key|token|secret|passw\w*)\s*[=:].+"
)


class Secret:
    """A key that shows itself only when asked to."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    @classmethod
    def of(cls, value: Secret | str | None) -> Secret | None:
        """Wrap a plain key; what is no text is wrapped too, and refused later."""
        return value if value is None or isinstance(value, Secret) else cls(value)

    def reveal(self) -> str:
        """Return the key itself."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> tuple[Any, ...]:
        return Secret, (self._text,)  # by the oldest protocols of pickle, too

    def __repr__(self) -> str:
        return "<secret>"

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)


PUBLIC = Secret(DEFAULT_PUBLIC)


def looks_like_key(text: str) -> bool:
    """Whether a whole word has the form of a key: it is neither repeated nor sent."""
    return any(form.fullmatch(text) for form in (_MASTER, _OTHER, _TOKEN))


def looks_like_master_key(text: str) -> bool:
    """Whether a word can be a master key only, where names may be like other keys."""
    return _MASTER.fullmatch(text) is not None


def has_key(text: str, looks: Callable[[str], bool] = looks_like_key) -> bool:
    """Whether a text is a file with a key, or a part of it has the form of one."""
    if _IN_FILE.fullmatch(text):
        return True
    return any(map(looks, re.split(r"[^\w-]+", unquote(text))))


def holds_key(words: Iterable[str]) -> bool:
    """Whether a word of a command is a key, has one as a part, or asks for one."""
    # A cell, the history of a shell and the list of processes keep what they are given.
    before = ""
    for word in words:
        option, _, value = word.partition("=")
        whole = [word, value]
        # A part of a path may look like a key.
        is_path = "--file" in {before, option}
        if any(map(looks_like_key, whole)) or (has_key(word) and not is_path):
            return True
        if any(re.fullmatch(_KEY_OPTION, text, re.IGNORECASE) for text in whole):
            return True
        before = word
    return False


def clean_paste(text: str) -> str:
    """Drop what a paste brings along: blanks, quotes and invisible characters."""
    return text.translate(_INVISIBLE).strip().strip(_AROUND)


def clean_key(text: str) -> str:
    """Return the key in a line of a program or shell, a credentials file or a URL."""
    cleaned = clean_paste(text)
    forms = (_IN_FILE, _ASSIGNED, _IN_URL)
    if found := next(filter(None, (form.fullmatch(cleaned) for form in forms)), None):
        cleaned = found[1]
    return clean_paste(cleaned.rstrip(",; "))


def misnamed_key(document: Mapping[str, Any]) -> str | None:
    """Return the field of a credentials file that seems to be meant for its key."""
    for name, value in document.items():
        # No text stands under "key" where this package has written that.
        is_text = isinstance(value, str) and bool(value.strip())
        if is_text and re.fullmatch(_NAME_OF_KEY, name, re.IGNORECASE):
            return name
    return None


def check_key(key: Secret) -> None:
    """Refuse a key that cannot be one, before it is sent anywhere."""
    text: Any = key.reveal()
    if not isinstance(text, str):
        problem = f"The API key must be a text, not {type(text).__name__}."
    elif not text:
        problem = "The API key is empty. Copy it from the page of your API keys."
    elif text.startswith("eyJ"):
        problem = CARTO_3_MESSAGE
    elif _FORBIDDEN_IN_KEY.search(text):
        problem = (
            "The API key holds a character that no CARTO key has (a blank, a line "
            "break, a quote, a brace, ':', '?' or a letter with an accent). Copy the "
            "key alone."
        )
    else:
        return
    raise InvalidCredentialsError(problem, field="api_key")
