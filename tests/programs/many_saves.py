"""Save accounts beside another program that does the same.

    python many_saves.py DIRECTORY PREFIX COUNT [NAME]

Saves COUNT accounts `PREFIX-0`, `PREFIX-1` …, each as the default; with NAME, all of
them under that one name, and with the NAME creds.json to that file alone.
"""

from __future__ import annotations

import sys

from carto_login_widget.identity import Identity
from carto_login_widget.store.profiles import Profiles
from carto_login_widget.store.record import Record


def main(directory: str, prefix: str, count: int, name: str | None = None) -> None:
    """Save, each time by a store of its own, as separate sessions would."""
    for number in range(count):
        account = Record(Identity.of(prefix, f"key-of-{prefix}-{number}", None))
        profiles = Profiles(directory)
        if name == "creds.json":
            profiles.set_default(account)
        else:
            profiles.save(name or f"{prefix}-{number}", account, default=True)


if __name__ == "__main__":
    directory_, prefix_, count_, *name_ = sys.argv[1:]
    main(directory_, prefix_, int(count_), *name_)
