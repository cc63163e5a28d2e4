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
    from types import ModuleType

    from ..credentials import Credentials

_log = logging.getLogger(__name__)


class Bridge:
    """Called with the newest account, hands it to a module that is or gets imported."""

    module_name: str

    def __init__(self) -> None:
        self._lock = Lock()
        self._watching = False
        self._module: ModuleType | None = None
        self._newest: Credentials | None = None

    def apply(self, module: ModuleType, credentials: Credentials | None) -> None:
        """Set the module's account, never in two threads; None means signed out."""
        raise NotImplementedError

    def __call__(self, credentials: Credentials | None) -> None:
        """Take `credentials` over; None means signed out."""
        self._watch()
        with self._lock:
            self._newest = credentials
            if self._module is not None:
                self.apply(self._module, credentials)

    def _watch(self) -> None:
        with self._lock:
            first, self._watching = not self._watching, True
        if not first:
            return
        if self.module_name in sys.modules:
            # Another thread may be in the middle of importing it: wait for its end.
            with contextlib.suppress(Exception):
                import_module(self.module_name)
        wrapt.register_post_import_hook(self._imported, self.module_name)

    def _imported(self, module: ModuleType) -> None:
        """Catch up when the module has been imported; never break that import."""
        try:
            with self._lock:
                self._module = module
                if self._newest is not None:
                    self.apply(module, self._newest)
        except Exception as error:  # noqa: BLE001 - the import belongs to the user
            _log.warning(
                "%s was imported, but did not get your CARTO account (%s); set its "
                "account by hand.",
                self.module_name,
                type(error).__name__,
            )
