"""Runs a BigQuery emulator on loopback, until its standard input ends.

Prints `port N` when it serves.
"""

from __future__ import annotations

import asyncio
import sys

from bqemulator.config import LogLevel, Settings
from bqemulator.server import EmulatorServer
from duckdb_extensions import import_extension


async def run() -> None:
    """Serve on free ports."""
    settings = Settings(rest_port=0, grpc_port=0, log_level=LogLevel.ERROR)
    server = EmulatorServer(settings)
    await server.start()
    print("port", server.rest_port, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    await server.stop()


if __name__ == "__main__":
    # The emulator would download what DuckDB needs for geography.
    import_extension("spatial")
    asyncio.run(run())
