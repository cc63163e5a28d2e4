"""What the signed-in card says."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any, TypeGuard

from ..session import login as signin
from . import style

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from ..credentials import Credentials
    from ..store.profiles import ProfileStore

_STALE = style.stale(
    "This card is from an earlier session; this kernel is not signed in by it."
)


def html(
    credentials: Credentials,
    *,
    since: datetime,
    store: ProfileStore,
    notes: Sequence[str] = (),
) -> str:
    """Return the card of an account; everything that is not ours is escaped."""
    checked = credentials.account is not None and credentials.account.checked
    css = "carto-good" if checked else "carto-warn"
    title = f"Signed in to CARTO as {signin.who(credentials)}"
    facts = {
        **signin.describe(credentials, store),
        "Since": f"{since:%Y-%m-%d %H:%M}",
    }
    facts.pop("Account")
    rows = "".join(
        f'<span class="carto-label">{escape(label)}</span><span>{escape(text)}</span>'
        for label, text in facts.items()
    )
    said = "".join(
        f'<div class="carto-box carto-warn">{escape(note)}</div>' for note in notes
    )
    return (
        f'{_STALE}<div class="carto-live"><div class="carto-box {css}" role="status">'
        f'<span class="carto-title">{escape(title)}</span></div>'
        f'<div class="carto-facts">{rows}</div>{said}</div>'
    )


def plain(credentials: Credentials, store: ProfileStore | None = None) -> str:
    """Return the card as text, for terminals and front ends without widgets."""
    facts = signin.describe(credentials, store)
    title = f"Signed in to CARTO as {facts.pop('Account')}"
    return "\n".join([title, *(f"  {label}: {text}" for label, text in facts.items())])


def quota_html(me: Mapping[str, Any]) -> str:
    """Return bars for the quotas that `/api/v3/me` tells a master key, or `""`."""
    user = me.get("user_data")
    if not isinstance(user, dict):
        return ""
    bars = [_storage_bar(user), _key_line(user)]
    return "".join(f"<div>{bar}</div>" for bar in bars if bar)


def _storage_bar(user: Mapping[str, Any]) -> str:
    used, quota = user.get("db_size_in_bytes"), user.get("quota_in_bytes")
    if not _is_number(used) or not _is_number(quota) or quota <= 0:
        return ""
    percent = min(100.0, max(0.0, 100.0 * used / quota))
    full = " carto-full" if percent >= 90 else ""  # noqa: PLR2004 - nearly full
    return (
        f'<span class="carto-bar{full}"><i style="width:{percent:.0f}%"></i></span>'
        f"Storage: {_size(used)} of {_size(quota)}"
    )


def _key_line(user: Mapping[str, Any]) -> str:
    quota = user.get("regular_api_key_quota")
    return f"Regular API keys: up to {quota:,}" if _is_number(quota) else ""


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:  # noqa: PLR2004 - decimal units
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
