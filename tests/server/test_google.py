"""Google tokens of the Data Observatory: one request, never stale, never the key."""

from __future__ import annotations

import copy
import json
import pickle
import signal
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import google.auth.credentials
import google.auth.exceptions
import pytest
import requests
from google.auth.transport.requests import Request

from carto_login_widget.errors import Reason, sealed
from carto_login_widget.identity import Identity
from carto_login_widget.sandbox import Fault
from carto_login_widget.server.google import (
    DataObservatoryError,
    GoogleCredentials,
    bigquery_client,
    is_instant_licensing_active,
    project_and_token,
)
from carto_login_widget.settings import CartoLogin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from carto_login_widget.sandbox import Sandbox

TOKEN_PATH = "/api/v4/do/token"
THREADS = 1000
PAST = datetime(2020, 1, 1)  # noqa: DTZ001 - google-auth's times have no zone


@pytest.fixture
def jane(carto: Sandbox) -> Identity:
    """Jane's account with her master key."""
    return account(carto, "jane")


def account(carto: Sandbox, user: str, key: str = "Master") -> Identity:
    token = carto.accounts[user].keys[key].token
    return Identity.of(user, token, carto.base_url(user))


def token_requests(carto: Sandbox) -> int:
    return sum(record.path.endswith(TOKEN_PATH) for record in carto.requests)


def bearer(credentials: google.auth.credentials.Credentials) -> str:
    headers: dict[str, str] = {}
    credentials.before_request(Request(), "GET", "https://bigquery.test", headers)
    return headers["authorization"].removeprefix("Bearer ")


def in_threads(task: Callable[[], Any], count: int = THREADS) -> list[Any]:
    """Run `task` in many threads that start it together; return what came out."""
    start = threading.Barrier(count)
    results: list[Any] = []

    def run() -> None:
        start.wait()
        try:
            results.append(task())
        except DataObservatoryError as error:
            results.append(error)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def everything_in(error: BaseException) -> Iterator[str]:
    """What a crash report could show of an exception."""
    waiting: list[BaseException | None] = [error]
    while waiting:
        found = waiting.pop()
        if found is None:
            continue
        yield from map(repr, (found, found.args, vars(found)))
        yield str(found)
        waiting += [found.__cause__, found.__context__]
        frame = found.__traceback__
        while frame is not None:
            # The test itself knows the key; what it calls must not show it.
            if frame.tb_frame.f_code.co_filename != __file__:
                yield repr(frame.tb_frame.f_locals)
            frame = frame.tb_next


def test_project_and_token_are_those_of_carto(carto: Sandbox, jane: Identity) -> None:
    """The plain pair is what CARTO gives, and the key travels as CARTO wants it."""
    project, token = project_and_token(jane)
    assert project == "carto-sandbox"
    assert token == carto.google_tokens[-1].access_token
    asked = carto.requests[-1]
    assert asked.path == f"/user/jane{TOKEN_PATH}"
    assert asked.key_in == "query"


def test_an_unknown_address_is_asked_without_the_key_first(
    carto: Sandbox, jane: Identity
) -> None:
    """The key is sent only after the address has answered as CARTO."""
    project_and_token(jane)
    first, *_ = carto.requests
    assert first.key_in is None


def test_a_plain_token_is_always_new(carto: Sandbox, jane: Identity) -> None:
    """A token that nobody can renew is given with its whole life before it."""
    one, two = (project_and_token(jane)[1] for _ in range(2))
    assert one != two


def test_a_key_with_the_permission_is_enough(carto: Sandbox) -> None:
    """The master key is not needed for the Data Observatory."""
    assert project_and_token(account(carto, "jane", "observatory"))


@pytest.mark.parametrize("active", [True, False])
def test_instant_licensing_is_asked_each_time(
    carto: Sandbox, jane: Identity, *, active: bool
) -> None:
    """A licence that was switched on or off since is seen."""
    carto.accounts["jane"].instant_licensing = not active
    assert is_instant_licensing_active(jane) is not active
    carto.accounts["jane"].instant_licensing = active
    assert is_instant_licensing_active(jane) is active


