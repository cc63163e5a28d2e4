"""What the form does: a state and an event in, a state and effects out.

Nothing here knows a widget, a thread, a clock, a file or the network. The page sends
acts, each with all the fields as they stand; the kernel answers with a snapshot of the
state (`view.py`). Work that takes time is an effect with a number, and an answer that
brings another number than the one that is waited for is dropped.

| phase      | what it means               | leads on                                  |
|------------|-----------------------------|-------------------------------------------|
| empty      | nothing asked, or cancelled | commit, choose: checking, if all is there |
|            |                             | submit: checking, or errors at the fields |
| checking   | a check is under way        | Accepted, Failed; cancel, an edit: empty  |
| accepted   | a verdict of these fields   | submit: signing_in; an edit: empty        |
| rejected   | CARTO said no, or the file  | submit: checking; an edit: empty          |
|            | cannot be used              |                                           |
| undecided  | nothing could be learned    | try_again: checking; cancel, edit: empty; |
|            |                             | use_unchecked: signing_in                 |
| signing_in | saving and registering      | Registered: signed_in; Unexpected: empty  |
| signed_in  | the card                    | switch, unfold: empty, stay leads back;   |
|            |                             | log_out, the default ends: empty          |

An edit is another account, address, user name or key; it ends check, verdict and wish,
and starts a check if all is there. A wish is Log in, Enter or Try again: it lasts until
accepted, rejected, cancelled or edited, and there is none while something is missing.
Remember, name and default are no edit: they are read when the account is saved.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from .. import address
from ..errors import (
    CartoLoginError,
    InvalidCredentialsError,
    NotCartoError,
    Reason,
    RejectedError,
    UndecidedError,
)
from ..identity import Identity
from ..secret import (
    Secret,
    check_key,
    clean_key,
    clean_paste,
    looks_like_key,
    looks_like_master_key,
)
from ..store.keyring import KeyringError
from ..store.profiles import check_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..account import Account

# What the state is made of.


@dataclass(frozen=True, slots=True)
class Fields:
    """The controls of the page; `typed` is False where a value came without typing."""

    account: str | None = None
    custom: bool = False
    base_url: str = ""
    username: str = ""
    remember: bool = True
    name: str = ""
    default: bool = False
    typed: bool = True

    @property
    def asked(self) -> tuple[str | None, str | None, str]:
        """What a verdict depends on, but for the key."""
        return self.account, self.base_url if self.custom else None, self.username


NAMES = tuple(f.name for f in fields(Fields))


@dataclass(frozen=True, slots=True)
class SavedAccount:
    """An account whose key is in its file and is read only to be checked or used."""

    name: str


Subject = Identity | SavedAccount


class Row(NamedTuple):
    """A line of the list of saved accounts."""

    name: str
    username: str = ""
    host: str = ""
    key: str = ""
    is_default: bool = False


class Saved(NamedTuple):
    """What the file of the chosen account says, without the key."""

    username: str
    base_url: str
    allow_non_secure: bool = False


class Saving(NamedTuple):
    """The three choices: under which name, whether as the start, what is replaced.

    `in_file`: the key goes into the file, as there is no keyring.
    """

    name: str
    default: bool
    replace: bool
    in_file: bool = False


class Problem(NamedTuple):
    """What is wrong with a field, and a value that would be better."""

    field: str | None
    text: str
    take: str | None = None
    missing: bool = False


class Verdict(NamedTuple):
    """What CARTO accepted; `proof` is what the effect hands on to sign in with."""

    subject: Subject
    proof: Any
    account: Account | None


@dataclass(frozen=True, slots=True)
class Signed:
    """The account of the kernel and the facts of its card."""

    credentials: Any = field(repr=False)
    username: str
    base_url: str
    host: str
    account: Account | None = None
    since: str = ""
    source: str | None = None
    profile: str | None = None  # the saved account that holds this very key
    path: str = ""
    is_default: bool = False
    in_keyring: bool = False  # where its saved key is
    proposed: str = ""


@dataclass(frozen=True, slots=True)
class State:
    """All that the form knows."""

    phase: str = "empty"
    fields: Fields = Fields()
    written: Mapping[str, int] = field(default_factory=dict)
    touched: frozenset[str] = frozenset()  # saving choices that the user made
    offered: frozenset[str] = frozenset([""])  # names that the form proposed
    key: Secret | None = None
    refused: bool = False
    saved: Saved | None = None
    unfolded: bool = False
    number: int = 0
    waits: int | None = None
    loads: int | None = None
    subject: Subject | None = None  # of the attempt under way
    waited: int = 0
    verdict: Verdict | None = None
    wish: bool = False
    error: CartoLoginError | None = None
    problems: tuple[Problem, ...] = ()
    note: tuple[str, str] = ("none", "")
    accounts: tuple[Row, ...] = ()
    path: str = ""
    saving_allowed: bool = True
    already: str = ""  # the name under which this very key is saved
    said: str = ""  # the name whose replacement was announced
    signed: Signed | None = None
    works: Work | None = None  # the act of the card that is under way
    leaving: int | None = None  # the number of the last Log out
    no_keyring: bool = False  # the keyring did not take the key: a file could
    revoked: CartoLoginError | None = None
    notes: tuple[str, ...] = ()
    quota: tuple[tuple[str, str, float], ...] = ()
    focus: tuple[str, int] | None = None
    closed: bool = False

    @property
    def folded(self) -> bool:
        """Whether a saved account is chosen and its fields are not shown."""
        return self.fields.account is not None and not self.unfolded

    @property
    def row(self) -> Row | None:
        """The line of the chosen account."""
        return row_of(self, self.fields.account or "")

    @property
    def has_default(self) -> bool:
        """Whether sessions start with an account already."""
        return any(row.is_default for row in self.accounts)


# Events.


@dataclass(frozen=True, slots=True)
class Act:
    """What the user did, with all fields as they are; `value` and `field` of a take."""

    name: str
    fields: Fields
    key: Secret | None = None
    field: str = ""
    value: str = ""
    misplaced: str = ""


class Loaded(NamedTuple):
    """The file of the chosen account was read."""

    number: int
    saved: Saved


class Accepted(NamedTuple):
    """CARTO accepts; `proposed` is a name to save under, `already` one that has it."""

    number: int
    proof: Any
    account: Account | None
    proposed: str = ""
    already: str = ""


class Failed(NamedTuple):
    """CARTO refused, could not be asked, or a file cannot be used."""

    number: int
    error: CartoLoginError
    proposed: str = ""


class Registered(NamedTuple):
    """The login is done; `signed` is what the kernel is signed in with now."""

    number: int
    signed: Signed | None
    notes: Sequence[str] = ()
    no_keyring: bool = False


class Done(NamedTuple):
    """An act of the card has ended; `error` is why it did not succeed."""

    number: int
    signed: Signed | None
    notes: Sequence[str] = ()
    error: CartoLoginError | None = None


class DefaultChanged(NamedTuple):
    """Somebody signed the kernel in or out."""

    signed: Signed | None


class Listed(NamedTuple):
    """The saved accounts, the default first."""

    accounts: Sequence[Row]


class QuotaArrived(NamedTuple):
    """Bars for the card of these credentials."""

    credentials: Any
    bars: Sequence[tuple[str, str, float]]


class Tick(NamedTuple):
    """An attempt has been under way for some seconds."""

    number: int
    seconds: int


class Unexpected(NamedTuple):
    """Something failed that nobody foresaw: an effect, or a program's observer."""

    words: str
    number: int | None = None


