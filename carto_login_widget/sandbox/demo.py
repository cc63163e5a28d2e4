"""`carto-login demo`: notebooks on a sandbox account, the quickstart first.

Everything happens in a scratch home, so that the user's own saved accounts, Jupyter
settings and files stay as they are. It goes with the demo, however that is ended.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEEDED = ("tornado", "ipykernel", "jupyterlab", "nbclient", "nbformat")
_NOTEBOOKS = ("quickstart.ipynb", "accounts.ipynb")
# The second is where they lie in a checkout that is installed editable.
_PLACES = (
    Path(__file__).with_name("notebooks"),
    Path(__file__).parents[2] / "notebooks",
)
_SECONDS_PER_CELL = 60
_SECONDS_TO_END = 20


def open_lab() -> int:
    """Open JupyterLab on the quickstart; return its exit status when it is closed."""
    with _scratch() as (folder, environment):
        print(
            "Opening JupyterLab on the quickstart notebook, in a scratch home.\n"
            "Run its cells one after the other. Ctrl-C here ends it, and removes all "
            "that was saved.",
            flush=True,
        )
        command = [
            *(sys.executable, "-m", "jupyterlab", "--Application.log_level=ERROR"),
            f"--ServerApp.root_dir={folder}",
            # Not a file as an argument: the address that is printed would not name it.
            f"--LabApp.default_url=/lab/tree/{_NOTEBOOKS[0]}",
        ]
        if _is_root():
            command.append("--allow-root")
        with _ended(command, environment) as server:
            try:
                return server.wait()
            except KeyboardInterrupt:
                print("\nEnding …", flush=True)
                return 0


def check() -> int:
    """Run the quickstart without anybody watching; print what happened.

    Returns:
        0 where every cell ran, else 1.
    """
    with _scratch() as (folder, environment):
        kept = dict(os.environ)
        os.environ.update(environment)
        try:
            error = _run(folder / _NOTEBOOKS[0])
        finally:
            os.environ.clear()
            os.environ.update(kept)
    print(f"The notebook failed.\n{error}" if error else "The notebook ran to its end.")
    return 1 if error else 0


def _run(path: Path) -> str | None:
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        notebook,
        timeout=_SECONDS_PER_CELL,
        resources={"metadata": {"path": path.parent}},
    )
    try:
        client.execute()
    except (CellExecutionError, DeadKernelError, TimeoutError) as error:
        return str(error)
    finally:
        for cell in notebook.cells:
            _report(cell)
    return None


def _report(cell: Any) -> None:
    if cell.cell_type != "code":
        return
    print("\n".join(f"> {line}" for line in cell.source.splitlines()))
    for output in cell.get("outputs", ()):
        text = output.get("text") or output.get("data", {}).get("text/plain", "")
        if text.strip():
            print(text.rstrip())
    print()


@contextmanager
def _ended(
    command: list[str], environment: dict[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Start a server that is ended, with its kernels, when the block is left.

    A terminal's Ctrl-C does not reach it, as it would ask whether it was meant.
    """
    server = subprocess.Popen(  # noqa: S603
        command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True
    )
    try:
        yield server
    finally:
        # Whoever presses Ctrl-C once more is not to stop the clearing up.
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, signal.SIG_IGN)
        server.terminate()
        try:
            server.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


@contextmanager
def _scratch() -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield a folder of notebooks in a home of its own, and what keeps it so."""
    _check_installed()
    with (
        _stopped_by_signals(),
        tempfile.TemporaryDirectory(
            prefix="carto-demo-", ignore_cleanup_errors=True
        ) as scratch,
    ):
        home = Path(scratch)
        folder = home / "notebooks"
        folder.mkdir()
        for source in _sources():
            shutil.copy(source, folder)
        _write_settings(home / "jupyter" / "config")
        yield folder, _environment(home)


def _write_settings(config: Path) -> None:
    """Keep JupyterLab from asking for news, as nothing is to leave this machine."""
    path = config / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    path.mkdir(parents=True)
    settings = {"fetchNews": "false", "checkForUpdates": False}
    (path / "notification.jupyterlab-settings").write_text(json.dumps(settings))


def _check_installed() -> None:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise ImportError(
            f"The demo needs {', '.join(missing)}, which is not installed here. "
            'Install it with: pip install "carto_login_widget[demo]"',
            name=missing[0],
        )


def _sources() -> list[Path]:
    place = next((one for one in _PLACES if (one / _NOTEBOOKS[0]).exists()), None)
    if place is None:
        raise FileNotFoundError(
            f"{_NOTEBOOKS[0]} is missing; install the package again."
        )
    return [place / name for name in _NOTEBOOKS]


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let a `kill` and a closed terminal end the demo as Ctrl-C does."""

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    names = [getattr(signal, n, None) for n in ("SIGINT", "SIGTERM", "SIGHUP")]
    before = {name: signal.signal(name, stop) for name in names if name is not None}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if _is_neutral(name)}
    programs = os.pathsep.join(
        (str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath))
    )
    return kept | {
        "HOME": str(home),
        "PATH": programs,  # a notebook shows `carto-login`
        "CARTO_LOGIN_HOME": str(home / "carto"),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(home / "jupyter" / "config"),
        "JUPYTER_DATA_DIR": str(home / "jupyter" / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "jupyter" / "runtime"),
        "XDG_CONFIG_HOME": str(home / "config"),
    }


def _is_neutral(name: str) -> bool:
    """Whether a variable leaves the demo alone: no account and no Jupyter settings."""
    return not name.startswith(("CARTO_", "JUPYTER_", "JUPYTERLAB_"))


def _is_root() -> bool:
    return getattr(os, "geteuid", lambda: 1)() == 0
