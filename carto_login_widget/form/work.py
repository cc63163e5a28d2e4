"""The work that the form orders: store, server and session, without any widget.

Everything here may take time and runs on a thread of its own, but for what the first
picture needs and `signed`, of which all forms are told where the account changes.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import settings
from ..address import Address
from ..credentials import Credentials
from ..errors import CartoLoginError, CredentialsFileError, UndecidedError
from ..session import acts, default, login
from ..session.facts import facts, key_words, place, saved_name
from ..store.profiles import Profiles, proposed_name
from ..store.record import look
from . import flow, view

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from ..account import Account


_store = Profiles()
# What the files of saved accounts hold, for all forms: there may be 10,000 of them.
_known: dict[str, tuple[object, flow.Row]] = {}


def store_path() -> str:
    """Where accounts are saved; in shared mode they are of those who name them."""
    return "" if settings.is_shared() else place()


def rows(most: int | None = None, wanted: str = "") -> list[flow.Row]:
    """Return the saved accounts, or so many, the default and a wanted one first."""
    with contextlib.suppress(CartoLoginError):
        names = _store.names() if store_path() else []
        start = _store.default_name
        names.sort(key=lambda name: (name != start, name != wanted))
        # No Path, as this is to be quick for 10,000 accounts too.
        directory = os.fspath(_store.path_of("x").parent)
        paths = {name: f"{directory}{os.sep}{name}.json" for name in names[:most]}
        if start in paths and not os.path.lexists(paths[start]):
            paths[start] = os.fspath(_store.default_path)
        found = [_row(name, path) for name, path in paths.items()]
        if found and found[0].name == start:
            found[0] = found[0]._replace(is_default=True)
        return found
    return []  # saving will say what is wrong with the directory


def signed() -> flow.Signed | None:
    """Return what the card says of the account of this kernel."""
    credentials = default.get_default_credentials()
    if credentials is None:
        return None
    identity, since = credentials._identity, default.signed_in_since()
    clock = f"{since:%Y-%m-%d %H:%M}" if since else ""
    nameless = Address(identity.base_url, identity.base_url)
    name = saved_name(credentials)
    return flow.Signed(
        credentials=credentials,
        address=identity.known_address or nameless,
        account=credentials.account,
        profile=name,
        is_default=name is not None and name == _store.default_name,
        proposed=name or _proposed(identity, credentials.account)[0],
        facts=facts(credentials, since=clock, saving=bool(store_path())),
    )


def _proposed(subject: flow.Subject, account: Account | None) -> tuple[str, str]:
    """Return a name to save under, and the same again if it holds this key."""
    if not store_path() or isinstance(subject, str):
        return "", ""
    name = proposed_name(subject, account, _store)
    saved = _store.peek(name)
    return name, name if saved and saved.identity.same_key(subject) else ""


class Office:
    """Does what the form orders; `session` lends its proxies."""

    def __init__(self, session: requests.Session | None) -> None:
        self._session = session
        self._notes: tuple[str, ...] = ()  # on files that were read, for the next login

    def do(self, order: flow.Order) -> tuple[Any, ...]:
        """Do what was ordered; return the event it leads to, and what that tells."""
        if order.act == "quota":
            return flow.quota_arrived, order.proof, view.storage(order.proof.me_data)
        if order.act == "check":
            return flow.answered, order, *self._check(order.subject)
        if order.act == "sign_in":
            return flow.done, order, *self._sign_in(order)
        try:
            did = WORKS[order.act](order)
        except (CartoLoginError, OSError) as error:  # a name that is taken, for one
            return flow.done, order, (), error
        said = [did.said] if order.act == "check_again" else []
        return flow.done, order, [*said, *did.notes]

    def _credentials(self, subject: Any) -> Credentials:
        """Return what is meant; a saved key is read only now."""
        if isinstance(subject, str):
            try:
                record = _store.load(subject)
            except FileNotFoundError as error:
                path = _store.path_of(subject)
                raise CredentialsFileError(str(error), path=path) from None
            self._notes += record.notes
            found = Credentials._of(record)
        else:
            found = Credentials._made(subject)
        return found._with(session=self._session) if self._session else found

    def _check(self, subject: Any) -> tuple[flow.Verdict | CartoLoginError, str]:
        """Ask CARTO about what was typed or is saved."""
        try:
            checked = login.check(self._credentials(subject))
        except UndecidedError as error:
            return error, _proposed(subject, None)[0]
        except CartoLoginError as error:
            return error, ""
        name, already = _proposed(subject, checked.account)
        return flow.Verdict(subject, checked, checked.account, already), name

    def _sign_in(self, order: flow.Order) -> tuple[Any, ...]:
        """Save if asked, and register; without proof, as unchecked."""
        credentials = order.proof
        if credentials is None:
            credentials = login.unchecked(self._credentials(order.subject))
        missed: list[CartoLoginError] = []
        _saved, notes = login.register(credentials, order.saving, missed.append)
        told, self._notes = dict.fromkeys(self._notes), ()
        return [*told, *notes], *missed


# The acts of the card; what is saved is changed only if it is what the card shows.
WORKS: dict[str, Callable[[Any], acts.Did]] = {
    "log_out": lambda _: acts.log_out(),
    "check_again": lambda o: acts.check_again(o.proof),
    "make_default": lambda o: acts.make_default(o.subject, o.proof._identity),
    "forget": lambda o: acts.forget(o.subject, o.proof._identity),
    "rename": lambda o: acts.rename(o.subject, o.saving.name, o.proof._identity),
    "save": lambda o: acts.save(o.proof, o.saving),
    "save_in_file": lambda o: acts.save(o.proof, o.saving),
}


def _row(name: str, path: str) -> flow.Row:
    """Return the line of an account; a file is read when there is another version."""
    version: object = None  # of a file that was just deleted
    # The store replaces files and never changes one in place.
    with contextlib.suppress(OSError):
        found = os.stat(path)  # noqa: PTH116 - see above
        version = found.st_ino, found.st_mtime_ns
    before, row = _known.get(path, (None, None))
    if row is None or row.name != name or version is None or version != before:
        row = _read(name, path)
        _known[path] = version, row
    return row


def _read(name: str, path: str) -> flow.Row:
    record = look(Path(path))
    where = record and record.identity.known_address
    if record is None or where is None:
        return flow.Row(name)
    return flow.Row(name, where, key_words(record), host=where.host)


def in_background(work: Callable[..., None], *args: Any) -> None:
    """Run work on a daemon thread that belongs to the same cell."""
    # Without the cell's context, ipykernel 7.0 raises LookupError.
    # https://github.com/ipython/ipykernel/issues/1450
    run = contextvars.copy_context().run
    threading.Thread(
        target=run, args=(work, *args), name="carto-login", daemon=True
    ).start()
