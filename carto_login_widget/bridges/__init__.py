"""Who else in the process hears of the account, one file for each library.

None of them imports its library: a library that the program has not imported is waited
for, and gets the account when it is.
"""

from __future__ import annotations

import contextlib
import logging
import sys
from importlib import import_module
from typing import TYPE_CHECKING

import wrapt

from ..locks import Lock

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType

    from ..credentials import Credentials

    # Sets the account of a module, and takes that back at the end.
    Lend = Callable[[ModuleType, Credentials], contextlib.AbstractContextManager[None]]

_log = logging.getLogger(__name__)


class Bridge:
    """Lends the newest account to a module that is or gets imported."""

    def __init__(self, name: str, lend: Lend) -> None:
        self.__module__ = lend.__module__  # tells who could not follow
        self._name, self._lend = name, lend
        self._lock, self._lent = Lock(), contextlib.ExitStack()
        self._module: ModuleType | None = None
        self._newest: Credentials | None = None
        if name in sys.modules:
            # Another thread may be in the middle of importing it: wait for its end.
            with contextlib.suppress(Exception):
                import_module(name)
        wrapt.register_post_import_hook(self._imported, name)

    def __call__(self, credentials: Credentials | None) -> None:
        """Take `credentials` over; None means signed out."""
        with self._lock:
            if not is_same(credentials, self._newest):
                self._newest = credentials
                self._apply()

    def _imported(self, module: ModuleType) -> None:
        """Catch up when the module has been imported; never break that import."""
        try:
            with self._lock:
                self._module = module
                self._apply()
        except Exception as error:  # noqa: BLE001 - the import belongs to the user
            _log.warning(
                "%s was imported, but did not get your CARTO account (%s); set its "
                "account by hand.",
                self._name,
                type(error).__name__,
            )

    def _apply(self) -> None:
        # First, as an old key must not meet a new address, or stay where this fails.
        self._lent.close()
        if self._module is not None and self._newest is not None:
            self._lent.enter_context(self._lend(self._module, self._newest))


def is_same(one: Credentials | None, other: Credentials | None) -> bool:
    """Whether two accounts are one to a library: user, key, address and session."""
    if one is None or other is None:
        return one is other
    return one == other and one.session is other.session
