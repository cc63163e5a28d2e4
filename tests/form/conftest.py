"""A form without a browser: messages reach it as a page would send them."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from carto_login_widget import LoginForm
    from carto_login_widget.sandbox import Sandbox

_BLANK = {"account": None, "custom": False, "base_url": "", "username": ""}
_BLANK |= {"remember": True, "name": "", "default": True}


class Page:
    """A view of a form: draws the newest snapshot, and says what somebody does."""

    def __init__(self, form: LoginForm, view: str = "view-1") -> None:
        self.form, self.view, self.n = form, view, 0
        self.fields: dict[str, Any] = dict(_BLANK)
        self.frames: list[str] = []
        self.accounts: list[list[Any]] = []
        self.ack = self.seq = 0
        self.seen: dict[str, Any] = {}
        original = form.send

        def send(payload: Any, buffers: Any = None) -> None:
            self.receive(payload)
            original(payload, buffers)

        form.send = send
        self.do("ready")

    def receive(self, payload: Any) -> None:
        """Draw a snapshot, as the script of the form does."""
        self.frames.append(json.dumps(payload))
        if payload["seq"] <= self.seq:
            return
        before = self.seen.get("fields", {})
        self.seq, self.seen = payload["seq"], payload["snapshot"]
        self.ack = payload["ack"].get(self.view, 0)
        if self.seen["accounts"] is not None:
            self.accounts = self.seen["accounts"]
        for name, value in self.seen["fields"].items():
            if name not in before or before[name] != value:
                self.fields[name] = value

    def do(self, act: str, key: str = "", **extra: Any) -> None:
        """Send a message."""
        self.n += 1
        fields = {**self.fields, "typed": True}
        content = {"act": act, "view": self.view, "n": self.n, "fields": fields}
        content["about"] = (self.seen.get("card") or {}).get("about")
        buffers = [memoryview(key.encode())] if key else []
        self.form._handle_custom_msg({**content, **extra}, buffers)
        if self.ack == self.n:
            self.fields |= self.seen["fields"]

    def commit(self, key: str = "", **fields: Any) -> None:
        """Leave a field."""
        self.fields |= fields
        self.do("commit", key)

    def submit(self, key: str = "", **fields: Any) -> None:
        """Press Enter, or Log in."""
        self.fields |= fields
        self.do("submit", key)

    def choose(self, name: str | None) -> None:
        """Choose in the list of accounts."""
        self.fields["account"] = name
        self.do("choose")

    @property
    def acts(self) -> list[str]:
        """What can be pressed."""
        card = self.seen["card"]
        return [act["act"] for act in (card or self.seen)["acts"]]

    @property
    def text(self) -> str:
        """All that is to be read."""
        return json.dumps(self.seen, ensure_ascii=False)

    def wait(self, status: str) -> None:
        """Wait until the form has a status."""
        self.until(lambda: self.form.status == status == self.seen["status"])

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is true."""
        end = time.monotonic() + 10
        while not condition():
            seen = f"{self.form.status}: {self.form.message}"
            assert time.monotonic() < end, seen
            time.sleep(0.002)


@pytest.fixture
def page() -> Iterator[Page]:
    """The page of a form with nothing in it."""
    from carto_login_widget import LoginForm

    made = Page(LoginForm())
    yield made
    made.form.close()


@pytest.fixture
def at_jane(page: Page, carto: Sandbox) -> Page:
    """A page with jane's address and user name."""
    page.commit(custom=True, base_url=carto.base_url("jane"), username="jane")
    return page
