"""What stands in front of CARTO, or in its place: each row over real HTTP and HTTPS."""

from __future__ import annotations

import pytest
from harness.verdicts import (
    ME3,
    MOVED,
    NOT_CARTO,
    PROXY,
    SERVER_ERROR,
    TROUBLE,
    Case,
    check_row,
    fault_case,
    over_http_and_https,
    row_names,
)

from carto_login_widget.errors import Reason, UndecidedError
from carto_login_widget.sandbox import Fault

NO_SENSE = (
    "CARTO at {host} gave an answer that makes no sense (HTTP 200). Your key was not "
    "checked. Try again in a moment."
)
WEB_PAGE = (
    "{host} answered with a web page or other data, not as the CARTO API. Check the "
    "address, or sign in to your network first."
)
BROKE = (
    "Could not connect to {host}, or the connection broke. Check the address and your "
    "network, then try again."
)
NO_API = "There is no CARTO API at {base} (HTTP 404). Check the address."
BLOCKED = (
    "Access to {host} is blocked (HTTP 403), probably by a firewall. Your key was not "
    "checked. Try from another network, or ask your network's administrator."
)
OWN_PAGE = (
    "{host} sent the request on to a page of its own, as a log-in page does. Check the "
    "address, or sign in to your network first."
)
SENT_ON = (
    "{host} sent the request on to x.example, and the key was not sent there. Check "
    "the address, or sign in to your network first."
)
PASSWORD = (
    "A server in front of CARTO at {host} asks for a user name and a password of its "
    "own. Sign in to your network first, or ask who runs that server."
)
BUSY = (
    "CARTO at {host} is busy (HTTP 429). Your key was not checked. Try again in 30 s."
)


CASES = [
    fault_case(
        "5 web page, F3 is CARTO", Fault.html(), "list* F3", SERVER_ERROR, NO_SENSE
    ),
    fault_case(
        "5 other JSON", Fault.json(200, {"a": 1}), "list* F3", SERVER_ERROR, NO_SENSE
    ),
    fault_case(
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
    fault_case(
        "5 F3 is broken",
        Fault.html(),
        "list* F3",
        SERVER_ERROR,
        TROUBLE,
        faults={ME3: Fault.status(502)},
    ),
    fault_case("7 password of a proxy", Fault.proxy_login(), "list*", PROXY, PASSWORD),
    Case(
        "7 at a custom address",
        "F3",
        PROXY,
        PASSWORD,
        cloud=False,
        faults={"": Fault.proxy_login()},
    ),
    fault_case(
        "10 firewall",
        Fault.html(403),
        "list*",
        (UndecidedError, Reason.BLOCKED),
        BLOCKED,
    ),
    fault_case(
        "10 empty 403",
        Fault.answer(403),
        "list*",
        (UndecidedError, Reason.BLOCKED),
        BLOCKED,
    ),
    fault_case("12 log-in page", Fault.redirect("/login"), "list*", MOVED, OWN_PAGE),
    fault_case(
        "12 moved",
        Fault.redirect("https://x.example/user/jane/api/v3/a", 301),
        "list*",
        MOVED,
        SENT_ON,
        "https://x.example/user/jane",
    ),
    fault_case(
        "12 to http", Fault.redirect("http://x.example/"), "list*", MOVED, SENT_ON
    ),
    fault_case(
        "13 bad request",
        Fault.json(400, {"errors": "Wrong 'page' parameter value."}),
        "list*",
        SERVER_ERROR,
        "CARTO at {host} did not understand the request: \"Wrong 'page' parameter "
        'value." Your key was not checked. A newer version of this package may be '
        "needed.",
    ),
    fault_case(
        "13 without a word",
        Fault.json(400, {"a": 1}),
        "list* F3",
        SERVER_ERROR,
        NO_SENSE.replace("200", "400"),
    ),
    *(
        fault_case(
            f"14 {status} page",
            Fault.html(status),
            "list*",
            (UndecidedError, Reason.TLS),
            f"{{host}} refused the request (HTTP {status}) before it reached CARTO. Is "
            "the port right, and does it speak https?",
        )
        for status in (400, 414, 431)
    ),
    fault_case(
        "15 proxy",
        Fault.proxy_required(),
        "list*",
        PROXY,
        "Your network's proxy refused the connection to {host}. Check HTTPS_PROXY and "
        "its user name and password, or ask your network's administrator.",
    ),
    fault_case(
        "16 busy",
        Fault.rate_limited(30),
        "list*",
        (UndecidedError, Reason.RATE_LIMITED),
        BUSY,
    ),
    fault_case(
        "16 busy twice",
        Fault.rate_limited(0),
        "list* list*",
        (UndecidedError, Reason.RATE_LIMITED),
        BUSY.replace("30 s", "1 s"),
    ),
    fault_case(
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
    fault_case(
        "19 reset",
        Fault.reset(),
        "list*",
        (UndecidedError, Reason.UNREACHABLE),
        BROKE,
    ),
    fault_case(
        "20 timeout",
        Fault.hang(),
        "list*",
        (UndecidedError, Reason.TIMEOUT),
        "No answer from {host} within 0.7 s. Check the address and your network, or "
        "try again later.",
    ),
    fault_case("23 too big", Fault.big_body(), "list* F3", SERVER_ERROR, NO_SENSE),
    fault_case("23 bad gzip", Fault.bad_gzip(), "list* F3", SERVER_ERROR, NO_SENSE),
    fault_case("23 bad JSON", Fault.bad_json(), "list* F3", SERVER_ERROR, NO_SENSE),
    fault_case(
        "19 cut off",
        Fault.truncated(),
        "list*",
        (UndecidedError, Reason.UNREACHABLE),
        BROKE,
    ),
    fault_case(
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


@pytest.mark.parametrize(("case", "tls"), over_http_and_https(CASES))
def test_row(case, tls, monkeypatch):
    """The class, the reason, the whole message, and who was asked what."""
    check_row(case, tls, monkeypatch)


def test_no_row_is_left_out():
    """Each of these rows of the table is the verdict of some case above."""
    mine = {"5", "7", "10", "12", "13", "14", "15", "16", "17", "23"}
    named = {name for name in row_names() if name.rstrip("abcdefg") in mine}
    assert named - {case.row.split(" ")[0] for case in CASES} == set()
    assert {name.rstrip("abcdefg") for name in named} == mine
