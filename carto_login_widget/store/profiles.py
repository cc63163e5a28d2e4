"""The saved accounts: one private file each, and the one that sessions start with.

`profiles/<name>.json` holds an account, in cartoframes' own format with a few fields
more. `creds.json`, the file that cartoframes reads, holds a copy of the default one. No
file is merged with another account's, so a broken file harms one account only.

What changes files returns notes: sentences for the user on what else was done.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path

from ..errors import CredentialsFileError, InvalidCredentialsError, ProfileNotFoundError
from ..identity import Identity
from ..secret import (
    PUBLIC,
    Secret,
    clean_key,
    looks_like_key,
    looks_like_master_key,
    misnamed_key,
)
from ..values import NamedTuple
from . import files, keyring

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import Any

    from ..account import Account
    from .files import PathLike

DEFAULT_FILE_NAME = "creds.json"

_LOCK = ".carto-login.lock"
_LOCK_PATIENCE, _LOCK_PAUSE = 10.0, 0.005
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com[0-9]|lpt[0-9])(?:\.|\Z)")
_NAME = re.compile(rf"(?!{_DEVICE.pattern})[a-z0-9][a-z0-9._@-]{{0,63}}(?<!\.)")
_SUFFIX = ".json"
_LISTED = 20
_LONG = 20
_CARTOFRAMES = (
    "The key is in the keyring of this system, so cartoframes cannot read the account "
    "from its file; after a login here it has it all the same."
)


class Record(NamedTuple):
    """An account as a file holds it."""

    identity: Identity
    profile: str | None = None  # None for a file that is not of the store
    accepted: bool = False  # CARTO has accepted this very key
    key_type: str | None = None  # as in `Account`; None where it is not known
    key_name: str | None = None
    # Sentences for the user on what was done while reading.
    notes: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        identity: Identity,
        account: Account | None = None,
        *,
        profile: str | None = None,
        accepted: bool = False,
    ) -> Record:
        """Make one of an account and of what CARTO said about its key, if it did."""
        if account is None or not account.checked:
            return cls(identity, profile, accepted)
        known = None if account.key_type == "unknown" else account.key_type
        return cls(identity, profile, True, known, account.key_name)  # noqa: FBT003

    @property
    def _kind(self) -> tuple[str, str | None] | None:
        if self.identity.is_public:
            return "default_public", None
        if self.key_type == "regular":
            return ("regular", self.key_name) if self.key_name else None
        return (self.key_type, None) if self.key_type else None

    def replaces(self, saved: Record) -> bool:
        """Whether this is the same key of the same account, or a new one for it."""
        if self.identity.same_key(saved.identity):
            return True
        same = self.identity.same_account(saved.identity)
        return same and self._kind is not None and self._kind == saved._kind


def check_name(name: str) -> str:
    """Return the name of a saved account as it is stored: in lower case.

    A name becomes the name of a file, on every system: hence ASCII, one case, and none
    of the names that Windows keeps for devices.
    """
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


def _name_of_file(file: str) -> str | None:
    name = file.removesuffix(_SUFFIX)
    return name if name != file and is_name(name) else None


def shown(name: str) -> str:
    """Return a name as messages repeat it, or `***` where it may be a key."""
    # A key that an administrator has set need not look like those that CARTO makes.
    words = (clean_key(name), *re.split(r"[^A-Za-z0-9_-]+", name))
    is_long = any(len(word) >= _LONG for word in words)
    return "***" if is_long or any(map(looks_like_key, words)) else name


def proposed_name(
    identity: Identity, account: Account | None, profiles: Profiles
) -> str:
    """Return the name to save an account under, if the user does not say another.

    It is free, or that of the same key, or of a key that a new one was made for.
    """
    record = Record.of(identity, account)
    for name in _numbered(_derived_name(record)):
        saved = profiles.peek(name)
        if record.replaces(saved) if saved else not profiles.has(name):
            return name
    raise AssertionError


def _derived_name(record: Record) -> str:
    """Return user, key and host in a name: `jane`, `jane-reporting@example.com`."""
    try:
        where = record.identity.address
    except InvalidCredentialsError:
        return "account"
    name = where.username.lstrip("-_") or "account"
    if record.identity.is_public:
        name += "-public"
    elif record.key_type == "regular":
        key = re.sub(r"[^a-z0-9]+", "-", (record.key_name or "").lower()).strip("-")
        name += f"-{key}" if key else ""
    if not where.is_cloud:
        name += "@" + re.sub(r"[\[\]]", "", where.host).replace(":", "-")
    name = name[:64].rstrip(".")
    return f"{name}@carto.com" if _DEVICE.match(name) else name


def _numbered(name: str) -> Iterator[str]:
    yield name
    for number in count(2):
        yield f"{name[:58]}-{number}"


class _Saved(NamedTuple):
    """What a file holds; `hint` is what it says of its own name."""

    record: Record
    document: dict[str, Any]
    hint: str | None
    is_profile: bool = False  # of `creds.json`: whether it equals one

    def has(self, other: Identity | None) -> bool:
        return other is not None and self.record.identity.same_key(other)


def _read(path: Path) -> _Saved:
    document = files.read_document(path)
    api_key = document.get("api_key")
    entry = api_key if keyring.is_entry(api_key) else None
    try:
        identity = Identity.of(
            document.get("username"),
            PUBLIC if entry else api_key,
            document.get("base_url"),
            # Only a true says that the key may travel in the clear.
            allow_non_secure=document.get("allow_non_secure") is True,
        )
    except InvalidCredentialsError as error:
        raise CredentialsFileError(
            f"{path} cannot be used: {error}", path=path
        ) from None
    if entry:
        identity = identity._replace(key=Secret(entry), entry=entry)
    key, proved = document.get("key"), _text(document.get("proved"))
    key = key if isinstance(key, dict) else {}
    record = Record(
        identity._replace(proved=proved),
        # At another address, written by hand, nobody has accepted it.
        accepted=document.get("accepted") is True and proved == _origin(identity),
        key_type=_text(key.get("type")),
        key_name=_text(key.get("name")),
        notes=_keyless(path, document),
    )
    hint = _text(document.get("profile"))
    return _Saved(record, document, hint if hint and is_name(hint) else None)


def _keyless(path: Path, document: Mapping[str, Any]) -> tuple[str, ...]:
    """Say that a file without a key opens what is public only, and why that may be."""
    if document.get("api_key") is not None:
        return ()
    name = misnamed_key(document)
    other = f"; it has '{name}', which must be called 'api_key'" if name else ""
    return (f"Public data only: the file {path} has no 'api_key'{other}.",)


def _origin(identity: Identity) -> str | None:
    with suppress(InvalidCredentialsError):
        return identity.address.origin
    return None


def _text(value: Any) -> str | None:
    # Only what can be shown: others may write here, too.
    return value if isinstance(value, str) and value.isprintable() else None


def _look(path: Path) -> _Saved | None:
    """Return what a file holds, or None where it holds no account."""
    # Path.is_file raises where the directory may not be searched.
    if os.path.isfile(path):  # noqa: PTH113
        with suppress(FileNotFoundError, CredentialsFileError):
            return _read(path)
    return None


def _document(record: Record) -> dict[str, Any]:
    """Return cartoframes' four fields, with an address that it can use, and ours."""
    identity = record.identity
    username, base_url = identity.username, identity.base_url
    with suppress(InvalidCredentialsError):
        where = identity.address
        username, base_url = where.username, where.base_url
    document = {
        "username": username,
        "api_key": identity.key.reveal(),
        "base_url": base_url,
        # cartoframes takes a loopback http address only with this flag.
        "allow_non_secure": identity.allow_non_secure
        or base_url.lower().startswith("http://"),
        "profile": record.profile,
        "proved": identity.proved,
        "accepted": record.accepted or None,
        "key": {"type": record.key_type, "name": record.key_name}
        if record.key_type
        else None,
    }
    optional = ("profile", "proved", "accepted", "key")
    return {k: v for k, v in document.items() if v is not None or k not in optional}


