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
    NotLoggedInError,
    sealed,
)
from .secret import holds_key

if TYPE_CHECKING:
    from argparse import Namespace

    from IPython.core.interactiveshell import InteractiveShell

    from .credentials import Credentials
    from .session.login import Found

_NAME = "carto_login"
_THE_MAGIC = re.compile(r"(?:\s*|.*=\s*%)%?carto_login\s+(.*)", re.DOTALL)
_OPTIONS = (
    "--base-url",
    "--file",
    "--forget",
    "--form",
    "--list",
    "--logout",
    "--no-validate",
    "--prompt",
    "--require",
    "--username",
    "--whoami",
)
_NO_KEY_HERE = (
    "%carto_login takes no API key, because cells and the history keep what they are "
    "given. Type it into the form (%carto_login --form) or at --prompt. If this line "
    "held a key, clear the line, and give that key a new token in CARTO."
)


class _SignInFirstError(NotLoggedInError):
    """Stops Run All below a form, with one line in place of a traceback."""

    def _render_traceback_(self) -> list[str]:
        # An empty list would lose the message in nbclient's error.
        return [f"{NotLoggedInError.__name__}: {self}"]


@magics_class
class CartoLoginMagics(Magics):
    """The magic and what it needs of its shell."""

    @magic_arguments()
    @argument("profile", nargs="?", help="name of a saved account")
    @argument("--form", action="store_true", help="show the form in any case")
    @argument(
        "--prompt", action="store_true", help="ask by the input box or in the terminal"
    )
    @argument(
        "--require",
        action="store_true",
        help="stop Run All below the form until somebody has signed in",
    )
    @argument("--file", metavar="PATH", help="a credentials file, such as creds.json")
    @argument("--username", help="user name to start the form with")
    @argument("--base-url", help="address to start the form with, if not carto.com")
    @argument(
        "--no-validate", action="store_true", help="do not ask CARTO about the key"
    )
    @argument("--list", action="store_true", help="list the saved accounts")
    @argument("--whoami", action="store_true", help="say who is signed in")
    @argument("--logout", action="store_true", help="sign this kernel out")
    @argument("--forget", metavar="PROFILE", help="delete a saved account")
    @line_magic(_NAME)  # type: ignore[arg-type]  # IPython types it as never called
    @sealed
    def carto_login(self, line: str) -> Credentials | None:
        """Sign this kernel in to CARTO and show the account.

        Uses, in this order: the file or the saved account that is named, the account
        that the kernel is signed in with, the environment (CARTO_USERNAME,
        CARTO_API_KEY, CARTO_BASE_URL), the saved default account. Where there is none,
        a form asks.
        """
        args = _parse(CartoLoginMagics.carto_login, line)
        for wanted, tell in (
            (args.list, _list_accounts),
            (args.whoami, _whoami),
            (args.logout, _logout),
            (args.forget, functools.partial(_forget, args.forget)),
        ):
            if wanted:
                tell()
                return None
        if args.form or args.prompt:
            return self._ask(args, by_prompt=args.prompt, forced=args.form)
        return self._sign_in(args)

    def _sign_in(self, args: Namespace) -> Credentials | None:
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
                return _show_card(credentials, notes, self.shell)
        except CartoLoginError as refused:
            if named or not somebody_is_there(self.shell):
                raise
            error = refused
        return self._ask(args, error=error, other=found)

    def _ask(
        self,
        args: Namespace,
        *,
        error: CartoLoginError | None = None,
        other: Found | None = None,
        by_prompt: bool = False,
        forced: bool = False,
    ) -> Credentials | None:
        """Show the form or ask by prompt; return the account once signed in."""
        if not forced and not somebody_is_there(self.shell):
            raise NotLoggedInError(_nobody(other))
        if by_prompt or (not forced and not _has_widgets(self.shell)):
            return self._prompt(args, error)
        from .form import LoginForm

        form = LoginForm(
            username=args.username,
            base_url=args.base_url,
            profile=args.profile,
            error=error,
        )
        display(form)
        if args.require:
            raise _SignInFirstError(
                "Sign in with the form above, then run this cell again."
            )
        return None

    def _prompt(self, args: Namespace, error: CartoLoginError | None) -> Credentials:
        from . import prompt
        from .store.profiles import Profiles

        if error is not None:
            print(error)
        return prompt.ask(
            username=args.username,
            base_url=args.base_url,
            profiles=None if settings.is_shared() else Profiles(),
            validate=not args.no_validate,
        )


