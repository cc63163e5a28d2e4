"""Real front ends in a real browser: servers, Chromium, a driver of notebooks."""

from __future__ import annotations
