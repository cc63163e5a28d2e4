"""User name, key and address of a CARTO account, as users hold them.

Names and file format are those of `cartoframes.auth.Credentials`.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path

from .errors import InvalidCredentialsError, sealed
from .identity import Identity
from .secret import DEFAULT_PUBLIC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Self

    import carto.auth
    import cartoframes.auth
    import google.auth.credentials
    import google.cloud.bigquery
    import requests

    from .account import Account
    from .store.record import Record


_FIELDS = {"session", "proved", "entry"}  # of its identity, that a copy may have anew


class Credentials:
    """User name, API key and address of a CARTO account.

    A value that does not change, but for `session`; equal if user, key and address are.

    Args:
        username: CARTO user name; may be None beside a `base_url` that names the user.
        api_key: any API key of that user.
        base_url: address; None or `""` means `https://<username>.carto.com`.
        session: a `requests.Session` that lends its proxies, `verify`, `cert` and
            adapters, and none of its cookies and headers.
        allow_non_secure: accept `http://` to another machine, which sends the key
            readable for everybody on the way.

    Raises:
        InvalidCredentialsError: what was given cannot be right (a `ValueError`).

    Example:
        >>> Credentials("jane", "0123456789abcdef0123456789abcdef01234567")
        Credentials(username='jane', api_key=***, base_url='https://jane.carto.com')
    """

    _identity: Identity
    _source: str | None = None
    _profile: str | None = None
    _account: Account | None = None
    # Whether a file says that CARTO has accepted this very key before.
    _accepted: bool = False

    @sealed
    def __init__(
        self,
        username: str | None = None,
        api_key: str | None = DEFAULT_PUBLIC,
        base_url: str | None = None,
        session: requests.Session | None = None,
        allow_non_secure: bool = False,  # noqa: FBT001, FBT002 - cartoframes' signature
    ) -> None:
        self._identity = Identity.of(
            username, api_key, base_url, allow_non_secure=bool(allow_non_secure)
        )._replace(session=session)

    @classmethod
    def _made(cls, identity: Identity, **known: Any) -> Self:
        """Make credentials of checked parts; no constructor of a subclass is called."""
        made = cls.__new__(cls)
        made._identity = identity
        for name, value in known.items():
            setattr(made, f"_{name}", value)
        return made

    @classmethod
    def _of(cls, record: Record, *, source: str | None = None) -> Self:
        """Make credentials of what a file holds, by default of a saved account."""
        return cls._made(
            record.identity,
            source=source or f"profile '{record.profile}'",
            profile=record.profile,
            accepted=record.accepted,
        )

    @property
    def _record(self) -> Record:
        """What a file holds of them."""
        from .store.record import Record

        known = Record(self._identity, self._profile, self._accepted)
        return known.told(self._account)

    def _with(self, **learned: Any) -> Self:
        """Return a copy that knows more; type and attributes of a subclass stay."""
        import copy

        fields = {name: learned.pop(name) for name in _FIELDS & learned.keys()}
        twin = copy.copy(self)
        twin._identity = self._identity._replace(**fields)
        for name, value in learned.items():
            setattr(twin, f"_{name}", value)
        return twin

    @property
    def username(self) -> str | None:
        """User name as given, or None beside a `base_url`."""
        return self._identity.username

    @property
    def api_key(self) -> str:
        """The key itself, in plain text."""
        return self._identity.key.reveal()

    @property
    def base_url(self) -> str:
        """Address as given, without slashes around it."""
        return self._identity.base_url

    @property
    def allow_non_secure(self) -> bool:
        """Whether `http://` to another machine was allowed."""
        return self._identity.allow_non_secure

    @property
    def session(self) -> requests.Session | None:
        """The `requests.Session` that lends proxies and certificates, or None."""
        return self._identity.session

    @session.setter
    def session(self, session: requests.Session | None) -> None:
        self._identity = self._identity._replace(session=session)

    @property
    def source(self) -> str | None:
        """Where they came from, as `"profile 'work'"`; None if built by hand."""
        return self._source

    @property
    def profile(self) -> str | None:
        """Name of the saved account that they are, if the store says so."""
        return self._profile

    @property
    def account(self) -> Account | None:
        """What the login that made these learned of the key; None without one."""
        return self._account

    def __repr__(self) -> str:
        shown = DEFAULT_PUBLIC if self._identity.is_public else "***"
        return (
            f"{type(self).__name__}(username={self.username!r}, api_key={shown}, "
            f"base_url={self.base_url!r})"
        )

    @sealed
    def toDict(self) -> dict[str, Any]:  # noqa: N802 - their name
        """Return what pandas' `to_json` writes, which else is all, the key too."""
        return {"username": self.username, "base_url": self.base_url}

    def __eq__(self, other: object) -> bool:
        # What is no such thing is not asked: cartoframes' own would raise.
        return isinstance(other, Credentials) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    def __getstate__(self) -> Any:
        # A session cannot travel: it holds sockets, and somebody else's cookies.
        alone = {"_identity": self._identity._replace(session=None)}
        state: Any = super().__getstate__()
        if isinstance(state, tuple):  # a subclass with slots
            return ({**state[0], **alone}, state[1])
        return {**state, **alone}

    @classmethod
    @sealed
    def from_credentials(cls, credentials: Any) -> Self:
        """Copy credentials of this package or of cartoframes, else a ValueError."""
        if isinstance(credentials, Credentials):
            learned = ("source", "profile", "account", "accepted")
            known = {name: getattr(credentials, f"_{name}") for name in learned}
            return cls._made(credentials._identity, **known)
        names = ("username", "api_key", "base_url", "session", "allow_non_secure")
        if not all(hasattr(credentials, name) for name in names):
            raise InvalidCredentialsError(
                f"from_credentials() takes Credentials of this package or of "
                f"cartoframes, not {type(credentials).__name__}."
            )
        return cls(**{name: getattr(credentials, name) for name in names})

    @classmethod
    @sealed
    def from_file(
        cls,
        config_file: str | Path | None = None,
        session: requests.Session | None = None,
    ) -> Self:
        """Read a credentials file of this package or of cartoframes.

        Args:
            config_file: path; None means `creds.json` of the store.
            session: as in `Credentials`.

        Raises:
            FileNotFoundError: there is no such file.
            CredentialsFileError: it cannot be used.
        """
        made, notes = cls._read(config_file)
        _warn(notes)
        made.session = session
        return made

    @classmethod
    def _read(cls, config_file: str | Path | None) -> tuple[Self, tuple[str, ...]]:
        """Read a file; return what else is to be said of it, for the caller to say."""
        from .store import profiles

        path = _path(config_file)
        source = path.name if config_file is None else str(config_file)
        record = profiles.read(path)
        return cls._of(record, source=source), record.notes

    @sealed
    def save(self, config_file: str | Path | None = None) -> Path:
        """Write the file that cartoframes reads too, readable for its owner only.

        Args:
            config_file: path; None means `creds.json` of the store.

        Returns:
            The path that was written; a warning says what was kept beside it.

        Raises:
            CredentialsFileError: it cannot be written; what was there is still there.
        """
        from .store import profiles

        path = _path(config_file)
        _warn(profiles.write(path, self._record))
        return path

    @classmethod
    @sealed
    def delete(cls, config_file: str | Path | None = None) -> None:
        """Remove a file, or `creds.json`; a missing one is only warned about."""
        from .store import profiles

        _warn(profiles.remove(_path(config_file)))

    @sealed
    def validate(self, timeout: float | None = None) -> Account:
        """Ask CARTO whether it accepts the key, and what the key can do.

        Args:
            timeout: seconds for the whole check; None means `CartoLogin.total_timeout`.

        Raises:
            InvalidCredentialsError: wrong before any request.
            RejectedError: CARTO said no.
            UndecidedError: no verdict could be had.
            NotCartoError: the address did not answer as CARTO does.

        Example:
            >>> Credentials("jane", key).validate().key_type  # doctest: +SKIP
            'master'
        """
        from .server.check import check

        return check(self._identity, timeout=timeout)

    @property
    @sealed
    def me_data(self) -> dict[str, Any]:
        """What `/api/v3/me` tells a master key; `{}` where it does not tell."""
        from .server.check import me

        return me(self._identity)

    @property
    def user_id(self) -> str | None:
        """UUID of the user, asked of CARTO; None where it does not tell."""
        identifier = (self.me_data.get("user_data") or {}).get("id")
        return identifier if isinstance(identifier, str) else None

    @sealed
    def get_gcloud_credentials(self) -> tuple[str, str]:
        """Return the BigQuery project and a Google access token, as cartoframes does.

        Raises:
            DataObservatoryError: CARTO gave no token; the message says why.
        """
        from .server.google import project_and_token

        return project_and_token(self._identity)

    @sealed
    def google_credentials(self) -> google.auth.credentials.Credentials:
        """Return Google credentials that renew themselves by asking CARTO.

        They can be pickled, and carry the API key to wherever the pickle goes.

        Example:
            >>> from google.auth.transport.requests import AuthorizedSession
            >>> AuthorizedSession(account.google_credentials())  # doctest: +SKIP
        """
        from .server.google import GoogleCredentials

        return GoogleCredentials(self._identity)

    @sealed
    def bigquery_client(self, **kwargs: Any) -> google.cloud.bigquery.Client:
        """Return a BigQuery client for the Data Observatory (extra `bigquery`).

        Args:
            **kwargs: as `google.cloud.bigquery.Client` takes them.

        Raises:
            DataObservatoryError: CARTO gave no token.
        """
        from .server.google import bigquery_client

        return bigquery_client(self._identity, **kwargs)

    @sealed
    def is_instant_licensing_active(self) -> bool:
        """Whether the account may license Data Observatory data at once.

        Raises:
            DataObservatoryError: CARTO gave no answer to that.
        """
        from .server.google import is_instant_licensing_active

        return is_instant_licensing_active(self._identity)

    @sealed
    def get_api_key_auth_client(self) -> carto.auth.APIKeyAuthClient:
        """Return carto-python's client for this account (extra `carto`)."""
        from .convert import to_carto

        return to_carto(self._identity)

    @sealed
    def to_cartoframes(self) -> cartoframes.auth.Credentials:
        """Return cartoframes' own, with a masked `repr` (extra `cartoframes`)."""
        from .convert import to_cartoframes

        return to_cartoframes(self._identity)


def _path(config_file: str | Path | None) -> Path:
    if config_file is None:
        from .store.profiles import Profiles

        return Profiles().default_path
    # os.path, since a Path raises where there is no home.
    return Path(os.path.expanduser(config_file))  # noqa: PTH111


def _warn(notes: Iterable[str]) -> None:
    """Issue warnings of whoever called the door that called this."""
    for note in notes:
        warnings.warn(note, stacklevel=4)
