"""Notebooks that are run without anybody, and what becomes of them."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter

from .programs import environment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .scene import Scene

# The form as somebody left it: with a key that was typed, with a saved account, plain.
_TYPED = """
from harness.leaks.page import Form
form = Form()
display(form)
form.types(account.base_url, account.api_key, "commit")
form.settle()
print(form.status)
"""
_PLAIN = """
%config CartoLogin.form = "plain"
plain = carto.LoginForm()
display(plain)
plain._displays[0]._plain.key.set_state({"value": account.api_key})
"""
_REFUSED = """
carto.login(
    username="jane", api_key=account.api_key[::-1], base_url=account.base_url
)
"""
_CELLS = (
    "%load_ext carto_login_widget\n%carto_login",
    "import carto_login_widget as carto",
    "account = carto.get_default_credentials(); account",
    _TYPED,
    _PLAIN,
    _REFUSED,
)
_STATE = "application/vnd.jupyter.widget-state+json"


def executed(scene: Scene) -> Iterator[str]:
    """nbclient, as papermill and `nbconvert --execute` use it; then an HTML page."""
    scene.saved_jane()
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [nbformat.v4.new_code_cell(cell) for cell in _CELLS]
    client = NotebookClient(
        notebook, timeout=60, allow_errors=True, kernel_name="python3"
    )
    client.create_kernel_manager()
    spec = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    client.km.kernel_spec.argv = spec
    client.execute(env=environment(scene), cwd=os.fspath(scene.scratch))
    yield (text := nbformat.writes(notebook))
    assert "accepted" in text
    assert "api_key=***" in text
    assert "RejectedError" in text
    states = notebook.metadata.widgets[_STATE]["state"]
    assert {"AnyModel", "PasswordModel"} <= {s["model_name"] for s in states.values()}
    yield json.dumps(states)
    yield HTMLExporter().from_notebook_node(notebook)[0]
