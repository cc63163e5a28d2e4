"""What people do with accounts: the same acts in form, magic and on the command line.

An act that concerns the account of this kernel lets that one know, too. Without
`profiles` they are those of this user.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..store.profiles import Profiles, check_name
from . import default, login
from .facts import short_path, start_name

if TYPE_CHECKING:
    from ..credentials import Credentials
    from .login import InFile, Saving


class Did(NamedTuple):
    """What was done, in a sentence, and what else the user is to know."""

    said: str
    notes: list[str]


def save(
    credentials: Credentials,
    saving: Saving,
    profiles: Profiles | None = None,
    in_file: InFile = login.never,
) -> Did:
    """Save an account that is in use or was checked; `in_file` as in `login.save`."""
    profiles = profiles or Profiles()
    saved, notes = login.save(credentials, saving, profiles, in_file)
    return Did(saved_as(saving.name, profiles), notes + _put(credentials, saved))


def saved_as(name: str, profiles: Profiles) -> str:
    """Say under which name an account is saved, and whether sessions start with it."""
    is_start = name.lower() == start_name(profiles)
    starts = "; every session starts with it" if is_start else ""
    return f"Saved as '{name.lower()}' in {short_path(profiles.directory)}{starts}."


def rename(old: str, new: str, profiles: Profiles | None = None) -> Did:
    """Give a saved account another name."""
    profiles = profiles or Profiles()
    current = _current(old, profiles)
    notes, new = profiles.rename(old, new), check_name(new)
    if current is not None:
        notes += _put(current, current._with(profile=new))
    return Did(f"The saved account '{old.lower()}' is called '{new}' now.", notes)


def make_default(name: str | None, profiles: Profiles | None = None) -> Did:
    """Let every session start with a saved account, or with none."""
    profiles = profiles or Profiles()
    notes = profiles.set_default(name)
    if name is None:
        return Did("Sessions start with no account now; saved ones stay saved.", notes)
    return Did(f"Every session starts with '{name.lower()}' now.", notes)


def forget(name: str, profiles: Profiles | None = None) -> Did:
    """Delete a saved account; whoever is signed in with it stays so."""
    profiles = profiles or Profiles()
    current = _current(name, profiles)
    notes = profiles.delete(name)
    where = short_path(profiles.directory)
    said = f"Forgot '{name.lower()}': its key is deleted from {where}."
    if current is not None:
        notes += _put(current, current._with(profile=None, source=None))
        said += " You stay signed in here."
    return Did(said, notes)


def forget_question(name: str) -> str:
    """Ask once more before a key is deleted."""
    return f"Forget '{name}'? Its key is deleted here"


def check_again(credentials: Credentials) -> Did:
    """Ask CARTO about the account of this kernel; a refusal leaves it as it is."""
    checked = login.check(credentials)
    problems = default.publish_checked(credentials, checked)
    return Did("CARTO accepts this key.", problems or [])


def log_out() -> Did:
    """Sign this kernel out; nothing is deleted."""
    return Did("Logged out. Saved accounts stay saved.", login.sign_out())


def move_keys(*, to_keyring: bool, profiles: Profiles | None = None) -> Did:
    """Move the keys of all saved accounts to the keyring of the system, or back."""
    moved, notes = (profiles or Profiles()).move_keys(to_keyring=to_keyring)
    where = "in the keyring of this system" if to_keyring else "in their files"
    said = f"Now {where}: {', '.join(moved)}." if moved else "No key was moved."
    later = (
        "For accounts that are saved from now on, put c.CartoLogin.keyring = "
        f"{to_keyring} into ipython_config.py."
    )
    return Did(said, [*notes, later])


def _current(name: str, profiles: Profiles) -> Credentials | None:
    """Return the account of this kernel, if it is the saved one of that name."""
    current = default.get_default_credentials()
    if current is None or current.profile != name.lower():
        return None
    saved = profiles.peek(current.profile)
    same = saved is not None and saved.identity.same_key(current._identity)
    return current if same else None


def _put(old: Credentials, new: Credentials) -> list[str]:
    """Let the kernel's account know its name, if it is still the same account."""
    return default.publish_checked(old, new) or []
