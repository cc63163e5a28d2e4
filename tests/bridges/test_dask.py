"""Every worker of a Dask cluster has the account of the session."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cloudpickle
import dask.config
import pytest
from distributed import Client, LocalCluster
from distributed.security import Security
from harness.leaks.search import MASTER, REGULAR, found_in

import carto_login_widget
from carto_login_widget import (
    CartoLoginError,
    get_default_credentials,
    on_default_change,
    set_default_credentials,
    share_with_workers,
    unset_default_credentials,
)
from carto_login_widget.bridges.dask import _is_readable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAMS = Path(__file__).parent.parent / "programs"
KEY = "0123456789abcdef0123456789abcdef01234567"
# The workers cannot import this module.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


def start(**options: Any) -> LocalCluster:
    quiet = {"dashboard_address": ":0", "threads_per_worker": 1, "silence_logs": 50}
    return LocalCluster(**{**quiet, **options})


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """A cluster with processes."""
    with start(n_workers=2, processes=True) as running:
        yield running


@pytest.fixture
def client(cluster: LocalCluster) -> Iterator[Client]:
    with Client(cluster) as connected:
        yield connected


@pytest.fixture
def sharing(client: Client) -> Iterator[Callable[[], None]]:
    """The account is shared with the workers during the test."""
    stop = share_with_workers(client)
    yield stop
    stop()


def account_of_worker() -> tuple[str | None, str] | None:
    from carto_login_widget import get_default_credentials

    found = get_default_credentials()
    return None if found is None else (found.username, found.api_key)


def accounts(client: Client) -> set[Any]:
    return set(client.run(account_of_worker).values())


def test_workers_have_the_account_of_the_session(client: Client) -> None:
    """An account from before the sharing is on every worker at once."""
    set_default_credentials("jane", KEY)
    stop = share_with_workers(client)
    assert accounts(client) == {("jane", KEY)}
    stop()


def test_workers_follow_login_switch_and_logout(client: Client, sharing: Any) -> None:
    """When the call that changes the account returns, the workers have changed too."""
    assert accounts(client) == {None}
    set_default_credentials("jane", KEY)
    assert accounts(client) == {("jane", KEY)}
    set_default_credentials("bob", KEY[::-1])
    assert accounts(client) == {("bob", KEY[::-1])}
    unset_default_credentials()
    assert accounts(client) == {None}


def test_a_worker_that_joins_later_has_it(
    cluster: LocalCluster, client: Client, sharing: Any
) -> None:
    """So has one that joins after a switch, and after a logout it has none."""
    set_default_credentials("jane", KEY)
    set_default_credentials("bob", KEY)
    cluster.scale(3)
    client.wait_for_workers(3, timeout=30)
    assert list(client.run(account_of_worker).values()) == [("bob", KEY)] * 3
    unset_default_credentials()
    cluster.scale(2)
    cluster.scale(3)
    client.wait_for_workers(3, timeout=30)
    assert accounts(client) == {None}


def test_a_worker_that_joins_after_much_work_has_it() -> None:
    """Dask forgets that a client came, as it keeps the last events of each only."""
    set_default_credentials("jane", KEY)
    few = dask.config.set({"distributed.admin.low-level-log-length": 9})
    with few, start(n_workers=1, processes=True) as own, Client(own) as client:
        stop = share_with_workers(client)
        client.gather([client.submit(len, "abc", pure=False) for _ in range(9)])
        own.scale(2)
        client.wait_for_workers(2, timeout=30)
        assert accounts(client) == {("jane", KEY)}
        stop()


def test_the_end_of_the_sharing_signs_the_workers_out(client: Client) -> None:
    """Afterwards nothing more reaches them."""
    set_default_credentials("jane", KEY)
    stop = share_with_workers(client)
    stop()
    assert accounts(client) == {None}
    set_default_credentials("bob", KEY)
    assert accounts(client) == {None}


def test_two_threads_that_switch_leave_the_default(
    client: Client, sharing: Any
) -> None:
    """Whoever was last, the workers have the account that is the default in the end."""

    def switch(user: str) -> None:
        for number in range(5):
            set_default_credentials(f"{user}-{number}", KEY)

    threads = [threading.Thread(target=switch, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert accounts(client) == {(get_default_credentials().username, KEY)}


def test_a_closed_client_is_forgotten(cluster: LocalCluster) -> None:
    """After its client was closed the next login says nothing about Dask."""
    with Client(cluster) as client:
        stop = share_with_workers(client)
    set_default_credentials("jane", KEY)
    assert get_default_credentials().username == "jane"
    stop()


def test_workers_in_this_process_are_left_alone() -> None:
    """Threads share the account already; telling them would not end."""
    heard = []
    forget = on_default_change(heard.append)
    with start(n_workers=1, processes=False) as cluster, Client(cluster) as client:
        stop = share_with_workers(client)
        set_default_credentials("jane", KEY)
        assert accounts(client) == {("jane", KEY)}
        stop()
        assert get_default_credentials().username == "jane"
    forget()
    assert len(heard) == 1


def plugins(client: Client) -> list[str]:
    """The sharings that the scheduler hands to workers that join."""

    def named(dask_scheduler: Any) -> list[str]:
        return [n for n in dask_scheduler.worker_plugins if n.startswith("carto")]

    return client.run_on_scheduler(named)


def test_twice_on_one_cluster_is_one_sharing(client: Client) -> None:
    """The second takes the first's place, whose function then does nothing."""
    set_default_credentials("jane", KEY)
    first = share_with_workers(client)
    second = share_with_workers(client)
    assert len(plugins(client)) == 1
    first()
    assert accounts(client) == {("jane", KEY)}
    set_default_credentials("bob", KEY)
    assert accounts(client) == {("bob", KEY)}
    second()
    assert accounts(client) == {None}
    assert plugins(client) == []
    second()


