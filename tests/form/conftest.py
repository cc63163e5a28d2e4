"""A form without a browser: messages reach its widgets as a page would send them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from carto_login_widget import LoginForm
    from carto_login_widget.sandbox import Sandbox


class Person:
    """Somebody at the page of a form."""

    def __init__(self, form: LoginForm) -> None:
        self.form = form

    def commit(self, field: Any, value: str) -> None:
        """Leave a field with a new value, as Tab does."""
        field.set_state({"value": value})

    def press_enter(self, field: Any) -> None:
        """Press Enter in a field whose value is committed already."""
        field._handle_custom_msg({"event": "submit"}, [])

    def enter(self, field: Any, value: str) -> None:
        """Type a value and press Enter: the page sends Enter before the value."""
        self.press_enter(field)
        self.commit(field, value)

    def choose(self, field: Any, label: str) -> None:
        """Choose one of the options of a list."""
        field.set_state({"index": list(field.options).index(label)})

    def click(self, label: str) -> None:
        """Click a button that is shown."""
        self.button(label)._handle_custom_msg({"event": "click"}, [])

    def button(self, label: str) -> Any:
        """Find a button that is shown."""
        return next(b for b in self.buttons() if b.description == label)

    def labels(self) -> list[str]:
        """Return the words on the buttons that are shown."""
        return [button.description for button in self.buttons()]

    def buttons(self) -> list[Any]:
        row = self.form.children[-1]
        return [b for b in row.children if b.layout.display != "none"]

    def reads(self) -> str:
        """Return all that the form says."""
        widgets = [w for w in self.form.children if w.layout.display != "none"]
        return " ".join(str(getattr(w, "value", "")) for w in widgets)

    def wait(self, status: str) -> None:
        """Wait until the form has a status."""
        self.until(lambda: self.form.status == status)

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something is true."""
        end = time.monotonic() + 10
        while not condition():
            seen = f"{self.form.status}: {self.form.message}"
            assert time.monotonic() < end, seen
            time.sleep(0.002)


@pytest.fixture
def form() -> Iterator[LoginForm]:
    """A form with nothing in it."""
    from carto_login_widget import LoginForm

    made = LoginForm()
    yield made
    made.close()


@pytest.fixture
def person(form: LoginForm) -> Person:
    """Somebody at that form."""
    return Person(form)


@pytest.fixture
def at_jane(person: Person, carto: Sandbox) -> Person:
    """Somebody who has committed jane's address and user name."""
    from carto_login_widget.form.fields import CUSTOM

    person.choose(person.form.address_choice, CUSTOM)
    person.commit(person.form.base_url_field, carto.base_url("jane"))
    person.commit(person.form.username_field, "jane")
    return person
