"""The account as objects of other libraries."""

from __future__ import annotations
