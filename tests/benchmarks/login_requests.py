"""How many requests one login makes.

python tests/benchmarks/login_requests.py
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmark import Row, run

from carto_login_widget import Credentials, login, logout
from carto_login_widget.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable


def count(carto: Sandbox, task: Callable[[], object]) -> list[float]:
    """Return how many requests a task makes, the key sent or not."""
    carto.clear()
    task()
    logout()
    return [carto.count]


def measure() -> list[Row]:
    """Count for the cloud, a new custom address and a known one."""
    with Sandbox() as carto:
        key = carto.accounts["jane"].master.token
        cloud = Credentials("jane", key, session=carto.session())
        custom = Credentials("jane", key, carto.base_url("jane"))
        reporting = carto.accounts["jane"].keys["reporting"].token
        again = Credentials("jane", reporting, carto.base_url("jane"))
        what, rows = "requests per login, ", []
        for name, one, limit in (
            ("carto.com", cloud, 1),
            ("new custom address", custom, 2),
            ("known custom address", again, 1),
        ):
            made = count(carto, lambda one=one: login(credentials=one))
            rows.append(Row(what + name, made, unit="requests", limit=limit))
    return rows


if __name__ == "__main__":
    run(measure)
