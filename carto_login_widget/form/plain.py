"""The form of core controls, where the page has no anywidget: same snapshots and acts.

It checks on Log in only, so nothing moves and nothing has an order. A key that stands
in its field while the notebook is saved with its widget state is saved too.
"""

from __future__ import annotations

import contextvars
import threading
from html import escape
from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets

from ..locks import Lock
from ..secret import Secret
from .flow import Act, Fields
from .quiet import hide_messages

if TYPE_CHECKING:
    from collections.abc import Callable

NEW_ACCOUNT = "New account"
_CLOUD, _CUSTOM = "CARTO cloud", "On-premises or custom address"
_WHY = (
    "This is the plain form. The full one shows where the Jupyter server of this page "
    "has anywidget (<code>pip install anywidget</code> there, then reload) and lets "
    "scripts run from <code>blob:</code>."
)
# The page sends Enter, or a click, before or after the text that it commits.
_GRACE = 0.15
_WITH_KEY = ("submit", "try_again", "use_unchecked")
_COLORS = {"bad": "error", "warn": "warn", "good": "success"}


class KeyField(ipywidgets.Password):
    """A password field whose content stays in the kernel.

    Its `value` is always sent to the page as `""`. So the page is blanked the moment it
    commits, and neither a saved notebook nor a second tab can hold what was typed; nor
    do the traits, which debuggers and serialisers look at.
    """

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


