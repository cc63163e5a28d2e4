"""Forms end when and where anybody likes, and one form is of one account."""

from __future__ import annotations

import subprocess
import sys

import pytest
from ipywidgets import Widget

from carto_login_widget import (
    Credentials,
    InvalidCredentialsError,
    LoginForm,
    ProfileStore,
)

KEY = "0123456789abcdef0123456789abcdef01234567"
# Each in a program of its own, as what a form leaves behind outlives a test.
BEGIN = f"""
import sys, threading
from ipywidgets import Widget
from carto_login_widget import Credentials, LoginForm, set_default_credentials

MAKE = {{
    "empty": LoginForm,
    "prefilled": lambda: LoginForm(username="jane", base_url="maps.example.com"),
    "saved": lambda: LoginForm(profile="work"),
    "card": lambda: LoginForm(credentials=Credentials("jane", {KEY!r})),
}}

def sign_in():
    set_default_credentials("bob", {KEY!r})

def at_once(*tasks):
    # Errors of threads are printed, and what is printed is seen.
    sys.setswitchinterval(1e-6)
    start = threading.Barrier(len(tasks))
    run = lambda task: (start.wait(), task())
    threads = [threading.Thread(target=run, args=(task,)) for task in tasks]
    for thread in threads: thread.start()
    for thread in threads: thread.join()

form = MAKE[KIND]()
"""
SCRIPTS = {
    "dropped": "del form",
    "dropped in a cycle": "form.me = [form]; del form",
    "closed often": "[form.close() for _ in range(3)]; sign_in(); form.close()",
    "all closed": "Widget.close_all(); Widget.close_all()",
    "all closed, dropped": "Widget.close_all(); del form; sign_in()",
    "all closed, closed": "Widget.close_all(); form.close(); Widget.close_all()",
    "all closed, signed in": "Widget.close_all(); sign_in(); form.close()",
    "all closed, another": "Widget.close_all(); form = MAKE[KIND](); sign_in()",
    "all closed, all others": "Widget.close_all(); [make() for make in MAKE.values()]",
    "all closed often": "for _ in range(3): Widget.close_all(); LoginForm()",
    "threads close": "for _ in range(50): form = LoginForm(); "
    "at_once(*[form.close] * 3)",
    "threads make": "for _ in range(15): at_once(*[MAKE[KIND]] * 3)",
    "threads make and close": "for _ in range(15): form = LoginForm(); "
    "at_once(form.close, LoginForm, lambda: LoginForm().close())",
    "threads close and sign in": "for _ in range(15): form = LoginForm(); "
    "at_once(form.close, form.close, sign_in); Widget.close_all()",
}


@pytest.mark.parametrize(
    "kind", [pytest.param("empty", marks=pytest.mark.full), "card"]
)
@pytest.mark.parametrize("script", SCRIPTS)
def test_a_form_ends_in_silence(script: str, kind: str) -> None:
    """However often, by whom, and whatever is left at the end of the program."""
    ProfileStore().save("work", Credentials("jane", KEY))
    done = subprocess.run(
        [sys.executable, "-c", f"KIND = {kind!r}{BEGIN}{SCRIPTS[script]}"],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def shown_accounts(form: LoginForm) -> set[str]:
    """Return whom a form names: what it says, and what its controls hold."""
    held = [each["state"] for each in Widget.get_manager_state()["state"].values()]
    words = {*form.message.split(), *repr(form).split()}
    words.update(str(state.get("value")) for state in held)
    for state in held:
        if state.get("_options_labels") and state.get("index") is not None:
            words.add(state["_options_labels"][state["index"]])
    names = {"maya": ("mine", "maya"), "otto": ("otto", "https://otto.carto.com")}
    return {user for user in names if words.intersection(names[user])}


@pytest.mark.parametrize("base_url", [None, "https://otto.carto.com"])
@pytest.mark.parametrize("username", [None, "otto"])
def test_a_form_is_of_one_account(username: str | None, base_url: str | None) -> None:
    """A saved account and another one beside it are refused, or one of them counts."""
    ProfileStore().save("mine", Credentials("maya", KEY))
    try:
        form = LoginForm(profile="mine", username=username, base_url=base_url)
    except InvalidCredentialsError:
        assert username or base_url
        return
    shown = shown_accounts(form)
    form.close()
    assert len(shown) <= 1
