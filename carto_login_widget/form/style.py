"""How the form looks: at home in JupyterLab's themes, and plain elsewhere.

Every colour is a JupyterLab variable with a fallback for front ends that have none.
"""

from __future__ import annotations

from html import escape

LABEL_WIDTH = "96px"

CSS = """
<style>
.carto-login {
  --carto-text: var(--jp-ui-font-color1, inherit);
  --carto-muted: var(--jp-ui-font-color2, #616161);
  --carto-line: var(--jp-border-color2, #bdbdbd);
  --carto-good: var(--jp-success-color1, #2e7d32);
  --carto-bad: var(--jp-error-color1, #c62828);
  --carto-warn: var(--jp-warn-color1, #b26a00);
  --carto-link: var(--jp-content-link-color, #1565c0);
  --carto-brand: var(--jp-brand-color1, #1976d2);
  border: 1px solid var(--carto-line);
  border-radius: 4px;
  padding: 8px 10px;
  color: var(--carto-text);
}
.carto-login .widget-html-content { line-height: 1.45; overflow-wrap: anywhere; }
.carto-login .widget-checkbox label,
.carto-login .widget-label-basic { white-space: normal; height: auto; }
.carto-login .widget-checkbox { height: auto; min-height: 28px; overflow: visible; }
/* The rule of ipywidgets is more specific, and leaves a gap. */
.carto-login .widget-radio-box { margin-bottom: 4px !important; }
.carto-login .widget-checkbox label { line-height: 1.45; padding-top: 3px; }
.carto-login .widget-radio { display: flex; flex-direction: row; }
.carto-login .widget-radio > label {
  text-align: right; margin-right: 8px; line-height: 20px;
}
.carto-login a { color: var(--carto-link); text-decoration: underline; }
.carto-login .carto-title { font-weight: 600; }
.carto-login .carto-note { color: var(--carto-muted); }
.carto-login .carto-beside { margin-left: 104px; display: block; }
.carto-login .carto-error::before { content: "\\2715\\00a0"; color: var(--carto-bad); }
.carto-login .carto-error { border-left: 3px solid var(--carto-bad); }
.carto-login .carto-warn { border-left: 3px solid var(--carto-warn); }
.carto-login .carto-good { border-left: 3px solid var(--carto-good); }
.carto-login .carto-busy { border-left: 3px solid var(--carto-brand); }
.carto-login .carto-box { display: block; padding: 2px 8px; margin-top: 2px; }
.carto-login .carto-facts {
  display: grid; grid-template-columns: max-content 1fr; gap: 2px 12px; margin: 6px 0;
}
.carto-login .carto-label { color: var(--carto-muted); }
.carto-login .carto-bar {
  display: inline-block; width: 120px; max-width: 40%; height: 8px;
  border: 1px solid var(--carto-line); border-radius: 4px; overflow: hidden;
  vertical-align: middle; margin-right: 6px;
}
.carto-login .carto-bar > i {
  display: block; height: 100%; background: var(--carto-brand);
}
.carto-login .carto-bar.carto-full > i { background: var(--carto-bad); }
.carto-login .carto-stale { display: none; }
.jupyter-widgets-disconnected .carto-stale { display: block; }
.jupyter-widgets-disconnected .carto-live { display: none; }
.carto-login > .jupyter-widgets-disconnected:not(:has(.carto-stale)) { display: none; }
</style>
"""


def note(text: str) -> str:
    """Return a quiet remark under a field."""
    return f'<span class="carto-note carto-beside">{text}</span>' if text else ""


def stale(text: str) -> str:
    """Return what is shown only where the kernel of a form is gone."""
    return (
        '<div class="carto-stale carto-box carto-warn">'
        f"{escape(text)} Run the cell again.</div>"
    )


def field_error(text: str) -> str:
    """Return what is wrong with the field above; `text` is escaped."""
    if not text:
        return ""
    return (
        f'<span class="carto-beside" role="alert"><span class="carto-box carto-error">'
        f"{escape(text)}</span></span>"
    )


def status(kind: str, text: str) -> str:
    """Return the line that tells the state; `kind` is good, bad, warn or busy."""
    if not text:
        return ""
    css = {"bad": "carto-error"}.get(kind, f"carto-{kind}")
    return f'<span class="carto-box {css}" role="status">{escape(text)}</span>'
