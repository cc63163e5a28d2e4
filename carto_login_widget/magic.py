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
_HOW: dict[str, dict[str, Any]] = {
    "": {"action": "store_true"},
    "[NAME]": {"nargs": "?", "const": ""},
    "OLD NEW": {"nargs": 2},
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
# What goes with an act, and with none; all else would be passed over in silence.
_ALONE = ("list", "whoami", "check", "rename", "default", "forget", "logout")
_GOES_WITH = {
    "form": ("profile", "username", "base_url", "require"),
    "prompt": ("username", "base_url", "require", "no_validate"),
    "save": ("replace",),
    "": ("profile", "file", "username", "base_url", "require", "no_validate"),
}
_NOT_SIGNED_IN = "This kernel is not signed in to CARTO."


@sealed
@any_terminal()
def carto_login(line: str) -> None:
    """Sign this kernel in to CARTO and show the account."""
    args = _parse(line)
    if args.help:
        print(_HELP)
        return
    _refuse_idle_words(args)
    try:
        if args.form or args.prompt:
            _ask(args)
        elif not _act(args):
            _sign_in(args)
    except (CartoLoginError, OSError) as error:
        # IPython asks the error for its traceback: one line, which still stops Run All.
        # An empty list would lose the message in nbclient's.
        # https://github.com/ipython/ipython/pull/2223
        words = [f"{type(error).__name__}: {error}"]
        error._render_traceback_ = lambda: words  # type: ignore[union-attr]
        raise


carto_login.__doc__ = _HELP


def _act(args: Namespace) -> bool:
    """Do what is not signing in; say whether that was asked for."""
    from . import prompt
    from .session import acts

    did: Did | None = None
    if args.list:
        _list()
    elif args.whoami or args.check or args.save is not None:
        did = _look_after(args)
    elif args.rename is not None:
        did = acts.rename(*args.rename)
    elif args.default is not None:
        did = acts.make_default(args.default)
    elif args.forget is not None:
        did = prompt.forget(args.forget)
    elif args.logout:
        did = acts.log_out()
    else:
        return False
    if did is not None:
        print(did.said, *did.notes, sep="\n")
    return True


def _list() -> None:
    from .session.facts import listing
    from .store.profiles import Profiles

    profiles = Profiles(unlocks=False)
    print(*listing(profiles), sep="\n")
    try:
        profiles.default()  # it says so where creds.json cannot be used
    except CartoLoginError as error:
        print(error)


def _look_after(args: Namespace) -> Did | None:
    """Tell of the account of this kernel, save it, or ask CARTO about it again."""
    from . import prompt
    from .session import acts, default, facts

    current = default.get_default_credentials()
    if args.whoami:
        said = _NOT_SIGNED_IN if current is None else facts.in_words(current)
        return acts.Did(said, [])
    if current is None:
        raise NotLoggedInError(f"{_NOT_SIGNED_IN} %{_NAME} does that.")
    if args.save is not None:
        wishes = {"remember": True, "name": args.save or None, "replace": args.replace}
        saving = prompt.choose_saving(current, asks=False, **wishes)
        return saving and acts.save(current, saving)
    try:
        said, notes = acts.check_again(current)
    except (RejectedError, NotCartoError) as refused:
        _show_card(args, [], refused)
    else:
        _show_card(args, [said, *notes])
    return None


def _sign_in(args: Namespace) -> None:
    """Sign in with the account that is at hand, or ask for one."""
    from .session import login

    # What only fills in the form names no account, whatever the environment says.
    prefills = args.username or args.base_url
    named = args.profile or args.file or (not prefills and settings.named_profile())
    found: Found | None = None
    error: CartoLoginError | None = None
    why = ""
    try:
        # In shared mode its account is the program's own, so that only a name counts.
        has_own = not settings.is_shared()
        found = login.find(args.profile, file=args.file, environment=has_own)
        if found is not None and prefills and not _is_meant(found, args):
            who = found.credentials._identity.who
            why = f"The account at hand, {who}, is not the one that this line asks for."
        elif found is not None:
            _, notes = login.sign_in(found, validate=not args.no_validate)
            _show_card(args, notes)
            return
    except CartoLoginError as refused:
        if named or not settings.somebody_is_there():
            raise
        if found is not None and found.kept:
            _show_card(args, [], refused)
            return
        error = refused
    _ask(args, error, why)


def _is_meant(found: Found, args: Namespace) -> bool:
    """Whether an account is the one whose name or address the line gives."""
    own = found.credentials._identity
    username = args.username or own.address.username
    base_url = args.base_url or own.address.base_url
    return own.same_account(own._replace(username=username, base_url=base_url))


def _ask(args: Namespace, error: CartoLoginError | None = None, why: str = "") -> None:
    """Show the form, or ask by prompt."""
    from . import prompt
    from .session import login

    if not args.form and not settings.somebody_is_there():
        told = f"{why} {login.ways_to_log_in()}" if why else login.nothing_found()
        raise NotLoggedInError(f"Nobody is there to ask. {told}")
    if not args.prompt and (args.form or settings.running_kernel()):
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
            told = "Sign in with the form above, then run this cell again."
            raise NotLoggedInError(told)
        return
    if error is not None:
        print(error)
    asked = prompt.ask(args.username, args.base_url, validate=not args.no_validate)
    is_shared = settings.is_shared()
    saving = None if is_shared else prompt.choose_saving(asked, asks=True)
    _, notes = login.register(asked, saving, in_file=prompt.in_file)
    _show_card(args, notes)


def _show_card(
    args: Namespace, notes: list[str], refused: CartoLoginError | None = None
) -> None:
    """Show who is signed in, and that CARTO refuses that key where it does."""
    from .session.default import get_default_credentials
    from .session.facts import in_words

    current, has_widgets = get_default_credentials(), settings.running_kernel()
    seen = has_widgets and settings.somebody_is_there()
    if refused is not None and (args.require or not seen):
        raise refused
    if has_widgets:
        from .form import LoginForm

        display(LoginForm(credentials=current, notes=notes, error=refused))
    elif current is not None:
        print(in_words(current, notes))


# The line.


def _parse(line: str) -> Namespace:
    """Parse the line; nothing of it is repeated, as it may hold a key."""
    from IPython.core.magic_arguments import MagicArgumentParser

    from .secret import holds_key

    parser: ArgumentParser = MagicArgumentParser()
    parser.add_argument("profile", nargs="?")
    for usage in _OPTIONS:
        option, _, values = usage.partition(" ")
        parser.add_argument(option, **_HOW.get(values, {}))
    # Split at blanks; quotes hold words together, and a backslash is one.
    lexer = shlex.shlex(line, posix=True)
    lexer.whitespace_split, lexer.commenters, lexer.escape = True, "", ""
    words: list[str] = []
    try:
        words += lexer
        if not holds_key(words):
            return parser.parse_args(words)
    except (UsageError, ValueError):
        raise UsageError(
            f"%{_NAME} does not understand this line.{_did_you_mean(words)} "
            f"%{_NAME} --help shows what it understands."
        ) from None
    raise UsageError(_NO_KEY_HERE)


def _refuse_idle_words(args: Namespace) -> None:
    """Refuse a line of which a part would do nothing, so that nobody relies on it."""
    given = {n for n, value in vars(args).items() if value not in (None, False)}
    if (args.username or args.base_url) and (args.profile or args.file):
        raise UsageError(
            "Give the account in one way only: a saved account, --file, or "
            "--username and --base-url, which fill in the form."
        )
    act = next((name for name in (*_GOES_WITH, *_ALONE) if name in given), "")
    idle = sorted(given.difference([act], _GOES_WITH.get(act, ())))
    if idle:
        option = f"--{idle[0].replace('_', '-')}"
        what = "the name of a saved account" if idle[0] == "profile" else option
        raise UsageError(
            f"%{_NAME}{act and f' --{act}'} does nothing with {what}, so nothing was "
            f"done. Use a line for each; %{_NAME} --help shows what there is."
        )


def _options(start: str = "--") -> list[str]:
    options = (usage.split()[0] for usage in _OPTIONS)
    return sorted(option for option in options if option.startswith(start))


def _did_you_mean(words: list[str]) -> str:
    from difflib import get_close_matches

    unknown = [w for w in words if w.startswith("-") and not _options(w)]
    meant = get_close_matches(unknown[0], _options(), 1) if unknown else []
    return f" Did you mean {meant[0]}?" if meant else ""


# IPython's older hook could not keep Python's own names out of the list:
# https://github.com/ipython/ipython/issues/11878
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


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Register the magic, its completion and its settings (`%load_ext`)."""
    settings.configure(shell)
    shell.magics_manager.register_function(carto_login)
    if _complete not in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.append(_complete)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Undo that (`%unload_ext`); who is signed in stays so."""
    settings.unconfigure(shell)
    shell.magics_manager.magics["line"].pop(_NAME, None)
    shell.Completer.custom_matchers.remove(_complete)
