"""What can be set from outside: traitlets configuration and the environment.

In a notebook `%config CartoLogin.read_timeout = 30`, for good in `ipython_config.py` as
`c.CartoLogin.read_timeout = 30`. The environment names accounts only; an empty variable
counts as unset. `CARTO_LOGIN_SHARED` stands above `CartoLogin.shared`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from traitlets import Bool, Enum, Float
from traitlets.config import SingletonConfigurable

from .errors import InvalidCredentialsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .identity import Identity

ENV_USERNAME = "CARTO_USERNAME"
ENV_API_KEY = "CARTO_API_KEY"
ENV_BASE_URL = "CARTO_BASE_URL"
ENV_PROFILE = "CARTO_PROFILE"
ENV_SHARED = "CARTO_LOGIN_SHARED"

_VARIABLE_OF = {
    "username": ENV_USERNAME,
    "api_key": ENV_API_KEY,
    "base_url": ENV_BASE_URL,
}


class _Environment(Mapping[str, str]):
    """The environment, which shows nothing of itself in a traceback."""

    def __getitem__(self, name: str) -> str:
        return os.environ[name]

    def __iter__(self) -> Iterator[str]:
        return iter(os.environ)

    def __len__(self) -> int:
        return len(os.environ)

    def __repr__(self) -> str:
        return "<environment>"


ENVIRONMENT = _Environment()


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
    keyring = Bool(
        False,  # noqa: FBT003 - a trait's default
        help="Whether keys are kept in the keyring of the operating system.",
    ).tag(config=True)
    shared = Bool(
        False,  # noqa: FBT003 - a trait's default
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
        shell = running_shell()
        if shell is not None and not cls.initialized():
            kwargs.setdefault("parent", shell)
        return super().instance(*args, **kwargs)


def running_shell() -> Any:
    """Return the IPython shell of this process, or None; IPython is not loaded."""
    module: Any = sys.modules.get("IPython.core.getipython")
    return module.get_ipython() if module else None


def timeouts() -> Timeouts:
    """Return the configured limits."""
    settings = CartoLogin.instance()
    return Timeouts(
        settings.connect_timeout, settings.read_timeout, settings.total_timeout
    )


def is_voila(environ: Mapping[str, str] = ENVIRONMENT) -> bool:
    """Whether this kernel belongs to a page of Voilà, which somebody looks at."""
    return environ.get("SERVER_SOFTWARE", "").lower().startswith("voila")


def is_shared(environ: Mapping[str, str] = ENVIRONMENT) -> bool:
    """Whether saved accounts are for those only who name them; see `CartoLogin.shared`.

    A page of Voilà is shared by itself.
    """
    said = environ.get(ENV_SHARED, "").strip().lower()
    if said:
        return said not in {"0", "false", "no", "off"}
    return CartoLogin.instance().shared or is_voila(environ)


def for_anybody(environ: Mapping[str, str] = ENVIRONMENT) -> Mapping[str, str]:
    """Return what the environment gives to whoever runs `%carto_login`.

    In shared mode its account is the program's own, and only a name counts.
    """
    if not is_shared(environ):
        return environ
    return {ENV_PROFILE: environ.get(ENV_PROFILE, "")}


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


def named_profile(environ: Mapping[str, str] = ENVIRONMENT) -> str | None:
    """Return the profile that the environment asks for, or None."""
    return environ.get(ENV_PROFILE, "").strip() or None


def environment_identity(
    environ: Mapping[str, str] = ENVIRONMENT,
) -> Identity | None:
    """Return the account that the environment gives, or None where it gives none."""
    # Imported here, so that `%load_ext`, which configures only, is quick.
    from .identity import Identity
    from .secret import Secret, clean_key, clean_paste

    # Files of variables keep the quotes that a shell would take away.
    key = Secret(clean_key(environ.get(ENV_API_KEY, "")))
    username = clean_paste(environ.get(ENV_USERNAME, ""))
    base_url = clean_paste(environ.get(ENV_BASE_URL, ""))
    if not key or not (username or base_url):
        return None
    try:
        found = Identity.of(username or None, key, base_url or None)
        _ = found.address  # raises where the two name different users
    except InvalidCredentialsError as error:
        variable = _VARIABLE_OF.get(error.field or "", ENV_USERNAME)
        raise InvalidCredentialsError(
            f"{variable} in the environment cannot be used. {error}",
            field=error.field,
            suggestion=error.suggestion,
        ) from None
    return found


def environment_note(environ: Mapping[str, str] = ENVIRONMENT) -> str | None:
    """Say why a key in the environment is passed over, or None where it is not."""
    named = environ.get(ENV_USERNAME, "") + environ.get(ENV_BASE_URL, "")
    if not environ.get(ENV_API_KEY, "").strip() or named.strip():
        return None
    return (
        f"{ENV_API_KEY} is set, but neither {ENV_USERNAME} nor {ENV_BASE_URL} says "
        "whose key it is, so it is not used."
    )
