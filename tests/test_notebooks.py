"""The notebooks: committed without outputs, and the quickstart runs unattended."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@pytest.mark.parametrize(
    "path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda p: p.stem
)
def test_committed_without_outputs(path: Path) -> None:
    """A notebook in the repository holds no output and no execution count."""
    cells = nbformat.read(path, as_version=4).cells
    assert cells
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


def test_the_quickstart_runs_and_keeps_the_key(tmp_path: Path) -> None:
    """Unattended it runs to its end; only the cell that shows the key shows it."""
    notebook = nbformat.read(NOTEBOOKS / "quickstart.ipynb", as_version=4)
    client = NotebookClient(
        notebook, timeout=60, resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    key = code[0].outputs[0].text.rpartition("API key:")[2].strip()
    assert len(key) == 40
    assert notebook.metadata.widgets
    code[0].outputs = []
    assert key not in json.dumps(notebook)
