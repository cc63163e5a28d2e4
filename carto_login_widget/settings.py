"""What comes from outside: configuration by traitlets, the environment, the front end.

A variable that is empty counts as unset; one that is set stands above a trait.
"""

# ruff: noqa: FBT003 - the defaults of traits
from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any, Self

from traitlets import Bool, Enum, Float
from traitlets.config import SingletonConfigurable

from .errors import InvalidCredentialsError

if TYPE_CHECKING:
    from .identity import Identity

ENV_USERNAME = "CARTO_USERNAME"
ENV_API_KEY = "CARTO_API_KEY"
ENV_BASE_URL = "CARTO_BASE_URL"
ENV_PROFILE = "CARTO_PROFILE"
ENV_SHARED = "CARTO_LOGIN_SHARED"


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
        True, help="Whether 'Remember this account' is ticked when the form opens."
    ).tag(config=True)
    keyring = Bool(
        False, help="Whether keys are kept in the keyring of the operating system."
    ).tag(config=True)
    shared = Bool(
        False,
        help="Whether people share this user of the machine, as the visitors of a page "
        "do: saved accounts are then used by those only who name them.",
    ).tag(config=True)
    form = Enum(
        ["auto", "plain"],
        "auto",
        help="'plain' shows a form of core controls, where anywidget cannot be had.",
    ).tag(config=True)

    @classmethod
    def instance(cls, *args: Any, **kwargs: Any) -> Self:
        """Return the settings; `ipython_config.py` counts before `%load_ext` too."""
        # Only the first call makes them; later ones take no arguments.
        kwargs.setdefault("parent", running_shell())
        return super().instance(*args, **kwargs)


def configure(shell: Any) -> None:
    """Let an IPython shell's configuration and its `%config` reach the settings."""
    settings = CartoLogin.instance()
    if settings not in shell.configurables:
        settings.parent = shell
        settings.config = shell.config
        shell.configurables.append(settings)


def unconfigure(shell: Any) -> None:
    """Take the settings out of a shell's `%config` again."""
    settings = CartoLogin.instance()
    if settings in shell.configurables:
        shell.configurables.remove(settings)


# Where this process runs, and for whom.


def running_shell() -> Any:
    """Return the IPython shell of this process, or None; IPython is not loaded."""
    module: Any = sys.modules.get("IPython.core.getipython")
    return module.get_ipython() if module else None


def running_kernel() -> Any:
    """Return the kernel of this process, or None: a terminal has no widgets."""
    return getattr(running_shell(), "kernel", None)


def is_voila() -> bool:
    """Whether this kernel belongs to a page of Voilà, which somebody looks at."""
    return os.environ.get("SERVER_SOFTWARE", "").lower().startswith("voila")


def somebody_is_there() -> bool:
    """Whether a person can be asked: nobody is there for papermill and scripts."""
    kernel = running_kernel()
    if kernel is None:
        return sys.stdin is not None and sys.stdin.isatty()
    # A page of Voilà is opened by somebody, though no cell may wait for them.
    return bool(getattr(kernel, "_allow_stdin", False)) or is_voila()


def is_shared() -> bool:
    """Whether saved accounts are for those only who name them, as under Voilà."""
    if said := variable(ENV_SHARED).lower():
        return said not in {"0", "false", "no", "off"}
    return CartoLogin.instance().shared or is_voila()


# The account of the environment.


def variable(name: str) -> str:
    """Return a variable of the environment without what surrounds it; "" if unset."""
    # Imported here, so that `%load_ext`, which configures only, is quick.
    from .secret import clean_paste

    # Files of variables keep the quotes that a shell would take away.
    return clean_paste(os.environ.get(name, ""))


def named_profile() -> str | None:
    """Return the profile that the environment asks for, or None."""
    return variable(ENV_PROFILE) or None


def environment_identity() -> Identity | None:
    """Return the account that the environment gives, or None where it gives none."""
    from .identity import Identity
    from .secret import Secret, clean_key

    key = Secret(clean_key(variable(ENV_API_KEY)))
    username, base_url = variable(ENV_USERNAME), variable(ENV_BASE_URL)
    if not key or not (username or base_url):
        return None
    try:
        found = Identity.of(username or None, key, base_url or None)
        _ = found.address  # raises where the two name different users
    except InvalidCredentialsError as error:
        name = f"CARTO_{(error.field or 'username').upper()}"
        raise InvalidCredentialsError(
            f"{name} in the environment cannot be used. {error}",
            field=error.field,
            suggestion=error.suggestion,
        ) from None
    return found


def environment_note() -> str | None:
    """Say why a key in the environment is passed over, or None where it is not."""
    named = variable(ENV_USERNAME) or variable(ENV_BASE_URL)
    if named or not variable(ENV_API_KEY):
        return None
    return (
        f"{ENV_API_KEY} is set, but neither {ENV_USERNAME} nor {ENV_BASE_URL} says "
        "whose key it is, so it is not used."
    )
