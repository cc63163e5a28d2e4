"""What one safe save costs beside writing a file any old way.

python tests/benchmarks/saves.py
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from benchmark import Row, in_turns, run
from many_profiles import MANY, filled

from carto_login_widget import Credentials, ProfileStore

TIMES = 40
JANE, BOB = Credentials("jane", "k" * 40), Credentials("bob", "b" * 40)


def measure() -> list[Row]:
    """Measure each kind of save in turns with its peers."""
    with tempfile.TemporaryDirectory() as directory:
        return list(rows(Path(directory)))


def rows(directory: Path) -> list[Row]:
    """Save an account, to start with it or not, and beside many others."""
    store, other = ProfileStore(directory / "few"), ProfileStore(directory / "other")
    other.save("bob", BOB, default=True)
    many = filled(directory / "many", MANY)
    path = directory / "plain.json"
    text = json.dumps({"username": "jane", "api_key": "k" * 40})

    def flushed() -> None:
        new = path.with_suffix(".new")
        with new.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)

    file, both, beside, plain, careful = in_turns(
        TIMES,
        lambda: other.save("jane", JANE),
        lambda: store.save("jane", JANE, default=True),
        lambda: many.save("jane", JANE, default=True),
        lambda: path.write_text(text),
        flushed,
    )
    names = "write_text", "write, fsync, rename"
    return [
        Row("one save", file, peer=names[0], peer_values=plain),
        Row("  beside a flushed file", file, peer=names[1], peer_values=careful),
        Row("one save, to start with", both, peer=names[1], peer_values=careful),
        Row(
            f"  among {MANY:,} others, over that",
            [many - few for many, few in zip(beside, both, strict=True)],
            limit=10,
            peer="one save, to start with",
            peer_values=both,
        ),
    ]


if __name__ == "__main__":
    run(measure)
