"""The saved accounts: one private file each, and the one that sessions start with.

`profiles/<name>.json` holds an account. `creds.json`, the file that cartoframes reads,
holds a copy of the default one. What changes files returns notes for the user.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path

from ..errors import CredentialsFileError, InvalidCredentialsError, ProfileNotFoundError
from ..secret import Secret, clean_key, looks_like_key, looks_like_master_key
from . import files, keyring, record
from .record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..account import Account
    from ..identity import Identity
    from .files import PathLike

    Keep = Callable[..., Record]

DEFAULT_FILE_NAME = "creds.json"

_LOCK = ".carto-login.lock"
_LOCK_PATIENCE, _LOCK_PAUSE = 10.0, 0.005
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|\Z)")
_NAME = re.compile(rf"(?!{_DEVICE.pattern})[a-z0-9][a-z0-9._@-]{{0,63}}(?<!\.)")
_FILE = re.compile(rf"{_NAME.pattern}\.json")
_LISTED = 20
_LONG = 20
_CARTOFRAMES = (
    "The key is in the keyring of this system, so cartoframes cannot read the account "
    "from its file; after a login here it has it all the same."
)


def check_name(name: str) -> str:
    """Return a name as it is stored: in lower case, and one that any system takes."""
    lowered = name.lower() if name.isascii() else ""
    if looks_like_master_key(lowered):
        raise InvalidCredentialsError(
            "What stands in the place of the account's name looks like an API key, so "
            "nothing was saved under it. Choose a name such as 'work'."
        )
    if is_name(lowered):
        return lowered
    raise InvalidCredentialsError(
        f"{shown(name)!r} cannot be the name of a saved account: use 1 to 64 of the "
        f"letters a-z, digits and . _ - @, beginning with a letter or digit, not "
        f"ending with a dot, and no device of Windows, such as CON."
    )


def is_name(lowered: str) -> bool:
    """Whether a lower-cased name can be that of a saved account."""
    return _NAME.fullmatch(lowered) is not None


def shown(name: str) -> str:
    """Return a name as messages repeat it, or `***` where it may be a key."""
    # A key that an administrator has set need not look like those that CARTO makes.
    words = (clean_key(name), *re.split(r"[^A-Za-z0-9_-]+", name))
    is_long = any(len(word) >= _LONG for word in words)
    return "***" if is_long or any(map(looks_like_key, words)) else name


def proposed_name(
    identity: Identity, account: Account | None, profiles: Profiles
) -> str:
    """Return a name that is free, or that of the same key or one it was made for."""
    new = Record.of(identity, account)

    def is_for_it(name: str) -> bool:
        saved = profiles.peek(name)
        return new.replaces(saved) if saved else not profiles.has(name)

    return next(filter(is_for_it, _names_for(new)))


def _names_for(account: Record) -> Iterator[str]:
    """Yield names of user, key and host, as `jane-reporting@example.com`, numbered."""
    where, name = account.identity.known_address, "account"
    if where is not None:
        name = where.username.lstrip("-_") or name
        if account.identity.is_public:
            name += "-public"
        elif account.key_type == "regular":
            key = re.sub(r"[^a-z0-9]+", "-", (account.key_name or "").lower())
            name = f"{name}-{key.strip('-')}".rstrip("-")
        if not where.is_cloud:
            name += "@" + re.sub(r"[\[\]]", "", where.host).replace(":", "-")
        name = name[:64].rstrip(".")
        if _DEVICE.match(name):
            name += "@carto.com"
    yield name
    for number in count(2):
        yield f"{name[:58]}-{number}"


def read(path: PathLike) -> Record:
    """Read a credentials file, of the store or not."""
    path = Path(path)
    place = _place_of(path)
    if place is not None:
        return place[0].use(path, place[1])
    # What a file says of itself counts in the store only.
    found = record.read(path)
    found = Record(found.identity._replace(proved=None), notes=found.notes)
    return record.unlocked(found, path)


def write(path: PathLike, account: Record) -> list[str]:
    """Write a credentials file; one of the store as the store does it."""
    path = Path(path)
    place = _place_of(path)
    if place is not None:
        profiles, name = place
        return profiles.save(name, account) if name else profiles.save_default(account)
    notes: list[str] = []
    with Profiles()._swept(notes, path) as keep:
        kept = keep(account._replace(profile=None), record.look(path))
        notes += record.write(path, kept)
    return notes


def remove(path: PathLike) -> tuple[bool, list[str]]:
    """Remove a credentials file, and its key from the keyring; False: there is none."""
    notes: list[str] = []
    with Profiles()._swept(notes, Path(path)):
        there = files.remove(path)
    return there, notes


def _place_of(path: Path) -> tuple[Profiles, str | None] | None:
    """Return store and name of a file of the store; no name for `creds.json`."""
    with suppress(OSError, ValueError):  # no home, or a path that cannot be one
        profiles, real = Profiles(), Path(os.path.realpath(path))
        if real == Path(os.path.realpath(profiles.default_path)):
            return profiles, None
        directory = Path(os.path.realpath(profiles.path_of("x").parent))
        for place in (real, Path(os.path.realpath(path.parent), path.name)):
            if place.parent == directory and _FILE.fullmatch(place.name):
                return profiles, place.stem
    return None


class Profiles:
    """The accounts that are saved for this user of the machine, by lower-case name."""

    # `creds.json` is a saved account exactly if it equals that profile; otherwise it is
    # an account of its own, listed under a free name, and saved under it before
    # anything overwrites it.

    def __init__(
        self, directory: PathLike | None = None, *, unlocks: bool = True
    ) -> None:
        self._directory = directory
        self._unlocks = unlocks

    @property
    def locked(self) -> Profiles:
        """The same accounts to look at: keys in the keyring stay there."""
        return Profiles(self._directory, unlocks=False)

    @property
    def directory(self) -> Path:
        """Where the accounts are; looked up when it is needed, as there may be none."""
        if self._directory is None:
            return files.store_directory()
        return Path(os.path.expanduser(self._directory))  # noqa: PTH111 - never raises

    @property
    def default_path(self) -> Path:
        """The file of the account that sessions start with, `creds.json`."""
        return self.directory / DEFAULT_FILE_NAME

    def path_of(self, name: str) -> Path:
        """Return the file of a saved account."""
        return self.directory / "profiles" / f"{name}.json"

    def names(self) -> list[str]:
        """Return the names of the saved accounts, sorted."""
        directory = self.path_of("x").parent
        try:
            # os.listdir and no Path: this is to be quick for 10,000 accounts too.
            found = os.listdir(directory)  # noqa: PTH208
        except FileNotFoundError:
            found = []
        except OSError as error:
            raise CredentialsFileError(
                f"The saved accounts in {directory} cannot be listed: "
                f"{error.strerror}.",
                path=directory,
            ) from None
        names = {file.removesuffix(".json") for file in found if _FILE.fullmatch(file)}
        if start := self.default_name:
            names.add(start)
        return sorted(names)

    def has(self, name: str) -> bool:
        """Whether a name is taken."""
        return os.path.lexists(self.path_of(name)) or self.default_name == name

    def peek(self, name: str) -> Record | None:
        """Return a saved account to look at, or None where none is usable."""
        # No key leaves the keyring, and no mode is repaired: it is not used.
        path = self.path_of(name)
        if os.path.lexists(path):
            found = record.look(path)
            return found and found._replace(profile=name)
        start = self._start()
        return start if start and start.profile == name else None

    def load(self, name: str) -> Record:
        """Read a saved account."""
        return self.use(self._find(name), name.lower())

    def use(self, path: Path, name: str | None = None) -> Record:
        """Read a file of the store, and take it away from other users."""
        notes = record.close(path)
        found = record.read(path)
        found = found._replace(
            profile=name or self._name_of(found), notes=(*notes, *found.notes)
        )
        return record.unlocked(found, path) if self._unlocks else found

    def default(self) -> Record | None:
        """Read the account that sessions start with; None if there is none."""
        try:
            return self.use(self.default_path)
        except FileNotFoundError:
            return None

    @property
    def default_name(self) -> str | None:
        """Name of the account that sessions start with; None if there is none."""
        with suppress(ValueError):  # no home, and so no store
            return start.profile if (start := self._start()) else None
        return None

    def hinted(self) -> Record | None:
        """Return what `creds.json` says it is, if that has another key by now."""
        # So it is after a save that was cut off between the two files.
        start = record.look(self.default_path)
        if start is None or not is_name(start.profile or ""):
            return None
        name = str(start.profile)
        newer = self.peek(name)
        if newer is None or newer.identity.same_key(start.identity):
            return None
        if newer.identity.same_account(start.identity):
            with suppress(CredentialsFileError):
                return self.load(name)
        return None

    def save(
        self,
        name: str,
        account: Record,
        *,
        default: bool = False,
        overwrite: bool = True,
        in_keyring: bool | None = None,
    ) -> list[str]:
        """Save an account; its key in the keyring or not, None: as the settings say."""
        name = check_name(name)
        path, notes = self.path_of(name), list[str]()
        with self._swept(notes, path, self.default_path) as keep, self._turn():
            account = account._replace(profile=name)
            kept = keep(account, self.peek(name), wanted=in_keyring)
            start = self._start()
            lonely = self._only_there(start, account.identity)
            if lonely and lonely.profile == name and not overwrite:
                raise _taken(name, self.default_path)
            # creds.json is a copy of the default account, and stays one.
            is_copy = start and start.profile == name and os.path.lexists(path)
            files.repair_mode(path.parent)
            is_it = start and start.identity.same_key(account.identity)
            carry = self.default_path if is_it else None
            notes += record.write(path, kept, carry=carry, exclusive=not overwrite)
            if default or is_copy:
                notes += self._adopt(lonely)
                notes += self._follow(kept)
        return notes

    def save_default(self, account: Record) -> list[str]:
        """Write `creds.json` alone, as `Credentials.save()` does."""
        notes: list[str] = []
        with self._swept(notes, self.default_path) as keep, self._turn():
            named = self.peek(account.profile) if account.profile else None
            kept = keep(account, record.look(self.default_path), named)
            notes += self._adopt(self._only_there(self._start(), account.identity))
            notes += self._write_default(kept)
        return notes

    def set_default(self, name: str | None) -> list[str]:
        """Let sessions start with a saved account; None: with none."""
        with self._turn():
            start = self._start()
            if name is None:
                notes = [] if start else record.keep_broken(self.default_path)
                notes += self._adopt(self._only_there(start))
                return notes + record.remove(self.default_path)
            chosen = record.read(self._find(name))._replace(profile=name.lower())
            notes = self._adopt(self._only_there(start, chosen.identity))
            return notes + self._write_default(chosen)

    def rename(self, old: str, new: str) -> list[str]:
        """Give a saved account another name."""
        new = check_name(new)
        with self._turn():
            source = self._find(old)
            if new == old.lower():
                return []
            if self.has(new):
                raise _taken(new, self.path_of(new))
            is_start = self.default_name == old.lower()
            account = record.read(source)._replace(profile=new)
            path = self.path_of(new)
            notes = record.write(path, account, carry=source, exclusive=True)
            if is_start:
                notes += self._follow(account)
            if source != self.default_path:
                notes += record.remove(source)
            return notes

    def delete(self, name: str) -> list[str]:
        """Remove a saved account, also from `creds.json` if it is the default."""
        notes: list[str] = []
        path = self._find(name)
        with self._swept(notes, path, self.default_path), self._turn():
            if self.default_name == name.lower():
                notes += record.remove(self.default_path)
            if path != self.default_path:
                notes += record.remove(path)
        return notes

    def move_keys(self, *, to_keyring: bool) -> tuple[list[str], list[str]]:
        """Move all keys to the keyring or out of it; return names moved, and notes."""
        moved, notes, start = list[str](), list[str](), self.default_name
        for name in self.names():
            saved = self.peek(name)
            if saved is None:
                notes.append(f"'{name}' cannot be used and was left as it is.")
                continue
            is_there = bool(saved.identity.entry) is to_keyring
            if not (is_there or saved.identity.is_public):
                account, is_start = self.load(name), name == start
                notes += self.save(
                    name, account, default=is_start, in_keyring=to_keyring
                )
                moved.append(name)
        return moved, [*dict.fromkeys(notes)]

    def _only_there(
        self, start: Record | None, replacement: Identity | None = None
    ) -> Record | None:
        """Return what only `creds.json` holds, unless its replacement is the same."""
        if start is None or os.path.lexists(self.path_of(str(start.profile))):
            return None
        is_same = replacement is not None and start.identity.same_key(replacement)
        return None if is_same else start

    def _adopt(self, start: Record | None) -> list[str]:
        """Save what only `creds.json` holds, before it is replaced."""
        source = self.default_path
        while start is not None:
            # The name that it was listed under may have been taken just now.
            name = self._name_of(start)
            if os.path.lexists(self.path_of(name)):
                break  # without a lock, another program may be here, too
            with suppress(FileExistsError):
                start = start._replace(profile=name)
                record.write(self.path_of(name), start, carry=source, exclusive=True)
                note = f"The account that was in {source} is now saved as '{name}'."
                return [note, *start.notes]
        return []

    def _follow(self, account: Record) -> list[str]:
        """Let `creds.json` follow a profile that was written; say where it cannot."""
        try:
            return self._write_default(account)
        except files.MountedFileError as error:
            return [str(error)]

    def _write_default(self, account: Record) -> list[str]:
        path, name = self.default_path, account.profile
        carry = self.path_of(name) if name else None
        # A link that leads to a profile would let that one be replaced.
        profiles = os.path.realpath(self.path_of("x").parent)
        follow = not os.path.realpath(path).startswith(profiles + os.sep)
        return record.write(path, account, carry=carry, follow=follow)

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Take turns with other programs, which may write after our look at a file."""
        from filelock import FileLock

        with ExitStack() as stack:
            # Where there can be no lock, or somebody keeps it for long, the turn is
            # taken all the same; a write that cannot be done tells why by itself.
            with suppress(OSError, NotImplementedError):
                files.make_directory(self.directory)
                lock = FileLock(self.directory / _LOCK, _LOCK_PATIENCE, mode=0o600)
                stack.enter_context(lock.acquire(poll_interval=_LOCK_PAUSE))
                files.hand_over(self.directory / _LOCK, self.directory)
            yield

    @contextmanager
    def _swept(self, notes: list[str], *paths: Path) -> Iterator[Keep]:
        """Remove from the keyring what these files had and no file has any more."""
        paths = tuple(Path(os.path.realpath(path)) for path in paths)
        tracked = [found for path in paths if (found := record.look(path))]

        def keep(
            account: Record, *before: Record | None, wanted: bool | None = None
        ) -> Record:
            """Return an account as the first file is to hold it."""
            entries = [old.identity.entry if old else None for old in before]
            identity = _kept(account.identity, entries, paths[0], wanted=wanted)
            if identity.entry not in {None, *entries}:
                notes.append(_CARTOFRAMES)
            tracked.append(account._replace(identity=identity))
            return tracked[-1]

        try:
            yield keep
        finally:
            by_entry = {found.identity.entry: found for found in tracked}
            for entry, found in by_entry.items():
                if entry is not None and not self._is_somewhere(found, paths):
                    notes += keyring.remove(entry, paths[0])

    def _is_somewhere(self, account: Record, paths: tuple[Path, ...]) -> bool:
        with suppress(ValueError):  # no home, and so no store
            named = self.path_of(self._name_of(account))
            paths = (*paths, self.default_path, named)
        found = filter(None, map(record.look, paths))
        return any(other.identity.same_key(account.identity) for other in found)

    def _find(self, name: str) -> Path:
        """Return the file that holds an account: its own, or `creds.json`."""
        lowered = name.lower()
        if name.isascii() and is_name(lowered):
            path = self.path_of(lowered)
            # An unreadable directory is told of by whoever reads the file.
            if os.path.lexists(path):
                return path
            if lowered == self.default_name:
                return self.default_path
        from difflib import get_close_matches

        known = self.names()
        meant = get_close_matches(lowered, known, 1)
        hint = f" Did you mean '{shown(meant[0])}'?" if meant else ""
        listed = ", ".join(map(shown, known[:_LISTED])) or "none"
        more = f" and {len(known) - _LISTED} more" if len(known) > _LISTED else ""
        raise ProfileNotFoundError(
            f"No account is saved as {shown(name)!r} in {self.directory}.{hint} "
            f"Saved: {listed}{more}.",
            name=shown(name),
            known=tuple(known),
        )

    def _start(self) -> Record | None:
        """Return what `creds.json` holds, with the name that it goes by."""
        found = record.look(self.default_path)
        return found and found._replace(profile=self._name_of(found))

    def _name_of(self, account: Record) -> str:
        """Return the profile that an account equals, or a free name for it."""
        # Looked at are its hint and the names made of it; 10,000 others are not read.
        hint = account.profile or ""
        if is_name(hint) and self._equals(hint, account):
            return hint
        return next(
            name
            for name in _names_for(account)
            if self._equals(name, account) or not os.path.lexists(self.path_of(name))
        )

    def _equals(self, name: str, account: Record) -> bool:
        saved = record.look(self.path_of(name))
        return saved is not None and saved.identity.same_key(account.identity)


def _kept(
    identity: Identity, entries: list[str | None], path: Path, *, wanted: bool | None
) -> Identity:
    """Return an account with its key in the keyring or not; `entries`: of its files."""
    entry, identity = identity.entry, identity._replace(entry=None)
    if wanted is None:
        # A key that is in the keyring stays there; the settings decide about others.
        # Where nobody has loaded them, which takes time, nobody has changed them.
        loaded = sys.modules.get(f"{__package__.rpartition('.')[0]}.settings")
        is_on = loaded is not None and loaded.CartoLogin.instance().keyring
        wanted = bool(entry or entries[0] or is_on)
    if wanted and entry and entry in entries:
        return identity._replace(key=Secret(entry), entry=entry)
    if wanted and not identity.is_public:
        return keyring.put(identity, path)
    return identity


def _taken(name: str, path: Path) -> FileExistsError:
    return FileExistsError(
        f"An account is saved as '{name}' already, in {path}; it was left as it is. "
        f"Choose another name, or allow it to be overwritten."
    )
