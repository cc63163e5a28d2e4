"""Every worker of a Dask cluster has the account of the session."""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from typing import TYPE_CHECKING, Any

import cloudpickle
import pytest
from distributed import Client, LocalCluster
from distributed.security import Security

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