def test_a_second_client_takes_over_from_a_closed_one(cluster: LocalCluster) -> None:
    """The cell that connects and shares may be run twice."""
    set_default_credentials("jane", KEY)
    with Client(cluster) as client:
        share_with_workers(client)
    with Client(cluster) as client:
        stop = share_with_workers(client)
        assert len(plugins(client)) == 1
        stop()
        assert accounts(client) == {None}
        assert plugins(client) == []


def test_workers_never_lose_the_account_in_between(client: Client) -> None:
    """Neither a switch nor a second call signs a worker out for a moment."""
    set_default_credentials("jane", KEY)
    stop = share_with_workers(client)
    client.run(watch_worker)
    share_with_workers(client)
    stop()
    set_default_credentials("bob", KEY)
    assert all("None" not in seen for seen in client.run(watched).values())
    unset_default_credentials()
    assert all("None" in seen for seen in client.run(watched).values())


def watch_worker() -> None:
    from carto_login_widget import on_default_change

    sys.watched_accounts = []
    on_default_change(lambda new: sys.watched_accounts.append(str(new)))


def watched() -> list[str]:
    return sys.watched_accounts


@contextmanager
def session(address: str, log: Path) -> Iterator[Callable[[str], str]]:
    """Another session: gives a function that tells it what to do."""
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            [sys.executable, PROGRAMS / "dask_session.py", address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as program,
    ):

        def tell(line: str) -> str:
            program.stdin.write(f"{line}\n")
            program.stdin.flush()
            return program.stdout.readline().strip()

        try:
            yield tell
        finally:
            program.kill()


def test_sessions_share_one_by_one(
    cluster: LocalCluster, client: Client, tmp_path: Path
) -> None:
    """Each ends its own; who changed last is who the workers are."""
    with session(cluster.scheduler_address, tmp_path / "log") as other:
        set_default_credentials("jane", KEY)
        stop = share_with_workers(client)
        assert [other("login bob 1234567890"), other("share")] == ["ok", "ok"]
        assert accounts(client) == {("bob", "1234567890")}
        set_default_credentials("jane", KEY[::-1])
        assert accounts(client) == {("jane", KEY[::-1])}
        stop()
        assert accounts(client) == {("bob", "1234567890")}
        stop = share_with_workers(client)
        assert other("stop") == "ok"
        assert accounts(client) == {("jane", KEY[::-1])}
        assert other("share") == "ok"
        assert other("logout") == "ok"
        assert accounts(client) == {("jane", KEY[::-1])}
        assert other("login carl 1234567890") == "ok"
        assert accounts(client) == {("carl", "1234567890")}
    # It was killed: what is left of it does not come back.
    set_default_credentials("jane", KEY)
    stop()
    assert accounts(client) == {None}


