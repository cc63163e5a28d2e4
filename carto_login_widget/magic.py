"""`%carto_login`: parse the line, sign in, show the card or the form.

What signing in needs is imported when it is needed, so that `%load_ext` is quick.
"""

from __future__ import annotations

import functools
import re
import shlex
import sys
from typing import TYPE_CHECKING, Any

from IPython.core.completer import (
    CompletionContext,
    SimpleCompletion,
    SimpleMatcherResult,
    completion_matcher,
)
from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments
from IPython.display import display

from . import settings
from .address import refuse_keys
from .errors import (
    CartoLoginError,
    InvalidCredentialsError,
    NotCartoError,
    NotLoggedInError,
    RejectedError,
    any_terminal,
    sealed,
)
from .secret import holds_key

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Sequence

    from IPython.core.interactiveshell import InteractiveShell

    from .credentials import Credentials
    from .session.login import Found

_NAME = "carto_login"
_THE_MAGIC = re.compile(r"(?:\s*|.*=\s*%)%?carto_login\s+(.*)", re.DOTALL)
_NO_KEY_HERE = (
    "%carto_login takes no API key, because cells and the history keep what they are "
    "given. Type it into the form (%carto_login --form) or at --prompt. If this line "
    "held a key, clear the line, and give that key a new token in CARTO. A name that "
    "only looks like a key can be written in lower case."
)
_flag = functools.partial(argument, action="store_true")
_NOT_SIGNED_IN = "This kernel is not signed in to CARTO."


def _in_one_line(magic: Callable[[Any, str], None]) -> Callable[[Any, str], None]:
    """Let an error that is foreseen show without a traceback; it still stops Run All.

    IPython asks the error for it; an empty list would lose the message in nbclient's.
    """

    @functools.wraps(magic)
    def told(shell: Any, line: str) -> None:
        try:
            magic(shell, line)
        except (CartoLoginError, OSError) as error:
            words = [f"{type(error).__name__}: {error}"]
            error._render_traceback_ = functools.partial(list, words)  # type: ignore[union-attr]
            raise

    return told


