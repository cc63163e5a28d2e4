"""How many requests and microseconds a Google token costs, beside google-auth's class.

    python tests/benchmarks/google_token.py

Both ask the same sandbox in the same run. google-auth's stock class for tokens from a
callable is `google.oauth2.credentials.Credentials` with a `refresh_handler`.
"""

from __future__ import annotations

import pickle
import threading
import time
import timeit
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import requests
from benchmark import Row, run
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import Request
from google.oauth2.credentials import Credentials as StockCredentials

from carto_login_widget import Credentials
from carto_login_widget.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from google.auth.credentials import Credentials as GoogleCredentials

THREADS = 1000
READS = 200_000
PAST = datetime(2020, 1, 1)  # noqa: DTZ001 - google-auth's times have no zone


def stock(account: Credentials) -> GoogleCredentials:
    """Make google-auth's own credentials for the account."""

    def handler(*_: Any, **__: Any) -> tuple[str, datetime]:
        now = datetime.now(UTC).replace(tzinfo=None)
        answer = requests.get(
            f"{account.base_url}/api/v4/do/token",
            {"api_key": account.api_key},
            timeout=60,
        )
        return answer.json()["access_token"], now + timedelta(minutes=50)

    return StockCredentials(None, refresh_handler=handler)


def in_threads(task: Callable[[], object]) -> float:
    """Run a task in all threads at once; return the seconds it took."""
    start = threading.Barrier(THREADS + 1)

    def run() -> None:
        start.wait()
        task()

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    start.wait()
    begin = time.perf_counter()
    for thread in threads:
        thread.join()
    return time.perf_counter() - begin


def cost(carto: Sandbox, google: GoogleCredentials) -> dict[str, float]:
    """Return what one kind of credentials costs."""
    google.refresh(Request())
    google.expiry = PAST
    carto.clear()
    seconds = in_threads(
        lambda: google.before_request(Request(), "GET", "https://bigquery.test", {})
    )
    expired = carto.count
    carto.clear()
    refused = threading.Barrier(THREADS)

    def use_and_be_refused() -> None:
        google.apply({})
        refused.wait()
        google.refresh(Request())

    in_threads(use_and_be_refused)
    read = timeit.timeit("google.token", number=READS, globals={"google": google})
    return {
        "expired": expired,
        "refused": carto.count,
        "seconds": seconds,
        "read": read / READS * 1e6,
        "pickled": renews(pickle.loads(pickle.dumps(google))),  # noqa: S301 - our own
    }


def renews(google: GoogleCredentials) -> bool:
    """Say whether credentials that were pickled can get a token."""
    try:
        google.refresh(Request())
    except RefreshError:
        return False
    return True


def measure() -> list[Row]:
    """Measure both."""
    with Sandbox() as carto:
        key = carto.accounts["jane"].master.token
        account = Credentials("jane", key, carto.base_url("jane"))
        account.get_gcloud_credentials()
        ours = cost(carto, account.google_credentials())
        theirs = cost(carto, stock(account))
    promises = (
        ("expired", f"{THREADS:,} threads find the token expired", "requests", 1),
        ("refused", f"{THREADS:,} threads are refused by Google", "requests", 1),
        ("seconds", "  until all of the first have a new one", "s", None),
        ("read", "read of a warm .token", "µs", 5),
        ("pickled", "pickles that can renew themselves", "of 1", None),
    )
    peer = "google.oauth2's"
    return [
        Row(what, [ours[name]], unit, limit, peer, [theirs[name]])
        for name, what, unit, limit in promises
    ]


if __name__ == "__main__":
    run(measure)
