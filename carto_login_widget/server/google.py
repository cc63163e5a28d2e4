"""Google credentials of the Data Observatory, renewed by asking CARTO.

CARTO hands out a Google access token without saying how long it lives, and Google lets
such tokens live for an hour. Here one counts as good for 50 minutes, and is renewed as
well when Google refuses it. While CARTO cannot be asked, it is used for the minutes
that are left. google-auth has a class for tokens that come from a callable, but pickled
it cannot renew itself, and every thread that finds the token stale asks for another.
"""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

import google.auth.credentials
import google.auth.exceptions
from google.auth._helpers import REFRESH_THRESHOLD

from ..errors import (
    CartoLoginError,
    InvalidCredentialsError,
    Reason,
    RejectedError,
    sealed,
)
from ..locks import Lock
from ..secret import Secret
from .answers import FOREIGN, STATES, Failure, Row, not_carto, sort_answer
from .client import Client

if TYPE_CHECKING:
    from google.cloud.bigquery import Client as BigQueryClient

    from ..identity import Identity

# ruff: noqa: PLR2004 - HTTP statuses are known by their numbers

_LIFE = timedelta(minutes=50)
_ASK_AGAIN = timedelta(minutes=1)
# From the expiry that google-auth sees until a minute before the end of the hour.
_AFTER_EXPIRY = timedelta(minutes=59) - _LIFE - REFRESH_THRESHOLD
_PASSING = frozenset(
    {Reason.UNREACHABLE, Reason.TIMEOUT, Reason.RATE_LIMITED}
    | {Reason.SERVER_ERROR, Reason.MAINTENANCE}
)