def _write(
    path: Path,
    record: Record,
    *,
    carry: Sequence[Path] = (),
    exclusive: bool = False,
    follow: bool = True,
) -> list[str]:
    """Write an account, and lose nothing that is there; `carry`: files it was in."""
    document = _document(record)
    fixed = {*document, "profile"}
    for source in carry:
        # What else stands there of the same account survives; the last one wins.
        saved = _look(source)
        if saved is None or not saved.record.identity.same_account(record.identity):
            continue
        same_key = saved.record.identity.key == record.identity.key
        of_key = set() if same_key else {"accepted", "key"}
        document |= {
            name: value
            for name, value in saved.document.items()
            if name not in fixed | of_key
        }
    notes = [] if exclusive else _keep_broken(path) + _close(path)
    files.write_document(path, document, exclusive=exclusive, follow=follow)
    return notes


def _kept(
    record: Record, entries: Sequence[str | None], path: Path, *, wanted: bool | None
) -> Record:
    """Return an account as its file is to hold it, with its key in the keyring or not.

    `entries`: of the file as it was, and of one with the same account. Without a wish,
    a key that is in the keyring stays there, and the settings decide about others.
    """
    identity, entry = record.identity._replace(entry=None), record.identity.entry
    if wanted is None:
        # Where nobody has loaded them, which takes time, nobody has changed them.
        loaded = sys.modules.get(f"{__package__.rpartition('.')[0]}.settings")
        is_on = loaded is not None and loaded.CartoLogin.instance().keyring
        wanted = bool(entry or entries[0] or is_on)
    if wanted and entry and entry in entries:
        identity = identity._replace(key=Secret(entry), entry=entry)
    elif wanted and not identity.is_public:
        identity = keyring.put(identity, path)
    return record._replace(identity=identity)


