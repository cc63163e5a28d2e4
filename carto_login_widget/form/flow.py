"""What the form does: a state and an event in, a state and effects out.

Nothing here knows a widget, a thread, a clock, a file or the network. The page sends
acts, each with all the fields as they stand; the kernel answers with a snapshot of the
state (`view.py`). Work that takes time is an order with a number, and an answer that
brings another number than the one that is waited for is dropped.

| status    | what it means               | leads on                                   |
|-----------|-----------------------------|--------------------------------------------|
| empty     | nothing asked, or cancelled | commit, choose: checking, if all is there  |
|           |                             | submit: checking, or errors at the fields  |
| checking  | a check is under way        | answered; cancel, an edit: empty           |
| accepted  | a verdict of these fields   | submit: the login; an edit: empty          |
| rejected  | CARTO said no, or the file  | submit: checking; an edit: empty           |
|           | cannot be used              |                                            |
| undecided | nothing could be learned    | try_again: checking; cancel, edit: empty;  |
|           |                             | use_unchecked: the login                   |
| signed_in | the card                    | switch, unfold: empty, stay leads back;    |
|           |                             | log_out, the default ends: empty           |

A login saves and registers; until it is done, the status stays and no act counts.
An edit is another account, address, user name or key; it ends check, verdict and wish,
and starts a check if all is there. A wish is Log in or Enter: it lasts until
accepted, rejected, cancelled or edited, and there is none while something is missing;
Try again goes on with it, and checks only where there was none.
Remember, name and default are no edit: they are read when the account is saved.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from ..address import Address
from ..errors import CartoLoginError, InvalidCredentialsError, UndecidedError
from ..identity import Identity
from ..secret import Secret, clean_key, clean_paste
from ..session.facts import replaced
from ..session.login import Saving
from ..store.keyring import KeyringError
from ..store.profiles import check_name
from . import fields
from .fields import Fields, MissingError, field_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ..account import Account

# What the state is made of.

Subject = Identity | str  # what was typed, or the name of a saved account


class Row(NamedTuple):
    """A line of the list of saved accounts; of some only the name is known."""

    name: str
    address: Address = Address("", "")
    key: str = ""
    is_default: bool = False
    host: str = ""  # of the address, which takes long to tell for 10,000 of them

    def is_at(self, where: Address | None) -> bool:
        """Whether it is of this user at this host, whatever the key."""
        mine = self.address
        same = where and (mine.username, mine.host) == (where.username, where.host)
        return bool(same)


class Verdict(NamedTuple):
    """What CARTO accepted; `already` is a saved account that has this very key."""

    subject: Subject
    proof: Any  # what the order to sign in hands back
    account: Account | None
    already: str = ""


@dataclass(frozen=True, slots=True)
class Signed:
    """The account of the kernel, and what its card says."""

    credentials: Any = field(repr=False)
    address: Address
    account: Account | None = None
    profile: str | None = None  # the saved account that holds this very key
    is_default: bool = False  # as the list may come later
    proposed: str = ""  # a name to save it under
    facts: Sequence[tuple[str, str]] = ()

    @property
    def is_checked(self) -> bool:
        """Whether CARTO has accepted the key."""
        return self.account is not None and self.account.checked


@dataclass(frozen=True, slots=True)
class Act:
    """What the user did, with all fields as they are."""

    name: str
    fields: Fields
    key: Secret | None = None
    typed: bool = True  # False where a value came without typing
    misplaced: str = ""  # the field in which the page has kept a key back
    about: int | None = None  # whose card it was done to, 0: none; None: what is shown


_SAVING = ("remember", "name", "default")  # the choices of `Fields` that are no edit


# What is to be done.


class Order(NamedTuple):
    """Work that takes time; its answer is an event that brings it back."""

    act: str  # check, sign_in, quota, or an act of the card
    number: int = 0
    subject: Subject | None = None  # who is meant, or is on the card
    proof: Any = None  # what the verdict brought, or the card; without: unchecked
    saving: Saving | None = None


@dataclass(frozen=True, slots=True)
class State:
    """All that the form knows."""

    given: Fields = field(default_factory=Fields)
    chosen: dict[str, Any] = field(default_factory=dict)  # how to save, by the user
    proposed: tuple[str, ...] = ("",)  # names to save under, the newest last
    remember: bool = True  # where the user has not chosen
    key: Secret | None = None
    refused: bool = False
    unfolded: bool = False
    number: int = 0
    order: Order | None = None  # what is under way
    waited: int = 0
    wish: bool = False
    verdict: Verdict | None = None
    error: CartoLoginError | None = None
    problems: tuple[CartoLoginError, ...] = ()
    tone: str = "none"
    notes: tuple[str, ...] = ()
    accounts: tuple[Row, ...] = ()
    path: str = ""  # where accounts are saved; empty where none may be
    signed: Signed | None = None
    card: bool = False
    about: int = 1  # the number of the account that is or would be on the card
    no_keyring: bool = False  # the keyring did not take the key: a file could
    quota: tuple[dict[str, Any], ...] = ()
    focus: tuple[str, int] | None = None

    @property
    def fields(self) -> Fields:
        """The controls, with proposals where the user has not chosen."""
        account = self.verdict.account if self.verdict else None
        is_temporary = account is not None and account.key_type == "oauth"
        proposed = {
            "remember": self.remember and not is_temporary,
            "name": self.proposed[-1],
            "default": self.given.account == self.start,
        }
        shown = replace(self.given, **{**proposed, **self.chosen})
        # What sessions start with stays that under the same name.
        is_start = shown.remember and shown.name == self.start
        return replace(shown, default=True) if is_start else shown

    @property
    def status(self) -> str:
        """The row of the table above."""
        if self.card:
            return "signed_in"
        if self.doing == "check":
            return "checking"
        if self.verdict is not None:
            return "accepted"
        if self.error is None:
            return "empty"
        return "undecided" if isinstance(self.error, UndecidedError) else "rejected"

    @property
    def doing(self) -> str:
        """What is under way; empty where that is nothing."""
        return self.order.act if self.order else ""

    @property
    def folded(self) -> bool:
        """Whether a saved account is chosen and its fields are not shown."""
        return self.given.account is not None and not self.unfolded

    @property
    def is_untouched(self) -> bool:
        """Whether nobody has begun to sign in here."""
        given = self.given
        is_typed = given.account is None and bool(given.username or given.base_url)
        return self.status == "empty" and self.key is None and not is_typed

    @property
    def start(self) -> str | None:
        """The saved account that sessions start with."""
        return next((row.name for row in self.accounts[:1] if row.is_default), None)

    def row(self, name: str | None) -> Row | None:
        """Return the line of a saved account."""
        return next((row for row in self.accounts if row.name == name), None)

    @property
    def address(self) -> Address | None:
        """Where the fields lead; None where that is not clear."""
        given = self.given
        if not given.custom or given.base_url:
            with suppress(InvalidCredentialsError):
                return given.address()
        return None


class _Step:
    """One step under way: the state so far and what is to be done."""

    def __init__(self, state: State) -> None:
        self.before = self.now = state
        self.effects: list[Order] = []

    def set(self, **changes: Any) -> None:
        self.now = replace(self.now, **changes)

    def write(self, **values: Any) -> None:
        """Put values into controls of the page."""
        self.set(given=replace(self.now.given, **values))

    def order(self, act: str, **what: Any) -> None:
        order = Order(act, self.now.number + 1, **what)
        self.set(order=order, number=order.number)
        self.effects.append(order)

    def focus(self, to: str) -> None:
        number = self.now.number + 1
        self.set(focus=(to, number), number=number)

    def tell(self, tone: str, *notes: str) -> None:
        self.set(tone=tone, notes=notes)


def step(
    state: State, event: Act | Callable[..., None], *told: Any, **more: Any
) -> tuple[State, tuple[Order, ...]]:
    """Return the state after an act or an event, and what is to be done.

    An event is one of the functions below, with what it tells: first the order that it
    is about, if there is one.
    """
    one, about = _Step(state), told[0] if told else None
    if isinstance(about, Order) and about != state.order:
        return state, ()  # nobody waits for it any more
    if not isinstance(event, Act):
        event(one, *told, **more)
    elif state.doing != "sign_in" and _is_of_what_is_shown(state, event):
        if state.card:
            _CARD_ACTS.get(event.name, _work)(one, event)
        elif event.name in _FORM_ACTS:
            _FORM_ACTS[event.name](one, event)
    return one.now, tuple(one.effects)


def _is_of_what_is_shown(state: State, act: Act) -> bool:
    """Whether the page had heard whom an act would be about by now."""
    if state.card:
        return act.about in (None, state.about)
    is_free = act.name in ("choose", "stay") or not state.folded
    return is_free or act.fields.account == state.given.account


# What the user does in the form.


def _commit(step: _Step, act: Act) -> None:
    """Say what is wrong with the fields, or check them if they are new and whole."""
    changed, wrong = _absorb(step, act)
    subject, found = _judge(step.now)
    found = [*wrong, *found, *_judge_saving(step, asked=False)]
    _show_problems(step, found, asked=False)
    if wrong or not changed or subject is None or not act.typed:
        return
    if isinstance(subject, str) or fields.is_named(step.now.given, subject):
        _check(step, subject)


def _submit(step: _Step, act: Act) -> None:
    """Log in with the verdict, the check that is under way, or a new one."""
    changed, wrong = _absorb(step, act)
    now = step.now
    if now.status == "rejected" and now.refused and not changed:
        # The answer came between press and release: it stays, and a key is asked for.
        step.set(unfolded=True)
        step.focus("api_key")
        return
    subject, found = _judge(now)
    found = [*wrong, *found, *_judge_saving(step, asked=True)]
    if subject is None or found:
        _forget_verdict(step)
        _show_problems(step, found, asked=True)
        step.set(unfolded=True)
        step.focus(field_of(found[0]) or "submit")
        return
    step.set(problems=())
    step.tell("none")
    if now.verdict is not None and now.verdict.subject == subject:
        _sign_in(step, subject, now.verdict.proof)
    else:
        if not (now.order and now.doing == "check" and now.order.subject == subject):
            _check(step, subject)
        step.set(wish=True)


def _try_again(step: _Step, act: Act) -> None:
    """Check once more; who has not pressed Log in before does so afterwards."""
    if step.now.status == "undecided":
        wish = step.now.wish
        _submit(step, act)
        step.set(wish=step.now.wish and wish)


def _use_unchecked(step: _Step, act: Act) -> None:
    if step.now.status == "undecided":
        _commit(step, act)
    if step.now.status != "undecided":
        return  # nothing is known of other fields
    subject, found = _judge(step.now)
    found = [*found, *_judge_saving(step, asked=True)]
    _show_problems(step, found, asked=True)
    if subject is not None and not found:
        _sign_in(step, subject, None)


def _cancel(step: _Step, act: Act) -> None:
    if step.now.status in ("checking", "undecided"):
        _absorb(step, act)
        _forget_verdict(step)
        step.tell("info", "Cancelled. Log in starts the check again.")
        step.focus("submit")


def _choose(step: _Step, act: Act) -> None:
    name = act.fields.account
    if name != step.now.given.account:
        _turn(step, name)
        if name is not None:
            _check(step, name)


def _unfold(step: _Step, _act: Act) -> None:
    """Show the fields of the saved account, or of a card whose key is refused."""
    signed = step.now.signed
    if step.now.card and signed is not None:
        _turn(step, signed.profile)
        if signed.profile is None:
            step.write(**fields.controls_of(signed.address))
        step.set(refused=True)
    step.set(unfolded=True)
    step.focus("api_key" if step.now.refused else "username")


def _drop_key(step: _Step, act: Act) -> None:
    _absorb(step, act)
    _forget_verdict(step)
    step.set(key=None)
    step.focus("api_key")


# From fields to a verdict.


def _absorb(step: _Step, act: Act) -> tuple[bool, list[CartoLoginError]]:
    """Take over fields and key; return if what is asked is new, and misplaced keys."""
    now, old, key = step.now, step.now.fields, None
    given, wrong = fields.clean(act.fields, act.misplaced)
    given = replace(given, account=old.account)
    if now.folded:
        # The other controls are hidden, and what is left in them is of no account.
        given = replace(
            given, custom=old.custom, base_url=old.base_url, username=old.username
        )
    else:
        key = Secret(clean_key(act.key.reveal())) if act.key else None
    choices = {name: getattr(given, name) for name in _SAVING}
    chosen = {n: value for n, value in choices.items() if value != getattr(old, n)}
    if "name" not in now.chosen and given.name in now.proposed:
        chosen.pop("name", None)  # of a page that has not drawn the newest proposal
    step.set(given=given, chosen={**now.chosen, **chosen})
    again = now.status in ("empty", "undecided")  # who types it anew has it checked
    is_new_key = bool(key) and (key != now.key or again)
    changed = is_new_key or given.asked != old.asked
    if changed:
        _forget_verdict(step)
    if is_new_key:
        step.set(key=key, refused=False)
    if old.account and given.asked != old.asked:
        row = now.row(old.account)
        if row is None or step.now.address != row.address:
            # A saved key never meets another name or address.
            step.write(account=None)
            step.set(refused=False)
    if changed and step.now.given.account is None:
        step.set(proposed=(*now.proposed, ""))  # the last one was for another key
    return changed, wrong


def _judge(state: State) -> tuple[Subject | None, list[CartoLoginError]]:
    """Return what can be checked, or all that is missing or cannot be right."""
    given = state.given
    if given.account and state.key is None and not state.refused:
        return given.account, []
    return fields.judge(given, state.key)


def _judge_saving(step: _Step, *, asked: bool) -> list[CartoLoginError]:
    """What is wrong with the name to save under, or whose it is if that is not said."""
    now, row, announced = step.now, replaces(step.now), replaces(step.before)
    is_said = row is not None and announced is not None and row.name == announced.name
    if asked and row is not None and not is_said and not row.is_at(now.address):
        text = (
            f"'{row.name}' is saved already; this {replacement(now)}. Log in once "
            "more to do that, or choose another name."
        )
        return [InvalidCredentialsError(text, field="name")]
    if now.path and now.fields.remember and "name" in now.chosen:
        return fields.refused(check_name, now.fields.name, field="name")
    return []


def _show_problems(
    step: _Step, found: Sequence[CartoLoginError], *, asked: bool
) -> None:
    """Show what is wrong; what is only missing is said to those who log in."""
    if step.now.error is not None and not asked:
        return  # what CARTO said of these very fields says more
    told = set(map(field_of, step.now.problems))
    shown: dict[str | None, CartoLoginError] = {}
    for problem in found:
        field, is_missing = field_of(problem), isinstance(problem, MissingError)
        if asked or not is_missing or field in told:
            shown.setdefault(field, problem)
        if field == "api_key" and not is_missing:
            step.set(key=None)  # what cannot be a key is not kept
    step.set(problems=tuple(shown.values()))


def _forget_verdict(step: _Step) -> None:
    """Take back check, verdict and wish, and what was said of them."""
    now = step.now
    step.set(
        order=None,
        verdict=None,
        wish=False,
        error=None,
        refused=now.refused and now.given.account is not None,
        problems=() if now.error is not None else now.problems,
    )
    step.tell("none")


def _check(step: _Step, subject: Subject) -> None:
    _forget_verdict(step)
    step.set(waited=0, problems=(), refused=False)
    step.order("check", subject=subject)


def answered(
    step: _Step, _order: Order, answer: Verdict | CartoLoginError, proposed: str = ""
) -> None:
    """CARTO accepts the key, refuses or could not be asked; or a file is no good."""
    now = step.now
    if proposed and now.given.account is None:
        step.set(proposed=(*now.proposed, proposed))
    if isinstance(answer, CartoLoginError):
        _tell_error(step, answer)
        if now.wish and not now.folded:
            again = "try_again" if step.now.status == "undecided" else "submit"
            step.focus(field_of(answer) or again)
        return
    step.set(order=None, verdict=answer)
    if now.wish:
        _sign_in(step, answer.subject, answer.proof)


def ticked(step: _Step, _order: Order, seconds: int) -> None:
    """A check has been under way for some seconds."""
    step.set(waited=seconds)


def _tell_error(step: _Step, error: CartoLoginError) -> None:
    """Say why there is no login; a key that was refused is not kept."""
    field = field_of(error)
    problems = (error,) if field else ()
    wish = step.now.wish and isinstance(error, UndecidedError)  # for Try again
    step.set(order=None, verdict=None, wish=wish, error=error, problems=problems)
    if field == "api_key":
        step.set(key=None, refused=True)


# From a verdict to a signed-in kernel.


def replaces(state: State) -> Row | None:
    """Return the saved account whose key Log in would replace, or None."""
    given, verdict = state.fields, state.verdict
    has_key_already = given.name == (verdict.already if verdict else "")
    if not state.path or not given.remember or has_key_already:
        return None
    return None if given.account and state.key is None else state.row(given.name)


def replacement(state: State) -> str:
    """Say what Log in would replace; empty where that is nothing."""
    row = replaces(state)
    if row is None:
        return ""
    where, same = row.address, row.is_at(state.address)
    return replaced(where.username, where.host, same=same)


def _sign_in(step: _Step, subject: Subject, proof: Any) -> None:
    now, given, saving = step.now, step.now.fields, None
    if not isinstance(subject, str) and now.path and given.remember:
        # An account that nobody has checked is no default by itself.
        is_meant = "default" in now.chosen or given.name == now.start
        default = given.default and (proof is not None or is_meant)
        is_there = now.verdict is not None and given.name == now.verdict.already
        is_taken = is_there or now.row(given.name) is not None
        saving = Saving(given.name, default, replace=is_taken)
    step.set(wish=False)
    step.order("sign_in", subject=subject, proof=proof, saving=saving)


def _show_card(step: _Step, _act: Act | None = None) -> None:
    """Show whom the kernel is signed in as, if it is."""
    signed = step.now.signed
    if signed is None:
        return
    _turn(step)
    step.set(card=True)
    step.focus("card")
    if signed.account and signed.account.key_type == "master":
        step.effects.append(Order("quota", proof=signed.credentials))


def _show_fields(
    step: _Step,
    _act: Act | None = None,
    *,
    username: str = "",
    base_url: str = "",
    profile: str | None = None,
) -> None:
    """Show the fields, with the default account or what was given filled in."""
    start, signed = step.now.start, step.now.signed
    if username or base_url:
        _turn(step)
        step.write(username=username, base_url=base_url, custom=bool(base_url))
    else:
        _turn(step, profile or (None if signed and start == signed.profile else start))
    step.focus("account" if step.now.accounts else "username")


def _turn(step: _Step, account: str | None = None) -> None:
    """Begin anew: forget what was typed, held and learned."""
    now = step.now
    step.now = State(
        remember=now.remember,
        chosen={n: v for n, v in now.chosen.items() if n == "remember"},
        number=now.number,
        accounts=now.accounts,
        path=now.path,
        signed=now.signed,
        about=now.about,
        focus=now.focus,
    )
    _fill(step, account)


def _fill(step: _Step, account: str | None) -> None:
    """Put a saved account into the controls, or nothing."""
    row = step.now.row(account)
    known = fields.controls_of(row.address) if row and row.address.username else {}
    step.set(given=Fields(account, **known), proposed=("", account or ""))


# The card.


def menu(state: State) -> list[str]:
    """Return the acts that can be done with the account of the card."""
    signed = state.signed
    if not state.path or signed is None:
        return ["check_again"]
    if signed.profile is None:
        in_file = ["save_in_file"] if state.no_keyring else []
        return ["save", *in_file, "check_again"]
    start = [] if signed.is_default else ["make_default"]
    return ["rename", *start, "forget", "check_again"]


def _work(step: _Step, act: Act) -> None:
    """Begin an act of the menu, if it has it: one at a time, but for Log out."""
    signed, doing = step.now.signed, step.now.doing
    possible = menu(step.now) if not doing else []
    if signed is None or act.name not in [*possible, "log_out"] or act.name == doing:
        return
    saving = None
    if act.name in ("save", "save_in_file", "rename"):
        try:
            name = check_name(clean_paste(act.fields.name) or signed.proposed)
        except InvalidCredentialsError as error:
            step.set(notes=(str(error),))
            return
        row = step.now.row(name)
        saving = Saving(
            name,
            act.fields.default,
            replace=row is not None and row.is_at(signed.address),
            in_keyring=False if act.name == "save_in_file" else None,
        )
    step.set(notes=(), waited=0)
    who, proof = signed.profile, signed.credentials
    step.order(act.name, subject=who, proof=proof, saving=saving)


def _clear(step: _Step, act: Act) -> None:
    """Take back a check of the card, or take away what is noted on it."""
    if act.name == "dismiss":
        step.set(notes=())
    elif step.now.doing == "check_again":
        step.set(order=None)
    step.focus("card")


# What happens elsewhere.


def began(  # noqa: PLR0913 - each is one way to start
    step: _Step,
    *,
    username: str = "",
    base_url: str = "",
    profile: str | None = None,
    error: CartoLoginError | None = None,
    show_card: bool = False,
    notes: Iterable[str] = (),
) -> None:
    """A form was made."""
    if step.now.signed is not None and show_card:
        _show_card(step)
        step.set(error=error, notes=tuple(notes))
    else:
        _show_fields(step, username=username, base_url=base_url, profile=profile)
        if error is not None:
            _tell_error(step, error)
    step.set(focus=None)


def done(
    step: _Step,
    order: Order,
    notes: Sequence[str] = (),
    error: Exception | None = None,
) -> None:
    """A login or an act of the card has ended; `error` is why it did not succeed."""
    now = step.now
    step.set(order=None)
    told = [str(error)] if error is not None else []
    if now.signed is None:
        if order.act == "sign_in":
            _show_fields(step)
        step.tell("good", "Logged out.", *notes)
        return
    if order.act == "sign_in":
        told = [*now.notes] if now.tone == "bad" else []
        _show_card(step)
    elif order.act == "check_again":
        step.set(error=None if isinstance(error, UndecidedError) else error)
    step.set(notes=(*told, *notes), no_keyring=isinstance(error, KeyringError))
    step.focus("card")


def _is_of(signed: Signed | None, credentials: Any) -> bool:
    return signed is not None and signed.credentials is credentials


def default_changed(step: _Step, signed: Signed | None) -> None:
    """Somebody signed the kernel in or out, or the account has other facts."""
    now = step.now
    before = now.signed and now.signed.credentials
    is_other = before != (signed and signed.credentials)
    step.set(signed=signed, about=now.about + is_other)
    if signed is None and now.card:
        _show_fields(step)
        step.tell("info", "This kernel was logged out.")
        if now.doing == "log_out":
            step.tell("good", "Logged out.")
            step.set(order=now.order)  # what remains is still to come
    elif signed is None or _is_of(now.signed, signed.credentials):
        return
    elif now.card or (now.signed is None and now.is_untouched):
        _show_card(step)
        step.set(focus=now.focus)
        if now.card and not is_other:  # a checked copy, or one with another name
            step.set(order=now.order, error=now.error)


def listed(step: _Step, accounts: Iterable[Row]) -> None:
    """The saved accounts were read, the default first."""
    account = step.now.given.account
    was = step.now.row(account)
    step.set(accounts=tuple(accounts))
    row = step.now.row(account)
    if step.now.folded:
        is_known = was and row and was.address.username != ""
        is_other = was and row and (was.address, was.key) != (row.address, row.key)
        if is_known and is_other and step.now.doing != "sign_in":
            _forget_verdict(step)  # another program has put this one in its place
        is_gone = was is not None and row is None
        _fill(step, None if is_gone and step.now.status == "empty" else account)


def quota_arrived(
    step: _Step, credentials: Any, bars: Iterable[dict[str, Any]]
) -> None:
    """There are bars for the card of these credentials."""
    if step.now.card and _is_of(step.now.signed, credentials):
        step.set(quota=tuple(bars))


def unexpected(step: _Step, words: str, order: Any = None) -> None:
    """Something failed that nobody foresaw: an effect, or a program's observer."""
    if order is not None and order == step.now.order:
        step.set(order=None)
        if not step.now.card:
            _forget_verdict(step)
    step.tell("bad", *step.now.notes, words)


_FORM_ACTS: dict[str, Callable[[_Step, Act], None]] = {
    "commit": _commit,
    "submit": _submit,
    "try_again": _try_again,
    "use_unchecked": _use_unchecked,
    "cancel": _cancel,
    "choose": _choose,
    "unfold": _unfold,
    "drop_key": _drop_key,
    "stay": _show_card,
}
_CARD_ACTS: dict[str, Callable[[_Step, Act], None]] = {
    "switch": _show_fields,
    "unfold": _unfold,
    **dict.fromkeys(("cancel", "dismiss"), _clear),
}
