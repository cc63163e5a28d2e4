"""Run all benchmarks, each in a process of its own, and print one table.

    python tests/benchmarks/run.py [NAME...]

Names are those of the programs, such as `imports`. `tests/benchmarks/run.sh` makes the
environments first.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmark import Row, rows_of, show

PROGRAMS = (
    *("imports", "load_extension", "login_requests", "validation_time"),
    *("hung_server", "hub_load", "browser", "many_profiles", "saves", "google_token"),
)


def main(names: list[str]) -> int:
    """Run the programs that are named, else all of them."""
    rows: list[Row] = []
    failed = []
    for name in names or PROGRAMS:
        print(f"measuring {name} ...", file=sys.stderr, flush=True)
        command = [sys.executable, Path(__file__).with_name(f"{name}.py"), "--json"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            failed.append(name)
        else:
            rows += rows_of(done.stdout)
    show(rows)
    for name in failed:
        print(f"{name} could not be measured: its error is above")
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