class PlainForm(ipywidgets.VBox):
    """The form of core controls.

    Args:
        post: takes the acts.
        rows: the saved accounts, as in a snapshot.
    """

    def __init__(self, post: Callable[[Act], None], rows: list[list[Any]]) -> None:
        self._post, self._picture = post, dict[str, Any]()
        self._drawing = Lock()
        self._timer: threading.Timer | None = None
        self._buttons: dict[str, ipywidgets.Button] = {}
        self.account = ipywidgets.Dropdown(
            options=_options(rows), **_labelled("Account")
        )
        self.custom = ipywidgets.Dropdown(
            options=[_CLOUD, _CUSTOM], **_labelled("Address")
        )
        self.base_url = _text("URL", placeholder="https://carto.example.com")
        self.username = _text("User name")
        self.key = KeyField(continuous_update=False, **_labelled("API key"))
        self.remember = ipywidgets.Checkbox(
            description="Remember this account", indent=False, layout=_wide()
        )
        self.status = ipywidgets.HTML(layout=_wide())
        self.row = ipywidgets.HBox(layout=ipywidgets.Layout(flex_flow="row wrap"))
        self.fields = ipywidgets.VBox(
            [self.custom, self.base_url, self.username, self.key]
        )
        super().__init__(layout=ipywidgets.Layout(max_width="520px"))
        title = ipywidgets.HTML("<b>Log in to CARTO</b>")
        why = ipywidgets.HTML(f"<small>{_WHY}</small>", layout=_wide())
        choices = (title, self.account, self.fields, self.remember)
        self._form = (*choices, self.row, self.status, why)
        self._card = (self.status, self.row, why)
        for text in (self.base_url, self.username, self.key):
            text.on_msg(self._on_enter)
        self.account.observe(self._on_account, "value")

    # What the user does.

    def _on_enter(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if isinstance(content, dict) and content.get("event") == "submit":
            for act in self._picture["acts"][:1]:
                self._soon(act["act"])

    def _on_account(self, change: Any) -> None:
        if self._picture and change["new"] != self._picture["fields"]["account"]:
            self._tell("choose")

    def _soon(self, act: str) -> None:
        """Send an act once what belongs to it has arrived, and no act twice."""
        with self._drawing:
            if self._timer is None or not self._timer.is_alive():
                run = contextvars.copy_context().run
                self._timer = threading.Timer(_GRACE, run, (self._tell, act))
                self._timer.daemon = True
                self._timer.start()

    def _tell(self, act: str) -> None:
        key = self.key.take() if act in _WITH_KEY else None
        self._post(Act(act, self.values(), key))

    def values(self) -> Fields:
        """Return what is committed."""
        return Fields(
            account=self.account.value,
            custom=self.custom.value == _CUSTOM,
            base_url=self.base_url.value,
            username=self.username.value,
            remember=self.remember.value,
            name=self._picture["fields"]["name"],
            default=self._picture["fields"]["default"],
            typed=False,  # nothing is checked before Log in
        )

    # What is seen.

    def draw(self, picture: dict[str, Any]) -> None:
        """Show a snapshot; what is typed stays, unless the form itself wrote there."""
        with self._drawing:
            before, self._picture = self._picture, picture
            if picture["accounts"] is not None:
                self.account.options = _options(picture["accounts"])
            self._write(picture, before.get("field_versions", {}))
            card = picture["card"]
            _show(self.account, visible=len(self.account.options) > 1)
            _show(self.fields, visible=picture["open"])
            _show(self.remember, visible=picture["saving"]["shown"])
            acts = card["acts"] if card else picture["acts"]
            self.row.children = tuple(self._button(act) for act in acts)
            facts = _card_html(card) if card else ""
            self.status.value = facts + _status_html(picture)
            self.children = self._card if card else self._form

    def _write(self, picture: dict[str, Any], known: dict[str, int]) -> None:
        fields, versions = picture["fields"], picture["field_versions"]
        for name in ("account", "base_url", "username", "remember", "custom"):
            value = fields[name]
            if name == "custom":
                value = _CUSTOM if value else _CLOUD
            if versions.get(name) != known.get(name) or not known:
                control = getattr(self, name)
                control.value = value

    def _button(self, act: dict[str, Any]) -> ipywidgets.Button:
        name = act["act"]
        if name not in self._buttons:
            button = ipywidgets.Button(layout=ipywidgets.Layout(width="auto"))
            button.on_click(lambda _button: self._soon(name))
            self._buttons[name] = button
        button = self._buttons[name]
        button.description = act["label"]
        button.button_style = "primary" if act["kind"] == "primary" else ""
        return button


def _options(rows: list[list[Any]]) -> list[tuple[str, str | None]]:
    named = [(f"{name} ({user} at {host})" if user else name, name)
             for name, user, host, *_ in rows]  # fmt: skip
    return [(NEW_ACCOUNT, None), *named]


def _wide() -> ipywidgets.Layout:
    # One for each: what is hidden by its layout would hide the others too.
    return ipywidgets.Layout(width="auto")


def _labelled(label: str) -> dict[str, Any]:
    style, layout = {"description_width": "96px"}, ipywidgets.Layout(width="auto")
    return {"description": label, "style": style, "layout": layout}


def _text(label: str, **options: Any) -> ipywidgets.Text:
    return ipywidgets.Text(continuous_update=False, **_labelled(label), **options)


def _show(widget: ipywidgets.Widget, *, visible: bool) -> None:
    widget.layout.display = None if visible else "none"


def _status_html(picture: dict[str, Any]) -> str:
    color = _COLORS.get(picture["message"]["kind"])
    style = f"color: var(--jp-{color}-color1)" if color else ""
    lines = [picture["message"]["text"]]
    lines += [error["text"] for error in picture["errors"].values()]
    lines += [picture["saving"]["replaces"]] if picture["screen"] == "form" else []
    if picture["key"] == "held":
        lines.append("Key held by this kernel.")
    told = "<br>".join(escape(line) for line in lines if line)
    return f'<div role="status" style="min-height: 3em; {style}">{told}</div>'


def _card_html(card: dict[str, Any]) -> str:
    told = [f"{label}: {words}" for label, words in card["rows"]] + card["notes"]
    lines = "".join(f"<div>{escape(line)}</div>" for line in told)
    return f"<b>{escape(card['title'])}</b>{lines}"
