"""Who is signed in here, and how that comes about."""

from __future__ import annotations
