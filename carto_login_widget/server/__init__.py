"""HTTP with CARTO, and what its answers mean."""

from __future__ import annotations