class Closed(NamedTuple):
    """The form is gone."""


# Effects.


class Load(NamedTuple):
    """Read the file of a saved account: Loaded or Failed."""

    number: int
    name: str


class Check(NamedTuple):
    """Ask CARTO: Accepted or Failed; Loaded before it where the account is saved."""

    number: int
    subject: Subject


class CancelCheck(NamedTuple):
    """Nobody waits for this check any more."""

    number: int


class SignIn(NamedTuple):
    """Save if asked, then register; without proof, unchecked."""

    number: int
    subject: Subject
    proof: Any
    saving: Saving | None


class ListAccounts(NamedTuple):
    """Read the list of saved accounts: Listed."""


class Work(NamedTuple):
    """An act of the card, as `Act` calls it, with the name that it is about: Done."""

    number: int
    act: str
    credentials: Any
    name: str = ""
    saving: Saving | None = None


class Quota(NamedTuple):
    """Ask for the bars of the card: QuotaArrived."""

    credentials: Any


class _Step:
    """One step under way: the state so far and what is to be done."""

    def __init__(self, state: State) -> None:
        self.now = state
        self.effects: list[Any] = []

    def set(self, **changes: Any) -> None:
        self.now = replace(self.now, **changes)

    def next(self) -> int:
        self.set(number=self.now.number + 1)
        return self.now.number

    def write(self, **values: Any) -> None:
        """Put values into controls of the page, and no others."""
        old = self.now.fields
        new = {k: v for k, v in values.items() if getattr(old, k) != v}
        written = {**self.now.written, **dict.fromkeys(new, self.next())}
        self.set(fields=replace(old, **new), written=written)

    def focus(self, to: str) -> None:
        self.set(focus=(to, (self.now.focus or ("", 0))[1] + 1))


