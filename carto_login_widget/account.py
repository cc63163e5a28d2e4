"""What an API key can do, as CARTO said it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

KEY_TYPES = {"master": "master", "default": "default_public", "regular": "regular"}
_API_WORDS = {"sql": "SQL", "maps": "Maps", "do": "Data Observatory"}
_SERVICE_WORDS = {
    "geocoding": "geocoding",
    "routing": "routing",
    "isolines": "isolines",
    "observatory": "observatory",
}


@dataclass(frozen=True, slots=True)
class TableGrant:
    """A table or view that a regular key may use.

    Attributes:
        schema: PostgreSQL schema, for most accounts the user name or `public`.
        name: table name.
        owner: user name of the owner, or None where the server does not say.
        permissions: as PostgreSQL calls them: `select`, `insert`, `update` …
    """

    schema: str
    name: str
    owner: str | None
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SchemaGrant:
    """A schema and what the key may do in it (`create` = may make tables)."""

    name: str
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """An account and what the key that was checked can do there.

    The fields mirror the grants of CARTO's Auth API
    (CartoDB/cartodb `app/controllers/carto/api/api_key_presenter.rb`). For a master
    key the lists are not limits: it may do everything.

    Attributes:
        username: the user that the key belongs to.
        base_url: the address that was asked, without a slash at the end.
        key_type: `"master"`, `"regular"`, `"default_public"`, `"oauth"` or
            `"unknown"`.
        key_name: the name of the key in CARTO, or None.
        apis: `"sql"`, `"maps"`, `"do"`.
        services: data services: `"geocoding"`, `"routing"` …
        tables: `TableGrant`s of a regular key.
        schemas: `SchemaGrant`s of a regular key.
        datasets: Data Observatory datasets, as `project.dataset.table`.
        organization: name of the organisation, known only where CARTO was asked.
        engine: False where the Auth API is off and permissions can't be listed.
        checked: False after "use without checking" or an undecided start-up.

    Example:
        >>> Account("jane", "https://jane.carto.com", key_type="master").summary
        'Master key, full access.'
    """

    username: str | None
    base_url: str
    key_type: str = "unknown"
    key_name: str | None = None
    apis: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    tables: tuple[TableGrant, ...] = ()
    schemas: tuple[SchemaGrant, ...] = ()
    datasets: tuple[str, ...] = ()
    organization: str | None = None
    engine: bool = True
    checked: bool = True

    @property
    def summary(self) -> str:
        """What the key is and can do, in one line for people."""
        if not self.checked:
            return "The key was not checked."
        if not self.engine:
            return f"{self._kind}; its permissions cannot be listed (no Engine access)."
        match self.key_type:
            case "master":
                return "Master key, full access."
            case "default_public":
                return "Public access only: it can read public datasets."
            case "oauth":
                return "Temporary OAuth token; it expires within an hour."
            case "regular":
                return f"{self._kind}: {'; '.join(self._abilities())}."
        return f"{self._kind}."

    @property
    def _kind(self) -> str:
        if self.key_type == "master":
            return "Master key"
        return f"API key '{self.key_name}'" if self.key_name else "API key"

    def _abilities(self) -> list[str]:
        abilities = [", ".join(_API_WORDS.get(api, api) for api in self.apis)]
        abilities.append(self._table_ability())
        if any("create" in schema.permissions for schema in self.schemas):
            abilities.append("makes tables")
        if self.services:
            words = (_SERVICE_WORDS.get(s, s) for s in self.services)
            abilities.append(f"data services: {', '.join(words)}")
        if self.datasets:
            abilities.append(_count(len(self.datasets), "Data Observatory dataset"))
        return [a for a in abilities if a] or ["no permissions of its own"]

    def _table_ability(self) -> str:
        if not self.tables:
            return ""
        changing = {"insert", "update", "delete", "truncate"}
        written = sum(bool(changing.intersection(t.permissions)) for t in self.tables)
        read = sum("select" in t.permissions for t in self.tables)
        parts = [f"reads {_count(read, 'table')}"] if read else []
        if written:
            parts.append(f"writes {_count(written, 'table')}")
        return " and ".join(parts)


def printable(text: str) -> str:
    """Make a text of a server fit to be shown: one line, no control characters."""
    shown = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(shown.split())[:300]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def parse_grants(grants: Any) -> dict[str, Any]:
    """Turn the `grants` list of an API key into fields of `Account`.

    Entries that are not of the known shape are left out: a newer server may send
    more than this package knows.

    Example:
        >>> parse_grants([{"type": "apis", "apis": ["sql"]}])["apis"]
        ('sql',)
    """
    found = {
        grant["type"]: grant
        for grant in (grants if isinstance(grants, list) else [])
        if isinstance(grant, dict) and isinstance(grant.get("type"), str)
    }
    database = found.get("database", {})
    return {
        "apis": _texts(found.get("apis", {}).get("apis")),
        "services": _texts(found.get("dataservices", {}).get("services")),
        "datasets": _texts(found.get("data-observatory", {}).get("datasets")),
        "tables": tuple(
            TableGrant(
                schema=str(table.get("schema", "")),
                name=table["name"],
                owner=table.get("owner")
                if isinstance(table.get("owner"), str)
                else None,
                permissions=_texts(table.get("permissions")),
            )
            for table in _named(database.get("tables"))
        ),
        "schemas": tuple(
            SchemaGrant(schema["name"], _texts(schema.get("permissions")))
            for schema in _named(database.get("schemas"))
        ),
    }


def _texts(value: Any) -> tuple[str, ...]:
    return (
        tuple(v for v in value if isinstance(v, str)) if isinstance(value, list) else ()
    )


def _named(value: Any) -> list[dict[str, Any]]:
    return [
        item
        for item in (value if isinstance(value, list) else [])
        if isinstance(item, dict) and isinstance(item.get("name"), str)
    ]
