"""What is seen of the form: a state in, a snapshot for the page out.

The snapshot is the `Snapshot` of `form.js`, which draws it. It never holds a key.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..errors import CartoLoginError, Reason, UndecidedError
from ..session.acts import forget_question
from . import flow
from .fields import MissingError, field_of

if TYPE_CHECKING:
    from .flow import Signed, State

SIGNED_IN_TEXT = "Signed in to CARTO when this was saved."
HOW_ELSE = (
    "CARTO login. Run this cell to sign in, or to see who is. Where it shows no form: "
    "%carto_login --prompt asks without one, CARTO_USERNAME and CARTO_API_KEY can be "
    "set before the kernel starts, and %carto_login --file creds.json reads a file."
)

_TITLES: dict[Reason | None, str] = {
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


def text(state: State) -> str:
    """What stands in a saved notebook and where widgets do not show; no names."""
    return SIGNED_IN_TEXT if state.card else HOW_ELSE


def snapshot(state: State, *, accounts: bool = True) -> dict[str, Any]:
    """Return what the page draws, with the list of accounts where it is new."""
    where = state.address
    kind, told = _message(state)
    card = _card(state, state.signed) if state.card and state.signed else None
    return {
        "screen": "card" if card else "form",
        "status": state.status,
        "title": card["title"] if card else "Log in to CARTO",
        "accounts": rows(state) if accounts else None,
        "fields": asdict(state.fields),
        "open": not state.folded,
        "key": _key(state),
        "errors": {name: _error(p) for p in state.problems if (name := field_of(p))},
        "destination": where.host if where else "",
        "keys_page": where.keys_page if where else "",
        "saving": {
            "shown": bool(state.path) and not state.folded,
            "path": state.path,
            "replaces": flow.replacement(state),
            "default_locked": state.fields.name == state.start is not None,
        },
        "message": {"kind": kind, "text": told},
        "acts": [] if card else _acts(state),
        "card": card,
        "focus": {"to": state.focus[0], "n": state.focus[1]} if state.focus else None,
    }


def rows(state: State) -> list[list[Any]]:
    """Return the list of accounts for the page."""
    return [
        [row.name, row.address.username, row.host, row.key, row.is_default]
        for row in state.accounts
    ]


def spoken(state: State) -> str:
    """All that is told, as plain text for programs."""
    if state.card and state.signed:
        card = _card(state, state.signed)
        facts = [f"{label}: {words}" for label, words in card["rows"]]
        return "\n".join([f"{card['title']}.", *facts, *card["notes"]])
    _kind, told = _message(state)
    beside = [_error(problem)["text"] for problem in state.problems]
    return " ".join(filter(None, [*(p for p in beside if p not in told), told]))


# The form.


def _key(state: State) -> str:
    if state.key is not None:
        return "held"
    if state.refused:
        return "refused"
    return "saved" if state.fields.account is not None else "none"


def _error(problem: CartoLoginError) -> dict[str, Any]:
    """What stands beside a field: of an answer only the title, the rest is told."""
    field, value = field_of(problem), getattr(problem, "suggestion", None)
    take = None
    if value and field in ("username", "base_url"):
        take = {"label": f"Use {value}", "field": field, "value": value}
    return {"text": _TITLES.get(problem.reason) or str(problem), "take": take}


def _message(state: State) -> tuple[str, str]:
    where = state.address
    if state.card and state.signed:
        where = state.signed.address
    host = where.host if where else "CARTO"
    if state.card and state.doing != "check_again":
        return "none", ""
    if state.doing == "sign_in":
        return "busy", "Signing in …"
    if state.doing and state.waited:
        waited = f"no answer for {state.waited} seconds"
        return "busy", f"Still waiting for {host}: {waited} …"
    if state.doing in ("check", "check_again"):
        return "busy", f"Checking with {host} …"
    if state.verdict is not None:
        account = state.verdict.account
        known = f": {_lowered(account.summary)}" if account else "."
        return "good", f"CARTO accepts this key{known}"
    if state.error is not None:
        return _told(state, state.error)
    if state.notes:
        return state.tone, " ".join(state.notes)
    if state.problems:
        count = "fields" if len(state.problems) > 1 else "field"
        missing = all(isinstance(p, MissingError) for p in state.problems)
        return "warn", f"{'Fill in' if missing else 'Correct'} the marked {count}."
    return "none", ""


def _lowered(summary: str) -> str:
    return summary if summary.startswith("API") else summary[:1].lower() + summary[1:]


def _told(state: State, error: CartoLoginError) -> tuple[str, str]:
    if isinstance(error, UndecidedError):
        return "warn", str(error)
    # One of title and words stands beside the field already.
    title, beside = _TITLES.get(error.reason), bool(state.problems) and not state.folded
    said = ["" if beside else title, "" if beside and not title else str(error)]
    words = " ".join(filter(None, said)) or "Correct the marked field."
    if state.signed:
        words += f"\nYou are still signed in as {state.signed.address.username}."
    return "bad", words


def _act(act: str, label: str, kind: str = "plain", *, busy: bool = False) -> Any:
    return {"act": act, "label": label, "kind": kind, "busy": busy}


def _acts(state: State) -> list[Any]:
    """The buttons: each kind has its own slot, so that none moves when one comes."""
    main, row = ("submit", "Log in"), state.row(state.fields.account)
    is_undecided = state.status == "undecided" and not state.doing
    if is_undecided:
        main = ("try_again", "Try again")
    elif state.folded and state.refused:
        main = ("unfold", "Enter a new key")
    elif state.folded:
        name = (row and row.address.username) or state.fields.account
        main = ("submit", f"Continue as {name}")
    acts = [_act(*main, "primary", busy=state.doing in ("check", "sign_in"))]
    if state.folded and not state.refused:
        acts.append(_act("unfold", "Show the fields"))
    if state.signed is not None:
        acts.append(_act("stay", f"Stay signed in as {state.signed.address.username}"))
    if is_undecided or state.doing == "check":
        acts.append(_act("cancel", "Cancel"))
    if is_undecided:
        acts.append(_act("use_unchecked", "Use without checking"))
    return acts


# The card.


def _card(state: State, signed: Signed) -> dict[str, Any]:
    error, is_checking = state.error, state.doing == "check_again"
    notes = list(state.notes)
    title = f"Signed in to CARTO as {signed.address.username}"
    acts = [
        _act("switch", "Switch account"),
        _act("log_out", "Log out", busy=state.doing == "log_out"),
    ]
    if error is not None:
        what = "key" if error.reason is Reason.WRONG_KEY else "account"
        title = f"CARTO no longer accepts this {what}"
        if str(error) not in notes:
            notes.insert(0, str(error))
        acts.insert(0, _act("unfold", "Enter a new key", "primary"))
    elif not signed.is_checked:
        title = f"Signed in as {signed.address.username}, not checked"
        check = _act("check_again", "Check now", "primary", busy=is_checking)
        acts.insert(0, check)
    if is_checking:
        acts.append(_act("cancel", "Cancel"))
    return {
        "about": state.about,
        "title": title,
        "good": signed.is_checked and error is None,
        "rows": [list(fact) for fact in signed.facts],
        "notes": notes,
        "quota": list(state.quota),
        "acts": acts,
        "menu": [_item(state, signed, act) for act in flow.menu(state)],
    }


_ITEMS = {
    "save": "Save this account …",
    "save_in_file": "Save in a file instead …",
    "rename": "Rename …",
    "make_default": "Start every session with it",
    "forget": "Forget this account …",
    "check_again": "Check again",
}


def _item(state: State, signed: Signed, act: str) -> dict[str, Any]:
    confirm, ask, default = None, None, None
    if act in ("save", "save_in_file"):
        row = state.row(signed.proposed)
        is_taken = row is not None and row.is_at(signed.address)
        taken = " (replaces the saved key)" if is_taken else ""
        ask = {"label": f"Save as{taken}", "value": signed.proposed}
        default = state.start is None and signed.is_checked
    elif act == "rename":
        ask = {"label": "New name", "value": signed.profile or ""}
    elif act == "forget":
        question = forget_question(signed.profile or "", is_start=signed.is_default)
        confirm = f"{question} You stay signed in."
    told = {"confirm": confirm, "ask": ask, "default": default}
    return {"act": act, "label": _ITEMS[act], **told}


def storage(me: Any) -> list[dict[str, Any]]:
    """Return bars for what `/api/v3/me` tells."""
    try:
        user = me["user_data"]
        used, quota = user["db_size_in_bytes"], user["quota_in_bytes"]
        percent = round(min(100.0, max(0.0, 100.0 * used / quota)), 1)
        words = f"{_size(used)} of {_size(quota)} used"
    except (LookupError, TypeError, ValueError, ZeroDivisionError):
        return []
    bar = {"label": "Storage", "words": words, "percent": percent}
    return [bar] if quota > 0 else []


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:  # noqa: PLR2004 - decimal units
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
