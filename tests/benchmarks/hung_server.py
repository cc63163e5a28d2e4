"""How long a check takes of a server that never ends its answer.

    python tests/benchmarks/hung_server.py

The peer is requests, whose timeout starts anew with every byte: it is asked for the
same seconds, and given up after `PATIENCE`. What a hung server does to a notebook is in
`browser.py`.
"""

from __future__ import annotations

import contextlib
import threading
from typing import TYPE_CHECKING

import requests
from benchmark import Row, milliseconds, run

from carto_login_widget import Credentials, UndecidedError
from carto_login_widget.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

TOTAL = 1.0
PATIENCE = 4 * TOTAL
TIMES = 5
FAULTS = {
    "hangs": Fault.hang,
    "drips its headers": lambda: Fault.drip_headers(0.2),
    "drips its body": lambda: Fault.drip_body(0.2),
}


def late_by(credentials: Credentials) -> float:
    """Return the milliseconds that a check takes beyond what it was given."""

    def check() -> None:
        with contextlib.suppress(UndecidedError):
            credentials.validate(timeout=TOTAL)
            raise RuntimeError("the server answered")

    return milliseconds(check) - 1000 * TOTAL


def bare(url: str, key: str) -> Callable[[], None]:
    """Return a bare request with the same timeout, given up after a while."""

    def ask() -> None:
        with contextlib.suppress(requests.RequestException):
            requests.get(url, auth=("jane", key), timeout=TOTAL)

    def wait() -> None:
        thread = threading.Thread(target=ask, daemon=True)
        thread.start()
        thread.join(PATIENCE)

    return wait


def measure() -> list[Row]:
    """Measure each way of being late."""
    rows = []
    with Sandbox() as carto:
        key = carto.accounts["jane"].master.token
        url = f"{carto.base_url('jane')}/api/v3/api_keys?per_page=1"
        known = Credentials("jane", key, carto.base_url("jane"))
        known.validate()
        for words, fault in FAULTS.items():
            with carto.fail(fault()):
                ours = [late_by(known) for _ in range(TIMES)]
                theirs = milliseconds(bare(url, key)) - 1000 * TOTAL
            row = Row(
                f"beyond total_timeout where a server {words}",
                ours,
                limit=50,
                peer=f"requests' timeout, of {PATIENCE:g} s",
                peer_values=[theirs],
            )
            rows.append(row)
    return rows


if __name__ == "__main__":
    run(measure)
