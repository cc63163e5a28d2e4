"""The people of the sandbox: accounts, their API keys, and what each key may do."""

from __future__ import annotations

import base64
import random
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Grants = list[dict[str, Any]]

DEFAULT_PUBLIC = "default_public"
SERVICES = ("geocoding", "routing", "isolines", "observatory")
_FIRST_DAY = datetime(2019, 2, 14, 13, 23, 12, tzinfo=UTC)


@dataclass
class Key:
    """One API key.

    Attributes:
        name: "Master", "Default public", or the name its owner gave it.
        type: "master", "default", "regular" or "oauth".
        token: What is sent as the API key; not shown by `repr`.
        grants: What the key may do, as CARTO lists it.
        profile: Whether it may read its owner's profile (master, some oauth).
    """

    name: str
    type: str
    token: str = field(repr=False)
    grants: Grants = field(default_factory=list, repr=False)
    profile: bool = False
    created_at: datetime = _FIRST_DAY
    updated_at: datetime = _FIRST_DAY

    @property
    def apis(self) -> list[str]:
        """The APIs this key opens: of "sql", "maps", "do"."""
        return [api for grant in self.grants for api in grant.get("apis", [])]

    def permissions(self, table: str) -> list[str]:
        """What the key itself was granted on one table, such as "select"."""
        return [
            permission
            for grant in self.grants
            for granted in grant.get("tables", [])
            if granted["name"] == table
            for permission in granted["permissions"]
        ]


@dataclass
class SandboxAccount:
    """One CARTO account; every attribute may be changed while the server runs.

    Attributes:
        username: Lower-case user name.
        organization: Name of the organisation it belongs to, or None.
        org_admin: Whether it may look into its colleagues' keys.
        state: "active" or "locked".
        maintenance: Whether the account is in maintenance.
        unverified: Whether the e-mail address waits for confirmation.
        activated: Whether the sign-up was confirmed.
        engine: Whether the account may use the APIs (Auth API included).
        do_enabled: Whether the Data Observatory is enabled.
        keys: The API keys by name.
        tables: Names of the account's tables in the sandbox's database.
    """

    username: str
    organization: str | None = None
    org_admin: bool = False
    state: str = "active"
    maintenance: bool = False
    unverified: bool = False
    activated: bool = True
    engine: bool = True
    do_enabled: bool = True
    instant_licensing: bool = True
    first_name: str = ""
    last_name: str = "Sample"
    keys: dict[str, Key] = field(default_factory=dict)
    tables: list[str] = field(default_factory=list)
    random: random.Random = field(default_factory=random.SystemRandom, repr=False)

    def __post_init__(self) -> None:
        self.id = str(uuid.UUID(int=self.random.getrandbits(128), version=4))
        self.first_name = self.first_name or self.username.capitalize()
        if not self.keys:
            self._add(Key("Master", "master", self.hex_token(), master_grants(), True))  # noqa: FBT003 - profile
            self._add(Key("Default public", "default", DEFAULT_PUBLIC, grants()))

    @property
    def email(self) -> str:
        """The invented e-mail address."""
        return f"{self.username}@example.com"

    @property
    def master(self) -> Key:
        """The master key."""
        return next(key for key in self.keys.values() if key.type == "master")

    @property
    def default_public(self) -> Key:
        """The key that everybody knows: it reads public tables."""
        return next(key for key in self.keys.values() if key.type == "default")

    @property
    def oauth(self) -> Key:
        """The first OAuth token.

        Raises:
            StopIteration: The account has none.
        """
        return next(key for key in self.keys.values() if key.type == "oauth")

    @property
    def locked(self) -> bool:
        """Whether the account is locked."""
        return self.state == "locked"

    def find(self, token: str | None) -> Key | None:
        """The key with that token, or None."""
        return next((k for k in self.keys.values() if token and k.token == token), None)

    def add_key(
        self,
        name: str,
        granted: Grants | None = None,
        *,
        type: str = "regular",  # noqa: A002 - CARTO's word
        token: str | None = None,
        profile: bool = False,
    ) -> Key:
        """Give the account one more key.

        Args:
            name: Name of the key, unique in the account.
            granted: As `grants()` makes them; SQL and Maps if None.
            type: "regular" or "oauth".
            token: Its token; a fresh one of 22 characters if None.
            profile: Whether it may read the owner's profile.

        Example:
            >>> account.add_key("reader", grants(["sql"]))  # doctest: +SKIP
        """
        token = token or self.short_token()
        return self._add(
            Key(name, type, token, grants() if granted is None else granted, profile)
        )

    def hex_token(self) -> str:
        """A fresh master token: 40 hexadecimal digits."""
        return f"{self.random.getrandbits(160):040x}"

    def short_token(self) -> str:
        """A fresh token of another key: 22 URL-safe characters."""
        raw = self.random.getrandbits(128).to_bytes(16, "big")
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")

    def _add(self, key: Key) -> Key:
        key.created_at = _FIRST_DAY + timedelta(hours=len(self.keys))
        key.updated_at = key.created_at
        self.keys[key.name] = key
        return key


def grants(  # noqa: PLR0913 - one for each kind of grant
    apis: list[str] | None = None,
    tables: list[dict[str, Any]] | None = None,
    schemas: list[dict[str, Any]] | None = None,
    services: list[str] | None = None,
    datasets: list[str] | None = None,
    *,
    table_metadata: bool = False,
) -> Grants:
    """Grants in the shape and order in which CARTO lists them.

    Args:
        apis: Of "sql", "maps", "do"; SQL and Maps if None.
        tables: As `table_grant()` makes them.
        schemas: Such as `{"name": "jane", "permissions": ["create"]}`.
        services: Of `SERVICES`.
        datasets: Data Observatory ids, `project.dataset.table`.
        table_metadata: Whether the key may list datasets.

    Example:
        >>> grants(["sql"])[0]
        {'type': 'apis', 'apis': ['sql']}
    """
    database = {"type": "database", "tables": tables or [], "schemas": schemas or []}
    if table_metadata:
        database["table_metadata"] = []
    listed: Grants = [
        {"type": "apis", "apis": ["sql", "maps"] if apis is None else apis},
        database,
    ]
    if services:
        listed.append({"type": "dataservices", "services": services})
    if datasets:
        listed.append({"type": "data-observatory", "datasets": datasets})
    return listed


def table_grant(owner: str, name: str, *permissions: str) -> dict[str, Any]:
    """The grant on one table; `select` when no permission is named."""
    return {
        "schema": "public",
        "name": name,
        "owner": owner,
        "permissions": list(permissions or ("select",)),
    }


def master_grants() -> Grants:
    """What CARTO lists for a master key."""
    return grants(services=list(SERVICES))
