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


def measure(carto: Sandbox, google: GoogleCredentials) -> dict[str, str]:
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
        f"requests of {THREADS} threads that find it expired": str(expired),
        "seconds until all of them have a new one": f"{seconds:.2f}",
        f"requests of {THREADS} threads that Google refused": str(carto.count),
        "microseconds to read a warm .token": f"{read / READS * 1e6:.2f}",
        "a pickle can renew itself": renews(pickle.loads(pickle.dumps(google))),  # noqa: S301 - our own
    }


def renews(google: GoogleCredentials) -> str:
    """Say whether credentials that were pickled can get a token."""
    try:
        google.refresh(Request())
    except RefreshError:
        return "no"
    return "yes"


def main() -> None:
    """Measure both and print them side by side."""
    with Sandbox() as carto:
        key = carto.accounts["jane"].master.token
        account = Credentials("jane", key, carto.base_url("jane"))
        account.get_gcloud_credentials()
        ours = measure(carto, account.google_credentials())
        theirs = measure(carto, stock(account))
    print(f"{'':<52}{'this package':>14}{'google-auth':>14}")
    for name, value in ours.items():
        print(f"{name:<52}{value:>14}{theirs[name]:>14}")


if __name__ == "__main__":
    main()
