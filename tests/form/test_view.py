"""What is seen and read of a state."""

from __future__ import annotations

from dataclasses import replace

import pytest

from carto_login_widget import Reason, RejectedError, UndecidedError
from carto_login_widget.form import flow, view

from .test_flow import JANE, KEY, MASTER, SAVED, Form, signed

STALE_WORDS = ("No verdict", "Not complete yet", "Signed in from: the form")


@pytest.mark.parametrize("reason", [r for r in Reason if r in view._TITLES])
def test_every_refusal_has_words_of_its_own(reason: Reason) -> None:
    """In a user's words, whether it stands beside a field or not."""
    form = Form()
    form.act("submit", JANE, key=KEY)
    form.fail(RejectedError("Why it is so.", reason=reason))
    told = view.spoken(form.state)
    assert view._TITLES[reason] in told
    assert "Why it is so." in told
    assert not any(words in told for words in STALE_WORDS)


@pytest.mark.parametrize(
    ("phase", "acts"),
    [
        ("empty", ["submit"]),
        ("checking", ["submit", "cancel"]),
        ("accepted", ["submit"]),
        ("rejected", ["submit"]),
        ("undecided", ["try_again", "cancel", "use_unchecked"]),
    ],
)
def test_the_buttons_of_a_state(phase: str, acts: list[str]) -> None:
    """One primary act; Stay has the second place in every state."""
    form = Form(signed=signed())
    if phase != "empty":
        form.act("commit", JANE, key=KEY)
    error = {
        "rejected": RejectedError("No.", reason=Reason.LOCKED),
        "undecided": UndecidedError("Late.", reason=Reason.TIMEOUT),
    }.get(phase)
    if phase == "accepted":
        form.accept()
    if error:
        form.fail(error)
    assert form.state.status == phase
    assert form.acts == [acts[0], "stay", *acts[1:]]
    kinds = [act["kind"] for act in form.seen["acts"]]
    assert kinds.count("primary") == 1
    assert form.seen["acts"][0]["busy"] == (phase == "checking")


def test_an_accepted_key_is_told_with_what_it_can_do() -> None:
    """As a sentence."""
    form = Form()
    form.act("commit", JANE, key=KEY)
    form.accept()
    text = "CARTO accepts this key: master key, full access."
    assert form.seen["message"] == {"kind": "good", "text": text}
    form.act("drop_key", JANE)
    form.act("commit", JANE, key=KEY)
    regular = replace(MASTER, key_type="regular", key_name="reporting", apis=("sql",))
    form.accept(regular)
    assert "key: API key 'reporting': SQL." in form.seen["message"]["text"]


def test_where_the_key_goes_is_told_before() -> None:
    """The host, and the page where keys are found."""
    form = Form()
    form.act("commit", JANE)
    assert form.seen["destination"] == "jane.carto.com"
    assert form.seen["keys_page"] == "https://jane.carto.com/your_apps"
    form.act("commit", replace(JANE, custom=True))
    assert form.seen["destination"] == form.seen["keys_page"] == ""


def test_the_text_form_names_nobody() -> None:
    """It stands in the saved notebook."""
    form = Form(accounts=[SAVED], username="jane")
    assert view.text(form.state) == view.HOW_ELSE
    form = Form(signed=signed(), show_card=True)
    assert view.text(form.state) == "Signed in to CARTO when this was saved."


@pytest.mark.parametrize(
    ("me", "bars"),
    [
        (
            {"user_data": {"db_size_in_bytes": 1_048_576, "quota_in_bytes": 2**30}},
            [{"label": "Storage", "words": "1.05 MB of 1.07 GB used", "percent": 0.1}],
        ),
        ({"user_data": {"db_size_in_bytes": 5, "quota_in_bytes": 0}}, []),
        ({"user_data": {"db_size_in_bytes": "5", "quota_in_bytes": 1}}, []),
        ({"user_data": []}, []),
        ([], []),
    ],
)
def test_the_storage_bar(me: object, bars: list[object]) -> None:
    """Only of numbers that make one."""
    assert view.storage(me) == bars


def test_a_form_that_waits_says_so() -> None:
    """Something changes while nothing comes."""
    form = Form()
    form.act("commit", JANE, key=KEY)
    assert form.seen["message"]["text"] == "Checking with jane.carto.com …"
    form(flow.ticked, form.state.order, 5)
    assert "5 seconds" in form.seen["message"]["text"]
