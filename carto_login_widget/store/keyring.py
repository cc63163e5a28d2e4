"""Keys in the keyring of the operating system, for files that hold an entry's id."""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress

from ..errors import CredentialsFileError
from ..secret import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from ..identity import Identity

PREFIX = "keyring:"
_SERVICE = "carto_login_widget"
# Where something waits to be unlocked, that is to be said within 3 s, form included.
_PATIENCE = 2.0
_LEAST_PRIORITY = 1  # keyring's own measure: what is below is not recommended
_PROBLEMS = {
    "KeyringLocked": "is locked",
    "LookupError": "has nothing that keeps keys here",
    "TimeoutError": f"did not answer within {_PATIENCE:.0f} seconds; it may be locked",
}


class KeyringError(CredentialsFileError):
    """The keyring does not give or take the key of a file."""


class NoKeyringError(KeyringError):
    """It is the keyring as a whole that does not: it is locked, absent or silent."""


def put(
    identity: Identity, path: Path, known: set[str | None], *, wanted: bool | None
) -> Identity:
    """Return an account with its key in the keyring or not; `known`: its entries."""
    entry = identity.entry
    if wanted is None:
        # A key that is in the keyring stays there; the settings decide about others.
        # Where nobody has loaded them, which takes time, nobody has changed them.
        loaded = sys.modules.get(f"{__package__.rpartition('.')[0]}.settings")
        is_on = loaded is not None and loaded.CartoLogin.instance().keyring
        wanted = bool(entry or any(known) or is_on)
    if not wanted or identity.is_public:
        return identity._replace(entry=None)
    # One that was not unlocked has its entry in the place of the key, and keeps it.
    if entry is None or entry not in {*known, identity.key.reveal()}:
        entry = PREFIX + os.urandom(16).hex()
        content = json.dumps({**_whose(identity), "api_key": identity.key.reveal()})
        _ask(
            lambda backend: backend.set_password(_SERVICE, entry, content),
            path,
            undo=lambda backend: backend.delete_password(_SERVICE, entry),
        )
    return identity._replace(key=Secret(entry), entry=entry)


def get(identity: Identity, path: Path) -> Identity:
    """Return an account with its key, also where that is in the keyring."""
    if identity.entry is None:
        return identity
    found = _ask(lambda backend: backend.get_password(_SERVICE, identity.entry), path)
    try:
        content = json.loads(found or "")
        key = Secret(content.pop("api_key"))
    except (ValueError, KeyError, AttributeError):
        raise KeyringError(
            f"The keyring of this system has no key for {path}. Log in again and save "
            "the account anew.",
            path=path,
        ) from None
    if content != _whose(identity):
        raise KeyringError(
            f"{path} names a key in the keyring of this system that belongs to another "
            "account, so it is not used. Log in again and save the account anew.",
            path=path,
        )
    return identity._replace(key=key)


def remove(entry: str, path: Path) -> list[str]:
    """Remove a key from the keyring; where that fails, it is said."""

    def delete(backend: Any) -> None:
        if backend.get_password(_SERVICE, entry) is not None:
            backend.delete_password(_SERVICE, entry)

    try:
        _ask(delete, path)
    except KeyringError as error:
        named = f"{_SERVICE}, {entry}"
        return [f"{error} The old key is still there; remove its entry ({named})."]
    return []


def _whose(identity: Identity) -> dict[str, str | None]:
    # A file that somebody has changed takes the key to no other address.
    where = identity.known_address
    if where is None:
        return {"origin": identity.base_url, "user": identity.username}
    return {"origin": where.origin, "user": where.username}


def _ask(
    act: Callable[[Any], Any],
    path: Path,
    undo: Callable[[Any], Any] = lambda _backend: None,
) -> Any:
    """Let a thread talk to the keyring, which may wait for somebody to unlock it."""
    # Reading a file is to be quick where its key is in it.
    from concurrent.futures import Future
    from contextvars import copy_context
    from threading import Thread

    done: Future[Any] = Future()

    def work() -> None:
        backend: Any = None
        try:
            import keyring

            # PYTHON_KEYRING_BACKEND may name another one.
            backend = keyring.get_keyring()
            if backend.priority < _LEAST_PRIORITY:
                raise LookupError  # noqa: TRY301
            found, problem = act(backend), ""
        except Exception as error:  # noqa: BLE001 - each backend has its own
            found, problem = None, _problem(error)
        if done.set_running_or_notify_cancel():
            done.set_result((found, problem))
        elif not problem:
            with suppress(Exception):
                undo(backend)

    context = copy_context()
    Thread(target=context.run, args=(work,), daemon=True).start()
    try:
        found, problem = done.result(_PATIENCE)
    except TimeoutError as error:
        # It may have ended just now; else the thread undoes what it does from now on.
        found, problem = (None, _problem(error)) if done.cancel() else done.result()
    if problem:
        raise NoKeyringError(f"The keyring of this system {problem}.", path=path)
    return found


def _problem(error: Exception) -> str:
    if isinstance(error, ImportError) and error.name == "keyring":
        return "needs a package: pip install 'carto_login_widget[keyring]'"
    # The text of a foreign error may hold anything, so only its kind is told.
    name = type(error).__name__
    return _PROBLEMS.get(name, f"refused ({name})")
