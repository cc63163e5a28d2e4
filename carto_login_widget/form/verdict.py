"""How an error is told in the form: a title, the field it belongs to, the sentence."""

from __future__ import annotations

from ..errors import (
    CartoLoginError,
    InvalidCredentialsError,
    NotCartoError,
    Reason,
    RejectedError,
    UndecidedError,
)

_TITLES = {
    Reason.WRONG_KEY: "Wrong key.",
    Reason.UNKNOWN_USER: "Unknown user.",
    Reason.WRONG_USER: "Wrong user.",
    Reason.LOCKED: "Account locked.",
    Reason.MAINTENANCE: "Account in maintenance.",
    Reason.UNVERIFIED: "E-mail address not confirmed.",
    Reason.NOT_ACTIVATED: "Account not activated.",
    Reason.FORBIDDEN: "Not allowed.",
    Reason.NOT_CARTO: "Not CARTO.",
    Reason.WRONG_ADDRESS: "Wrong address.",
    Reason.MOVED: "Moved.",
}
_FIELDS = {
    Reason.WRONG_KEY: "api_key",
    Reason.UNKNOWN_USER: "username",
    Reason.WRONG_USER: "username",
    Reason.NOT_CARTO: "base_url",
    Reason.WRONG_ADDRESS: "base_url",
    Reason.MOVED: "base_url",
}


def reason_of(error: CartoLoginError) -> Reason | None:
    """Return the reason that an error gives, or None."""
    if isinstance(error, RejectedError | UndecidedError | NotCartoError):
        return error.reason
    return None


def title_of(error: CartoLoginError) -> str:
    """Return the verdict in two or three words."""
    if isinstance(error, UndecidedError):
        return "No verdict."
    reason = reason_of(error)
    return _TITLES.get(reason, "Not accepted.") if reason else "Not accepted."


def field_of(error: CartoLoginError) -> str | None:
    """Return the field that is wrong, or None where no single one is."""
    if isinstance(error, InvalidCredentialsError):
        return error.field
    reason = reason_of(error)
    return _FIELDS.get(reason) if reason else None


def sentence_of(error: CartoLoginError) -> str:
    """Return what happened and what would be better."""
    text = str(error)
    suggestion = getattr(error, "suggestion", None)
    if not suggestion or suggestion in text:
        return text
    if field_of(error) == "username":
        return f"{text} Did you mean '{suggestion}'?"
    return f"{text} Try {suggestion}"
