"""The form of core controls, where the page has no anywidget: same snapshots and acts.

It checks on Log in only, so nothing moves and nothing has an order. A key that stands
in its field while the notebook is saved with its widget state is saved too.
"""

from __future__ import annotations

import contextvars
import threading
from contextlib import suppress
from dataclasses import asdict, replace
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets as widgets
import traitlets

from ..locks import Lock
from ..secret import Secret
from .fields import Fields
from .flow import Act
from .quiet import hide_messages

if TYPE_CHECKING:
    from collections.abc import Callable

_ADDRESSES = [("CARTO cloud", False), ("On-premises or custom address", True)]
_WHY = (
    "<small>This is the plain form. The full one shows where the Jupyter server of "
    "this page has anywidget (<code>pip install anywidget</code> there, then reload) "
    "and lets scripts run from <code>blob:</code>.</small>"
)
# The page sends Enter, or a click, before or after the text that it commits.
# https://github.com/jupyter-widgets/ipywidgets/pull/4034
_GRACE = 0.15
_WITH_KEY = ("submit", "try_again", "use_unchecked")
_COLORS = {"bad": "error", "warn": "warn", "good": "success"}


class KeyField(widgets.Password):
    """A password field whose content stays in the kernel."""

    # The page is always sent "", so it is blanked the moment it commits, and neither a
    # saved notebook nor a second tab can hold what was typed.
    # https://github.com/jupyter-widgets/ipywidgets/issues/1793
    value = traitlets.Unicode("").tag(
        sync=True, echo_update=False, to_json=lambda _value, _widget: ""
    )

    def __init__(self, **options: Any) -> None:
        self._held = Secret("")
        super().__init__(**options)
        hide_messages(self.model_id)
        self.observe(self._hold, "value")

    def _hold(self, change: Any) -> None:
        if change["new"]:
            self._held, self.value = Secret(change["new"]), ""
            self.placeholder = "Key entered"

    def take(self) -> Secret | None:
        """Return what was committed and forget it; None where it is empty."""
        taken, self._held = self._held, Secret("")
        self.placeholder = ""
        return taken or None


