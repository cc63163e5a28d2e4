"""Without a home an account works; in somebody else's, files stay theirs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from carto_login_widget import Credentials, ProfileStore, login

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carto_login_widget.sandbox import Sandbox

PROGRAM = Path(__file__).parents[1] / "programs" / "homeless.py"
USER, GROUP = 1000, 1001
AS_THE_USER = """
import os, sys
import carto_login_widget as carto
from carto_login_widget.store import profiles
import filelock
directory, group, user = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
store, own = carto.ProfileStore(directory), carto.Credentials("own", "some-key")
# Only now, as they may not be able to read what is installed here.
os.setgid(group)
os.setuid(user)
found = [store.default().username, *(store.load(n).username for n in store.names())]
store.save("own", own, default=True)
store.rename("own", "mine")
store.delete("mine")
print(*found)
"""

pytestmark = pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0,
    reason="only root can become, or write for, another user",
)


def test_without_a_home_every_door_takes_an_account(
    carto: Sandbox, tmp_path: Path
) -> None:
    """Only saving needs a place, and says how to give one; no `~` is made anywhere."""
    key = carto.accounts["jane"].master.token
    done = subprocess.run(
        [sys.executable, PROGRAM, carto.base_url("jane"), key],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["login"], found["set"], found["cli"]) == ("jane", "jane", 0)
    assert found["form"] == ["empty", False]
    username, saving, said = found["prompt"]
    assert (username, saving) == ("jane", None)
    for told in (said, found["save"]):
        assert "There is no home directory" in told
        assert "Set CARTO_LOGIN_HOME" in told
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def config(tmp_path: Path) -> Iterator[Path]:
    """The `.config` of a user, as a container of root mounts it."""
    path = Path(tempfile.mkdtemp())  # pytest's own is closed to others
    os.chown(path, USER, GROUP)
    yield path
    shutil.rmtree(path)


@pytest.mark.parametrize("state", ["nothing", "theirs", "broken", "link"])
def test_what_root_saves_the_user_goes_on_with(config: Path, state: str) -> None:
    """In a new store and in their own: files, directories, lock, and what was kept."""
    directory, key = config / "cartoframes", "some-key"
    if state != "nothing":
        ProfileStore(directory).save("a", Credentials("a", key), default=True)
    if state == "broken":
        (directory / "creds.json").write_text("{")
    if state == "link":
        (directory / "creds.json").replace(config / "elsewhere.json")
        (directory / "creds.json").symlink_to(config / "elsewhere.json")
    for path in config.rglob("*"):
        os.chown(path, USER, GROUP, follow_symlinks=False)
    store = ProfileStore(directory)
    with pytest.warns(UserWarning) if state == "broken" else nullcontext():
        store.save("b", Credentials("b", key), default=True)
    store.save("a", Credentials("a", key))
    store.rename("b", "c")
    store.save("d", Credentials("d", key))
    store.set_default("d")
    owners = {path: path.lstat() for path in config.rglob("*")}
    assert {(s.st_uid, s.st_gid) for s in owners.values()} == {(USER, GROUP)}
    assert {path.name for path in owners} >= {"profiles", ".carto-login.lock", "d.json"}
    run = [sys.executable, "-c", AS_THE_USER, directory, str(GROUP), str(USER)]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert done.stdout.split() == ["d", "a", "b", "d"], done.stderr


def test_a_mounted_file_does_not_undo_a_login(carto: Sandbox, home: Path) -> None:
    """The account is saved beside it, and it is said what to mount instead."""
    key = carto.accounts["jane"].master.token
    jane = login(username="jane", api_key=key, base_url=carto.base_url("jane"))
    store = ProfileStore()
    store.save("bob", Credentials("bob", "some-key"), default=True)
    path = store.default_path
    before = path.read_text()
    mount = ["mount", "--bind", str(path), str(path)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a file cannot be mounted here")
    try:
        with pytest.warns(UserWarning, match="Mount its directory"):
            store.save("jane", jane, default=True)
        assert path.read_text() == before
        assert store.load("jane").api_key == key
    finally:
        subprocess.run(["umount", str(path)], check=True)
