"""`%carto_login` in a shell of this process: its line, its words, its completion."""

from __future__ import annotations

import re
import traceback
from typing import TYPE_CHECKING, Any

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from ipywidgets import Widget
from traitlets.config import Config

from carto_login_widget import (
    CartoLoginError,
    Credentials,
    CredentialsFileError,
    InvalidCredentialsError,
    NotLoggedInError,
    ProfileNotFoundError,
    ProfileStore,
    RejectedError,
    UndecidedError,
    get_default_credentials,
    set_default_credentials,
)
from carto_login_widget.sandbox import Fault
from carto_login_widget.session.login import _kernel
from carto_login_widget.settings import CartoLogin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from carto_login_widget.sandbox import Sandbox

KEY = "0123456789abcdef0123456789abcdef01234567"
SHORT_KEY = "aB3_dEf-GhI9jKlMnOpQrS"


@pytest.fixture
def shell() -> Iterator[InteractiveShell]:
    """A shell with the extension loaded, in which nobody is there to ask."""
    _kernel.logged_out = False
    _kernel.said.clear()
    config = Config()
    config.HistoryManager.enabled = False
    shell = InteractiveShell(config=config)
    shell.run_line_magic("load_ext", "carto_login_widget")
    yield shell
    shell.run_line_magic("unload_ext", "carto_login_widget")
    Widget.close_all()  # a form that is left follows the next test's account
    _kernel.logged_out = False


def account(carto: Sandbox, name: str = "jane", key: str | None = None) -> Credentials:
    """Return credentials of an account of the sandbox; the right ones without key."""
    key = key or carto.accounts[name].master.token
    return Credentials(name, key, carto.base_url(name))


def run(shell: InteractiveShell, line: str = "") -> Any:
    """Run the magic, with what is given after it."""
    return shell.run_line_magic("carto_login", line)


def complete(shell: InteractiveShell, text: str) -> set[str]:
    """Return what each of IPython's completions makes of the last word."""
    with provisionalcompleter():
        found = list(shell.Completer.completions(text, len(text)))
    lines = (text[: c.start] + c.text + text[c.end :] for c in found)
    return {line.split(" ")[-1] for line in lines}


# Loading.


def test_loading_twice_is_harmless(shell: InteractiveShell) -> None:
    """One magic, one set of settings, each completion once."""
    shell.run_line_magic("load_ext", "carto_login_widget")
    shell.run_line_magic("reload_ext", "carto_login_widget")
    shell.run_line_magic("reload_ext", "carto_login_widget")
    assert shell.find_line_magic("carto_login")
    assert shell.configurables.count(CartoLogin.instance()) == 1
    assert len(shell.Completer.custom_matchers) == 1


def test_unloading_takes_everything_away(
    shell: InteractiveShell, carto: Sandbox
) -> None:
    """But whoever is signed in stays so."""
    set_default_credentials(account(carto))
    shell.run_line_magic("unload_ext", "carto_login_widget")
    assert shell.find_line_magic("carto_login") is None
    assert "--forget" not in complete(shell, "%carto_login --f")
    assert CartoLogin.instance() not in shell.configurables
    assert get_default_credentials().username == "jane"
    shell.run_line_magic("load_ext", "carto_login_widget")
    assert shell.find_line_magic("carto_login")


def test_the_help_names_every_option(shell: InteractiveShell) -> None:
    """`%carto_login?` shows them, and none for the key."""
    text = shell.find_line_magic("carto_login").__doc__
    for option in ("--form", "--prompt", "--require", "--file", "--no-validate"):
        assert option in text
    assert "--api-key" not in text


# Completion.


