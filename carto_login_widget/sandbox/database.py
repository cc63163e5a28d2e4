"""The few tables of each account, in SQLite, behind PostgreSQL's manners.

Every statement is authorised table by table with the grants of its key; nothing
else than reading and writing rows is allowed.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .tables import SRTEXT, TABLES, Table, geometry_srid, srid_of

if TYPE_CHECKING:
    from .accounts import Key, SandboxAccount

_CATALOGUE = re.compile(
    r"\bpg_(catalog|class|attribute|namespace|roles|type)\b|\binformation_schema\b",
    re.IGNORECASE,
)
_USER_TABLES = re.compile(r"\bcdb_usertables\s*\([^)]*\)", re.IGNORECASE)
_STEPS_ALLOWED = 2_000_000
_NEEDED = {
    sqlite3.SQLITE_READ: "select",
    sqlite3.SQLITE_INSERT: "insert",
    sqlite3.SQLITE_UPDATE: "update",
    sqlite3.SQLITE_DELETE: "delete",
}
_HARMLESS = (
    sqlite3.SQLITE_SELECT,
    sqlite3.SQLITE_FUNCTION,
    sqlite3.SQLITE_RECURSIVE,
    sqlite3.SQLITE_TRANSACTION,
)
_KINDS = {
    "int4": "number", "float8": "number", "text": "string", "name": "string",
    "timestamptz": "date", "bool": "boolean", "geometry": "geometry",
}  # fmt: skip


class QueryError(Exception):
    """The database refused; carries the SQL API's status."""

    def __init__(self, status: int, text: str, **more: str) -> None:
        super().__init__(text)
        self.status = status
        self.more = more


@dataclass(frozen=True)
class Found:
    """A result in the SQL API's words."""

    rows: list[dict[str, Any]]
    fields: dict[str, dict[str, str]]
    total: int


