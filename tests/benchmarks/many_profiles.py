"""What 10,000 saved accounts cost, beside one.

    python tests/benchmarks/many_profiles.py

The forms are made and shown in a real kernel.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

from benchmark import Row, in_turns, run
from kernels import KERNELS, kernel, version

from carto_login_widget import Credentials, ProfileStore

MANY = 10_000
TIMES = 20
# As many controls of each kind as the form has.
BARE = """import ipywidgets as w
def bare():
    texts = [w.Text() for _ in range(4)] + [w.Password()]
    buttons = w.HBox([w.Button() for _ in range(3)])
    lists = w.RadioButtons(options=["a"]), w.Checkbox(), w.Checkbox()
    display(w.VBox([w.HTML(), *texts, *lists, w.HTML(), buttons]))
"""
TIMED = """import json, os, time
from carto_login_widget import LoginForm
from IPython.display import display
def make(directory):
    os.environ["CARTO_LOGIN_HOME"] = directory
    begin = time.perf_counter()
    display(LoginForm())
    return 1000 * (time.perf_counter() - begin)
for directory in {directories!r}:
    make(directory)
def plain():
    begin = time.perf_counter()
    bare()
    return 1000 * (time.perf_counter() - begin)
few, many = {directories!r}
found = [(make(few), make(many), plain()) for _ in range({times})]
print("\\n" + json.dumps(found))"""


def filled(directory: Path, count: int) -> ProfileStore:
    """Make a store of so many accounts: one is saved, the others are copies of it."""
    store = ProfileStore(directory)
    first = store.save("jane-0", Credentials("jane", "k" * 40), default=True)
    for number in range(1, count):
        shutil.copy(first, first.with_name(f"jane-{number}.json"))
    return store


def names_row(many: ProfileStore, path: Path) -> Row:
    """Measure listing the names, beside listing the directory."""
    directory = path / "profiles"

    def bare() -> list[str]:
        return sorted(os.listdir(directory))  # noqa: PTH208 - the quickest there is

    ours, theirs = in_turns(TIMES, many.names, bare)
    return Row(
        f"names() of {MANY:,} accounts",
        ours,
        limit=20,
        peer="sorted(os.listdir(...))",
        peer_values=theirs,
    )


def form_rows(name: str, directories: list[str]) -> list[Row]:
    """Measure showing a form with one account, one with many, and bare controls."""
    with kernel(name) as running:
        words = version(running)
        code = BARE + TIMED.format(directories=directories, times=TIMES)
        found = json.loads(running.run(code).splitlines()[-1])
    few, many, bare = (list(column) for column in zip(*found, strict=True))
    over = [more - less for less, more in zip(few, many, strict=True)]
    return [
        Row(
            f"a form with one account, {words}",
            few,
            peer="bare ipywidgets, as many",
            peer_values=bare,
        ),
        Row(
            f"  over that with {MANY:,} accounts",
            over,
            limit=100,
            peer="the form with one",
            peer_values=few,
        ),
    ]


def measure() -> list[Row]:
    """Fill two stores and measure."""
    with tempfile.TemporaryDirectory() as directory:
        few, many = Path(directory, "few"), Path(directory, "many")
        filled(few, 1)
        rows = [names_row(filled(many, MANY), many)]
        for name in KERNELS:
            rows += form_rows(name, [str(few), str(many)])
    return rows


if __name__ == "__main__":
    run(measure)
