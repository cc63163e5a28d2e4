"""The ways out that a key could take, each driven for real, and the search for it."""

from __future__ import annotations