def begin(  # noqa: PLR0913 - each is one way to start
    *,
    accounts: Iterable[Row] = (),
    path: str = "",
    remember: bool = True,
    saving_allowed: bool = True,
    username: str = "",
    base_url: str = "",
    profile: str | None = None,
    error: CartoLoginError | None = None,
    signed: Signed | None = None,
    show_card: bool = False,
    notes: Iterable[str] = (),
) -> tuple[State, tuple[Any, ...]]:
    """Return the first state of a form, and what is to be done for it."""
    step = _Step(
        State(
            fields=Fields(remember=remember),
            accounts=tuple(accounts) if saving_allowed else (),
            path=path,
            saving_allowed=saving_allowed,
            signed=signed,
        )
    )
    if signed is not None and show_card:
        _show_card(step, notes)
        step.set(revoked=error)
    else:
        _show_fields(step, username=username, base_url=base_url, profile=profile)
        if error is not None:
            _tell_error(step, error)
    step.set(focus=None)
    return step.now, tuple(step.effects)


def step(state: State, event: Any) -> tuple[State, tuple[Any, ...]]:
    """Return the state after an event, and what is to be done."""
    if state.closed:
        return state, ()
    one = _Step(state)
    if isinstance(event, Act):
        acts = _CARD_ACTS if state.phase == "signed_in" else _FORM_ACTS
        if event.name in acts and state.phase != "signing_in":
            acts[event.name](one, event)
    elif (answer := _EVENTS.get(type(event))) is not None:
        answer(one, event)
    if replaces(one.now):
        one.set(said=one.now.fields.name)
    return one.now, tuple(one.effects)


# What the user does in the form.


def _commit(step: _Step, act: Act) -> None:
    _consider(step, act, changed=_absorb(step, act))


def _consider(step: _Step, act: Act, *, changed: bool) -> None:
    """Say what is wrong with the fields, or check them if they are new and whole."""
    subject, found = _judge(step.now)
    wrong = _misplaced(act)
    _show_problems(step, [*wrong, *found, *_judge_name(step.now)], asked=False)
    if wrong or not changed or subject is None or not act.fields.typed:
        return
    if _is_whole(step.now):
        _check(step, subject)


def _submit(step: _Step, act: Act) -> None:
    changed = _absorb(step, act)
    subject, found = _judge(step.now)
    if step.now.phase == "rejected" and step.now.refused and not changed:
        # The answer came between press and release: it stays, and a key is asked for.
        step.set(unfolded=True)
        step.focus("api_key")
        return
    found = [*_misplaced(act), *found, *_judge_saving(step.now)]
    if subject is None or found:
        _forget_verdict(step)
        _show_problems(step, found, asked=True)
        step.set(unfolded=True)
        step.focus(step.now.problems[0].field or "submit")
        return
    step.set(wish=True, note=("none", ""), problems=())
    verdict = step.now.verdict
    if verdict is not None and verdict.subject == subject:
        _sign_in(step, subject, verdict.proof)
    elif step.now.waits is None or step.now.subject != subject:
        _check(step, subject)


def _try_again(step: _Step, act: Act) -> None:
    if step.now.phase == "undecided":
        _submit(step, act)


def _use_unchecked(step: _Step, act: Act) -> None:
    if step.now.phase != "undecided":
        return
    if _absorb(step, act):
        _consider(step, act, changed=True)  # nothing is known of other fields
        return
    subject, found = _judge(step.now)
    found += _judge_saving(step.now)
    _show_problems(step, found, asked=True)
    if subject is not None and not found:
        _sign_in(step, subject, None)


def _cancel(step: _Step, act: Act) -> None:
    if step.now.phase not in ("checking", "undecided"):
        return
    _absorb(step, act)
    _forget_verdict(step)
    step.set(note=("info", "Cancelled. Log in starts the check again."))
    step.focus("submit")


def _choose(step: _Step, act: Act) -> None:
    name = act.fields.account
    if name == step.now.fields.account:
        return
    _forget_verdict(step)
    now = step.now
    step.set(key=None, saved=None, loads=None, unfolded=False, problems=())
    step.set(refused=False, touched=now.touched & {"remember"})
    step.set(offered=frozenset([""]))  # the name of the last one may be typed now
    blank = Fields(account=name, default=not now.has_default)
    step.write(**{**_values(blank), "remember": now.fields.remember})
    if name is not None:
        _check(step, SavedAccount(name))


