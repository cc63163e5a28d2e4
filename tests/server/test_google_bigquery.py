"""A real BigQuery client, an emulator, and a gate that knows CARTO's tokens."""

from __future__ import annotations

import http.client
import threading
import time
from contextlib import closing, contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest
from google.auth._helpers import REFRESH_THRESHOLD, utcnow
from google.auth.transport.requests import AuthorizedSession

from carto_login_widget.identity import Identity
from carto_login_widget.sandbox import Fault, Sandbox
from carto_login_widget.server.google import (
    DataObservatoryError,
    GoogleCredentials,
    bigquery_client,
    project_and_token,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.cloud.bigquery import Client

THREADS = 40
TOKEN = "/api/v4/do/token"
REFUSED = b'{"error":{"code":401,"status":"UNAUTHENTICATED","message":"Bad token."}}'


class Gate(ThreadingHTTPServer):
    """Google's door: lets in who has a fresh token of the sandbox."""

    request_queue_size = 128
    daemon_threads = True

    def __init__(self, carto: Sandbox, emulator: int) -> None:
        super().__init__(("127.0.0.1", 0), _Visitor)
        self.carto = carto
        self.emulator = emulator
        self.refused = 0
        self.passed: list[str] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def lets_in(self, authorization: str) -> bool:
        token = authorization.removeprefix("Bearer ")
        fresh = self.carto.google_tokens.is_fresh(token)
        with self.lock:
            if fresh:
                self.passed.append(token)
            else:
                self.refused += 1
        return fresh


class _Visitor(BaseHTTPRequestHandler):
    server: Gate
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.server.lets_in(self.headers.get("Authorization", "")):
            self._answer(*self._forward(body))
        else:
            self._answer(401, "application/json", REFUSED)

    do_GET = do_POST = do_DELETE = do_PUT = do_PATCH = _serve  # noqa: N815 - http.server

    def _forward(self, body: bytes) -> tuple[int, str, bytes]:
        names = ("Content-Type", "Accept")
        headers = {name: self.headers[name] for name in names if name in self.headers}
        emulator = http.client.HTTPConnection("127.0.0.1", self.server.emulator)
        with closing(emulator):
            emulator.request(self.command, self.path, body, headers)
            answer = emulator.getresponse()
            kind = answer.headers.get("Content-Type", "application/json")
            return answer.status, kind, answer.read()

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


@contextmanager
def serving(gate: Gate) -> Iterator[Gate]:
    thread = threading.Thread(target=gate.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield gate
    finally:
        gate.shutdown()
        thread.join()
        gate.server_close()


class Clock:
    """The sandbox's clock, which can be put forward."""

    ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def carto(clock: Clock) -> Iterator[Sandbox]:
    """A CARTO whose Google tokens live for an hour of that clock."""
    with Sandbox(clock=clock) as sandbox:
        yield sandbox


@pytest.fixture
def gate(carto: Sandbox, bigquery_emulator: int) -> Iterator[Gate]:
    """The emulator behind its door."""
    with serving(Gate(carto, bigquery_emulator)) as running:
        yield running


@pytest.fixture
def jane(carto: Sandbox) -> Identity:
    """Jane's account with her master key."""
    key = carto.accounts["jane"].master.token
    return Identity.of("jane", key, carto.base_url("jane"))


@pytest.fixture
def client(jane: Identity, gate: Gate) -> Iterator[Client]:
    """Jane's BigQuery client, whose Google is the emulator."""
    with bigquery_client(jane, client_options={"api_endpoint": gate.url}) as client:
        yield client


def answer_of(client: Client) -> int:
    rows = client.query("SELECT 6 * 7 AS answer").result()
    return next(iter(rows)).answer


def make_stale(google: Any, ago: timedelta = timedelta()) -> None:
    """As it is when it became stale so long ago."""
    google.expiry = utcnow() + REFRESH_THRESHOLD - ago


def token_requests(carto: Sandbox) -> int:
    return sum(record.path.endswith(TOKEN) for record in carto.requests)


def test_a_query_runs(client: Client, gate: Gate, carto: Sandbox) -> None:
    """Signed in to CARTO is signed in to BigQuery, with one token."""
    assert client.project == "carto-sandbox"
    assert answer_of(client) == 42
    assert len(carto.google_tokens) == 1
    assert (len(set(gate.passed)), gate.refused) == (1, 0)


def test_a_query_after_the_token_expired_runs(
    client: Client, gate: Gate, carto: Sandbox, clock: Clock
) -> None:
    """Google's refusal of an expired token is answered with a new one, by itself."""
    assert answer_of(client) == 42
    clock.ahead = carto.install.google_token_life + 1
    assert answer_of(client) == 42
    assert len(carto.google_tokens) == 2
    assert gate.refused == 1


def test_a_stale_token_is_renewed_before_google_refuses_it(
    client: Client, gate: Gate, carto: Sandbox
) -> None:
    """After 50 minutes nobody waits for a refusal."""
    assert answer_of(client) == 42
    google = client._credentials
    google.expiry = google.expiry.replace(year=2020)
    assert answer_of(client) == 42
    assert len(carto.google_tokens) == 2
    assert gate.refused == 0


@pytest.mark.parametrize(
    "fault",
    [
        *map(Fault.status, (429, 500, 502, 503)),
        *(Fault.reset(), Fault.truncated(), Fault.html(), Fault.html(403)),
    ],
    ids=lambda fault: fault.name,
)
def test_one_bad_minute_ends_no_query(
    client: Client, gate: Gate, carto: Sandbox, fault: Fault
) -> None:
    """Google takes the stale token for some minutes more; then CARTO is asked again."""
    assert answer_of(client) == 42
    google = client._credentials
    make_stale(google)
    with carto.fail(fault, TOKEN):
        assert answer_of(client) == 42
        asked = token_requests(carto)
        assert answer_of(client) == 42
        assert token_requests(carto) == asked
    assert google.expiry - REFRESH_THRESHOLD < utcnow() + timedelta(minutes=1)
    make_stale(google)
    assert answer_of(client) == 42
    assert len(set(gate.passed)) == 2
    assert gate.refused == 0


def test_a_token_without_time_left_is_not_kept(client: Client, carto: Sandbox) -> None:
    """An hour after it was got, the failure is told."""
    assert answer_of(client) == 42
    make_stale(client._credentials, ago=timedelta(minutes=10))
    carto.fail(Fault.status(502), TOKEN)
    with pytest.raises(DataObservatoryError, match="502"):
        answer_of(client)


def test_a_token_that_google_refuses_is_not_kept(
    client: Client, gate: Gate, carto: Sandbox
) -> None:
    """However much time it had left."""
    assert answer_of(client) == 42
    make_stale(client._credentials)
    carto.google_tokens.revoke()
    carto.fail(Fault.status(502), TOKEN)
    with pytest.raises(DataObservatoryError, match="502"):
        answer_of(client)
    assert gate.refused == 1


def test_a_verdict_of_carto_ends_the_token(client: Client, carto: Sandbox) -> None:
    """Who may not use it any more does not, whatever Google would say."""
    assert answer_of(client) == 42
    make_stale(client._credentials)
    carto.accounts["jane"].do_enabled = False
    with pytest.raises(DataObservatoryError, match="not enabled"):
        answer_of(client)


def test_many_threads_at_the_expiry_ask_carto_once(
    client: Client, gate: Gate, carto: Sandbox
) -> None:
    """Requests that are refused at the same time cause one new token."""
    assert answer_of(client) == 42
    start = threading.Barrier(THREADS)
    answers = []

    def work() -> None:
        start.wait()
        answers.append(list(client.list_datasets()))

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    carto.google_tokens.revoke()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [[]] * THREADS
    assert len(carto.google_tokens) == 2
    assert gate.refused >= 1


def test_an_authorized_session_does_the_same(
    jane: Identity, gate: Gate, carto: Sandbox
) -> None:
    """So does any other client that is built on google-auth."""
    url = f"{gate.url}/bigquery/v2/projects/carto-sandbox/datasets"
    with AuthorizedSession(GoogleCredentials(jane)) as session:
        assert session.get(url, timeout=10).status_code == 200
        carto.google_tokens.revoke()
        assert session.get(url, timeout=10).status_code == 200
    assert len(carto.google_tokens) == 2


def test_a_refusal_of_carto_reaches_the_query(client: Client, carto: Sandbox) -> None:
    """When CARTO gives no token any more, the query says why."""
    assert answer_of(client) == 42
    carto.google_tokens.revoke()
    carto.accounts["jane"].state = "locked"
    with pytest.raises(DataObservatoryError, match="locked"):
        answer_of(client)


def test_own_project_and_credentials_win(jane: Identity, carto: Sandbox) -> None:
    """What is given to the client is not asked of CARTO."""
    google = GoogleCredentials(jane).with_quota_project("mine")
    with bigquery_client(jane, project="mine", credentials=google) as client:
        assert (client.project, client._credentials) == ("mine", google)
    assert carto.count == 0


def test_the_token_of_the_cartoframes_guide_works(jane: Identity, gate: Gate) -> None:
    """`google.oauth2.credentials.Credentials(token)` lets BigQuery in."""
    from google.cloud import bigquery
    from google.oauth2.credentials import Credentials as StockCredentials

    project, token = project_and_token(jane)
    with bigquery.Client(
        project,
        StockCredentials(token),
        client_options={"api_endpoint": gate.url},
    ) as client:
        assert answer_of(client) == 42
