"""One check of what was typed, on a thread of its own."""

from __future__ import annotations

import contextvars
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import CartoLoginError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..account import Account
    from ..credentials import Credentials
    from .inputs import Inputs


def in_background(work: Callable[[], None], *, after: float = 0.0) -> None:
    """Run `work` on a daemon thread that belongs to the same cell.

    Args:
        work: what to run; it must not raise.
        after: seconds to wait first.
    """
    context = contextvars.copy_context()  # without it, ipykernel 7.0 raises LookupError
    thread: threading.Thread
    if after:
        thread = threading.Timer(after, context.run, args=(work,))
    else:
        thread = threading.Thread(target=context.run, args=(work,))
    thread.name = "carto-login"
    thread.daemon = True
    thread.start()


@dataclass(slots=True, eq=False)
class Check:
    """A check under way or done.

    Attributes:
        inputs: what it was started for.
        credentials: what is checked.
        error: why it was not accepted, or None.
        done: whether there is an answer.
    """

    inputs: Inputs
    credentials: Credentials
    error: CartoLoginError | None = None
    done: bool = False

    @property
    def account(self) -> Account | None:
        """What CARTO said, once it has accepted the key."""
        return self.credentials.account if self.done and not self.error else None

    def start(self, finished: Callable[[Check], None]) -> None:
        """Ask CARTO in the background, then call `finished` there."""

        def work() -> None:
            try:
                self.credentials.validate()
            except CartoLoginError as error:
                self.error = error.with_traceback(None)
            except Exception as error:  # noqa: BLE001 - it becomes a message in the form
                self.error = CartoLoginError(
                    f"The check failed unexpectedly ({type(error).__name__}). "
                    "Your key was not judged; try again."
                )
            self.done = True
            finished(self)

        in_background(work)
