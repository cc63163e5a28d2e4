"""The account of the whole kernel, and who hears when it changes.

A module global behind a lock: callbacks of a form may run on a thread of their own,
where a ContextVar of the cell cannot be seen.
"""

from __future__ import annotations

import logging
import threading
import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

from .credentials import Credentials, Secret
from .errors import InvalidCredentialsError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import requests

    Listener = Callable[[Credentials | None], None]

_log = logging.getLogger(__name__)

# Known by name only, so that importing this module imports no bridge.
_BRIDGES = ("bridges.cartoframes", "bridges.gdal")


class _State:
    """The default and its listeners; one instance per process."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        # Held while listeners run, so that the last one to hear hears the newest.
        self.delivery = threading.RLock()
        self.default: Credentials | None = None
        self.listeners: list[Listener] = []
        self.bridged = False


_state = _State()


def get_default_credentials() -> Credentials | None:
    """Return the account that this kernel is signed in with, or None.

    Example:
        >>> set_default_credentials("jane", "0123456789abcdef")
        >>> get_default_credentials().username
        'jane'
    """
    with _state.lock:
        return _state.default


def set_default_credentials(  # noqa: PLR0913 - cartoframes' signature
    first: Any = None,
    second: str | None = None,
    credentials: Credentials | None = None,
    filepath: str | Path | None = None,
    username: str | None = None,
    base_url: str | None = None,
    api_key: str | None = None,
    session: requests.Session | None = None,
    allow_non_secure: bool = False,  # noqa: FBT001, FBT002 - cartoframes' signature
) -> None:
    """Set the account of this kernel, as `cartoframes.auth` does; asks nobody.

    Args:
        first: `Credentials`, a path that ends in `.json`, a base URL, or a user name.
        second: API key that belongs to `first`.
        credentials: `Credentials` of this package or of cartoframes.
        filepath: a credentials file.
        username: CARTO user name.
        base_url: address of the user's CARTO.
        api_key: API key; `default_public` where it is left out.
        session: `requests.Session` to borrow proxies and certificates from.
        allow_non_secure: accept `http://` to another machine.

    Without any of the first seven, `creds.json` of the store is read.

    Raises:
        InvalidCredentialsError: what was given cannot be right.
        CredentialsFileError: the file cannot be used.
        FileNotFoundError: there is no such file.

    Example:
        >>> set_default_credentials("creds.json")  # doctest: +SKIP
        >>> set_default_credentials("jane", "0123456789abcdef")
    """
    key = Secret.of(api_key if second is None else second)
    second = api_key = None
    if first is not None:
        if credentials is not None or filepath is not None:
            raise InvalidCredentialsError(
                "set_default_credentials() got an account twice: give either the "
                "first argument, or credentials=, or filepath=."
            )
        kind = _kind_of(first)
        credentials = first if kind == "credentials" else None
        filepath = first if kind == "filepath" else None
        base_url = first if kind == "base_url" else base_url
        username = first if kind == "username" else username
    if credentials is not None:
        chosen = _own(credentials)
    elif filepath is not None:
        chosen = Credentials.from_file(filepath, session=session)
    elif username or base_url:
        chosen = Credentials(username, key, base_url, session, allow_non_secure)
    elif key is not None:
        raise InvalidCredentialsError(
            "An API key needs a user name or a base_url beside it.", field="username"
        )
    else:
        chosen = Credentials.from_file(session=session)
    warn(publish(chosen))


def _kind_of(first: Any) -> str:
    if isinstance(first, str):
        if first.lower().endswith(".json"):
            return "filepath"
        is_url = first.lower().startswith(("http://", "https://"))
        return "base_url" if is_url else "username"
    if hasattr(first, "__fspath__"):
        return "filepath"
    if hasattr(first, "api_key"):
        return "credentials"
    raise InvalidCredentialsError(
        "set_default_credentials() takes Credentials, a path, a base URL or a user "
        f"name first, not {type(first).__name__}."
    )


def _own(credentials: Any) -> Credentials:
    if isinstance(credentials, Credentials):
        return credentials
    return Credentials.from_credentials(credentials)


def unset_default_credentials() -> None:
    """Sign this kernel out; saved accounts stay saved."""
    warn(publish(None))


def on_default_change(listener: Listener) -> Callable[[], None]:
    """Call `listener` with the newest `Credentials` or None whenever they change.

    Args:
        listener: called on the thread that made the change, never two at a time.

    Returns:
        A function that ends the subscription.

    Example:
        >>> stop = on_default_change(print)
        >>> unset_default_credentials()
        None
        >>> stop()
    """
    with _state.lock:
        _state.listeners.append(listener)

    def unsubscribe() -> None:
        with _state.lock:
            if listener in _state.listeners:
                _state.listeners.remove(listener)

    return unsubscribe


def publish(credentials: Credentials | None) -> list[str]:
    """Make `credentials` the default, tell the listeners, return what went wrong.

    A listener that fails stops neither the login nor the other listeners.
    """
    with _state.lock:
        _state.default = credentials
    with _state.delivery:
        problems = _connect_bridges()
        with _state.lock:
            listeners = list(_state.listeners)
        return problems + [p for p in map(_deliver, listeners) if p]


def tell(listener: Listener) -> None:
    """Hand the account of now to one listener, in turn with all other deliveries."""
    with _state.delivery:
        listener(get_default_credentials())


def _deliver(listener: Listener) -> str | None:
    try:
        # Asked anew for each: a listener may itself have changed the default.
        listener(get_default_credentials())
    except Exception as error:  # noqa: BLE001 - whatever it was, the login stands
        name = getattr(listener, "__module__", None) or repr(listener)
        return _failure(name.rpartition(".")[2], error)
    return None


def _connect_bridges() -> list[str]:
    """Subscribe the bridges, once, when the first default is set."""
    if _state.bridged:
        return []
    _state.bridged = True
    problems = []
    for name in _BRIDGES:
        try:
            bridge = import_module(f".{name}", __package__)
            on_default_change(bridge.follow)
        except Exception as error:  # noqa: BLE001 - a broken bridge is only said
            problems.append(_failure(name.rpartition(".")[2], error))
    return problems


def _failure(name: str, error: Exception) -> str:
    # The text of a foreign error may hold anything, so only its kind is told.
    _log.debug("listener %s failed with %s", name, type(error).__name__)
    state = "out" if get_default_credentials() is None else "in"
    return (
        f"You are signed {state} here, but {name} could not follow "
        f"({type(error).__name__}); set its account by hand."
    )


def warn(notes: list[str], stacklevel: int = 3) -> None:
    """Issue notes for the user as warnings of the calling code."""
    for note in notes:
        warnings.warn(note, stacklevel=stacklevel)