@contextmanager
def dask_process(*words: str, python: object = sys.executable, **env: str) -> Any:
    """A scheduler or worker of its own, which logs at DEBUG."""
    debug = {"DASK_LOGGING__DISTRIBUTED": "debug"}
    log = Path(words[-1]).with_suffix(f".{len(words)}{time.monotonic_ns()}.log")
    command = [python, "-m", f"distributed.cli.dask_{words[0]}", *words[1:-1]]
    with log.open("wb") as out:
        program = subprocess.Popen(
            [*command, "--no-dashboard", "--scheduler-file", words[-1]],
            stdout=out,
            stderr=out,
            env={**os.environ, **debug, **env},
            cwd=log.parent,
            start_new_session=True,
        )
        try:
            yield log
        finally:
            with suppress(ProcessLookupError):
                os.killpg(program.pid, signal.SIGTERM)
            program.wait()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The file in which a scheduler in a process of its own says where it is."""
    path = str(tmp_path_factory.mktemp("dask") / "scheduler.json")
    with dask_process("scheduler", "--port", "0", "--host", "127.0.0.1", path):
        yield path


def logs(place: str) -> bytes:
    """Return all logs, and what hexadecimal text in them stands for."""
    whole = b"\n".join(log.read_bytes() for log in Path(place).parent.glob("*.log"))
    runs = re.findall(rb"[0-9a-f]{16,}", whole)
    return whole + b"\n".join(bytes.fromhex(r[: len(r) & ~1].decode()) for r in runs)


def worker(place: str, **env: Any) -> Any:
    return dask_process("worker", "--nthreads", "1", "--no-nanny", place, **env)


@pytest.fixture
def old_package(tmp_path: Path) -> dict[str, str]:
    """Variables for a worker that has the package in the version before."""
    target = tmp_path / "old" / "carto_login_widget"
    shutil.copytree(Path(carto_login_widget.__file__).parent, target)
    (target / "bridges" / "dask_worker.py").write_text(OLD_WORKER)
    return {"PYTHONPATH": str(target.parent), "PYTHONSAFEPATH": ""}


OLD_WORKER = """
from distributed.diagnostics.plugin import WorkerPlugin
from ..session import default as defaults

class AccountPlugin(WorkerPlugin):
    def __init__(self, credentials):
        self._credentials = credentials
    def setup(self, worker):
        defaults.publish(self._credentials)
"""


def test_a_later_worker_has_it_before_its_first_task(place: str) -> None:
    """Tasks wait for an adaptive cluster's workers, and start at once on them."""
    set_default_credentials("jane", KEY)
    with Client(scheduler_file=place) as client:
        stop = share_with_workers(client)
        tasks = [client.submit(signed_in, pure=False) for _ in range(9)]
        with worker(place):
            assert set(client.gather(tasks)) == {("jane", len(KEY))}
            stop()


def test_a_worker_after_the_session_has_nothing(place: str) -> None:
    """Nobody answers it any more; it starts without an account, and does not wait."""
    set_default_credentials("jane", KEY)
    with Client(scheduler_file=place) as client:
        share_with_workers(client)
    with worker(place) as log, Client(scheduler_file=place) as client:
        client.wait_for_workers(1, timeout=30)
        assert set(client.run(signed_in).values()) == {None}
        # It was not left to itself until it gave up.
        assert b"This worker has no CARTO account" not in log.read_bytes()
        share_with_workers(client)()
        assert plugins(client) == []


def signed_in() -> tuple[str | None, int] | None:
    """Who a worker is; the key itself would stand in the logs."""
    from carto_login_widget import get_default_credentials

    found = get_default_credentials()
    return None if found is None else (found.username, len(found.api_key))


