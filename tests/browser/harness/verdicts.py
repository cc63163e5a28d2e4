"""One row of the table of verdicts, and how a test checks it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from harness.asking import identity

from carto_login_widget.account import Account
from carto_login_widget.errors import (
    CartoLoginError,
    NotCartoError,
    Reason,
    RejectedError,
    UndecidedError,
)
from carto_login_widget.sandbox import Fault, Sandbox
from carto_login_widget.server.answers import FOREIGN, STATES
from carto_login_widget.server.check import ROWS, check

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
}

MASTER, REGULAR = (Account, "master"), (Account, "regular")
WRONG_KEY = (RejectedError, Reason.WRONG_KEY)
NOT_CARTO = (NotCartoError, Reason.NOT_CARTO)
MOVED = (NotCartoError, Reason.MOVED)
SERVER_ERROR = (UndecidedError, Reason.SERVER_ERROR)
PROXY = (UndecidedError, Reason.PROXY)
LOCKED = (RejectedError, Reason.LOCKED)
TROUBLE = (
    "CARTO at {host} has a problem (HTTP 502). Your key was not checked. Try again in "
    "a moment."
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


def fault_case(row, fault, asked, expected, says, suggestion=None, **more):  # noqa: PLR0913 - a row
    faults = {KEYS: fault, **more.pop("faults", {})}
    return Case(row, asked, expected, says, suggestion, faults=faults, **more)


def listing(key, *, total=1, user="jane", **more):
    listed = {"token": key, "user": {"username": user}, "type": "regular", **more}
    return Fault.json(200, {"total": total, "count": 1, "result": [listed]})


def _asked(carto):
    return " ".join(
        SHORT[r.method, r.route] + ("*" if r.key_in else "") for r in carto.requests
    )


def _outcome(who, timeout):
    try:
        return check(who, timeout)
    except CartoLoginError as error:
        return error


def _identity(case, carto):
    keys = carto.accounts[case.user].keys if case.key else {}
    key = keys[case.key].token if case.key else WRONG
    if case.cloud:
        return identity(case.user, key, session=carto.session())
    return identity(case.user, key, carto.base_url(case.user))


# Where the answer is told by the scheme, or by how the connection ends. Elsewhere https
# gives what http gives, and only `--all` asks for it.
TLS_MATTERS = (
    *("1 master", "1 custom address", "12 ", "14 ", "19 ", "20 ", "23 "),
    *("6d F2 is reset", "8 F1 breaks off"),
)


def over_http_and_https(cases: list[Case]) -> list[Any]:
    """Each case twice, with the `tls` of its sandbox."""
    rows = []
    for case in cases:
        marks = () if case.row.startswith(TLS_MATTERS) else pytest.mark.full
        rows.append(pytest.param(case, None, id=f"{case}-http"))
        rows.append(pytest.param(case, "valid", id=f"{case}-https", marks=marks))
    return rows


def check_row(case: Case, tls: str | None, monkeypatch: Any) -> None:
    """Check class, reason, the whole message, and who was asked what."""
    with Sandbox(tls=tls, **case.switches) as carto:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(carto.ca_file or ""))
        case.prepare(carto)
        for path, fault in case.faults.items():
            carto.fail(fault, path)
        who = _identity(case, carto)
        outcome = _outcome(who, 0.7 if case.row.startswith("20") else 10)
        assert _asked(carto) == case.asked
        assert {r.key_in for r in carto.requests} <= {"header", None}
    kind, reason = case.expected
    assert type(outcome) is kind
    assert reason == (outcome.key_type if kind is Account else outcome.reason)
    _assert_says(case, who, outcome)


def _assert_says(case, who, outcome):
    where = who.address
    words = {"host": where.host, "base": where.base_url, "user": where.username}
    if isinstance(outcome, Account):
        assert outcome.base_url == where.base_url
        return
    assert str(outcome) == case.says.format(**words)
    if case.suggestion or isinstance(outcome, NotCartoError):
        suggestion = case.suggestion and case.suggestion.format(**words)
        assert outcome.suggestion == suggestion


def row_names() -> set[str]:
    """The numbers of all rows of the table."""
    rows = [name for name in (*ROWS, *FOREIGN, *STATES) if "-" not in name]
    parts = [part for row in rows for part in row.replace(",", " ").split()]
    return {part for part in parts if part[0].isdigit()}
