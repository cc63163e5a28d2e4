"""The saved accounts: one private file each, and the one that sessions start with.

`profiles/<name>.json` holds an account. `creds.json`, the file that cartoframes reads,
holds a copy of the default one. What changes files returns notes for the user.
"""

from __future__ import annotations

import os
import re
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from itertools import count
from pathlib import Path

from ..errors import CredentialsFileError, InvalidCredentialsError, ProfileNotFoundError
from ..secret import clean_key, looks_like_master_key
from . import files, keyring, record
from .record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..account import Account
    from ..identity import Identity

    PathLike = str | os.PathLike[str]
    Keep = Callable[..., Record]

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
    # One that CARTO makes is as long, too.
    words = re.split(r"[^A-Za-z0-9_-]+", name)
    # In the names that are proposed there is a host, as in jane@maps.example.com.
    if "@" not in name or not is_name(name.lower()):
        words.append(clean_key(name))
    return "***" if max(map(len, words)) >= _LONG else name


def proposed_name(
    identity: Identity, account: Account | None, profiles: Profiles
) -> str:
    """Return a name that is free, or that of the same key or one it was made for."""
    new = Record(identity).told(account)

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


def read(path: Path) -> Record:
    """Read a credentials file, of the store or not."""
    name = _place_of(path)
    if name is not None:
        return Profiles().use(path, name)
    # What a file says of itself counts in the store only.
    found = record.read(path)
    identity = keyring.get(found.identity._replace(proved=None), path)
    return Record(identity, notes=found.notes)


def write(path: Path, account: Record) -> list[str]:
    """Write a credentials file; one of the store as the store does it."""
    profiles, name = Profiles(), _place_of(path)
    if name is not None:
        return profiles.save(name, account) if name else profiles.set_default(account)
    with profiles._change(path) as (notes, keep):
        notes.extend(record.write(path, keep(account._replace(profile=None))))
    return notes


def remove(path: Path) -> list[str]:
    """Remove a credentials file, and its key from the keyring."""
    profiles = Profiles()
    missing = f"There is no credentials file {path}, so nothing was removed."
    turn = nullcontext() if _place_of(path) is None else profiles._turn()
    with turn, profiles._change(path) as (notes, _):
        notes.extend([] if os.path.lexists(path) else [missing])
        notes.extend(files.remove(path))
    return notes


def _place_of(path: Path) -> str | None:
    """Return the name of a file of the store: "" for `creds.json`, None elsewhere."""
    with suppress(OSError, ValueError):  # no home, or a path that cannot be one
        profiles = Profiles()
        real = Path(os.path.realpath(path))
        if real == Path(os.path.realpath(profiles.default_path)):
            return ""
        directory = Path(os.path.realpath(profiles.path_of("x").parent))
        for place in (real, Path(os.path.realpath(path.parent), path.name)):
            if place.parent == directory and _FILE.fullmatch(place.name):
                return place.stem
    return None


