"""Keyrings for tests, named in PYTHON_KEYRING_BACKEND: in memory, hanging, refusing."""

from __future__ import annotations

import threading

from keyring.backend import KeyringBackend
from keyring.errors import PasswordDeleteError


class InMemory(KeyringBackend):
    """Keeps entries as long as the process lives."""

    priority = 1.0
    entries: dict[tuple[str, str], str] = {}  # noqa: RUF012 - of all instances

    def get_password(self, service: str, username: str) -> str | None:
        return self.entries.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.entries[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        if self.entries.pop((service, username), None) is None:
            raise PasswordDeleteError


class Hangs(InMemory):
    """Waits as one does that nobody unlocks, until a test lets it go on."""

    priority = 1.0
    unlocked = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.unlocked.wait()
        return super().get_password(service, username)

    def set_password(self, service: str, username: str, password: str) -> None:
        self.unlocked.wait()
        super().set_password(service, username, password)


class Plain(InMemory):
    """Is not recommended: it could keep keys in a plain file."""

    priority = 0.5


class Tells(InMemory):
    """Fails, with the key in its words."""

    priority = 1.0

    def set_password(self, service: str, username: str, password: str) -> None:
        raise RuntimeError(service, username, password)
