"""Google credentials of the Data Observatory, renewed by asking CARTO."""

from __future__ import annotations

import copy
import threading
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import TYPE_CHECKING, Any

import google.auth.credentials
import google.auth.exceptions
from google.auth._helpers import REFRESH_THRESHOLD

from ..errors import CartoLoginError, Reason, sealed
from ..locks import Lock
from .answers import NO_CARTO, REFUSED, STATES, Row, first
from .client import Client

if TYPE_CHECKING:
    from collections.abc import Mapping

    from google.cloud.bigquery import Client as BigQueryClient

    from ..identity import Identity

# ruff: noqa: PLR2004 - HTTP statuses are known by their numbers

# CARTO does not say how long a token lives; Google lets such tokens live for an hour.
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

    retry_after: float | None = None

    @property
    def retryable(self) -> bool:
        """Whether the same request may succeed later."""
        return self.reason in _PASSING


def project_and_token(identity: Identity) -> tuple[str, str]:
    """Return the BigQuery project and a new Google access token, or say why not."""
    given = _ask(identity)
    return _project(given, identity), given["access_token"]


def is_instant_licensing_active(identity: Identity) -> bool:
    """Ask whether the account may license Data Observatory data at once."""
    return _ask(identity).get("instant_licensing") is True


def bigquery_client(identity: Identity, /, **kwargs: Any) -> BigQueryClient:
    """Return a BigQuery client; a `project` or `credentials` that is given wins."""
    try:
        bigquery = import_module("google.cloud.bigquery")
    except ModuleNotFoundError as error:
        raise ImportError(
            f"BigQuery cannot be used here, as there is no module {error.name!r}. "
            "Install it with pip install 'carto_login_widget[bigquery]'."
        ) from None
    credentials = GoogleCredentials(identity)
    if kwargs.get("project") is None:
        credentials.refresh(None)
        kwargs["project"] = _project(credentials.given, identity)
    kwargs.setdefault("credentials", credentials)
    client: BigQueryClient = bigquery.Client(**kwargs)
    return client


class GoogleCredentials(google.auth.credentials.CredentialsWithQuotaProject):
    """A Data Observatory token as google-auth wants to have it."""

    # google-auth has a class for tokens that come from a callable, but pickled it
    # cannot renew itself, and every thread that finds the token stale asks for another:
    # https://github.com/googleapis/google-auth-library-python/issues/1780

    def __init__(self, identity: Identity) -> None:
        super().__init__()
        self.identity = identity
        self.given: Mapping[str, Any] = {}
        self._lock = Lock()
        self._seen = threading.local()  # the token that a thread looked at last
        self._end: datetime | None = None  # of a token that is used on
        self._attempts = 0
        self._failure: DataObservatoryError | None = None

    @property
    def token(self) -> str | None:
        """The one that Google is shown."""
        self._seen.token = token = self._token
        return token

    @token.setter
    def token(self, value: str | None) -> None:
        self._token = value

    @sealed
    def refresh(self, request: Any) -> None:  # noqa: ARG002 - Google's transport
        """Ask CARTO for a token; whatever keeps it away is a `DataObservatoryError`."""
        # After a 401 of Google it is the token which this thread used last that is not
        # good any more; a newer one is taken without asking.
        seen = getattr(self._seen, "token", self._token)
        attempts = self._attempts
        with self._lock:
            is_newer = self._token not in (None, seen) and not self.expired
            # An attempt that ended while this thread waited for the lock answers it
            # too, with its failure as well: else a server that hangs would hold a
            # thousand threads one after the other.
            if not is_newer and self._attempts == attempts:
                self._failure = self._attempt()
                self._attempts += 1
            if not is_newer and self._failure is not None:
                raise copy.copy(self._failure)
            self._seen.token = self._token

    def _attempt(self) -> DataObservatoryError | None:
        # google-auth's times have no zone.
        now = datetime.now(UTC).replace(tzinfo=None)
        end = self._end or (self.expiry and self.expiry + _AFTER_EXPIRY)
        # One that is not stale was refused by Google.
        is_usable = end is not None and self.expired and now < end
        token = self._token
        try:
            self.given = _ask(self.identity)
        except DataObservatoryError as error:
            if not is_usable or (error.reason in REFUSED and not error.retryable):
                return copy.copy(error)  # without frames
        else:
            token = self.given["access_token"]
        if token == self._token:
            # CARTO gave an old one again, or none: the end of it is as near as before.
            self._end, life = end, _ASK_AGAIN
        else:
            self._token, self._end, life = token, None, _LIFE
        # google-auth takes a token for stale some minutes before its expiry.
        self.expiry = now + life + REFRESH_THRESHOLD
        return None

    def with_quota_project(self, quota_project_id: str) -> GoogleCredentials:
        """Return a copy that another project is billed for."""
        twin = copy.copy(self)
        twin._quota_project_id = quota_project_id  # google-auth has no other way
        return twin

    def __getstate__(self) -> dict[str, Any]:
        own = ("_lock", "_seen", "_refresh_worker")
        return {name: value for name, value in vars(self).items() if name not in own}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["identity"])  # type: ignore[misc]
        vars(self).update(state)