@pytest.mark.parametrize("magic", ["%carto_login", "carto_login"])
def test_options_and_names_complete(shell: InteractiveShell, magic: str) -> None:
    """With the percent sign and without it."""
    store = ProfileStore()
    for name in ("work", "home", "jane@maps.example.com", "jane@maps-8080", "jane.2"):
        store.save(name, Credentials("jane", KEY))
    assert complete(shell, f"{magic} --f") == {"--file", "--forget", "--form"}
    assert complete(shell, f"{magic} --base") == {"--base-url"}
    assert complete(shell, f"{magic} wo") == {"work"}
    assert complete(shell, f"{magic} WO") >= {"work"}
    assert complete(shell, f"{magic} --no-validate ho") == {"home"}
    assert complete(shell, f"{magic} --forget ho") == {"home"}
    assert complete(shell, f"{magic} --forget=ho") == {"--forget=home"}
    assert complete(shell, f"{magic} jane") == {
        "jane.2",
        "jane@maps-8080",
        "jane@maps.example.com",
    }
    names = {"jane@maps-8080", "jane@maps.example.com"}
    assert complete(shell, f"{magic} jane@") == names
    assert complete(shell, f"{magic} jane@maps") == names
    assert complete(shell, f"{magic} jane@maps.e") == {"jane@maps.example.com"}
    assert complete(shell, f"{magic} ") >= {"work", "home", "jane.2"}


@pytest.mark.parametrize("before", ["%load_ext carto_login_widget\n", "me = ", "  "])
def test_names_complete_wherever_the_magic_stands(
    shell: InteractiveShell, before: str
) -> None:
    """Below another line, and on the right of an assignment."""
    ProfileStore().save("work", Credentials("jane", KEY))
    assert complete(shell, f"{before}%carto_login wo") == {"work"}


def test_other_lines_complete_as_before(shell: InteractiveShell) -> None:
    """Neither options nor names show there."""
    ProfileStore().save("work", Credentials("jane", KEY))
    assert "work" not in complete(shell, "%carto_login_not wo")
    assert "work" not in complete(shell, "print wo")
    assert complete(shell, "%carto_log") == {"%carto_login"}


def test_names_do_not_stand_for_other_values(shell: InteractiveShell) -> None:
    """After --username a saved account is no answer."""
    ProfileStore().save("work", Credentials("jane", KEY))
    assert "work" not in complete(shell, "%carto_login --username wo")
    assert "work" not in complete(shell, "%carto_login --base-url=wo")


