"""Kernels without a front end: code in, what it printed out."""

from __future__ import annotations

import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark import IPYKERNEL6
from harness.servers import Scratch
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import KernelManager

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jupyter_client.blocking.client import BlockingKernelClient

KERNELS = ["python3", "python3-ipykernel6"] if IPYKERNEL6 else ["python3"]
_SECONDS = 60


class Kernel:
    """A running kernel."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self._client = client

    def run(self, code: str) -> str:
        """Run code; what it printed."""
        printed: list[str] = []

        def hear(message: dict[str, dict[str, str]]) -> None:
            printed.append(message["content"].get("text", ""))

        reply = self._client.execute_interactive(
            code, output_hook=hear, timeout=_SECONDS
        )
        if reply["content"]["status"] != "ok":
            raise RuntimeError("\n".join(reply["content"]["traceback"]))
        return "".join(printed)


@contextmanager
def kernel(name: str) -> Iterator[Kernel]:
    """Start a kernel, one of `KERNELS`, and end it."""
    with tempfile.TemporaryDirectory() as directory:
        scratch = Scratch(Path(directory), IPYKERNEL6)
        scratch.write_kernels({})
        specs = KernelSpecManager(kernel_dirs=[f"{directory}/data/kernels"])
        manager = KernelManager(kernel_name=name, kernel_spec_manager=specs)
        manager.start_kernel(stderr=subprocess.DEVNULL)
        client = manager.client()
        client.start_channels()
        try:
            client.wait_for_ready(_SECONDS)
            yield Kernel(client)
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def version(running: Kernel) -> str:
    """Return which ipykernel it is, in words."""
    return (
        "ipykernel "
        + running.run(
            "import ipykernel; print(ipykernel.__version__.rpartition('.')[0])"
        ).strip()
    )
