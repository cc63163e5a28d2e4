"""Paged lists: which parameters they take, what they refuse, and their links."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_ORDERS = ("type", "name", "updated_at")
_DIRECTIONS = ("asc", "desc")
_TYPES = ("master", "default", "regular")


class BadParameterError(ValueError):
    """A parameter's value is not one of those allowed."""


@dataclass(frozen=True)
class Paging:
    """The page that was asked for."""

    page: int
    per_page: int
    order: str

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Paging:
        """Read and check the parameters.

        Raises:
            BadParameterError: One of them is wrong.
        """
        page = _at_least_one("page", params.get("page") or 1)
        per_page = _at_least_one("per_page", params.get("per_page") or 20)
        order = _one_of("order", params.get("order") or "updated_at", _ORDERS)
        _one_of("order_direction", params.get("order_direction") or "desc", _DIRECTIONS)
        return cls(page, per_page, order)

    def types(self, params: Mapping[str, Any], known: bool) -> tuple[str, ...]:  # noqa: FBT001
        """The key types asked for; all of them where `type` is not known yet.

        Raises:
            BadParameterError: A type that does not exist.
        """
        asked = str(params.get("type") or "")
        if not asked or not known:
            return _TYPES
        for part in asked.split(","):
            _one_of("type", part, _TYPES)
        return tuple(asked.split(","))

    def cut(self, items: Sequence[Any]) -> Sequence[Any]:
        """The items on this page."""
        start = (self.page - 1) * self.per_page
        return items[start : start + self.per_page]


def page_of(
    paging: Paging, total: int, listed: list[Any], link: Callable[..., str]
) -> dict[str, Any]:
    """The list's envelope, with links to its other pages."""

    def to(page: int) -> dict[str, str]:
        return {"href": link(page=page, per_page=paging.per_page, order=paging.order)}

    last = math.ceil(total / paging.per_page)
    links = {"first": to(1), "last": to(last)}
    if paging.page > 1:
        links["prev"] = to(paging.page - 1)
    if last > paging.page:
        links["next"] = to(paging.page + 1)
    return {"total": total, "count": len(listed), "result": listed, "_links": links}


def _at_least_one(name: str, value: Any) -> int:
    """Ruby's `to_i`: the digits at the start, else 0."""
    digits = re.match(r"\s*[+-]?\d+", str(value))
    number = int(digits[0]) if digits else 0
    if number < 1:
        raise BadParameterError(
            f"Wrong '{name}' parameter value. Value must be greater than 0."
        )
    return number


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> str:
    if str(value) not in allowed:
        listed = ", ".join(allowed)
        raise BadParameterError(
            f"Wrong '{name}' parameter value. Valid values are one of {listed}"
        )
    return str(value)
