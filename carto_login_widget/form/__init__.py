"""The login form: `flow` decides, `view` says what is seen, `widget` does the rest."""

from __future__ import annotations

from .widget import LoginForm

__all__ = ["LoginForm"]
