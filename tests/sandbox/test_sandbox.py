"""The sandbox itself: start and stop, keys, and what it says when it cannot."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import threading

import pytest
import requests

from carto_login_widget.sandbox import Sandbox, default_accounts

WITHOUT = """
import sys
sys.modules[{name!r}] = None
from carto_login_widget.sandbox import Sandbox
try:
    Sandbox(tls={tls!r}).start()
except ImportError as error:
    print(error)
"""


def test_start_and_stop() -> None:
    """It serves between start and stop, and can be started again."""
    carto = Sandbox()
    assert "stopped" in repr(carto)
    with pytest.raises(RuntimeError, match="not running"):
        _ = carto.url
    for _ in range(2):
        carto.start()
        carto.start()
        url = carto.url
        assert requests.get(url + "/api/v3/me", timeout=5).ok
        carto.stop()
        carto.stop()
        with pytest.raises(requests.ConnectionError):
            requests.get(url + "/api/v3/me", timeout=5)


def test_no_thread_stays_behind() -> None:
    """Stopping ends the thread, also with a connection kept open."""
    before = threading.active_count()
    with Sandbox() as carto, requests.Session() as session:
        session.get(carto.url, timeout=5)
        assert threading.active_count() == before + 1
        carto.stop()
        assert threading.active_count() == before


def test_silent_connection_does_not_hold_up_the_end() -> None:
    """A connection that never says anything is closed at the stop."""
    with Sandbox() as carto:
        silent = socket.create_connection(("127.0.0.1", carto.port), timeout=5)
        requests.get(carto.url, timeout=5)
    with silent:
        assert silent.recv(1) == b""


def test_port_can_be_chosen(carto: Sandbox) -> None:
    """A port that is taken is an error at the start."""
    with pytest.raises(OSError, match=r"[Aa]ddress already in use"):
        Sandbox(port=carto.port).start()


def test_keys_are_fresh_and_well_formed() -> None:
    """Every sandbox has its own keys, in CARTO's two shapes."""
    one, two = default_accounts(), default_accounts()
    for account in one.values():
        assert re.fullmatch(r"[0-9a-f]{40}", account.master.token)
        assert account.default_public.token == "default_public"
        token = account.keys["reporting"].token
        assert re.fullmatch(r"[A-Za-z0-9_-]{22}", token)
        assert account.master.token != two[account.username].master.token


def test_keys_from_a_seed_or_given() -> None:
    """A seed repeats the keys; single tokens can be given."""
    one, two = Sandbox(seed=7), Sandbox(seed=7)
    assert one.accounts["jane"].master.token == two.accounts["jane"].master.token
    given = Sandbox(tokens={"jane": {"reporting": "my_own_token"}})
    assert given.accounts["jane"].keys["reporting"].token == "my_own_token"


def test_repr_shows_no_key(carto: Sandbox) -> None:
    """Neither the sandbox nor its accounts and keys show a token."""
    shown = repr(carto) + repr(carto.accounts) + repr(carto.install)
    for account in carto.accounts.values():
        for key in account.keys.values():
            assert key.token == "default_public" or key.token not in shown


@pytest.mark.parametrize(("name", "tls"), [("tornado", None), ("trustme", "valid")])
def test_missing_extra_is_explained(name: str, tls: str | None) -> None:
    """Without the extra the error says how to install it."""
    program = WITHOUT.format(name=name, tls=tls)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert f"needs {name}" in done.stdout
    assert "pip install carto_login_widget[demo]" in done.stdout


def test_import_loads_no_web_server() -> None:
    """Importing the sandbox loads neither tornado, trustme nor requests."""
    program = (
        "import sys, carto_login_widget.sandbox\n"
        "print({'tornado', 'trustme', 'requests'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "set()\n"


def test_defect_is_logged_and_answered(
    carto: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    """A client does not wait for ever where the sandbox itself fails."""
    carto.install.old_version = "not a version"
    answer = requests.get(carto.base_url("jane") + "/api/v3/api_keys", timeout=5)
    assert answer.status_code == 500
    assert carto.requests[-1].status == 500
    assert "The sandbox could not answer" in caplog.text


def test_many_clients_at_once(carto: Sandbox) -> None:
    """Twenty clients are answered while one of them hangs."""
    from carto_login_widget.sandbox import Fault

    carto.fail(Fault.hang(), path="/api/v4")
    answers: list[int] = []

    def ask(path: str) -> None:
        try:
            answer = requests.get(carto.base_url("jane") + path, timeout=5)
            answers.append(answer.status_code)
        except requests.RequestException:
            answers.append(0)

    hanging = threading.Thread(target=ask, args=("/api/v4/me",))
    hanging.start()
    carto.wait_for(1)
    threads = [threading.Thread(target=ask, args=("/api/v3/me",)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [200] * 20
    carto.heal()
    hanging.join()
    assert answers[-1] == 401
