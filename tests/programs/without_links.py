"""Save exclusively where the kernel makes no hard links, as on FAT.

    python without_links.py DIRECTORY

A seccomp filter of this process answers `link` and `linkat` with EPERM, as FAT does.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
import sys
from pathlib import Path

from carto_login_widget.store import files

LINK = {"x86_64": (86, 265), "aarch64": (37, 37)}
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, MODE_FILTER = 38, 22, 2
ALLOW, REFUSE = 0x7FFF0000, 0x00050000 | errno.EPERM
CANNOT = 77


def forbid_links() -> None:
    """Load the number of the system call, refuse it if it makes a link, else allow."""
    link, linkat = LINK[platform.machine()]
    steps = [
        (0x20, 0, 0, 0),
        (0x15, 1, 0, link),
        (0x15, 0, 1, linkat),
        (0x06, 0, 0, REFUSE),
        (0x06, 0, 0, ALLOW),
    ]
    program = ctypes.create_string_buffer(
        b"".join(struct.pack("HBBI", *step) for step in steps)
    )
    header = ctypes.create_string_buffer(
        struct.pack("HxxxxxxP", len(steps), ctypes.addressof(program))
    )
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or prctl(
        PR_SET_SECCOMP, MODE_FILTER, header, 0, 0
    ):
        sys.exit(CANNOT)


def main(directory: str) -> None:
    """Create once, be refused once, and set a broken file aside."""
    forbid_links()
    path = Path(directory, "a.json")
    files.write_document(path, {"n": 1}, exclusive=True)
    try:
        files.write_document(path, {"n": 2}, exclusive=True)
    except FileExistsError as error:
        print(error)
    print(*files.set_aside(path))


if __name__ == "__main__":
    main(sys.argv[1])
