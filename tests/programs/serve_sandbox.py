"""Serve a sandbox until a line comes in, then print what was asked of it.

    python serve_sandbox.py

Prints jane's base URL and two keys, one line; then, after a line on standard input,
"place of the key, status" of each request. A process of its own, because a GDAL that
waits for an answer may keep Python from giving it.
"""

from __future__ import annotations

import sys

from carto_login_widget.sandbox import Sandbox

with Sandbox() as carto:
    jane = carto.accounts["jane"]
    base_url, reporting = carto.base_url("jane"), jane.keys["reporting"].token
    print(base_url, jane.master.token, reporting, flush=True)
    sys.stdin.readline()
    for record in carto.requests:
        print(record.key_in, record.status)
