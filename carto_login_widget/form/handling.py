"""How a form takes part in the kernel: its callbacks, and its ear for the default."""

from __future__ import annotations

import functools
import weakref
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..credentials import Credentials

    class Following(Protocol):
        """Something that follows the account of the kernel."""

        def follow(self) -> None:
            """Look which account it is now."""


def handler(method: Callable[..., Any]) -> Callable[..., None]:
    """Run a callback under the form's lock, and what it returns after it."""

    @functools.wraps(method)
    def guarded(self: Any, *args: Any) -> None:
        try:
            with self._lock:
                self._route_events()
                todo = method(self, *args)
            if todo is not None:
                todo()
        except Exception as error:  # noqa: BLE001 - ipywidgets would swallow it
            self._tell_failure(error)

    return guarded


def weak_listener(form: Following) -> Callable[[Credentials | None], None]:
    """Follow the default without keeping the form alive."""
    reference = weakref.ref(form)

    def follow(_credentials: Credentials | None) -> None:
        if (listening := reference()) is not None:
            listening.follow()

    return follow
