"""`carto-login` on the command line: saved accounts, the sandbox, the demo.

Each command imports what it needs, so that help and completion are quick.
"""

from __future__ import annotations

import io
import os
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import click

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
    from collections.abc import Iterable, Sequence

    from .credentials import Credentials

_PROGRAM, _COMPLETE = "carto-login", "_CARTO_LOGIN_COMPLETE"
_REFUSED, _WRONG_USAGE, _NO_VERDICT, _INTERRUPTED = 1, 2, 3, 130
_NO_KEY_HERE = (
    "A word of this line looks like an API key; it was not used. A key has no place on "
    "a command line: other users and the shell's history see it. Give it to "
    "carto-login login when it asks, or by --key-stdin. A name that only looks like a "
    "key can be written in lower case."
)
_NO_SESSION = (
    "There is no session to log out of here. %carto_login --logout ends a login in its "
    "notebook; carto-login default --none lets sessions start with no account; "
    "carto-login forget NAME deletes a saved one."
)


class _MisuseError(click.UsageError):
    """A wrong line, told in a sentence that repeats no word of it."""


@sealed
@any_terminal()
def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or why not: refused, misused, no verdict, stopped."""
    words = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    if _COMPLETE in os.environ:
        _complete_in_bash()
    try:
        return _run(words)
    except click.Abort:
        return _fail("stopped.", _INTERRUPTED)
    except click.UsageError as error:
        return _fail(_misused(error), _WRONG_USAGE)
    except UndecidedError as error:
        return _fail(str(error), _NO_VERDICT)
    except (CartoLoginError, OSError, ImportError) as error:
        return _fail(str(error), _REFUSED)


def _run(words: list[str]) -> int:
    if holds_key(word for word in words if word != "--key-stdin"):
        raise _MisuseError(_NO_KEY_HERE)
    # It deals with a pipe that was closed, and with Ctrl-C.
    return _carto_login.main(words, prog_name=_PROGRAM, standalone_mode=False) or 0


def _fail(told: str, status: int) -> int:
    try:
        click.echo(f"{_PROGRAM}: {told}", err=True)
    except BrokenPipeError:
        sys.stderr = None  # nobody reads it, and Python would complain at the end
    return status


def _misused(error: click.UsageError) -> str:
    """Say what is wrong; no word of the line is repeated, as any may be a key."""
    told = "There is a word too many."
    if isinstance(error, _MisuseError):
        told = error.message
    elif isinstance(error, click.NoSuchOption):
        told = f"There is no such option.{_did_you_mean(error.possibilities)}"
    elif isinstance(error, click.MissingParameter | click.BadOptionUsage):
        told = error.format_message()
    elif isinstance(error, click.BadParameter) and error.param is not None:
        told = f"{error.param.get_error_hint(error.ctx)} takes another kind of value."
    command = error.ctx.command_path if error.ctx else _PROGRAM
    return f"{told} See {command} --help."


def _did_you_mean(words: Iterable[str] | None) -> str:
    return f" Did you mean {' or '.join(words)}?" if words else ""


class _Commands(click.Group):
    """Commands in the order in which people meet them, and suggestions for typos."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if not (
            args[0] in self.commands or args[0][:1] == "-" or ctx.resilient_parsing
        ):
            from difflib import get_close_matches

            meant = get_close_matches(args[0], self.commands, 2)
            raise _MisuseError(f"There is no such command.{_did_you_mean(meant)}", ctx)
        return super().resolve_command(ctx, args)


def _complete_in_bash() -> None:
    """Keep a name such as jane@example.com one word, which bash would split."""
    from click.shell_completion import BashComplete, add_completion_class

    class Bash(BashComplete):
        source_template = (
            "COMP_WORDBREAKS=${COMP_WORDBREAKS//@}\n" + BashComplete.source_template
        )

    add_completion_class(Bash)


def _names(_ctx: click.Context, _param: click.Parameter, start: str) -> list[str]:
    from .session.facts import names_from

    return names_from(start)


def _no_key(ctx: click.Context, _param: click.Parameter, value: Any) -> Any:
    """Refuse an address or a name with a key in it, before any of it is shown."""
    from .address import refuse_keys

    try:
        refuse_keys(value or "")
    except CartoLoginError:
        raise _MisuseError(_NO_KEY_HERE, ctx) from None
    return value


def _examples(*lines: str) -> str:
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


