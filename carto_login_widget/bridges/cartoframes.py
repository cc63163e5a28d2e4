"""cartoframes' own default follows ours, whether it is imported before or after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..convert import of_class
from . import Bridge

if TYPE_CHECKING:
    from types import ModuleType

    from ..credentials import Credentials


class _Default(Bridge):
    module_name = "cartoframes.auth.defaults"
    _ours: Any = None  # what was put into cartoframes; only that is taken back

    def apply(self, module: ModuleType, credentials: Credentials | None) -> None:
        before, self._ours = self._ours, None
        try:
            if credentials is not None:
                self._ours = of_class(module.Credentials, credentials._identity)
                module.set_default_credentials(self._ours)
        finally:
            # Signed out, or it failed: the account before must not stay behind.
            stays = before is not None and module.get_default_credentials() is before
            if stays and self._ours is None:
                module.unset_default_credentials()


follow = _Default()
