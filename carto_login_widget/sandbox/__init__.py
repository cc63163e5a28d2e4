"""A CARTO on loopback, so that nobody needs an account to try or test the package."""

from __future__ import annotations

from .accounts import Key, SandboxAccount, grants, table_grant
from .faults import Failure, Fault
from .limits import RateLimit
from .people import default_accounts
from .records import Record
from .sandbox import Sandbox

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
