"""What a check costs over the one request that it makes.

    python tests/benchmarks/validation_time.py

CARTO is a sandbox in another process. The peers are `requests.get` of the same URL with
the same key, and that in a thread that is waited for, without which no deadline holds.
"""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import requests
from benchmark import Row, in_turns, run

from carto_login_widget import Credentials

SERVE = Path(__file__).parents[1] / "programs" / "serve_sandbox.py"
TIMES = 400


def rows(base_url: str, key: str) -> list[Row]:
    """Measure the check of a known address and the bare request in turns."""

    def check() -> None:
        Credentials("jane", key, base_url).validate()

    def bare() -> None:
        requests.get(
            f"{base_url}/api/v3/api_keys?per_page=1", auth=("jane", key), timeout=20
        ).json()

    def waited_for() -> None:
        thread = threading.Thread(target=bare, daemon=True)
        thread.start()
        thread.join(20)

    ours, theirs, threads = in_turns(TIMES, check, bare, waited_for)
    over = [one - other for one, other in zip(ours, theirs, strict=True)]
    hop = [one - other for one, other in zip(threads, theirs, strict=True)]
    what = "validate() of a known address, loopback"
    return [
        Row(what, ours, peer="requests.get of the same URL", peer_values=theirs),
        Row("  over that", over, limit=1, peer="that in a thread", peer_values=hop),
    ]


def measure() -> list[Row]:
    """Start the sandbox and measure."""
    with subprocess.Popen(
        [sys.executable, SERVE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        base_url, key, _ = program.stdout.readline().split()
        found = rows(base_url, key)
        # It ends when a line comes in.
        program.communicate("\n")
    return found


if __name__ == "__main__":
    run(measure)
