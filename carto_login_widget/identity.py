"""Who signs in where, with which key: the value that server and store work on."""

from __future__ import annotations

from . import address
from .errors import InvalidCredentialsError
from .secret import PUBLIC, Secret, check_key
from .values import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    import requests

    from .address import Address


class Identity(NamedTuple):
    """A user, a key and an address; two are equal if these three are.

    No dataclass: that import would take as long as all the rest of reading a file.

    Attributes:
        username: as given, or None beside an address that names the user.
        key: the API key.
        base_url: as given, with a scheme and without slashes around it.
        allow_non_secure: whether `http://` to another machine was allowed.
        session: a `requests.Session` that lends proxies, certificates and adapters.
        proved: the origin that has answered as CARTO, as far as that is remembered.
        entry: what stands in the file if the key is in the system's keyring.
    """

    username: str | None
    key: Secret
    base_url: str
    allow_non_secure: bool = False
    session: requests.Session | None = None
    proved: str | None = None
    entry: str | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self[:3] == other[:3]

    def __ne__(self, other: object) -> bool:
        return not self == other  # else the tuple's own would answer

    def __hash__(self) -> int:
        return hash(self[:3])

    @classmethod
    def of(
        cls,
        username: str | None,
        api_key: str | Secret | None,
        base_url: str | None,
        *,
        allow_non_secure: bool = False,
    ) -> Identity:
        """Make one of what people give, or say what is wrong with it."""
        key = Secret.of(api_key.strip() if isinstance(api_key, str) else api_key)
        name = _text(username, "username") or None
        given = _text(base_url, "base_url")
        if name is None and not given:
            raise InvalidCredentialsError(
                "A CARTO user name is needed, or a base_url that names the user.",
                field="username",
            )
        if name is not None:
            address.check_username(name)
        if given and "://" not in given:
            given = f"https://{given}"
        if given:
            address.normalize_base_url(given, allow_non_secure=allow_non_secure)
        check_key(PUBLIC if key is None else key)
        return cls(
            name,
            PUBLIC if key is None else key,
            given or f"https://{name}.carto.com",
            allow_non_secure,
        )

    @property
    def address(self) -> address.Address:
        """User and address in the form that requests are made to."""
        return address.resolve(
            self.username, self.base_url, allow_non_secure=self.allow_non_secure
        )

    @property
    def known_address(self) -> Address | None:
        """The same, or None where user or address cannot be told."""
        try:
            return self.address
        except InvalidCredentialsError:
            return None

    @property
    def is_public(self) -> bool:
        """Whether the key is `default_public`, which everybody knows."""
        return self.key == PUBLIC

    @property
    def who(self) -> str:
        """User and host for people, as `jane at jane.carto.com`."""
        where = self.known_address
        return f"{where.username} at {where.host}" if where else self.base_url

    def same_account(self, other: Identity) -> bool:
        """Whether both are one user at one address, whatever the keys."""
        where = self.known_address
        if where is None:
            return (self.username, self.base_url) == (other.username, other.base_url)
        return where == other.known_address

    def same_key(self, other: Identity) -> bool:
        """Whether both are one account with one key, however the address is written.

        Keys that a keyring holds are compared by their entries, so that none is asked.
        """
        same_entry = self.entry is not None and self.entry == other.entry
        return (same_entry or self.key == other.key) and self.same_account(other)


def _text(value: str | None, name: str) -> str:
    if value is None or isinstance(value, str):
        return (value or "").strip("/ \t\r\n")
    raise InvalidCredentialsError(
        f"{name} must be a text, not {type(value).__name__}.", field=name
    )