@pytest.mark.parametrize(
    ("user", "key", "reason"),
    [
        ("noah", "Master", Reason.NOT_ENABLED),
        ("jane", "reporting", Reason.FORBIDDEN),
        ("jane", "Default public", Reason.FORBIDDEN),
        ("lena", "Master", Reason.LOCKED),
        ("mara", "Master", Reason.MAINTENANCE),
        ("ulla", "Master", Reason.UNVERIFIED),
        ("nico", "Master", Reason.NOT_ACTIVATED),
    ],
)
def test_a_refusal_says_why(
    carto: Sandbox, user: str, key: str, reason: Reason
) -> None:
    """Each state of an account has its own reason and sentence."""
    with pytest.raises(DataObservatoryError, match=user) as caught:
        project_and_token(account(carto, user, key))
    assert caught.value.reason is reason
    assert carto.url.partition("://")[2] in str(caught.value)
    assert caught.value.retryable is (reason is Reason.MAINTENANCE)


def test_a_wrong_key_is_told(carto: Sandbox) -> None:
    """A key that CARTO does not know gets no token."""
    wrong = Identity.of("jane", "wrong" * 8, carto.base_url("jane"))
    with pytest.raises(DataObservatoryError, match="Copy the key again") as caught:
        project_and_token(wrong)
    assert caught.value.reason is Reason.WRONG_KEY


def test_old_servers_refuse_with_a_200(carto: Sandbox) -> None:
    """A 200 without a token is not a token."""
    carto.install.old_do = True
    with pytest.raises(DataObservatoryError, match="not enabled") as caught:
        project_and_token(account(carto, "noah"))
    assert caught.value.reason is Reason.NOT_ENABLED