# Sent by value: a scheduler of its own does not find this file.
signed_in.__module__ = "__main__"


@pytest.mark.full  # Dask takes long to restart
def test_restarted_workers_have_it() -> None:
    """A restart makes new processes under the same names."""
    set_default_credentials("jane", KEY)
    # Dask cannot restart a cluster that was scaled down before.
    with start(n_workers=1, processes=True) as own, Client(own) as client:
        stop = share_with_workers(client)
        client.restart()
        assert accounts(client) == {("jane", KEY)}
        stop()


def test_no_log_at_any_level_shows_the_key(place: str) -> None:
    """Login, sharing, switch, late worker, logout: scheduler, workers and client."""
    log = Path(place).with_name("client.log")
    with worker(place), session(place, log) as other:
        assert other(f"login jane {MASTER}") == "ok"
        assert other("share") == "ok"
        with worker(place), Client(scheduler_file=place) as client:
            client.wait_for_workers(2, timeout=30)
            who = set(client.run(signed_in).values())
            assert who == {("jane", len(MASTER))}
            assert other(f"login bob {MASTER}") == "ok"
            assert {name for name, _ in client.run(signed_in).values()} == {"bob"}
            assert other("logout") == "ok"
            assert other("stop") == "ok"
            assert set(client.run(signed_in).values()) == {None}
        said = logs(place)
        assert b"Message from" in said
        assert b"'op': 'plugin-add'" in said
        assert found_in([said]) == []
        # The search would have found what others send to the workers.
        assert other("run x" + REGULAR) == "ok"
        assert found_in([logs(place)])
    for written in Path(place).parent.glob("*.log"):
        written.write_bytes(b"")


@pytest.fixture(params=["absent", "older"])
def lacking(request: pytest.FixtureRequest) -> dict[str, Any]:
    """How to start a worker that cannot take an account over."""
    if request.param == "older":
        return request.getfixturevalue("old_package")
    python = request.getfixturevalue("dask_python")
    return {"python": python, "PYTHONPATH": "", "PYTHONSAFEPATH": "1"}


def address_of(workers: set[str], client: Client, count: int) -> str:
    """The address of the one worker that is not among those known."""
    client.wait_for_workers(count, timeout=30)
    return next(iter(set(client.nthreads()) - workers))


