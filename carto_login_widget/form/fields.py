"""The controls that the user types into.

A trait of a text field is never set while the form is shown, except for blanking the
key and filling in a chosen account: any update to its model makes the page draw the
input anew, and what was typed and not yet committed is gone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import ipywidgets
import traitlets

from ..secret import Secret, clean_paste
from .inputs import Inputs
from .quiet import hide_messages
from .style import LABEL_WIDTH

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

CLOUD, CUSTOM = "CARTO cloud", "On-premises or custom address"
NEW_ACCOUNT = "New account…"


class KeyField(ipywidgets.Password):
    """A password field whose content stays in the kernel.

    Its `value` is always sent to the page as `""`. So the page is blanked the moment it
    commits, and neither a saved notebook nor a second tab can hold what was typed.
    """

    value = traitlets.Unicode("").tag(
        sync=True, echo_update=False, to_json=lambda _value, _widget: ""
    )

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        hide_messages(self.model_id)

    def take(self) -> Secret | None:
        """Return what was committed, cleaned, and forget it; None where it is empty."""
        # Blanked in the same statement, so that typing the same key again is a change.
        taken, self.value = Secret(clean_paste(self.value)), ""
        return taken or None


def _text(label: str) -> ipywidgets.Text:
    return ipywidgets.Text(**_options(label))


def _options(label: str) -> dict[str, Any]:
    return {
        "description": label,
        "continuous_update": False,
        "style": {"description_width": LABEL_WIDTH},
        "layout": ipywidgets.Layout(width="auto", flex="1 1 0", min_width="0"),
    }


def _html() -> ipywidgets.HTML:
    return ipywidgets.HTML(layout=ipywidgets.Layout(width="auto", display="none"))


def show(widget: ipywidgets.Widget, visible: bool) -> None:  # noqa: FBT001
    """Show or hide a widget; a layout can change without disturbing what is typed."""
    display = None if visible else "none"
    if widget.layout.display != display:
        widget.layout.display = display


def say(widget: ipywidgets.HTML, html: str) -> None:
    """Put text into an HTML widget, and hide it where there is none."""
    if widget.value != html:
        widget.value = html
    show(widget, bool(html))


class Fields:
    """The inputs of the form and the remarks beside them."""

    def __init__(self, *, remember: bool, path: str) -> None:
        auto = ipywidgets.Layout(width="auto")
        self.profile = ipywidgets.Dropdown(
            options=[NEW_ACCOUNT],
            description="Account",
            style={"description_width": LABEL_WIDTH},
            layout=ipywidgets.Layout(width="auto", display="none"),
        )
        self.choice = ipywidgets.RadioButtons(
            options=[CLOUD, CUSTOM],
            description="Address",
            style={"description_width": LABEL_WIDTH},
            layout=auto,
        )
        self.base_url = _text("URL")
        self.base_url.placeholder = "https://carto.example.com"
        self.base_url.layout.display = "none"
        self.base_url_note = _html()
        self.username = _text("User name")
        self.username_note = _html()
        self.key = KeyField(**_options("API key"))
        # Apart from the note: a link that is written anew loses the focus, and Tab from
        # the key, which changes the note, leads to it.
        self.key_link = _html()
        self.key_note = _html()
        self.key_error = _html()
        self.remember = ipywidgets.Checkbox(
            value=remember,
            description=f"Remember this account, in {path}",
            indent=False,
            layout=ipywidgets.Layout(width="auto", margin="2px 2px 2px 104px"),
        )

    @property
    def rows(self) -> tuple[ipywidgets.Widget, ...]:
        """All widgets, top to bottom: the address stands above the key.

        The check starts by itself, and a key for an own server must not go to the
        cloud first.
        """
        return (
            self.profile,
            self.choice,
            self.base_url,
            self.base_url_note,
            self.username,
            self.username_note,
            self.key,
            self.key_error,
            self.key_link,
            self.key_note,
            self.remember,
        )

    @property
    def controls(self) -> tuple[ipywidgets.Widget, ...]:
        """The widgets that the page writes to."""
        return (
            self.profile,
            self.choice,
            self.base_url,
            self.username,
            self.key,
            self.remember,
        )

    @property
    def texts(self) -> tuple[ipywidgets.Text, ...]:
        """The fields in which Enter logs in."""
        return (self.base_url, self.username, self.key)

    @property
    def first(self) -> ipywidgets.DOMWidget:
        """The field to begin with."""
        return self.username if self.profile.layout.display == "none" else self.profile

    def inputs(self, key: Secret | None) -> Inputs:
        """Return what is committed."""
        custom = self.choice.value == CUSTOM
        return Inputs(
            username=clean_paste(self.username.value),
            custom=custom,
            base_url=clean_paste(self.base_url.value) if custom else "",
            key=key,
        )

    def offer(self, names: Sequence[str], chosen: str | None) -> None:
        """List the saved accounts in the dropdown, or hide it where there are none."""
        self.profile.options = [*names, NEW_ACCOUNT] if names else [NEW_ACCOUNT]
        self.profile.value = chosen if chosen in names else NEW_ACCOUNT
        show(self.profile, bool(names))

    def fill(self, username: str, base_url: str | None) -> None:
        """Fill in user name and address, never the key."""
        self.choice.value = CUSTOM if base_url else CLOUD
        self.base_url.value = base_url or ""
        self.username.value = username
        show(self.base_url, bool(base_url))

    def clear(self) -> None:
        """Forget everything, so that a saved notebook does not list it."""
        self.offer([], None)
        self.fill("", None)
        self.key.value = ""
        self.clear_remarks()
        say(self.key_note, "")
        say(self.key_link, "")

    def clear_remarks(self) -> None:
        """Take away what was said about the fields."""
        for remark in (self.base_url_note, self.username_note, self.key_error):
            say(remark, "")

    def __iter__(self) -> Iterator[ipywidgets.Widget]:
        return iter(self.rows)
