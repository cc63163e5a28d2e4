"""The work that the form orders: store, server and session, without any widget.

Everything here may take time and runs on a thread of its own, but for what the first
picture needs.
"""

from __future__ import annotations

import contextlib
import contextvars
import os
import threading
from typing import TYPE_CHECKING, Any

from .. import settings
from ..address import Address
from ..credentials import Credentials
from ..errors import CartoLoginError, CredentialsFileError, UndecidedError
from ..locks import Lock
from ..session import acts, default, login
from ..session.facts import facts, key_words, place, saved_name
from ..store.profiles import Profiles, proposed_name
from . import flow, view

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from ..account import Account
    from ..identity import Identity
    from ..store.record import Record


# What the files of saved accounts hold, for all forms: there may be 10,000 of them.
_known: dict[str, tuple[Any, flow.Row]] = {}
_reading = Lock()


class Office:
    """Does what the form orders, for one store; `session` lends its proxies."""

    def __init__(self, profiles: Profiles, session: requests.Session | None) -> None:
        self._profiles, self._session = profiles, session
        # In shared mode saved accounts are for those only who name them.
        self.path = "" if settings.is_shared() else place(profiles)
        self._notes: tuple[str, ...] = ()  # on files that were read

    def rows(self, most: int | None = None, wanted: str = "") -> list[flow.Row]:
        """Return the saved accounts, or so many, the default and a wanted one first."""
        with contextlib.suppress(CartoLoginError):
            names = self._profiles.names() if self.path else []
            start = self._profiles.default_name
            names.sort(key=lambda name: (name != start, name != wanted))
            directory = os.fspath(self._profiles.path_of("x").parent)
            rows = [self._row(name, directory) for name in names[:most]]
            if rows and start == rows[0].name:
                rows[0] = rows[0]._replace(is_default=True)
            return rows
        return []  # saving will say what is wrong with the directory

    def _row(self, name: str, directory: str) -> flow.Row:
        """Return the line of an account; what has not changed is not read again."""
        # No Path, as this is to be quick for 10,000 accounts too.
        path = f"{directory}{os.sep}{name}.json"
        version = _version_of(path)
        before, row = _known.get(path, (None, flow.Row(name)))
        if version is None or version != before:
            row = _row(name, self._profiles.peek(name))
            _known[path] = version, row
        return row

    def signed(self) -> flow.Signed | None:
        """Return what the card says of the account of this kernel."""
        credentials = default.get_default_credentials()
        if credentials is None:
            return None
        identity, since = credentials._identity, default.signed_in_since()
        clock = f"{since:%Y-%m-%d %H:%M}" if since else ""
        try:
            where = identity.address
        except CartoLoginError:
            where = Address(identity.base_url, identity.base_url)
        name = saved_name(credentials, self._profiles)
        proposed, _already = self._proposed(identity, credentials.account)
        return flow.Signed(
            credentials=credentials,
            address=where,
            account=credentials.account,
            profile=name,
            is_default=name is not None and name == self._profiles.default_name,
            proposed=name or proposed,
            facts=facts(
                credentials, self._profiles, since=clock, saving=bool(self.path)
            ),
        )

    def _proposed(self, identity: Identity, account: Account | None) -> tuple[str, str]:
        """Return a name to save under, and the same again if it holds this key."""
        if not self.path:
            return "", ""
        name = proposed_name(identity, account, self._profiles)
        saved = self._profiles.peek(name)
        is_there = saved is not None and saved.identity.same_key(identity)
        return name, name if is_there else ""

    def do(self, order: Any) -> tuple[Any, ...]:
        """Do what was ordered; return the event it leads to, and what that tells."""
        match order:
            case flow.Check():
                return self._check(order)
            case flow.SignIn():
                return self._sign_in(order)
            case flow.Work():
                return self._work(order)
            case flow.ListAccounts():
                with _reading:
                    return flow.listed, self.rows()
            case flow.Quota(credentials):
                return (
                    flow.quota_arrived,
                    credentials,
                    view.storage(credentials.me_data),
                )
        raise AssertionError(order)

    def _credentials(self, subject: flow.Subject) -> Credentials:
        """Return what is to be checked or used; a saved key is read only now."""
        if not isinstance(subject, str):
            found = Credentials._made(subject)
        else:
            try:
                record = self._profiles.load(subject)
            except FileNotFoundError as error:
                path = self._profiles.path_of(subject)
                raise CredentialsFileError(str(error), path=path) from None
            self._notes += record.notes
            found = Credentials._of(record, source=f"profile '{subject}'")
        return found._with(session=self._session) if self._session else found

    def _check(self, order: flow.Check) -> tuple[Any, ...]:
        """Ask CARTO about what was typed or is saved."""
        subject = order.subject
        identity = None if isinstance(subject, str) else subject
        try:
            checked = login.check(self._credentials(subject))
        except UndecidedError as error:
            name = self._proposed(identity, None)[0] if identity else ""
            return flow.failed, order, error, name
        except CartoLoginError as error:
            return flow.failed, order, error
        account = checked.account
        name, already = self._proposed(identity, account) if identity else ("", "")
        verdict = flow.Verdict(subject, checked, account, already)
        return flow.accepted, order, verdict, name

    def _sign_in(self, order: flow.SignIn) -> tuple[Any, ...]:
        """Save if asked, and register; without proof, as unchecked."""
        credentials = order.proof
        if credentials is None:
            credentials = login.unchecked(self._credentials(order.subject))
        missed: list[CartoLoginError] = []
        _saved, notes = login.register(
            credentials, order.saving, self._profiles, missed.append
        )
        told, self._notes = dict.fromkeys(self._notes), ()
        return flow.done, order, [*told, *notes], *missed

    def _work(self, order: flow.Work) -> tuple[Any, ...]:
        """Do an act of the card; what keeps it from success is told, not raised."""
        try:
            return flow.done, order, self._act(order)
        except CartoLoginError as error:
            return flow.done, order, (), error
        except OSError as error:  # a name that is taken
            return flow.done, order, (), CartoLoginError(str(error))

    def _act(self, order: flow.Work) -> list[str]:
        credentials, profiles = order.signed.credentials, self._profiles
        name, saving = order.signed.profile or "", order.saving
        if order.act == "log_out":
            return acts.log_out().notes
        if order.act == "check_again":
            said, notes = acts.check_again(credentials)
            return [said, *notes]
        if order.act == "make_default":
            return acts.make_default(name, profiles).notes
        if order.act == "forget":
            return acts.forget(name, profiles).notes
        assert saving is not None  # noqa: S101 - both others have a name in it
        if order.act == "rename":
            return acts.rename(name, saving.name, profiles).notes
        return acts.save(credentials, saving, profiles).notes


def _version_of(path: str) -> tuple[int, int] | None:
    # The store replaces files and never changes one in place.
    with contextlib.suppress(OSError):
        found = os.stat(path)  # noqa: PTH116 - see above
        return found.st_ino, found.st_mtime_ns
    return None  # an account that stands only in creds.json


def _row(name: str, record: Record | None) -> flow.Row:
    with contextlib.suppress(CartoLoginError):
        if record is not None:
            where = record.identity.address
            return flow.Row(name, where, key_words(record), host=where.host)
    return flow.Row(name)


def in_background(work: Callable[..., None], *args: Any) -> None:
    """Run work on a daemon thread that belongs to the same cell."""
    # Without the cell's context, ipykernel 7.0 raises LookupError.
    # https://github.com/ipython/ipykernel/issues/1450
    run = contextvars.copy_context().run
    threading.Thread(
        target=run, args=(work, *args), name="carto-login", daemon=True
    ).start()
