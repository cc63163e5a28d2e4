"""Try to save where that is not allowed, as a user without rights.

    python refused_save.py DIRECTORY

Prints what the failed saves say, one line each. Root, whom nothing is refused,
becomes `nobody` first.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile

from carto_login_widget import CredentialsFileError, ProfileNotFoundError
from carto_login_widget.identity import Identity
from carto_login_widget.store.profiles import Profiles
from carto_login_widget.store.record import Record

NOBODY = 65534
JANE = Record(Identity.of("jane", "k", None))


def become_nobody() -> None:
    """Give up root's rights, after all that is imported late has been."""
    with tempfile.TemporaryDirectory() as directory:
        store = Profiles(directory)
        store.set_default(Record(Identity.of("john", "k", None)))
        store.save("jane", JANE, default=True)
        with contextlib.suppress(ProfileNotFoundError):
            store.load("jan")
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def main(directory: str) -> None:
    """Save, choose and delete."""
    become_nobody()
    store = Profiles(directory)
    uses = (
        lambda: store.save("jane", JANE, default=True),
        lambda: store.set_default("saved"),
        lambda: store.delete("saved"),
        lambda: store.set_default(JANE),
    )
    for use in uses:
        try:
            use()
        except CredentialsFileError as error:
            print(error.path, error, sep="\t")


if __name__ == "__main__":
    main(sys.argv[1])