@pytest.mark.parametrize(
    ("fault", "reason", "retryable"),
    [
        (Fault.json(500, {"errors": ["Central is down"]}), "server_error", True),
        (Fault.json(200, {"errors": ["Central is down"]}), "server_error", True),
        (Fault.json(200, {"access_token": ""}), "not_carto", False),
        (Fault.status(500), "server_error", True),
        (Fault.rate_limited(77), "rate_limited", True),
        (Fault.html(200), "not_carto", False),
        (Fault.html(404), "wrong_address", False),
        (Fault.html(403), "blocked", False),
        (Fault.proxy_login(), "proxy", False),
        (Fault.redirect("https://login.example.com/"), "moved", False),
        (Fault.reset(), "unreachable", True),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_trouble_on_the_way_is_told_apart(
    carto: Sandbox, jane: Identity, fault: Fault, reason: str, *, retryable: bool
) -> None:
    """Whoever catches it knows whether trying again can help."""
    carto.fail(fault, TOKEN_PATH)
    with pytest.raises(DataObservatoryError) as caught:
        project_and_token(jane)
    assert caught.value.reason == reason
    assert caught.value.retryable is retryable
    assert caught.value.retry_after == (77 if reason == "rate_limited" else None)


def test_the_error_is_one_of_google_auth_too(carto: Sandbox) -> None:
    """A program that catches RefreshError needs no change, and pickles it as well."""
    with pytest.raises(google.auth.exceptions.RefreshError) as caught:
        GoogleCredentials(account(carto, "noah")).refresh(Request())
    again = pickle.loads(pickle.dumps(caught.value))  # noqa: S301 - our own
    assert (str(again), again.reason) == (str(caught.value), Reason.NOT_ENABLED)
    assert again.retryable is False


@pytest.mark.parametrize("kind", ["refused", "reset", "repeated"])
def test_no_error_holds_the_key(carto: Sandbox, jane: Identity, kind: str) -> None:
    """Neither message, cause, context nor local variables show the key."""
    key = jane.key.reveal()
    if kind == "reset":
        carto.fail(Fault.reset(), TOKEN_PATH)
    if kind == "repeated":
        carto.fail(Fault.json(500, {"errors": [f"no {key} here"]}), TOKEN_PATH)
    carto.accounts["jane"].do_enabled = False
    with pytest.raises(DataObservatoryError) as caught:
        GoogleCredentials(jane).refresh(Request())
    shown = "\n".join(everything_in(caught.value))
    assert "GoogleCredentials.refresh" in shown
    assert key not in shown


def test_an_interrupt_does_not_hold_the_key(carto: Sandbox, jane: Identity) -> None:
    """Ctrl-C while CARTO hangs ends the wait and shows nothing."""
    project_and_token(jane)
    carto.fail(Fault.hang(), TOKEN_PATH)
    carto.clear()

    def press() -> None:
        carto.wait_for(1)
        signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    with pytest.raises(KeyboardInterrupt) as caught:
        GoogleCredentials(jane).refresh(Request())
    thread.join()
    assert jane.key.reveal() not in "".join(everything_in(caught.value))
    carto.heal()
    assert project_and_token(jane)


def test_nothing_is_asked_before_the_first_use(carto: Sandbox, jane: Identity) -> None:
    """Making Google credentials is free, and so is looking at them."""
    google = GoogleCredentials(jane)
    assert (google.token, google.expiry, google.valid) == (None, None, False)
    assert carto.count == 0


def test_a_warm_token_asks_nobody(carto: Sandbox, jane: Identity) -> None:
    """The token is asked for at the first use, and used from then on."""
    google = GoogleCredentials(jane)
    assert bearer(google) == bearer(google) == google.token
    assert carto.google_tokens.is_fresh(google.token)
    assert token_requests(carto) == 1


def test_two_accounts_do_not_share(carto: Sandbox, jane: Identity) -> None:
    """Each account has its own token."""
    tokens = {bearer(GoogleCredentials(jane))}
    tokens.add(bearer(GoogleCredentials(account(carto, "bob"))))
    assert len(tokens) == 2


def test_a_token_is_stale_after_50_minutes(jane: Identity) -> None:
    """google-auth sees it as expired 50 minutes after it was got, not before."""
    google = GoogleCredentials(jane)
    google.refresh(Request())
    now = datetime.now(UTC).replace(tzinfo=None)
    left = google.expiry - now
    google.expiry = google.expiry - timedelta(minutes=49)
    assert google.valid
    google.expiry = google.expiry - timedelta(minutes=1, seconds=1)
    assert google.expired
    assert left < timedelta(minutes=55)


def test_a_stale_token_is_renewed(carto: Sandbox, jane: Identity) -> None:
    """The next use of a stale token uses a new one."""
    google = GoogleCredentials(jane)
    old = bearer(google)
    google.expiry = PAST
    assert bearer(google) != old
    assert token_requests(carto) == 2


def test_a_thousand_threads_at_the_expiry_ask_once(
    carto: Sandbox, jane: Identity
) -> None:
    """All of them use the one new token."""
    google = GoogleCredentials(jane)
    old = bearer(google)
    google.expiry = PAST
    carto.clear()
    used = in_threads(lambda: bearer(google))
    assert len(used) == THREADS
    assert set(used) == {google.token} != {old}
    assert token_requests(carto) == 1


def test_a_thousand_threads_that_were_refused_ask_once(
    carto: Sandbox, jane: Identity
) -> None:
    """Threads whose request got a 401 renew the token that they had used, once."""
    google = GoogleCredentials(jane)
    bearer(google)
    carto.clear()
    all_refused = threading.Barrier(THREADS)

    def use_and_be_refused() -> str:
        old = bearer(google)
        all_refused.wait()
        google.refresh(Request())
        assert google.token != old
        return str(google.token)

    assert len(set(in_threads(use_and_be_refused))) == 1
    assert token_requests(carto) == 1


def test_a_server_that_fails_is_asked_once_by_all(
    carto: Sandbox, jane: Identity
) -> None:
    """Nobody waits for the failures of the others; each has an error of its own."""
    google = GoogleCredentials(jane)
    bearer(google)
    google.expiry = PAST
    carto.clear()
    failing = Fault.json(500, {"errors": ["Central is down"]}).after(1.0)
    carto.fail(failing, TOKEN_PATH)
    errors = in_threads(lambda: bearer(google), count=100)
    assert {error.reason for error in errors} == {Reason.SERVER_ERROR}
    assert len({id(error) for error in errors}) == 100
    assert token_requests(carto) < 10


def test_a_failure_does_not_stay(carto: Sandbox, jane: Identity) -> None:
    """After a failure the next use asks again, and works."""
    google = GoogleCredentials(jane)
    carto.fail(Fault.status(500), TOKEN_PATH, times=1)
    with pytest.raises(DataObservatoryError):
        bearer(google)
    assert carto.google_tokens.is_fresh(bearer(google))


def test_who_refreshes_by_hand_gets_another_token(
    carto: Sandbox, jane: Identity
) -> None:
    """Refreshing twice in one thread asks twice: the first was seen already."""
    google = GoogleCredentials(jane)
    google.refresh(Request())
    google.refresh(Request())
    assert token_requests(carto) == 2


def test_the_same_token_again_is_soon_asked_for_again(
    carto: Sandbox, jane: Identity
) -> None:
    """CARTO may repeat a token; then it is not good for 50 more minutes."""
    same = {"access_token": "ya29.same", "bq_project": "carto-sandbox"}
    carto.fail(Fault.json(200, same), TOKEN_PATH)
    google = GoogleCredentials(jane)
    google.refresh(Request())
    first = google.expiry
    google.refresh(Request())
    assert google.valid
    assert google.expiry < first - timedelta(minutes=40)


def test_a_background_refresh_works(carto: Sandbox, jane: Identity) -> None:
    """google-auth's refresh in a thread gets a new token while the old is used."""
    google = GoogleCredentials(jane)
    old = bearer(google)
    google.with_non_blocking_refresh()
    # Between google-auth's two limits the token is stale, and still usable.
    google.expiry = datetime.now(UTC).replace(tzinfo=None) + timedelta(minutes=1)
    assert bearer(google) == old
    end = time.monotonic() + 10
    while google.token == old:
        assert time.monotonic() < end, "there is no new token"
        time.sleep(0.01)
    assert len(carto.google_tokens) == 2


def test_a_quota_project_is_billed_with_the_same_token(
    carto: Sandbox, jane: Identity
) -> None:
    """The copy for another project has the token of the original."""
    google = GoogleCredentials(jane)
    google.refresh(Request())
    billed = google.with_quota_project("my-project")
    headers: dict[str, str] = {}
    billed.before_request(Request(), "GET", "https://bigquery.test", headers)
    assert headers["x-goog-user-project"] == "my-project"
    assert google.quota_project_id is None
    assert google.token == billed.token
    assert token_requests(carto) == 1


def test_a_pickle_can_renew_itself(carto: Sandbox, jane: Identity) -> None:
    """In another process they work at once, and get a new token when they need one."""
    google = GoogleCredentials(jane).with_quota_project("my-project")
    google.refresh(Request())
    code = (
        "import json, pickle, sys\n"
        "google = pickle.load(sys.stdin.buffer)\n"
        "seen = [google.token, google.quota_project_id]\n"
        "google.refresh(None)\n"
        "print(json.dumps([*seen, google.token]))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code],
        input=pickle.dumps(google),
        capture_output=True,
        check=True,
    )
    issued = [token.access_token for token in carto.google_tokens]
    assert json.loads(found.stdout) == [issued[0], "my-project", issued[1]]


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy])
def test_a_copy_has_the_token(
    carto: Sandbox, jane: Identity, copied: Callable[[Any], Any]
) -> None:
    """Libraries that copy their credentials cause no request by that."""
    google = GoogleCredentials(jane)
    google.refresh(Request())
    assert bearer(copied(google)) == google.token
    assert token_requests(carto) == 1


