"""Any number of sharings of one cluster end one by one."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import cloudpickle
import pytest
from distributed import Client, LocalCluster

from carto_login_widget import (
    set_default_credentials,
    share_with_workers,
    unset_default_credentials,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = "0123456789abcdef0123456789abcdef01234567"
# The workers cannot import this module.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


def start() -> LocalCluster:
    return LocalCluster(
        n_workers=1,
        processes=True,
        threads_per_worker=1,
        dashboard_address=":0",
        silence_logs=50,
    )


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """A cluster with a process."""
    with start() as running:
        yield running


@pytest.fixture
def client(cluster: LocalCluster) -> Iterator[Client]:
    with Client(cluster) as connected:
        yield connected


def account_of_worker() -> str | None:
    from carto_login_widget import get_default_credentials

    found = get_default_credentials()
    return found and found.username


def accounts(client: Client) -> set[Any]:
    return set(client.run(account_of_worker).values())


def same_client(_cluster: LocalCluster, client: Client) -> Client:
    return client


def other_client(cluster: LocalCluster, _client: Client) -> Client:
    return Client(cluster)


@pytest.mark.parametrize("second", [same_client, other_client])
@pytest.mark.parametrize("times", [1, 2])
def test_the_end_of_an_earlier_sharing_ends_nothing(
    cluster: LocalCluster,
    client: Client,
    second: Callable[[LocalCluster, Client], Client],
    times: int,
) -> None:
    """The workers stay signed in and follow, until the last one ends."""
    set_default_credentials("jane", KEY)
    stop_first = share_with_workers(client)
    again = second(cluster, client)
    try:
        stop_second = share_with_workers(again)
        for _ in range(times):
            stop_first()
        assert accounts(client) == {"jane"}
        set_default_credentials("bob", KEY)
        assert accounts(client) == {"bob"}
        unset_default_credentials()
        assert accounts(client) == {None}
        set_default_credentials("anna", KEY)
    finally:
        stop_second()
        if again is not client:
            again.close()
    assert accounts(client) == {None}
    set_default_credentials("jane", KEY)
    stop_first()
    assert accounts(client) == {None}


OTHER_SESSION = """
import sys
from distributed import Client
from carto_login_widget import set_default_credentials, share_with_workers
with Client(sys.argv[1]) as client:
    set_default_credentials("bob", sys.argv[2])
    stop = share_with_workers(client)
    print("shared", flush=True)
    sys.stdin.readline()
    stop()
    print("stopped", flush=True)
    sys.stdin.readline()
"""


def test_the_end_of_another_session_s_sharing_ends_nothing(
    cluster: LocalCluster, client: Client
) -> None:
    """What it began it ends; what began here goes on."""
    with subprocess.Popen(
        [sys.executable, "-c", OTHER_SESSION, cluster.scheduler_address, KEY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as other:
        assert other.stdout.readline() == "shared\n"
        set_default_credentials("jane", KEY)
        stop = share_with_workers(client)
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.stdout.readline() == "stopped\n"
        found = accounts(client)
        other.communicate("\n")
    stop()
    assert found == {"jane"}


def test_sharings_of_two_clusters_are_two(
    cluster: LocalCluster, client: Client
) -> None:
    """One ends, and the other goes on."""
    with start() as elsewhere, Client(elsewhere) as far:
        set_default_credentials("jane", KEY)
        stop_here, stop_there = share_with_workers(client), share_with_workers(far)
        again = share_with_workers(far)
        stop_there()
        stop_here()
        assert (accounts(client), accounts(far)) == ({None}, {"jane"})
        again()
        assert accounts(far) == {None}
