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
    """A user, a key and an address; two are equal if these three are."""

    # No dataclass: that import would take as long as all the rest of reading a file.

    username: str | None  # None beside an address that names the user
    key: Secret
    base_url: str  # as given, with a scheme and without slashes around it
    allow_non_secure: bool = False  # whether http to another machine was allowed
    session: requests.Session | None = None  # lends proxies, certificates, adapters
    proved: str | None = None  # the origin that has answered as CARTO
    entry: str | None = None  # what stands in the file of a key in a keyring

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
        key = PUBLIC if key is None else key
        name = _text(username, "username") or None
        if name is not None:
            address.check_username(name)
        base = _text(base_url, "base_url") or address.cloud_base(name)
        base = base if "://" in base else f"https://{base}"
        address.normalize_base_url(base, allow_non_secure=allow_non_secure)
        check_key(key)
        return cls(name, key, base, allow_non_secure)

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
        """Whether both are one account with one key, however the address is written."""
        # Keys in a keyring are compared by their entries, so that none is asked.
        same_entry = self.entry is not None and self.entry == other.entry
        return (same_entry or self.key == other.key) and self.same_account(other)


def _text(value: str | None, name: str) -> str:
    if value is None or isinstance(value, str):
        return (value or "").strip("/ \t\r\n")
    raise InvalidCredentialsError(
        f"{name} must be a text, not {type(value).__name__}.", field=name
    )