def _unfold(step: _Step, _act: Act) -> None:
    step.set(unfolded=True)
    step.focus("api_key" if step.now.refused else "username")


def _drop_key(step: _Step, act: Act) -> None:
    _absorb(step, replace(act, key=None))
    _forget_verdict(step)
    step.set(key=None)
    step.focus("api_key")


def _take(step: _Step, act: Act) -> None:
    if act.field not in ("username", "base_url"):
        return
    taken: dict[str, Any] = {act.field: act.value}
    if act.field == "base_url":
        taken["custom"] = True
    changed = replace(act, fields=replace(act.fields, **taken, typed=True))
    _commit(step, changed)
    bumped = dict.fromkeys(taken, step.next())
    step.set(written={**step.now.written, **bumped})
    step.focus("submit" if step.now.waits or step.now.key else "api_key")


def _stay(step: _Step, _act: Act) -> None:
    if step.now.signed is not None:
        _show_card(step, ())


# From fields to a verdict.


def _absorb(step: _Step, act: Act) -> bool:
    """Take over fields and key; return whether anything that is asked has changed."""
    now, old, given, key = step.now, step.now.fields, _clean(act.fields), None
    given = replace(given, account=old.account, name=_name(now, given.name))
    if now.folded:
        # The other controls are hidden, and what is left in them is of no account.
        given = replace(
            given, custom=old.custom, base_url=old.base_url, username=old.username
        )
    elif act.key:
        key = Secret(clean_key(act.key.reveal())) or None
    chosen = {
        n for n in ("remember", "default") if getattr(given, n) != getattr(old, n)
    }
    chosen |= {"name"} if given.name not in now.offered else set()
    step.set(fields=given, touched=now.touched | chosen)
    _write_back(step, act)
    again = now.phase in ("empty", "undecided")  # who types it anew has it checked
    fresh = key is not None and (key != now.key or again)
    changed = fresh or given.asked != old.asked
    if changed:
        _forget_verdict(step)
    if fresh:
        step.set(key=key, refused=False)
    if given.asked != old.asked:
        _leave_saved(step)
    return changed


def _name(state: State, name: str) -> str:
    """The name as it stands; a page that has not drawn the proposal yet sends none."""
    return state.fields.name if name in state.offered else name


def _write_back(step: _Step, act: Act) -> None:
    """Take what looks like a key out of the controls that it does not belong in."""
    wrong = [problem.field or "" for problem in _misplaced(replace(act, misplaced=""))]
    if wrong and not step.now.folded:
        written = dict.fromkeys(wrong, step.next())
        step.set(written={**step.now.written, **written})


_SECRET_PART = re.compile(
    r"[?#].*(?:key|token|secret|passw).*|(?<=//)[^/?#]*@", re.IGNORECASE
)


def _clean(given: Fields) -> Fields:
    username, base_url = clean_paste(given.username), clean_paste(given.base_url)
    name = clean_paste(given.name)
    return replace(
        given,
        username="" if _has_key(username) else _SECRET_PART.sub("", username),
        base_url="" if _has_key(base_url) else _SECRET_PART.sub("", base_url),
        name="" if _has_key(name, looks_like_master_key) else name.lower(),
    )


def _has_key(text: str, looks: Callable[[str], bool] = looks_like_key) -> bool:
    return any(map(looks, re.split(r"[^\w-]+", text)))


def _misplaced(act: Act) -> list[Problem]:
    """A key that stands, or stood in the page, where something else belongs."""
    given, found = _clean(act.fields), []
    if act.misplaced == "username" or given.username != clean_paste(
        act.fields.username
    ):
        text = "That looks like an API key. It belongs in the field below; enter your "
        found.append(Problem("username", f"{text}CARTO user name here."))
    if act.misplaced == "base_url" or given.base_url != clean_paste(
        act.fields.base_url
    ):
        text = (
            "An address holds no key or password. Enter it without, and the key below."
        )
        found.append(Problem("base_url", text))
    return found


def _leave_saved(step: _Step) -> None:
    """Drop a saved key as soon as name or address are no longer its own."""
    now = step.now
    if now.fields.account is None:
        return
    try:
        given = _address(now)
        same = now.saved is not None and given == address.resolve(
            now.saved.username, now.saved.base_url, allow_non_secure=True
        )
    except InvalidCredentialsError:
        same = False
    if not same:
        step.write(account=None)
        step.set(saved=None, loads=None, refused=False)
        if "name" not in now.touched:
            step.write(name="")


def _address(state: State) -> address.Address:
    given, saved = state.fields, state.saved
    lenient = saved is not None and saved.allow_non_secure
    base_url = given.base_url if given.custom else None
    return address.resolve(given.username, base_url, allow_non_secure=lenient)


