"""`carto-login` on the command line: saved accounts, the sandbox, the demo."""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import TYPE_CHECKING, NoReturn

from . import settings
from .credentials import Credentials
from .errors import (
    CartoLoginError,
    InvalidCredentialsError,
    NotLoggedInError,
    sealed,
)
from .identity import Identity
from .secret import Secret, clean_key
from .session import login
from .session.facts import facts
from .session.saved import move_keys
from .store.profiles import Profiles, check_name, proposed_name

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_REFUSED = (
    "This line is not understood; it is not repeated here in case it holds a key, "
    "which has no place on a command line: other users and the shell's history see "
    "it. Give the key to carto-login login when it asks, or by --key-stdin."
)


class _Parser(argparse.ArgumentParser):
    """A parser that repeats nothing of the line in its errors."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and end the process with status 2."""
        is_harmless = message.startswith("the following arguments are required")
        self.print_usage(sys.stderr)
        self.exit(2, f"{self.prog}: {message if is_harmless else _REFUSED}\n")


@sealed
def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: as after the program's name; None means those of the process.

    Returns:
        Exit status: 0 done, 1 refused or failed, 2 wrong usage, 130 interrupted.
    """
    args = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace], int] = args.run
    try:
        return run(args)
    except (CartoLoginError, OSError, ImportError) as error:
        print(f"carto-login: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ncarto-login: stopped.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    # No abbreviations: --key would be --key-stdin, and the key a stray argument.
    parser = _Parser(
        prog="carto-login",
        description="Sign in to CARTO and keep accounts.",
        allow_abbrev=False,
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_login(commands)
    _add(commands, "list", _list, "list the saved accounts")
    use = _add(commands, "use", _use, "choose the account that sessions start with")
    use.add_argument("profile", help="name of a saved account")
    whoami = _add(commands, "whoami", _whoami, "ask CARTO about an account")
    whoami.add_argument("profile", nargs="?", help="a saved account; else the default")
    logout = _add(commands, "logout", _logout, "delete a saved account")
    logout.add_argument("profile", nargs="?", help="its name; else the default one")
    keyring = _add(commands, "keyring", _keyring, "keep keys in the system's keyring")
    keyring.add_argument("where", choices=["on", "off"], help="off: in the files")
    sandbox = _add(commands, "sandbox", _sandbox, "run a CARTO on this machine")
    sandbox.add_argument("--port", type=int, default=0, help="0 means any free one")
    demo = _add(commands, "demo", _demo, "open the quickstart notebook with a sandbox")
    demo.add_argument(
        "--check", action="store_true", help="run it headless and say what happened"
    )
    return parser


def _add(
    commands: argparse._SubParsersAction[_Parser],
    name: str,
    run: Callable[[argparse.Namespace], int],
    summary: str,
) -> argparse.ArgumentParser:
    command = commands.add_parser(
        name, help=summary, description=summary, allow_abbrev=False
    )
    command.set_defaults(run=run)
    return command


def _add_login(
    commands: argparse._SubParsersAction[_Parser],
) -> None:
    login = _add(commands, "login", _login, "check an account and save it")
    login.add_argument("--username", help="CARTO user name")
    login.add_argument("--base-url", help="address of an on-premises CARTO")
    login.add_argument("--file", help="take the account from a credentials file")
    login.add_argument("--profile", help="name to save it under")
    login.add_argument(
        "--key-stdin", action="store_true", help="read the API key from standard input"
    )
    login.add_argument("--no-validate", action="store_true", help="do not ask CARTO")


def _login(args: argparse.Namespace) -> int:
    if args.profile is not None:
        check_name(args.profile)
    if args.file and (args.key_stdin or args.username or args.base_url):
        raise InvalidCredentialsError(
            "Give the account in one way only: --file, or --username and --base-url "
            "with a key."
        )
    profiles = Profiles()
    if args.file:
        credentials = Credentials.from_file(args.file)
    elif args.key_stdin:
        identity = Identity.of(args.username, _key_from_stdin(), args.base_url)
        credentials = Credentials._made(identity)
    else:
        return _ask(args, profiles)
    if args.no_validate:
        credentials = login.unchecked(credentials)
    else:
        credentials = login.check(credentials)
        print(facts(credentials)["Key"])
    return _save(credentials, args.profile, profiles)


def _key_from_stdin() -> Secret:
    if sys.stdin.isatty():
        return Secret(clean_key(getpass.getpass("API key (not shown): ")))
    return Secret(clean_key(sys.stdin.readline()))


def _ask(args: argparse.Namespace, profiles: Profiles) -> int:
    from . import prompt

    if not sys.stdin.isatty():
        raise NotLoggedInError(
            "There is no terminal to ask on. Give --username with --key-stdin, or "
            "--file."
        )
    credentials = prompt.ask(
        username=args.username,
        base_url=args.base_url,
        validate=not args.no_validate,
    )
    return _save(credentials, args.profile, profiles)


def _save(credentials: Credentials, name: str | None, profiles: Profiles) -> int:
    name = check_name(
        name or proposed_name(credentials._identity, credentials.account, profiles)
    )
    saving = login.Saving(name, default=True, replace=True)
    _, notes = login.save(credentials, saving, profiles)
    print(f"Saved as '{name}' in {profiles.directory}; sessions start with it.")
    return _say(notes)


def _list(_args: argparse.Namespace) -> int:
    profiles = Profiles()
    default = profiles.default_name
    names = profiles.names()
    for name in names:
        print(f"{'*' if name == default else ' '} {name}")
    if not names:
        print(f"No account is saved in {profiles.directory}.")
    # It says so where creds.json cannot be used.
    profiles.locked.default()
    return 0


def _use(args: argparse.Namespace) -> int:
    profiles = Profiles()
    notes = profiles.set_default(args.profile)
    print(f"Sessions start with '{profiles.default_name}' now.")
    return _say(notes)


def _whoami(args: argparse.Namespace) -> int:
    found = login.find(args.profile)
    if found is None:
        why = settings.environment_note()
        raise NotLoggedInError(
            "No account is saved and none is in the environment."
            f"{f' {why}' if why else ''} Run carto-login login."
        )
    credentials, notes = login.sign_in(found)
    for label, text in facts(credentials).items():
        print(f"{label}: {text}")
    return _say(notes)


def _logout(args: argparse.Namespace) -> int:
    profiles = Profiles()
    name = args.profile or profiles.default_name
    if name is None:
        profiles.locked.default()  # it says so where creds.json cannot be used
        print("No account is saved.")
        return 0
    notes = profiles.delete(name)
    print(f"The saved account '{name}' is deleted from {profiles.directory}.")
    identity = settings.environment_identity()
    if identity is not None:
        print(f"{settings.ENV_API_KEY} still gives {identity.who}; unset it too.")
    return _say(notes)


def _keyring(args: argparse.Namespace) -> int:
    return _say(move_keys(Profiles(), to_keyring=args.where == "on"))


def _sandbox(args: argparse.Namespace) -> int:
    from .sandbox.serve import serve

    return serve(args.port)


def _demo(args: argparse.Namespace) -> int:
    from .sandbox import demo

    return demo.check() if args.check else demo.open_lab()


def _say(notes: list[str]) -> int:
    for note in notes:
        print(note)
    return 0


if __name__ == "__main__":
    sys.exit(main())