def test_a_store_that_cannot_be_read_still_completes_options(
    shell: InteractiveShell,
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """Completion is never the place for an error."""
    (home / "file").write_text("")
    monkeypatch.setenv("CARTO_LOGIN_HOME", str(home / "file"))
    complete(shell, "%carto_login wo")
    assert complete(shell, "%carto_login --w") == {"--whoami"}
    assert capfd.readouterr() == ("", "")


# Signing in where nobody is there to ask.


def test_the_default_account_signs_in_and_is_shown(
    shell: InteractiveShell, carto: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """In words where no widget shows; nothing is returned."""
    ProfileStore().save("jane", account(carto), default=True)
    assert run(shell) is None
    assert capsys.readouterr().out.splitlines() == [
        "User: jane",
        f"Address: {carto.base_url('jane').removeprefix('http://')}",
        "API key: Master key, full access.",
        "Saved: as 'jane' in ~/.config/cartoframes",
        "New sessions: start with this account",
    ]


def test_what_was_passed_over_is_shown(
    shell: InteractiveShell,
    carto: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Below the account, and no warning."""
    ProfileStore().save("bob", account(carto, "bob"))
    monkeypatch.setenv("CARTO_USERNAME", "jane")
    monkeypatch.setenv("CARTO_API_KEY", KEY)
    run(shell, "bob")
    assert "CARTO_API_KEY names jane" in capsys.readouterr().out


@pytest.mark.parametrize("line", ["", "--prompt", "--require", "--username jane"])
def test_without_an_account_nobody_is_waited_for(
    shell: InteractiveShell, line: str
) -> None:
    """The error lists the ways, at once."""
    with pytest.raises(NotLoggedInError, match="Nobody is there to ask") as told:
        run(shell, line)
    assert "CARTO_USERNAME and CARTO_API_KEY" in str(told.value)


def test_the_form_can_be_made_to_show(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a terminal its text says how else to log in."""
    assert run(shell, "--form") is None
    assert "%carto_login --prompt" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name", ["creds.json", "my creds.json", "it's.json", 'a"b.json']
)
@pytest.mark.parametrize("option", ["--file ", "--file=", "--fil "])
def test_a_file_is_given_with_its_quotes(
    shell: InteractiveShell, carto: Sandbox, tmp_path: Path, name: str, option: str
) -> None:
    """Blanks and quotes in its name; the quotes around it are not part of it."""
    path = tmp_path / name
    account(carto).save(path)
    quotes = ["'", '"'] if name == "creds.json" else ["'" if '"' in name else '"']
    for quote in quotes:
        run(shell, f"{option}{quote}{path}{quote}")
        assert get_default_credentials().source == str(path)


def test_the_home_of_a_file_may_be_a_tilde(
    shell: InteractiveShell, carto: Sandbox, home: Path
) -> None:
    """As people write it."""
    account(carto).save(home / "creds.json")
    run(shell, "--file ~/creds.json")
    assert get_default_credentials().username == "jane"


def test_a_name_may_be_quoted(shell: InteractiveShell, carto: Sandbox) -> None:
    """And in other letters."""
    ProfileStore().save("work", account(carto))
    run(shell, "'Work'")
    assert get_default_credentials().profile == "work"


def test_an_account_need_not_be_validated(
    shell: InteractiveShell, carto: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """--no-validate sends nothing, and says so."""
    ProfileStore().save("jane", account(carto, key=KEY))
    run(shell, "jane --no-validate")
    assert get_default_credentials().account.checked is False
    assert carto.count == 0
    assert "The key was not checked." in capsys.readouterr().out


def test_what_is_refused_raises(shell: InteractiveShell, carto: Sandbox) -> None:
    """Named or not, as nobody could read a form."""
    ProfileStore().save("jane", account(carto, key=KEY), default=True)
    for line in ("", "jane", "jane --require"):
        with pytest.raises(RejectedError) as told:
            run(shell, line)
        assert told.value.__context__ is None
        assert get_default_credentials() is None


def test_a_limit_that_is_configured_is_kept_to(
    shell: InteractiveShell, carto: Sandbox
) -> None:
    """`%config` decides how long a server may hang."""
    ProfileStore().save("jane", account(carto), default=True)
    shell.run_line_magic("config", "CartoLogin.total_timeout = 0.4")
    try:
        with carto.fail(Fault.hang()), pytest.raises(UndecidedError) as told:
            run(shell)
    finally:
        CartoLogin.clear_instance()
    assert told.value.reason == "timeout"


def test_what_is_broken_raises(shell: InteractiveShell, tmp_path: Path) -> None:
    """In words that name it."""
    with pytest.raises(FileNotFoundError, match="nowhere"):
        run(shell, f"--file {tmp_path / 'nowhere.json'}")
    with pytest.raises(ProfileNotFoundError, match="wrok"):
        run(shell, "wrok")
    (tmp_path / "creds.json").write_text("{")
    with pytest.raises(CredentialsFileError, match=r"creds\.json"):
        run(shell, f"--file {tmp_path / 'creds.json'}")
    with pytest.raises(InvalidCredentialsError, match="one way only"):
        run(shell, f"work --file {tmp_path / 'creds.json'}")
    for source in ("work", "--file creds.json", "work --form"):
        with pytest.raises(UsageError, match="one way only"):
            run(shell, f"{source} --username bob")


def test_a_user_name_asks_for_that_account(
    shell: InteractiveShell, carto: Sandbox
) -> None:
    """The account at hand is used if it is the one; else somebody is to be asked."""
    ProfileStore().save("jane", account(carto), default=True)
    for line in (
        "--username Jane",
        f"--base-url {carto.url}",
        f"--username jane --base-url {carto.base_url('jane')}/",
    ):
        run(shell, line)
        assert get_default_credentials().username == "jane"
    for line in (
        "--username bob",
        "--base-url https://maps.example.com",
        f"--base-url {carto.base_url('bob')}",
        "--username not@name",
    ):
        with pytest.raises(
            NotLoggedInError, match=r"at hand, jane at .* is not the one"
        ):
            run(shell, line)


# The key has no place on the line.


@pytest.mark.parametrize(
    "line",
    [
        f"--api-key {KEY}",
        f"--api_key={KEY}",
        f"--key {KEY}",
        f"-key {SHORT_KEY}",
        f"--token={KEY}",
        f"jane --password {SHORT_KEY}",
        f"--apikey {SHORT_KEY}",
        KEY,
        SHORT_KEY,
        f"'{KEY}'",
        f"jane {KEY}",
        f"jane:{SHORT_KEY}",
        f"jane@{KEY}?",
        f"api_key={SHORT_KEY}",
        f"--username {KEY}",
        f"--username={KEY.upper()}",
        f"--username {SHORT_KEY}",
        f"--forget {KEY}",
        f"--forget {SHORT_KEY}",
        f"--base-url https://jane.carto.com/api/v2/sql?api_key={SHORT_KEY}",
        f"--file {KEY}",
        f'"{KEY}',
        f"--profile {KEY}",
        f"--form={KEY}",
        f"eyJhbGciOiJSUzI1NiJ9.{KEY}.x",
        f"-{KEY}",
    ],
)
def test_a_key_is_refused_and_not_repeated(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    """Neither in the error nor in what is printed, however it is given."""
    with pytest.raises(UsageError) as told:
        run(shell, line)
    assert told.value.__cause__ is None
    assert told.value.__context__ is None or not str(told.value.__context__)
    shown = "".join(traceback.format_exception_only(told.value))
    shell.showtraceback((type(told.value), told.value, told.value.__traceback__))
    out, err = capsys.readouterr()
    for part in (KEY, KEY.upper(), SHORT_KEY):
        for start in range(0, len(part) - 8, 4):
            assert part[start : start + 8] not in shown + out + err
    assert get_default_credentials() is None


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("work --check", "--check does nothing with the name of a saved account"),
        ("work --logout", "--logout does nothing with the name of a saved account"),
        ("work --prompt", "--prompt does nothing with the name of a saved account"),
        ("--list --logout", "--list does nothing with --logout"),
        ("--whoami --forget work", "--whoami does nothing with --forget"),
        ("--logout --save mine", "--save does nothing with --logout"),
        ("--forget work --default work", "--default does nothing with --forget"),
        ("--form --file creds.json", "--form does nothing with --file"),
        ("--form --prompt", "--form does nothing with --prompt"),
        ("--whoami --no-validate", "--whoami does nothing with --no-validate"),
        ("work --replace", "%carto_login does nothing with --replace"),
    ],
)
def test_no_word_of_a_line_is_passed_over(
    shell: InteractiveShell, line: str, told: str
) -> None:
    """Who asks for two things, of which one would be done, hears that none was."""
    ProfileStore().save("work", Credentials("jane", KEY))
    set_default_credentials("bob", KEY)
    with pytest.raises(UsageError, match=re.escape(told)):
        run(shell, line)
    assert ProfileStore().names() == ["work"]
    assert get_default_credentials().username == "bob"


@pytest.mark.parametrize("mode", ["Plain", "Context", "Verbose", "Minimal"])
def test_a_cell_shows_one_line_about_a_key(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str], mode: str
) -> None:
    """Without a traceback, in each of IPython's modes."""
    shell.run_line_magic("xmode", mode)
    capsys.readouterr()
    shell.run_cell(f"%carto_login --api-key {KEY}")
    out, err = capsys.readouterr()
    assert (out + err).startswith("UsageError: %carto_login takes no API key")
    assert (out + err).count("\n") == 1
    assert KEY[:8] not in out + err


def test_a_long_name_of_a_saved_account_is_no_key(
    shell: InteractiveShell, carto: Sandbox
) -> None:
    """It is known."""
    ProfileStore().save("the-account-of-my-team", account(carto))
    run(shell, "the-account-of-my-team")
    assert get_default_credentials().username == "jane"


@pytest.mark.parametrize("option", ["--file ", "--file="])
def test_a_part_of_a_path_is_no_key(
    shell: InteractiveShell, carto: Sandbox, tmp_path: Path, option: str
) -> None:
    """Directories are called as commits are."""
    path = tmp_path / KEY / "creds.json"
    path.parent.mkdir()
    account(carto).save(path)
    run(shell, f"{option}{path}")
    assert get_default_credentials().username == "jane"


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("--whomai", "Did you mean --whoami?"),
        ("--xyz", ""),
        ("one two", ""),
        ("--file", ""),
        ("--username", ""),
        ("--rename one", ""),
        ("'", ""),
        ("work --list=x", ""),
    ],
)
def test_a_line_that_is_not_understood_is_a_usage_error(
    shell: InteractiveShell, line: str, told: str
) -> None:
    """It says where help is, and nothing about keys where none was given."""
    with pytest.raises(UsageError, match="does not understand this line") as error:
        run(shell, line)
    assert told in str(error.value)
    assert "%carto_login --help" in str(error.value)
    assert "key" not in str(error.value)


