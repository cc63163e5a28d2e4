"""`carto-login demo`: the quickstart notebook on a sandbox account.

Everything happens in a scratch home, so that the user's own saved accounts, Jupyter
settings and files stay as they are.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_NOTEBOOK = "quickstart.ipynb"
# The second is where it lies in a checkout that is installed editable.
_PLACES = (
    Path(__file__).with_name(_NOTEBOOK),
    Path(__file__).parents[2] / "notebooks" / _NOTEBOOK,
)
_SECONDS_PER_CELL = 60


def open_lab() -> int:
    """Open JupyterLab on the notebook; return its exit status when it is closed."""
    with _scratch() as (notebook, environment):
        print(
            "Opening JupyterLab on the quickstart notebook, in a scratch home.\n"
            "Run its cells one after the other. Ctrl-C here ends it."
        )
        command = [sys.executable, "-m", "jupyterlab", str(notebook)]
        if _is_root():
            command.append("--allow-root")
        # What JupyterLab keeps for itself would go to the real home otherwise.
        try:
            return subprocess.call(command, cwd=notebook.parent, env=environment)  # noqa: S603
        except KeyboardInterrupt:
            return 0


def check() -> int:
    """Run the notebook without anybody watching; print what happened.

    Returns:
        0 where every cell ran, else 1.
    """
    with _scratch() as (notebook, environment):
        kept = dict(os.environ)
        os.environ.update(environment)
        try:
            error = _run(notebook)
        finally:
            os.environ.clear()
            os.environ.update(kept)
    print(f"The notebook failed.\n{error}" if error else "The notebook ran to its end.")
    return 1 if error else 0


def _run(path: Path) -> str | None:
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    client = NotebookClient(
        notebook,
        timeout=_SECONDS_PER_CELL,
        resources={"metadata": {"path": path.parent}},
    )
    try:
        client.execute()
    except CellExecutionError as error:
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
def _scratch() -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield the notebook in a home of its own, and the environment that keeps it so."""
    source = next((place for place in _PLACES if place.exists()), None)
    if source is None:
        raise FileNotFoundError(f"{_NOTEBOOK} is missing; install the package again.")
    with tempfile.TemporaryDirectory(prefix="carto-demo-") as scratch:
        home = Path(scratch)
        notebook = Path(shutil.copy(source, home))
        yield notebook, _environment(home)


def _environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if _is_neutral(name)}
    return kept | {
        "HOME": str(home),
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
