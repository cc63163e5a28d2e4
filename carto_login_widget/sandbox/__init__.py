"""A CARTO on loopback, so that nobody needs an account to try or test the package."""

from __future__ import annotations

from carto_login_widget.sandbox.accounts import (
    Key,
    SandboxAccount,
    grants,
    table_grant,
)
from carto_login_widget.sandbox.faults import Failure, Fault
from carto_login_widget.sandbox.limits import RateLimit
from carto_login_widget.sandbox.people import default_accounts
from carto_login_widget.sandbox.records import Record
from carto_login_widget.sandbox.sandbox import Sandbox

__all__ = [
    "Failure",
    "Fault",
    "Key",
    "RateLimit",
    "Record",
    "Sandbox",
    "SandboxAccount",
    "default_accounts",
    "grants",
    "table_grant",
]
