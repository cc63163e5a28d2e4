"""Where each way out is tried: a CARTO, a store, and somebody who signs in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from carto_login_widget import Credentials, ProfileStore
from carto_login_widget.sandbox import Sandbox
from carto_login_widget.session.login import check

from .search import MASTER, REGULAR

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

TOKENS = {"jane": {"Master": MASTER, "reporting": REGULAR}}


@dataclass
class Scene:
    """What a way out may use.

    Attributes:
        carto: in it jane's keys are those that are looked for.
        home: the empty home directory.
        scratch: an empty directory for what is not the package's.
        output: takes what was printed since the last time.
        records: what was logged, as records and as text.
        get: a fixture of pytest by its name, for what costs much.
    """

    carto: Sandbox
    home: Path
    scratch: Path
    output: Callable[[], str]
    records: Callable[[], list[Any]]
    get: Callable[[str], Any]

    @property
    def store(self) -> ProfileStore:
        """The saved accounts."""
        return ProfileStore()

    def jane(self, key: str = MASTER, **more: Any) -> Credentials:
        """Jane's account."""
        return Credentials("jane", key, self.carto.base_url("jane"), **more)

    def saved_jane(self) -> Credentials:
        """Jane's account, accepted and saved as the default."""
        jane = check(self.jane())
        self.store.save("jane", jane, default=True)
        return jane


def sandbox() -> Sandbox:
    """Make a CARTO with the keys that are looked for."""
    return Sandbox(tokens=TOKENS)


def files_below(directory: Path) -> Iterator[tuple[Path, bytes]]:
    """Yield every file and what is in it."""
    for path in sorted(directory.rglob("*")):
        if path.is_file():
            yield path, path.read_bytes()
