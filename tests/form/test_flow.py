"""The form's states: a table of them, and any order of events at all."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from carto_login_widget import (
    Account,
    Credentials,
    CredentialsFileError,
    NotCartoError,
    Reason,
    RejectedError,
    UndecidedError,
)
from carto_login_widget.address import Address
from carto_login_widget.form import flow, view
from carto_login_widget.form.fields import Fields
from carto_login_widget.form.flow import Act, Order, Row, Signed, State, Verdict
from carto_login_widget.form.work import WORKS
from carto_login_widget.identity import Identity
from carto_login_widget.secret import Secret
from carto_login_widget.session.login import Saving
from carto_login_widget.store.keyring import KeyringError

KEY = "0123456789abcdef0123456789abcdef01234567"
OTHER = "some-other-key-0123"
JANE = Fields(username="jane", default=True)
AT_JANE = Address("jane", "https://jane.carto.com")
AT_ANNA = Address("anna", "https://anna.carto.com")
SAVED = Row("work", AT_JANE, "master key", is_default=True)
MASTER = Account("jane", "https://jane.carto.com", key_type="master")
WRONG = RejectedError("The key is not accepted.", reason=Reason.WRONG_KEY)
UNKNOWN = RejectedError("There is no such user.", reason=Reason.UNKNOWN_USER)
NO_KEYRING = KeyringError("No keyring.", path="x")
OFFLINE = UndecidedError("No network.", reason=Reason.UNREACHABLE)
MOVED = NotCartoError(
    "It has moved.", reason=Reason.MOVED, suggestion="https://new.example.com"
)


class Form:
    """A form whose effects wait to be answered."""

    def __init__(self, **how: Any) -> None:
        of_state = {"accounts", "path", "signed"} & how.keys()
        state = {"path": "~/store", **{name: how.pop(name) for name in of_state}}
        state["accounts"] = tuple(state.get("accounts", ()))
        self.state, effects = flow.step(State(**state), flow.began, **how)
        self.effects: list[Any] = list(effects)

    def __call__(self, event: Any, *told: Any) -> list[Any]:
        self.state, effects = flow.step(self.state, event, *told)
        self.effects += effects
        return list(effects)

    def act(self, name: str, given: Fields | None = None, **extra: Any) -> list[Any]:
        key = extra.pop("key", None)
        given = given or self.state.fields
        return self(Act(name, given, Secret(key) if key else None, **extra))

    def last(self, act: str) -> Any:
        return next(e for e in reversed(self.effects) if e.act == act)

    def count(self, act: str) -> int:
        return sum(e.act == act for e in self.effects)

    def accept(
        self, account: Account = MASTER, proposed: str = "", already: str = ""
    ) -> list[Any]:
        check = self.last("check")
        verdict = Verdict(check.subject, "proof", account, already)
        return self(flow.answered, check, verdict, proposed)

    def fail(self, error: Any, proposed: str = "") -> list[Any]:
        return self(flow.answered, self.last("check"), error, proposed)

    def register(self, *notes: str, **more: Any) -> None:
        self(flow.default_changed, signed(**more))
        self(flow.done, self.last("sign_in"), notes)

    @property
    def seen(self) -> dict[str, Any]:
        return view.snapshot(self.state)

    @property
    def acts(self) -> list[str]:
        return [act["act"] for act in self.seen["acts"]]


def signed(username: str = "jane", **more: Any) -> Signed:
    where = Address(username, f"https://{username}.carto.com")
    return Signed(object(), where, **{"account": MASTER, "proposed": "jane", **more})


@pytest.fixture
def form() -> Form:
    return Form()


@pytest.fixture
def checking(form: Form) -> Form:
    form.act("commit", JANE, key=KEY)
    return form


# From fields to a verdict.


def test_a_check_starts_when_all_is_there(form: Form) -> None:
    """Name, then key: the check begins with the second, and asks about both."""
    assert form.act("commit", JANE) == []
    (check,) = form.act("commit", JANE, key=KEY)
    assert check == Order("check", check.number, Identity.of("jane", KEY, None))
    assert form.state.status == "checking"
    assert form.acts == ["submit", "cancel"]


def test_what_was_not_typed_starts_no_check(form: Form) -> None:
    """A password manager's values are sent by Log in only."""
    assert form.act("commit", JANE, key=KEY, typed=False) == []
    assert form.act("submit", JANE, typed=False)[-1].act == "check"


def test_a_custom_address_left_empty_holds_the_check(form: Form) -> None:
    """A key for an own server never goes to the cloud first."""
    given = replace(JANE, custom=True)
    assert form.act("commit", given, key=KEY) == []
    given = replace(given, base_url="https://carto.example.com")
    (check,) = form.act("commit", given)
    assert check.subject.base_url == "https://carto.example.com/user/jane"


def test_an_address_that_may_name_no_user_waits_for_the_name(form: Form) -> None:
    """https://carto.example.com is no account of a user called carto."""
    given = Fields(custom=True, base_url="https://carto.example.com")
    assert form.act("commit", given, key=KEY) == []
    given = replace(given, base_url="https://team.carto.com/u/bob/dashboard")
    (check,) = form.act("commit", given)
    assert check.subject.username == "bob"


@pytest.mark.parametrize("first", ["verdict", "wish"])
def test_a_login_is_one_check(checking: Form, first: str) -> None:
    """Log in uses the verdict, or the check that is under way."""
    if first == "verdict":
        checking.accept()
        (sign_in,) = checking.act("submit", JANE)
    else:
        assert checking.act("submit", JANE) == []
        (sign_in,) = checking.accept()
    assert sign_in.proof == "proof"
    assert checking.count("check") == 1
    assert checking.act("submit", JANE) == []


