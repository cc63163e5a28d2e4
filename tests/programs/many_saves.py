"""Save accounts beside another program that does the same.

    python many_saves.py DIRECTORY PREFIX COUNT [NAME]

Saves COUNT accounts `PREFIX-0`, `PREFIX-1` …, each as the default; with NAME, all of
them under that one name.
"""

from __future__ import annotations

import sys

from carto_login_widget import Credentials, ProfileStore


def main(directory: str, prefix: str, count: int, name: str | None = None) -> None:
    """Save, each time by a store of its own, as separate sessions would."""
    for number in range(count):
        credentials = Credentials(prefix, f"key-of-{prefix}-{number}")
        ProfileStore(directory).save(
            name or f"{prefix}-{number}", credentials, default=True
        )


if __name__ == "__main__":
    directory_, prefix_, count_, *name_ = sys.argv[1:]
    main(directory_, prefix_, int(count_), *name_)
