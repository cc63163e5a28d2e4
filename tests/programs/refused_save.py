"""Try to save where that is not allowed, as a user without rights.

    python refused_save.py DIRECTORY

Prints what the failed saves say, one line each. Root, whom nothing is refused,
becomes `nobody` first.
"""

from __future__ import annotations

import os
import sys
import tempfile

from carto_login_widget import Credentials, CredentialsFileError, ProfileStore

NOBODY = 65534


def become_nobody() -> None:
    """Give up root's rights, after all that is imported late has been."""
    with tempfile.TemporaryDirectory() as directory:
        store = ProfileStore(directory)
        Credentials("john", "k").save(store.default_path)
        store.save("jane", Credentials("jane", "k"), default=True)
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


def main(directory: str) -> None:
    """Save, choose and delete."""
    become_nobody()
    store, credentials = ProfileStore(directory), Credentials("jane", "k")
    uses = (
        lambda: store.save("jane", credentials, default=True),
        lambda: store.set_default("saved"),
        lambda: store.delete("saved"),
        lambda: credentials.save(store.default_path),
    )
    for use in uses:
        try:
            use()
        except CredentialsFileError as error:
            print(error.path, error, sep="\t")


if __name__ == "__main__":
    main(sys.argv[1])
