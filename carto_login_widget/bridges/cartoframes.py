"""cartoframes' own default follows ours, whether it is imported before or after."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..convert import to_cartoframes
from . import Bridge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from ..credentials import Credentials


@contextmanager
def _default(module: ModuleType, credentials: Credentials) -> Iterator[None]:
    ours = to_cartoframes(credentials._identity)
    module.set_default_credentials(ours)
    yield
    # What the user has given to cartoframes meanwhile stays.
    if module.get_default_credentials() is ours:
        module.unset_default_credentials()


follow = Bridge("cartoframes.auth.defaults", _default)
