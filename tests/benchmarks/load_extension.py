"""What `%load_ext carto_login_widget` costs in a running kernel.

    python tests/benchmarks/load_extension.py

Each kernel is a fresh one. The peer is IPython's own `autoreload`.
"""

from __future__ import annotations

from benchmark import Row, run
from kernels import KERNELS, kernel, version

TIMES = 5
OURS, PEER = "carto_login_widget", "autoreload"
TIMED = """import time
begin = time.perf_counter()
get_ipython().run_line_magic("load_ext", {name!r})
print(1000 * (time.perf_counter() - begin))"""


def measure() -> list[Row]:
    """Load both, in turns, into fresh kernels of each kind."""
    rows = []
    for name in KERNELS:
        found: dict[str, list[float]] = {OURS: [], PEER: []}
        for turn in range(1 + TIMES):
            with kernel(name) as running:
                words = version(running)
                for which in sorted(found, reverse=bool(turn % 2)):
                    taken = float(running.run(TIMED.format(name=which)))
                    if turn:  # the first one may have to compile
                        found[which].append(taken)
        row = Row(
            f"%load_ext {OURS}, {words}",
            found[OURS],
            limit=10,
            peer=f"%load_ext {PEER}",
            peer_values=found[PEER],
        )
        rows.append(row)
    return rows


if __name__ == "__main__":
    run(measure)
