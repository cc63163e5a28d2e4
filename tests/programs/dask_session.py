"""Another session on a Dask cluster; it logs all that its Dask says, and obeys a pipe.

dask_session.py SCHEDULER (its address or file): reads lines `login USER KEY`, `logout`,
`share`, `stop`, `run TEXT` (sent to the workers as others do it), and answers each with
`ok` or the error.
"""

from __future__ import annotations

import logging
import sys

from distributed import Client

from carto_login_widget import (
    set_default_credentials,
    share_with_workers,
    unset_default_credentials,
)

if __name__ == "__main__":
    logging.basicConfig(level=logging.DEBUG)
    for name in ("distributed", "distributed.client"):
        logging.getLogger(name).handlers.clear()
        logging.getLogger(name).propagate = True
        logging.getLogger(name).setLevel(logging.DEBUG)
    stops = []
    where = "scheduler_file" if sys.argv[1].endswith(".json") else "address"
    with Client(**{where: sys.argv[1]}) as client:
        for line in sys.stdin:
            act, *words = line.split()
            try:
                if act == "login":
                    set_default_credentials(*words)
                elif act == "logout":
                    unset_default_credentials()
                elif act == "share":
                    stops.append(share_with_workers(client))
                elif act == "stop":
                    stops.pop(0)()
                elif act == "run":
                    client.run(len, words[0])
                print("ok", flush=True)
            except Exception as error:  # noqa: BLE001 - the test judges it
                print(type(error).__name__, error, flush=True)