def _judge(state: State) -> tuple[Subject | None, list[Problem]]:
    """Return what can be checked, or all that is missing or cannot be right."""
    given = state.fields
    if given.account and state.key is None and not state.refused:
        return SavedAccount(given.account), []
    lenient = state.saved is not None and state.saved.allow_non_secure
    found = [*_judge_address(given, lenient=lenient), *_judge_username(given)]
    found += _judge_key(state.key)
    where: address.Address | None = None
    if not any(problem.field != "api_key" for problem in found):
        try:
            where = _address(state)
        except InvalidCredentialsError as error:
            found.insert(0, _problem_of(error))
    if found or where is None:
        return None, sorted(found, key=lambda p: _ORDER.index(p.field or "name"))
    base_url = where.base_url if given.custom else None
    of = Identity.of(where.username, state.key, base_url, allow_non_secure=lenient)
    return of, []


_ORDER = ("base_url", "username", "api_key", "name")


def _judge_address(given: Fields, *, lenient: bool) -> list[Problem]:
    if not given.custom:
        return []
    if not given.base_url:
        text = "Enter the address of your CARTO."
        return [Problem("base_url", text, missing=True)]
    try:
        address.normalize_base_url(given.base_url, allow_non_secure=lenient)
    except InvalidCredentialsError as error:
        return [_problem_of(error)]
    return []


def _judge_username(given: Fields) -> list[Problem]:
    name = given.username
    if not name:
        named = given.custom and given.base_url
        text = "Enter your CARTO user name."
        return [] if named else [Problem("username", text, missing=True)]
    try:
        address.check_username(name)
    except InvalidCredentialsError as error:
        return [_problem_of(error)]
    if hint := address.username_hint(name):
        better = name.lower().replace("_", "-").strip("-")
        good = bool(better) and not address.username_hint(better)
        return [Problem("username", hint, better if good else None)]
    return []


def _judge_key(key: Secret | None) -> list[Problem]:
    if key is None:
        return [Problem("api_key", "Enter the API key.", missing=True)]
    try:
        check_key(key)
    except InvalidCredentialsError as error:
        return [_problem_of(error)]
    return []


def _judge_name(state: State) -> list[Problem]:
    """What is wrong with the name to save under, where the user chose it."""
    given = state.fields
    if not (state.saving_allowed and given.remember and "name" in state.touched):
        return []
    try:
        check_name(given.name)
    except InvalidCredentialsError as error:
        return [Problem("name", str(error))]
    return []


def _judge_saving(state: State) -> list[Problem]:
    """What is wrong with the name, or that it is another account's, not yet said."""
    row = replaces(state)
    if row is None or state.said == row.name or is_same_account(state, row):
        return _judge_name(state)
    text = (
        f"'{row.name}' is saved already, for {row.username} at {row.host}. Log in once "
        "more to replace it, or choose another name."
    )
    return [Problem("name", text)]


def _problem_of(error: CartoLoginError) -> Problem:
    return Problem(field_of(error), str(error), getattr(error, "suggestion", None))


_FIELD_OF = {
    Reason.WRONG_KEY: "api_key",
    Reason.UNKNOWN_USER: "username",
    Reason.WRONG_USER: "username",
    Reason.NOT_CARTO: "base_url",
    Reason.WRONG_ADDRESS: "base_url",
    Reason.MOVED: "base_url",
}


def field_of(error: CartoLoginError) -> str | None:
    """Return the field that is wrong, or None where no single one is."""
    if isinstance(error, InvalidCredentialsError):
        return error.field
    known = isinstance(error, RejectedError | NotCartoError) and error.reason
    return _FIELD_OF.get(known) if known else None


def _show_problems(step: _Step, found: Sequence[Problem], *, asked: bool) -> None:
    """Show what is wrong; what is only missing is said to those who log in."""
    if step.now.error is not None and not asked:
        return  # what CARTO said of these very fields says more
    told = {problem.field for problem in step.now.problems}
    shown: dict[str | None, Problem] = {}
    for problem in found:
        if asked or not problem.missing or problem.field in told:
            shown.setdefault(problem.field, problem)
    if any(p.field == "api_key" and not p.missing for p in found):
        step.set(key=None)  # what cannot be a key is not kept
    step.set(problems=tuple(shown.values()))


def _is_whole(state: State) -> bool:
    """Whether a check may start by itself: the account is named beyond doubt."""
    if state.fields.account or state.fields.username:
        return True
    where = _address(state)
    return where.is_cloud or "/user/" in address.normalize_base_url(
        state.fields.base_url, allow_non_secure=True
    )