@pytest.mark.parametrize("mode", ["Plain", "Context", "Verbose", "Minimal"])
@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("wrok", "ProfileNotFoundError: No account is saved as 'wrok' in"),
        ("--forget wrok", "ProfileNotFoundError: No account is saved as 'wrok' in"),
        ("--file nowhere.json", "FileNotFoundError: "),
        ("", "NotLoggedInError: Nobody is there to ask."),
        ("--check", "NotLoggedInError: This kernel is not signed in to CARTO."),
        ("--save", "NotLoggedInError: This kernel is not signed in to CARTO."),
        ("--rename work a/b", "InvalidCredentialsError: 'a/b' cannot be the name"),
        ("--whomai", "UsageError: %carto_login does not understand this line."),
    ],
)
def test_what_is_foreseen_is_one_line(
    shell: InteractiveShell,
    capsys: pytest.CaptureFixture[str],
    mode: str,
    line: str,
    told: str,
) -> None:
    """Without a traceback; it is an error all the same, so that Run All stops."""
    ProfileStore().save("work", Credentials("jane", KEY))
    shell.run_line_magic("xmode", mode)
    capsys.readouterr()
    result = shell.run_cell(f"%carto_login {line}")
    assert not result.success
    out = "".join(capsys.readouterr())
    assert out.startswith(told)
    assert out.count("\n") == 1
    assert ("Did you mean 'work'?" in out) is ("wrok" in line)