class DataObservatoryError(CartoLoginError, google.auth.exceptions.RefreshError):
    """CARTO gave no Google token; also a `RefreshError` of google-auth.

    Attributes:
        reason: `Reason.NOT_ENABLED`, `FORBIDDEN` (a key without the permission),
            `WRONG_KEY`, `LOCKED`, …, why there was no answer, or None where nobody
            expected what happened.
        retry_after: seconds that the server asks to wait, or None.
    """

    def __init__(
        self, message: str, reason: Reason | None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_after = retry_after

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return self.reason in _PASSING


def google_credentials(identity: Identity) -> google.auth.credentials.Credentials:
    """Return Google credentials that renew themselves by asking CARTO.

    Nothing is asked before they are used. They can be pickled, and so carry the API
    key to wherever the pickle goes.
    """
    return _GoogleCredentials(_Tokens(identity))


def project_and_token(identity: Identity) -> tuple[str, str]:
    """Return the BigQuery project and a new Google access token, or say why not."""
    token = _Tokens(identity).renew()
    secret = token.secret.reveal() if token.secret else ""
    return _project(token, identity), secret


def is_instant_licensing_active(identity: Identity) -> bool:
    """Ask whether the account may license Data Observatory data at once."""
    return _Tokens(identity).renew().instant_licensing


def bigquery_client(identity: Identity, /, **kwargs: Any) -> BigQueryClient:
    """Return a BigQuery client; a `project` or `credentials` that is given wins."""
    try:
        bigquery = import_module("google.cloud.bigquery")
    except ModuleNotFoundError as error:
        raise ImportError(
            f"BigQuery cannot be used here, as there is no module {error.name!r}. "
            "Install it with pip install 'carto_login_widget[bigquery]'."
        ) from None
    tokens = _Tokens(identity)
    kwargs.setdefault("credentials", _GoogleCredentials(tokens))
    if kwargs.get("project") is None:
        kwargs["project"] = _project(tokens.renew(), identity)
    client: BigQueryClient = bigquery.Client(**kwargs)
    return client


class _Token(NamedTuple):
    """A token, and what CARTO said along with it."""

    number: int = 0
    expiry: datetime | None = None
    end: datetime | None = None  # when Google does not take it any more
    secret: Secret | None = None
    project: str | None = None
    instant_licensing: bool = False

    @property
    def is_stale(self) -> bool:
        if self.secret is None:
            return True
        return self.expiry is not None and _now() >= self.expiry - REFRESH_THRESHOLD

    @property
    def is_taken(self) -> bool:
        """Whether Google takes it, stale or not."""
        return bool(self.secret and self.end and _now() < self.end)


_NO_TOKEN = _Token()


class _Tokens:
    """The newest token of an account, and the lock under which the next is asked for.

    Reading `newest` needs no lock: it is replaced as a whole.
    """

    def __init__(self, identity: Identity, newest: _Token = _NO_TOKEN) -> None:
        self.identity = identity
        self.newest = newest
        self._lock = Lock()
        self._attempts = 0
        self._failure: Failure | None = None

    def renew(self, seen: int = 0) -> _Token:
        """Ask for a token, or take a newer one than `seen` that another thread got."""
        attempts = self._attempts
        with self._lock:
            if self.newest.number > seen and not self.newest.is_stale:
                return self.newest
            # An attempt that ended while this thread waited for the lock answers it
            # too, with its failure as well: else a server that hangs would hold a
            # thousand threads one after the other.
            if self._attempts == attempts:
                self._attempt()
            failure, newest = self._failure, self.newest
        if failure is not None:
            raise DataObservatoryError(
                failure.detail, failure.reason, failure.retry_after
            )
        return newest

    def _attempt(self) -> None:
        newest, was_stale = self.newest, self.newest.is_stale
        found = _ask(self.identity)
        self._attempts += 1
        self._failure = None
        if isinstance(found, Failure):
            # One that is not stale was refused by Google.
            if not was_stale or not newest.is_taken or _is_final(found):
                self._failure = found
                return
            found = newest
        # The same token again is an old one, whose end is nearer than that of a new.
        again = found.secret == newest.secret
        # google-auth takes a token for stale some minutes before its expiry.
        expiry = _now() + (_ASK_AGAIN if again else _LIFE) + REFRESH_THRESHOLD
        end = newest.end if again else expiry + _AFTER_EXPIRY
        self.newest = found._replace(number=newest.number + 1, expiry=expiry, end=end)

    def change(self, **values: Any) -> None:
        """Replace parts of the newest token, as google-auth lets anybody do."""
        with self._lock:
            self.newest = self.newest._replace(number=self.newest.number + 1, **values)


class _GoogleCredentials(google.auth.credentials.CredentialsWithQuotaProject):
    """A Data Observatory token as google-auth wants to have it."""

    def __init__(self, tokens: _Tokens) -> None:
        self._seen = threading.local()
        # google-auth's own constructor sets a token and an expiry: not the shared ones.
        self._tokens = _Tokens(tokens.identity)
        super().__init__()
        self._tokens = tokens

    @property
    def token(self) -> str | None:
        newest = self._tokens.newest
        self._seen.number = newest.number
        return newest.secret.reveal() if newest.secret else None

    @token.setter
    def token(self, value: str | None) -> None:
        self._tokens.change(secret=Secret.of(value))

    @property
    def expiry(self) -> datetime | None:
        return self._tokens.newest.expiry

    @expiry.setter
    def expiry(self, value: datetime | None) -> None:
        self._tokens.change(expiry=value, end=value and value + _AFTER_EXPIRY)

    @sealed
    def refresh(self, request: Any) -> None:  # noqa: ARG002 - Google's transport
        """Ask CARTO for a token; whatever keeps it away is a `DataObservatoryError`."""
        # After a 401 of Google it is the token which this thread used last that is not
        # good any more; a newer one is taken without asking.
        seen = getattr(self._seen, "number", self._tokens.newest.number)
        self._seen.number = self._tokens.renew(seen).number

    def with_quota_project(self, quota_project_id: str) -> _GoogleCredentials:
        copy = type(self)(self._tokens)
        # google-auth has no other way to set these.
        copy._quota_project_id = quota_project_id
        copy._use_non_blocking_refresh = self._use_non_blocking_refresh
        return copy

    def __getstate__(self) -> dict[str, Any]:
        return {
            "identity": self._tokens.identity,
            "newest": self._tokens.newest,
            "quota_project_id": self._quota_project_id,
            "non_blocking": self._use_non_blocking_refresh,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(_Tokens(state["identity"], state["newest"]))  # type: ignore[misc]
        self._quota_project_id = state["quota_project_id"]
        self._use_non_blocking_refresh = state["non_blocking"]


def _is_final(failure: Failure) -> bool:
    """Whether it is CARTO's verdict, which a minute does not change."""
    rejected = isinstance(failure.error(), RejectedError)
    return rejected and failure.reason not in _PASSING


def _now() -> datetime:
    # google-auth compares with times that have no zone.
    return datetime.now(UTC).replace(tzinfo=None)


def _project(token: _Token, identity: Identity) -> str:
    if token.project:
        return token.project
    raise DataObservatoryError(
        f"CARTO at {identity.address.host} gave a Google token, but no BigQuery "
        "project to use it in. Give one yourself: bigquery_client(project=...).",
        Reason.SERVER_ERROR,
    )


def _ask(identity: Identity) -> _Token | Failure:
    """Ask CARTO for a token; whatever goes wrong is a failure, as google-auth needs.

    `GET /api/v4/do/token` (CartoDB/cartodb `data_observatory_controller.rb`). Servers
    older than October 2019 say with a 200 that it is not enabled.
    """
    try:
        with Client(identity) as client:
            # CARTO looks for the permission of a key that is a parameter, only.
            answer = client.send("GET", "api/v4/do/token", key="query")
    except InvalidCredentialsError as error:
        return Failure(Reason.WRONG_ADDRESS, str(error))
    except Exception as error:  # noqa: BLE001 - google-auth knows RefreshError only
        return Failure(
            None,
            f"CARTO at {identity.base_url} was not asked for a Google token: an error "
            f"that nobody expected ({type(error).__qualname__}).",
        )
    token, project = (answer.object.get(n) for n in ("access_token", "bq_project"))
    if answer.status == 200 and isinstance(token, str) and token:
        return _Token(
            secret=Secret(token),
            project=project if isinstance(project, str) else None,
            instant_licensing=answer.object.get("instant_licensing") is True,
        )
    found = sort_answer((*_REFUSALS, *FOREIGN), answer, client.address)
    return found or not_carto(answer, client.address)


# Read from the top: the first that applies is the reason.
_REFUSALS = (
    Row(
        "not enabled",
        lambda a: "not have Data Observatory enabled" in a.error_text,
        Reason.NOT_ENABLED,
        "The Data Observatory is not enabled for the account '{user}' at {host}. Ask "
        "CARTO, or the administrator of your organisation, for access.",
    ),
    Row(
        "wrong key",
        lambda a: a.status == 401 and "www-authenticate" not in a.headers,
        Reason.WRONG_KEY,
        "CARTO at {host} does not accept the user name '{user}' with this API key, so "
        "it gave no Google token. Copy the key again from {keys_page}",
    ),
    *STATES,
    Row(
        "forbidden",
        lambda a: a.status == 403 and a.object,
        Reason.FORBIDDEN,
        "This API key of '{user}' at {host} may not use the Data Observatory. Take the "
        "master key, or make a key with that permission on {keys_page}",
    ),
    Row(
        "no such route",
        lambda a: a.status == 404,
        Reason.WRONG_ADDRESS,
        "CARTO at {host} has no Data Observatory for '{user}' (HTTP 404): the base URL "
        "does not fit the user, or the server is older than 2019.",
    ),
    Row(
        "trouble",
        lambda a: a.status != 429 and a.error_text,
        Reason.SERVER_ERROR,
        "CARTO at {host} could not get a Google token (HTTP {status}): '{text}'. Try "
        "again in a moment.",
    ),
)