def _forget_verdict(step: _Step) -> None:
    """Take back check, verdict and wish, and what was said of them."""
    if step.now.waits is not None:
        step.effects.append(CancelCheck(step.now.waits))
    told = step.now.error is not None
    step.set(
        phase="empty",
        waits=None,
        subject=None,
        verdict=None,
        wish=False,
        error=None,
        refused=step.now.refused and step.now.fields.account is not None,
        problems=() if told else step.now.problems,
        note=("none", ""),
        already="",
    )


def _check(step: _Step, subject: Subject) -> None:
    wish = step.now.wish
    _forget_verdict(step)
    step.set(
        phase="checking", subject=subject, wish=wish, waits=step.next(), waited=0,
        problems=(), refused=False,
    )  # fmt: skip
    step.effects.append(Check(step.now.number, subject))


def _on_loaded(step: _Step, event: Loaded) -> None:
    if event.number not in (step.now.waits, step.now.loads):
        return
    saved, name = event.saved, step.now.fields.account
    step.set(loads=None)
    if name is None or step.now.saved == saved:
        return
    cloud = f"https://{saved.username}.carto.com"
    custom = saved.base_url != cloud
    step.set(saved=saved, offered=step.now.offered | {name})
    step.write(
        username=saved.username,
        custom=custom,
        base_url=saved.base_url if custom else "",
        name=name,
        default=bool(step.now.row and step.now.row.is_default),
    )


def _on_accepted(step: _Step, event: Accepted) -> None:
    now = step.now
    if event.number != now.waits or now.subject is None:
        return
    step.set(
        phase="accepted",
        waits=None,
        verdict=Verdict(now.subject, event.proof, event.account),
        already=event.already,
    )
    _propose(step, event.proposed)
    temporary = event.account is not None and event.account.key_type == "oauth"
    if temporary and "remember" not in now.touched:
        step.write(remember=False)
    if now.wish:
        _sign_in(step, now.subject, event.proof)


def _propose(step: _Step, name: str) -> None:
    """Put a name into its field, as long as the user has not chosen one."""
    if name and step.now.fields.account is None and "name" not in step.now.touched:
        step.set(offered=step.now.offered | {name})
        step.write(name=name)


def _on_failed(step: _Step, event: Failed) -> None:
    if event.number == step.now.loads:
        step.set(loads=None)
        _tell_error(step, event.error)
    elif event.number == step.now.waits:
        wished = step.now.wish
        _propose(step, event.proposed)
        _tell_error(step, event.error)
        if wished and not step.now.folded:
            problems = step.now.problems
            step.focus((problems[0].field if problems else None) or _main_act(step.now))


def _main_act(state: State) -> str:
    return "try_again" if state.phase == "undecided" else "submit"


def _tell_error(step: _Step, error: CartoLoginError) -> None:
    """Say why there is no login; a key that was refused is not kept."""
    step.set(waits=None, subject=None, verdict=None, wish=False, error=error)
    if isinstance(error, UndecidedError):
        step.set(phase="undecided", problems=())
        return
    problem = _problem_of(error)
    step.set(phase="rejected", problems=(problem,) if problem.field else ())
    if problem.field == "api_key":
        step.set(key=None, refused=True)


# From a verdict to a signed-in kernel.


def row_of(state: State, name: str) -> Row | None:
    """Return the line of a saved account."""
    return next((row for row in state.accounts if row.name == name), None)


def replaces(state: State) -> Row | None:
    """Return the saved account whose key Log in would replace, or None."""
    given = state.fields
    if not state.saving_allowed or not given.remember or given.name == state.already:
        return None
    if given.account and state.key is None:
        return None
    return row_of(state, given.name) if given.name else None


def is_same_account(state: State, row: Row) -> bool:
    """Whether a saved account is the one that the fields name."""
    try:
        where = _address(state)
    except InvalidCredentialsError:
        return False
    return (row.username.lower(), row.host) == (where.username, where.host)


def _sign_in(step: _Step, subject: Subject, proof: Any) -> None:
    saving = _saving(step.now, subject, unchecked=proof is None)
    step.set(phase="signing_in", subject=subject, waits=step.next(), wish=False)
    step.effects.append(SignIn(step.now.number, subject, proof, saving))


def _saving(state: State, subject: Subject, *, unchecked: bool) -> Saving | None:
    given = state.fields
    saved_already = isinstance(subject, SavedAccount)
    if not state.saving_allowed or not given.remember or saved_already:
        return None
    row = replaces(state)
    by_itself = unchecked and "default" not in state.touched
    default = given.default and not by_itself
    known = row is not None or given.name == state.already
    return Saving(given.name, default, known and bool(given.name))


