"""`carto-login demo` in a real JupyterLab: what it shows, and what it leaves behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import requests
from jupyter_client.blocking.client import BlockingKernelClient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SAVE = """from carto_login_widget import Credentials, ProfileStore
ProfileStore().save("jane", Credentials("jane", "k" * 40), default=True)"""
PATIENCE = 60


def wait_for(what: Callable[[], Any], words: str) -> Any:
    """Return what comes to be true, or fail after a generous while."""
    end = time.monotonic() + PATIENCE
    while not (found := what()):
        assert time.monotonic() < end, words
        time.sleep(0.05)
    return found


class Demo:
    """A demo that runs, and the address that its browser was sent to."""

    def __init__(self, process: subprocess.Popen[bytes], opened: Path) -> None:
        self.process = process
        wait_for(opened.exists, "no browser was opened")
        page = Path(opened.read_text().strip().removeprefix("file://"))
        self.url = re.search(r'url=([^"]+)', page.read_text())[1]  # type: ignore[index]
        self.home = page.parents[2]
        wait_for(self._listens, "the server does not listen")

    def _listens(self) -> bool:
        # It sends the browser to a page that waits a second.
        try:
            return bool(self.get("api"))
        except requests.ConnectionError:
            return False

    def get(self, path: str, method: str = "GET") -> Any:
        """Ask the server."""
        origin, token = re.fullmatch(r"(.*?)/lab/.*token=(.*)", self.url).groups()
        answer = requests.request(
            method,
            f"{origin}/{path}",
            headers={"Authorization": f"token {token}"},
            timeout=PATIENCE,
        )
        return answer.json()

    def run_in_a_kernel(self, code: str) -> None:
        """Start a kernel as the page would, and run code in it."""
        kernel = self.get("api/kernels", "POST")["id"]
        found = self.home / "jupyter" / "runtime" / f"kernel-{kernel}.json"
        client = BlockingKernelClient(connection_file=str(found))
        client.load_connection_file()
        client.start_channels()

        def is_ready() -> bool:
            try:
                client.wait_for_ready(PATIENCE)
            except RuntimeError:  # without an answer at once it is taken for dead
                return False
            return True

        try:
            wait_for(is_ready, "the kernel did not start")
            reply = client.execute_interactive(code, timeout=PATIENCE)
            assert reply["content"]["status"] == "ok"
        finally:
            client.stop_channels()

    def processes(self) -> list[psutil.Process]:
        """All processes that live in its home."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("HOME") == str(self.home):
                    found.append(process)
            except psutil.Error:
                continue
        return found


@contextmanager
def started(tmp_path: Path) -> Iterator[Demo]:
    """Start the demo with a browser that writes down where it was sent."""
    opened, browser = tmp_path / "opened", tmp_path / "browser"
    browser.write_text(
        f'#!/bin/sh\necho "$1" > {opened}.new; mv {opened}.new {opened}\n'
    )
    browser.chmod(0o700)
    process = subprocess.Popen(
        [sys.executable, "-m", "carto_login_widget.cli", "demo"],
        env={**os.environ, "BROWSER": str(browser)},
        stdout=subprocess.DEVNULL,
    )
    try:
        yield Demo(process, opened)
    finally:
        process.terminate()
        process.wait()


@pytest.mark.parametrize(
    "name",
    [
        "SIGINT",
        *(pytest.param(n, marks=pytest.mark.full) for n in ("SIGTERM", "SIGHUP")),
    ],
)
def test_one_signal_ends_it_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    """It opens on the quickstart, among notebooks; no key and no process is left."""
    with started(tmp_path) as demo:
        assert "/lab/tree/quickstart.ipynb?" in demo.url
        shown = {entry["name"] for entry in demo.get("api/contents")["content"]}
        assert shown == {"accounts.ipynb", "quickstart.ipynb"}
        demo.run_in_a_kernel(SAVE)
        assert "kkkk" in (demo.home / "carto" / "creds.json").read_text()
        assert len(demo.processes()) >= 2
        demo.process.send_signal(getattr(signal, name))
        assert demo.process.wait(PATIENCE) == 0
        assert not demo.home.exists()
        wait_for(lambda: not demo.processes(), "a process is left")
