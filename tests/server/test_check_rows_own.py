"""What CARTO itself answers: each row over real HTTP and HTTPS."""

from __future__ import annotations

import pytest
from harness.verdicts import (
    IN_MAINTENANCE,
    IS_LOCKED,
    KEYS,
    LOCKED,
    MASTER,
    ME3,
    ME4,
    NOT_CARTO,
    NOT_CONFIRMED,
    REGULAR,
    SERVER_ERROR,
    SQL,
    TROUBLE,
    WRONG_KEY,
    Case,
    check_row,
    fault_case,
    listing,
    over_http_and_https,
    row_names,
)

from carto_login_widget.account import Account
from carto_login_widget.errors import (
    NotCartoError,
    Reason,
    RejectedError,
    UndecidedError,
)
from carto_login_widget.sandbox import Fault

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
CLOSED = (
    "The CARTO account '{user}' at {host} is not available: it is locked or in "
    "maintenance, and the key was not accepted either. Contact CARTO, or the "
    "administrator of your organisation."
)
NO_API = "There is no CARTO API at {base} (HTTP 404). Check the address."
WRONG_FORM = (
    "There is a CARTO at {host}, but the address {base} does not fit the user "
    "'{user}', or the server is older than 2018. "
)


def _touch_the_master_key(carto):
    """Make it the newest, so that a server that sorts by date lists it last."""
    account = carto.accounts["jane"]
    account.master.updated_at = max(k.updated_at for k in account.keys.values())


CASES = [
    Case("1 master", "list*", MASTER),
    Case("1 regular", "list*", REGULAR, key="reporting"),
    Case("1 public", "list*", (Account, "default_public"), key="Default public"),
    Case("1 custom address", "F3 list*", MASTER, cloud=False),
    Case("1 member of an organisation", "F3 list*", MASTER, user="bob", cloud=False),
    Case("2 OAuth token", "list* F1*", (Account, "oauth"), key="oauth token"),
    fault_case(
        "2 OAuth token that F1 does not know",
        Fault.json(200, {"total": 0, "count": 0, "result": []}),
        "list* F1*",
        WRONG_KEY,
        "CARTO at {host} does not accept this key any more: it may be a temporary "
        "token that has expired. Copy a key from {base}/your_apps",
        key=None,
    ),
    fault_case(
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
    fault_case(
        "3 somebody else's keys",
        Fault.wrong_token(),
        "list* master*",
        WRONG_KEY,
        OTHER_KEY,
    ),
    Case(
        "3 several keys, and the master key cannot be seen",
        "list* master*",
        SERVER_ERROR,
        TROUBLE,
        faults={f"{KEYS}/Master": Fault.status(502), KEYS: listing("x", total=2)},
    ),
    fault_case("3 one other key", listing("another"), "list*", WRONG_KEY, OTHER_KEY),
    fault_case("3 no token", listing(None), "list*", WRONG_KEY, OTHER_KEY),
    Case(
        "3 a proxy that signs everybody in",
        "list* master*",
        WRONG_KEY,
        OTHER_KEY,
        key=None,
        faults={
            f"{KEYS}/Master": Fault.json(200, {"token": "theirs"}),
            KEYS: listing("theirs", total=3),
        },
    ),
    fault_case(
        "4 another user",
        Fault.wrong_user("bob"),
        "list*",
        (RejectedError, Reason.WRONG_USER),
        "{base} belongs to 'bob', not to 'jane'. Correct the user name or the address.",
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
        "{host} does not tell users apart by their host. Try {base}/user/jane",
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
    Case("8 no engine, master key", "list* F1*", MASTER, user="enzo"),
    Case(
        "8 no engine, other key",
        "list* F1*",
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
    fault_case(
        "8 F1 has another user",
        Fault.html(404),
        "list* F1*",
        (RejectedError, Reason.WRONG_USER),
        "{base} belongs to 'bob', not to 'jane'. Correct the user name or the address.",
        faults={ME4: Fault.wrong_user("bob")},
    ),
    Case(
        "4 a key that names no user",
        "list*",
        (RejectedError, Reason.WRONG_USER),
        "{base} belongs to 'somebody else', not to 'jane'. Correct the user name or "
        "the address.",
        faults={KEYS: listing("x", total=2, user=None)},
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
    fault_case(
        "8d not confirmed",
        Fault.html(404),
        "list* F1*",
        (RejectedError, Reason.UNVERIFIED),
        NOT_CONFIRMED,
        user="ulla",
    ),
    fault_case(
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
    fault_case(
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
    fault_case(
        "8 F1 breaks off",
        Fault.html(404),
        "list* F1*",
        (UndecidedError, Reason.UNREACHABLE),
        "Could not connect to {host}, or the connection broke. Check the address and "
        "your network, then try again.",
        faults={ME4: Fault.reset()},
    ),
    fault_case(
        "8 F1 makes no sense",
        Fault.html(404),
        "list* F1* F3",
        SERVER_ERROR,
        "CARTO at {host} gave an answer that makes no sense (HTTP 404). Your key was "
        "not checked. Try again in a moment.",
        faults={ME4: Fault.html()},
    ),
    fault_case(
        "8 F1 is broken",
        Fault.html(404),
        "list* F1*",
        SERVER_ERROR,
        TROUBLE,
        faults={ME4: Fault.status(502)},
    ),
    fault_case(
        "9 locked", Fault.json(403, {"error": "lockout"}), "list*", LOCKED, IS_LOCKED
    ),
    fault_case(
        "9 maintenance",
        Fault.json(403, {"error": "maintenance_mode"}),
        "list*",
        (RejectedError, Reason.MAINTENANCE),
        IN_MAINTENANCE,
    ),
    fault_case(
        "9 not confirmed",
        Fault.json(403, {"error": "unverified"}),
        "list*",
        (RejectedError, Reason.UNVERIFIED),
        NOT_CONFIRMED,
    ),
    fault_case(
        "9 another reason",
        Fault.json(403, {"errors": "No\r\n<b>entry</b>"}),
        "list*",
        (RejectedError, Reason.FORBIDDEN),
        "CARTO at {host} does not let this key in: No <b>entry</b>",
    ),
    fault_case(
        "9 in a list",
        Fault.json(403, {"error": ["permission denied"]}),
        "list*",
        (RejectedError, Reason.FORBIDDEN),
        "CARTO at {host} does not let this key in: permission denied",
    ),
    fault_case(
        "9 without a reason",
        Fault.json(403, {"x": 1}),
        "list*",
        (RejectedError, Reason.FORBIDDEN),
        "CARTO at {host} does not let this key in.",
    ),
]


@pytest.mark.parametrize(("case", "tls"), over_http_and_https(CASES))
def test_row(case, tls, monkeypatch):
    """The class, the reason, the whole message, and who was asked what."""
    check_row(case, tls, monkeypatch)


def test_no_row_is_left_out():
    """Each of these rows of the table is the verdict of some case above."""
    mine = {"1", "2", "3", "4", "6", "8", "9"}
    named = {name for name in row_names() if name.rstrip("abcdefg") in mine}
    assert named - {case.row.split(" ")[0] for case in CASES} == set()
    assert {name.rstrip("abcdefg") for name in named} == mine
