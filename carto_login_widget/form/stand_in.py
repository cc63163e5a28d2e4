"""Where the form is shown, and the plain form in its place if the page cannot draw it.

The page says that it has loaded the form, or draws it. Where it does neither for some
seconds in which the kernel could have heard it, the output is replaced; a page that
speaks up later gets the form back.
"""

from __future__ import annotations

import threading
from typing import Any

import ipywidgets
from IPython import display as ipython_display

from .. import settings
from ..locks import Lock
from . import flow, living
from .fields import Fields
from .plain import PlainForm
from .work import in_background

_PATIENCE, _PATIENCE_OF_VOILA = 2.0, 5.0
_STEP = 0.1


class Display:
    """One display of a form, replaced by its display id."""

    def __init__(self, form: Any) -> None:
        self._form = form
        self._lock = Lock()
        self._handle: Any = ipython_display.DisplayHandle()
        self._box: ipywidgets.VBox | None = None
        self._plain: PlainForm | None = None
        self._answered, self._idle = threading.Event(), threading.Event()
        self.page = threading.Event()  # set once there is one

    def show(self) -> None:
        """Show the form, and watch whether the page can."""
        shown = self._form
        if settings.CartoLogin.instance().form == "plain":
            self._answered.set()  # there is nothing to wait for, or to give back
            shown = self._make_plain()
        if settings.is_voila():
            # Its page knows no displays that change; a box can change what is in it.
            self._box = shown = ipywidgets.VBox([shown])
        self._send(self._handle.display, shown)
        kernel, someone = settings.running_kernel(), settings.somebody_is_there()
        if kernel is None or not someone or self._answered.is_set():
            return
        header = kernel.get_parent().get("header", {})
        if header.get("msg_type") != "execute_request":
            self._idle.set()
        # Here and not on the thread, which may be later than the end of the cell.
        kernel.shell.events.register("pre_execute", self._idle.clear)
        kernel.shell.events.register("post_execute", self._idle.set)
        in_background(self._wait, kernel)

    def answered(self) -> None:
        """Note that the page has the form, and give it back if it was replaced."""
        if self._answered.is_set():
            return
        self._answered.set()
        with self._lock:
            plain, self._plain = self._plain, None
        if plain is not None:
            key = plain.key.take()
            self._form.post(flow.Act("commit", plain.values(), key, typed=False))
            self._replace(self._form)
            plain.close()

    def draw(self, picture: dict[str, Any]) -> None:
        """Show a snapshot in the plain form, if that is what is shown."""
        plain = self._plain
        if plain is not None:
            plain.draw(picture)

    def close(self) -> None:
        """End the watch, and the plain form."""
        self._answered.set()
        if self._plain is not None:
            self._plain.close()

    def _replace(self, widget: Any) -> None:
        if self._box is not None:
            self._box.children = (widget,)
        else:
            self._send(self._handle.update, widget)

    def _send(self, way: Any, widget: Any) -> None:
        # Not what the plain form's own text would be: it names what is typed.
        bundle = widget._repr_mimebundle_() if widget.comm is not None else {}
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle, {})
        way({**data, "text/plain": repr(self._form)}, raw=True, metadata=metadata)

    def _make_plain(self) -> PlainForm:
        self._plain = plain = PlainForm(self._form.post)
        # Drawn in turn with all other pictures, and then again with all accounts.
        self._form.post(flow.Act("ready", Fields()))
        living.list_accounts()
        return plain

    def _wait(self, kernel: Any) -> None:
        left = _PATIENCE_OF_VOILA if settings.is_voila() else _PATIENCE
        while left > 0 and not self._answered.wait(_STEP):
            left -= _STEP if self._can_hear(kernel) else 0
        kernel.shell.events.unregister("pre_execute", self._idle.clear)
        kernel.shell.events.unregister("post_execute", self._idle.set)
        with self._lock:
            if not self._answered.is_set():
                self._replace(self._make_plain())

    def _can_hear(self, kernel: Any) -> bool:
        """Whether the kernel is idle, and there may be a page for it to hear."""
        is_heard = self.page.is_set() or not settings.is_voila()
        if not (self._idle.is_set() and is_heard):
            return False
        beat = threading.Event()
        kernel.io_loop.add_callback(beat.set)
        return beat.wait(_STEP) and self._idle.is_set()
