"""`%carto_login`; what signing in needs is imported late, so `%load_ext` is quick."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    completion_matcher,
)
from IPython.core.error import UsageError
from IPython.display import display

from . import settings
from .errors import (
    CartoLoginError,
    NotCartoError,
    NotLoggedInError,
    RejectedError,
    any_terminal,
    sealed,
)

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from IPython.core.interactiveshell import InteractiveShell

    from .credentials import Credentials
    from .session.acts import Did
    from .session.login import Found

_NAME = "carto_login"
_THE_MAGIC = re.compile(r"(?:\s*|.*=\s*%)%?carto_login\s+(.*)", re.DOTALL)
_OPTIONS = {
    "--form": "show the form in any case",
    "--prompt": "ask by the input box or in the terminal",
    "--require": "stop Run All below the form until somebody signs in",
    "--file PATH": "a credentials file, such as creds.json",
    "--username NAME": "user name to start the form with",
    "--base-url URL": "address to start the form with, if not carto.com",
    "--no-validate": "do not ask CARTO about the key",
    "--list": "list the saved accounts",
    "--whoami": "say who is signed in",
    "--check": "ask CARTO again about the key of this kernel",
    "--save [NAME]": "save this account",
    "--replace": "let --save replace what is saved under its name",
    "--rename OLD NEW": "rename a saved account",
    "--default PROFILE": "start every session with it",
    "--forget PROFILE": "delete a saved account and its key",
    "--logout": "sign this kernel out",
    "--help": "show this",
}
_HELP = """Sign this kernel in to CARTO and show the account.

Uses, in this order: the file or the saved account that is named, the account that the
kernel is signed in with, the environment (CARTO_USERNAME, CARTO_API_KEY,
CARTO_BASE_URL), the saved default account. Where there is none, a form asks.
get_default_credentials() returns who is signed in.

  %carto_login                      sign in, with the form where that is needed
  %carto_login work                 sign in with the saved account 'work'
  %carto_login --rename jane work   call the saved account 'jane' 'work'