def _keep_broken(path: Path) -> list[str]:
    if not os.path.isfile(path) or _look(path):  # noqa: PTH113
        return []
    aside = files.set_aside(path)
    note = f"{path} could not be used as a credentials file and was kept as"
    return [f"{note} {aside.name}."]


def _close(path: Path) -> list[str]:
    if not files.repair_mode(path):
        return []
    note = (
        f"Other users of this machine could read {path}; now only you can. If the "
        f"machine is shared, give the account a new API key."
    )
    return [note]


def _remove(path: Path) -> list[str]:
    target = Path(os.path.realpath(path)) if path.is_symlink() else None
    files.remove(path)
    if target is None:
        return []
    return [f"{path} was a link and is gone; {target}, where the key is, was left."]


def read(path: PathLike) -> Record:
    """Read a credentials file, of the store or not."""
    path = Path(path)
    place = _place_of(path)
    if place is not None:
        return place[0].use(path, place[1])
    # What a file says of itself counts in the store only.
    record = _read(path).record
    known = Record(record.identity._replace(proved=None), notes=record.notes)
    return _unlocked(known, path)


def _unlocked(record: Record, path: Path) -> Record:
    if record.identity.entry is None:
        return record
    return record._replace(identity=keyring.get(record.identity, path))


def write(path: PathLike, record: Record) -> list[str]:
    """Write a credentials file; one of the store as the store does it."""
    path = Path(path)
    place = _place_of(path)
    if place is not None:
        profiles, name = place
        return profiles.save(name, record) if name else profiles.save_default(record)
    notes: list[str] = []
    record, saved = record._replace(profile=None), _look(path)
    before = [saved and saved.record]
    with Profiles()._keeping(record, before, notes, path) as kept:
        notes += _write(path, kept, carry=[path])
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
            if place.parent == directory and (name := _name_of_file(place.name)):
                return profiles, name
    return None