def _project(given: Mapping[str, Any], identity: Identity) -> str:
    project = given.get("bq_project")
    if isinstance(project, str) and project:
        return project
    raise DataObservatoryError(
        f"CARTO at {identity.address.host} gave a Google token, but no BigQuery "
        "project to use it in. Give one yourself: bigquery_client(project=...).",
        reason=Reason.SERVER_ERROR,
    )


def _ask(identity: Identity) -> Mapping[str, Any]:
    """Ask CARTO for a token; whatever goes wrong is a `DataObservatoryError`."""
    try:
        with Client(identity) as client:
            # CARTO looks for the permission of a key that is a parameter, only
            # (CartoDB/cartodb `data_observatory_controller.rb`).
            answer = client.get("api/v4/do/token", key="query")
        token = answer.result.get("access_token")
        if isinstance(token, str) and token:
            return answer.result
        told = vars(first(_REFUSALS, answer))
    except CartoLoginError as error:
        # Without a reason is an address that names no user.
        told = {"reason": Reason.WRONG_ADDRESS, **vars(error)}
    except Exception as error:  # noqa: BLE001 - google-auth knows RefreshError only
        message = (
            f"CARTO at {identity.base_url} was not asked for a Google token: an error "
            f"that nobody expected ({type(error).__qualname__})."
        )
        told = {"message": message}
    raise DataObservatoryError(**told)


# Read from the top: the first that applies is the reason.
_REFUSALS = {
    "not enabled": Row(
        lambda a: "not have Data Observatory enabled" in a.error_text,
        Reason.NOT_ENABLED,
        "The Data Observatory is not enabled for the account '{username}' at {host}. "
        "Ask CARTO, or the administrator of your organisation, for access.",
    ),
    "wrong key": Row(
        lambda a: a.status == 401 and "www-authenticate" not in a.headers,
        Reason.WRONG_KEY,
        "CARTO at {host} does not accept the user name '{username}' with this API key, "
        "so it gave no Google token. Copy the key again from {keys_page}",
    ),
    **STATES,
    "forbidden": Row(
        lambda a: a.status == 403 and a.object,
        Reason.FORBIDDEN,
        "This API key of '{username}' at {host} may not use the Data Observatory. Take "
        "the master key, or make a key with that permission on {keys_page}",
    ),
    "wrong address": Row(
        lambda a: a.status == 404,
        Reason.WRONG_ADDRESS,
        "CARTO at {host} has no Data Observatory for '{username}' (HTTP 404): the "
        "address does not fit the user, or the server is older than 2019.",
    ),
    "CARTO's own words": Row(
        lambda a: a.status != 429 and a.error_text,
        Reason.SERVER_ERROR,
        "CARTO at {host} could not get a Google token (HTTP {status}): '{error_text}'. "
        "Try again in a moment.",
    ),
    **NO_CARTO,
}
