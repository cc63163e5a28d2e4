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
TIMED = """import json, time
from carto_login_widget import LoginForm, ProfileStore
from IPython.display import display
def make(directory):
    begin = time.perf_counter()
    display(LoginForm(store=ProfileStore(directory)))
    return 1000 * (time.perf_counter() - begin)
for directory in {directories!r}:
    make(directory)
found = [[make(directory) for directory in {directories!r}] for _ in range({times})]
print("\\n" + json.dumps(found))"""


def filled(directory: Path, count: int) -> ProfileStore:
    """Make a store of so many accounts: one is saved, the others are copies of it."""
    store = ProfileStore(directory)
    first = store.save("jane-0", Credentials("jane", "k" * 40), default=True)
    for number in range(1, count):
        shutil.copy(first, first.with_name(f"jane-{number}.json"))
    return store


def names_row(many: ProfileStore) -> Row:
    """Measure listing the names, beside listing the directory."""
    directory = many.directory / "profiles"

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


def form_row(name: str, directories: list[str]) -> Row:
    """Measure showing a form with one account and with many."""
    with kernel(name) as running:
        words = version(running)
        printed = running.run(TIMED.format(directories=directories, times=TIMES))
    pairs = json.loads(printed.splitlines()[-1])
    return Row(
        f"a form with {MANY:,} accounts over one with one, {words}",
        [many - one for one, many in pairs],
        limit=100,
        peer="the form with one",
        peer_values=[one for one, _ in pairs],
    )


def measure() -> list[Row]:
    """Fill two stores and measure."""
    with tempfile.TemporaryDirectory() as directory:
        few, many = Path(directory, "few"), Path(directory, "many")
        filled(few, 1)
        rows = [names_row(filled(many, MANY))]
        rows += [form_row(name, [str(few), str(many)]) for name in KERNELS]
    return rows


if __name__ == "__main__":
    run(measure)
