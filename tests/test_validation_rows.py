"""Every row of the decision table over real HTTP and HTTPS."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from carto_login_widget import client, validation
from carto_login_widget.account import Account
from carto_login_widget.credentials import Credentials
from carto_login_widget.errors import (
    CartoLoginError,
    NotCartoError,
    Reason,
    RejectedError,
    UndecidedError,
)
from carto_login_widget.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable

WRONG = "0123456789abcdef0123456789abcdef01234567"
KEYS, ME3, ME4, SQL = "/api/v3/api_keys", "/api/v3/me", "/api/v4/me", "/api/v2/sql"
# What was asked, in short; a star means that the key was sent along.
SHORT = {
    ("GET", KEYS): "list",
    ("GET", f"{KEYS}/Master"): "master",
    ("GET", ME4): "F1",
    ("GET", SQL): "F2",
    ("GET", ME3): "F3",
    ("POST", SQL): "F4",
}


@dataclass
class Case:
    """One row: who asks where, what goes wrong, and what has to come of it.

    Attributes:
        row: number of the row, and what makes it apply.
        asked: the requests, in the short form.
        expected: class, and its reason or the type of the key.
        says: the whole message, with `{host}` and `{base}`.
        suggestion: the better address.
        user, key: whose account, and the name of the key (None: a wrong one).
        cloud: at `https://<user>.carto.com`, else at the loopback address.
        faults: what the routes answer instead.
        switches: of the sandbox.
        prepare: what else is done to the sandbox.
    """

    row: str
    asked: str
    expected: tuple[type, str]
    says: str = ""
    suggestion: str | None = None
    user: str = "jane"
    key: str | None = "Master"
    cloud: bool = True
    faults: dict[str, Fault] = field(default_factory=dict)
    switches: dict[str, Any] = field(default_factory=dict)
    prepare: Callable[[Sandbox], object] = lambda _: None

    def __str__(self) -> str:
        return self.row


def _fault(row, fault, asked, expected, says, suggestion=None, **more):  # noqa: PLR0913 - a row
    faults = {KEYS: fault, **more.pop("faults", {})}
    return Case(row, asked, expected, says, suggestion, faults=faults, **more)


def _listing(key, *, total=1, user="jane", **more):
    listed = {"token": key, "user": {"username": user}, "type": "regular", **more}
    return Fault.json(200, {"total": total, "count": 1, "result": [listed]})


def _touch_the_master_key(carto):
    """Make it the newest, so that a server that sorts by date lists it last."""
    account = carto.accounts["jane"]
    account.master.updated_at = max(k.updated_at for k in account.keys.values())


MASTER, REGULAR = (Account, "master"), (Account, "regular")
WRONG_KEY = (RejectedError, Reason.WRONG_KEY)
NOT_CARTO = (NotCartoError, Reason.NOT_CARTO)
MOVED = (NotCartoError, Reason.MOVED)
SERVER_ERROR = (UndecidedError, Reason.SERVER_ERROR)
PROXY = (UndecidedError, Reason.PROXY)
LOCKED = (RejectedError, Reason.LOCKED)

KNOWS_USER = (
    "CARTO at {host} knows '{user}', but not this API key. Copy it again from "
    "{base}/your_apps"
)
ONE_OF_BOTH = (
    "CARTO at {host} does not accept this: the user name '{user}' or the API key is "
    "not right. Copy the key again from {base}/your_apps"
)
OTHER_KEY = (
    "CARTO at {host} answered, but not for this key. Check it for characters too many, "
    "or copy it again from {base}/your_apps"
)
IS_LOCKED = (
    "The CARTO account '{user}' at {host} is locked. Contact CARTO, or the "
    "administrator of your organisation."
)
IN_MAINTENANCE = (
    "The CARTO account '{user}' at {host} is in maintenance. Try again later."
)
NOT_CONFIRMED = (
    "The e-mail address of '{user}' is not confirmed. Follow the link in the e-mail "
    "that CARTO sent, then log in again at {host}."
)
CLOSED = (
    "The CARTO account '{user}' at {host} is not available: it is locked or in "
    "maintenance, and the key was not accepted either. Contact CARTO, or the "
    "administrator of your organisation."
)
NO_SENSE = (
    "CARTO at {host} gave an answer that makes no sense (HTTP 200). Your key was not "
    "checked. Try again in a moment."
)
WEB_PAGE = (
    "{host} answered with a web page or other data, not as the CARTO API. Check the "
    "base URL, or sign in to your network first."
)
NO_API = "There is no CARTO API at {base} (HTTP 404). Check the base URL."
BLOCKED = (
    "Access to {host} is blocked (HTTP 403), probably by a firewall. Your key was not "
    "checked. Try from another network, or ask your network's administrator."
)
OWN_PAGE = (
    "{host} sent the request on to a page of its own, as a log-in page does. Check the "
    "base URL, or sign in to your network first."
)
SENT_ON = (
    "{host} sent the request on to x.example, and the key was not sent there. Check "
    "the base URL, or sign in to your network first."
)
PASSWORD = (
    "A server in front of CARTO at {host} asks for a user name and a password of its "
    "own. Sign in to your network first, or ask who runs that server."
)
BUSY = (
    "CARTO at {host} is busy (HTTP 429). Your key was not checked. Try again in 30 s."
)
TROUBLE = (
    "CARTO at {host} has a problem (HTTP 502). Your key was not checked. Try again in "
    "a moment."
)
WRONG_FORM = (
    "There is a CARTO at {host}, but the base URL {base} does not fit the user "
    "'{user}', or the server is older than 2018. "
)

CASES = [
    Case("1 master", "list*", MASTER),
    Case("1 regular", "list*", REGULAR, key="reporting"),
    Case("1 public", "list*", (Account, "default_public"), key="Default public"),
    Case("1 custom address", "F3 list*", MASTER, cloud=False),
    Case("1 member of an organisation", "F3 list*", MASTER, user="bob", cloud=False),
    Case("2 OAuth token", "list* F1*", (Account, "oauth"), key="oauth token"),
    _fault(
        "2 OAuth token that F1 does not know",
        Fault.json(200, {"total": 0, "count": 0, "result": []}),
        "list* F1*",
        WRONG_KEY,
        "CARTO at {host} does not accept this key any more: it may be a temporary "
        "token that has expired. Copy a key from {base}/your_apps",
        key=None,
    ),
    _fault(
        "2 F1 is broken",
        Fault.json(200, {"total": 0, "count": 0, "result": []}),
        "list* F1*",
        SERVER_ERROR,
        TROUBLE,
        faults={ME4: Fault.status(502)},
    ),
    Case(
        "3 old server that lists others first",
        "list* master*",
        MASTER,
        switches={"old_version": "4.20.1"},
        prepare=_touch_the_master_key,
    ),
    _fault(
        "3 somebody else's keys",
        Fault.wrong_token(),
        "list* master*",
        WRONG_KEY,
        OTHER_KEY,
    ),
    _fault("3 one other key", _listing("another"), "list*", WRONG_KEY, OTHER_KEY),
    _fault("3 no token", _listing(None), "list*", WRONG_KEY, OTHER_KEY),
    Case(
        "3 a proxy that signs everybody in",
        "list* master*",
        WRONG_KEY,
        OTHER_KEY,
        key=None,
        faults={
            KEYS: _listing("theirs", total=3),
            f"{KEYS}/Master": Fault.json(200, {"token": "theirs"}),
        },
    ),
    _fault(
        "4 another user",
        Fault.wrong_user("bob"),
        "list*",
        (RejectedError, Reason.WRONG_USER),
        "{base} belongs to 'bob', not to 'jane'. Correct the user name or the base "
        "URL.",
    ),
    _fault("5 web page, F3 is CARTO", Fault.html(), "list* F3", SERVER_ERROR, NO_SENSE),
    _fault(
        "5 other JSON", Fault.json(200, {"a": 1}), "list* F3", SERVER_ERROR, NO_SENSE
    ),
    _fault(
        "5 list of texts",
        Fault.json(200, {"total": 1, "result": ["x"]}),
        "list* F3",
        SERVER_ERROR,
        NO_SENSE,
    ),
    Case(
        "5 captive portal", "list* F3", NOT_CARTO, WEB_PAGE, faults={"": Fault.html()}
    ),
    Case(
        "5 captive portal at a custom address",
        "F3",
        NOT_CARTO,
        WEB_PAGE,
        cloud=False,
        faults={"": Fault.html()},
    ),
    _fault(
        "5 F3 is broken",
        Fault.html(),
        "list* F3",
        SERVER_ERROR,
        TROUBLE,
        faults={ME3: Fault.status(502)},
    ),
    Case(
        "6 unknown user",
        "list* F2",
        (RejectedError, Reason.UNKNOWN_USER),
        "CARTO has no user called '{user}' at {host}. Check the spelling. If '{user}' "
        "is an organisation, log in with your own user name in it.",
        user="team",
        key=None,
    ),
    Case(
        "6 unknown user at a custom address",
        "F3 list* F2",
        (RejectedError, Reason.UNKNOWN_USER),
        "CARTO has no user called '{user}' at {host}. Check the spelling.",
        user="nobody",
        key=None,
        cloud=False,
    ),
    Case("6b wrong key", "list* F2", WRONG_KEY, KNOWS_USER, key=None),
    Case(
        "6b wrong key, F2 200",
        "list* F2",
        WRONG_KEY,
        KNOWS_USER,
        key=None,
        faults={SQL: Fault.json(200, {"rows": []})},
    ),
    Case(
        "6c no user in the host",
        "list* F2",
        (NotCartoError, Reason.WRONG_ADDRESS),
        "{host} does not tell users apart by their host. Use the base URL "
        "{base}/user/jane",
        "{base}/user/jane",
        key=None,
        faults={SQL: Fault.json(400, {"error": ["No username found in hostname 'x'"]})},
    ),
    *(
        Case(f"6d {name}", asked, WRONG_KEY, ONE_OF_BOTH, key=None, faults={SQL: fault})
        for name, fault, asked in (
            ("F2 is a page", Fault.html(404), "list* F2"),
            ("F2 is broken", Fault.status(502), "list* F2"),
            ("F2 is reset", Fault.reset(), "list* F2"),
            ("F2 is busy", Fault.rate_limited(30), "list* F2"),
            ("F2 says something else", Fault.json(400, {"error": ["?"]}), "list* F2"),
        )
    ),
    _fault("7 password of a proxy", Fault.proxy_login(), "list*", PROXY, PASSWORD),
    Case(
        "7 at a custom address",
        "F3",
        PROXY,
        PASSWORD,
        cloud=False,
        faults={"": Fault.proxy_login()},
    ),
    Case("8 no engine, master key", "list* F1* F4*", MASTER, user="enzo"),
    Case(
        "8 no engine, other key",
        "list* F1* F4*",
        (Account, "unknown"),
        user="enzo",
        key="reporting",
    ),
    Case(
        "8 no engine, wrong key",
        "list* F2",
        WRONG_KEY,
        KNOWS_USER,
        user="enzo",
        key=None,
    ),
    _fault(
        "8 F1 has another user",
        Fault.html(404),
        "list* F1*",
        (RejectedError, Reason.WRONG_USER),
        "{base} belongs to 'bob', not to 'jane'. Correct the user name or the base "
        "URL.",
        faults={ME4: Fault.wrong_user("bob")},
    ),
    Case("8b locked", "list* F1*", LOCKED, IS_LOCKED, user="lena"),
    Case(
        "8c maintenance",
        "list* F1*",
        (RejectedError, Reason.MAINTENANCE),
        IN_MAINTENANCE,
        user="mara",
    ),
    Case(
        "8c maintenance at a custom address",
        "F3 list* F1*",
        (RejectedError, Reason.MAINTENANCE),
        IN_MAINTENANCE,
        user="mara",
        cloud=False,
    ),
    _fault(
        "8d not confirmed",
        Fault.html(404),
        "list* F1*",
        (RejectedError, Reason.UNVERIFIED),
        NOT_CONFIRMED,
        user="ulla",
    ),
    _fault(
        "8d not activated",
        Fault.html(404),
        "list* F1*",
        (RejectedError, Reason.NOT_ACTIVATED),
        "The sign-up of '{user}' at {host} is not finished. Follow the link in the "
        "e-mail that CARTO sent, then log in again.",
        user="nico",
    ),
    Case("8e locked, wrong key", "list* F1* F3", LOCKED, CLOSED, user="lena", key=None),
    Case(
        "8e maintenance, wrong key",
        "list* F1* F3 F3",
        LOCKED,
        CLOSED,
        user="mara",
        key=None,
    ),
    Case(
        "8f too old",
        "F3 list* F1*",
        (NotCartoError, Reason.WRONG_ADDRESS),
        WRONG_FORM + "Ask who runs it for the right one.",
        cloud=False,
        switches={"old_version": "4.19"},
    ),
    _fault(
        "8f another form of address",
        Fault.html(404),
        "list* F1* F3",
        (NotCartoError, Reason.WRONG_ADDRESS),
        WRONG_FORM + "Try https://jane.maps.example",
        "https://jane.maps.example",
        faults={
            ME4: Fault.html(404),
            ME3: Fault.json(
                200, {"config": {"sql_api_template": "https://{user}.maps.example:443"}}
            ),
        },
    ),
    Case(
        "8g not CARTO", "list* F1* F3", NOT_CARTO, NO_API, faults={"": Fault.html(404)}
    ),
    Case(
        "8g at a custom address",
        "F3",
        NOT_CARTO,
        NO_API,
        cloud=False,
        faults={"": Fault.html(404)},
    ),
    _fault(
        "8 F1 is broken",
        Fault.html(404),
        "list* F1*",
        SERVER_ERROR,
        TROUBLE,
        faults={ME4: Fault.status(502)},
    ),
    _fault(
        "9 locked", Fault.json(403, {"error": "lockout"}), "list*", LOCKED, IS_LOCKED
    ),
    _fault(
        "9 maintenance",
        Fault.json(403, {"error": "maintenance_mode"}),
        "list*",
        (RejectedError, Reason.MAINTENANCE),
        IN_MAINTENANCE,
    ),
    _fault(
        "9 not confirmed",
        Fault.json(403, {"error": "unverified"}),
        "list*",
        (RejectedError, Reason.UNVERIFIED),
        NOT_CONFIRMED,
    ),
    _fault(
        "9 another reason",
        Fault.json(403, {"errors": "No\r\n<b>entry</b>"}),
        "list*",
        (RejectedError, Reason.FORBIDDEN),
        "CARTO at {host} does not let this key in: No <b>entry</b>",
    ),
    _fault(
        "9 in a list",
        Fault.json(403, {"error": ["permission denied"]}),
        "list*",
        (RejectedError, Reason.FORBIDDEN),
        "CARTO at {host} does not let this key in: permission denied",
    ),
    _fault(
        "9 without a reason",
        Fault.json(403, {"x": 1}),
        "list*",
        (RejectedError, Reason.FORBIDDEN),
        "CARTO at {host} does not let this key in.",
    ),
    _fault(
        "10 firewall",
        Fault.html(403),
        "list*",
        (UndecidedError, Reason.BLOCKED),
        BLOCKED,
    ),
    _fault(
        "10 empty 403",
        Fault.answer(403),
        "list*",
        (UndecidedError, Reason.BLOCKED),
        BLOCKED,
    ),
    _fault("12 log-in page", Fault.redirect("/login"), "list*", MOVED, OWN_PAGE),
    _fault(
        "12 moved",
        Fault.redirect("https://x.example/user/jane/api/v3/a", 301),
        "list*",
        MOVED,
        SENT_ON,
        "https://x.example/user/jane",
    ),
    _fault("12 to http", Fault.redirect("http://x.example/"), "list*", MOVED, SENT_ON),
    _fault(
        "13 bad request",
        Fault.json(400, {"errors": "Wrong 'page' parameter value."}),
        "list*",
        SERVER_ERROR,
        "CARTO at {host} did not understand the request: \"Wrong 'page' parameter "
        'value." Your key was not checked. A newer version of this package may be '
        "needed.",
    ),
    *(
        _fault(
            f"14 {status} page",
            Fault.html(status),
            "list*",
            (UndecidedError, Reason.TLS),
            f"{{host}} refused the request (HTTP {status}) before it reached CARTO. Is "
            "the port right, and does it speak https?",
        )
        for status in (400, 414, 431)
    ),
    _fault(
        "15 proxy",
        Fault.proxy_required(),
        "list*",
        PROXY,
        "Your network's proxy refused the connection to {host}. Check HTTPS_PROXY and "
        "its user name and password, or ask your network's administrator.",
    ),
    _fault(
        "16 busy",
        Fault.rate_limited(30),
        "list*",
        (UndecidedError, Reason.RATE_LIMITED),
        BUSY,
    ),
    _fault(
        "16 busy twice",
        Fault.rate_limited(0),
        "list* list*",
        (UndecidedError, Reason.RATE_LIMITED),
        BUSY.replace("30 s", "1 s"),
    ),
    _fault(
        "17 gateway, F1 accepts",
        Fault.status(502),
        "list* F1*",
        SERVER_ERROR,
        "CARTO at {host} has a problem (HTTP 502): it accepts the key, but cannot say "
        "what the key may do. Try again in a moment.",
    ),
    Case(
        "17 all is broken",
        "list* F1*",
        SERVER_ERROR,
        TROUBLE,
        faults={"": Fault.status(502)},
    ),
    Case(
        "17 at a custom address",
        "F3",
        SERVER_ERROR,
        TROUBLE,
        cloud=False,
        faults={"": Fault.status(502)},
    ),
    _fault(
        "19 reset",
        Fault.reset(),
        "list*",
        (UndecidedError, Reason.UNREACHABLE),
        "Could not connect to {host}, or the connection broke. Check the address and "
        "your network, then try again.",
    ),
    _fault(
        "20 timeout",
        Fault.hang(),
        "list*",
        (UndecidedError, Reason.TIMEOUT),
        "No answer from {host} within 0.7 s. Check the address and your network, or "
        "try again later.",
    ),
    _fault("23 too big", Fault.big_body(), "list* F3", SERVER_ERROR, NO_SENSE),
    _fault("23 bad gzip", Fault.bad_gzip(), "list* F3", SERVER_ERROR, NO_SENSE),
    _fault("23 bad JSON", Fault.bad_json(), "list* F3", SERVER_ERROR, NO_SENSE),
    _fault("23 cut off", Fault.truncated(), "list* F3", SERVER_ERROR, NO_SENSE),
    _fault(
        "another status",
        Fault.html(418),
        "list* F3",
        SERVER_ERROR,
        NO_SENSE.replace("200", "418"),
    ),
    Case(
        "another status, not CARTO",
        "list* F3",
        NOT_CARTO,
        NO_API.replace("404", "410"),
        faults={"": Fault.html(410)},
    ),
]


@pytest.fixture(autouse=True)
def _nothing_proved():
    client.forget_proved()


def _asked(carto):
    return " ".join(
        SHORT[r.method, r.route] + ("*" if r.key_in else "") for r in carto.requests
    )


def _outcome(credentials, timeout):
    try:
        return credentials.validate(timeout)
    except CartoLoginError as error:
        return error


def _credentials(case, carto):
    keys = carto.accounts[case.user].keys if case.key else {}
    key = keys[case.key].token if case.key else WRONG
    if case.cloud:
        return Credentials(case.user, key, session=carto.session())
    return Credentials(case.user, key, carto.base_url(case.user))


@pytest.mark.parametrize("tls", [None, "valid"], ids=["http", "https"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_row(case, tls, monkeypatch):
    """The class, the reason, the whole message, and who was asked what."""
    with Sandbox(tls=tls, **case.switches) as carto:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(carto.ca_file or ""))
        case.prepare(carto)
        for path, fault in case.faults.items():
            carto.fail(fault, path)
        credentials = _credentials(case, carto)
        outcome = _outcome(credentials, 0.7 if case.row.startswith("20") else 10)
        assert _asked(carto) == case.asked
        assert {r.key_in for r in carto.requests} <= {"header", None}
    kind, reason = case.expected
    assert type(outcome) is kind
    assert reason == (outcome.key_type if kind is Account else outcome.reason)
    _assert_says(case, credentials, outcome)


def _assert_says(case, credentials, outcome):
    where = credentials.address()
    words = {"host": where.host, "base": where.base_url, "user": where.username}
    if isinstance(outcome, Account):
        assert credentials.account is outcome
        assert credentials.proved == where.origin
        return
    assert str(outcome) == case.says.format(**words)
    assert credentials.account is None
    if case.suggestion or isinstance(outcome, NotCartoError):
        suggestion = case.suggestion and case.suggestion.format(**words)
        assert outcome.suggestion == suggestion


def test_no_row_of_the_table_is_left_out():
    """Each of them is the verdict of some case above."""
    tested = {case.row.split(" ")[0] for case in CASES}
    named = {
        name
        for row in validation.ROWS
        for name in row.name.replace(",", " ").replace("-", " ").split()
        if name[0].isdigit()
    }
    assert named - tested == set()
