"""The errors that leave this package, one class for each thing a caller would catch."""

from __future__ import annotations

import io
import sys
from contextlib import ExitStack, contextmanager, suppress
from enum import StrEnum
from functools import wraps

# `typing` would take an eighth of the time that reading a file may take.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from os import PathLike
    from typing import Any, ParamSpec, TypeVar

    _P = ParamSpec("_P")
    _R = TypeVar("_R")


class Reason(StrEnum):
    """Why CARTO refused, why there is no verdict, or why it was not CARTO."""

    UNKNOWN_USER = "unknown_user"
    WRONG_KEY = "wrong_key"
    WRONG_USER = "wrong_user"
    LOCKED = "locked"
    MAINTENANCE = "maintenance"
    UNVERIFIED = "unverified"
    NOT_ACTIVATED = "not_activated"
    FORBIDDEN = "forbidden"

    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TLS = "tls"
    PROXY = "proxy"
    BLOCKED = "blocked"
    RATE_LIMITED = "rate_limited"
    SERVER_ERROR = "server_error"

    NOT_CARTO = "not_carto"
    WRONG_ADDRESS = "wrong_address"
    MOVED = "moved"

    NOT_ENABLED = "not_enabled"  # the Data Observatory, for this account


class CartoLoginError(Exception):
    """Base of every error of this package; its text is a sentence for the user.

    Attributes:
        message: that sentence.
        reason: what code can tell it apart by; None where there is nothing to tell.
    """

    reason: Reason | None = None

    def __init__(self, message: str, **attributes: Any) -> None:
        super().__init__(message)
        self.message = message
        vars(self).update(attributes)

    def __str__(self) -> str:
        # KeyError, a base of one subclass, would show the repr of its argument.
        return self.message


class InvalidCredentialsError(CartoLoginError, ValueError):
    """What was given cannot be right, so nothing was sent anywhere.

    Attributes:
        field: `"username"`, `"api_key"`, `"base_url"`, or None where it is several.
        suggestion: what the user may have meant, or None.
    """

    field: str | None = None
    suggestion: str | None = None


class CredentialsFileError(CartoLoginError, ValueError):
    """A credentials file that cannot be read, understood or written.

    Attributes:
        path: the file.
    """

    path: str | PathLike[str]


class ProfileNotFoundError(CartoLoginError, KeyError):
    """No saved account has that name.

    Attributes:
        name: the name that was asked for.
        known: the names that exist.
    """

    name: str = ""
    known: Sequence[str] = ()


class NotLoggedInError(CartoLoginError):
    """Nothing to log in with; the message lists the ways to give an account."""


class RejectedError(CartoLoginError):
    """CARTO said no.

    Attributes:
        reason: `Reason.WRONG_KEY`, `UNKNOWN_USER`, `WRONG_USER`, `LOCKED`,
            `MAINTENANCE`, `UNVERIFIED`, `NOT_ACTIVATED` or `FORBIDDEN`.
    """


class UndecidedError(CartoLoginError):
    """There is no verdict: the key may well be right.

    Attributes:
        reason: `Reason.UNREACHABLE`, `TIMEOUT`, `TLS`, `PROXY`, `BLOCKED`,
            `RATE_LIMITED` or `SERVER_ERROR`; None where nobody expected the error.
        retry_after: seconds that the server asks to wait, or None.
    """

    retry_after: float | None = None


class NotCartoError(CartoLoginError):
    """The address did not answer as CARTO does.

    Attributes:
        reason: `Reason.NOT_CARTO`, `WRONG_ADDRESS` or `MOVED`.
        suggestion: a base URL that would be better, or None.
    """

    suggestion: str | None = None


def sealed(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """Let errors out of a public door without frames, cause and context."""

    # The frames inside hold the key, arguments and answers, which a Verbose traceback
    # would show; `raise … from None` keeps the context, and Ctrl-C comes with the
    # frames of requests.
    @wraps(function)
    def door(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        try:
            return function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - Ctrl-C too has frames
            bare = _bare(error)
        finally:
            # This frame stays in the traceback.
            del args, kwargs
        try:
            raise bare
        finally:
            # Whatever was being handled by the caller, or where Ctrl-C struck.
            bare.__context__ = None

    return door


def _bare(error: BaseException) -> BaseException:
    if isinstance(error, KeyboardInterrupt):
        return KeyboardInterrupt()
    if not isinstance(error, CartoLoginError | OSError | ImportError):
        # Nobody expected this one: say at least where to look.
        from traceback import walk_tb

        *_, last = walk_tb(error.__traceback__)
        error.add_note(f"Raised in {last[0].f_code.co_qualname}, line {last[1]}.")
    error.__cause__ = None
    return error.with_traceback(None)


@contextmanager
def any_terminal() -> Iterator[None]:
    """Let no character end a login, where the terminal cannot show or read it."""
    # With PYTHONIOENCODING=ascii a user's own home directory may be such a word.
    with ExitStack() as stack:
        for stream in (sys.stdout, sys.stdin):
            if isinstance(stream, io.TextIOWrapper):
                stack.callback(_replace_unknown, stream, stream.errors)
                _replace_unknown(stream, "replace")
        yield


def _replace_unknown(stream: io.TextIOWrapper, errors: str | None) -> None:
    # Not to be had of one that is closed, or was read before by other means.
    with suppress(OSError, ValueError):
        stream.reconfigure(errors=errors)
