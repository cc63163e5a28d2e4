"""The notebooks: committed without outputs; two of them run with the sandbox alone."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbclient import NotebookClient

from carto_login_widget import ProfileStore

if TYPE_CHECKING:
    from nbformat import NotebookNode

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


@pytest.mark.parametrize(
    "path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda p: p.stem
)
def test_committed_without_outputs(path: Path) -> None:
    """A notebook in the repository holds no output and no execution count."""
    cells = nbformat.read(path, as_version=4).cells
    assert cells
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


def executed(name: str, directory: Path) -> NotebookNode:
    """Run a notebook while nobody is there."""
    notebook = nbformat.read(NOTEBOOKS / name, as_version=4)
    client = NotebookClient(
        notebook, timeout=60, resources={"metadata": {"path": str(directory)}}
    )
    client.execute()
    return notebook


def printed(notebook: NotebookNode) -> str:
    """All that its cells printed."""
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", ())]
    return "".join(output.get("text", "") for output in outputs)


def test_the_quickstart_runs_and_keeps_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unattended it runs to its end; only the cell that shows the key shows it."""
    monkeypatch.setenv("CARTO_LOGIN_HOME", str(tmp_path / "store"))
    notebook = executed("quickstart.ipynb", tmp_path)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    key = code[0].outputs[0].text.rpartition("API key:")[2].strip()
    assert len(key) == 40
    assert notebook.metadata.widgets
    code[0].outputs = []
    assert key not in json.dumps(notebook)
    # Each account once.
    assert ProfileStore(tmp_path / "store").names() == ["jane", "jane-reporting"]


def test_the_accounts_run_and_leave_none(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shows what it says, and neither it nor the command touches the user's own."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    monkeypatch.setenv("PATH", path)
    store = ProfileStore()
    text = printed(executed("accounts.ipynb", tmp_path))
    for words in (
        "['bob', 'jane', 'jane-reporting']\nSessions start with jane\n",
        "from profile 'bob'\nMaster key, full access.\n",
        "None\nAPI key 'reporting': SQL, Maps; reads",
        "Still signed in: jane-reporting\n",
        "['jane', 'jane-reporting', 'work'] - sessions start with work\n",
        "'work' already; it was left as it is.",
        "['jane', 'work']\n",
        "asked, Authorization: None\n",
        "not_carto - ",
        "tls - ",
        "* work",
        "bob at 127.0.0.1",
        "There is no account to log in with.",
        "from CARTO_API_KEY\nSaved: ['jane', 'work']\n",
        "wrong_key - ",
        "server_error - ",
        "username - ",
        "Still signed in: bob\n",
    ):
        assert words in text
    assert store.names() == []