class PlainForm(widgets.VBox):
    """The form of core controls; `post` takes the acts."""

    def __init__(self, post: Callable[[Act], None]) -> None:
        self._post, self._drawing, self._picture = post, Lock(), dict[str, Any]()
        self._timer: threading.Timer | None = None
        self._buttons: dict[str, widgets.Button] = {}
        self.account = widgets.Dropdown(options=_options([]), **_look("Account"))
        self.custom = widgets.Dropdown(options=_ADDRESSES, **_look("Address"))
        self.base_url = widgets.Text(
            placeholder="https://carto.example.com", **_look("URL"), **_ON_LEAVING
        )
        self.username = widgets.Text(**_look("User name"), **_ON_LEAVING)
        self.key = KeyField(**_look("API key"), **_ON_LEAVING)
        self.remember = widgets.Checkbox(indent=False, **_look("Remember this account"))
        self.status = widgets.HTML(layout=_wide())
        self.row = widgets.HBox(layout=widgets.Layout(flex_flow="row wrap"))
        below = (self.custom, self.base_url, self.username, self.key)
        self.fields = widgets.VBox(below)
        super().__init__(layout=widgets.Layout(max_width="520px"))
        head = widgets.HTML("<b>Log in to CARTO</b>")
        self._parts = (self.account, self.fields, self.remember)
        self._form = (head, *self._parts, self.row, self.status)
        for text in (self.base_url, self.username, self.key):
            text.on_msg(self._on_enter)
        self.account.observe(self._on_account, "value")

    def _on_enter(self, _widget: Any, content: Any, _buffers: Any) -> None:
        acts = self._picture["acts"]
        if acts and isinstance(content, dict) and content.get("event") == "submit":
            self._soon(acts[0]["act"])

    def _on_account(self, change: Any) -> None:
        if change["new"] != self._picture["fields"]["account"]:
            self._tell("choose", self._picture, account=change["new"])

    def _soon(self, act: str) -> None:
        """Send an act once what belongs to it has arrived, and no act twice."""
        with self._drawing:
            if self._timer is None or not self._timer.is_alive():
                run, seen = contextvars.copy_context().run, self._picture
                self._timer = threading.Timer(_GRACE, run, (self._tell, act, seen))
                self._timer.start()

    def _tell(self, act: str, seen: dict[str, Any], **chosen: Any) -> None:
        """Send an act; it is about whom the form showed when it was pressed."""
        key = self.key.take() if act in _WITH_KEY else None
        own = {"account": seen["fields"]["account"], **chosen}
        given = replace(self.values(), **own)
        card = seen["card"] or {"about": 0}
        self._post(Act(act, given, key, typed=False, about=card["about"]))
        with self._drawing:
            self._write(asdict(given))  # what the kernel has not taken as it was

    def values(self) -> Fields:
        """Return what is committed."""
        own = {name: getattr(self, name).value for name in _CONTROLS}
        return Fields(**{**self._picture["fields"], **own})

    def draw(self, picture: dict[str, Any]) -> None:
        """Show a snapshot; what is typed stays, unless the form itself wrote there."""
        with self._drawing:
            known, self._picture = self._picture.get("fields", {}), picture
            # New options unset what was chosen, which nobody has done.
            self.account.unobserve(self._on_account, "value")
            if picture["accounts"] is not None:
                self.account.options = _options(picture["accounts"])
            self._write({**known, "account": self.account.value})
            self.account.observe(self._on_account, "value")
            card = picture["card"]
            saving = picture["saving"]["shown"]
            shown = (self.account.options[1:], picture["open"], saving)
            for part, is_shown in zip(self._parts, shown, strict=True):
                part.layout.display = None if is_shown else "none"
            self.row.children = tuple(map(self._button, (card or picture)["acts"]))
            self.status.value = (_card_html(card) if card else "") + _told_html(picture)
            self.children = (self.status, self.row) if card else self._form

    def _write(self, known: dict[str, Any]) -> None:
        """Put into the controls what the kernel has otherwise than `known`."""
        for name in _CONTROLS:
            value = self._picture["fields"][name]
            if name not in known or known[name] != value:
                with suppress(traitlets.TraitError):  # an account that is gone
                    getattr(self, name).value = value

    def _button(self, act: dict[str, Any]) -> widgets.Button:
        name = act["act"]
        if name not in self._buttons:
            button = widgets.Button(layout=_wide())
            button.on_click(lambda _button: self._soon(name))
            self._buttons[name] = button
        button = self._buttons[name]
        button.description = act["label"]
        button.button_style = "primary" if act["kind"] == "primary" else ""
        return button


_CONTROLS = ("account", "custom", "base_url", "username", "remember")
_ON_LEAVING = {"continuous_update": False}


def _options(rows: list[list[Any]]) -> list[tuple[str, str | None]]:
    options = {
        f"{name} ({user} at {host})" if user else name: name
        for name, user, host, *_ in rows
    }
    return [("New account", None), *options.items()]


def _wide() -> widgets.Layout:
    # One for each: what is hidden by its layout would hide the others too.
    return widgets.Layout(width="auto")


def _look(label: str) -> dict[str, Any]:
    style = {"description_width": "96px"}
    return {"description": label, "style": style, "layout": _wide()}


def _told_html(picture: dict[str, Any]) -> str:
    color = _COLORS.get(picture["message"]["kind"])
    style = f"color: var(--jp-{color}-color1)" if color else ""
    errors = [error["text"] for error in picture["errors"].values()]
    held = "Key held by this kernel." if picture["key"] == "held" else ""
    lines = [picture["message"]["text"], *errors, picture["saving"]["replaces"], held]
    told = "<br>".join(escape(line) for line in lines if line)
    status = f'<div role="status" style="min-height: 3em; {style}">{told}</div>'
    return status + ("" if picture["card"] else _WHY)


def _card_html(card: dict[str, Any]) -> str:
    told = [f"{label}: {words}" for label, words in card["rows"]] + card["notes"]
    lines = (f"<div>{escape(line)}</div>" for line in told)
    return f"<b>{escape(card['title'])}</b>{''.join(lines)}"
