"""cartoframes' own credentials show the key; those that it is given here do not."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

from .programs import environment
from .search import MASTER

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .scene import Scene

_CODE = """
import copy, logging, pandas, pprint, sys, traceback
logging.basicConfig(level=logging.DEBUG)
import carto_login_widget as carto
carto.login("jane")
from cartoframes.auth import get_default_credentials
theirs = get_default_credentials()
assert len(theirs.api_key) == int(sys.argv[1])
pprint.pprint([theirs, str(theirs), f"{theirs}", {"theirs": theirs}])
print(theirs, copy.copy(theirs), copy.deepcopy(theirs), [theirs])
print(carto.get_default_credentials().to_cartoframes())
print(pandas.Series([theirs]).to_json())
def fails(theirs):
    raise ValueError(theirs)
try:
    fails(theirs)
except ValueError as error:
    found = traceback.TracebackException.from_exception(error, capture_locals=True)
    print(*found.format())
print("masked")
"""


def shown(scene: Scene) -> Iterator[str]:
    """The default that cartoframes has after a login."""
    python: Path = scene.get("cartoframes_python")
    scene.saved_jane()
    done = subprocess.run(
        [python, "-W", "ignore", "-c", _CODE, json.dumps(len(MASTER))],
        env=environment(scene),
        cwd=scene.scratch,
        capture_output=True,
        text=True,
        check=False,
    )
    yield done.stdout
    yield done.stderr
    assert done.stdout.endswith("masked\n"), done.stderr
