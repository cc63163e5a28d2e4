"""What people do with accounts: the same in form, magic and on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..errors import CartoLoginError
from ..store.profiles import Profiles, check_name
from . import default, login
from .facts import saved_name, short_path

if TYPE_CHECKING:
    from ..credentials import Credentials
    from ..identity import Identity
    from .login import InFile, Saving

_store = Profiles()


class Did(NamedTuple):
    """What was done, in a sentence, and what else the user is to know."""

    said: str
    notes: list[str]


def save(
    credentials: Credentials, saving: Saving, in_file: InFile | None = None
) -> Did:
    """Save an account that is in use or was checked; `in_file` as `login.InFile`."""
    saved, notes = login.save(credentials, saving, in_file)
    notes += default.publish(saved, instead_of=credentials)
    is_start = saved.profile == _store.default_name
    starts = "; every session starts with it" if is_start else ""
    where = short_path(_store.directory)
    return Did(f"Saved as '{saved.profile}' in {where}{starts}.", notes)


# `only`: where the name stands for another account by now, it is left as it is.


def rename(old: str, new: str, only: Identity | None = None) -> Did:
    """Give a saved account another name."""
    current = _current(old)
    notes, new = _store.rename(old, new, only), check_name(new)
    if current is not None:
        notes += default.publish(current._with(profile=new), instead_of=current)
    return Did(f"The saved account '{old.lower()}' is called '{new}' now.", notes)


def make_default(name: str | None, only: Identity | None = None) -> Did:
    """Let every session start with a saved account, or with none."""
    notes = _store.set_default(name, only)
    if name is None:
        return Did("Sessions start with no account now; saved ones stay saved.", notes)
    return Did(f"Every session starts with '{name.lower()}' now.", notes)


def forget(name: str, only: Identity | None = None) -> Did:
    """Delete a saved account; whoever is signed in with it stays so."""
    current = _current(name)
    notes = _store.delete(name, only)
    where = short_path(_store.directory)
    said = f"Forgot '{name.lower()}': its key is deleted from {where}."
    if current is not None:
        nameless = current._with(profile=None, source=None)
        notes += default.publish(nameless, instead_of=current)
        said += " You stay signed in here."
    return Did(said, notes)


def forget_question(name: str, *, is_start: bool) -> str:
    """Ask once more before a key is deleted."""
    then = ", and sessions start with no account then" if is_start else ""
    return f"Forget '{name}'? Its key is deleted here{then}."


def check_again(credentials: Credentials) -> Did:
    """Ask CARTO about the account of this kernel; a refusal leaves it as it is."""
    checked = login.check(credentials)
    problems = default.publish(checked, instead_of=credentials)
    return Did("CARTO accepts this key.", problems)


def log_out() -> Did:
    """Sign this kernel out; nothing is deleted."""
    return Did("Logged out. Saved accounts stay saved.", login.sign_out())


def move_keys(*, to_keyring: bool) -> Did:
    """Move the keys of all saved accounts to the keyring of the system, or back."""
    moved, failed, notes = _store.move_keys(to_keyring=to_keyring)
    where = "in the keyring of this system" if to_keyring else "in their files"
    said = f"Now {where}: {', '.join(moved)}." if moved else "No key was moved."
    if failed:
        raise CartoLoginError(" ".join([said, *failed, *notes]))
    later = (
        "For accounts that are saved from now on, put c.CartoLogin.keyring = "
        f"{to_keyring} into ipython_config.py."
    )
    return Did(said, [*notes, later])


def _current(name: str) -> Credentials | None:
    """Return the account of this kernel, if it is the saved one of that name."""
    current = default.get_default_credentials()
    is_it = current and saved_name(current) == name.lower()
    return current if is_it else None
