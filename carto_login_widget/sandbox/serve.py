"""`carto-login sandbox`: a CARTO on loopback until Ctrl-C."""

from __future__ import annotations

import threading

from .sandbox import Sandbox


def serve(port: int) -> int:
    """Run a sandbox and print its accounts; return 0 after Ctrl-C.

    Args:
        port: port on 127.0.0.1; 0 means any free one.
    """
    with Sandbox(port) as carto:
        print(f"A CARTO for trying things out, at {carto.url} (Ctrl-C ends it).")
        for name, account in carto.accounts.items():
            print(f"\n{name}   address {carto.base_url(name)}")
            for key in account.keys.values():
                print(f"    {key.type:<8} {key.name:<16} {key.token}")
        try:
            threading.Event().wait()
        except KeyboardInterrupt:
            print("\nEnded.")
    return 0
