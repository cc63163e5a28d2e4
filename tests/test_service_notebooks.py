"""The notebooks about other libraries run from their first cell to the last."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbclient import NotebookClient

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbformat import NotebookNode

    Execute = Callable[..., str]

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
NAMES = ("google-cloud.ipynb", "cartoframes-and-friends.ipynb")


def read(name: str) -> NotebookNode:
    return nbformat.read(NOTEBOOKS / name, as_version=4)


def shown(notebook: NotebookNode) -> str:
    """All that the outputs say, as text."""
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", ())]
    texts = [o.get("text") or o.get("data", {}).get("text/plain", "") for o in outputs]
    return "\n".join(texts)


@pytest.fixture
def execute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Execute:
    """Run a notebook on a kernel of an interpreter; return what it showed."""

    def run(name: str, python: Path = Path(sys.executable)) -> str:
        kernel = tmp_path / "kernels" / "tested"
        kernel.mkdir(parents=True)
        command = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        spec = {"argv": command, "display_name": "Tested", "language": "python"}
        (kernel / "kernel.json").write_text(json.dumps(spec))
        monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
        notebook = read(name)
        NotebookClient(
            notebook,
            kernel_name="tested",
            timeout=60,
            resources={"metadata": {"path": tmp_path}},
        ).execute()
        return shown(notebook)

    return run


@pytest.mark.parametrize("name", NAMES)
def test_no_output_is_kept(name: str) -> None:
    """What is in the repository holds neither outputs nor numbers of runs."""
    cells = [cell for cell in read(name).cells if cell.cell_type == "code"]
    assert cells
    assert not any(cell.outputs or cell.execution_count for cell in cells)


def test_google_cloud_runs_without_google(execute: Execute) -> None:
    """On a sandbox account alone it shows all but the query."""
    text = execute("google-cloud.ipynb")
    assert "carto-sandbox True" in text
    assert "There is no BigQuery here." in text
    assert "not_enabled - The Data Observatory is not enabled" in text


def test_google_cloud_runs_its_query(
    execute: Execute, bigquery_emulator: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a BigQuery at hand the query runs too."""
    monkeypatch.setenv(
        "BIGQUERY_EMULATOR_HOST", f"http://127.0.0.1:{bigquery_emulator}"
    )
    assert "{'layer': 'stores', 'answer': 42}" in execute("google-cloud.ipynb")


def test_friends_follow_the_login(execute: Execute) -> None:
    """geopandas, carto-python and Dask have the account, the next one, and none."""
    text = execute("cartoframes-and-friends.ipynb")
    assert "cartoframes is not installed here." in text
    assert "[{'stores': 3}]" in text
    assert "['jane', 'jane']" in text
    assert "Dask: ['bob', 'bob']" in text
    assert "/user/bob/api/v2/sql" in text
    assert "GDAL: None" in text
    assert "Dask: [None, None]" in text


def test_cartoframes_follows_the_login(
    execute: Execute, cartoframes_python: Path
) -> None:
    """Where cartoframes is installed it does the same."""
    text = execute("cartoframes-and-friends.ipynb", cartoframes_python)
    assert "Credentials(username='jane', api_key=***" in text
    assert "cartoframes: bob" in text
    assert "cartoframes: None" in text
    assert "pyogrio is not installed here." in text
