"""`carto-login` on the command line: saved accounts, the sandbox, the demo."""

from __future__ import annotations

import json
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import BashComplete, add_completion_class

from . import __version__
from .errors import (
    CartoLoginError,
    NotLoggedInError,
    UndecidedError,
    any_terminal,
    sealed,
)
from .secret import Secret, clean_key, holds_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from .session.acts import Did

_PROGRAM = "carto-login"
_REFUSED, _WRONG_USAGE, _NO_VERDICT, _INTERRUPTED = 1, 2, 3, 130
# Of these, which are our own errors too, the text repeats no word of the line.
_WITHOUT_WORDS = (click.BadArgumentUsage, click.BadOptionUsage, click.MissingParameter)
_NO_KEY_HERE = (
    "A word of this line looks like an API key; it was not used. A key has no place on "
    "a command line: other users and the shell's history see it. Give it to "
    "carto-login login when it asks, or by --key-stdin. A name that only looks like a "
    "key can be written in lower case."
)


@sealed
@any_terminal()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or why not: refused, misused, no verdict, stopped."""
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    try:
        if holds_key(word for word in words if word != "--key-stdin"):
            raise click.BadArgumentUsage(_NO_KEY_HERE)
        # It deals with a pipe that was closed, and with Ctrl-C.
        return _carto_login.main(words, prog_name=_PROGRAM, standalone_mode=False) or 0
    except click.Abort:
        return _fail("stopped.", _INTERRUPTED)
    except click.UsageError as error:
        return _fail(_misused(error), _WRONG_USAGE)
    except UndecidedError as error:
        return _fail(str(error), _NO_VERDICT)
    except (CartoLoginError, OSError, ImportError) as error:
        return _fail(str(error), _REFUSED)


def _fail(told: str, status: int) -> int:
    try:
        click.echo(f"{_PROGRAM}: {told}", err=True)
    except BrokenPipeError:
        sys.stderr = None  # nobody reads it, and Python would complain at the end
    return status


def _misused(error: click.UsageError) -> str:
    """Say what is wrong; no word of the line is repeated, as any may be a key."""
    context = error.ctx
    told = "There is a word too many."
    if isinstance(error, click.NoSuchOption):
        told = "There is no such option."
    elif isinstance(error, _WITHOUT_WORDS):
        told = error.format_message()
    elif isinstance(error, click.BadParameter) and error.param is not None:
        told = f"{error.param.get_error_hint(context)} takes another kind of value."
    elif context is not None and isinstance(context.command, click.Group):
        told = "There is no such command."
    # Options and commands that are nearly the word; older clicks know the former only.
    meant = " or ".join(getattr(error, "possibilities", None) or ())
    hint = f" Did you mean {meant}?" if meant else ""
    return f"{told}{hint} See {context.command_path if context else _PROGRAM} --help."


@add_completion_class
class _Bash(BashComplete):
    """Keeps a name such as jane@example.com one word, which bash would split."""

    source_template = (
        "COMP_WORDBREAKS=${COMP_WORDBREAKS//@}\n" + BashComplete.source_template
    )


def _tell(did: Did) -> None:
    click.echo(did.said)
    _note(did.notes)


def _note(notes: Iterable[str]) -> None:
    for note in notes:
        click.echo(note, err=True)


# The commands; each imports what it needs, so that help and completion are quick.


def _examples(*lines: str) -> str:
    return "\b\nExamples:\n" + "\n".join(f"  carto-login {line}" for line in lines)


@click.group(
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_examples(
        "login         answer questions, save the account",
        "list          what is saved; * starts every session",
        "whoami work   ask CARTO what the key of 'work' can do",
        "demo          try all of it without an account",
    )
    + "\n\n\b\nCompletion of commands and names, for ~/.bashrc or ~/.zshrc:\n"
    '  eval "$(_CARTO_LOGIN_COMPLETE=bash_source carto-login)"\n'
    '  eval "$(_CARTO_LOGIN_COMPLETE=zsh_source carto-login)"\n'
    "\n\b\nExit status: 0 done, 1 refused or failed, 2 wrong usage,\n"
    "3 no verdict from CARTO, 130 interrupted.",
)
@click.version_option(__version__, message=f"{_PROGRAM} %(version)s")
def _carto_login() -> None:
    """Sign in to CARTO and keep accounts.

    An account is a user name, an API key and, for an on-premises CARTO, an address.
    Notebooks start with what is saved here: %carto_login and cartoframes read the same
    files.
    """


def _command(name: str, *examples: str) -> Callable[..., Any]:
    return _carto_login.command(name, epilog=_examples(*examples))


def _names(_ctx: click.Context, _param: click.Parameter, start: str) -> list[str]:
    from .session.facts import names_from

    return names_from(start)


_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@_command(
    "login",
    "login",
    "login --username jane --profile work --default",
    "login --base-url https://carto.example.com/user/jane",
    "login --file creds.json",
    "login --username jane --key-stdin --replace < <(pass carto)",
)
@click.option("--username", metavar="NAME", help="CARTO user name.")
@click.option("--base-url", metavar="URL", help="On-premises CARTO.")
@click.option("--file", type=click.Path(), help="Take over a credentials file.")
@click.option("--key-stdin", is_flag=True, help="Read the key from standard input.")
@click.option("--no-validate", is_flag=True, help="Do not ask CARTO about the key.")
@click.option("--remember/--no-remember", default=None, help="Save it, or only check.")
@click.option("--profile", "name", shell_complete=_names, help="Name to save it under.")
@click.option("--default/--no-default", default=None, help="Start sessions with it.")
@click.option("--replace", is_flag=True, help="Replace what is saved under its name.")
def _login(
    *,
    username: str | None,
    base_url: str | None,
    file: str | None,
    key_stdin: bool,
    no_validate: bool,
    **wishes: Any,
) -> None:
    """Check an account with CARTO and save it.

    In a terminal it asks for what the options do not say. Elsewhere the account is
    saved under a name made of user, key and address, unless its key is a temporary
    token, and the first one starts every session. The key is never an option: it is
    asked for, or comes by --key-stdin or --file.
    """
    from . import prompt, settings
    from .credentials import Credentials
    from .session import acts
    from .store.profiles import check_name

    if file and (key_stdin or username or base_url):
        raise click.BadArgumentUsage(
            "Give the account in one way only: --file, or --username and --base-url "
            "with a key.",
            click.get_current_context(),
        )
    if wishes["name"] is not None:
        check_name(wishes["name"])
    asks, validate = settings.somebody_is_there(), not no_validate
    if file:
        given, notes = Credentials._read(file)
        _note(notes)
        found = prompt.checked(given, validate=validate)
    elif key_stdin:
        line = "" if asks or sys.stdin is None else sys.stdin.readline()
        key = prompt.read_key() if asks else Secret(clean_key(line))
        given = prompt.made(username, key, base_url)
        found = prompt.checked(given, validate=validate)
    elif asks:
        found = prompt.ask(username, base_url, validate=validate)
    else:
        raise NotLoggedInError(
            "There is no terminal to ask on. Give --username with --key-stdin, or "
            "--file."
        )
    saving = prompt.choose_saving(found, asks=asks, **wishes)
    if saving is None:
        click.echo("Nothing was saved; --remember saves it.")
    else:
        _tell(acts.save(found, saving, in_file=prompt.in_file))


@_command("list", "list", "list | xargs -n 1 carto-login whoami", "list --json")
@_as_json
def _list(*, as_json: bool) -> None:
    """List the saved accounts.

    In a terminal with user, address and key; in a pipe their names alone.
    """
    from .session import facts
    from .store.profiles import Profiles

    profiles = Profiles(unlocks=False)
    names = profiles.names()
    if as_json:
        click.echo(json.dumps(facts.entries(profiles), indent=2))
    elif not names or (sys.stdout and sys.stdout.isatty()):
        click.echo("\n".join(facts.listing(profiles)), err=not names)
    else:
        click.echo("\n".join(names))
    # It says so where creds.json cannot be used.
    profiles.default()


@_command("whoami", "whoami", "whoami work", "whoami --json | jq -r .key_type")
@click.argument("name", required=False, shell_complete=_names)
@_as_json
def _whoami(*, name: str | None, as_json: bool) -> int:
    """Ask CARTO about a saved account, and say what its key can do.

    Without NAME: the account that a session would start with, from CARTO_PROFILE,
    CARTO_API_KEY or creds.json. Nothing is changed.
    """
    from .session import facts, login

    found = login.find(name)
    if found is None:
        raise NotLoggedInError(login.nothing_found())
    credentials, notes = login.checked(found)
    if as_json:
        click.echo(json.dumps(facts.as_data(credentials), indent=2))
    else:
        click.echo(facts.in_words(credentials))
    _note([*found.notes, *notes])
    account = credentials.account
    return 0 if account is not None and account.checked else _NO_VERDICT


@_command("default", "default work", "default --none")
@click.argument("name", required=False, shell_complete=_names)
@click.option("--none", "no_account", is_flag=True, help="Start with no account.")
def _default(*, name: str | None, no_account: bool) -> None:
    """Choose the account that every session starts with.

    It is copied to creds.json, which cartoframes reads. Nothing is deleted.
    """
    if no_account is (name is not None):
        context = click.get_current_context()
        raise click.BadArgumentUsage(
            "Give the name of a saved account, or --none.", context
        )
    from .session import acts

    _tell(acts.make_default(name))


@_command("rename", "rename jane work")
@click.argument("old", shell_complete=_names)
@click.argument("new")
def _rename(*, old: str, new: str) -> None:
    """Give a saved account another name; nothing is replaced."""
    from .session import acts

    _tell(acts.rename(old, new))


@_command("forget", "forget work", "forget --yes work")
@click.argument("name", shell_complete=_names)
@click.option("-y", "--yes", "is_sure", is_flag=True, help="Do not ask once more.")
def _forget(*, name: str, is_sure: bool) -> None:
    """Delete a saved account and its key from this machine.

    CARTO still knows the key: one that was seen by others is to be renewed there.
    """
    from . import prompt

    _tell(prompt.forget(name, is_sure=is_sure))


@_command("keyring", "keyring on", "keyring off")
@click.argument("where", type=click.Choice(["on", "off"]))
def _keyring(*, where: str) -> None:
    """Move the keys of all accounts to the system's keyring, or back to their files.

    cartoframes cannot read an account from a file without its key.
    """
    from .session import acts

    _tell(acts.move_keys(to_keyring=where == "on"))


@_carto_login.command("logout")
def _logout() -> None:
    """Say what to use instead: logging out is done in a notebook."""
    raise click.BadArgumentUsage(
        "There is no session to log out of here. %carto_login --logout ends a login in "
        "its notebook; carto-login default --none lets sessions start with no account; "
        "carto-login forget NAME deletes a saved one."
    )


@_command("sandbox", "sandbox --port 8080")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    help="0, the default, is any free one.",
)
def _sandbox(*, port: int) -> int:
    """Run a CARTO on this machine, with accounts to try, until Ctrl-C."""
    _need("sandbox", "tornado", "trustme")
    from .sandbox.serve import serve

    return serve(port)


@_command("demo", "demo")
@click.option("--check", is_flag=True, help="Run it unseen, and say what happened.")
def _demo(*, check: bool) -> int:
    """Open the quickstart notebook, on a sandbox."""
    _need("demo", "tornado", "trustme", "jupyterlab", "nbclient", "nbformat")
    from .sandbox import demo

    return demo.check() if check else demo.open_lab()


def _need(command: str, *modules: str) -> None:
    missing = [module for module in modules if find_spec(module) is None]
    if missing:
        raise ImportError(
            f"{command} needs {', '.join(missing)}: "
            "pip install 'carto_login_widget[demo]'"
        )


if __name__ == "__main__":
    sys.exit(main())
