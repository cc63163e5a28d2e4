"""Where the account comes from, and the order in which it takes effect."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from carto_login_widget import (
    Credentials,
    CredentialsFileError,
    InvalidCredentialsError,
    NotCartoError,
    NotLoggedInError,
    ProfileNotFoundError,
    ProfileStore,
    RejectedError,
    UndecidedError,
    get_default_credentials,
    login,
    logout,
    on_default_change,
    set_default_credentials,
    unset_default_credentials,
)
from carto_login_widget.sandbox import Fault
from carto_login_widget.server import client
from carto_login_widget.session import login as signin
from carto_login_widget.session.facts import facts, short_path
from carto_login_widget.session.login import Saving, _kernel
from carto_login_widget.store.profiles import Profiles

if TYPE_CHECKING:
    from collections.abc import Iterator

    from carto_login_widget.sandbox import Sandbox

WRONG = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def _fresh_kernel() -> Iterator[None]:
    """As in a kernel in which nobody has logged in or out."""
    _kernel.logged_out = False
    _kernel.said.clear()
    client.proved.clear()
    yield
    _kernel.logged_out = False


def account(carto: Sandbox, name: str = "jane", key: str | None = None) -> Credentials:
    """Return credentials of an account of the sandbox; the right ones without key."""
    key = carto.accounts[name].master.token if key is None else key
    return Credentials(name, key, carto.base_url(name))


def save(
    carto: Sandbox,
    name: str,
    key: str | None = None,
    *,
    accepted: bool = False,
    **more: Any,
) -> ProfileStore:
    """Save an account of the sandbox, as accepted before or never asked about."""
    store = ProfileStore()
    credentials = account(carto, name, key)
    if accepted:
        credentials = credentials._with(accepted=True, proved=carto.url)
    store.save(name, credentials, **more)
    return store


def put_in_environment(
    patch: pytest.MonkeyPatch, carto: Sandbox, name: str, key: str | None = None
) -> None:
    """Set the three variables."""
    patch.setenv("CARTO_USERNAME", name)
    patch.setenv("CARTO_API_KEY", key or carto.accounts[name].master.token)
    patch.setenv("CARTO_BASE_URL", carto.base_url(name))


def files_of(home: Path) -> dict[str, str]:
    """Return every file below the home and what is in it."""
    return {
        str(path.relative_to(home)): path.read_text()
        for path in home.rglob("*")
        if path.is_file()
    }


def user() -> str | None:
    """Return the user that the kernel is signed in as."""
    current = get_default_credentials()
    return current and current._identity.address.username


# The sources, the strongest first.


def test_arguments_are_used_first(
    carto: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Before a named profile, the account of now, the environment and the default."""
    save(carto, "bob", default=True)
    put_in_environment(monkeypatch, carto, "bob")
    monkeypatch.setenv("CARTO_PROFILE", "bob")
    set_default_credentials(account(carto, "bob"))
    jane = account(carto)
    jane.save(tmp_path / "jane.json")
    for keywords in (
        {"credentials": jane},
        {"file": tmp_path / "jane.json"},
        {"file": str(tmp_path / "jane.json")},
        {"username": "jane", "api_key": jane.api_key, "base_url": jane.base_url},
        {"api_key": jane.api_key, "base_url": jane.base_url},
    ):
        _kernel.said.clear()
        with pytest.warns(UserWarning, match="bob at .* is not used"):
            assert login(**keywords).account.key_type == "master"
        assert user() == "jane"


