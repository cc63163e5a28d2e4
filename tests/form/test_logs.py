"""What a kernel that logs everything prints of the key: nothing."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from jupyter_client import BlockingKernelClient

from carto_login_widget.form.plain import KeyField

if TYPE_CHECKING:
    from pathlib import Path

KEY = "0123456789abcdef0123456789abcdef01234567"
_SHOW = """
import logging
logging.basicConfig(level=0)
from carto_login_widget import LoginForm
form = LoginForm()
"""


@pytest.fixture(params=["newest", "previous"])
def python(request: pytest.FixtureRequest) -> str:
    """Python of an environment with each kernel."""
    if request.param == "newest":
        return sys.executable
    other = os.environ.get("TEST_IPYKERNEL6_PYTHON")
    return other or pytest.skip("TEST_IPYKERNEL6_PYTHON is not set")


def test_a_kernel_at_debug_prints_no_key(python: str, tmp_path: Path) -> None:
    """The loggers `Comm` and `IPKernelApp` print every message, but no buffer."""
    connection, log = tmp_path / "kernel.json", tmp_path / "log"
    command = [python, "-m", "ipykernel_launcher", "--debug", "-f", str(connection)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    if python != sys.executable:
        environment["PYTHONPATH"] = os.environ.get("PYTHONPATH", "")
    with log.open("wb") as out:
        process = subprocess.Popen(command, stderr=out, stdout=out, env=environment)
    client = BlockingKernelClient(connection_file=str(connection))
    try:
        while not (connection.exists() and connection.stat().st_size):
            assert process.poll() is None
            time.sleep(0.02)
        client.load_connection_file()
        client.start_channels()
        client.wait_for_ready(timeout=30)
        reply = client.execute(
            _SHOW, user_expressions={"id": "form.model_id"}, reply=True, timeout=30
        )
        comm = reply["content"]["user_expressions"]["id"]["data"]["text/plain"]
        fields = {"username": "jane_doe", "typed": True}
        act = {"act": "commit", "view": "v", "n": 1, "fields": fields}
        content = {
            "comm_id": comm.strip("'"),
            "data": {"method": "custom", "content": act},
        }
        message = client.session.msg("comm_msg", content)
        client.session.send(
            client.shell_channel.socket, message, buffers=[KEY.encode()]
        )
        reply = client.execute(
            "", user_expressions={"key": "form.state.key.reveal()"}, reply=True,
            timeout=30,
        )  # fmt: skip
        told = reply["content"]["user_expressions"]["key"]["data"]["text/plain"]
        assert told == repr(KEY)
    finally:
        client.stop_channels()
        process.terminate()
        process.wait(10)
    text = log.read_text(errors="replace")
    assert "jane_doe" in text  # the log is one
    # The reply above is the one place that was asked to say it.
    assert all("text/plain" in line for line in text.splitlines() if KEY in line)


def test_what_others_log_is_their_own_affair() -> None:
    """An object that cannot be shown is not this package's to fail on."""
    KeyField()

    class Broken:
        def __repr__(self) -> str:
            raise RuntimeError

    record = logging.makeLogRecord({"msg": "%s", "args": (Broken(),)})
    assert logging.getLogger("Comm").filter(record)


def test_one_filter_serves_all_key_fields(caplog: pytest.LogCaptureFixture) -> None:
    """Each field is hidden, others are not, and nothing grows with their number."""
    fields = [KeyField() for _ in range(3)]
    logger = logging.getLogger("Comm")
    ours = [f for f in logger.filters if "quiet" in getattr(f, "__module__", "")]
    assert len(ours) == 1
    caplog.set_level(logging.DEBUG, "Comm")
    for comm in (*(field.model_id for field in fields), "another"):
        logger.debug("handle_msg[%s](%s)", comm, {"value": KEY})
        logger.debug("%s", {"content": {"comm_id": comm, "data": KEY}})
        ready = f"to {comm}: {KEY}"
        logger.debug(ready)
    assert len(caplog.records) == 3
    assert all("another" in record.getMessage() for record in caplog.records)