def _nobody(other: Found | None) -> str:
    """Say that nobody can be asked, and why somebody would have to be."""
    from .session import login
    from .session.facts import who

    if other is None:
        return f"Nobody is there to ask. {login.nothing_found()}"
    return (
        "Nobody is there to ask. The account at hand, "
        f"{who(other.credentials)}, is not the one that this line asks for. "
        f"{login.WAYS_TO_LOG_IN}"
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


def _parse(magic: Any, line: str) -> Namespace:
    """Parse the line; nothing of it is repeated, as it may hold a key."""
    args: Namespace | None = None
    try:
        words = _split(line)
        if not holds_key(words):
            args = magic.parser.parse_args(words)
            for word in (args.base_url, args.profile, args.forget, args.username):
                refuse_keys(word or "")
    except InvalidCredentialsError:
        args = None  # a part of the address is a key
    except (UsageError, ValueError):
        raise UsageError(
            f"%{_NAME} does not understand this line; it is not repeated here in case "
            f"it holds a key. Its options: {', '.join(_OPTIONS)}. See %{_NAME}?"
        ) from None
    if args is None:
        raise UsageError(_NO_KEY_HERE)
    return args


def _split(line: str) -> list[str]:
    """Split at blanks; quotes hold words together, and a backslash is one."""
    words = shlex.shlex(line, posix=True, punctuation_chars=False)
    words.whitespace_split, words.commenters, words.escape = True, "", ""
    return list(words)


def _show_card(credentials: Credentials, notes: list[str], shell: Any) -> Credentials:
    if not _has_widgets(shell):
        from .session.facts import facts

        for label, text in facts(credentials).items():
            print(f"{label}: {text}")
        for note in notes:
            print(note)
        return credentials
    from .form import LoginForm

    display(LoginForm(credentials=credentials, notes=notes))
    return credentials


def _list_accounts() -> None:
    from .store.profiles import Profiles

    profiles = Profiles()
    names, default = profiles.names(), profiles.default_name
    if not names:
        print(f"No saved accounts in {profiles.directory}.")
    for name in names:
        print(f"{'*' if name == default else ' '} {name}")
    if default in names:
        print("* every session starts with this one")
    try:
        profiles.locked.default()
    except CartoLoginError as error:
        print(error)


def _whoami() -> None:
    from .session.default import get_default_credentials
    from .session.facts import facts

    current = get_default_credentials()
    if current is None:
        print("This kernel is not signed in to CARTO.")
        return
    for label, text in facts(current).items():
        print(f"{label}: {text}")


def _logout() -> None:
    from .session import login

    notes = login.sign_out()
    print("Signed out of CARTO in this kernel. Saved accounts stay saved.")
    for note in notes:
        print(note)


def _forget(name: str) -> None:
    from .session.default import get_default_credentials
    from .store.profiles import Profiles

    profiles = Profiles()
    notes = profiles.delete(name)
    print(f"The saved account '{name}' is deleted from {profiles.directory}.")
    current = get_default_credentials()
    if current is not None and current.profile == name.lower():
        print(
            "This kernel is still signed in with it; %carto_login --logout ends that."
        )
    for note in notes:
        print(note)


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
            found = [option for option in _OPTIONS if option.startswith(word)]
        else:
            found = _names_after(before[-1] if before else "", word)
    return SimpleMatcherResult(
        completions=[SimpleCompletion(text, type="magic") for text in found],
        matched_fragment=word,
        suppress=True,
    )


def _names_after(previous: str, start: str) -> list[str]:
    from .store.profiles import Profiles

    if previous in {"--file", "--username", "--base-url"}:
        return []
    try:
        names = Profiles().names()
    except (CartoLoginError, OSError):
        return []
    return [name for name in names if name.startswith(start.lower())]


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
