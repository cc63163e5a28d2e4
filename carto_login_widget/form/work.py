"""The work that the form orders: store, server and session, without any widget.

Everything here may take time and runs on a thread of its own, but for what the first
picture needs.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from ..credentials import Credentials
from ..errors import CartoLoginError, CredentialsFileError, UndecidedError
from ..session import acts, default, login
from ..session.facts import key_words, place, saved_name
from ..store.profiles import Profiles, proposed_name
from . import flow, view

if TYPE_CHECKING:
    from collections.abc import Callable

    import requests

    from ..account import Account
    from ..identity import Identity
    from ..store.record import Record

_AT_ONCE = 100  # accounts whose files are read before the first picture


class Office:
    """Does what the form orders, for one store.

    Args:
        profiles: the saved accounts.
        session: a `requests.Session` to borrow proxies and certificates from.
    """

    def __init__(self, profiles: Profiles, session: requests.Session | None) -> None:
        self.profiles = profiles
        self._session = session
        self._notes: tuple[str, ...] = ()  # on files that were read

    @property
    def path(self) -> str:
        """Where accounts are saved, for people; empty where nothing can be."""
        return place(self.profiles)

    def _name_for(self, identity: Identity, account: Account | None) -> str:
        return proposed_name(identity, account, self.profiles) if self.path else ""

    def rows(self, *, at_once: bool = False) -> list[flow.Row]:
        """Return the saved accounts; `at_once` reads only some of their files."""
        try:
            names, start = self.profiles.names(), self.profiles.default_name
        except CartoLoginError:
            return []  # saving will say what is wrong with the directory
        names.sort(key=lambda name: (name != start, name))
        known = {
            name: self.profiles.peek(name)
            for name in (names[:_AT_ONCE] if at_once else names)
        }
        return [_row(name, known.get(name), is_default=name == start) for name in names]

    def signed(self) -> flow.Signed | None:
        """Return what the card says of the account of this kernel."""
        credentials = default.get_default_credentials()
        return None if credentials is None else self._signed(credentials)

    def _signed(self, credentials: Credentials) -> flow.Signed:
        identity = credentials._identity
        since = default.signed_in_since()
        try:
            where = identity.address
            username, base_url, host = where.username, where.base_url, where.host
        except CartoLoginError:
            username = base_url = host = credentials.base_url
        name = saved_name(credentials, self.profiles)
        account = credentials.account
        return flow.Signed(
            credentials=credentials,
            username=username,
            base_url=base_url,
            host=host,
            account=account,
            since=f"{since:%Y-%m-%d %H:%M}" if since else "",
            source=credentials.source,
            profile=name,
            is_default=name is not None and name == self.profiles.default_name,
            in_keyring=identity.entry is not None,
            proposed=name or self._name_for(identity, account),
        )

    def credentials(self, subject: flow.Subject) -> Credentials:
        """Return what is to be checked or used; a saved key is read only now."""
        if isinstance(subject, flow.SavedAccount):
            record = self._load(self.profiles, subject.name)
            found = Credentials._of(record, source=f"profile '{subject.name}'")
        else:
            found = Credentials._made(subject)
        if self._session is not None:
            found = found._with(session=self._session)
        return found

    def _load(self, profiles: Profiles, name: str) -> Record:
        try:
            record = profiles.load(name)
        except FileNotFoundError as error:
            path = profiles.path_of(name)
            raise CredentialsFileError(str(error), path=path) from None
        self._notes += record.notes
        return record

    def saved(self, identity: Identity) -> flow.Saved:
        """Return what the fields show of a saved account."""
        where = identity.address
        return flow.Saved(where.username, where.base_url, identity.allow_non_secure)

    def check(
        self, order: flow.Check, tell: Callable[[Any], None]
    ) -> flow.Accepted | flow.Failed:
        """Ask CARTO about what was typed or is saved."""
        number, credentials = order.number, None
        try:
            credentials = self.credentials(order.subject)
            if isinstance(order.subject, flow.SavedAccount):
                tell(flow.Loaded(number, self.saved(credentials._identity)))
            checked = login.check(credentials)
        except UndecidedError as error:
            return flow.Failed(number, error, self._proposed(order, credentials)[0])
        except CartoLoginError as error:
            return flow.Failed(number, error)
        proposed, already = self._proposed(order, checked)
        return flow.Accepted(number, checked, checked.account, proposed, already)

    def _proposed(
        self, order: flow.Check, credentials: Credentials | None
    ) -> tuple[str, str]:
        """Return a name to save under, and the same again if it holds this key."""
        if credentials is None or isinstance(order.subject, flow.SavedAccount):
            return "", ""
        identity = credentials._identity
        name = self._name_for(identity, credentials.account)
        saved = self.profiles.peek(name) if name else None
        same = saved is not None and saved.identity.same_key(identity)
        return name, name if same else ""

    def load(self, order: flow.Load) -> flow.Loaded | flow.Failed:
        """Read the file of a saved account."""
        try:
            record = self._load(self.profiles.locked, order.name)
            return flow.Loaded(order.number, self.saved(record.identity))
        except CartoLoginError as error:
            return flow.Failed(order.number, error)

    def sign_in(self, order: flow.SignIn) -> tuple[list[str], bool]:
        """Save if asked, and register; without proof, as unchecked.

        Returns:
            Notes, and whether there was no keyring to save the key in.
        """
        credentials = order.proof
        if credentials is None:
            credentials = login.unchecked(self.credentials(order.subject))
        saving = order.saving
        if saving is not None and not saving.name:
            identity = credentials._identity
            name = proposed_name(identity, credentials.account, self.profiles)
            saving = saving._replace(name=name, replace=False)
        missed: list[CartoLoginError] = []
        _credentials, notes = login.register(
            credentials, _saving(saving), self.profiles, missed.append
        )
        told, self._notes = self._notes, ()
        return [*dict.fromkeys(told), *notes], bool(missed)

    def work(self, order: flow.Work) -> flow.Done:
        """Do an act of the card; what keeps it from success is told, not raised."""
        notes: list[str] = []
        error: CartoLoginError | None = None
        try:
            notes = self._work(order)
        except CartoLoginError as problem:
            error = problem
        except OSError as problem:  # a name that is taken
            error = CartoLoginError(str(problem))
        return flow.Done(order.number, self.signed(), notes, error)

    def _work(self, order: flow.Work) -> list[str]:
        credentials, name, profiles = order.credentials, order.name, self.profiles
        match order.act:
            case "log_out":
                return acts.log_out().notes
            case "check_again":
                did = acts.check_again(credentials)
                return [did.said, *did.notes]
            case "save" | "save_in_file":
                saving = _saving(order.saving)
                assert saving is not None  # noqa: S101 - every order to save has it
                return acts.save(credentials, saving, profiles).notes
            case "rename":
                new = order.saving.name if order.saving else ""
                return acts.rename(name, new, profiles).notes
            case "make_default":
                return acts.make_default(name, profiles).notes
            case "forget":
                return acts.forget(name, profiles).notes
        raise AssertionError(order.act)

    def quota(self, order: flow.Quota) -> flow.QuotaArrived:
        """Ask for the bars of the card."""
        return flow.QuotaArrived(
            order.credentials, view.storage(order.credentials.me_data)
        )


def _saving(saving: flow.Saving | None) -> login.Saving | None:
    if saving is None:
        return None
    in_keyring = False if saving.in_file else None
    return login.Saving(saving.name, saving.default, saving.replace, in_keyring)


def _row(name: str, record: Record | None, *, is_default: bool) -> flow.Row:
    if record is None:
        return flow.Row(name, is_default=is_default)
    try:
        where = record.identity.address
    except CartoLoginError:
        return flow.Row(name, is_default=is_default)
    return flow.Row(name, where.username, where.host, key_words(record), is_default)


def in_background(work: Callable[..., None], *args: Any) -> None:
    """Run work on a daemon thread that belongs to the same cell."""
    import contextvars

    # Without the cell's context, ipykernel 7.0 raises LookupError.
    context = contextvars.copy_context()
    threading.Thread(
        target=context.run, args=(work, *args), name="carto-login", daemon=True
    ).start()