def test_workers_that_cannot_load_it_live_and_learn_nothing(
    place: str, lacking: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Those that are there, and those that come later; both are named to the user."""
    set_default_credentials("jane", MASTER)
    with worker(place), Client(scheduler_file=place) as client:
        good = address_of(set(), client, 1)
        with worker(place, **lacking) as first:
            bad = address_of({good}, client, 2)
            with pytest.warns(UserWarning, match=f"do not have the account.*: {bad}."):
                stop = share_with_workers(client)
            assert client.run(signed_in, workers=[good]) == {
                good: ("jane", len(MASTER))
            }
            with worker(place, **lacking) as second:
                late = address_of({good, bad}, client, 3)
                while late not in caplog.text:
                    time.sleep(0.05)
                # Known by now, and nothing to warn about again.
                set_default_credentials("bob", MASTER)
                assert client.run(signed_in, workers=[good])[good][0] == "bob"
                assert set(client.run(len, "abc").values()) == {3}
                stop()
                for log in (first, second):
                    assert b"Failed to deserialize" not in log.read_bytes()
    assert found_in([logs(place), caplog.text]) == []


def test_where_no_worker_can_load_it_nothing_is_shared(
    place: str, lacking: dict[str, Any]
) -> None:
    """It is an error, and nothing of it stays: no plugin, no listener."""
    set_default_credentials("jane", MASTER)
    with worker(place, **lacking), Client(scheduler_file=place) as client:
        client.wait_for_workers(1, timeout=30)
        with pytest.raises(CartoLoginError, match="need carto_login_widget"):
            share_with_workers(client)
        assert plugins(client) == []
        set_default_credentials("bob", MASTER)
        with worker(place):
            client.wait_for_workers(2, timeout=30)
            assert set(client.run(len, "abc").values()) == {3}
    assert found_in([logs(place)]) == []


def test_a_share_that_fails_leaves_the_one_before(
    client: Client, sharing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was shared goes on."""
    set_default_credentials("jane", KEY)
    before = plugins(client)
    register = Client.register_plugin

    async def interrupted(self: Client, *args: Any, **kwargs: Any) -> None:
        await register(self, *args, **kwargs)
        raise ConnectionError(KEY)

    monkeypatch.setattr(Client, "register_plugin", interrupted)
    with pytest.raises(CartoLoginError, match=r"\(ConnectionError\)"):
        share_with_workers(client)
    monkeypatch.undo()
    assert plugins(client) == before
    assert accounts(client) == {("jane", KEY)}
    set_default_credentials("bob", KEY)
    assert accounts(client) == {("bob", KEY)}


def break_worker() -> None:
    # As if the package, or this part of it, were not installed there.
    sys.modules["carto_login_widget.bridges.dask_worker"] = None


def mend_worker() -> None:
    del sys.modules["carto_login_widget.bridges.dask_worker"]


def test_workers_without_the_package_are_told_of(client: Client) -> None:
    """The message says what they need, and neither it nor its frames hold the key."""
    set_default_credentials("jane", KEY)
    client.run(break_worker)
    with pytest.raises(CartoLoginError, match="need carto_login_widget") as caught:
        share_with_workers(client)
    client.run(mend_worker)
    told = traceback.TracebackException.from_exception(
        caught.value, capture_locals=True
    )
    assert KEY not in "".join(told.format())
    assert caught.value.__context__ is None
    set_default_credentials("bob", KEY)
    assert accounts(client) == {None}


def test_workers_that_fail_later_do_not_fail_the_login(
    client: Client, sharing: Any
) -> None:
    """The login stands; that Dask did not follow is said."""
    client.run(break_worker)
    with pytest.warns(UserWarning, match="dask could not follow"):
        set_default_credentials("jane", KEY)
    client.run(mend_worker)
    assert get_default_credentials().username == "jane"
    set_default_credentials("bob", KEY)
    assert accounts(client) == {("bob", KEY)}


def test_a_cluster_without_tls_is_warned_about(cluster: LocalCluster) -> None:
    """What is not this machine alone, and not TLS, can be listened to."""
    outside = cluster.scheduler_address.replace("127.0.0.1", "0.0.0.0")  # noqa: S104 - not loopback by name
    with Client(outside) as client:
        with pytest.warns(UserWarning, match="not on TLS"):
            stop = share_with_workers(client)
        stop()


def test_a_cluster_on_tls_is_not_warned_about() -> None:
    """Warnings are errors here, so none came."""
    with (
        start(
            n_workers=1,
            processes=False,
            protocol="tls://",
            security=Security.temporary(),
        ) as cluster,
        Client(cluster) as client,
    ):
        assert client.scheduler.address.startswith("tls://")
        share_with_workers(client)()


@pytest.mark.parametrize(
    ("address", "readable"),
    [
        ("tcp://127.0.0.1:8786", False),
        ("tcp://[::1]:8786", False),
        ("tcp://localhost:8786", False),
        ("inproc://10.0.0.5/12/1", False),
        ("tls://10.0.0.5:8786", False),
        ("wss://dask.example.com:8786", False),
        ("tcp://10.0.0.5:8786", True),
        ("tcp://scheduler:8786", True),
        ("ws://dask.example.com:8786", True),
        ("ucx://10.0.0.5:8786", True),
    ],
)
def test_who_can_read_along(address: str, *, readable: bool) -> None:
    """Only TLS, and what does not leave the machine, is private."""
    assert _is_readable(address) is readable


def test_an_asynchronous_client_is_refused(cluster: LocalCluster) -> None:
    """A client that cannot be waited for gets an explanation, not half a sharing."""

    async def share() -> None:
        async with Client(cluster.scheduler_address, asynchronous=True) as client:
            with pytest.raises(CartoLoginError, match="asynchronous=False"):
                share_with_workers(client)

    asyncio.run(share())