class Database:
    """One account's tables."""

    def __init__(self, account: SandboxAccount) -> None:
        self._account = account
        self._tables = {name: TABLES[name] for name in account.tables}
        self._connection = sqlite3.connect(
            ":memory:", check_same_thread=False, isolation_level=None
        )
        for table in self._tables.values():
            table.create(self._connection)
        self._add_postgis()

    def close(self) -> None:
        """Forget everything."""
        self._connection.close()

    def run(self, key: Key, statement: str) -> Found:
        """Run one statement with the rights of one key.

        Raises:
            QueryError: Not allowed, not SQL, or too slow.
        """
        statement = statement.rstrip("; \n\t")
        if _CATALOGUE.search(statement):
            return self._catalogue(key, statement)
        denied: list[str] = []
        self._connection.set_authorizer(self._guard(key, denied))
        self._connection.set_progress_handler(lambda: 1, _STEPS_ALLOWED)
        try:
            cursor = self._connection.execute(self._translated(key, statement))
            return self._found(cursor)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise self._complaint(error, denied) from None
        finally:
            self._connection.set_authorizer(None)
            self._connection.set_progress_handler(None, 0)

    def readable(self, key: Key) -> list[str]:
        """The tables the key may read, in their order."""
        return [name for name in self._tables if "select" in self._rights(key, name)]

    def role(self, key: Key) -> str:
        """The PostgreSQL role that stands for a key."""
        if key.type == "master":
            return f"cartodb_user_{self._account.id}"
        if key.type == "default":
            return f"cartodb_publicuser_{self._account.id}"
        return "carto_role_" + hashlib.sha256(key.token.encode()).hexdigest()[:32]

    def _add_postgis(self) -> None:
        """What GDAL asks of PostGIS when it opens a table."""
        create = "CREATE TABLE spatial_ref_sys (srid INTEGER, srtext TEXT)"
        self._connection.execute(create)
        insert = "INSERT INTO spatial_ref_sys VALUES (?, ?)"
        self._connection.executemany(insert, SRTEXT.items())
        self._connection.create_function("st_srid", 1, srid_of)
        self._connection.create_function(
            "find_srid", 3, lambda _schema, _table, column: geometry_srid(column)
        )

    def _rights(self, key: Key, name: str) -> list[str]:
        if key.type == "master":
            return list(_NEEDED.values())
        public = ["select"] if self._tables[name].public else []
        return [*public, *key.permissions(name)]

    def _guard(self, key: Key, denied: list[str]) -> Any:
        """An authoriser for SQLite that notes the first table it refuses."""

        def allow(action: int, table: str | None, *_: object) -> int:
            if action in _HARMLESS:
                return sqlite3.SQLITE_OK
            needed = _NEEDED.get(action)
            if needed and table in self._tables:
                if needed in self._rights(key, table):
                    return sqlite3.SQLITE_OK
                denied.append(table)
            elif needed == "select" and not (table or "").startswith("sqlite_"):
                return sqlite3.SQLITE_OK
            return sqlite3.SQLITE_DENY

        return allow

    def _translated(self, key: Key, statement: str) -> str:
        """PostgreSQL's words that SQLite does not know."""
        rows = ", ".join(f"('{name}')" for name in self.readable(key))
        values = f"VALUES {rows}" if rows else "SELECT 1 WHERE 0"
        listed = f"(WITH t(cdb_usertables) AS ({values}) SELECT * FROM t)"  # noqa: S608
        statement = re.sub(
            rf"^select\s+{_USER_TABLES.pattern}",
            f"SELECT cdb_usertables FROM {listed}",  # noqa: S608 - our own names
            statement,
            flags=re.IGNORECASE,
        )
        statement = _USER_TABLES.sub(lambda _: listed, statement)
        statement = re.sub(r"(?<![\w.])\"?public\"?\.", "", statement)
        for word, mark, value in (
            ("current_user", r"\b", self.role(key)),
            ("current_schema", r"\(\)", "public"),
        ):
            known = re.compile(rf"(?<!')\b{word}{mark}", re.IGNORECASE)
            statement = known.sub(f"'{value}' AS {word}", statement)
        return statement

    def _found(self, cursor: sqlite3.Cursor) -> Found:
        names = [_column_name(column[0]) for column in cursor.description or ()]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
        types = {c: kind for t in self._tables.values() for c, kind in t.columns}
        fields = {}
        for name in names:
            kind = types.get(name) or _kind_of(rows[0][name] if rows else None)
            fields[name] = {"type": _KINDS[kind], "pgtype": kind}
            for row in rows:
                if kind == "bool" and row[name] is not None:
                    row[name] = bool(row[name])
        return Found(rows, fields, len(rows) if names else max(cursor.rowcount, 0))

    def _complaint(self, error: Exception, denied: list[str]) -> QueryError:
        """The error as PostgreSQL and the SQL API would put it."""
        text = str(error)
        if denied:
            return QueryError(403, f"permission denied for table {denied[0]}")
        if "interrupted" in text:
            slow = "You are over platform's limits: SQL query timeout error."
            return QueryError(
                429,
                f"{slow} Refactor your query before running again or contact CARTO "
                "support for more details.",
                context="limit",
                detail="datasource",
            )
        missing = re.search(r"no such (table|column|function): (.+)", text)
        if missing:
            kind = "relation" if missing[1] == "table" else missing[1]
            return QueryError(400, f'{kind} "{missing[2]}" does not exist')
        near = re.search(r'near "(.*)": syntax error', text)
        if near:
            return QueryError(400, f'syntax error at or near "{near[1]}"')
        if "not authorized" in text:
            return QueryError(400, "the sandbox only reads and writes rows of tables")
        return QueryError(400, text)

    def _catalogue(self, key: Key, statement: str) -> Found:
        """Only a master key reads the catalogue, and only a table's columns in it."""
        if key.type != "master":
            raise QueryError(403, "system tables are forbidden")
        named = re.search(r"relname\s*=\s*'([^']+)'", statement)
        table = self._tables.get(named[1]) if named else None
        if table is None:
            return Found([], {}, 0)
        rows = [_column_row(table, n) for n in range(len(table.columns))]
        fields = {name: {"type": "string", "pgtype": "text"} for name in rows[0]}
        return Found(rows, fields, len(rows))


def _column_name(name: str) -> str:
    """PostgreSQL's name for a column that the statement did not name."""
    if re.fullmatch(r"[A-Za-z_]\w*", name):
        return name
    called = re.match(r"([A-Za-z_]\w*)\s*\(", name)
    return called[1].lower() if called else "?column?"


def _kind_of(value: object) -> str:
    return {int: "int4", float: "float8"}.get(type(value), "text")


def _column_row(table: Table, index: int) -> dict[str, Any]:
    """One column in the shape in which GDAL asks the catalogue for it."""
    name, kind = table.columns[index]
    is_geometry = kind == "geometry"
    srid = geometry_srid(name)
    return {
        "attname": name,
        "typname": kind,
        "attlen": -1,
        "format_type": f"geometry(Point,{srid})" if is_geometry else kind,
        "attnum": index + 1,
        "attnotnull": name == "cartodb_id",
        "indisprimary": True if name == "cartodb_id" else None,
        "defaultexpr": None,
        "dim": 2 if is_geometry else None,
        "srid": srid if is_geometry else None,
        "geomtyp": "Point" if is_geometry else None,
        "srtext": SRTEXT[srid] if is_geometry else None,
    }