class Profiles:
    """The accounts that are saved for this user of the machine.

    Names are compared and shown in lower case. `creds.json` is a saved account exactly
    if it equals that profile; otherwise it is an account of its own, listed under a
    free name, and saved under it before anything overwrites it.
    """

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
        return self.directory / "profiles" / f"{name}{_SUFFIX}"

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
        names = [name for name in map(_name_of_file, found) if name]
        start = self._start()
        if start is not None and not start.is_profile:
            names.append(str(start.record.profile))
        return sorted(names)

    def has(self, name: str) -> bool:
        """Whether a name is taken."""
        if os.path.lexists(self.path_of(name)):
            return True
        start = self._start()
        return start is not None and start.record.profile == name

    def peek(self, name: str) -> Record | None:
        """Return a saved account to look at: a key in the keyring stays there.

        None where there is none, or none that is usable.
        """
        path = self.path_of(name)
        if os.path.lexists(path):
            saved = _look(path)
            return saved and saved.record._replace(profile=name)
        start = self._start()
        return (
            start.record if start is not None and start.record.profile == name else None
        )

    def details(self, names: Iterable[str]) -> dict[str, Record]:
        """Return the accounts of some names, those in view; broken ones are left out.

        No mode is repaired: to be listed is not to be used.
        """
        records = ((name, self.peek(name)) for name in names)
        return {name: record for name, record in records if record}

    def load(self, name: str) -> Record:
        """Read a saved account."""
        return self.use(self._find(name), name.lower())

    def use(self, path: Path, name: str | None = None) -> Record:
        """Read a file of the store, and take it away from other users."""
        notes = _close(path)
        saved = _read(path)
        profile = name or self._name_of(saved)[0]
        told = (*notes, *saved.record.notes)
        record = saved.record._replace(profile=profile, notes=told)
        return _unlocked(record, path) if self._unlocks else record

    def save(
        self,
        name: str,
        record: Record,
        *,
        default: bool = False,
        overwrite: bool = True,
        in_keyring: bool | None = None,
    ) -> list[str]:
        """Save an account under a name; `default`: sessions start with it.

        `in_keyring`: whether its key goes there; None: as the settings say.
        """
        name = check_name(name)
        path, record = self.path_of(name), record._replace(profile=name)
        notes: list[str] = []
        paths, before = (path, self.default_path), [self.peek(name)]
        with (
            self._keeping(record, before, notes, *paths, wanted=in_keyring) as kept,
            self._turn(make=True),
        ):
            start, carry = self._start(), [path]
            is_it = start is not None and start.has(record.identity)
            if is_it:
                carry.insert(0, self.default_path)
            if start is not None and start.record.profile == name:
                if not (overwrite or start.is_profile or is_it):
                    raise _taken(name, self.default_path)
                # creds.json is a copy of the default account, and stays one.
                default = default or start.is_profile
            files.repair_mode(path.parent)
            notes += _write(path, kept, carry=carry, exclusive=not overwrite)
            if default:
                notes += self._adopt(start, record.identity)
                notes += self._follow(kept)
        return notes

    def rename(self, old: str, new: str) -> list[str]:
        """Give a saved account another name."""
        new = check_name(new)
        with self._turn():
            source = self._find(old)
            if new == old.lower():
                return []
            if self.has(new):
                raise _taken(new, self.path_of(new))
            start = self._start()
            record = _read(source).record._replace(profile=new)
            notes = _write(self.path_of(new), record, carry=[source], exclusive=True)
            if start is not None and start.record.profile == old.lower():
                notes += self._follow(record)
            return notes + (_remove(source) if source != self.default_path else [])

    def delete(self, name: str) -> list[str]:
        """Remove a saved account, also from `creds.json` if it is the default."""
        notes: list[str] = []
        path = self._find(name)
        with self._swept(notes, path, self.default_path), self._turn():
            paths = [path]
            if self.default_name == name.lower():
                paths = [self.default_path, *paths]
            notes += [note for path in dict.fromkeys(paths) for note in _remove(path)]
        return notes

    def move_keys(self, *, to_keyring: bool) -> tuple[list[str], list[str]]:
        """Move the keys of all accounts into the keyring, or out of it into the files.

        Returns:
            The names of the accounts that were moved, and notes.
        """
        moved, notes, start = list[str](), list[str](), self.default_name
        for name in self.names():
            saved = self.peek(name)
            if saved is None:
                notes.append(f"'{name}' cannot be used and was left as it is.")
                continue
            identity, is_start = saved.identity, name == start
            if not identity.is_public and to_keyring != bool(identity.entry):
                notes += self.save(
                    name, self.load(name), default=is_start, in_keyring=to_keyring
                )
                moved.append(name)
        return moved, [*dict.fromkeys(notes)]

    @property
    def default_name(self) -> str | None:
        """Name of the account that sessions start with; None if there is none."""
        return start.record.profile if (start := self._start()) else None

    def default(self) -> Record | None:
        """Read the account that sessions start with; None if there is none."""
        try:
            return self.use(self.default_path)
        except FileNotFoundError:
            return None

    def hinted(self) -> Record | None:
        """Return what `creds.json` says it is, if that has another key by now.

        So it is after a save that was cut off between the two files.
        """
        saved = _look(self.default_path)
        named = self.peek(saved.hint) if saved and saved.hint else None
        if saved is None or named is None or saved.has(named.identity):
            return None
        if not named.identity.same_account(saved.record.identity):
            return None
        with suppress(CredentialsFileError):
            return self.load(saved.hint or "")
        return None

    def set_default(self, name: str | None) -> list[str]:
        """Let sessions start with a saved account; None: with none."""
        with self._turn():
            start = self._start()
            if name is None:
                notes = _keep_broken(self.default_path) + self._adopt(start)
                return notes + _remove(self.default_path)
            path = self._find(name)
            record = _read(path).record._replace(profile=name.lower())
            only_there = path == self.default_path
            notes = self._adopt(start, None if only_there else record.identity)
            return notes + self._write_default(record)

    def save_default(self, record: Record) -> list[str]:
        """Write `creds.json` alone, as `Credentials.save()` does."""
        notes: list[str] = []
        path = self.default_path
        saved = _look(path)
        named = self.peek(record.profile) if record.profile else None
        before = [saved and saved.record, named]
        with (
            self._keeping(record, before, notes, path) as kept,
            self._turn(make=True),
        ):
            notes += self._adopt(self._start(), record.identity)
            notes += self._write_default(kept)
        return notes

    def _adopt(
        self, start: _Saved | None, replacement: Identity | None = None
    ) -> list[str]:
        """Save what `creds.json` holds and no profile does, before it is replaced."""
        if start is None or start.is_profile or start.has(replacement):
            return []
        source = self.default_path
        while True:
            # The name that it was listed under may have been taken just now.
            name, is_profile = self._name_of(start._replace(hint=None))
            if is_profile:
                return []  # without a lock, another program may be here, too
            record = start.record._replace(profile=name)
            with suppress(FileExistsError):
                _write(self.path_of(name), record, carry=[source], exclusive=True)
                note = f"The account that was in {source} is now saved as '{name}'."
                return [note, *start.record.notes]

    def _follow(self, record: Record) -> list[str]:
        """Let `creds.json` follow a profile that was written; say where it cannot."""
        try:
            return self._write_default(record)
        except files.MountedFileError as error:
            return [str(error)]

    def _write_default(self, record: Record) -> list[str]:
        path, name = self.default_path, record.profile
        carry = [path, self.path_of(name)] if name else [path]
        # A link that leads to a profile would let that one be replaced.
        profiles = os.path.realpath(self.path_of("x").parent)
        follow = not os.path.realpath(path).startswith(profiles + os.sep)
        return _write(path, record, carry=carry, follow=follow)

    @contextmanager
    def _turn(self, *, make: bool = False) -> Iterator[None]:
        """Take turns with other programs.

        What only `creds.json` holds could otherwise be written by one between the look
        and the write of another. Where there can be no lock, or somebody keeps it for
        longer than ten seconds, the turn is taken all the same.
        """
        from filelock import FileLock

        with ExitStack() as stack:
            # Where this fails, the write that follows fails too, and tells why.
            with suppress(OSError, NotImplementedError):
                if make:
                    files.make_directory(self.directory)
                if self.directory.is_dir():
                    lock = FileLock(self.directory / _LOCK, _LOCK_PATIENCE, mode=0o600)
                    stack.enter_context(lock.acquire(poll_interval=_LOCK_PAUSE))
                    files.hand_over(self.directory / _LOCK)
            yield

    @contextmanager
    def _keeping(
        self,
        record: Record,
        before: Sequence[Record | None],
        notes: list[str],
        *paths: Path,
        wanted: bool | None = None,
    ) -> Iterator[Record]:
        """Give what a file is to hold; see `_kept` and `_swept`."""
        with self._swept(notes, *paths) as saved:
            entries = [old.identity.entry if old else None for old in before]
            kept = _kept(record, entries, paths[0], wanted=wanted)
            if kept.identity.entry not in {None, *entries}:
                notes.append(_CARTOFRAMES)
            saved.append(_Saved(kept, {}, kept.profile))
            yield kept

    @contextmanager
    def _swept(self, notes: list[str], *paths: Path) -> Iterator[list[_Saved]]:
        """Remove from the keyring what no file leads to afterwards.

        That are the entries in these files as they were, and those added to what this
        gives, should their file not be written.
        """
        paths = tuple(Path(os.path.realpath(path)) for path in paths)
        before = [saved for path in paths if (saved := _look(path))]
        try:
            yield before
        finally:
            entries = {saved.record.identity.entry: saved for saved in before}
            entries.pop(None, None)
            for entry, saved in entries.items():
                if not self._is_somewhere(saved, paths):
                    notes += keyring.remove(str(entry), paths[0])

    def _is_somewhere(self, saved: _Saved, paths: Sequence[Path]) -> bool:
        with suppress(ValueError):  # no home, and so no store
            if self._name_of(saved)[1]:
                return True
            paths = [*paths, self.default_path]
        now = [other for path in paths if (other := _look(path))]
        return any(other.has(saved.record.identity) for other in now)

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

    def _start(self) -> _Saved | None:
        saved = _look(self.default_path)
        if saved is None:
            return None
        name, is_profile = self._name_of(saved)
        record = saved.record._replace(profile=name)
        return saved._replace(record=record, is_profile=is_profile)

    def _name_of(self, saved: _Saved) -> tuple[str, bool]:
        """Tell the profile that `creds.json` equals, or a free name for it."""
        if saved.hint and self._equals(saved.hint, saved.record):
            return saved.hint, True
        for name in _numbered(_derived_name(saved.record)):
            if not os.path.lexists(self.path_of(name)):
                return name, False
            if self._equals(name, saved.record):
                return name, True
        raise AssertionError

    def _equals(self, name: str, record: Record) -> bool:
        saved = _look(self.path_of(name))
        return saved is not None and saved.has(record.identity)


def _taken(name: str, path: Path) -> FileExistsError:
    return FileExistsError(
        f"An account is saved as '{name}' already, in {path}; it was left as it is. "
        f"Choose another name, or allow it to be overwritten."
    )
