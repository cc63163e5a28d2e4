"""The saved accounts, in private files."""

from __future__ import annotations