_name = click.argument("name", metavar="NAME", shell_complete=_names)
_name_or_none = click.argument(
    "name", metavar="[NAME]", required=False, shell_complete=_names
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog=_examples(
        "carto-login login         answer questions, save the account",
        "carto-login list          what is saved; * starts every session",
        "carto-login whoami work   ask CARTO what the key of 'work' can do",
        "carto-login demo          try all of it without an account",
    )
    + "\n\n\b\nCompletion of commands and names, for ~/.bashrc or ~/.zshrc:\n"
    f'  eval "$({_COMPLETE}=bash_source carto-login)"\n'
    f'  eval "$({_COMPLETE}=zsh_source carto-login)"\n'
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


@_carto_login.command(
    "login",
    epilog=_examples(
        "carto-login login",
        "carto-login login --username jane --profile work --default",
        "carto-login login --base-url https://carto.example.com/user/jane",
        "carto-login login --file creds.json",
        "pass carto | carto-login login --username jane --key-stdin --replace",
    ),
)
@click.option("--username", metavar="NAME", callback=_no_key, help="CARTO user name.")
@click.option("--base-url", metavar="URL", callback=_no_key, help="On-premises CARTO.")
@click.option("--file", type=click.Path(), help="Take over a credentials file.")
@click.option("--key-stdin", is_flag=True, help="Read the key from standard input.")
@click.option("--no-validate", is_flag=True, help="Do not ask CARTO about the key.")
@click.option(
    "--remember/--no-remember",
    default=None,
    help="Save the account, or only check it. [yes, but for a temporary OAuth token]",
)
@click.option(
    "--profile",
    "name",
    metavar="NAME",
    callback=_no_key,
    shell_complete=_names,
    help="Save it under this name. [one made of user, key and address]",
)
@click.option(
    "--default/--no-default",
    default=None,
    help="Start every session with it, and cartoframes. [yes, if nothing else is]",
)
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

    In a terminal it asks for what the options do not say. The key is never an option:
    it is asked for, or comes by --key-stdin or --file.
    """
    from . import prompt
    from .store.profiles import Profiles, check_name

    if file and (key_stdin or username or base_url):
        raise _MisuseError(
            "Give the account in one way only: --file, or --username and --base-url "
            "with a key.",
            click.get_current_context(),
        )
    if wishes["name"] is not None:
        check_name(wishes["name"])
    if file or key_stdin:
        credentials = _given(username, base_url, file, validate=not no_validate)
    elif _is_terminal():
        credentials = prompt.ask(username, base_url, validate=not no_validate)
    else:
        raise NotLoggedInError(
            "There is no terminal to ask on. Give --username with --key-stdin, or "
            "--file."
        )
    saving = prompt.choose_saving(
        credentials,
        Profiles(),
        prompt.Wishes(**wishes),
        read=input if _is_terminal() else None,
    )
    if saving is None:
        click.echo("Nothing was saved; --remember saves it.")
    else:
        in_file = prompt.in_file if _is_terminal() else None
        _do("save", credentials, saving, in_file=in_file)


def _given(
    username: str | None, base_url: str | None, file: str | None, *, validate: bool
) -> Credentials:
    """Return the account of the options, checked if that is wanted."""
    from .credentials import Credentials
    from .identity import Identity
    from .prompt import accepted
    from .session import login

    if file:
        found, notes = Credentials._read(file)
        _note(notes)
    else:
        found = Credentials._made(Identity.of(username, _key(), base_url))
    if not validate:
        return login.unchecked(found)
    found = login.check(found)
    click.echo(accepted(found))
    return found


def _key() -> Secret:
    if _is_terminal():
        import getpass

        return Secret(clean_key(getpass.getpass("API key (not shown): ")))
    if isinstance(sys.stdin, io.TextIOWrapper):
        sys.stdin.reconfigure(errors="replace")  # it is refused in a sentence, then
    return Secret(clean_key(sys.stdin.readline()))


def _is_terminal() -> bool:
    return sys.stdin is not None and sys.stdin.isatty()


def _do(act: str, *what: Any, **how: Any) -> None:
    """Do one of the acts that all ways share, and say what was done."""
    from .session import acts

    run: Any = getattr(acts, act)
    did: acts.Did = run(*what, **how)
    click.echo(did.said)
    _note(did.notes)


def _note(notes: Iterable[str]) -> None:
    for note in notes:
        click.echo(note, err=True)


def _print_json(value: Any) -> None:
    import json

    click.echo(json.dumps(value, indent=2))


@_carto_login.command(
    "list",
    epilog=_examples(
        "carto-login list",
        "carto-login list | xargs -n 1 carto-login whoami",
        "carto-login list --json",
    ),
)
@_as_json
def _list(*, as_json: bool) -> None:
    """List the saved accounts.

    In a terminal with user, address and key; in a pipe their names alone.
    """
    from .session import facts
    from .store.profiles import Profiles

    profiles = Profiles()
    names = profiles.names()
    if as_json:
        _print_json(facts.entries(profiles))
    elif not names or sys.stdout.isatty():
        click.echo("\n".join(facts.listing(profiles)), err=not names)
    else:
        click.echo("\n".join(names))
    # It says so where creds.json cannot be used.
    profiles.locked.default()


@_carto_login.command(
    "whoami",
    epilog=_examples(
        "carto-login whoami",
        "carto-login whoami work",
        "carto-login whoami --json | jq -r .key_type",
    ),
)
@_name_or_none
@_as_json
def _whoami(*, name: str | None, as_json: bool) -> int:
    """Ask CARTO about a saved account, and say what its key can do.

    Without NAME: the account that a session would start with, from CARTO_PROFILE,
    CARTO_API_KEY or creds.json. Nothing is changed.
    """
    from . import settings
    from .session import facts, login

    found = login.find(name)
    if found is None:
        why = settings.environment_note()
        raise NotLoggedInError(
            "No account is saved and none is in the environment."
            f"{f' {why}' if why else ''} Run carto-login login."
        )
    credentials, notes = login.checked(found)
    if as_json:
        _print_json(facts.as_data(credentials))
    else:
        lines = facts.facts(credentials)
        click.echo("\n".join(f"{label}: {text}" for label, text in lines))
    _note([*found.notes, *notes])
    account = credentials.account
    return 0 if account is not None and account.checked else _NO_VERDICT


@_carto_login.command(
    "default",
    epilog=_examples("carto-login default work", "carto-login default --none"),
)
@_name_or_none
@click.option("--none", "no_account", is_flag=True, help="Start with no account.")
def _default(*, name: str | None, no_account: bool) -> None:
    """Choose the account that every session starts with.

    It is copied to creds.json, which cartoframes reads. Nothing is deleted.
    """
    if no_account is (name is not None):
        context = click.get_current_context()
        raise _MisuseError("Give the name of a saved account, or --none.", context)
    _do("make_default", name)


@_carto_login.command("rename", epilog=_examples("carto-login rename jane work"))
@click.argument("old", metavar="OLD", shell_complete=_names)
@click.argument("new", metavar="NEW")
def _rename(*, old: str, new: str) -> None:
    """Give a saved account another name; nothing is replaced."""
    _do("rename", old, new)


@_carto_login.command(
    "forget",
    epilog=_examples("carto-login forget work", "carto-login forget --yes work"),
)
@_name
@click.option("-y", "--yes", "is_sure", is_flag=True, help="Do not ask once more.")
def _forget(*, name: str, is_sure: bool) -> None:
    """Delete a saved account and its key from this machine.

    CARTO still knows the key: one that was seen by others is to be renewed there.
    """
    from . import prompt

    if _is_terminal() and not is_sure and not prompt.is_sure(name, input):
        click.echo("Nothing was changed.")
    else:
        _do("forget", name)


@_carto_login.command(
    "keyring", epilog=_examples("carto-login keyring on", "carto-login keyring off")
)
@click.argument("where", metavar="[on|off]", type=click.Choice(["on", "off"]))
def _keyring(*, where: str) -> None:
    """Move the keys of all accounts to the system's keyring, or back to their files.

    cartoframes cannot read an account from a file without its key.
    """
    _do("move_keys", to_keyring=where == "on")


@_carto_login.command("logout")
def _logout() -> None:
    """Say what to use instead: logging out is done in a notebook."""
    raise _MisuseError(_NO_SESSION)


@_carto_login.command("sandbox", epilog=_examples("carto-login sandbox --port 8080"))
@click.option("--port", type=int, default=0, help="0, the default, is any free one.")
def _sandbox(*, port: int) -> int:
    """Run a CARTO on this machine, with accounts to try, until Ctrl-C."""
    _need("sandbox", "tornado", "trustme")
    from .sandbox.serve import serve

    return serve(port)


@_carto_login.command("demo", epilog=_examples("carto-login demo"))
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
