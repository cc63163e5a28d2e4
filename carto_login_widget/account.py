"""What an API key can do, as CARTO said it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

KEY_TYPES = {"master": "master", "default": "default_public", "regular": "regular"}
_API_WORDS = {"sql": "SQL", "maps": "Maps", "do": "Data Observatory"}
_SENTENCES = {
    "master": "Master key, full access.",
    "default_public": "Public access only: it can read public datasets.",
    "oauth": "Temporary OAuth token; it expires within an hour.",
}
_CHANGING = {"insert", "update", "delete", "truncate"}
# Fields of `Account`: the type of the grant, and where it has the list (CartoDB/cartodb
# `app/controllers/carto/api/api_key_presenter.rb`).
_LISTS = {
    "apis": ("apis", "apis"),
    "services": ("dataservices", "services"),
    "datasets": ("data-observatory", "datasets"),
}


@dataclass(frozen=True, slots=True)
class TableGrant:
    """A table or view that a regular key may use."""

    schema: str  # for most accounts the user name or `public`
    name: str
    owner: str | None  # None where the server does not say
    permissions: tuple[str, ...]  # `select`, `insert`, `update` …


@dataclass(frozen=True, slots=True)
class SchemaGrant:
    """A schema and what the key may do in it (`create` = may make tables)."""

    name: str
    permissions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Account:
    """An account and what the key that was checked can do there.

    For a master key the lists are not limits: it may do everything.

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
        kind = f"API key '{self.key_name}'" if self.key_name else "API key"
        if not self.engine:
            kind = "Master key" if self.key_type == "master" else kind
            return f"{kind}; its permissions cannot be listed (no Engine access)."
        if self.key_type == "regular":
            return f"{kind}: {'; '.join(self._abilities())}."
        return _SENTENCES.get(self.key_type, f"{kind}.")

    def _abilities(self) -> list[str]:
        read = sum("select" in table.permissions for table in self.tables)
        written = sum(not _CHANGING.isdisjoint(t.permissions) for t in self.tables)
        on_tables = [
            f"{verb} {_count(number, 'table')}"
            for verb, number in (("reads", read), ("writes", written))
            if number
        ]
        makes = any("create" in schema.permissions for schema in self.schemas)
        data = _count(len(self.datasets), "Data Observatory dataset")
        abilities = [
            ", ".join(_API_WORDS.get(api, api) for api in self.apis),
            " and ".join(on_tables),
            "makes tables" if makes else "",
            f"data services: {', '.join(self.services)}" if self.services else "",
            data if self.datasets else "",
        ]
        return list(filter(None, abilities)) or ["no permissions of its own"]


def printable(text: str) -> str:
    """Make a text of a server fit to be shown: one line, no control characters."""
    shown = "".join(c if c.isprintable() else " " for c in text)
    return " ".join(shown.split())[:300]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" + ("" if number == 1 else "s")


def parse_grants(grants: Any) -> dict[str, Any]:
    """Turn the `grants` of an API key into fields of `Account`, as far as known."""
    found = {grant["type"]: grant for grant in _objects(grants, "type")}
    database = found.get("database", {})
    fields: dict[str, Any] = {
        field: _texts(found.get(kind, {}).get(name))
        for field, (kind, name) in _LISTS.items()
    }
    fields["tables"] = tuple(
        TableGrant(
            schema=str(table.get("schema", "")),
            name=table["name"],
            owner=owner if isinstance(owner := table.get("owner"), str) else None,
            permissions=_texts(table.get("permissions")),
        )
        for table in _objects(database.get("tables"), "name")
    )
    fields["schemas"] = tuple(
        SchemaGrant(schema["name"], _texts(schema.get("permissions")))
        for schema in _objects(database.get("schemas"), "name")
    )
    return fields


# A newer server may send more, and something else, than is known here.


def _texts(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else []
    return tuple(one for one in values if isinstance(one, str))


def _objects(value: Any, name: str) -> list[dict[str, Any]]:
    """Return the objects of a list that have a text under `name`."""
    values = value if isinstance(value, list) else []
    objects = (one for one in values if isinstance(one, dict))
    return [one for one in objects if isinstance(one.get(name), str)]
