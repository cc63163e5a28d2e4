"""What becomes of 1,000 logins that come at once and meet a rate limit.

    python tests/benchmarks/hub_load.py

So a hub looks to CARTO when a class begins. Each login has a key of its own, by which
the sandbox, another process, counts its requests. The limit is the sandbox's bucket, in
front of the API that a login asks. The peer is one `requests.get` of the same URL.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

import requests
from benchmark import Row, run

from carto_login_widget import CartoLoginError, Credentials, UndecidedError
from carto_login_widget.sandbox import Fault, Sandbox
from carto_login_widget.sandbox.limits import Limiter, RateLimit
from carto_login_widget.sandbox.messages import json_answer

if TYPE_CHECKING:
    from collections.abc import Callable

    from carto_login_widget.sandbox.messages import Answer

LOGINS = 1000
LIMIT = RateLimit(20, burst=100)
TOTAL = 20.0


def serve() -> None:
    """Serve until standard input ends; count requests at each line that comes in."""
    limiter = Limiter()

    def limited(answer: Answer) -> Answer:
        reading = limiter.take("jane", LIMIT, time.time())
        if not reading.limited:
            return answer
        refusal = json_answer(429, {"errors": "Too many requests"})
        return refusal.with_headers(("Retry-After", str(reading.retry_after)))

    with Sandbox() as carto:
        jane = carto.accounts["jane"]
        keys = [jane.add_key(f"key {number}").token for number in range(LOGINS)]
        print(json.dumps([carto.base_url("jane"), jane.master.token, keys]), flush=True)
        with carto.fail(Fault("limited", change=limited), "/api/v3/api_keys"):
            for _ in sys.stdin:
                counted = Counter(record.key for record in carto.requests)
                print(json.dumps([counted[key] for key in keys]), flush=True)
                carto.clear()


def at_once(tasks: list[Callable[[], str]]) -> tuple[Counter[str], float]:
    """Do all at once; how often each came out, and the seconds until the last did."""
    start, found = threading.Barrier(len(tasks) + 1), list[str]()

    def do(task: Callable[[], str]) -> None:
        start.wait()
        found.append(task())

    threads = [threading.Thread(target=do, args=[task]) for task in tasks]
    for thread in threads:
        thread.start()
    start.wait()
    begin = time.perf_counter()
    for thread in threads:
        thread.join()
    return Counter(found), time.perf_counter() - begin


def log_in(base_url: str, key: str) -> str:
    """Return what a login came to, in a word."""
    try:
        Credentials("jane", key, base_url).validate(TOTAL)
    except UndecidedError as error:
        told = error.reason == "rate_limited" and error.retry_after
        return "told when to come back" if told else f"undecided: {error.reason}"
    except CartoLoginError as error:
        return f"{type(error).__name__}: {error.reason}"
    except Exception as error:  # noqa: BLE001 - it is counted
        return f"lost: {type(error).__name__}"
    return "accepted"


def bare(base_url: str, key: str) -> str:
    """Ask as one line of requests would."""
    try:
        answer = requests.get(
            f"{base_url}/api/v3/api_keys?per_page=1", auth=("jane", key), timeout=TOTAL
        )
    except requests.RequestException as error:
        return f"lost: {type(error).__name__}"
    return "accepted" if answer.ok else f"status {answer.status_code}"


def rows(asked: Callable[[], list[int]], base_url: str, keys: list[str]) -> list[Row]:
    """Let the bare requests go first, wait for the bucket to empty, then log in."""
    theirs, _ = at_once([lambda key=key: bare(base_url, key) for key in keys])
    asked()
    time.sleep(LIMIT.limit / LIMIT.count + 1)
    ours, seconds = at_once([lambda key=key: log_in(base_url, key) for key in keys])
    counts = asked()
    print(f"logins: {dict(ours)}; bare: {dict(theirs)}", file=sys.stderr)
    peer, told = "one requests.get each", ours["told when to come back"]
    lost = LOGINS - ours["accepted"] - told
    what = f"{LOGINS:,} logins at once: "
    return [
        Row(f"{what}neither accepted nor told when", [lost], "logins", 0),
        Row(
            "  accepted", [ours["accepted"]], "logins", None, peer, [theirs["accepted"]]
        ),
        Row("  told when to come back", [told], "logins"),
        Row("  requests of each", counts, "requests", 2),
        Row("  requests of the one with most", [max(counts)], "requests", 2),
        Row("  until the last verdict", [seconds], "s", TOTAL),
    ]


def measure() -> list[Row]:
    """Start the sandbox and measure."""
    with subprocess.Popen(
        [sys.executable, __file__, "--serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as program:
        base_url, master, keys = json.loads(program.stdout.readline())
        # The address is known: what is counted is one login, not the first of all.
        Credentials("jane", master, base_url).validate()

        def asked() -> list[int]:
            program.stdin.write("\n")
            program.stdin.flush()
            return json.loads(program.stdout.readline())

        asked()
        found = rows(asked, base_url, keys)
        program.stdin.close()
    return found


if __name__ == "__main__":
    serve() if "--serve" in sys.argv else run(measure)
