"""An API key that is kept out of sight, and what a key can look like.

Wrapped in a `Secret` a key shows neither in a `repr` nor among the local variables of a
traceback; it is plain text only at `Credentials.api_key`, in the file and on the wire.
"""

from __future__ import annotations

import hmac
import re
from typing import Any

from .address import CARTO_3_MESSAGE
from .errors import InvalidCredentialsError

_FORBIDDEN_IN_KEY = re.compile(r"[^!-~]|[:?~>]")
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))
_QUOTES = "\"'`\u2018\u2019\u201c\u201d"


class Secret:
    """A key that shows itself only when asked to.

    Example:
        >>> key = Secret("0123456789abcdef")
        >>> key
        <secret>
        >>> key.reveal()
        '0123456789abcdef'
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    @classmethod
    def of(cls, value: Secret | str | None) -> Secret | None:
        """Wrap a plain key; callers rebind their own argument with the result.

        What is no text is wrapped as well, so that it is not shown while refused.
        """
        return value if value is None or isinstance(value, Secret) else cls(value)

    def reveal(self) -> str:
        """Return the key itself."""
        return self._text

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)

    def __repr__(self) -> str:
        return "<secret>"

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __reduce__(self) -> tuple[type[Secret], tuple[str]]:
        return (Secret, (self._text,))


def clean_paste(text: str) -> str:
    r"""Drop what a paste brings along: blanks, quotes and invisible characters.

    Example:
        >>> clean_paste(' "jane"\n')
        'jane'
    """
    visible = text.translate(_INVISIBLE).strip()
    while len(visible) > 1 and visible[0] in _QUOTES and visible[-1] in _QUOTES:
        visible = visible[1:-1].strip()
    return visible.strip(_QUOTES + " \t\r\n\xa0")


def check_key(key: Secret) -> None:
    """Refuse a key that cannot be one, before it is sent anywhere.

    CARTO cuts or splits a key at some characters
    (CartoDB/cartodb `config/initializers/warden.rb`), so a mistyped key could be taken
    for another one.

    Raises:
        InvalidCredentialsError: the key is empty, has characters that no key has, or
            is a token of another platform.
    """
    text: Any = key.reveal()
    problem = None
    if not isinstance(text, str):
        problem = f"The API key must be a text, not {type(text).__name__}."
    elif not text:
        problem = (
            "The API key is empty. Copy it from the API keys page of your account."
        )
    elif text.startswith("eyJ"):
        problem = CARTO_3_MESSAGE
    elif _FORBIDDEN_IN_KEY.search(text):
        problem = (
            "The API key holds a character that no CARTO key has (a blank, a line "
            "break, ':', '?' or a letter with an accent). Copy it again."
        )
    del text
    if problem:
        raise InvalidCredentialsError(problem, field="api_key")