def test_a_stale_answer_is_dropped(checking: Form) -> None:
    """What was typed last decides."""
    old = checking.last("check")
    checking.act("commit", replace(JANE, username="anna"))
    verdict = Verdict(Identity.of("jane", KEY, None), "proof", MASTER)
    assert checking(flow.answered, old, verdict) == []
    assert checking.state.verdict is None


def test_an_edit_ends_the_wish(checking: Form) -> None:
    """Who corrects the name has not asked for a login with it."""
    checking.act("submit", JANE)
    checking.act("commit", replace(JANE, username="anna"))
    checking.accept()
    assert checking.state.status == "accepted"
    assert checking.count("sign_in") == 0


def test_all_that_is_missing_is_named_at_once(form: Form) -> None:
    """Log in of an empty form: every field, the focus on the first, and no wish."""
    form.act("submit", Fields(custom=True))
    assert list(form.seen["errors"]) == ["base_url", "username", "api_key"]
    assert form.seen["focus"]["to"] == "base_url"
    assert form.seen["message"]["text"] == "Fill in the marked fields."
    form.act("commit", replace(JANE, custom=True))
    assert list(form.seen["errors"]) == ["base_url", "api_key"]
    form.act("commit", JANE, key=KEY)
    form.accept()
    assert form.count("sign_in") == 0


def test_nothing_is_nagged_about_before_that(form: Form) -> None:
    """Leaving a field does not complain about the next ones."""
    form.act("commit", JANE)
    assert form.seen["errors"] == {}
    assert form.seen["destination"] == "jane.carto.com"


@pytest.mark.parametrize(
    ("given", "field", "said", "take"),
    [
        ({"username": "jane doe"}, "username", "letters a to z", None),
        ({"username": "jane_doe"}, "username", "jane-doe", "jane-doe"),
        ({"username": "jane@example.com"}, "username", "e-mail", None),
        ({"username": "team.carto.com/u/bob"}, "username", "address", "bob"),
        ({"base_url": "a b"}, "base_url", "character", None),
        ({"base_url": "ftp://x"}, "base_url", "https", None),
        (
            {"base_url": "http://carto.example.com", "username": "jane"},
            "base_url",
            "readable",
            "https://carto.example.com",
        ),
        (
            {"base_url": "https://x.example.com/user/bob", "username": "jane"},
            "username",
            "belongs to 'bob'",
            "bob",
        ),
    ],
)
def test_what_cannot_be_is_told_beside_it(
    form: Form, given: dict[str, str], field: str, said: str, take: str | None
) -> None:
    """A format error stands at its field; a better value can be taken."""
    fields = Fields(**{"custom": "base_url" in given, **given})
    form.act("commit", fields, key=KEY)
    error = form.seen["errors"][field]
    assert said in error["text"]
    assert (error["take"] or {}).get("value") == take
    assert form.count("check") == 0
    if take:
        form.act("commit", replace(fields, **{field: take}))
        assert form.state.status == "checking"
        assert form.seen["fields"][field] == take


