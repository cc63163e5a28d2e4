"""What can be set from outside: traitlets configuration and the environment.

In a notebook `%config CartoLogin.read_timeout = 30`, for good in `ipython_config.py` as
`c.CartoLogin.read_timeout = 30`. The environment names accounts only; an empty variable
counts as unset.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from traitlets import Bool, Float
from traitlets.config import SingletonConfigurable

from .credentials import Credentials, Secret

if TYPE_CHECKING:
    from collections.abc import Mapping

ENV_USERNAME = "CARTO_USERNAME"
ENV_API_KEY = "CARTO_API_KEY"
ENV_BASE_URL = "CARTO_BASE_URL"
ENV_PROFILE = "CARTO_PROFILE"


class Timeouts(NamedTuple):
    """Limits of one check, in seconds."""

    connect: float
    read: float
    total: float


class CartoLogin(SingletonConfigurable):
    """Settings of the login, for `%config` and `ipython_config.py`."""

    connect_timeout = Float(
        5.0, min=0.001, help="Seconds to wait for a connection to CARTO."
    ).tag(config=True)
    read_timeout = Float(
        15.0, min=0.001, help="Seconds to wait for the next byte of an answer."
    ).tag(config=True)
    total_timeout = Float(
        20.0, min=0.001, help="Seconds that a whole check may take."
    ).tag(config=True)
    remember = Bool(
        True,  # noqa: FBT003 - a trait's default
        help="Whether 'Remember this account' is ticked when the form opens.",
    ).tag(config=True)


def timeouts() -> Timeouts:
    """Return the configured limits."""
    settings = CartoLogin.instance()
    return Timeouts(
        settings.connect_timeout, settings.read_timeout, settings.total_timeout
    )


def configure(shell: Any) -> CartoLogin:
    """Let an IPython shell's configuration and its `%config` reach the settings."""
    settings = CartoLogin.instance()
    if settings not in shell.configurables:
        settings.parent = shell
        settings.config = shell.config
        shell.configurables.append(settings)
    return settings


def unconfigure(shell: Any) -> None:
    """Take the settings out of a shell's `%config` again."""
    settings = CartoLogin.instance()
    if settings in shell.configurables:
        shell.configurables.remove(settings)


def named_profile(environ: Mapping[str, str] = os.environ) -> str | None:
    """Return the profile that the environment asks for, or None."""
    return environ.get(ENV_PROFILE) or None


def environment_credentials(
    environ: Mapping[str, str] = os.environ,
) -> Credentials | None:
    """Return the account that the environment gives, or None where it gives none.

    Raises:
        InvalidCredentialsError: a variable cannot be right.
    """
    if not environ.get(ENV_API_KEY) or not _names_an_account(environ):
        return None
    credentials = Credentials(
        environ.get(ENV_USERNAME) or None,
        Secret(environ[ENV_API_KEY].strip()),
        environ.get(ENV_BASE_URL) or None,
    )
    return credentials.remember(source=ENV_API_KEY)


def environment_note(environ: Mapping[str, str] = os.environ) -> str | None:
    """Say why a key in the environment is passed over, or None where it is not."""
    if not environ.get(ENV_API_KEY) or _names_an_account(environ):
        return None
    return (
        f"{ENV_API_KEY} is set, but neither {ENV_USERNAME} nor {ENV_BASE_URL} says "
        "whose key it is, so it is not used."
    )


def _names_an_account(environ: Mapping[str, str]) -> bool:
    return bool(environ.get(ENV_USERNAME) or environ.get(ENV_BASE_URL))
