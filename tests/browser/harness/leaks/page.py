"""The page of a form, made of messages: what it says, and what it was told."""

from __future__ import annotations

import threading
from typing import Any

from carto_login_widget import LoginForm

VIEW = "view-of-a-page"


def message(act: str, n: int, misplaced: str = "", **fields: Any) -> dict[str, Any]:
    """Return what a page says of an act; a key is no part of it, wherever it stands."""
    asked = {"account": None, "custom": False, "base_url": "", "username": ""}
    saving = {"remember": True, "name": "", "default": True, "typed": True}
    given = {**asked, **saving, **fields}
    told = {"act": act, "view": VIEW, "n": n, "fields": given}
    return {**told, "misplaced": misplaced} if misplaced else told


class Form(LoginForm):
    """A form that keeps what it sends to its page."""

    def __init__(self, **given: Any) -> None:
        self.sent: list[Any] = []
        self._n = 0
        self.account_fields: dict[str, Any] = {}
        super().__init__(**given)

    def send(self, content: Any, buffers: Any = None) -> None:
        """Send it to a page that is not there, and keep it."""
        self.sent += [content, buffers]
        super().send(content, buffers)

    def does(self, act: str, key: str = "", **fields: Any) -> None:
        """Take a message as the page sends it, with the key as its buffer."""
        self._n += 1
        self.account_fields |= fields
        buffers = [memoryview(key.encode())] if key else []
        told = message(act, self._n, **self.account_fields)
        self._handle_custom_msg(told, buffers)

    def types(self, base_url: str, key: str, act: str = "submit") -> None:
        """Type jane's address, name and a key, and commit or log in."""
        self.does("choose", account=None)  # the default is chosen, if there is one
        self.does(act, key, custom=True, base_url=base_url, username="jane")

    def settle(self) -> None:
        """Wait until no check and no login is under way."""
        ended = threading.Event()

        def look(_change: Any) -> None:
            if self.state.doing not in ("check", "sign_in"):
                ended.set()

        self.observe(look, ["status", "message"])
        look(None)
        assert ended.wait(10)
