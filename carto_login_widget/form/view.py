"""What the form shows: its fields or its card, its buttons and its messages.

Knows nothing of CARTO; the form decides, the view shows.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

import ipywidgets

from ..session.login import short_path
from . import style
from .fields import Fields, say, show

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from ..address import Address
    from ..secret import Secret

_WIDEST_NAME = 24  # of a name on a button, so that it fits into a narrow cell
_BUTTONS_OF = {
    "empty": ("login",),
    "checking": ("login", "cancel"),
    "accepted": ("login",),
    "rejected": ("login",),
    "undecided": ("retry", "unchecked", "cancel"),
}


class View:
    """All widgets of a form and how they are arranged.

    Args:
        remember: whether Remember is ticked.
        directory: the store, for the words beside Remember.
    """

    def __init__(self, *, remember: bool, directory: Path) -> None:
        self.fields = Fields(remember=remember, path=short_path(directory))
        self.login = _button("Log in", button_style="primary")
        self.retry = _button("Try again", button_style="primary")
        self.unchecked = _button("Use without checking")
        self.cancel = _button("Cancel")
        self.stay = _button("Stay signed in")
        self.switch = _button("Switch account")
        self.make_default = _button("Make default")
        self.logout = _button("Log out")
        self.status = _html()
        self.card = _html()
        self.quota = _html()
        css = ipywidgets.HTML(style.CSS, layout=ipywidgets.Layout(display="none"))
        title = _html()
        title.value = (
            style.stale("This form is from an earlier session and does nothing now.")
            + '<span class="carto-title">Log in to CARTO</span>'
        )
        self.form_rows = (
            css,
            title,
            *self.fields.rows,
            self.status,
            _row(self.login, self.retry, self.unchecked, self.cancel, self.stay),
        )
        self.card_rows = (
            css,
            self.card,
            self.quota,
            self.status,
            _row(self.switch, self.make_default, self.logout),
        )

    @property
    def controls(self) -> tuple[ipywidgets.Widget, ...]:
        """The widgets that the page sends events of."""
        buttons = (self.login, self.retry, self.unchecked, self.cancel, self.stay)
        of_card = (self.switch, self.make_default, self.logout)
        return (*self.fields.controls, *buttons, *of_card)

    def unbind(self) -> None:
        """Let events be handled while a cell runs, where the kernel can do that.

        ipykernel 7.4 binds a control to the thread that last sent it an update, which
        is the one of the cells for a form that a cell shows. The page would keep a key
        that was typed until the cell has ended, and save it with the notebook.
        """
        for control in self.controls:
            getattr(control.comm, "__dict__", {}).pop("_reply_subshell_id", None)

    def show_buttons(self, status: str, staying: str | None) -> None:
        """Show the buttons that fit a status; `staying` is who is signed in now."""
        wanted = _BUTTONS_OF.get(status, ())
        for name in ("login", "retry", "unchecked", "cancel"):
            show(getattr(self, name), name in wanted)
        if staying and self.stay.description != (
            text := f"Stay signed in as {_shortened(staying)}"
        ):
            self.stay.description = text
        show(self.stay, bool(staying) and "cancel" not in wanted)

    def tell(self, kind: str, text: str) -> None:
        """Show the state in a line of its own; `kind` as in `style.status`."""
        say(self.status, style.status(kind, text))

    def tell_field(self, field: str | None, text: str) -> bool:
        """Say what is wrong beside a field; return whether that field is shown."""
        remarks = {
            "username": self.fields.username_note,
            "api_key": self.fields.key_error,
            "base_url": self.fields.base_url_note,
        }
        if field is None or field not in remarks:
            return False
        if field == "base_url" and self.fields.base_url.layout.display == "none":
            return False
        say(remarks[field], style.field_error(text))
        return True

    def tell_key(
        self, key: Secret | None, where: Address | None, *, saved: bool
    ) -> None:
        """Say whether a key was entered, and where it goes and comes from."""
        link, parts = "", []
        if key is not None:
            parts.append(f"<b>{'Saved key.' if saved else 'Key entered.'}</b>")
        if where is not None:
            parts.append(f"It will be checked at <b>{escape(where.host)}</b>.")
        if where is not None and not (saved and key):
            link = (
                f'<a href="{escape(where.keys_page)}" target="_blank" '
                'rel="noopener noreferrer">Your API keys page</a>'
            )
        say(self.fields.key_link, style.note(link))
        say(self.fields.key_note, style.note(" ".join(parts)))

    def all_widgets(self) -> Iterable[ipywidgets.Widget]:
        """Every widget that has a model of its own in the page."""
        seen: dict[str, ipywidgets.Widget] = {}
        for widget in (*self.form_rows, *self.card_rows):
            children = getattr(widget, "children", ())
            for one in (widget, *children):
                for part in (one, one.layout, getattr(one, "style", None)):
                    if part is not None:
                        seen[part.model_id] = part
        return seen.values()


def _shortened(name: str) -> str:
    return name if len(name) <= _WIDEST_NAME else f"{name[: _WIDEST_NAME - 1]}…"


def _button(description: str, *, button_style: str = "") -> ipywidgets.Button:
    return ipywidgets.Button(
        description=description,
        button_style=button_style,
        layout=ipywidgets.Layout(width="auto"),
    )


def _html() -> ipywidgets.HTML:
    return ipywidgets.HTML(layout=ipywidgets.Layout(width="auto"))


def _row(*buttons: ipywidgets.Button) -> ipywidgets.HBox:
    layout = ipywidgets.Layout(flex_flow="row wrap", width="auto", overflow="visible")
    return ipywidgets.HBox(buttons, layout=layout)