# The other commands.


def test_the_saved_accounts_are_listed(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a star at the default one, and nothing of their keys."""
    run(shell, "--list")
    assert "No account is saved in" in capsys.readouterr().out
    store = ProfileStore()
    store.save("work", Credentials("jane", KEY), default=True)
    store.save("home", Credentials("john"))
    run(shell, "--list")
    assert capsys.readouterr().out.splitlines() == [
        "  home  john at john.carto.com, default public",
        "* work  jane at jane.carto.com",
        "* every session starts with this one",
    ]


def test_a_broken_default_is_told_beside_the_list(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    """The other accounts are listed all the same."""
    store = ProfileStore()
    store.save("work", Credentials("jane", KEY))
    store.default_path.write_text("{")
    run(shell, "--list")
    out = capsys.readouterr().out
    assert out.startswith("  work  jane at jane.carto.com\n")
    assert str(store.default_path) in out


def test_whoami_asks_nobody(
    shell: InteractiveShell, carto: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says what this kernel knows, and signs nobody in."""
    ProfileStore().save("jane", account(carto), default=True)
    assert run(shell, "--whoami") is None
    assert capsys.readouterr().out == "This kernel is not signed in to CARTO.\n"
    run(shell)
    carto.clear()
    capsys.readouterr()
    run(shell, "--whoami")
    assert "API key: Master key, full access." in capsys.readouterr().out
    assert carto.count == 0


def test_logout_says_what_remains(
    shell: InteractiveShell,
    carto: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The next login of this kernel does not take the saved account by itself."""
    store = ProfileStore()
    store.save("jane", account(carto), default=True)
    run(shell)
    monkeypatch.setenv("CARTO_API_KEY", KEY)
    run(shell, "--logout")
    out = capsys.readouterr().out
    assert "Logged out. Saved accounts stay saved." in out
    assert "CARTO_API_KEY is still set" in out
    assert get_default_credentials() is None
    assert store.names() == ["jane"]
    with pytest.raises(NotLoggedInError):
        run(shell)


def test_a_saved_account_is_forgotten(
    shell: InteractiveShell, carto: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its file goes, the kernel stays signed in and says so."""
    store = ProfileStore()
    store.save("jane", account(carto), default=True)
    run(shell)
    capsys.readouterr()
    run(shell, "--forget JANE")
    out = capsys.readouterr().out
    assert "Forgot 'jane': its key is deleted from" in out
    assert "You stay signed in here." in out
    assert store.names() == []
    assert not store.default_path.exists()
    run(shell, "--whoami")
    assert "Saved: not saved" in capsys.readouterr().out
    with pytest.raises(ProfileNotFoundError, match="Saved: none"):
        run(shell, "--forget jane")


def test_help_is_shown(
    shell: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each option, and examples; nothing else is done."""
    run(shell, "--help")
    out = capsys.readouterr().out
    for option in ("--rename OLD NEW", "--default PROFILE", "--require", "--help"):
        assert option in out.replace("<", "").replace(">", "")
    assert "%carto_login work" in out


def test_a_saved_account_is_renamed_and_made_the_default(
    shell: InteractiveShell, carto: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """The kernel knows the new name; one that is taken is left as it is."""
    store = ProfileStore()
    store.save("jane", account(carto))
    store.save("bob", account(carto, "bob"), default=True)
    run(shell, "jane")
    capsys.readouterr()
    run(shell, "--rename jane Work")
    assert capsys.readouterr().out == (
        "The saved account 'jane' is called 'work' now.\n"
    )
    assert store.names() == ["bob", "work"]
    assert get_default_credentials().profile == "work"
    with pytest.raises(FileExistsError, match="saved as 'bob' already"):
        run(shell, "--rename work bob")
    run(shell, "--default work")
    assert capsys.readouterr().out == "Every session starts with 'work' now.\n"
    assert store.default_name == "work"


def test_the_account_in_use_is_saved(
    shell: InteractiveShell, carto: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """Under the name that is proposed, or another; nothing is replaced unasked."""
    store, jane = ProfileStore(), account(carto)
    store.save("bob", account(carto, "bob"))
    set_default_credentials(jane)
    run(shell)
    capsys.readouterr()
    run(shell, "--save")
    (name,) = set(store.names()) - {"bob"}
    assert capsys.readouterr().out == (
        f"Saved as '{name}' in ~/.config/cartoframes; every session starts with it.\n"
    )
    assert name.startswith("jane@127.0.0.1-")
    assert get_default_credentials().profile == name
    with pytest.raises(
        CartoLoginError, match=r"replaces the account of bob.*--replace"
    ):
        run(shell, "--save bob")
    assert store.load("bob").username == "bob"
    run(shell, "--save bob --replace")
    assert store.load("bob") == jane
    assert store.default_name == name


def test_the_account_in_use_is_checked_again(
    shell: InteractiveShell, carto: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """A refusal leaves the kernel as it is."""
    ProfileStore().save("jane", account(carto), default=True)
    run(shell, "--no-validate")
    assert get_default_credentials().account.checked is False
    capsys.readouterr()
    run(shell, "--check")
    assert "CARTO accepts this key." in capsys.readouterr().out
    checked = get_default_credentials()
    assert checked.account.key_type == "master"
    carto.accounts["jane"].master.token = "another-key-0123456789"
    with pytest.raises(RejectedError):
        run(shell, "--check")
    assert get_default_credentials() is checked
