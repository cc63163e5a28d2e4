"""What is seen of the form: its fields, or the card of the account.

This class shows and tells; what happens when is the business of `login_form.py`.
"""

from __future__ import annotations

import asyncio
import functools
import threading
import weakref
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

import ipywidgets
import traitlets

from .. import settings
from ..account import Account
from ..credentials import Credentials
from ..errors import (
    CartoLoginError,
    InvalidCredentialsError,
    NotLoggedInError,
    UndecidedError,
)
from ..session import default as defaults
from ..session import login as signin
from ..store.profiles import ProfileStore
from . import card, verdict
from .check import in_background
from .fields import CUSTOM, NEW_ACCOUNT, show
from .view import View

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .inputs import Inputs

_PLAIN = (
    "The CARTO login form. If you read this instead of seeing the form, widgets do not "
    "show here: use %carto_login --prompt, or set CARTO_USERNAME and CARTO_API_KEY "
    "before the kernel starts, or keep a file and use %carto_login --file creds.json."
)

_CLOSED = (
    "The form was closed before anybody signed in with it; a newer one replaces it. "
    "Use the newer one, or run %carto_login again."
)


class FormWidget(ipywidgets.VBox):
    """The widget of the form: its traits, its parts, and what they show."""

    status = traitlets.Enum(
        ("empty", "checking", "accepted", "rejected", "undecided", "signed_in"), "empty"
    )
    message = traitlets.Unicode("")
    account = traitlets.Instance(Account, allow_none=True)
    credentials = traitlets.Instance(Credentials, allow_none=True)

    _newest: ClassVar[weakref.ref[FormWidget] | None] = None

    def __init__(self, store: ProfileStore | None) -> None:
        self._lock = threading.RLock()
        self._store = store or ProfileStore()
        self._chosen: Credentials | None = None
        # Set while the form itself writes to its fields, which is no input of the user.
        self._filling = False
        self._signed_in: Future[Credentials] = Future()
        self._view = View(
            remember=settings.CartoLogin.instance().remember,
            directory=self._store.directory,
        )
        super().__init__(layout=ipywidgets.Layout(width="auto", max_width="520px"))
        self.add_class("carto-login")
        self._replace_older()

    profile_field = property(lambda self: self._view.fields.profile)
    address_choice = property(lambda self: self._view.fields.choice)
    base_url_field = property(lambda self: self._view.fields.base_url)
    username_field = property(lambda self: self._view.fields.username)
    key_field = property(lambda self: self._view.fields.key)
    remember_field = property(lambda self: self._view.fields.remember)
    login_button = property(lambda self: self._view.login)
    cancel_button = property(lambda self: self._view.cancel)

    async def wait(self, timeout: float | None = None) -> Credentials:  # noqa: ASYNC109
        """Wait until somebody has signed in with this form.

        Needs a kernel that handles the form while a cell waits: ipykernel 7.

        Args:
            timeout: seconds to wait at most; None waits for ever.

        Raises:
            TimeoutError: nobody did.
            NotLoggedInError: the form was closed, as a newer one does.
        """
        # Shielded, so that giving up once does not end the form's own future.
        future = asyncio.shield(asyncio.wrap_future(self._signed_in))
        return await asyncio.wait_for(future, timeout)

    def close(self) -> None:
        """Take the form off the page, and its contents out of the kernel."""
        with self._lock:
            self._chosen = None
            self._clear_fields()
            if not self._signed_in.done():
                self._signed_in.set_exception(NotLoggedInError(_CLOSED))
            for widget in self._view.all_widgets():
                widget.close()
            super().close()

    def _replace_older(self) -> None:
        """Close the form before this one: all live ones are saved with a notebook."""
        older = FormWidget._newest() if FormWidget._newest else None
        FormWidget._newest = weakref.ref(self)
        if older is not None:
            older.close()

    def __repr__(self) -> str:
        if self.status == "signed_in" and self.credentials is not None:
            return card.plain(self.credentials, self._store)
        return _PLAIN

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        bundle = super()._repr_mimebundle_(**kwargs)
        if bundle:
            bundle["text/plain"] = repr(self)
        return bundle

    def _show_card(self, credentials: Credentials, notes: Sequence[str] = ()) -> None:
        """Replace the fields by the card of an account that is signed in."""
        view = self._view
        self._chosen = None
        view.card.value = card.html(
            credentials,
            since=datetime.now().astimezone(),
            store=self._store,
            notes=notes,
        )
        view.quota.value = ""
        view.tell("", "")
        saved = credentials.profile
        show(view.make_default, saved is not None and saved != self._store.default_name)
        self.children = view.card_rows
        # Emptied, so that a saved notebook does not list the user's accounts.
        self._clear_fields()
        self.credentials, self.account = credentials, credentials.account
        self.message = " ".join([card.plain(credentials, self._store), *notes])
        self.status = "signed_in"
        if not self._signed_in.done():
            self._signed_in.set_result(credentials)
        account = credentials.account
        if account is not None and account.checked and account.key_type == "master":
            in_background(functools.partial(self._show_quota, credentials))

    def _show_quota(self, credentials: Credentials) -> None:
        html = card.quota_html(credentials.me_data)
        with self._lock:
            if self.credentials is credentials and self.status == "signed_in":
                self._view.quota.value = html

    def _show_fields(
        self,
        *,
        username: str | None = None,
        base_url: str | None = None,
        profile: str | None = None,
    ) -> None:
        """Show the fields, with the default account or what was given filled in."""
        names = self._names()
        given = username or base_url
        first = profile or (names[0] if names and not given else NEW_ACCOUNT)
        self._view.card.value = self._view.quota.value = ""
        self.credentials = self.account = None
        if self._signed_in.done():
            self._signed_in = Future()
        with self._writing():
            self._view.fields.offer(names, first)
            self._view.fields.fill(username or "", base_url)
        self._tell("", "")
        self._set_status("empty")
        if not given:
            self._choose(first)
        self._show_destination(self._view.fields.inputs(None))
        self.children = self._view.form_rows
        self._view.unbind()

    def _names(self) -> list[str]:
        """Return the saved accounts, the default first."""
        try:
            default, names = self._store.default_name, self._store.names()
        except CartoLoginError:
            return []  # saving will say what is wrong with the directory
        return sorted(names, key=lambda name: (name != default, name))

    def _choose(self, name: str) -> None:
        """Fill in a saved account; its key stays out of the page."""
        self._chosen, fault = None, None
        self._view.fields.clear_remarks()
        username, base_url = "", None
        if name != NEW_ACCOUNT:
            try:
                chosen = self._store.load(name)
                where = chosen.address()
            except CartoLoginError as error:
                fault = error
            else:
                self._chosen, username = chosen, where.username
                is_cloud = where.base_url == f"https://{username}.carto.com"
                base_url = None if is_cloud else where.base_url
        with self._writing():
            self._view.fields.fill(username, base_url)
        if fault is not None:
            self._tell_error(fault)

    def _clear_fields(self) -> None:
        with self._writing():
            self._view.fields.clear()

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Mark what is set in the fields as the form's own doing."""
        self._filling = True
        try:
            yield
        finally:
            self._filling = False

    def _reset(self) -> None:
        """Take back what was said of other inputs."""
        self._view.fields.clear_remarks()
        self._set_status("empty")
        self._tell("", "")

    def _show_destination(self, inputs: Inputs) -> None:
        """Say where the key will be checked, as soon as that is known."""
        fields = self._view.fields
        show(fields.base_url, self.address_choice.value == CUSTOM)
        show(fields.remember, self._chosen is None or inputs.key is not None)
        try:
            where = inputs.address()
        except InvalidCredentialsError:
            where = None
        saved = self._chosen is not None and inputs.key is None
        held = self._chosen.secret if saved and self._chosen else inputs.key
        if saved and fields.key_error.value:
            held = None  # refused, so another one is needed
        self._view.tell_key(held, where, saved=saved)

    def _tell_error(self, error: CartoLoginError) -> None:
        """Say why there is no login: beside the field that is wrong, and below."""
        sentence, title = verdict.sentence_of(error), verdict.title_of(error)
        if isinstance(error, UndecidedError):
            self._set_status("undecided")
            self._tell("warn", f"{title} {sentence}")
            return
        self._set_status("rejected")
        beside = self._view.tell_field(verdict.field_of(error), sentence)
        current = defaults.get_default_credentials()
        still = f"You are still signed in as {signin.who(current)}." if current else ""
        shown = [title, still] if beside else [title, sentence, still]
        self._tell("bad", " ".join(filter(None, shown)))
        self.message = " ".join(filter(None, [title, sentence, still]))

    def _set_status(self, status: str) -> None:
        if status != "accepted":
            self.account = None
        self.status = status
        current = defaults.get_default_credentials()
        staying = (current.username or signin.who(current)) if current else None
        self._view.show_buttons(status, staying)

    def _tell(self, kind: str, text: str) -> None:
        self._view.tell(kind, text)
        self.message = text