@pytest.mark.parametrize(
    "key", ["0123456789 9876543210", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"]
)
def test_a_key_that_cannot_be_is_not_kept(form: Form, key: str) -> None:
    """It is refused beside its field, dropped, and not shown."""
    form.act("commit", JANE, key=key)
    assert "api_key" in form.seen["errors"]
    assert form.state.key is None
    assert form.seen["key"] == "none"
    assert key not in json.dumps(form.seen)


def test_what_a_paste_brings_along_is_dropped(form: Form) -> None:
    """Blanks, quotes, line breaks and invisible characters are not the key."""
    (check,) = form.act("commit", Fields(username=" \u200bJane\n"), key=f' "{KEY}",\n')
    assert check.subject == Identity.of("jane", KEY, None)


# A key in the wrong place.


@pytest.mark.parametrize(
    "wrong",
    [
        {"username": KEY},
        {"custom": True, "base_url": f"https://{KEY}.carto.com"},
        {"custom": True, "base_url": f"https://x.example.com/?api_key={KEY}"},
        {"custom": True, "base_url": "https://x.example.com/?api_key=some-key"},
        {"custom": True, "base_url": f"https://jane:{OTHER}@x.example.com"},
        {"name": KEY},
    ],
)
def test_a_key_in_the_wrong_place_goes_nowhere(
    form: Form, wrong: dict[str, Any]
) -> None:
    """It is neither checked nor kept, and the page's control is emptied of it."""
    form.act("submit", Fields(**wrong))
    assert form.count("check") == 0
    for key in (KEY, OTHER, "some-key"):
        assert key not in repr(form.state)
        assert key not in json.dumps(form.seen)
    (field,) = wrong.keys() - {"custom"}
    if field != "name":
        assert "key" in form.seen["errors"][field]["text"]


@pytest.mark.parametrize("field", ["username", "base_url", "name"])
def test_a_file_in_a_wrong_place_is_not_kept(form: Form, field: str) -> None:
    """Of its key, which may look like nothing, nothing stays."""
    pasted = '{"username": "jane", "api_key": "set-by-hand"}'
    form.act("commit", replace(Fields(custom=True), **{field: pasted}))
    assert getattr(form.state.given, field) == ""
    assert "set-by-hand" not in str(form.state)


def test_a_key_that_the_page_kept_back_is_told(form: Form) -> None:
    """The page sends an empty name and says why; Enter says it too."""
    form.act("submit", Fields(), misplaced="username")
    assert "looks like an API key" in form.seen["errors"]["username"]["text"]


# Refused, undecided, cancelled.


def test_a_wrong_key_asks_for_the_key_only(checking: Form) -> None:
    """The key is dropped; name and address stay; the next key is checked."""
    checking.act("submit", JANE)
    checking.fail(WRONG)
    assert checking.state.status == "rejected"
    assert checking.state.key is None
    assert checking.seen["key"] == "refused"
    assert list(checking.seen["errors"]) == ["api_key"]
    assert checking.seen["fields"]["username"] == "jane"
    assert checking.seen["focus"]["to"] == "api_key"
    checking.act("commit", JANE)
    text = checking.seen["errors"]["api_key"]["text"]
    assert text == "CARTO does not accept this key."
    assert checking.seen["message"]["text"] == str(WRONG)
    (*_, check) = checking.act("commit", JANE, key=KEY)
    assert check.act == "check"


def test_what_one_view_commits_is_in_the_picture_for_all(form: Form) -> None:
    """A view that was opened before draws what stands in the other."""
    form.act("commit", JANE)
    assert form.seen["fields"]["username"] == "jane"


def test_a_refusal_during_the_press_is_not_lost(checking: Form) -> None:
    """Log in, pressed before the answer and released after it, has its answer."""
    checking.fail(WRONG)
    assert checking.act("submit", JANE) == []
    assert checking.seen["message"]["text"] == str(WRONG)
    assert checking.seen["focus"]["to"] == "api_key"


def test_a_key_that_is_typed_again_is_checked_again(checking: Form) -> None:
    """After Cancel the same key is as good as a new one."""
    checking.act("cancel", JANE)
    (check,) = checking.act("commit", JANE, key=KEY)
    assert check.act == "check"


def test_a_live_rejection_leaves_the_focus(checking: Form) -> None:
    """Who is typing elsewhere is not pulled away."""
    checking.fail(WRONG)
    assert checking.seen["focus"] is None


def test_an_unknown_user_keeps_the_key(checking: Form) -> None:
    """After correcting the name nobody types the key again."""
    checking.fail(UNKNOWN)
    assert list(checking.seen["errors"]) == ["username"]
    (*_, check) = checking.act("commit", replace(JANE, username="anna"))
    assert check.subject == Identity.of("anna", KEY, None)
    assert "user" not in checking.seen["message"]["text"]


def test_a_suggested_address_can_be_taken(checking: Form) -> None:
    """One press moves to the better address."""
    checking.fail(MOVED)
    take = checking.seen["errors"]["base_url"]["take"]
    taken = {"custom": True, take["field"]: take["value"]}
    (*_, check) = checking.act("commit", replace(JANE, **taken))
    assert check.subject.base_url == "https://new.example.com/user/jane"


def test_a_refusal_says_who_stays_signed_in() -> None:
    """A failed login changes nothing."""
    form = Form(signed=signed(username="bob"))
    form.act("commit", JANE, key=KEY)
    form.fail(WRONG)
    assert "still signed in as bob" in form.seen["message"]["text"]
    assert "stay" in form.acts


def test_no_verdict_can_be_tried_again(checking: Form) -> None:
    """It goes on with the login; nothing happens by itself meanwhile."""
    checking.act("submit", JANE)
    checking.fail(OFFLINE)
    assert checking.acts == ["try_again", "cancel", "use_unchecked"]
    assert checking.seen["message"] == {"kind": "warn", "text": "No network."}
    checking.act("try_again", JANE)
    checking.accept()
    assert checking.count("sign_in") == 1


def test_trying_again_is_no_wish_by_itself(checking: Form) -> None:
    """Who has not asked for a login sees first under which name it would be saved."""
    checking.fail(OFFLINE, proposed="jane")
    checking.act("try_again", JANE)
    checking.accept(proposed="jane-reporting")
    assert checking.count("sign_in") == 0
    assert checking.seen["fields"]["name"] == "jane-reporting"


def test_the_name_that_was_proposed_for_others_goes(checking: Form) -> None:
    """It was made of another user, address or key; what was typed stays."""
    checking.accept(proposed="jane-reporting")
    for changed in ({"given": replace(JANE, username="anna")}, {"key": OTHER}):
        checking.act("commit", **changed)
        assert checking.seen["fields"]["name"] == ""
        checking.accept(proposed="other")
    checking.act("commit", replace(JANE, name="mine"), key=KEY)
    assert checking.seen["fields"]["name"] == "mine"


def test_undecided_keeps_the_wish_for_try_again_only(checking: Form) -> None:
    """An edit after it is checked, and signs nobody in."""
    checking.act("submit", JANE)
    checking.fail(OFFLINE)
    checking.act("commit", replace(JANE, username="anna"))
    checking.accept()
    assert checking.count("sign_in") == 0


def test_use_without_checking(checking: Form) -> None:
    """It may be saved under the proposed name, and is no default by itself."""
    checking.fail(OFFLINE, proposed="jane")
    (sign_in,) = checking.act("use_unchecked", replace(JANE, default=True))
    assert (sign_in.proof, sign_in.subject.username) == (None, "jane")
    assert sign_in.saving == Saving("jane", default=False, replace=False)


def test_use_without_checking_signs_in_where_nothing_was_decided_only(
    checking: Form,
) -> None:
    """It comes late: a check of other fields began, or a verdict came, meanwhile."""
    checking.fail(OFFLINE)
    checking.act("commit", replace(JANE, username="anna"))
    assert checking.act("use_unchecked", replace(JANE, username="anna")) == []
    checking.accept()
    assert checking.act("use_unchecked", replace(JANE, username="anna")) == []
    assert checking.state.status == "accepted"
    assert checking.count("sign_in") == 0


def test_use_without_checking_of_other_fields_is_a_check(checking: Form) -> None:
    """What was not asked about cannot be used unchecked."""
    checking.fail(OFFLINE)
    (*_, check) = checking.act("use_unchecked", replace(JANE, username="anna"))
    assert check.act == "check"


def test_use_without_checking_replaces_nothing_unasked() -> None:
    """What a taken name would replace is said first; the choice stays where it is."""
    form = Form(accounts=[SAVED], username="bob")
    given = Fields(username="bob", name="work")
    form.act("commit", given, key=KEY)
    form.fail(OFFLINE)
    form.act("commit", replace(given, name="other"))
    assert form.act("use_unchecked", given) == []
    assert "is saved already" in form.seen["errors"]["name"]["text"]
    assert "use_unchecked" in form.acts
    (sign_in,) = form.act("use_unchecked", given)
    assert (sign_in.proof, sign_in.saving.name) == (None, "work")


@pytest.mark.parametrize("phase", ["checking", "undecided"])
def test_cancel_gives_the_form_back(checking: Form, phase: str) -> None:
    """Nothing is under way any more, the key is held, Log in starts another."""
    checking.act("submit", JANE)
    if phase == "undecided":
        checking.fail(OFFLINE)
    checking.act("cancel", JANE)
    assert checking.state.status == "empty"
    assert checking.seen["focus"]["to"] == "submit"
    assert checking.seen["key"] == "held"
    assert checking.accept() == []
    assert checking.act("commit", JANE) == []
    checking.act("submit", JANE)
    checking.accept()
    assert checking.count("sign_in") == 1


def test_a_dropped_key_is_gone(checking: Form) -> None:
    """No part of the state has it."""
    checking.accept()
    checking.act("drop_key", JANE)
    assert not keys_in(checking.state)
    assert checking.state.status == "empty"


def test_waiting_is_told(checking: Form) -> None:
    """15 s of the same sentence are long."""
    checking(flow.ticked, checking.state.order, 10)
    assert "no answer for 10 seconds" in checking.seen["message"]["text"]


# Saved accounts.


@pytest.fixture
def listed() -> Form:
    return Form(accounts=[SAVED, Row("anna", AT_ANNA, "master key")])


@pytest.mark.parametrize(
    "act", ["forget", "rename", "make_default", "save", "check_again", "log_out"]
)
def test_an_act_is_about_the_card_that_was_seen(act: str) -> None:
    """Where another account came on it meanwhile, nothing is done to that one."""
    form = Form(
        signed=signed(profile="jane" if act != "save" else None), show_card=True
    )
    seen = form.seen["card"]["about"]
    form(flow.default_changed, signed("bob", profile="bob" if act != "save" else None))
    assert form.act(act, Fields(name="x"), about=seen) == []
    now = form.seen["card"]["about"]
    assert [order.act for order in form.act(act, Fields(name="x"), about=now)] == [act]


@pytest.mark.parametrize("act", ["unfold", "cancel"])
def test_an_act_of_the_fields_is_not_of_the_card(act: str) -> None:
    """Two views: one has not heard yet that somebody signed in."""
    form = Form(signed=signed(profile="jane"), show_card=True)
    before = form.state
    assert form.act(act, about=0) == []
    assert form.state == before


def test_a_checked_copy_is_the_same_card() -> None:
    """What was pressed while the check went on counts."""
    card = signed(profile="jane")
    form = Form(signed=card, show_card=True)
    seen = form.seen["card"]["about"]
    form(flow.default_changed, replace(card, facts=[("API key", "Master key")]))
    assert form.act("forget", about=seen)


def test_a_page_that_lags_does_not_sign_somebody_else_in(listed: Form) -> None:
    """The button that was pressed named another saved account, or what was typed."""
    listed.act("choose", Fields(account="anna"))
    listed.accept()
    for given in (Fields(account="work"), replace(JANE, account=None)):
        assert listed.act("submit", given, key=KEY) == []
    assert listed.act("submit", Fields(account="anna"))[0].act == "sign_in"


def test_what_is_replaced_elsewhere_is_checked_anew(listed: Form) -> None:
    """A verdict on a saved account ends when another one has its name."""
    listed.act("choose", Fields(account="anna"))
    listed.accept()
    at_bob = Address("bob", "https://bob.carto.com")
    other = Row("anna", at_bob, "master key")
    listed(flow.listed, [SAVED, other])
    assert listed.state.status == "empty"
    assert listed.seen["acts"][0]["label"] == "Continue as bob"
    listed.act("submit", Fields(account="anna"))
    assert listed.state.status == "checking"


def test_the_default_needs_one_act(listed: Form) -> None:
    """Continue as jane: a check, and the login."""
    assert listed.count("check") == 0
    assert not listed.seen["open"]
    assert listed.seen["acts"][0]["label"] == "Continue as jane"
    listed.act("submit")
    listed.accept()
    assert listed.last("sign_in").subject == "work"
    assert listed.last("sign_in").saving is None


def test_choosing_checks_and_one_more_act_signs_in(listed: Form) -> None:
    """The key of the file is never shown."""
    listed.act("choose", Fields(account="anna"))
    assert listed.state.status == "checking"
    listed.act("submit", Fields(account="anna"))
    listed.accept()
    assert listed.last("sign_in").subject == "anna"
    assert listed.count("check") == 1


def test_what_is_left_in_hidden_fields_does_not_count(listed: Form) -> None:
    """A page that has not drawn the account yet sends its old fields, and key."""
    given = Fields(account="anna", username="bob", custom=True)
    listed.act("choose", given)
    listed.act("submit", given, key=OTHER)
    assert listed.state.key is None
    listed.accept()
    assert listed.last("sign_in").subject == "anna"


def test_another_address_never_meets_a_saved_key(listed: Form) -> None:
    """Changing name or address leaves the saved account."""
    listed.act("unfold")
    listed.act("submit", replace(listed.state.fields, username="bob"))
    assert listed.state.fields.account is None
    assert list(listed.seen["errors"]) == ["api_key"]
    assert listed.count("check") == 0


def test_who_leaves_the_default_account_makes_no_other_the_default(
    listed: Form,
) -> None:
    """The tick was that account's."""
    listed.act("unfold")
    listed.act("commit", replace(listed.state.fields, username="bob"), key=KEY)
    assert not listed.seen["fields"]["default"]
    listed.accept(proposed="bob")
    (sign_in,) = listed.act("submit")
    assert sign_in.saving == Saving("bob", default=False, replace=False)


def test_a_new_key_replaces_that_of_the_account(listed: Form) -> None:
    """It is said before, and Log in is the asking."""
    listed.act("unfold")
    listed.act("commit", key=KEY)
    listed.accept(proposed="jane")
    assert listed.seen["saving"]["replaces"] == "replaces the saved key of jane"
    assert listed.seen["saving"]["default_locked"]
    (sign_in,) = listed.act("submit")
    assert sign_in.subject == Identity.of("jane", KEY, None)
    assert sign_in.saving == Saving("work", default=True, replace=True)


def test_a_refused_saved_key_asks_for_a_new_one(listed: Form) -> None:
    """Nothing unfolds by itself; a press does, with the focus on the key."""
    listed.act("submit")
    listed.fail(WRONG)
    assert listed.acts == ["unfold"]
    assert not listed.seen["open"]
    listed.act("unfold")
    assert listed.seen["focus"]["to"] == "api_key"
    assert listed.seen["key"] == "refused"
    listed.act("submit")
    assert listed.count("check") == 1  # the refused key is not tried again
    listed.act("submit", key=KEY)
    assert listed.count("check") == 2


def test_an_account_that_was_forgotten_elsewhere_is_no_longer_chosen(
    listed: Form,
) -> None:
    """One that was never in the list may be named by a program, in shared mode."""
    listed(flow.listed, [Row("anna", AT_ANNA)])
    assert listed.state.fields == Fields(default=True)
    form = Form(path="", profile="work")
    form(flow.listed, [])
    assert form.state.fields.account == "work"


def test_a_broken_account_is_told_and_leaves_the_others(listed: Form) -> None:
    """Its file is named, and no other account's values stand in the fields."""
    listed(flow.listed, [SAVED, Row("anna")])
    listed.act("choose", Fields(account="anna"))
    listed.fail(CredentialsFileError("anna.json is broken.", path="anna.json"))
    assert "anna.json" in listed.seen["message"]["text"]
    assert listed.seen["fields"]["username"] == ""
    listed.act("choose", Fields(account="work"))
    assert listed.state.status == "checking"


def test_an_error_from_before_can_be_overruled() -> None:
    """A default account without a verdict can be used without checking."""
    form = Form(accounts=[SAVED], error=OFFLINE)
    assert "use_unchecked" in form.acts
    (sign_in,) = form.act("use_unchecked")
    assert (sign_in.subject, sign_in.proof) == ("work", None)


def test_given_values_choose_no_account() -> None:
    """`--username` prefills the form."""
    form = Form(accounts=[SAVED], username="bob")
    assert form.seen["open"]
    assert form.seen["fields"]["username"] == "bob"


# Saving.


def test_the_proposed_name_follows_until_it_is_edited(checking: Form) -> None:
    """A page that has not drawn it yet takes nothing back."""
    checking.accept(proposed="jane")
    assert checking.seen["fields"]["name"] == "jane"
    checking.act("commit", JANE)
    assert checking.seen["fields"]["name"] == "jane"
    given = replace(JANE, name="mine")
    checking.act("commit", given, key=OTHER)
    checking.accept(proposed="jane-reporting")
    (sign_in,) = checking.act("submit", given)
    assert sign_in.saving.name == "mine"


def test_a_name_may_be_taken_back(checking: Form) -> None:
    """The proposed one is typed after another: what is shown is what is saved."""
    checking.accept(proposed="jane")
    checking.act("commit", replace(JANE, name="mine"))
    checking.act("commit", replace(JANE, name="jane"))
    (sign_in,) = checking.act("submit", replace(JANE, name="jane"))
    assert sign_in.saving.name == "jane"


def test_only_the_name_is_written_with_a_verdict(checking: Form) -> None:
    """What is typed elsewhere meanwhile is not overwritten."""
    before = checking.seen["fields"]
    checking.accept(proposed="jane")
    after = checking.seen["fields"]
    assert {n for n in after if after[n] != before[n]} == {"name"}


def test_a_default_is_ticked_by_itself_only_while_there_is_none() -> None:
    """The second account does not become the start unasked."""
    assert Form().seen["fields"]["default"]
    form = Form(accounts=[SAVED], username="bob")
    assert not form.seen["fields"]["default"]
    form(flow.listed, ())
    assert form.seen["fields"]["default"]


def test_a_temporary_token_is_not_remembered_unless_asked(checking: Form) -> None:
    """Also where the wish was there before the verdict."""
    oauth = replace(MASTER, key_type="oauth")
    checking.act("submit", JANE)
    checking.accept(oauth, proposed="jane")
    assert checking.last("sign_in").saving is None


def test_another_account_is_replaced_only_once_that_was_said() -> None:
    """Log in at once with a taken name asks first."""
    form = Form(accounts=[SAVED], username="bob")
    given = Fields(username="bob", name="work")
    form.act("submit", given, key=KEY)
    assert form.count("check") == 0
    assert "is saved already" in form.seen["errors"]["name"]["text"]
    assert form.seen["saving"]["replaces"].startswith("replaces the account of jane")
    form.act("submit", given)
    (*_, sign_in) = form.accept(proposed="bob")
    assert sign_in.saving == Saving("work", default=True, replace=True)


def test_what_replaces_the_start_of_sessions_says_so(listed: Form) -> None:
    """The box tells the truth: under that name, sessions start with the new one."""
    listed.act("choose", Fields(account=None))
    for name, is_start in (("work", True), ("anna", False), ("mine", False)):
        given = Fields(username="bob", name=name)
        listed.act("commit", given, key=KEY)
        assert listed.seen["fields"]["default"] is is_start
        assert listed.seen["saving"]["default_locked"] is is_start
    listed.act("commit", replace(given, name="work", remember=False))
    assert not listed.seen["fields"]["default"]


def test_the_name_of_the_account_before_may_be_typed(listed: Form) -> None:
    """It was written by the form once, and is a choice of the user now."""
    assert listed.seen["fields"]["name"] == "work"
    listed.act("choose", Fields(account=None))
    listed.act("commit", Fields(username="bob"), key=KEY)
    listed.accept(proposed="bob")
    listed.act("commit", Fields(username="bob", name="work"))
    assert listed.seen["saving"]["replaces"].startswith("replaces the account of jane")
    (sign_in,) = listed.act("submit", Fields(username="bob", name="work"))
    assert sign_in.saving.name == "work"


def test_a_file_that_cannot_be_used_is_not_replaced_unasked() -> None:
    """Only its name is known, so that whose account it was is not."""
    form = Form(accounts=[SAVED, Row("zoe")])
    form.act("choose", Fields(account=None))
    given = Fields(username="bob", name="zoe")
    form.act("submit", given, key=KEY)
    assert (
        "replaces the account of another account" in form.seen["errors"]["name"]["text"]
    )


def test_what_is_ticked_and_locked_is_done() -> None:
    """Sessions go on to start under that name, though nobody has checked the key."""
    form = Form(accounts=[SAVED], username="jane")
    given = Fields(username="jane", name="work")
    form.act("submit", given, key=KEY)
    form(flow.answered, form.last("check"), OFFLINE)
    assert form.seen["saving"]["default_locked"]
    assert form.seen["fields"]["default"]
    (sign_in,) = form.act("use_unchecked", replace(given, default=True))
    assert sign_in.saving == Saving("work", default=True, replace=True)


def test_a_name_that_cannot_be_is_told(checking: Form) -> None:
    """Before the login, not after it."""
    checking.accept(proposed="jane")
    checking.act("submit", replace(JANE, name="a/b"))
    assert "a/b" in checking.seen["errors"]["name"]["text"]
    assert checking.count("sign_in") == 0


def test_shared_mode_saves_nothing() -> None:
    """No accounts, no saving choices, no saving."""
    form = Form(path="")
    assert not form.seen["saving"]["shown"]
    form.act("submit", JANE, key=KEY)
    form.accept(proposed="jane")
    assert form.last("sign_in").saving is None
    form.register()
    assert [item["act"] for item in form.seen["card"]["menu"]] == ["check_again"]


# The card.


@pytest.fixture
def card(checking: Form) -> Form:
    checking.act("submit", JANE)
    checking.accept()
    checking.register("Saved.")
    return checking


def test_the_card_follows_the_login(card: Form) -> None:
    """The key is gone; the focus is on the card; a late Enter does nothing."""
    assert card.seen["screen"] == "card"
    assert card.seen["focus"]["to"] == "card"
    assert card.seen["card"]["notes"] == ["Saved."]
    assert not keys_in(card.state)
    for late in ("submit", "commit", "try_again", "cancel", "use_unchecked"):
        assert card.act(late, JANE, key=KEY) == []
    assert card.state.status == "signed_in"
    assert not keys_in(card.state)


def test_switch_and_stay(card: Form) -> None:
    """Switch keeps the login until another one succeeds."""
    card.act("switch")
    assert card.seen["screen"] == "form"
    assert "Stay signed in as jane" in [a["label"] for a in card.seen["acts"]]
    card(flow.default_changed, signed(username="bob"))
    assert "Stay signed in as bob" in [a["label"] for a in card.seen["acts"]]
    card.act("stay")
    assert card.seen["title"] == "Signed in to CARTO as bob"


def test_log_out(card: Form) -> None:
    """Said once it is done, with what remains."""
    (order,) = card.act("log_out")
    assert card.act("log_out") == []
    card(flow.default_changed, None)
    assert card.seen["message"]["text"] == "Logged out."
    assert card.seen["focus"]["to"] == "username"
    card(flow.done, order, ["The variable is still set."])
    assert card.seen["message"]["text"] == "Logged out. The variable is still set."


def test_the_card_follows_the_default(card: Form) -> None:
    """What a cell does is what the card says."""
    card(flow.default_changed, signed(username="bob"))
    assert card.seen["title"] == "Signed in to CARTO as bob"
    card(flow.default_changed, None)
    assert card.seen["screen"] == "form"
    assert "logged out" in card.seen["message"]["text"]


def test_an_untouched_form_becomes_the_card(form: Form) -> None:
    """Another form signed in; one in which somebody typed stays."""
    form(flow.default_changed, signed())
    assert form.seen["screen"] == "card"
    typing = Form()
    typing.act("commit", JANE, key=KEY)
    typing(flow.default_changed, signed(username="bob"))
    assert typing.seen["screen"] == "form"


def test_check_again_that_is_refused(card: Form) -> None:
    """The default stays; a new key is the main act, and leads to the key's field."""
    (order,) = card.act("check_again")
    card(flow.done, order, (), WRONG)
    seen = card.seen["card"]
    assert seen["title"] == "CARTO no longer accepts this key"
    assert not seen["good"]
    assert seen["acts"][0]["label"] == "Enter a new key"
    card.act("unfold")
    assert card.seen["fields"]["username"] == "jane"
    assert card.seen["focus"]["to"] == "api_key"


@pytest.mark.parametrize("error", [WRONG, None])
def test_check_again_of_an_account_that_was_replaced(
    card: Form, error: Exception | None
) -> None:
    """What CARTO says of the old one is no word about the new one."""
    (order,) = card.act("check_again")
    card(flow.default_changed, signed(username="bob"))
    assert card.seen["message"]["text"] == ""
    card(flow.done, order, ["CARTO accepts this key."], error)
    assert card.seen["title"] == "Signed in to CARTO as bob"
    assert card.seen["card"]["notes"] == []


def test_what_carto_said_outlives_a_name(card: Form) -> None:
    """A refused key is no better for being renamed."""
    jane = Credentials("jane", KEY)
    card(flow.default_changed, replace(signed(profile="jane"), credentials=jane))
    (order,) = card.act("check_again")
    card(flow.done, order, (), WRONG)
    (order,) = card.act("rename", Fields(name="work"))
    copy = jane._with(profile="work")
    card(flow.default_changed, replace(signed(profile="work"), credentials=copy))
    card(flow.done, order)
    assert card.seen["title"] == "CARTO no longer accepts this key"


def test_each_wait_begins_anew(card: Form) -> None:
    """The second check has not waited for what the first one did."""
    (order,) = card.act("check_again")
    card(flow.ticked, order, 15)
    assert "15 seconds" in card.seen["message"]["text"]
    card(flow.done, order)
    card.act("check_again")
    assert card.seen["message"]["text"].startswith("Checking with")


def test_an_unchecked_card_offers_the_check(card: Form) -> None:
    """And says that nobody has checked."""
    unchecked = replace(MASTER, checked=False)
    card(flow.default_changed, signed(account=unchecked))
    assert "not checked" in card.seen["title"]
    assert card.seen["card"]["acts"][0]["act"] == "check_again"


@pytest.mark.parametrize("saved", [True, False])
def test_the_menu_offers_what_can_be_done(card: Form, saved: bool) -> None:
    """Save if it is not; else rename, make default, forget; check again always."""
    card(flow.default_changed, signed(profile="jane" if saved else None))
    menu = [item["act"] for item in card.seen["card"]["menu"]]
    if saved:
        assert menu == ["rename", "make_default", "forget", "check_again"]
    else:
        assert menu == ["save", "check_again"]
    for act in ("save", "rename", "make_default", "forget"):
        form = Form(signed=card.state.signed, show_card=True)
        done = form.act(act, Fields(name="new")) != []
        assert done == (act in menu)


def test_after_forget_the_card_says_so(card: Form) -> None:
    """It is signed in still, and no longer saved."""
    card(flow.default_changed, signed(profile="jane"))
    (order,) = card.act("forget")
    assert (order.act, order.subject) == ("forget", "jane")
    card(flow.default_changed, signed(facts=[("Saved", "not saved")]))
    card(flow.done, order)
    assert ["Saved", "not saved"] in card.seen["card"]["rows"]


def test_saving_from_the_card(card: Form) -> None:
    """With the name and the tick of the menu."""
    given = Fields(name="Mine", default=True)
    (order,) = card.act("save", given)
    assert order.saving == Saving("mine", default=True, replace=False)
    card(flow.done, order, (), CredentialsFileError("x", path="x"))
    assert card.seen["card"]["notes"] == ["x"]
    card.act("dismiss")
    assert card.seen["card"]["notes"] == []


def test_a_quota_of_another_account_is_not_shown(card: Form) -> None:
    """Bars belong to the card that asked for them."""
    bars = [{"label": "Storage", "words": "1 B of 2 B used", "percent": 50.0}]
    card(flow.quota_arrived, object(), bars)
    assert card.seen["card"]["quota"] == []
    card(flow.quota_arrived, card.state.signed.credentials, bars)
    assert card.seen["card"]["quota"][0]["percent"] == 50.0


def test_an_unexpected_failure_leaves_the_form_usable(checking: Form) -> None:
    """It is told, and the next try works."""
    checking.act("submit", JANE)
    check = checking.last("check")
    checking(flow.unexpected, "Something went wrong here (no. 1).", check)
    assert checking.state.status == "empty"
    assert "no. 1" in checking.seen["message"]["text"]
    checking.act("submit", JANE)
    checking.accept()
    assert checking.count("sign_in") == 1


@pytest.mark.parametrize("proof", ["proof", None])
def test_an_unexpected_failure_of_the_login_is_told(
    checking: Form, proof: str | None
) -> None:
    """Nobody is signed in, whether the key was checked or not; the next try works."""
    if proof:
        checking.accept()
        (sign_in,) = checking.act("submit", JANE)
    else:
        checking.fail(OFFLINE)
        (sign_in,) = checking.act("use_unchecked", JANE)
    checking(flow.unexpected, "Something went wrong here (no. 1).", sign_in)
    assert checking.state.status == "empty"
    assert "no. 1" in checking.seen["message"]["text"]
    assert checking.act("submit", JANE)[-1].act == "check"


# Any order at all.


def keys_in(value: Any) -> set[str]:
    """Every key in a state, however deep."""
    if isinstance(value, Secret):
        return {value.reveal()}
    if isinstance(value, flow.State):
        names = type(value).__dataclass_fields__
        return set().union(*(keys_in(getattr(value, n)) for n in names))
    if isinstance(value, tuple):
        return set().union(*map(keys_in, value))
    return set()


KEYS = [KEY, OTHER, "third-key-0123456789"]
FIELDS = st.builds(
    Fields,
    account=st.sampled_from([None, "work"]),
    custom=st.booleans(),
    base_url=st.sampled_from(["", "https://x.example.com", "a b", f"https://{KEY}.x"]),
    username=st.sampled_from(["", "jane", "anna", "jane_doe", KEY]),
    remember=st.booleans(),
    name=st.sampled_from(["", "work", "mine", "a/b", KEY]),
    default=st.booleans(),
)
ERRORS = st.sampled_from([WRONG, UNKNOWN, OFFLINE, MOVED])
WISHES = ("submit", "try_again", "use_unchecked")


class AnyOrder(RuleBasedStateMachine):
    """Messages, answers, defaults, ticks and closings in any order."""

    def __init__(self) -> None:
        super().__init__()
        state = State(accounts=(SAVED,), path="x")
        self.state, effects = flow.step(state, flow.began)
        self.orders: list[Any] = list(effects)
        self.wishes = 0
        self.gone: set[str] = set()  # keys that may be nowhere

    def step(self, event: Any, *told: Any) -> None:
        self.state, effects = flow.step(self.state, event, *told)
        self.orders += effects
        for effect in effects:
            if effect.act == "sign_in":
                assert self.wishes == 1, "a login that nobody wished for"
                self.wishes = 0
        if self.state.doing not in ("check", "sign_in"):
            self.wishes = 0

    @rule(
        name=st.sampled_from(
            [
                *flow._FORM_ACTS,
                *flow._CARD_ACTS,
                *WORKS,
                *WISHES,
                "commit",
                "commit",
                "nonsense",
            ]
        ),
        given=FIELDS,
        kept=st.booleans(),
        typed=st.booleans(),
        key=st.sampled_from([None, None, *KEYS]),
    )
    def act(
        self,
        name: str,
        given: Fields,
        kept: bool,
        key: str | None,
        *,
        typed: bool = True,
    ) -> None:
        if kept:
            given = self.state.fields
        key = key if name in ("commit", "submit") else None
        before = self.state
        if key:
            self.gone.discard(key)
        asked = (given.username, given.base_url if given.custom else None)
        old, old_key = before.fields, before.key
        edit = bool(key and Secret(key) != old_key) or asked != (
            old.username,
            old.base_url if old.custom else None,
        )
        if (
            name in WISHES
            and (name != "try_again" or self.state.wish)
            and self.state.doing != "sign_in"
        ):
            self.wishes = 1
        elif name in ("cancel", "drop_key") or (name == "commit" and edit):
            busy = before.folded or before.doing == "sign_in"
            self.wishes = self.wishes if busy else 0
        if name == "drop_key" and not (before.card or before.doing == "sign_in"):
            self.gone |= keys_in(before)
        self.step(Act(name, given, Secret(key) if key else None, typed=typed))

    @rule(key=st.sampled_from(KEYS), name=st.sampled_from(["commit", "submit"]))
    def type_all(self, key: str, name: str) -> None:
        """What people do most."""
        if self.state.folded:
            self.act("choose", Fields(), kept=False, key=None)
        given = replace(self.state.fields, username="jane", custom=False)
        if not (self.state.card or self.state.doing == "sign_in"):
            self.act(name, replace(given, name=""), kept=False, key=key)

    @precondition(lambda self: self.orders)
    @rule(data=st.data(), error=ERRORS, how=st.sampled_from(["yes", "no", "strange"]))
    def answer(self, data: Any, error: Any, how: str) -> None:
        """Any order is answered, also twice, also long after nobody waits for it."""
        late = data.draw(st.booleans())
        waited_for = [o for o in self.orders if self.is_waited_for(o)] or self.orders
        order = data.draw(st.sampled_from((self.orders if late else waited_for)[-6:]))
        if how == "strange":
            self.step(flow.unexpected, "Something went wrong.", order)
        elif order.act == "check" and how == "yes":
            verdict = Verdict(order.subject, order.subject, MASTER)
            self.step(flow.answered, order, verdict, "jane")
        elif order.act == "check":
            waited = order == self.state.order
            self.step(flow.answered, order, error)
            if waited and error is WRONG and isinstance(order.subject, Identity):
                self.gone.add(order.subject.key.reveal())
        elif order.act == "sign_in":
            waited = order == self.state.order
            self.step(flow.default_changed, signed())
            self.step(flow.done, order, (), NO_KEYRING if how == "no" else None)
            if waited:
                assert self.state.status == "signed_in"
        elif order.act != "quota":
            if how == "yes":
                self.step(flow.default_changed, signed())
            self.step(flow.done, order, (), error if how == "no" else None)

    def is_waited_for(self, order: Any) -> bool:
        return order == self.state.order

    @rule(who=st.sampled_from([None, "jane", "bob"]))
    def default_changes(self, who: str | None) -> None:
        self.step(flow.default_changed, signed(who) if who else None)

    @rule(accounts=st.sampled_from([(), (SAVED,), (Row("work", is_default=True),)]))
    def accounts_are_listed(self, accounts: Any) -> None:
        self.step(flow.listed, accounts)

    @rule(seconds=st.integers(1, 20))
    def tick(self, seconds: int) -> None:
        self.step(flow.ticked, self.state.order, seconds)

    @invariant()
    def no_key_is_shown(self) -> None:
        text = json.dumps([view.snapshot(self.state), view.rows(self.state)])
        text += view.text(self.state) + view.spoken(self.state) + repr(self.state)
        assert not any(key in text for key in KEYS)

    @invariant()
    def no_key_is_kept_that_was_refused_or_dropped(self) -> None:
        assert not keys_in(self.state) & self.gone
        if self.state.status == "signed_in":
            assert not keys_in(self.state)

    @invariant()
    def a_verdict_is_of_what_is_there(self) -> None:
        state = self.state
        assert (state.status == "accepted") <= (state.verdict is not None)
        if state.status in ("accepted", "checking"):
            subject, _problems = flow._judge(state)
            asked = (state.verdict or state.order).subject
            assert asked == subject
        if state.verdict is not None:
            assert state.verdict.proof == state.verdict.subject
        if state.status == "checking":
            assert state.order in self.orders
        else:
            assert not state.wish or state.status == "undecided"

    @invariant()
    def every_state_can_be_left(self) -> None:
        seen = view.snapshot(self.state)
        acts = seen["card"]["acts"] if seen["card"] else seen["acts"]
        assert acts


AnyOrder.TestCase.settings = settings(stateful_step_count=40)
TestAnyOrder = AnyOrder.TestCase