class Profiles:
    """The accounts that are saved for this user of the machine, by lower-case name."""

    # `creds.json` is a saved account exactly if it equals that profile; otherwise it is
    # an account of its own, listed under a free name, and saved under it before
    # anything overwrites it.

    def __init__(
        self, directory: PathLike | None = None, *, unlocks: bool = True
    ) -> None:
        self.given = directory
        self._unlocks = unlocks  # else keys in the keyring stay there

    @property
    def directory(self) -> Path:
        """Where the accounts are; looked up when it is needed, as there may be none."""
        if self.given is None:
            return files.store_directory()
        return Path(os.path.expanduser(self.given))  # noqa: PTH111 - never raises

    @property
    def has_place(self) -> bool:
        """Whether there is a home for it; some users have none."""
        with suppress(CredentialsFileError):
            return bool(self.directory)
        return False

    @property
    def default_path(self) -> Path:
        """The file of the account that sessions start with, `creds.json`."""
        return self.directory / "creds.json"

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
        return self._file_of(name) is not None

    def peek(self, name: str) -> Record | None:
        """Return a saved account to look at, or None where none is usable."""
        # No key leaves the keyring, and no mode is repaired: it is not used.
        path = self._file_of(name)
        found = record.look(path) if path else None
        return found and found._replace(profile=name.lower())

    def load(self, name: str) -> Record:
        """Read a saved account."""
        return self.use(self._find(name), name.lower())

    def use(self, path: Path, name: str | None = None) -> Record:
        """Read a file of the store, and take it away from other users."""
        notes = files.close(path)
        found = record.read(path)
        name, identity = name or self._name_of(found), found.identity
        if self._unlocks:
            identity = keyring.get(identity, path)
        notes += found.notes
        return found._replace(identity=identity, profile=name, notes=tuple(notes))

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
        newer = self.peek(start.profile or "") if start else None
        if start is None or newer is None or newer.identity.same_key(start.identity):
            return None
        if newer.identity.same_account(start.identity):
            with suppress(CredentialsFileError):
                return self.load(str(newer.profile))
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
        path, account = self.path_of(name), account._replace(profile=name)
        turn = self._turn(makes=True)
        with turn, self._change(path, self.default_path) as (notes, keep):
            if not overwrite:
                self._check_free(name, account.identity)
            # creds.json is a copy of the default account, and stays one.
            is_copy = os.path.lexists(path) and self.default_name == name
            kept = keep(account, wanted=in_keyring)
            files.close(path.parent)
            notes.extend(self._write(path, kept, exclusive=not overwrite))
            if default or is_copy:
                notes.extend([] if is_copy else self._adopt(account.identity))
                notes.extend(self._follow(kept))
        return notes

    # `only`: what is saved under the name is changed if it is this account and key.

    def set_default(
        self, chosen: str | Record | None, only: Identity | None = None
    ) -> list[str]:
        """Let sessions start with a saved account, with one that is given, or none."""
        turn = self._turn(makes=isinstance(chosen, Record))
        with turn, self._change(self.default_path) as (notes, keep):
            wanted, start = None, self._start()
            if isinstance(chosen, str):
                # A copy: its key stays where it is, whatever the settings say.
                name = chosen.lower()
                chosen = record.read(self._find(name, only))._replace(profile=name)
                wanted = chosen.identity.entry is not None
            elif chosen and start and start.identity.same_key(chosen.identity):
                chosen = chosen._replace(profile=start.profile)
            if chosen is not None:
                kept = keep(chosen, wanted=wanted)
                notes.extend(self._adopt(chosen.identity))
                notes.extend(self._write(self.default_path, kept))
            else:
                if start is None:
                    notes.extend(files.set_aside(self.default_path))
                notes.extend(self._adopt())
                notes.extend(files.remove(self.default_path))
        return notes

    def rename(self, old: str, new: str, only: Identity | None = None) -> list[str]:
        """Give a saved account another name."""
        new = check_name(new)
        with self._turn():
            source = self._find(old, only)
            if new == old.lower():
                return []
            self._check_free(new)
            is_start = self.default_name == old.lower()
            account = record.read(source)._replace(profile=new)
            notes = record.write(self.path_of(new), account, exclusive=True)
            if is_start:
                notes += self._follow(account)
            # Where creds.json could not follow, what it is a copy of stays.
            if source != self.default_path and self.default_name != old.lower():
                notes += files.remove(source)
        return notes

    def delete(self, name: str, only: Identity | None = None) -> list[str]:
        """Remove a saved account, also from `creds.json` if it is the default."""
        with self._turn():
            path, start = self._find(name, only), self.default_path
            with self._change(path, start) as (notes, _):
                # The default first: no session starts with an account that is gone.
                is_start = self.default_name == name.lower()
                for file in (start, path) if is_start else (path,):
                    notes.extend(files.remove(file))
        return notes

    def move_keys(self, *, to_keyring: bool) -> tuple[list[str], list[str], list[str]]:
        """Move all keys to the keyring or back; return names, failures and notes."""
        moved, failed, notes = list[str](), list[str](), list[str]()
        start = self.default_name
        for name in self.names():
            saved = self.peek(name)
            if saved is None:
                notes.append(f"'{name}' cannot be used and was left as it is.")
            elif bool(saved.identity.entry) is to_keyring or saved.identity.is_public:
                continue
            else:
                try:
                    account = self.load(name)
                    notes += self.save(
                        name, account, default=name == start, in_keyring=to_keyring
                    )
                    moved.append(name)
                except CredentialsFileError as error:
                    is_over = isinstance(error, keyring.NoKeyringError)
                    rest = " So were those that come after it." if is_over else ""
                    failed.append(f"'{name}' was left as it is.{rest} {error}")
                    if is_over:
                        break
        return moved, failed, [*dict.fromkeys(notes)]

    def _adopt(self, replacement: Identity | None = None) -> list[str]:
        """Save what only `creds.json` holds, before something else replaces it."""
        start = self._start()
        if start is None or (replacement and start.identity.same_key(replacement)):
            return []
        path = self.path_of(str(start.profile))
        if os.path.lexists(path):
            return []
        record.write(path, start, exclusive=True)
        told = f"The account that was in {self.default_path} is now saved as "
        return [f"{told}'{start.profile}'.", *start.notes]

    def _check_free(self, name: str, identity: Identity | None = None) -> None:
        """Refuse a name that is taken, but for what `creds.json` alone holds of it."""
        path, start = self._file_of(name), self._start()
        if path == self.default_path and start and identity:
            path = None if start.identity.same_key(identity) else path
        if path is not None:
            raise FileExistsError(
                f"An account is saved as '{name}' already; it was left as it is. "
                "Choose another name."
            )

    def _follow(self, account: Record) -> list[str]:
        """Let `creds.json` follow a profile that was written; say where it cannot."""
        try:
            return self._write(self.default_path, account)
        except files.MountedFileError as error:
            return [str(error)]

    def _write(
        self, path: Path, account: Record, *, exclusive: bool = False
    ) -> list[str]:
        # A link that leads to a profile would let that one be replaced.
        profiles = os.path.realpath(self.path_of("x").parent)
        follow = not Path(os.path.realpath(path)).is_relative_to(profiles)
        return record.write(path, account, exclusive=exclusive, follow=follow)

    @contextmanager
    def _turn(self, *, makes: bool = False) -> Iterator[None]:
        """Take turns with other programs, which may write after our look at a file."""
        from filelock import FileLock

        with ExitStack() as stack:
            # Where there can be no lock, or somebody keeps it for long, the turn is
            # taken all the same; a write that cannot be done tells why by itself.
            with suppress(OSError, NotImplementedError):
                if makes:
                    files.make_directory(self.directory)
                elif not os.path.isdir(self.directory):  # noqa: PTH112 - never raises
                    raise FileNotFoundError  # no store, and none is made by looking
                lock = FileLock(self.directory / _LOCK, _LOCK_PATIENCE, mode=0o600)
                stack.enter_context(lock.acquire(poll_interval=_LOCK_PAUSE))
                files.hand_over(self.directory / _LOCK, self.directory)
            yield

    @contextmanager
    def _change(self, *paths: Path) -> Iterator[tuple[list[str], Keep]]:
        """Take from the keyring in the end what these files had and no file has."""
        notes: list[str] = []
        paths = tuple(Path(os.path.realpath(path)) for path in paths)
        seen = [found for path in paths if (found := record.look(path))]

        def keep(account: Record, *, wanted: bool | None = None) -> Record:
            """Return an account as the first file is to hold it."""
            target = record.look(paths[0])
            others = [self.peek(account.profile or ""), *map(record.look, paths[1:])]
            account = account.over(target)
            for found in filter(None, others):
                # What else stands beside another key may be about that key.
                if found.identity.same_key(account.identity):
                    account = account.over(found)
            known = {found.identity.entry for found in (target, others[0]) if found}
            identity = keyring.put(account.identity, paths[0], known, wanted=wanted)
            if identity.entry not in {None, account.identity.entry}:
                notes.append(_CARTOFRAMES)
            seen.append(account._replace(identity=identity))
            return seen[-1]

        try:
            yield notes, keep
        finally:
            had = {old.identity.entry: old for old in seen if old.identity.entry}
            named = list[Path]()
            with suppress(ValueError):  # no home, and so no store
                for old in had.values():
                    named += self.default_path, self.path_of(self._name_of(old))
            left = [record.look(path) for path in (*paths, *named) if had]
            for entry in had.keys() - {found.identity.entry for found in left if found}:
                notes += keyring.remove(str(entry), paths[0])

    def _file_of(self, name: str) -> Path | None:
        """Return the file that holds an account: its own, `creds.json`, or none."""
        if name.isascii() and is_name(name.lower()):
            path = self.path_of(name.lower())
            # An unreadable directory is told of by whoever reads the file.
            if os.path.lexists(path):
                return path
            if name.lower() == self.default_name:
                return self.default_path
        return None

    def _find(self, name: str, only: Identity | None = None) -> Path:
        """Return the file that holds an account, or say which there are."""
        if path := self._file_of(name):
            saved = record.look(path) if only else None
            if only and not (saved and saved.identity.same_key(only)):
                raise CredentialsFileError(
                    f"'{name}' is not saved with this key any more, so nothing was "
                    "changed.",
                    path=path,
                )
            return path
        from difflib import get_close_matches

        known = self.names()
        meant = get_close_matches(name.lower(), known, 1)
        hint = f" Did you mean '{meant[0]}'?" if meant else ""
        listed = ", ".join(known[:_LISTED]) or "none"
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
