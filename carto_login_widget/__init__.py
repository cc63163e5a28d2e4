"""Sign in to CARTO from a notebook.

```python
%load_ext carto_login_widget
%carto_login
```

or, in a program, `carto_login_widget.login()`. Only the names in `__all__` are public.
They are loaded when they are first used, so that importing the package costs nothing.
"""

from __future__ import annotations

# Importing `typing` would cost more than all the rest; type checkers know the name.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_HOME_OF = {
    "Account": "account",
    "CartoLoginError": "errors",
    "Credentials": "credentials",
    "CredentialsFileError": "errors",
    "DataObservatoryError": "server.google",
    "InvalidCredentialsError": "errors",
    "LoginForm": "form",
    "NotCartoError": "errors",
    "NotLoggedInError": "errors",
    "ProfileNotFoundError": "errors",
    "ProfileStore": "session.saved",
    "Reason": "errors",
    "RejectedError": "errors",
    "UndecidedError": "errors",
    "get_default_credentials": "session.default",
    "login": "session.login",
    "logout": "session.login",
    "on_default_change": "session.default",
    "set_default_credentials": "session.default",
    "share_with_workers": "bridges.dask",
    "unset_default_credentials": "session.default",
}
_OF_EXTENSION = ("load_ipython_extension", "unload_ipython_extension")
__version__ = "0.1.0"

if TYPE_CHECKING:
    from .account import Account as Account
    from .bridges.dask import share_with_workers as share_with_workers
    from .credentials import Credentials as Credentials
    from .errors import CartoLoginError as CartoLoginError
    from .errors import CredentialsFileError as CredentialsFileError
    from .errors import InvalidCredentialsError as InvalidCredentialsError
    from .errors import NotCartoError as NotCartoError
    from .errors import NotLoggedInError as NotLoggedInError
    from .errors import ProfileNotFoundError as ProfileNotFoundError
    from .errors import Reason as Reason
    from .errors import RejectedError as RejectedError
    from .errors import UndecidedError as UndecidedError
    from .form import LoginForm as LoginForm
    from .server.google import DataObservatoryError as DataObservatoryError
    from .session.default import get_default_credentials as get_default_credentials
    from .session.default import on_default_change as on_default_change
    from .session.default import set_default_credentials as set_default_credentials
    from .session.default import unset_default_credentials as unset_default_credentials
    from .session.login import login as login
    from .session.login import logout as logout
    from .session.saved import ProfileStore as ProfileStore
else:
    # Checkers read no computed list, so `as` tells them what is public.
    __all__ = list(_HOME_OF)


def __getattr__(name: str) -> Any:
    """Load a public name on first use, or what IPython looks for in an extension."""
    home = "magic" if name in _OF_EXTENSION else _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = _load(home, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME_OF})


def _load(home: str, name: str) -> Any:
    from importlib import import_module

    return getattr(import_module(f".{home}", __name__), name)


def _bridges() -> dict[str, Any]:
    """Return what tells a library of the account, loaded when there is something."""
    return {
        name: lambda new, name=name: _load(f"bridges.{name}", "follow")(new)
        for name in ("cartoframes", "gdal")
    }