def test_an_answer_without_a_project_is_enough_for_a_token(
    carto: Sandbox, jane: Identity
) -> None:
    """Only what needs the project fails, and says how to give one."""
    carto.fail(Fault.json(200, {"access_token": "ya29.alone"}), TOKEN_PATH)
    assert bearer(GoogleCredentials(jane)) == "ya29.alone"
    for ask in (project_and_token, bigquery_client):
        with pytest.raises(DataObservatoryError, match="project"):
            ask(jane)


def test_a_token_can_be_set_by_hand(carto: Sandbox, jane: Identity) -> None:
    """As with all credentials of google-auth; without an expiry it is kept."""
    google = GoogleCredentials(jane)
    google.token, google.expiry = "ya29.by-hand", None
    assert bearer(google) == "ya29.by-hand"
    assert google.valid
    assert carto.count == 0


def test_google_credentials_do_not_show_the_key(jane: Identity) -> None:
    """Looking into them shows no key."""
    google = GoogleCredentials(jane)
    google.refresh(Request())
    assert jane.key.reveal() not in f"{google!r} {vars(google)}"


def test_a_hanging_server_is_given_up(
    carto: Sandbox, jane: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The configured limit holds for tokens too."""
    monkeypatch.setattr(CartoLogin.instance(), "total_timeout", 0.3)
    carto.fail(Fault.hang(), TOKEN_PATH)
    with pytest.raises(DataObservatoryError) as caught:
        project_and_token(jane)
    assert caught.value.reason is Reason.TIMEOUT


def test_without_bigquery_the_way_to_get_it_is_told(
    jane: Identity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the extra is missing, its name is in the message."""
    monkeypatch.setitem(sys.modules, "google.cloud.bigquery", None)
    with pytest.raises(ImportError, match=r"carto_login_widget\[bigquery\]") as caught:
        sealed(bigquery_client)(jane)
    assert caught.value.__context__ is None


def test_an_address_that_names_no_user_is_a_refresh_error() -> None:
    """google-auth hears of it as of everything else that keeps a token away."""
    nobody = Identity.of(None, "0123456789abcdef", "https://127.0.0.1:1")
    with pytest.raises(DataObservatoryError, match="whose account") as caught:
        GoogleCredentials(nobody).refresh(Request())
    assert caught.value.reason is Reason.WRONG_ADDRESS
    assert not caught.value.retryable


# While the request is made, and before there is one.
@pytest.mark.parametrize("fails", ["get_adapter", "__bool__"])
def test_what_nobody_expected_is_a_refresh_error(jane: Identity, fails: str) -> None:
    """It says by its class what it was, and has no reason."""

    def broken(*args: Any, **more: Any) -> None:
        raise LookupError(jane.key.reveal())

    session_class = type("Broken", (requests.Session,), {fails: broken})
    jane = jane._replace(session=session_class())
    with pytest.raises(DataObservatoryError, match="LookupError") as caught:
        GoogleCredentials(jane).refresh(Request())
    assert caught.value.reason is None
    assert not caught.value.retryable
    assert jane.key.reveal() not in "".join(everything_in(caught.value))


def test_a_token_that_was_thrown_away_is_asked_for(jane: Identity) -> None:
    """Whoever sets it to None has a new one after a refresh."""
    credentials = GoogleCredentials(jane)
    credentials.refresh(Request())
    first = credentials.token
    credentials.token = None
    credentials.refresh(Request())
    assert credentials.token
    assert credentials.token != first


def test_a_client_of_bigquery_needs_one_token(carto: Sandbox, jane: Identity) -> None:
    """The one that came with the project is the one that is used."""
    pytest.importorskip("google.cloud.bigquery")
    with bigquery_client(jane) as client:
        assert client.project == "carto-sandbox"
        assert bearer(client._credentials) == carto.google_tokens[-1].access_token
    assert token_requests(carto) == 1
