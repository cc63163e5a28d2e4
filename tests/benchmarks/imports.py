"""What importing the package costs, and what reading a file does not import.

    python tests/benchmarks/imports.py

Each import has a fresh process. `TEST_BENCHMARKS_PYTHON` names a Python with this
package and huggingface_hub; without it, the one that runs this.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmark import Row, run

PYTHON = os.environ.get("TEST_BENCHMARKS_PYTHON") or sys.executable
TIMES = 15
OURS, PEER = "carto_login_widget", "huggingface_hub._login"
TIMED = """import time
begin = time.perf_counter()
import {name}
print(1000 * (time.perf_counter() - begin))"""
READ = """import sys
before = set(sys.modules)
from carto_login_widget import Credentials
Credentials.from_file({path!r})
names = {{name.partition(".")[0] for name in sys.modules if name not in before}}
print(" ".join(sorted(names)))"""
HEAVY = ("requests", "urllib3", "google", "ipywidgets", "IPython", "traitlets")


def output(code: str) -> str:
    """Run code in a fresh process."""
    command = [PYTHON, "-c", code]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def import_time(name: str) -> float:
    """Return the milliseconds that an import adds to an empty interpreter."""
    return float(output(TIMED.format(name=name)))


def modules_of_from_file() -> list[str]:
    """Return the packages that reading a credentials file loads."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "creds.json")
        path.write_text(json.dumps({"username": "jane", "api_key": "k" * 40}))
        return output(READ.format(path=str(path))).split()


def measure() -> list[Row]:
    """Measure both imports in turns, and look at what a file needs."""
    import_time(OURS), import_time(PEER)
    pairs = [(import_time(OURS), import_time(PEER)) for _ in range(TIMES)]
    ours, theirs = (list(column) for column in zip(*pairs, strict=True))
    loaded = set(modules_of_from_file())
    heavy = len(loaded.intersection(HEAVY))
    share = [one / other for one, other in pairs]
    what = "requests, google, ipywidgets ... imported by from_file"
    return [
        Row(f"import {OURS}", ours, limit=5, peer=f"import {PEER}", peer_values=theirs),
        Row("  as a share of the peer's", share, unit="x", limit=0.05),
        Row(what, [heavy], unit="modules", limit=0),
    ]


if __name__ == "__main__":
    run(measure)
