"""The account as objects of other libraries; none of them is imported before that."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ..errors import CartoLoginError

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def build(library: str, make: Callable[[], T]) -> T:
    """Build an object of another library, whose errors could hold the key."""
    try:
        return make()
    except Exception as error:  # noqa: BLE001 - whatever it was, only its kind is said
        raise CartoLoginError(
            f"{library} did not take the account ({type(error).__name__}). Is it "
            "another version than this package knows?"
        ) from None


def missing(library: str, error: ModuleNotFoundError, install: str) -> ImportError:
    """Say which extra brings a library that is not installed."""
    return ImportError(
        f"{library} cannot be used here, as there is no module {error.name!r}. Install "
        f"it with pip install {install}."
    )
