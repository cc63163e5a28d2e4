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


class _Fields(dict[str, "Any"]):
    """What else stands in a file: hidden, as a misnamed key may be among it."""

    def __repr__(self) -> str:
        return "<fields>"


class Record(NamedTuple):
    """An account, and what is known of its key."""

    identity: Identity
    # Of what was just read, only a hint: what the file says of itself.
    profile: str | None = None
    accepted: bool = False  # CARTO has accepted this very key
    key_type: str | None = None  # as in `Account`; None where it is not known
    key_name: str | None = None
    notes: tuple[str, ...] = ()  # for the user, on what was found or done while reading
    fields: _Fields = _Fields()  # all that its file holds, except for the key

    def told(self, account: Account | None) -> Record:
        """Return it with what CARTO said about the key, if it did."""
        if account is None or not account.checked:
            return self
        known = None if account.key_type == "unknown" else account.key_type
        return self._replace(accepted=True, key_type=known, key_name=account.key_name)

    def replaces(self, saved: Record) -> bool:
        """Whether this is the same key of the same account, or a new one for it."""
        same_kind = self.key_type is not None and self._kind == saved._kind
        same_account = self.identity.same_account(saved.identity)
        return same_account and (same_kind or self.identity.same_key(saved.identity))

    @property
    def _kind(self) -> tuple[str | None, ...]:
        # Only regular keys have names of their own.
        return self.key_type, self.key_name if self.key_type == "regular" else None

    def over(self, saved: Record | None) -> Record:
        """Return this account with what else stands in an older file of it."""
        if saved is None or not self.identity.same_account(saved.identity):
            return self
        # What CARTO said of a key ends with that key.
        same_key = self.identity.same_key(saved.identity)
        dropped = {"profile"} if same_key else {"profile", "accepted", "key"}
        kept = {k: v for k, v in saved.fields.items() if k not in dropped}
        return self._replace(fields=_Fields(kept | self.fields))

    @property
    def document(self) -> dict[str, Any]:
        """Return cartoframes' four fields, the address as it can use it, and ours."""
        identity, where = self.identity, self.identity.known_address
        base_url = where.base_url if where else identity.base_url
        known = {
            "profile": self.profile,
            "proved": identity.proved,
            "accepted": self.accepted or None,
            "key": {"type": self.key_type, "name": self.key_name}
            if self.key_type
            else None,
        }
        ours = {
            "username": where.username if where else identity.username,
            "api_key": identity.key.reveal(),
            "base_url": base_url,
            # cartoframes takes a loopback http address only with this flag.
            "allow_non_secure": identity.allow_non_secure
            or base_url.lower().startswith("http://"),
            **{name: value for name, value in known.items() if value is not None},
        }
        return ours | self.fields | ours  # ours stand first


def read(path: Path) -> Record:
    """Read a file; a key that is in the keyring stays there."""
    document = files.read_document(path)
    api_key = document.pop("api_key", None)
    entry = api_key if str(api_key).startswith(keyring.PREFIX) else None
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
    notes: tuple[str, ...] = ()
    if api_key is None:
        name = misnamed_key(document)
        other = f"; it has '{name}', which must be called 'api_key'" if name else ""
        notes = (f"Public data only: the file {path} has no 'api_key'{other}.",)
    return Record(
        identity._replace(proved=proved),
        _text(document.get("profile")),
        accepted,
        _text(key.get("type")),
        _text(key.get("name")),
        notes,
        _Fields(document),
    )


def _text(value: Any) -> str | None:
    # Only what can be shown: others may write here, too.
    return value if isinstance(value, str) and value.isprintable() else None


def look(path: Path) -> Record | None:
    """Read a file, or return None where there is none, or none that is usable."""
    # Path.is_file raises where the directory may not be searched.
    if os.path.isfile(path):  # noqa: PTH113
        with suppress(FileNotFoundError, CredentialsFileError):
            return read(path)
    return None


def write(
    path: Path, record: Record, *, exclusive: bool = False, follow: bool = True
) -> list[str]:
    """Write a file; what is there and cannot be used is kept beside it."""
    notes = list[str]()
    if not exclusive:
        notes = files.close(path) if look(path) else files.set_aside(path)
    files.write_document(path, record.document, exclusive=exclusive, follow=follow)
    return notes
