from __future__ import annotations

import dataclasses

import pytest

from carto_login_widget.account import Account, SchemaGrant, TableGrant, parse_grants

READ, WRITE = ("select",), ("select", "insert", "update", "delete")
BASE = "https://jane.carto.com"


def _table(name, permissions=READ):
    return TableGrant("jane", name, "jane", permissions)


@pytest.mark.parametrize(
    ("account", "summary"),
    [
        (Account("jane", BASE, "master"), "Master key, full access."),
        (
            Account("jane", BASE, "default_public", "Default public"),
            "Public access only: it can read public datasets.",
        ),
        (
            Account("jane", BASE, "oauth"),
            "Temporary OAuth token; it expires within an hour.",
        ),
        (
            Account(
                "jane", BASE, "regular", "a", ("sql", "maps"), tables=(_table("t"),)
            ),
            "API key 'a': SQL, Maps; reads 1 table.",
        ),
        (
            Account(
                *("jane", BASE, "regular", "a", ("sql", "do", "new")),
                services=("routing",),
                tables=(_table("t", WRITE), _table("u"), _table("v", ("insert",))),
                schemas=(SchemaGrant("jane", ("create",)),),
                datasets=("a.b.c", "a.b.d"),
            ),
            (
                "API key 'a': SQL, Data Observatory, new; reads 2 tables and writes 2 "
                "tables; makes tables; data services: routing; 2 Data Observatory "
                "datasets."
            ),
        ),
        (
            Account("jane", BASE, "regular", "a"),
            "API key 'a': no permissions of its own.",
        ),
        (Account("jane", BASE, "unknown"), "API key."),
        (
            Account("jane", BASE, "master", engine=False),
            "Master key; its permissions cannot be listed (no Engine access).",
        ),
        (Account("jane", BASE, checked=False), "The key was not checked."),
    ],
)
def test_the_summary_says_what_the_key_can_do(account, summary):
    """In one line for people."""
    assert account.summary == summary


def test_grants_as_carto_sends_them():
    """Each of the known kinds has its field."""
    table = {"schema": "jane", "name": "t", "owner": "jane", "permissions": ["select"]}
    found = parse_grants(
        [
            {"type": "apis", "apis": ["sql", "maps"]},
            {
                "type": "database",
                "tables": [table],
                "schemas": [{"name": "jane", "permissions": ["create"]}],
                "table_metadata": [],
            },
            {"type": "dataservices", "services": ["geocoding"]},
            {"type": "data-observatory", "datasets": ["a.b.c"]},
        ]
    )
    assert found == {
        "apis": ("sql", "maps"),
        "services": ("geocoding",),
        "datasets": ("a.b.c",),
        "tables": (_table("t"),),
        "schemas": (SchemaGrant("jane", ("create",)),),
    }


@pytest.mark.parametrize(
    "grants",
    [None, {}, "x", [None, 1, "x"], [{"type": 1}], [{"type": "new", "x": 1}]]
    + [[{"type": "apis", "apis": apis}] for apis in (None, "sql", {}, [1, None])]
    + [[{"type": "database", "tables": t}] for t in (None, {}, [None], [{"name": 1}])],
)
def test_grants_of_another_shape_are_left_out(grants):
    """A newer server may send more than is known here."""
    assert set(parse_grants(grants).values()) == {()}


def test_an_account_cannot_be_changed():
    """It is what CARTO said at one time."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        Account("jane", BASE).username = "bob"
