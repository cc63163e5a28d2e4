"""What is seen of the form: a state in, a snapshot for the page out.

The snapshot is described in `flow.py` by what it is of, and in `form.js` by what is
drawn of it. It never holds a key.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeGuard

from .. import address
from ..errors import (
    CartoLoginError,
    InvalidCredentialsError,
    NotCartoError,
    Reason,
    RejectedError,
    UndecidedError,
)
from ..session.acts import forget_question
from ..session.facts import lines, replaced
from . import flow

if TYPE_CHECKING:
    from .flow import Problem, Signed, State

SIGNED_IN_TEXT = "Signed in to CARTO when this was saved."
HOW_ELSE = (
    "CARTO login. Run this cell to sign in, or to see who is. Where it shows no form: "
    "%carto_login --prompt asks without one, CARTO_USERNAME and CARTO_API_KEY can be "
    "set before the kernel starts, and %carto_login --file creds.json reads a file."
)

_TITLES = {
    Reason.WRONG_KEY: "CARTO does not accept this key.",
    Reason.UNKNOWN_USER: "CARTO does not know this user.",
    Reason.WRONG_USER: "This key belongs to somebody else.",
    Reason.LOCKED: "This account is locked.",
    Reason.MAINTENANCE: "This account is in maintenance.",
    Reason.UNVERIFIED: "The e-mail address of this account is not confirmed.",
    Reason.NOT_ACTIVATED: "This account is not activated.",
    Reason.FORBIDDEN: "CARTO does not let this account in.",
    Reason.NOT_CARTO: "There is no CARTO at this address.",
    Reason.WRONG_ADDRESS: "This account has another address.",
    Reason.MOVED: "This address has moved.",
}
_PATIENCE = 4  # seconds after which waiting is worth a word


def text(state: State) -> str:
    """What stands in a saved notebook and where widgets do not show; no names."""
    return SIGNED_IN_TEXT if status(state) == "signed_in" else HOW_ELSE


def status(state: State) -> str:
    """The state for programs."""
    if state.phase != "signing_in":
        return state.phase
    return "undecided" if state.verdict is None else "accepted"


def snapshot(state: State) -> dict[str, Any]:
    """Return what the page draws; the list of accounts is added where it is new."""
    given, card = asdict(state.fields), state.phase == "signed_in"
    del given["typed"]
    written = {name: n for name, n in state.written.items() if name in given}
    where = None if card else _where(state)
    return {
        "screen": "card" if card else "form",
        "status": status(state),
        "title": _title(state) if card else "Log in to CARTO",
        "accounts": None,
        "fields": given,
        "fields_version": max(written.values(), default=0),
        "field_versions": written,
        "open": not state.folded,
        "key": _key(state),
        "errors": {p.field: _error(state, p) for p in state.problems if p.field},
        "destination": where.host if where else "",
        "keys_page": where.keys_page if where else "",
        "saving": _saving(state),
        "message": dict(zip(("kind", "text"), _message(state), strict=True)),
        "acts": [] if card else _acts(state),
        "card": _card(state) if card and state.signed else None,
        "focus": {"to": state.focus[0], "n": state.focus[1]} if state.focus else None,
    }


def rows(state: State) -> list[list[Any]]:
    """Return the list of accounts for the page, the default first."""
    ordered = sorted(state.accounts, key=lambda row: (not row.is_default, row.name))
    return [list(row) for row in ordered]


def spoken(state: State) -> str:
    """All that is told, as plain text for programs."""
    _kind, told = _message(state)
    beside = [_error(state, problem)["text"] for problem in state.problems]
    if state.phase == "signed_in" and state.signed:
        facts = [f"{label}: {words}" for label, words in _facts(state, state.signed)]
        return "\n".join([f"{_title(state)}.", *facts, *state.notes])
    return " ".join(filter(None, [*(p for p in beside if p not in told), told]))


# The form.


def _where(state: State) -> address.Address | None:
    given, saved = state.fields, state.saved
    if given.custom and not given.base_url:
        return None
    lenient = saved is not None and saved.allow_non_secure
    base_url = given.base_url if given.custom else None
    try:
        return address.resolve(given.username, base_url, allow_non_secure=lenient)
    except InvalidCredentialsError:
        return None


def _key(state: State) -> str:
    if state.key is not None:
        return "held"
    if state.refused:
        return "refused"
    return "saved" if state.fields.account is not None else "none"


def _error(state: State, problem: Problem) -> dict[str, Any]:
    """What stands beside a field: of an answer only the title, the rest is told."""
    take = None
    if problem.take and problem.field in ("username", "base_url"):
        take = {
            "label": f"Use {problem.take}",
            "field": problem.field,
            "value": problem.take,
        }
    told = state.error is not None and problem.text == str(state.error)
    return {"text": (told and _short(state.error)) or problem.text, "take": take}


def _short(error: CartoLoginError | None) -> str:
    known = isinstance(error, RejectedError | NotCartoError) and error.reason
    return _TITLES.get(known, "") if known else ""


def _saving(state: State) -> dict[str, Any]:
    row = flow.replaces(state)
    same = row is not None and flow.is_same_account(state, row)
    return {
        "shown": state.saving_allowed and not state.folded,
        "path": state.path,
        "replaces": replaced(row.username, row.host, same=same) if row else "",
        "default_locked": bool(row and row.is_default),
    }


def _message(state: State) -> tuple[str, str]:
    if state.phase == "checking":
        return "busy", _checking(state)
    if state.phase == "signing_in":
        return "busy", "Signing in …"
    if state.phase == "accepted" and state.verdict is not None:
        account = state.verdict.account
        known = f": {_lowered(account.summary)}" if account else "."
        return "good", f"CARTO accepts this key{known}"
    if state.error is not None:
        return _told(state, state.error)
    if state.note[1]:
        return state.note
    if state.problems:
        count = "fields" if len(state.problems) > 1 else "field"
        missing = all(problem.missing for problem in state.problems)
        return "warn", f"{'Fill in' if missing else 'Correct'} the marked {count}."
    return "none", ""


def _checking(state: State) -> str:
    where = _where(state)
    host = where.host if where else "CARTO"
    if state.waited < _PATIENCE:
        return f"Checking with {host} …"
    return f"Still waiting for {host}: no answer for {state.waited} seconds …"


def _lowered(summary: str) -> str:
    return summary if summary.startswith("API") else summary[:1].lower() + summary[1:]


def _told(state: State, error: CartoLoginError) -> tuple[str, str]:
    if isinstance(error, UndecidedError):
        return "warn", str(error)
    title, beside = _short(error), bool(state.problems) and not state.folded
    still = (
        f"You are still signed in as {state.signed.username}." if state.signed else ""
    )
    # One of title and words stands beside the field already.
    said = [title if not beside else "", str(error) if title or not beside else ""]
    words = " ".join(filter(None, said)) or "Correct the marked field."
    return "bad", "\n".join(filter(None, [words, still]))


def _act(act: str, label: str, kind: str = "plain", *, busy: bool = False) -> Any:
    return {"act": act, "label": label, "kind": kind, "busy": busy}


def _acts(state: State) -> list[Any]:
    """The buttons: each kind has its own slot, so that none moves when one comes."""
    busy = state.phase in ("checking", "signing_in")
    label, row = "Log in", state.row
    if state.folded:
        user = (state.saved and state.saved.username) or (row and row.username)
        label = f"Continue as {user or state.fields.account}"
    first = _act("submit", label, "primary", busy=busy)
    if state.phase == "undecided":
        first = _act("try_again", "Try again", "primary")
    elif state.folded and state.refused:
        first = _act("unfold", "Enter a new key", "primary")
    acts = [first]
    if state.folded and not state.refused:
        acts.append(_act("unfold", "Show the fields"))
    if state.signed is not None:
        acts.append(_act("stay", f"Stay signed in as {state.signed.username}"))
    if state.phase in ("checking", "undecided"):
        acts.append(_act("cancel", "Cancel"))
    if state.phase == "undecided":
        acts.append(_act("use_unchecked", "Use without checking"))
    return acts


# The card.


def _title(state: State) -> str:
    signed, error = state.signed, state.revoked
    if signed is None:
        return ""
    if error is None:
        unsure = "" if signed.account and signed.account.checked else ", not checked"
        return f"Signed in to CARTO as {signed.username}{unsure}"
    refused_key = isinstance(error, RejectedError) and error.reason is Reason.WRONG_KEY
    return f"CARTO no longer accepts this {'key' if refused_key else 'account'}"


def _facts(state: State, signed: Signed) -> list[tuple[str, str]]:
    start = next((row.name for row in state.accounts if row.is_default), None)
    return lines(
        username=signed.username,
        base_url=signed.base_url,
        account=signed.account,
        source=signed.source,
        profile=signed.profile,
        path=state.path,
        start=signed.profile if signed.is_default else start,
        since=signed.since,
        saving=state.saving_allowed,
        in_keyring=signed.in_keyring,
    )


def _card(state: State) -> dict[str, Any]:
    signed = state.signed
    assert signed is not None  # noqa: S101 - the screen is a card
    checked = signed.account is not None and signed.account.checked
    works = state.works.act if state.works else None
    notes = list(state.notes)
    if state.revoked is not None and str(state.revoked) not in notes:
        notes.insert(0, str(state.revoked))
    bars = [
        dict(zip(("label", "words", "percent"), b, strict=True)) for b in state.quota
    ]
    return {
        "title": _title(state),
        "good": checked and state.revoked is None,
        "rows": [list(fact) for fact in _facts(state, signed)],
        "notes": notes,
        "quota": bars,
        "acts": _card_acts(state, works, checked=checked),
        "menu": _menu(state, signed),
    }


def _card_acts(state: State, works: str | None, *, checked: bool) -> list[Any]:
    switch, leave = (
        _act("switch", "Switch account"),
        _act("log_out", "Log out", busy=works == "log_out"),
    )
    if state.revoked is not None:
        main = [_act("unfold", "Enter a new key", "primary")]
    elif not checked:
        main = [
            _act("check_again", "Check now", "primary", busy=works == "check_again")
        ]
    else:
        main = []
    waiting = [_act("cancel", "Cancel")] if works == "check_again" else []
    return [*main, switch, leave, *waiting]


def _menu(state: State, signed: Signed) -> list[dict[str, Any]]:
    name = signed.profile
    items: list[dict[str, Any]] = []
    if state.saving_allowed and name is None:
        row = flow.row_of(state, signed.proposed)
        taken = " (replaces the saved key)" if flow.is_of(signed, row) else ""
        ask = {"label": f"Save as{taken}", "value": signed.proposed}
        default = not state.has_default and _is_checked(signed)
        items.append(_item("save", "Save this account …", ask=ask, default=default))
        if state.no_keyring:
            label = "Save in a file instead …"
            items.append(_item("save_in_file", label, ask=ask, default=default))
    elif state.saving_allowed and name is not None:
        ask = {"label": "New name", "value": name}
        items.append(_item("rename", "Rename …", ask=ask))
        if not signed.is_default:
            items.append(_item("make_default", "Start every session with it"))
        sure = f"{forget_question(name)}; you stay signed in."
        items.append(_item("forget", "Forget this account …", confirm=sure))
    return [*items, _item("check_again", "Check again")]


def _is_checked(signed: Signed) -> bool:
    """Whether CARTO has accepted the key of the card."""
    return signed.account is not None and signed.account.checked


def _item(
    act: str,
    label: str,
    *,
    confirm: str | None = None,
    ask: dict[str, str] | None = None,
    default: bool | None = None,
) -> dict[str, Any]:
    return {
        "act": act, "label": label, "confirm": confirm, "ask": ask, "default": default,
    }  # fmt: skip


def storage(me: Any) -> list[tuple[str, str, float]]:
    """Return bars for what `/api/v3/me` tells: label, words, percent."""
    user = me.get("user_data") if isinstance(me, dict) else None
    user = user if isinstance(user, dict) else {}
    used, quota = user.get("db_size_in_bytes"), user.get("quota_in_bytes")
    if not _is_number(used) or not _is_number(quota) or quota <= 0:
        return []
    percent = min(100.0, max(0.0, 100.0 * used / quota))
    words = f"{_size(used)} of {_size(quota)} used"
    return [("Storage", words, round(percent, 1))]


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:  # noqa: PLR2004 - decimal units
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
