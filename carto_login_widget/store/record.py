"""One account as a file holds it: cartoframes' own format with a few fields more."""

from __future__ import annotations

import os
from contextlib import suppress

from ..errors import CredentialsFileError, InvalidCredentialsError
from ..identity import Identity
from ..secret import PUBLIC, Secret, misnamed_key
from ..values import NamedTuple
from . import files, keyring

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from ..account import Account

_OF_KEY = ("accepted", "key")


class Record(NamedTuple):
    """An account, and what is known of its key."""

    identity: Identity
    # Of what was just read, only a hint: what the file says of itself.
    profile: str | None = None
    accepted: bool = False  # CARTO has accepted this very key
    key_type: str | None = None  # as in `Account`; None where it is not known
    key_name: str | None = None
    notes: tuple[str, ...] = ()  # for the user, on what was found or done while reading

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

    def replaces(self, saved: Record) -> bool:
        """Whether this is the same key of the same account, or a new one for it."""
        if self.identity.same_key(saved.identity):
            return True
        same = self.identity.same_account(saved.identity)
        return same and self._kind is not None and self._kind == saved._kind

    @property
    def _kind(self) -> tuple[str, str | None] | None:
        """What a new key is made for; None where that cannot be told."""
        if self.identity.is_public:
            return "default_public", None
        if self.key_type == "regular":
            return ("regular", self.key_name) if self.key_name else None
        return (self.key_type, None) if self.key_type else None


def read(path: Path) -> Record:
    """Read a file; a key that is in the keyring stays there."""
    return _parse(path, files.read_document(path))


def _parse(path: Path, document: dict[str, Any]) -> Record:
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
    accepted = document.get("accepted") is True
    if accepted:
        # At another address, written by hand, nobody has accepted it.
        where = identity.known_address
        accepted = proved == (where and where.origin)
    return Record(
        identity._replace(proved=proved),
        _text(document.get("profile")),
        accepted,
        _text(key.get("type")),
        _text(key.get("name")),
        () if api_key is not None else (_keyless(path, document),),
    )


def _keyless(path: Path, document: dict[str, Any]) -> str:
    name = misnamed_key(document)
    other = f"; it has '{name}', which must be called 'api_key'" if name else ""
    return f"Public data only: the file {path} has no 'api_key'{other}."


def _text(value: Any) -> str | None:
    # Only what can be shown: others may write here, too.
    return value if isinstance(value, str) and value.isprintable() else None


def look(path: Path) -> Record | None:
    """Read a file, or return None where there is none, or none that is usable."""
    found = _found(path)
    return found and found[0]


def _found(path: Path) -> tuple[Record, dict[str, Any]] | None:
    # Path.is_file raises where the directory may not be searched.
    if os.path.isfile(path):  # noqa: PTH113
        with suppress(FileNotFoundError, CredentialsFileError):
            document = files.read_document(path)
            return _parse(path, document), document
    return None


def unlocked(record: Record, path: Path) -> Record:
    """Fetch the key from the keyring, if it is there."""
    if record.identity.entry is None:
        return record
    return record._replace(identity=keyring.get(record.identity, path))


def write(
    path: Path,
    record: Record,
    *,
    carry: Path | None = None,
    exclusive: bool = False,
    follow: bool = True,
) -> list[str]:
    """Write a file, and lose nothing that is there; `carry`: another it was in."""
    notes, found = list[str](), [_found(carry)] if carry else []
    if not exclusive:
        found.append(_found(path))
        notes = close(path) if found[-1] else keep_broken(path)
    document: dict[str, Any] = {}
    for old, fields in filter(None, found):
        # What else stands in a file of the same account stays; the last one wins.
        if old.identity.same_account(record.identity):
            same_key = old.identity.key == record.identity.key
            dropped = {"profile"} if same_key else {"profile", *_OF_KEY}
            document |= {k: v for k, v in fields.items() if k not in dropped}
    document |= _document(record)
    files.write_document(path, document, exclusive=exclusive, follow=follow)
    return notes


def _document(record: Record) -> dict[str, Any]:
    """Return cartoframes' four fields, with an address that it can use, and ours."""
    identity, where = record.identity, record.identity.known_address
    base_url = where.base_url if where else identity.base_url
    known = {
        "profile": record.profile,
        "proved": identity.proved,
        "accepted": record.accepted or None,
        "key": {"type": record.key_type, "name": record.key_name}
        if record.key_type
        else None,
    }
    return {
        "username": where.username if where else identity.username,
        "api_key": identity.key.reveal(),
        "base_url": base_url,
        # cartoframes takes a loopback http address only with this flag.
        "allow_non_secure": identity.allow_non_secure
        or base_url.lower().startswith("http://"),
        **{name: value for name, value in known.items() if value is not None},
    }


def keep_broken(path: Path) -> list[str]:
    """Keep a file that is not usable under another name, and say so."""
    if not os.path.isfile(path):  # noqa: PTH113
        return []
    kept = files.set_aside(path).name
    said = f"{path} could not be used as a credentials file and was kept as {kept}."
    return [said, *close(path)]


def close(path: Path) -> list[str]:
    """Take a file away from other users, and say if they could read it."""
    said = (
        f"Other users of this machine could read {path}; now only you can. If the "
        f"machine is shared, give the account a new API key."
    )
    return [said] if files.repair_mode(path) else []


def remove(path: Path) -> list[str]:
    """Remove a file; of a link, say where the key still is."""
    is_link, target = path.is_symlink(), os.path.realpath(path)
    files.remove(path)
    said = f"{path} was a link and is gone; {target}, where the key is, was left."
    return [said] if is_link else []