""" + "\n".join(f"  {option:<19} {text}" for option, text in _OPTIONS.items())
_NO_KEY_HERE = (
    "%carto_login takes no API key, because cells and the history keep what they are "
    "given. Type it into the form (%carto_login --form) or at --prompt. If this line "
    "held a key, clear the line, and give that key a new token in CARTO. A name that "
    "only looks like a key can be written in lower case."
)
_NOT_SIGNED_IN = "This kernel is not signed in to CARTO."


@sealed
@any_terminal()
def carto_login(line: str) -> None:
    """Sign this kernel in to CARTO and show the account."""
    args = _parse(line)
    try:
        if args.help:
            print(_HELP)
        elif args.form or args.prompt:
            _ask(args)
        elif not _act(args):
            _sign_in(args)
    except (CartoLoginError, OSError) as error:
        # IPython asks the error for its traceback: one line, which still stops Run All.
        # An empty list would lose the message in nbclient's.
        words = [f"{type(error).__name__}: {error}"]
        error._render_traceback_ = lambda: words  # type: ignore[union-attr]
        raise


carto_login.__doc__ = _HELP


def _act(args: Namespace) -> bool:
    """Do what is not signing in; say whether that was asked for."""
    from . import prompt
    from .session import acts

    if args.list:
        _list()
    elif args.whoami:
        _whoami()
    elif args.rename is not None:
        _tell(acts.rename(*args.rename))
    elif args.default is not None:
        _tell(acts.make_default(args.default))
    elif args.forget is not None:
        _tell(prompt.forget(args.forget))
    elif args.save is not None:
        _save(args)
    elif args.logout:
        _tell(acts.log_out())
    elif args.check:
        _check(args)
    else:
        return False
    return True


def _tell(did: Did) -> None:
    print("\n".join([did.said, *did.notes]))


def _list() -> None:
    from .session.facts import listing
    from .store.profiles import Profiles

    profiles = Profiles()
    print("\n".join(listing(profiles)))
    try:
        profiles.locked.default()  # it says so where creds.json cannot be used
    except CartoLoginError as error:
        print(error)


def _whoami() -> None:
    from .session.default import get_default_credentials
    from .session.facts import in_words

    current = get_default_credentials()
    print(_NOT_SIGNED_IN if current is None else in_words(current))


def _current() -> Credentials:
    from .session.default import get_default_credentials

    current = get_default_credentials()
    if current is None:
        raise NotLoggedInError(f"{_NOT_SIGNED_IN} %{_NAME} does that.")
    return current


def _save(args: Namespace) -> None:
    from . import prompt
    from .session import acts

    current = _current()
    wishes = {"remember": True, "name": args.save or None, "replace": args.replace}
    saving = prompt.choose_saving(current, asks=False, **wishes)
    if saving is not None:
        _tell(acts.save(current, saving))


def _check(args: Namespace) -> None:
    from .session import acts

    current = _current()
    try:
        said, notes = acts.check_again(current)
    except (RejectedError, NotCartoError) as refused:
        _show_card(args, current, [], refused)
    else:
        _show_card(args, _current(), [said, *notes])


def _sign_in(args: Namespace) -> None:
    """Sign in with the account that is at hand, or ask for one."""
    from .session import login

    # What only fills in the form names no account, whatever the environment says.
    prefills = args.username or args.base_url
    if prefills and (args.profile or args.file):
        raise UsageError(
            "Give the account in one way only: a saved account, --file, or "
            "--username and --base-url, which fill in the form."
        )
    named = args.profile or args.file or (not prefills and settings.named_profile())
    error: CartoLoginError | None = None
    found: Found | None = None
    try:
        environ = settings.for_anybody()
        found = login.find(args.profile, file=args.file, environ=environ)
        if found is not None and (not prefills or _is_meant(found, args)):
            _show_card(args, *login.sign_in(found, validate=not args.no_validate))
            return
    except CartoLoginError as refused:
        if named or not settings.somebody_is_there():
            raise
        if found is not None and found.kept:
            _show_card(args, found.credentials, [], refused)
            return
        error = refused
    _ask(args, error, found)


def _is_meant(found: Found, args: Namespace) -> bool:
    """Whether an account is the one whose name or address the line gives."""
    own = found.credentials._identity
    username = args.username or own.address.username
    base_url = args.base_url or own.address.base_url
    return own.same_account(own._replace(username=username, base_url=base_url))


def _ask(
    args: Namespace, error: CartoLoginError | None = None, other: Found | None = None
) -> None:
    """Show the form, or ask by prompt."""
    from .session import login

    if not args.form and not settings.somebody_is_there():
        why = login.nothing_found()
        if other is not None:
            who = other.credentials._identity.who
            why = (
                f"The account at hand, {who}, is not the one that this line asks for. "
                f"{login.ways_to_log_in()}"
            )
        raise NotLoggedInError(f"Nobody is there to ask. {why}")
    if args.prompt or not (args.form or settings.running_kernel()):
        _prompt(args, error)
        return
    from .form import LoginForm

    display(
        LoginForm(
            username=args.username,
            base_url=args.base_url,
            profile=args.profile,
            error=error,
        )
    )
    if args.require:
        raise NotLoggedInError("Sign in with the form above, then run this cell again.")


def _prompt(args: Namespace, error: CartoLoginError | None) -> None:
    from . import prompt
    from .session import login

    if error is not None:
        print(error)
    asked = prompt.ask(args.username, args.base_url, validate=not args.no_validate)
    is_shared = settings.is_shared()
    saving = None if is_shared else prompt.choose_saving(asked, asks=True)
    _show_card(args, *login.register(asked, saving, in_file=prompt.in_file))


def _show_card(
    args: Namespace,
    credentials: Credentials,
    notes: list[str],
    refused: CartoLoginError | None = None,
) -> None:
    """Show who is signed in, and that CARTO refuses that key where it does."""
    has_widgets = settings.running_kernel() is not None
    if refused is not None and (args.require or not has_widgets):
        raise refused
    if has_widgets:
        from .form import LoginForm

        display(LoginForm(credentials=credentials, notes=notes, error=refused))
    else:
        from .session.facts import in_words

        print(in_words(credentials, notes))


# The line.


def _parse(line: str) -> Namespace:
    """Parse the line; nothing of it is repeated, as it may hold a key."""
    from .secret import holds_key

    words: list[str] = []
    try:
        words += _split(line)
        args = None if holds_key(words) else _parser().parse_args(words)
    except (UsageError, ValueError):
        raise UsageError(
            f"%{_NAME} does not understand this line.{_did_you_mean(words)} "
            f"%{_NAME} --help shows what it understands."
        ) from None
    if args is None:
        raise UsageError(_NO_KEY_HERE)
    return args


def _split(line: str) -> list[str]:
    """Split at blanks; quotes hold words together, and a backslash is one."""
    words = shlex.shlex(line, posix=True, punctuation_chars=False)
    words.whitespace_split, words.commenters, words.escape = True, "", ""
    return list(words)


def _parser() -> ArgumentParser:
    from IPython.core.magic_arguments import MagicArgumentParser

    parser: ArgumentParser = MagicArgumentParser()
    parser.add_argument("profile", nargs="?")
    for option, *values in map(str.split, _OPTIONS):
        how: dict[str, Any] = {"nargs": len(values)} if len(values) > 1 else {}
        if not values:
            how = {"action": "store_true"}
        elif values == ["[NAME]"]:
            how = {"nargs": "?", "const": ""}
        parser.add_argument(option, **how)
    return parser


def _options(start: str = "--") -> list[str]:
    options = (usage.split()[0] for usage in _OPTIONS)
    return sorted(option for option in options if option.startswith(start))


def _did_you_mean(words: list[str]) -> str:
    from difflib import get_close_matches

    unknown = [w for w in words if w.startswith("-") and not _options(w)]
    meant = get_close_matches(unknown[0], _options(), 1) if unknown else []
    return f" Did you mean {meant[0]}?" if meant else ""


# IPython's older hook could not keep Python's own names out of the list.
@completion_matcher(identifier=_NAME, priority=100, api_version=2)
def _complete(context: CompletionContext) -> SimpleMatcherResult:
    """Complete options, and names of saved accounts where one can stand."""
    found: list[str] = []
    word = ""
    if line := _THE_MAGIC.match(context.text_until_cursor):
        *before, word = re.split(r"[\s=]+", line[1])
        if word.startswith("-"):
            found = _options(word)
        elif not {"--file", "--username", "--base-url"} & set(before[-1:]):
            from .session.facts import names_from

            found = names_from(word)
    return SimpleMatcherResult(
        completions=[SimpleCompletion(text, type="magic") for text in found],
        matched_fragment=word,
        suppress=True,
    )


def load(shell: InteractiveShell) -> None:
    """Register the magic, its completion and its settings; twice is harmless."""
    settings.configure(shell)
    shell.magics_manager.register_function(carto_login)
    if _complete not in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.append(_complete)


def unload(shell: InteractiveShell) -> None:
    """Undo `load`; who is signed in stays so."""
    settings.unconfigure(shell)
    shell.magics_manager.magics["line"].pop(_NAME, None)
    if _complete in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.remove(_complete)
