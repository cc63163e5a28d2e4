from __future__ import annotations

import socket
import subprocess
import sys

import pytest
import urllib3

from carto_login_widget.server.connections import (
    Line,
    current_line,
    tls_context,
    watch_pools,
)
from carto_login_widget.server.failures import AuthoritiesError


def test_cutting_ends_what_is_connected_and_what_comes():
    """Later connections are ended at once."""
    line = Line()
    ours, theirs = socket.socketpair()
    late, peer = socket.socketpair()
    with ours, theirs, late, peer:
        line.watch(ours)
        ours.sendall(b"x")
        assert theirs.recv(9) == b"x"
        line.cut()
        assert theirs.recv(9) == b""
        with pytest.raises(OSError, match=r"."):
            ours.sendall(b"y")
        line.watch(late)
        assert peer.recv(9) == b""
        line.cut()


def test_releasing_leaves_a_connection_to_its_owner():
    """It goes on, and ends for the other side as soon as the owner closes it."""
    line = Line()
    ours, theirs = socket.socketpair()
    with ours, theirs:
        line.watch(ours)
        line.release()
        line.cut()
        ours.sendall(b"x")
        assert theirs.recv(9) == b"x"
        ours.close()
        assert theirs.recv(9) == b""


def test_only_pools_of_urllib3_itself_are_watched():
    """A special pool manager keeps its own connections."""

    class Special(urllib3.PoolManager):
        pass

    special, plain = Special(), urllib3.PoolManager()
    before = special.pool_classes_by_scheme
    watch_pools(special)
    watch_pools(plain)
    assert special.pool_classes_by_scheme is before
    assert plain.pool_classes_by_scheme is not before
    assert current_line.get() is None


def test_authorities_that_are_missing(tmp_path):
    """Said before anything is connected."""
    with pytest.raises(AuthoritiesError, match=r"ca\.pem"):
        tls_context(str(tmp_path / "ca.pem"))


def test_plain_http_loads_no_trust_store(carto):
    """It is built only for https."""
    program = (
        "import sys\n"
        "from carto_login_widget import Credentials\n"
        "key, base = sys.argv[1:]\n"
        "print(Credentials('jane', key, base).validate().key_type)\n"
        "print('truststore' in sys.modules)\n"
    )
    command = [sys.executable, "-c", program, carto.accounts["jane"].master.token]
    done = subprocess.run(
        [*command, carto.base_url("jane")], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["master", "False"]
