"""Google credentials of the Data Observatory, renewed by asking CARTO.

CARTO hands out a Google access token without saying how long it lives, and Google lets
such tokens live for an hour. Here one counts as good for 50 minutes, and is renewed as
well when Google refuses it. google-auth has a class for tokens that come from a
callable, but pickled it cannot renew itself, and every thread that finds the token
stale asks for another one.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

import google.auth.credentials
import google.auth.exceptions
from google.auth._helpers import REFRESH_THRESHOLD

from ..errors import CartoLoginError, Reason
from ..secret import Secret
from . import observatory
from .observatory import Grant, Refusal

if TYPE_CHECKING:
    from google.cloud.bigquery import Client as BigQueryClient

    from ..credentials import Credentials

_LIFE = timedelta(minutes=50)
_ASK_AGAIN = timedelta(minutes=1)
_PASSING = frozenset(
    {Reason.UNREACHABLE, Reason.TIMEOUT, Reason.RATE_LIMITED}
    | {Reason.SERVER_ERROR, Reason.MAINTENANCE}
)


class DataObservatoryError(CartoLoginError, google.auth.exceptions.RefreshError):
    """CARTO gave no Google token; also a `RefreshError` of google-auth.

    Attributes:
        reason: `Reason.NOT_ENABLED`, `FORBIDDEN` (a key without the permission),
            `WRONG_KEY`, `LOCKED`, …, or why there was no answer.
        retry_after: seconds that the server asks to wait, or None.
    """

    def __init__(
        self, message: str, reason: Reason, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_after = retry_after

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return self.reason in _PASSING


def google_credentials(credentials: Credentials) -> google.auth.credentials.Credentials:
    """Return Google credentials that renew themselves by asking CARTO.

    Nothing is asked before they are used. They can be pickled, and so carry the API
    key to wherever the pickle goes.

    Example:
        >>> from google.auth.transport.requests import AuthorizedSession
        >>> session = AuthorizedSession(google_credentials(account))  # doctest: +SKIP
    """
    return _GoogleCredentials(credentials, _tokens_of(credentials))


def project_and_token(credentials: Credentials) -> tuple[str, str]:
    """Return the BigQuery project and a new Google access token.

    Raises:
        DataObservatoryError: CARTO gave none.
    """
    newest = _tokens_of(credentials).renew(credentials)
    token = newest.token.reveal() if newest.token else ""
    return _project(newest, credentials), token


def is_instant_licensing_active(credentials: Credentials) -> bool:
    """Ask whether the account may license Data Observatory data at once.

    Raises:
        DataObservatoryError: CARTO gave no answer to that.
    """
    return _tokens_of(credentials).renew(credentials).instant_licensing


def bigquery_client(carto: Credentials, /, **kwargs: Any) -> BigQueryClient:
    """Return a BigQuery client with the account's project and a token that is kept new.

    Args:
        carto: the CARTO account.
        **kwargs: passed on to `google.cloud.bigquery.Client`; a `project` or
            `credentials` among them wins.

    Raises:
        ImportError: the extra `bigquery` is not installed.
        DataObservatoryError: CARTO gave no token.
    """
    missing = None
    try:
        bigquery = import_module("google.cloud.bigquery")
    except ModuleNotFoundError as error:
        missing = error.name
    if missing is not None:
        raise ImportError(
            f"BigQuery cannot be used here, as there is no module {missing!r}. Install "
            "it with pip install 'carto_login_widget[bigquery]'."
        )
    kwargs.setdefault("credentials", google_credentials(carto))
    if kwargs.get("project") is None:
        tokens = _tokens_of(carto)
        grant = tokens.newest
        if grant.is_stale:
            grant = tokens.renew(carto, grant.number)
        kwargs["project"] = _project(grant, carto)
    client: BigQueryClient = bigquery.Client(**kwargs)
    return client


class _Token(NamedTuple):
    """A token, and what CARTO said along with it."""

    number: int = 0
    expiry: datetime | None = None
    token: Secret | None = None
    project: str | None = None
    instant_licensing: bool = False

    @property
    def is_stale(self) -> bool:
        """Whether a new one is needed."""
        if self.token is None:
            return True
        if self.expiry is None:
            return False
        return _now() >= self.expiry - REFRESH_THRESHOLD


class _Tokens:
    """The newest token of an account, and the lock under which the next is asked for.

    Reading `newest` needs no lock: it is replaced as a whole.
    """

    def __init__(self) -> None:
        self.newest = _Token()
        self._lock = threading.Lock()
        self._attempts = 0
        self._answer: Grant | Refusal | None = None

    def renew(self, credentials: Credentials, seen: int | None = None) -> _Token:
        """Ask for a new token, or take the one that another thread has got meanwhile.

        Args:
            credentials: the account.
            seen: number of the token that is not good any more; None if any that was
                not asked for just now is not good enough.

        Raises:
            DataObservatoryError: CARTO gave none.
        """
        attempts = self._attempts
        with self._lock:
            is_newer = seen is not None and self.newest.number > seen
            if is_newer and not self.newest.is_stale:
                return self.newest
            # An attempt that ended while this thread waited for the lock answers it
            # too, with its failure as well: else a server that hangs would hold a
            # thousand threads one after the other.
            if self._attempts == attempts:
                self._attempt(credentials)
            answer, newest = self._answer, self.newest
        if isinstance(answer, Refusal):
            raise DataObservatoryError(*answer)
        return newest

    def _attempt(self, credentials: Credentials) -> None:
        self._answer = observatory.ask(credentials)
        self._attempts += 1
        if isinstance(self._answer, Refusal):
            return
        token = self._answer.token
        # The same token again is an old one, whose end is nearer than that of a new.
        life = _ASK_AGAIN if token == self.newest.token else _LIFE
        # google-auth takes a token for stale some minutes before its expiry.
        expiry = _now() + life + REFRESH_THRESHOLD
        self.newest = _Token(self.newest.number + 1, expiry, *self._answer)

    def change(self, **values: Any) -> None:
        """Replace parts of the newest token, as google-auth lets anybody do."""
        with self._lock:
            self.newest = self.newest._replace(number=self.newest.number + 1, **values)

    def adopt(self, grant: _Token) -> None:
        """Take over a token that was got elsewhere, if there is none here."""
        with self._lock:
            if self.newest.is_stale:
                self.newest = grant._replace(number=self.newest.number + 1)


_all_tokens: WeakKeyDictionary[Credentials, _Tokens] = WeakKeyDictionary()
_all_tokens_lock = threading.Lock()


def _tokens_of(credentials: Credentials) -> _Tokens:
    """Return what all that use one account share."""
    with _all_tokens_lock:
        return _all_tokens.setdefault(credentials, _Tokens())


class _GoogleCredentials(google.auth.credentials.CredentialsWithQuotaProject):
    """A Data Observatory token as google-auth wants to have it."""

    def __init__(self, carto: Credentials, tokens: _Tokens) -> None:
        # google-auth's own constructor sets a token and an expiry: not the shared ones.
        self._tokens = _Tokens()
        super().__init__()
        self._tokens = tokens
        self._carto = carto
        self._seen = threading.local()

    @property
    def token(self) -> str | None:
        """The access token, or None before the first `refresh`."""
        grant = self._tokens.newest
        self._note(grant)
        return grant.token.reveal() if grant.token else None

    @token.setter
    def token(self, value: str | None) -> None:
        self._tokens.change(token=Secret.of(value))

    @property
    def expiry(self) -> datetime | None:
        """When the token stops being used, UTC without a time zone."""
        return self._tokens.newest.expiry

    @expiry.setter
    def expiry(self, value: datetime | None) -> None:
        self._tokens.change(expiry=value)

    def refresh(self, request: Any) -> None:  # noqa: ARG002 - Google's transport
        """Ask CARTO for a token, unless another thread has done so.

        After a 401 of Google the token that this thread used last is the one that is
        not good any more; a newer one is taken without asking.

        Raises:
            DataObservatoryError: CARTO gave none.
        """
        seen = getattr(self._seen, "number", self._tokens.newest.number)
        self._note(self._tokens.renew(self._carto, seen))

    def _note(self, grant: _Token) -> None:
        seen = getattr(self, "_seen", None)
        if seen is not None:
            seen.number = grant.number

    def with_quota_project(self, quota_project_id: str) -> _GoogleCredentials:
        """Return a copy that is billed to another project; the token is shared."""
        copy = type(self)(self._carto, self._tokens)
        # google-auth has no other way to set these.
        copy._quota_project_id = quota_project_id  # noqa: SLF001
        copy._use_non_blocking_refresh = self._use_non_blocking_refresh  # noqa: SLF001
        return copy

    def __getstate__(self) -> dict[str, Any]:
        return {
            "carto": self._carto,
            "grant": self._tokens.newest,
            "quota_project_id": self._quota_project_id,
            "non_blocking": self._use_non_blocking_refresh,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        tokens = _tokens_of(state["carto"])
        tokens.adopt(state["grant"])
        self.__init__(state["carto"], tokens)  # type: ignore[misc]
        self._quota_project_id = state["quota_project_id"]
        self._use_non_blocking_refresh = state["non_blocking"]


def _now() -> datetime:
    # google-auth compares with times that have no zone.
    return datetime.now(UTC).replace(tzinfo=None)


def _project(grant: _Token, credentials: Credentials) -> str:
    if grant.project:
        return grant.project
    raise DataObservatoryError(
        f"CARTO at {credentials.address().host} gave a Google token, but no BigQuery "
        "project to use it in. Give one yourself: bigquery_client(project=...).",
        Reason.SERVER_ERROR,
    )
