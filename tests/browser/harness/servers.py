"""JupyterLab (with Notebook 7 in it) and Voilà, started in a scratch directory."""

from __future__ import annotations

import json
import random
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from harness.environment import clean_environment, home_variables

if TYPE_CHECKING:
    from pathlib import Path

# What a first visit would show over the notebook, and what happens without being asked.
_QUIET: dict[str, dict[str, Any]] = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
}
# Else each page asks whether JupyterLab has to be built, for which it starts Node.
_NO_BUILD = {"page_config_data": {"buildCheck": False}}
# What a careful administrator sets, and what keeps anywidget's scripts from loading.
NO_BLOBS = {
    "headers": {
        "Content-Security-Policy": "script-src 'self' 'unsafe-inline' 'unsafe-eval'"
    }
}
_START_SECONDS = 60


class Scratch:
    """The directories of the servers: notebooks, settings, kernels."""

    def __init__(self, base: Path, ipykernel6: str | None) -> None:
        self.base = base
        self.ipykernel6 = ipykernel6
        self.root = self._made("notebooks")
        self.settings = self._made("settings")

    def _made(self, name: str) -> Path:
        path = self.base / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def environment(self) -> dict[str, str]:
        """Return the variables for a server: nothing of the user's is seen."""
        return {
            **clean_environment(),
            **home_variables(self._made("home")),
            "JUPYTER_CONFIG_DIR": str(self._made("config")),
            "JUPYTER_DATA_DIR": str(self._made("data")),
            "JUPYTER_RUNTIME_DIR": str(self._made("runtime")),
            "JUPYTERLAB_SETTINGS_DIR": str(self.settings),
            "JUPYTERLAB_WORKSPACES_DIR": str(self._made("workspaces")),
            "JUPYTER_PLATFORM_DIRS": "1",
            # Or the virtual environment's own python3 kernel would be found first.
            "JUPYTER_PREFER_ENV_PATH": "0",
        }

    def write_settings(self, settings: dict[str, dict[str, Any]]) -> None:
        """Make `settings` (by plugin id) what the next page that is loaded finds."""
        for old in self.settings.rglob("*.jupyterlab-settings"):
            old.unlink()
        for plugin in {**_QUIET, **settings}:
            package, name = plugin.split(":")
            path = self.settings / package / f"{name}.jupyterlab-settings"
            path.parent.mkdir(parents=True, exist_ok=True)
            values = {**_QUIET.get(plugin, {}), **settings.get(plugin, {})}
            path.write_text(json.dumps(values))

    def write_kernels(self, variables: dict[str, str]) -> None:
        """Make kernels that start from now on have these environment variables."""
        pythons = {"python3": sys.executable, "python3-ipykernel6": self.ipykernel6}
        for name, python in pythons.items():
            if python:
                argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
                directory = self._made(f"data/kernels/{name}")
                spec = {"argv": argv, "display_name": name, "language": "python"}
                path = directory / "kernel.json"
                path.write_text(json.dumps({**spec, "env": variables}))


class Server:
    """A server program on loopback, from `with` to its end."""

    def __init__(self, scratch: Scratch, command: list[str], python: str = "") -> None:
        self.scratch = scratch
        self._python = python or sys.executable
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._command = [word.replace("{port}", str(self.port)) for word in command]
        self.log = scratch.base / f"{command[0]}-{self.port}.log"

    def __enter__(self) -> Self:
        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [self._python, "-m", *self._command],
                cwd=self.scratch.root,
                env=self.scratch.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        try:
            self._wait()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(20)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                self.request("GET", "/static/favicons/favicon.ico")
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.05)
            else:
                return
        msg = f"{self._command[0]} did not start:\n{self.log.read_text()[-4000:]}"
        raise RuntimeError(msg)

    def request(self, method: str, path: str) -> bytes:
        """Ask the server; the body of its answer."""
        # Without a token there is no session cookie either, so no XSRF check applies.
        request = urllib.request.Request(self.url + path, method=method)  # noqa: S310
        with urllib.request.urlopen(request, timeout=20) as answer:  # noqa: S310
            return bytes(answer.read())


class JupyterLab(Server):
    """JupyterLab at `/lab`, which serves Notebook 7 at `/notebooks` too.

    Args:
        scratch: its directories.
        python: of the environment that it runs in, if it is not this one.
        settings: of its web server.
    """

    def __init__(
        self, scratch: Scratch, python: str = "", settings: dict[str, Any] | None = None
    ) -> None:
        options = {
            "ServerApp.ip": "127.0.0.1",
            "ServerApp.port": "{port}",
            "ServerApp.port_retries": "0",
            "ServerApp.allow_root": "True",
            "ServerApp.disable_check_xsrf": "True",
            "ServerApp.terminals_enabled": "False",
            "IdentityProvider.token": "",
            "LabApp.expose_app_in_browser": "True",
            "JupyterNotebookApp.expose_app_in_browser": "True",
            "LabApp.extension_manager": "readonly",
            "ServerApp.tornado_settings": repr(_NO_BUILD | (settings or {})),
        }
        flags = [f"--{name}={value}" for name, value in options.items()]
        super().__init__(scratch, ["jupyterlab", "--no-browser", *flags], python)

    def shut_down_kernels(self, but: str = "-") -> None:
        """End the kernels, as closing all notebooks for good would.

        Those of the notebooks whose name starts with `but` go on.
        """
        for session in json.loads(self.request("GET", "/api/sessions")):
            if not session["path"].startswith(but):
                self.request("DELETE", f"/api/sessions/{session['id']}")


class Voila(Server):
    """Voilà: `/voila/render/NAME.ipynb` runs a notebook and shows what it displays.

    With `preheat` it runs the notebooks that it finds at its start, before any visit.
    """

    def __init__(
        self,
        scratch: Scratch,
        python: str = "",
        settings: dict[str, Any] | None = None,
        *,
        preheat: bool = False,
    ) -> None:
        flags = ["--no-browser", "--Voila.ip=127.0.0.1", "--port={port}"]
        flags.append(f"--preheat_kernel={preheat}")
        flags.append(f"--Voila.tornado_settings={settings or {}!r}")
        super().__init__(scratch, ["voila", *flags, str(scratch.root)], python)


def _free_port() -> int:
    # The server takes seconds to bind it: not one that the system gives to others.
    for port in random.sample(range(20_000, 32_000), 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise RuntimeError
