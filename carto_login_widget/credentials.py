"""User name, key and address of a CARTO account, and the file that holds them.

Names and file format are those of `cartoframes.auth.Credentials`.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import address
from .errors import InvalidCredentialsError, without_frames
from .secret import Secret, check_key
from .store import files

if TYPE_CHECKING:
    import carto.auth
    import cartoframes.auth
    import google.auth.credentials
    import google.cloud.bigquery
    import requests

    from .account import Account

DEFAULT_PUBLIC = "default_public"
DEFAULT_FILE_NAME = "creds.json"


class Credentials:
    """User name, API key and address of a CARTO account.

    Nothing is sent anywhere before a method that asks CARTO is called; those import
    what they need when they are called.

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

    @without_frames
    def __init__(
        self,
        username: str | None = None,
        api_key: str | Secret | None = DEFAULT_PUBLIC,
        base_url: str | None = None,
        session: requests.Session | None = None,
        allow_non_secure: bool = False,  # noqa: FBT001, FBT002 - cartoframes' signature
    ) -> None:
        key, api_key = _wrap_key(api_key), None
        self._username = _checked_text(username, "username").strip("/ \t\r\n") or None
        given = _checked_text(base_url, "base_url").strip("/ \t\r\n")
        if self._username is None and not given:
            raise InvalidCredentialsError(
                "A CARTO user name is needed, or a base_url that names the user.",
                field="username",
            )
        if self._username is not None:
            address.check_username(self._username)
        if given and "://" not in given:
            given = f"https://{given}"
        if given:
            address.normalize_base_url(given, allow_non_secure=bool(allow_non_secure))
        check_key(key)
        self._api_key = key
        self._base_url = given or f"https://{self._username}.carto.com"
        self._allow_non_secure = bool(allow_non_secure)
        self.session = session
        self._source: str | None = None
        self._account: Account | None = None
        self._profile: str | None = None
        self._proved: str | None = None

    @property
    def username(self) -> str | None:
        """User name as given, or None beside a `base_url`."""
        return self._username

    @property
    def api_key(self) -> str:
        """The key itself, in plain text."""
        return self._api_key.reveal()

    @property
    def secret(self) -> Secret:
        """The key in its wrapper, for passing on without showing it."""
        return self._api_key

    @property
    def base_url(self) -> str:
        """Address as given, without slashes around it."""
        return self._base_url

    @property
    def allow_non_secure(self) -> bool:
        """Whether `http://` to another machine was allowed."""
        return self._allow_non_secure

    @property
    def source(self) -> str | None:
        """Where they came from, as `"profile 'work'"` or `"CARTO_API_KEY"`."""
        return self._source

    @property
    def account(self) -> Account | None:
        """What the last `validate()` learned; None before."""
        return self._account

    @property
    def profile(self) -> str | None:
        """Name of the saved account that they came from or were saved as."""
        return self._profile

    @property
    def proved(self) -> str | None:
        """The origin that has answered as CARTO, as remembered by the file."""
        return self._proved

    def remember(
        self,
        *,
        source: str | None = None,
        account: Account | None = None,
        profile: str | None = None,
        proved: str | None = None,
    ) -> Credentials:
        """Note what the package learned about these credentials (for its own use)."""
        self._source = source or self._source
        self._account = account or self._account
        self._profile = profile or self._profile
        self._proved = proved or self._proved
        return self

    def address(self) -> address.Address:
        """Return user and address in the form that requests are made to.

        Raises:
            InvalidCredentialsError: no user can be told from them, or the address
                names another user.
        """
        return address.resolve(
            self._username, self._base_url, allow_non_secure=self._allow_non_secure
        )

    def __repr__(self) -> str:
        shown = DEFAULT_PUBLIC if self.is_public else "***"
        return (
            f"{type(self).__name__}(username={self._username!r}, api_key={shown}, "
            f"base_url={self._base_url!r})"
        )

    @property
    def is_public(self) -> bool:
        """Whether the key is `default_public`, which everybody knows."""
        return self._api_key == Secret(DEFAULT_PUBLIC)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Credentials):
            return NotImplemented
        return self._identity() == other._identity()

    def __hash__(self) -> int:
        return hash(self._identity())

    def _identity(self) -> tuple[object, ...]:
        return (self._username, self._api_key, self._base_url)

    @classmethod
    @without_frames
    def from_credentials(cls, credentials: Any) -> Credentials:
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
        return copy.remember(
            source=getattr(credentials, "source", None),
            account=getattr(credentials, "account", None),
            profile=getattr(credentials, "profile", None),
            proved=getattr(credentials, "proved", None),
        )

    @classmethod
    def from_file(
        cls,
        config_file: str | Path | None = None,
        session: requests.Session | None = None,
    ) -> Credentials:
        """Read a credentials file of this package or of cartoframes.

        Args:
            config_file: path; None means `creds.json` of the store.
            session: as in `Credentials`.

        Raises:
            FileNotFoundError: there is no such file.
            CredentialsFileError: it cannot be read, is not JSON, or lacks what is
                needed.
        """
        from .store.documents import from_document

        path = _path(config_file)
        credentials = from_document(files.read_document(path), path=path)
        credentials.session = session
        return credentials.remember(source=_file_source(path, config_file))

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
        from .store.documents import save_file
        from .store.profiles import store_of

        path = _path(config_file)
        store = store_of(path)
        if store is None:
            notes = save_file(self, path)
        else:
            store.replace_default_file(self)
            notes = store.take_notes()
        for note in notes:
            warnings.warn(note, stacklevel=2)
        return path

    @classmethod
    def delete(cls, config_file: str | Path | None = None) -> None:
        """Remove a credentials file; a missing one is only warned about.

        Args:
            config_file: path; None means `creds.json` of the store.

        Raises:
            CredentialsFileError: it cannot be removed and is still there.
        """
        path = _path(config_file)
        if not files.remove(path):
            warnings.warn(
                f"There is no credentials file {path}, so nothing was removed.",
                stacklevel=2,
            )

    def validate(self, timeout: float | None = None) -> Account:
        """Ask CARTO whether it accepts the key, and what the key can do.

        Args:
            timeout: seconds for the whole check; None means the configured
                `total_timeout`, 20 s.

        Returns:
            What CARTO said; also kept in `account`.

        Raises:
            InvalidCredentialsError: wrong before any request.
            RejectedError: CARTO said no.
            UndecidedError: no verdict could be had.
            NotCartoError: the address did not answer as CARTO does.

        Example:
            >>> Credentials("jane", key).validate().key_type  # doctest: +SKIP
            'master'
        """
        from .server.check import validate

        return validate(self, timeout=timeout)

    @property
    def me_data(self) -> dict[str, Any]:
        """What `/api/v3/me` tells a master key; `{}` where it does not tell."""
        from .server.client import me_data

        return me_data(self)

    @property
    def user_id(self) -> str | None:
        """UUID of the user, asked of CARTO; None where it does not tell."""
        identifier = (self.me_data.get("user_data") or {}).get("id")
        return identifier if isinstance(identifier, str) else None

    def get_gcloud_credentials(self) -> tuple[str, str]:
        """Return the BigQuery project and a Google access token, as cartoframes does.

        Raises:
            DataObservatoryError: CARTO gave no token; the message says why.
        """
        from .server.google import project_and_token

        return project_and_token(self)

    def google_credentials(self) -> google.auth.credentials.Credentials:
        """Return Google credentials that renew themselves by asking CARTO."""
        from .server.google import google_credentials

        return google_credentials(self)

    def bigquery_client(self, **kwargs: Any) -> google.cloud.bigquery.Client:
        """Return a BigQuery client for the account's Data Observatory project.

        Args:
            **kwargs: passed on to `google.cloud.bigquery.Client`.

        Raises:
            ImportError: the extra `bigquery` is not installed.
        """
        from .server.google import bigquery_client

        return bigquery_client(self, **kwargs)

    def is_instant_licensing_active(self) -> bool:
        """Whether the account may license Data Observatory data at once."""
        from .server.google import is_instant_licensing_active

        return is_instant_licensing_active(self)

    def get_api_key_auth_client(self) -> carto.auth.APIKeyAuthClient:
        """Return carto-python's client for this account.

        Raises:
            ImportError: the extra `carto` is not installed.
        """
        from .convert.carto import api_key_auth_client

        return api_key_auth_client(self)

    def to_cartoframes(self) -> cartoframes.auth.Credentials:
        """Return cartoframes' own credentials, with a `repr` that hides the key.

        Raises:
            ImportError: the extra `cartoframes` is not installed.
        """
        from .bridges.cartoframes import to_cartoframes

        return to_cartoframes(self)


def _wrap_key(value: str | Secret | None) -> Secret:
    # Nothing is refused here, where the key would still be seen in the callers.
    wrapped = Secret.of(value.strip() if isinstance(value, str) else value)
    return Secret(DEFAULT_PUBLIC) if wrapped is None else wrapped


def _checked_text(value: str | None, field: str) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    raise InvalidCredentialsError(
        f"{field} must be a text, not {type(value).__name__}.", field=field
    )


def _path(config_file: str | Path | None) -> Path:
    if config_file is None:
        return files.store_directory() / DEFAULT_FILE_NAME
    return Path(config_file).expanduser()


def _file_source(path: Path, config_file: str | Path | None) -> str:
    return path.name if config_file is None else str(config_file)