def test_a_named_profile_comes_next(
    carto: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By argument, else by CARTO_PROFILE; before the account of now."""
    save(carto, "jane")
    save(carto, "bob")
    save(carto, "anna", default=True)
    put_in_environment(monkeypatch, carto, "anna")
    monkeypatch.setenv("CARTO_PROFILE", "bob")
    with pytest.warns(UserWarning, match="not used"):
        assert login("JANE").source == "profile 'jane'"
    assert user() == "jane"
    with pytest.warns(UserWarning, match="not used"):
        assert login().source == "profile 'bob'"
    assert user() == "bob"


def test_the_account_of_now_is_kept(
    carto: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the environment and the default; nothing is sent or said."""
    first = login(credentials=account(carto))
    save(carto, "bob", default=True)
    put_in_environment(monkeypatch, carto, "bob")
    carto.clear()
    assert login() is first
    assert carto.count == 0


def test_the_environment_comes_before_the_default(
    carto: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And the account that is passed over is told once."""
    save(carto, "bob", default=True)
    put_in_environment(monkeypatch, carto, "jane")
    with pytest.warns(UserWarning, match="not used") as told:
        assert login().source == "CARTO_API_KEY"
    host = carto.url.removeprefix("http://")
    assert [str(warning.message) for warning in told] == [
        (
            f"Signing in as jane at {host} from CARTO_API_KEY; creds.json names bob at "
            f"{host} and is not used."
        )
    ]
    assert told[0].filename == __file__
    unset_default_credentials()
    assert login().username == "jane"


def test_the_default_account_is_the_last_source(carto: Sandbox) -> None:
    """It is what creds.json holds, and its name is known."""
    save(carto, "bob")
    save(carto, "jane", default=True)
    credentials = login()
    assert (credentials.source, credentials.profile) == ("creds.json", "jane")
    assert credentials.account.key_type == "master"


def test_without_any_account_the_ways_are_listed() -> None:
    """Nothing is asked, and the sentence says what to do."""
    with pytest.raises(NotLoggedInError) as told:
        login()
    for way in ("carto-login login", "CARTO_API_KEY", "login(file="):
        assert way in str(told.value)


def test_empty_variables_are_unset(
    carto: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All four, so the default account signs in, without a word."""
    save(carto, "jane", default=True)
    for name in ("USERNAME", "API_KEY", "BASE_URL", "PROFILE"):
        monkeypatch.setenv(f"CARTO_{name}", "")
    assert login().source == "creds.json"


def test_a_key_of_nobody_is_told(
    carto: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CARTO_API_KEY alone: in the error, or beside the account that is used instead."""
    monkeypatch.setenv("CARTO_API_KEY", WRONG)
    with pytest.raises(NotLoggedInError, match="neither CARTO_USERNAME nor") as told:
        login()
    assert WRONG[:8] not in str(told.value)
    save(carto, "jane", default=True)
    with pytest.warns(UserWarning, match="neither CARTO_USERNAME nor"):
        login()
    assert user() == "jane"


def test_sources_are_never_mixed(
    carto: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address of one never meets the key of another."""
    save(carto, "jane", default=True)
    monkeypatch.setenv("CARTO_BASE_URL", carto.base_url("bob"))
    monkeypatch.setenv("CARTO_USERNAME", "bob")
    assert login().username == "jane"
    assert not [record.path for record in carto.requests if "bob" in record.path]


# What is named must be there.


def test_a_missing_profile_lists_the_known_ones(
    carto: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By argument or variable; no weaker source takes its place."""
    save(carto, "jane", default=True)
    save(carto, "bob")
    with pytest.raises(ProfileNotFoundError, match="Saved: bob, jane") as told:
        login("wrok")
    assert told.value.known == ("bob", "jane")
    monkeypatch.setenv("CARTO_PROFILE", "wrok")
    with pytest.raises(ProfileNotFoundError, match="CARTO_PROFILE asks for it") as told:
        login()
    assert (told.value.name, told.value.known) == ("wrok", ("bob", "jane"))
    assert get_default_credentials() is None


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("creds.json", "login(file=...)"),
        (Path("creds.json"), "login(file=...)"),
        ("./work", "login(file=...)"),
        ("C:\\work\\Creds.JSON", "login(file=...)"),
        ("https://jane.carto.com", "login(base_url=..."),
        ("jane.carto.com", "login(base_url=..."),
        (Credentials("jane", WRONG), "login(credentials=...)"),
    ],
)
def test_what_is_no_name_of_an_account_leads_to_its_own_place(
    name: Any, way: str
) -> None:
    """A saved account of such a name would be found."""
    with pytest.raises((ProfileNotFoundError, InvalidCredentialsError)) as told:
        login(name)
    assert way in str(told.value)


def test_a_script_is_not_led_to_a_notebook() -> None:
    """Where there is no IPython, what it knows is of no use."""
    code = "import carto_login_widget; carto_login_widget.login()"
    run = [sys.executable, "-c", code]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    assert "carto-login login in a terminal" in done.stderr
    assert "%carto_login" not in done.stderr


def test_a_missing_file_is_a_missing_file(carto: Sandbox, tmp_path: Path) -> None:
    """It is named, and no weaker source takes its place."""
    save(carto, "jane", default=True)
    with pytest.raises(FileNotFoundError, match="nowhere"):
        login(file=tmp_path / "nowhere.json")
    assert get_default_credentials() is None


@pytest.mark.parametrize(
    "keywords",
    [
        {"profile": "jane", "username": "jane", "api_key": WRONG},
        {"profile": "jane", "file": "creds.json"},
        {"file": "creds.json", "api_key": WRONG},
        {"credentials": Credentials("jane", WRONG), "username": "jane"},
    ],
)
def test_two_ways_at_once_are_refused(keywords: dict[str, Any]) -> None:
    """None of them is ignored."""
    with pytest.raises(InvalidCredentialsError, match="one way only"):
        login(**keywords)


@pytest.mark.parametrize(
    ("keywords", "told"),
    [
        ({"username": "jane"}, "An API key is needed"),
        ({"base_url": "https://maps.example.com/user/jane"}, "An API key is needed"),
        ({"api_key": WRONG}, "user name is needed"),
        ({"username": "jane", "api_key": ""}, "API key is empty"),
        ({"username": "jane", "api_key": 5}, "must be a text, not int"),
        ({"username": "jane@example.com", "api_key": WRONG}, "e-mail address"),
        ({"credentials": {"username": "jane"}}, "not dict"),
        ({"profile": Credentials("jane", WRONG)}, "credentials="),
        ({"profile": 5}, "not int"),
    ],
)
def test_half_an_account_is_refused(keywords: dict[str, Any], told: str) -> None:
    """In words, and without a key in them."""
    with pytest.raises(InvalidCredentialsError, match=told) as raised:
        login(**keywords)
    assert WRONG[:8] not in str(raised.value)


def test_credentials_of_cartoframes_sign_in(carto: Sandbox) -> None:
    """They are copied; cartoframes need not be installed."""
    jane = account(carto)
    theirs = SimpleNamespace(
        username="jane",
        api_key=jane.api_key,
        base_url=jane.base_url,
        session=None,
        allow_non_secure=True,
    )
    assert login(credentials=theirs).account.key_type == "master"


# What is passed over is told once.


def test_each_account_that_is_passed_over_is_told_once(
    carto: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of all the sources that are weaker than the one that won."""
    save(carto, "jane", default=True)
    save(carto, "anna")
    monkeypatch.setenv("CARTO_PROFILE", "anna")
    put_in_environment(monkeypatch, carto, "bob")
    with pytest.warns(UserWarning) as told:
        login(credentials=account(carto))
    texts = [str(warning.message) for warning in told]
    assert [text.partition("; ")[2].split(" names ")[0] for text in texts] == [
        "profile 'anna'",
        "CARTO_API_KEY",
    ]
    login(credentials=account(carto))


def test_the_same_account_elsewhere_is_no_news(
    carto: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another key of it, or its name in other letters."""
    save(carto, "jane", default=True)
    put_in_environment(monkeypatch, carto, "jane")
    monkeypatch.setenv("CARTO_USERNAME", "Jane")
    assert login().source == "CARTO_API_KEY"
    assert login("jane").source == "profile 'jane'"


def test_a_login_that_fails_does_not_use_the_warning_up(
    carto: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody saw is told at the next one."""
    save(carto, "bob", default=True)
    put_in_environment(monkeypatch, carto, "jane")
    with carto.fail(Fault.status(500), times=20), pytest.raises(UndecidedError):
        login()
    with pytest.warns(UserWarning, match=r"creds\.json names bob"):
        login()


def test_a_source_that_is_not_used_may_be_broken(
    carto: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a bad variable nor a broken creds.json disturbs a named account."""
    save(carto, "jane")
    Profiles().default_path.write_text("{")
    monkeypatch.setenv("CARTO_USERNAME", "not a name")
    monkeypatch.setenv("CARTO_API_KEY", WRONG)
    assert login("jane").username == "jane"


# Broken sources that would be used.


def test_a_broken_creds_json_is_told_and_kept(home: Path) -> None:
    """With its path; the file stays as it is."""
    path = Profiles().default_path
    path.parent.mkdir(parents=True)
    path.write_text('{"username": "jane", "api_key": ["x"]}')
    before = files_of(home)
    with pytest.raises(CredentialsFileError) as told:
        login()
    assert str(path) in str(told.value)
    assert files_of(home) == before
    assert get_default_credentials() is None


def test_a_corrupt_profile_keeps_the_account_of_now(carto: Sandbox, home: Path) -> None:
    """And every file."""
    save(carto, "bob")
    Profiles().path_of("bob").write_bytes(b"\xff\x00")
    jane = login(credentials=account(carto))
    before = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    with pytest.raises(CredentialsFileError, match=r"bob\.json"):
        login("bob")
    assert get_default_credentials() is jane
    assert before == {p: p.read_bytes() for p in home.rglob("*") if p.is_file()}


def test_a_bad_variable_is_told(
    carto: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No weaker source takes its place, as somebody meant to use it."""
    save(carto, "jane", default=True)
    monkeypatch.setenv("CARTO_USERNAME", "jane@example.com")
    monkeypatch.setenv("CARTO_API_KEY", WRONG)
    with pytest.raises(InvalidCredentialsError, match=r"^CARTO_USERNAME in the env"):
        login()
    assert get_default_credentials() is None


@pytest.mark.parametrize("validate", [True, False])
def test_an_address_that_names_nobody_registers_nothing(
    carto: Sandbox, validate: bool
) -> None:
    """Also where CARTO is not asked."""
    jane = login(credentials=account(carto))
    nobody = Credentials(base_url="https://10.0.0.5", api_key=WRONG)
    two = Credentials("bob", WRONG, "https://maps.example.com/user/jane")
    for credentials in (nobody, two):
        with pytest.raises(InvalidCredentialsError):
            login(credentials=credentials, validate=validate)
        assert get_default_credentials() is jane


# Validate, save, register, in this order.


@pytest.mark.parametrize("source", ["arguments", "profile", "environment", "default"])
def test_a_refused_key_changes_nothing(
    carto: Sandbox, home: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    """Whatever it came from: the account of now and all files stay."""
    jane = login(credentials=account(carto))
    keywords: dict[str, Any] = {}
    if source == "arguments":
        keywords = {"credentials": account(carto, "bob", WRONG)}
    elif source == "profile":
        save(carto, "bob", WRONG, accepted=True)
        keywords = {"profile": "bob"}
    else:
        unset_default_credentials()
        jane = None
    if source == "environment":
        put_in_environment(monkeypatch, carto, "bob", WRONG)
    elif source == "default":
        save(carto, "bob", WRONG, accepted=True, default=True)
    before = files_of(home)
    with pytest.raises(RejectedError) as told:
        login(**keywords)
    assert told.value.reason == "wrong_key"
    assert told.value.__cause__ is told.value.__context__ is None
    assert get_default_credentials() is jane
    assert files_of(home) == before


def test_listeners_hear_only_of_what_was_accepted(carto: Sandbox) -> None:
    """And when they hear it, it is checked already and saved."""
    store = ProfileStore()
    heard: list[tuple[bool, list[str]]] = []
    stop = on_default_change(
        lambda new: heard.append((new.account.checked, store.names()))
    )
    with pytest.raises(RejectedError):
        login(credentials=account(carto, "jane", WRONG))
    assert heard == []
    credentials = signin.check(account(carto))
    _, notes = signin.register(credentials, Saving("work", default=True))
    assert notes == []
    stop()
    assert heard == [(True, ["work"])]
    assert store.default_name == "work"


def test_a_failed_save_does_not_undo_the_login(
    carto: Sandbox, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Here a file stands where the directory should be."""
    store = home / "in-the-way"
    store.write_text("")
    monkeypatch.setenv("CARTO_LOGIN_HOME", str(store))
    checked = signin.check(account(carto))
    credentials, (note,) = signin.register(checked, Saving("jane"))
    assert "signed in, but the account could not be saved" in note
    assert str(store) in note
    assert credentials.api_key[:8] not in note
    assert get_default_credentials() is credentials


def test_a_failed_bridge_does_not_undo_the_login(carto: Sandbox) -> None:
    """It is said, beside the login."""

    def bridge(_new: object) -> None:
        raise OSError

    stop = on_default_change(bridge)
    with pytest.warns(UserWarning, match="bridge could not follow"):
        login(credentials=account(carto))
    assert user() == "jane"
    with pytest.warns(UserWarning, match="bridge could not follow"):
        logout()
    stop()
    assert user() is None


def test_ctrl_c_in_the_middle_changes_nothing(carto: Sandbox, home: Path) -> None:
    """The account of now and the files stay."""
    import _thread

    jane = login(credentials=account(carto))
    before = files_of(home)
    carto.clear()
    interrupt = threading.Thread(
        target=lambda: (carto.wait_for(1), _thread.interrupt_main())
    )
    with carto.fail(Fault.hang()):
        interrupt.start()
        with pytest.raises(KeyboardInterrupt):
            login(credentials=account(carto, "bob"))
    interrupt.join()
    assert get_default_credentials() is jane
    assert files_of(home) == before


def test_what_was_given_is_never_written(
    carto: Sandbox, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither arguments nor the environment end in a file by themselves."""
    jane = account(carto)
    login(username="jane", api_key=jane.api_key, base_url=jane.base_url)
    login(credentials=jane)
    unset_default_credentials()
    put_in_environment(monkeypatch, carto, "bob")
    login()
    assert files_of(home) == {}


def test_signing_in_with_a_saved_account_changes_no_file(
    carto: Sandbox, home: Path
) -> None:
    """Not even which one sessions start with."""
    save(carto, "bob", default=True)
    save(carto, "jane")
    before = files_of(home)
    with pytest.warns(UserWarning, match="bob"):
        login("jane")
    unset_default_credentials()
    login()
    assert files_of(home) == before


# No verdict.


@pytest.mark.parametrize("named", [True, False])
def test_an_account_that_was_accepted_before_starts_unchecked(
    carto: Sandbox, named: bool
) -> None:
    """With a warning that says why and that it was not checked."""
    save(carto, "jane", accepted=True, default=True)
    with (
        carto.fail(Fault.status(500)),
        pytest.warns(UserWarning, match="was not checked this time") as told,
    ):
        credentials = login("jane" if named else None)
    assert get_default_credentials() is credentials
    assert credentials.account.checked is False
    assert dict(facts(credentials))["API key"] == "The key was not checked."
    assert f"jane at {carto.url[7:]}" in str(told[0].message)


def test_an_account_starts_while_its_server_is_away(carto: Sandbox) -> None:
    """Nobody listens there any more."""
    save(carto, "jane", accepted=True, default=True)
    carto.stop()
    with pytest.warns(UserWarning, match="was not checked this time"):
        login()
    assert user() == "jane"


def test_an_account_that_was_never_accepted_needs_a_verdict(
    carto: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Saved by hand, from arguments, from the environment."""
    save(carto, "jane", default=True)
    put_in_environment(monkeypatch, carto, "jane")
    account(carto).save(tmp_path / "jane.json")
    with carto.fail(Fault.status(500)):
        for keywords in (
            {"profile": "jane"},
            {"file": tmp_path / "jane.json"},
            {"credentials": account(carto)._with(proved=carto.url)},
            {},
        ):
            with pytest.raises(UndecidedError) as told:
                login(**keywords)
            assert told.value.__cause__ is told.value.__context__ is None
            assert get_default_credentials() is None


def test_what_was_proved_counts_for_its_own_address(carto: Sandbox) -> None:
    """A file that was changed by hand to another one was never accepted there."""
    save(carto, "jane", accepted=True)
    path = Profiles().path_of("jane")
    document = json.loads(path.read_text())
    document["base_url"] = document["base_url"].replace("127.0.0.1", "localhost")
    path.write_text(json.dumps(document))
    with carto.fail(Fault.status(500)), pytest.raises(UndecidedError):
        login("jane")
    assert get_default_credentials() is None


def test_an_accepted_account_is_refused_when_carto_says_no(carto: Sandbox) -> None:
    """A verdict is a verdict, also that it is not CARTO any more."""
    save(carto, "jane", accepted=True, default=True)
    carto.accounts["jane"].state = "locked"
    with pytest.raises(RejectedError, match="locked"):
        login()
    carto.accounts["jane"].state = "active"
    client.proved.clear()
    with carto.fail(Fault.html()), pytest.raises(NotCartoError):
        login()
    assert get_default_credentials() is None


# Without asking CARTO.


def test_without_validating_nothing_is_sent(carto: Sandbox) -> None:
    """And the account says that it was not checked."""
    credentials = login(credentials=account(carto, "jane", WRONG), validate=False)
    assert carto.count == 0
    assert credentials.account.checked is False
    assert get_default_credentials() is credentials


def test_a_verdict_of_before_is_not_this_login_s(carto: Sandbox) -> None:
    """Signing in without a check says so, whatever the last one learned."""
    credentials = login(credentials=account(carto))
    assert credentials.account.checked
    again = login(credentials=credentials, validate=False)
    assert not again.account.checked
    assert credentials.account.checked


# What the kernel is signed in with was set without a check.


def test_what_was_set_unchecked_is_checked_once(carto: Sandbox) -> None:
    """By login(), which otherwise keeps what is there."""
    set_default_credentials(account(carto))
    assert login().account.key_type == "master"
    carto.clear()
    login()
    assert carto.count == 0


def test_what_was_set_unchecked_and_is_refused_is_told(carto: Sandbox) -> None:
    """The kernel stays as it is."""
    set_default_credentials(account(carto, "jane", WRONG))
    before = get_default_credentials()
    with pytest.raises(RejectedError):
        login()
    assert get_default_credentials() is before
    assert login(validate=False) is before


def test_what_was_set_unchecked_may_stay_without_a_verdict(carto: Sandbox) -> None:
    """With a warning, and CARTO is asked again when it is well."""
    set_default_credentials(account(carto))
    with (
        carto.fail(Fault.status(500)),
        pytest.warns(UserWarning, match="You stay signed in as jane"),
    ):
        credentials = login()
    assert credentials.account.checked is False
    assert login().account.checked
    assert get_default_credentials().account.checked


# Signing out.


def test_after_logout_the_default_is_not_used_by_itself(carto: Sandbox) -> None:
    """In this kernel, until somebody signs in; a name still works."""
    save(carto, "jane", default=True)
    login()
    logout()
    assert get_default_credentials() is None
    with pytest.raises(NotLoggedInError, match="login\\('jane'\\)"):
        login()
    assert login("jane").username == "jane"
    unset_default_credentials()
    assert login().source == "creds.json"


def test_logout_tells_what_remains(
    carto: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Variables of the environment, which this process cannot forget for others."""
    logout()
    put_in_environment(monkeypatch, carto, "jane")
    monkeypatch.setenv("CARTO_PROFILE", "work")
    with pytest.warns(UserWarning, match="still set") as told:
        logout()
    assert sorted(str(w.message).split()[0] for w in told) == [
        "CARTO_API_KEY",
        "CARTO_PROFILE",
    ]
    assert {warning.filename for warning in told} == {__file__}


# Words.


def test_an_account_is_described_for_people(carto: Sandbox) -> None:
    """Who, where, which key, where it is saved, and what sessions start with."""
    store = save(carto, "jane")
    where = carto.base_url("jane").removeprefix("http://")
    known = [
        ("User", "jane"),
        ("Address", where),
        ("API key", "Master key, full access."),
    ]
    assert facts(login("jane")) == [
        *known,
        ("Saved", f"as 'jane' in {short_path(Profiles().directory)}"),
        ("New sessions", "ask who signs in"),
    ]
    store.delete("jane")
    assert facts(get_default_credentials()) == [
        *known,
        ("Comes from", "profile 'jane'"),
        ("Saved", "not saved"),
        ("New sessions", "ask who signs in"),
    ]
    by_hand = Credentials(base_url="https://10.0.0.5", api_key=WRONG)
    assert facts(by_hand)[:3] == [
        ("User", "https://10.0.0.5"),
        ("Address", "10.0.0.5"),
        ("API key", "The key was not checked."),
    ]


def test_a_path_is_written_as_people_do(home: Path) -> None:
    """With ~ for the home, and in full elsewhere."""
    assert short_path(home / "a" / "b") == str(Path("~/a/b"))
    assert short_path(Path("/srv/carto")) == str(Path("/srv/carto"))


def test_a_library_that_is_missing_does_not_undo_the_login(
    carto: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A save that fails for any reason is said."""
    monkeypatch.setitem(sys.modules, "filelock", None)
    checked = signin.check(account(carto))
    credentials, (note,) = signin.register(checked, Saving("jane"))
    assert "could not be saved (ModuleNotFoundError)" in note
    assert get_default_credentials() is credentials


@pytest.mark.parametrize("quoted", ["'work'", '"work"', " work\n"])
def test_a_variable_may_have_quotes(
    carto: Sandbox, monkeypatch: pytest.MonkeyPatch, quoted: str
) -> None:
    """Files of variables keep what a shell would take away."""
    ProfileStore().save("work", account(carto))
    monkeypatch.setenv("CARTO_PROFILE", quoted)
    assert login().profile == "work"
    monkeypatch.setenv("CARTO_PROFILE", '""')
    unset_default_credentials()
    with pytest.raises(NotLoggedInError):
        login()
