"""The login form, made of core ipywidgets controls only."""

from __future__ import annotations

from .login_form import LoginForm

__all__ = ["LoginForm"]