def _on_registered(step: _Step, event: Registered) -> None:
    if event.number != step.now.waits:
        return
    step.set(signed=event.signed, waits=None)
    step.effects.append(ListAccounts())
    if event.signed is None:
        _show_fields(step, note="This kernel was logged out.")
    else:
        kind, failure = step.now.note
        _show_card(step, [*event.notes, *([failure] if kind == "bad" else [])])
        step.set(no_keyring=event.no_keyring)


def _show_card(step: _Step, notes: Iterable[str]) -> None:
    now = step.now
    _clear(step)
    step.set(phase="signed_in", notes=tuple(notes), unfolded=False)
    step.focus("card")
    signed = now.signed
    account = signed.account if signed else None
    if signed and account and account.checked and account.key_type == "master":
        step.effects.append(Quota(signed.credentials))


def _clear(step: _Step) -> None:
    """Forget what was typed, held and learned."""
    _forget_verdict(step)
    blank = Fields(remember=step.now.fields.remember, default=not step.now.has_default)
    step.set(
        key=None, saved=None, loads=None, refused=False, problems=(), said="",
        touched=frozenset(), offered=frozenset([""]), works=None, revoked=None,
        notes=(), quota=(), no_keyring=False,
    )  # fmt: skip
    step.write(**_values(blank))


def _values(given: Fields) -> dict[str, Any]:
    return {name: getattr(given, name) for name in NAMES}


def _show_fields(
    step: _Step,
    *,
    username: str = "",
    base_url: str = "",
    profile: str | None = None,
    note: str = "",
) -> None:
    """Show the fields, with the default account or what was given filled in."""
    _clear(step)
    step.set(unfolded=False, note=("info", note) if note else ("none", ""))
    names = [row.name for row in step.now.accounts]
    start = next((row.name for row in step.now.accounts if row.is_default), None)
    current = step.now.signed.profile if step.now.signed else None
    chosen = profile or (start if start != current else None)
    if username or base_url or (chosen not in names and profile is None):
        step.write(username=username, base_url=base_url, custom=bool(base_url))
    elif chosen is not None:
        step.write(account=chosen)
        step.set(loads=step.next())
        step.effects.append(Load(step.now.number, chosen))


def _first(state: State) -> str:
    return "account" if state.accounts else "username"


# The card.


def _switch(step: _Step, _act: Act) -> None:
    _show_fields(step)
    step.focus(_first(step.now))


def _new_key(step: _Step, _act: Act) -> None:
    """From a card whose key is refused to the fields of the same account."""
    signed = step.now.signed
    if signed is None:
        return
    cloud = f"https://{signed.username}.carto.com"
    base_url = "" if signed.base_url == cloud else signed.base_url
    if signed.profile is None:
        _show_fields(step, username=signed.username, base_url=base_url)
    else:
        _show_fields(step, profile=signed.profile)
        step.set(refused=True, unfolded=True)
    step.focus("api_key")


def _log_out(step: _Step, act: Act) -> None:
    if step.now.signed and (step.now.works is None or step.now.works.act != act.name):
        _work(step, act, step.now.signed)


_SAVES = ("save", "save_in_file")


def _card_work(step: _Step, act: Act) -> None:
    """Begin an act of the card: one at a time, and only what the card can do now."""
    signed = step.now.signed
    if signed is None or step.now.works is not None:
        return
    saved = signed.profile is not None
    possible = act.name == "check_again" or (
        step.now.saving_allowed
        and saved == (act.name not in _SAVES)
        and not (act.name == "make_default" and signed.is_default)
    )
    if possible:
        _work(step, act, signed)


def _work(step: _Step, act: Act, signed: Signed) -> None:
    saving = None
    if act.name in (*_SAVES, "rename"):
        given = act.value if act.name == "rename" else act.fields.name
        try:
            name = check_name(clean_paste(given) or signed.proposed)
        except InvalidCredentialsError as error:
            step.set(notes=(str(error),))
            return
        replaced = is_of(signed, row_of(step.now, name))
        in_file = act.name == "save_in_file"
        saving = Saving(name, act.fields.default, replaced, in_file)
    step.set(notes=())
    name = signed.profile or ""
    work = Work(step.next(), act.name, signed.credentials, name, saving)
    step.set(works=work)
    step.effects.append(work)


def is_of(signed: Signed, row: Row | None) -> bool:
    """Whether a saved account is the one of the card, with this or another key."""
    same = row and (row.username, row.host) == (signed.username, signed.host)
    return bool(same)