@magics_class
class CartoLoginMagics(Magics):
    """The magic and what it needs of its shell."""

    @magic_arguments()
    @argument("profile", nargs="?", help="name of a saved account")
    @_flag("--form", help="show the form in any case")
    @_flag("--prompt", help="ask by the input box or in the terminal")
    @_flag("--require", help="stop Run All below the form until somebody signs in")
    @argument("--file", metavar="PATH", help="a credentials file, such as creds.json")
    @argument("--username", help="user name to start the form with")
    @argument("--base-url", help="address to start the form with, if not carto.com")
    @_flag("--no-validate", help="do not ask CARTO about the key")
    @_flag("--list", help="list the saved accounts")
    @_flag("--whoami", help="say who is signed in")
    @_flag("--check", help="ask CARTO again about the key of this kernel")
    @argument("--save", metavar="NAME", nargs="?", const="", help="save this account")
    @_flag("--replace", help="let --save replace what is saved under its name")
    @argument(
        "--rename", metavar=("OLD", "NEW"), nargs=2, help="rename a saved account"
    )
    @argument("--default", metavar="PROFILE", help="start every session with it")
    @argument("--forget", metavar="PROFILE", help="delete a saved account and its key")
    @_flag("--logout", help="sign this kernel out")
    @_flag("--help", help="show this")
    @line_magic(_NAME)  # type: ignore[arg-type]  # IPython types it as never called
    @sealed
    @any_terminal()
    @_in_one_line
    def carto_login(self, line: str) -> None:
        """Sign this kernel in to CARTO and show the account.

        Uses, in this order: the file or the saved account that is named, the account
        that the kernel is signed in with, the environment (CARTO_USERNAME,
        CARTO_API_KEY, CARTO_BASE_URL), the saved default account. Where there is none,
        a form asks. get_default_credentials() returns who is signed in.

          %carto_login                      sign in, with the form where that is needed
          %carto_login work                 sign in with the saved account 'work'
          %carto_login --rename jane work   call the saved account 'jane' 'work'
        """
        args = _parse(line)
        if not (_look(args) or self._manage(args)):
            if args.form or args.prompt:
                self._ask(args)
            else:
                self._sign_in(args)

    def _manage(self, args: Namespace) -> bool:
        """Do what changes an account; say whether that was asked for."""
        from .session import acts

        if args.rename is not None:
            _tell(acts.rename(*args.rename))
        elif args.default is not None:
            _tell(acts.make_default(args.default))
        elif args.forget is not None:
            self._forget(args.forget)
        elif args.save is not None:
            _save(args)
        elif args.logout:
            _tell(acts.log_out())
        elif args.check:
            self._check(args)
        else:
            return False
        return True

    def _sign_in(self, args: Namespace) -> None:
        from .session import login

        # What only fills in the form names no account, whatever the environment says.
        prefills = bool(args.username or args.base_url)
        if prefills and (args.profile or args.file):
            raise UsageError(
                "Give the account in one way only: a saved account, --file, or "
                "--username and --base-url, which fill in the form."
            )
        named = bool(args.profile or args.file) or (
            settings.named_profile() is not None and not prefills
        )
        error: CartoLoginError | None = None
        found: Found | None = None
        try:
            environ = settings.for_anybody()
            found = login.find(args.profile, file=args.file, environ=environ)
            if found is not None and (not prefills or _is_meant(found, args)):
                credentials, notes = login.sign_in(found, validate=not args.no_validate)
                self._show_card(credentials, notes)
                return
        except CartoLoginError as refused:
            if named or not somebody_is_there(self.shell):
                raise
            if found is not None and found.kept:
                self._refused(found.credentials, refused, args)
                return
            error = refused
        self._ask(args, error=error, other=found)

    def _refused(
        self, current: Credentials, error: CartoLoginError, args: Namespace
    ) -> None:
        """Show that CARTO no longer accepts the account of the kernel, which stays."""
        if args.require or not _has_widgets(self.shell):
            raise error
        self._show_card(current, [], error)

    def _ask(
        self,
        args: Namespace,
        *,
        error: CartoLoginError | None = None,
        other: Found | None = None,
    ) -> None:
        """Show the form, or ask by prompt."""
        if not args.form and not somebody_is_there(self.shell):
            raise NotLoggedInError(_nobody(other))
        if args.prompt or (not args.form and not _has_widgets(self.shell)):
            self._prompt(args, error)
            return
        from .form import LoginForm

        form = LoginForm(
            username=args.username,
            base_url=args.base_url,
            profile=args.profile,
            error=error,
        )
        display(form)
        if args.require:
            raise NotLoggedInError(
                "Sign in with the form above, then run this cell again."
            )

    def _prompt(self, args: Namespace, error: CartoLoginError | None) -> None:
        from . import prompt
        from .session import login
        from .store.profiles import Profiles

        if error is not None:
            print(error)
        profiles, known = Profiles(), (args.username, args.base_url)
        asked = prompt.ask(*known, validate=not args.no_validate)
        saving = None
        if not settings.is_shared():
            saving = prompt.choose_saving(asked, profiles, prompt.Wishes(), read=input)
        self._show_card(*login.register(asked, saving, profiles, prompt.in_file))

    def _show_card(
        self,
        credentials: Credentials,
        notes: list[str],
        error: CartoLoginError | None = None,
    ) -> None:
        if not _has_widgets(self.shell):
            _print_facts(credentials, notes)
            return
        from .form import LoginForm

        display(LoginForm(credentials=credentials, notes=notes, error=error))

    def _check(self, args: Namespace) -> None:
        from .session import acts

        current = _current()
        try:
            said, notes = acts.check_again(current)
        except (RejectedError, NotCartoError) as refused:
            self._refused(current, refused, args)
        else:
            self._show_card(_current(), [said, *notes])

    def _forget(self, name: str) -> None:
        from . import prompt
        from .session import acts

        if somebody_is_there(self.shell) and not prompt.is_sure(name, input):
            print("Nothing was changed.")
        else:
            _tell(acts.forget(name))


def _nobody(other: Found | None) -> str:
    """Say that nobody can be asked, and why somebody would have to be."""
    from .session import login

    if other is None:
        return f"Nobody is there to ask. {login.nothing_found()}"
    return (
        "Nobody is there to ask. The account at hand, "
        f"{other.credentials._identity.who}, is not the one that this line asks for. "
        f"{login.ways_to_log_in()}"
    )


def somebody_is_there(shell: Any) -> bool:
    """Whether a person can be asked: not under nbclient and papermill, nor in scripts.

    A page of Voilà is opened by somebody, though no cell may wait for them.

    Example:
        >>> somebody_is_there(get_ipython())  # doctest: +SKIP
        True
    """
    kernel = getattr(shell, "kernel", None)
    if kernel is None:
        return sys.stdin is not None and sys.stdin.isatty()
    return bool(getattr(kernel, "_allow_stdin", False)) or settings.is_voila()


def _has_widgets(shell: Any) -> bool:
    return getattr(shell, "kernel", None) is not None


def _is_meant(found: Found, args: Namespace) -> bool:
    """Whether an account is the one whose name or address the line gives."""
    from . import address

    try:
        where = found.credentials._identity.address
        base_url = args.base_url or where.base_url
        return where == address.resolve(args.username or where.username, base_url)
    except CartoLoginError:
        return False


