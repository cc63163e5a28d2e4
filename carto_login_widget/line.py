"""The words of `%carto_login`'s line, and whether one of them is a key.

A cell keeps what it is given, and so does the history: a key has no place there, and
what may be one is repeated nowhere.
"""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_LOOKS_LIKE_A_KEY = re.compile(r"[A-Za-z0-9_-]{20,}|eyJ.*")
# What no user name, path or address is: a master key, a token, or `api_key=...`.
_IS_A_KEY = re.compile(
    r"[0-9a-f]{40}|eyJ.*|.*(?:key|token|secret|passw\w*)\s*[=:].*", re.IGNORECASE
)
_KEY_OPTION = re.compile(
    r"--?(?:api[-_]?)?(?:key|token|password|secret)\b.*", re.IGNORECASE
)
NO_KEY_HERE = (
    "%carto_login takes no API key, because cells and the history keep what they are "
    "given. Type it into the form (%carto_login --form) or at --prompt. If this line "
    "held a key, clear the line, and give that key a new token in CARTO."
)


def split(line: str) -> list[str]:
    """Split at blanks; quotes hold words together, and a backslash is one.

    Raises:
        ValueError: a quote is not closed.
    """
    words = shlex.shlex(line, posix=True, punctuation_chars=False)
    words.whitespace_split, words.commenters, words.escape = True, "", ""
    return list(words)


def holds_a_key(words: Iterable[str]) -> bool:
    """Whether a word, or what follows its "=", can only be a key or its option."""
    return any(
        pattern.fullmatch(text)
        for word in words
        for text in (word, word.partition("=")[2])
        for pattern in (_IS_A_KEY, _KEY_OPTION)
    )


def are_names(profiles: Iterable[str], username: str | None) -> bool:
    """Whether names could be those of saved accounts and of a user, and are no keys.

    Args:
        profiles: what stands for saved accounts.
        username: what stands for a user name.
    """
    from .store.names import is_name
    from .store.profiles import ProfileStore

    # CARTO's user names are in lower case, its shorter keys in both.
    if username and username != username.lower() and _may_be_a_key(username):
        return False
    lowered = [name.lower() for name in profiles]
    if not all(map(is_name, lowered)):
        return False
    doubtful = set(filter(_may_be_a_key, lowered))
    return not doubtful or doubtful <= set(ProfileStore().names())


def _may_be_a_key(text: str) -> bool:
    return _LOOKS_LIKE_A_KEY.fullmatch(text) is not None
