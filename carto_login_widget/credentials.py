"""User name, key and address of a CARTO account, as users hold them.

Names and file format are those of `cartoframes.auth.Credentials`. Each method calls
downward; what was learned comes back in a new value.
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


class Credentials:
    """User name, API key and address of a CARTO account.

    A value that does not change, but for `session`. Nothing is sent anywhere before a
    method that asks CARTO is called. Two are equal if user, key and address are.

    Args:
        username: CARTO user name; may be None beside a `base_url` that names the user.
        api_key: any API key of that user.
        base_url: address of the user's CARTO; None or `""` means
            `https://<username>.carto.com`.
        session: a `requests.Session` that lends its proxies, `verify`, `cert` and
            adapters; its cookies and headers are not used.
        allow_non_secure: accept `http://` to another machine than this one. The key
            then travels readable for everybody on the way.

    Raises:
        InvalidCredentialsError: what was given cannot be right (a `ValueError`).

    Example:
        >>> Credentials("jane", "0123456789abcdef0123456789abcdef01234567")
        Credentials(username='jane', api_key=***, base_url='https://jane.carto.com')
    """

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
        self._value = Identity.of(
            username, api_key, base_url, allow_non_secure=bool(allow_non_secure)
        )
        self._session = session

    @classmethod
    def _made(
        cls,
        identity: Identity,
        *,
        source: str | None = None,
        profile: str | None = None,
        account: Account | None = None,
        accepted: bool = False,
    ) -> Self:
        """Make credentials of what was checked before, with what is known of it."""
        made = cls.__new__(cls)
        made._value, made._session = identity._replace(session=None), identity.session
        made._source, made._profile = source, profile
        made._account, made._accepted = account, accepted
        return made

    @classmethod
    def _of(cls, record: Record, *, source: str) -> Self:
        """Make credentials of what a file holds."""
        return cls._made(
            record.identity,
            source=source,
            profile=record.profile,
            accepted=record.accepted,
        )

    @property
    def _record(self) -> Record:
        """What a file holds of them."""
        from .store.record import Record

        return Record.of(
            self._identity,
            self._account,
            profile=self._profile,
            accepted=self._accepted,
        )

    def _with(self, **learned: Any) -> Self:
        """Return a copy that knows more; type and attributes of a subclass stay."""
        twin = object.__new__(type(self))
        _restore(twin, super().__getstate__())
        proved = learned.pop("proved", None)
        if proved is not None:
            twin._value = self._value._replace(proved=proved)
        if "entry" in learned:
            twin._value = twin._value._replace(entry=learned.pop("entry"))
        for name, value in learned.items():
            setattr(twin, f"_{name}", value)
        return twin

    @property
    def _identity(self) -> Identity:
        """The value that server, store and conversions work on."""
        return self._value._replace(session=self._session)

    @property
    def username(self) -> str | None:
        """User name as given, or None beside a `base_url`."""
        return self._value.username

    @property
    def api_key(self) -> str:
        """The key itself, in plain text."""
        return self._value.key.reveal()

    @property
    def base_url(self) -> str:
        """Address as given, without slashes around it."""
        return self._value.base_url

    @property
    def allow_non_secure(self) -> bool:
        """Whether `http://` to another machine was allowed."""
        return self._value.allow_non_secure

    @property
    def session(self) -> requests.Session | None:
        """The `requests.Session` that lends proxies and certificates, or None."""
        return self._session

    @session.setter
    def session(self, session: requests.Session | None) -> None:
        self._session = session

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
        shown = DEFAULT_PUBLIC if self._value.is_public else "***"
        return (
            f"{type(self).__name__}(username={self.username!r}, api_key={shown}, "
            f"base_url={self.base_url!r})"
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Credentials):
            return NotImplemented
        return self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __getstate__(self) -> Any:
        # A session cannot travel: it holds sockets, and somebody else's cookies.
        state: Any = super().__getstate__()
        if isinstance(state, tuple):
            return ({**state[0], "_session": None}, state[1])
        return {**state, "_session": None}

    @classmethod
    @sealed
    def from_credentials(cls, credentials: Any) -> Self:
        """Copy credentials of this package or of cartoframes.

        Raises:
            ValueError: it is neither.
        """
        names = ("username", "api_key", "base_url", "session", "allow_non_secure")
        if not all(hasattr(credentials, name) for name in names):
            raise InvalidCredentialsError(
                f"from_credentials() takes Credentials of this package or of "
                f"cartoframes, not {type(credentials).__name__}."
            )
        copy = cls(**{name: getattr(credentials, name) for name in names})
        if isinstance(credentials, Credentials):
            copy._value = credentials._value
            copy._source, copy._profile = credentials._source, credentials._profile
            copy._account, copy._accepted = credentials._account, credentials._accepted
        return copy

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

        Warns:
            UserWarning: the file has no key, or other users could read it.

        Raises:
            FileNotFoundError: there is no such file.
            CredentialsFileError: it cannot be read, is not JSON, or lacks what is
                needed.
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
            The path that was written.

        Warns:
            UserWarning: what was there was kept elsewhere, or others could read it.

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
        """Remove a credentials file; a missing one is only warned about.

        Args:
            config_file: path; None means `creds.json` of the store.

        Raises:
            CredentialsFileError: it cannot be removed and is still there.
        """
        from .store import profiles

        path = _path(config_file)
        there, notes = profiles.remove(path)
        if not there:
            notes = [f"There is no credentials file {path}, so nothing was removed."]
        _warn(notes)

    @sealed
    def validate(self, timeout: float | None = None) -> Account:
        """Ask CARTO whether it accepts the key, and what the key can do.

        Nothing is kept in this object: `login()` returns credentials that know it.

        Args:
            timeout: seconds for the whole check; None means the configured
                `total_timeout`, 20 s.

        Returns:
            What CARTO said.

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

        return check(self._identity, timeout=timeout).account

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

        Nothing is asked before they are used. They can be pickled, and so carry the API
        key to wherever the pickle goes.

        Example:
            >>> from google.auth.transport.requests import AuthorizedSession
            >>> AuthorizedSession(account.google_credentials())  # doctest: +SKIP
        """
        from .server.google import google_credentials

        return google_credentials(self._identity)

    @sealed
    def bigquery_client(self, **kwargs: Any) -> google.cloud.bigquery.Client:
        """Return a BigQuery client for the account's Data Observatory project.

        Args:
            **kwargs: passed on to `google.cloud.bigquery.Client`; a `project` or
                `credentials` among them wins.

        Raises:
            ImportError: the extra `bigquery` is not installed.
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
        """Return carto-python's client for this account.

        Raises:
            ImportError: the extra `carto` is not installed.
        """
        from .convert.carto import api_key_auth_client

        return api_key_auth_client(self._identity)

    @sealed
    def to_cartoframes(self) -> cartoframes.auth.Credentials:
        """Return cartoframes' own credentials, with a `repr` that hides the key.

        Raises:
            ImportError: the extra `cartoframes` is not installed.
        """
        from .convert.cartoframes import to_cartoframes

        return to_cartoframes(self._identity)


def _restore(twin: object, state: Any) -> None:
    """Give an object the state of another one, as unpickling would."""
    attributes, slots = state if isinstance(state, tuple) else (state, None)
    for name, value in {**(attributes or {}), **(slots or {})}.items():
        object.__setattr__(twin, name, value)


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