def _parse(line: str) -> Namespace:
    """Parse the line; nothing of it is repeated, as it may hold a key."""
    args: Namespace | None = None
    words: list[str] = []
    try:
        words = _split(line)
        if not holds_key(words):
            args = _parser().parse_args(words)
            renamed = args.rename or ()
            for word in (args.base_url, args.profile, args.username, *renamed):
                refuse_keys(word or "")
    except InvalidCredentialsError:
        args = None  # a part of the address is a key
    except (UsageError, ValueError):
        raise UsageError(
            f"%{_NAME} does not understand this line.{_did_you_mean(words)} "
            f"%{_NAME} --help shows what it understands."
        ) from None
    if args is None:
        raise UsageError(_NO_KEY_HERE)
    return args


def _parser() -> Any:
    magic: Any = CartoLoginMagics.carto_login
    return magic.parser


def _options() -> list[str]:
    actions = _parser()._actions
    return sorted(option for action in actions for option in action.option_strings)


def _did_you_mean(words: list[str]) -> str:
    """Suggest an option for the first word that is nearly one."""
    from difflib import get_close_matches

    known = _options()
    for word in words:
        option = word.partition("=")[0]
        if option.startswith("-") and not any(o.startswith(option) for o in known):
            meant = get_close_matches(option, known, 1)
            return f" Did you mean {meant[0]}?" if meant else " No option is like that."
    return ""


def _split(line: str) -> list[str]:
    """Split at blanks; quotes hold words together, and a backslash is one."""
    words = shlex.shlex(line, posix=True, punctuation_chars=False)
    words.whitespace_split, words.commenters, words.escape = True, "", ""
    return list(words)


def _tell(did: tuple[str, list[str]]) -> None:
    said, notes = did
    print("\n".join([said, *notes]))


def _print_facts(credentials: Credentials, notes: Sequence[str] = ()) -> None:
    from .session.facts import facts

    lines = [f"{label}: {text}" for label, text in facts(credentials)]
    print("\n".join([*lines, *notes]))


def _current() -> Credentials:
    from .session.default import get_default_credentials

    current = get_default_credentials()
    if current is None:
        raise NotLoggedInError(f"{_NOT_SIGNED_IN} %{_NAME} does that.")
    return current


def _look(args: Namespace) -> bool:
    """Tell what changes nothing; say whether that was asked for."""
    if args.help:
        print(_parser().format_help().removeprefix("::\n\n"))
    elif args.list:
        _list_accounts()
    elif args.whoami:
        from .session.default import get_default_credentials

        current = get_default_credentials()
        if current is None:
            print(_NOT_SIGNED_IN)
        else:
            _print_facts(current)
    else:
        return False
    return True


def _list_accounts() -> None:
    from .session.facts import listing
    from .store.profiles import Profiles

    profiles = Profiles()
    print("\n".join(listing(profiles)))
    try:
        profiles.locked.default()  # it says so where creds.json cannot be used
    except CartoLoginError as error:
        print(error)


def _save(args: Namespace) -> None:
    from . import prompt
    from .session import acts
    from .store.profiles import Profiles

    wishes = prompt.Wishes(True, args.save or None, replace=args.replace)  # noqa: FBT003
    current, profiles = _current(), Profiles()
    saving = prompt.choose_saving(current, profiles, wishes)
    if saving is not None:
        _tell(acts.save(current, saving, profiles))


# IPython's older hook could not keep Python's own names out of the list.
@completion_matcher(identifier=_NAME, priority=100, api_version=2)
def _complete(context: CompletionContext) -> SimpleMatcherResult:
    """Complete options, and names of saved accounts where one can stand."""
    found: list[str] = []
    word = ""
    if line := _THE_MAGIC.match(context.text_until_cursor):
        *before, word = re.split(r"\s+", line[1])
        option, equals, value = word.partition("=")
        if equals:
            before, word = [*before, option], value
        if word.startswith("-"):
            found = [option for option in _options() if option.startswith(word)]
        else:
            found = _names_after(before[-1] if before else "", word)
    return SimpleMatcherResult(
        completions=[SimpleCompletion(text, type="magic") for text in found],
        matched_fragment=word,
        suppress=True,
    )


def _names_after(previous: str, start: str) -> list[str]:
    from .session.facts import names_from

    without = {"--file", "--username", "--base-url"}
    return [] if previous in without else names_from(start)


def load(shell: InteractiveShell) -> None:
    """Register the magic, its completion and its settings; twice is harmless."""
    settings.configure(shell)
    if _NAME in shell.magics_manager.magics["line"]:
        return
    shell.register_magics(CartoLoginMagics)
    shell.Completer.custom_matchers.append(_complete)


def unload(shell: InteractiveShell) -> None:
    """Undo `load`; who is signed in stays so."""
    settings.unconfigure(shell)
    shell.magics_manager.magics["line"].pop(_NAME, None)
    shell.magics_manager.registry.pop(CartoLoginMagics.__name__, None)
    if _complete in shell.Completer.custom_matchers:
        shell.Completer.custom_matchers.remove(_complete)
