"""The accounts a sandbox starts with: one for every state an account can be in."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from .accounts import SandboxAccount, grants, table_grant

if TYPE_CHECKING:
    from collections.abc import Mapping

JANES_TABLES = ("airports", "neighbourhoods", "stores", "public_parks", "salaries")


def default_accounts(
    seed: int | None = None,
    tokens: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, SandboxAccount]:
    """Make the usual accounts, with fresh keys.

    Args:
        seed: The same seed gives the same keys; None gives unguessable ones.
        tokens: Tokens to use instead, by account and key name.

    Example:
        >>> sorted(default_accounts())[:2]
        ['anna', 'bob']
    """
    chance = random.SystemRandom() if seed is None else random.Random(seed)  # noqa: S311 - invented keys
    people = [_jane(chance), *_team(chance), *_in_trouble(chance)]
    for account in people:
        if "reporting" not in account.keys:
            account.add_key("reporting", grants())
        for name, token in (tokens or {}).get(account.username, {}).items():
            account.keys[name].token = token
    return {account.username: account for account in people}


def _jane(chance: random.Random) -> SandboxAccount:
    """The one most examples use: a key of every kind."""
    jane = SandboxAccount("jane", random=chance, tables=list(JANES_TABLES))
    read = ("airports", "neighbourhoods", "stores")
    jane.add_key(
        "reporting", grants(tables=[table_grant("jane", name) for name in read])
    )
    jane.add_key("maps only", grants(["maps"], services=["geocoding", "routing"]))
    jane.add_key(
        "observatory",
        grants(
            ["sql", "do"],
            [table_grant("jane", "stores", "select", "insert", "update", "delete")],
            [{"name": "public", "permissions": ["create"]}],
            ["observatory"],
            ["carto-do-public-data.usa_acs.demographics_sociodemographics_usa"],
            table_metadata=True,
        ),
    )
    jane.add_key("oauth token", grants(), type="oauth", profile=True)
    return jane


def _team(chance: random.Random) -> list[SandboxAccount]:
    """Organisation `team`: anna owns it, bob is a member."""
    anna = SandboxAccount("anna", "team", org_admin=True, random=chance)
    bob = SandboxAccount("bob", "team", random=chance, tables=["rivers"])
    bob.add_key("reporting", grants(tables=[table_grant("bob", "rivers")]))
    return [anna, bob]


def _in_trouble(chance: random.Random) -> list[SandboxAccount]:
    return [
        SandboxAccount("lena", state="locked", random=chance),
        SandboxAccount("mara", maintenance=True, random=chance),
        SandboxAccount("ulla", unverified=True, random=chance),
        SandboxAccount("nico", activated=False, random=chance),
        SandboxAccount("enzo", engine=False, random=chance),
        SandboxAccount("noah", do_enabled=False, random=chance),
    ]
