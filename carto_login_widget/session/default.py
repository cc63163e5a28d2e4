"""The account of the whole kernel, and who hears when it changes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..credentials import Credentials, _warn
from ..errors import InvalidCredentialsError, sealed
from ..identity import Identity
from ..locks import Lock

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import requests

    Listener = Callable[[Credentials | None], None]


class _State:
    """The default and its listeners; one instance per process."""

    # No ContextVar: callbacks of a form may run on a thread of their own, where one of
    # the cell cannot be seen.
    def __init__(self) -> None:
        self.lock = Lock()
        # Held while listeners run, so that the last one to hear hears the newest.
        self.delivery = Lock()
        self.default: Credentials | None = None
        self.since: datetime | None = None
        # By a token, as the same listener may have subscribed more than once; a bridge
        # by the name of its library.
        self.listeners: dict[object, Listener] = {}


_state = _State()


def get_default_credentials() -> Credentials | None:
    """Return the account that this kernel is signed in with, or None.

    Example:
        >>> set_default_credentials("jane", "0123456789abcdef")
        >>> get_default_credentials().username
        'jane'
    """
    return _state.default


@sealed
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
        second: API key that belongs to a base URL or user name in `first`.
        credentials: `Credentials` of this package or of cartoframes.
        filepath: a credentials file.
        username: CARTO user name.
        base_url: address of the user's CARTO.
        api_key: API key; `default_public` where it is left out.
        session: `requests.Session` to borrow proxies and certificates from.
        allow_non_secure: accept `http://` to another machine.

    Without any of the first seven, `creds.json` of the store is read. The account is
    set before the libraries that use it are told; one that cannot follow is warned
    about.

    Raises:
        InvalidCredentialsError: what was given cannot be right, or is given twice.
        CredentialsFileError: the file cannot be used.
        FileNotFoundError: there is no such file.

    Example:
        >>> set_default_credentials("creds.json")  # doctest: +SKIP
        >>> set_default_credentials("jane", "0123456789abcdef")
    """
    given: dict[str, Any] = {
        "credentials": credentials,
        "filepath": filepath,
        "username": username,
        "base_url": base_url or None,
        "api_key": api_key,
    }
    for kind, value in ((_kind_of(first), first), ("api_key", second)):
        if value is not None and given[kind] is not None:
            raise InvalidCredentialsError(
                f"set_default_credentials() got {kind} twice: give it by its place or "
                f"by {kind}=."
            )
        given[kind] = given[kind] if value is None else value
    file = given.pop("filepath")
    found = from_arguments(file=file, allow_non_secure=allow_non_secure, **given)
    chosen, notes = found or Credentials._read(None)
    if session is not None:
        chosen = chosen._with(session=session)
    _warn([*notes, *publish(chosen)])


def from_arguments(
    *,
    credentials: Any = None,
    file: str | Path | None = None,
    profile: str | None = None,
    allow_non_secure: bool = False,
    source: str | None = None,
    **fields: Any,
) -> tuple[Credentials, tuple[str, ...]] | None:
    """Return the one account that is given, with notes on its file, or None."""
    by_hand = any(value is not None for value in fields.values())
    if sum((credentials is not None, file is not None, bool(profile), by_hand)) > 1:
        raise InvalidCredentialsError(
            "Give the account in one way only: credentials, a file, a user name or "
            "base URL with its API key, or (to login() alone) a saved account's name."
        )
    if file is not None:
        return Credentials._read(file)
    if isinstance(credentials, Credentials):
        return credentials, ()
    if credentials is not None:
        return Credentials.from_credentials(credentials), ()
    if not by_hand:
        return None
    identity = Identity.of(allow_non_secure=bool(allow_non_secure), **fields)
    return Credentials._made(identity, source=source), ()


def _kind_of(first: Any) -> str:
    if first is None or isinstance(first, str):
        text = (first or "").lower()
        if text.endswith(".json"):
            return "filepath"
        return "base_url" if text.startswith(("http://", "https://")) else "username"
    if hasattr(first, "__fspath__"):
        return "filepath"
    if hasattr(first, "api_key"):
        return "credentials"
    raise InvalidCredentialsError(
        "set_default_credentials() takes Credentials, a path, a base URL or a user "
        f"name first, not {type(first).__name__}."
    )


@sealed
def unset_default_credentials() -> None:
    """Sign this kernel out; saved accounts stay saved."""
    _warn(publish(None))


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
    token = object()
    _state.listeners[token] = listener

    def unsubscribe() -> None:
        _state.listeners.pop(token, None)

    return unsubscribe


def signed_in_since() -> datetime | None:
    """Return when the account of this kernel was signed in with."""
    return _state.since


def publish(
    credentials: Credentials | None, *, instead_of: Credentials | None = None
) -> list[str]:
    """Set the default, tell the listeners, and return what went wrong."""
    # What was only learned of an account is nothing to a library.
    is_copy = instead_of is not None and is_same(credentials, instead_of)
    with _state.lock:
        # A copy that knows more comes only where what it was made of still is.
        if instead_of is None:
            _state.since = datetime.now().astimezone() if credentials else None
        elif _state.default is not instead_of:
            return []
        _state.default = credentials
    with _state.delivery:
        if credentials is not None:
            # Before the first login there is nothing to take back from a library. The
            # root alone knows those who hear of it and stand above this module.
            from .. import _bridges

            _state.listeners.update(_bridges())
        return _deliver_to_all(also_libraries=not is_copy)


def tell(listener: Listener) -> None:
    """Hand the account of now to one listener, in turn with all other deliveries."""
    with _state.delivery:
        listener(get_default_credentials())


def is_same(one: Credentials | None, other: Credentials | None) -> bool:
    """Whether two accounts are one to a library: user, key, address and session."""
    if one is None or other is None:
        return one is other
    return one == other and one.session is other.session


def _deliver_to_all(*, also_libraries: bool) -> list[str]:
    # The libraries first: none goes on with the account before where a program stops.
    # One call makes the list: others may subscribe meanwhile.
    tokens = sorted(_state.listeners, key=lambda token: not isinstance(token, str))
    problems: list[str | None] = []
    stopped: BaseException | None = None
    for token in tokens:
        if isinstance(token, str) and not also_libraries:
            continue
        try:
            problems.append(_deliver(token))
        except BaseException as error:  # noqa: BLE001 - Ctrl-C, raised below
            stopped = error
    if stopped is not None:
        raise stopped
    return [problem for problem in problems if problem]


def _deliver(token: object) -> str | None:
    listener = _state.listeners.get(token)
    if listener is None:
        return None  # another listener has ended this subscription
    try:
        # Asked anew for each: a listener may itself have changed the default.
        listener(get_default_credentials())
    except Exception as error:  # noqa: BLE001 - whatever it was, the login stands
        is_out = get_default_credentials() is None
        advice = "restart the kernel" if is_out else "set its account by hand"
        # Its repr may show anything: the arguments of a functools.partial, for one.
        name = getattr(listener, "__qualname__", None) or type(listener).__name__
        module = getattr(listener, "__module__", None) or ""
        bridge = token if isinstance(token, str) else module.partition(".bridges.")[2]
        # The text of a foreign error may hold anything, so only its kind is told.
        kind = type(error).__name__
        return (
            f"You are signed {'out' if is_out else 'in'} here, but {bridge or name} "
            f"could not follow ({kind}){f'; {advice}' if bridge else ''}."
        )
    return None
