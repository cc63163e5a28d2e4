"""What importing the package and reading a file cost, and what they do not import.

    python tests/benchmarks/imports.py

Each has a fresh process. `TEST_BENCHMARKS_PYTHON` names a Python with this package and
huggingface_hub (without it, the one that runs this), `TEST_CARTOFRAMES_PYTHON` one with
cartoframes.
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
CARTOFRAMES = os.environ.get("TEST_CARTOFRAMES_PYTHON")
OURS, PEER = "carto_login_widget", "huggingface_hub._login"
TIMED = """import time
begin = time.perf_counter()
import {name}
print(1000 * (time.perf_counter() - begin))"""
READ = """import time
begin = time.perf_counter()
from {name} import Credentials
Credentials.from_file({path!r})
print(1000 * (time.perf_counter() - begin))"""
LOADED = """import sys
before = set(sys.modules)
from carto_login_widget import Credentials
Credentials.from_file({path!r})
names = {{name.partition(".")[0] for name in sys.modules if name not in before}}
print(" ".join(sorted(names)))"""
HEAVY = ("requests", "urllib3", "google", "ipywidgets", "IPython", "traitlets")


def output(code: str, python: str = PYTHON) -> str:
    """Run code in a fresh process."""
    command = [python, "-W", "ignore", "-c", code]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def import_time(name: str) -> float:
    """Return the milliseconds that an import adds to an empty interpreter."""
    return float(output(TIMED.format(name=name)))


def import_rows() -> list[Row]:
    """Measure both imports in turns."""
    import_time(OURS), import_time(PEER)
    pairs = [(import_time(OURS), import_time(PEER)) for _ in range(TIMES)]
    ours, theirs = (list(column) for column in zip(*pairs, strict=True))
    share = [one / other for one, other in pairs]
    return [
        Row(f"import {OURS}", ours, limit=5, peer=f"import {PEER}", peer_values=theirs),
        Row("  as a share of the peer's", share, unit="x", limit=0.05),
    ]


def file_rows(path: str) -> list[Row]:
    """Measure reading a file in turns with cartoframes, and look at what it loads."""
    ours, theirs = list[float](), list[float]()
    for turn in range(1 + TIMES):
        one = float(output(READ.format(name=OURS, path=path)))
        peer = READ.format(name="cartoframes.auth", path=path)
        other = float(output(peer, CARTOFRAMES)) if CARTOFRAMES else None
        if turn:  # the first one may have to compile
            ours.append(one)
            theirs += [] if other is None else [other]
    loaded = set(output(LOADED.format(path=path)).split())
    what = "requests, google, ipywidgets ... imported by from_file"
    return [
        Row(
            "Credentials.from_file in a fresh process",
            ours,
            limit=25,
            peer="that of cartoframes.auth",
            peer_values=theirs,
        ),
        Row(what, [len(loaded.intersection(HEAVY))], unit="modules", limit=0),
    ]


def measure() -> list[Row]:
    """Measure both."""
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "creds.json")
        fields = {"username": "jane", "api_key": "k" * 40}
        path.write_text(json.dumps({**fields, "base_url": "https://jane.carto.com"}))
        # As it is where the package is used: nobody else may read it.
        path.chmod(0o600)
        return import_rows() + file_rows(str(path))


if __name__ == "__main__":
    run(measure)
