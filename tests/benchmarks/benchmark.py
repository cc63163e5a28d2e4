"""One table of what was promised, what was measured, and what a peer took.

Each program here measures one group of promises. Alone it prints its own table; under
`run.py` it hands its rows over, and all of them are one table. Nothing here fails over
a number: machines differ, and a table can be read.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

# The harness of the browser tests is of use without pytest too.
sys.path.append(str(Path(__file__).parents[1] / "browser"))

from harness.environment import clean_environment, home_variables

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# A Python with the previous ipykernel, which `tests/run.sh` makes.
IPYKERNEL6 = os.environ.get("TEST_IPYKERNEL6_PYTHON")

_HEADINGS = (
    *("promise", "asked", "median", "min", "max", "n", ""),
    *("peer, in the same run", "median", "ratio"),
)


@dataclass(frozen=True)
class Row:
    """One promise.

    Attributes:
        promise: what is measured.
        values: what was measured.
        unit: of the values and the limit.
        limit: what was promised for the median; None where nothing was.
        peer: what does about the same without this package.
        peer_values: what that took, in the same unit and the same run.
    """

    promise: str
    values: list[float]
    unit: str = "ms"
    limit: float | None = None
    peer: str = ""
    peer_values: list[float] = field(default_factory=list)

    def cells(self) -> list[str]:
        """Return what the table shows, left to right."""
        middle, asked, met = median(self.values), "-", ""
        if self.limit is not None:
            asked = f"<= {self.limit:g} {self.unit}"
            met = "ok" if middle <= self.limit else "MISSED"
        shown = [_number(v) for v in (middle, min(self.values), max(self.values))]
        cells = [self.promise, asked, f"{shown[0]} {self.unit}", *shown[1:]]
        cells += [str(len(self.values)), met, self.peer]
        if not self.peer_values:
            return [*cells, "", ""]
        theirs = median(self.peer_values)
        ratio = f"{middle / theirs:.3g}" if theirs else "-"
        return [*cells, f"{_number(theirs)} {self.unit}", ratio]


def _number(value: float) -> str:
    return (
        f"{value:.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"
    )


def show(rows: Iterable[Row]) -> None:
    """Print the rows as a table."""
    lines = [list(_HEADINGS), *(row.cells() for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * width for width in widths])
    for line in lines:
        cells = [cell.ljust(w) for cell, w in zip(line, widths, strict=True)]
        print("  ".join(cells).rstrip())


def run(measure: Callable[[], Iterable[Row]]) -> None:
    """Measure in an empty home; print a table, or rows for `run.py`."""
    with tempfile.TemporaryDirectory(prefix="carto-benchmark-") as home:
        _settle(home)
        rows = list(measure())
    if "--json" in sys.argv:
        print(json.dumps([asdict(row) for row in rows]))
    else:
        show(rows)


def _settle(home: str) -> None:
    kept = clean_environment()
    # A user has compiled modules.
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    for name in os.environ.keys() - kept.keys():
        del os.environ[name]
    os.environ.update(home_variables(home))


def rows_of(text: str) -> list[Row]:
    """Return the rows that a program has handed over."""
    return [Row(**row) for row in json.loads(text)]


def milliseconds(task: Callable[[], Any]) -> float:
    """Return how long a task takes."""
    begin = time.perf_counter()
    task()
    return 1000 * (time.perf_counter() - begin)


def in_turns(times: int, *tasks: Callable[[], Any]) -> list[list[float]]:
    """Return the milliseconds of tasks that take turns, so that both share the noise.

    The order changes each time. A first turn that warms them up is not counted.
    """
    for task in tasks:
        task()
    found: list[list[float]] = [[] for _ in tasks]
    numbered = list(enumerate(tasks))
    for turn in range(times):
        for number, task in numbered if turn % 2 else reversed(numbered):
            found[number].append(milliseconds(task))
    return found