def _cancel_card(step: _Step, _act: Act) -> None:
    works = step.now.works
    if works is not None and works.act == "check_again":
        step.effects.append(CancelCheck(works.number))
        step.set(works=None)
        step.focus("card")


def _dismiss(step: _Step, _act: Act) -> None:
    step.set(notes=())
    step.focus("card")


def _on_done(step: _Step, event: Done) -> None:
    now, works, error = step.now, step.now.works, event.error
    if now.phase == "empty" and now.signed is None and works is None:
        if now.leaving == event.number:
            step.set(note=("good", " ".join(["Logged out.", *event.notes])))
        return
    if works is None or event.number != works.number:
        return
    step.set(works=None, signed=event.signed or now.signed)
    if works.act == "check_again":
        refused = error is not None and not isinstance(error, UndecidedError)
        if refused and now.signed and now.signed.credentials is not works.credentials:
            return  # it was about an account that is no longer this kernel's
        step.set(revoked=error if refused else None)
    else:
        step.set(no_keyring=isinstance(error, KeyringError))
        step.effects.append(ListAccounts())
    told = [str(error)] if error is not None else []
    step.set(notes=(*told, *event.notes))
    step.focus("card")


def _on_default(step: _Step, event: DefaultChanged) -> None:
    now, signed = step.now, event.signed
    step.set(signed=signed)
    if now.phase == "signed_in" and signed is None:
        _show_fields(step, note="This kernel was logged out.")
        if now.works and now.works.act == "log_out":
            step.set(leaving=now.works.number, note=("good", "Logged out."))
            step.focus(_first(step.now))
    elif now.phase == "signed_in" and signed is not None:
        if now.signed is None or signed.credentials is not now.signed.credentials:
            _show_card(step, ())
            # A check of this card puts a checked copy in its place.
            step.set(works=now.works, focus=now.focus)
    elif signed and now.signed is None and now.phase == "empty" and _is_blank(now):
        _show_card(step, ())
        step.set(focus=now.focus)


def _is_blank(state: State) -> bool:
    typed = state.fields.username or state.fields.base_url
    return state.key is None and (state.fields.account is not None or not typed)


# The rest.


def _on_listed(step: _Step, event: Listed) -> None:
    if not step.now.saving_allowed:
        return
    step.set(accounts=tuple(event.accounts))
    given = step.now.fields
    if "default" not in step.now.touched and given.account is None:
        step.write(default=not step.now.has_default)


def _on_quota(step: _Step, event: QuotaArrived) -> None:
    signed = step.now.signed if step.now.phase == "signed_in" else None
    if signed is not None and signed.credentials is event.credentials:
        step.set(quota=tuple(event.bars))


def _on_tick(step: _Step, event: Tick) -> None:
    if event.number == step.now.waits:
        step.set(waited=event.seconds)


def _on_unexpected(step: _Step, event: Unexpected) -> None:
    now, number = step.now, event.number
    if number is not None and number == now.waits:
        _forget_verdict(step)
    if now.works and now.works.number == number:
        step.set(works=None)
    if now.phase == "signed_in":
        step.set(notes=(*now.notes, event.words))
    else:
        step.set(note=("bad", event.words))


def _on_closed(step: _Step, _event: Closed) -> None:
    _clear(step)
    step.set(closed=True, phase="empty", accounts=(), signed=None)


_FORM_ACTS: dict[str, Callable[[_Step, Act], None]] = {
    "commit": _commit,
    "submit": _submit,
    "cancel": _cancel,
    "try_again": _try_again,
    "use_unchecked": _use_unchecked,
    "choose": _choose,
    "unfold": _unfold,
    "drop_key": _drop_key,
    "take": _take,
    "stay": _stay,
}
_CARD_ACTS: dict[str, Callable[[_Step, Act], None]] = {
    "switch": _switch,
    "unfold": _new_key,
    "log_out": _log_out,
    "check_again": _card_work,
    "save": _card_work,
    "save_in_file": _card_work,
    "rename": _card_work,
    "make_default": _card_work,
    "forget": _card_work,
    "cancel": _cancel_card,
    "dismiss": _dismiss,
}
_EVENTS: dict[type, Callable[[_Step, Any], None]] = {
    Loaded: _on_loaded,
    Accepted: _on_accepted,
    Failed: _on_failed,
    Registered: _on_registered,
    Done: _on_done,
    DefaultChanged: _on_default,
    Listed: _on_listed,
    QuotaArrived: _on_quota,
    Tick: _on_tick,
    Unexpected: _on_unexpected,
    Closed: _on_closed,
}
