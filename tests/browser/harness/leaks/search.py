"""Two made-up keys, and how they are looked for in whatever came out.

A key counts as found where eight characters in a row stand, as they are or in one of
the codings that programs put texts into on their way.
"""

from __future__ import annotations

import base64
import html
import json
import pickle
import pprint
import re
import traceback
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from IPython.core import ultratb

import carto_login_widget
from carto_login_widget.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

# One that every coding changes, and one as CARTO makes them.
MASTER = "q7Zk2Vx9Lm4Tn&8Wd+6Rb3Kp/Hc5Jf%1Ps0Gy_tEu"
REGULAR = "Yw3-hQ8sXn6_vDz4kBr9Ta"
PIECE = 8

_PACKAGE = carto_login_widget.__path__[0]
_MASKS = (Secret,)  # it does not show what is in it
_INTERESTING = ("carto_login_widget", "google", "http", "requests", "urllib3")


def _codings(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    yield html.escape(secret)
    yield json.dumps(secret)
    yield secret.encode().hex()
    for offset, cut in enumerate((0, 2, 3)):
        coded = base64.b64encode(b"\0" * offset + secret.encode()).decode()
        # The last characters depend on what follows.
        yield (whole := coded[cut : len(coded) - 4])
        yield whole.translate(str.maketrans("+/", "-_"))


def _pieces(secret: str) -> set[str]:
    return {
        coding[start : start + PIECE]
        for coding in _codings(secret)
        for start in range(len(coding) - PIECE + 1)
    }


_PIECES = [piece.encode() for piece in sorted(_pieces(MASTER) | _pieces(REGULAR))]
# A traceback in colour could have them in the middle of a key.
_COLOURS = re.compile(rb"(?:\x1b|\\u001b)\[[0-9;]*m")


def found_in(texts: Iterable[str | bytes]) -> list[str]:
    """Return where a key, or a part of one, stands in `texts`, with what is around."""
    raws = {t.encode("utf-8", "replace") if isinstance(t, str) else t for t in texts}
    # In one: searching a thousand short texts takes far longer.
    whole = _COLOURS.sub(b"", b"\n\0\n".join(sorted(raws)))
    starts = [whole.find(piece) for piece in _PIECES]
    return [
        whole[max(at - 300, 0) : at + 60].decode("utf-8", "replace")
        for at in sorted(set(starts) - {-1})[:3]
    ]


def texts_in(value: Any, seen: dict[int, Any] | None = None) -> Iterator[str | bytes]:
    """Yield all texts that can be reached from a value, except through a mask."""
    seen = {} if seen is None else seen
    if id(value) in seen or isinstance(value, _MASKS):
        return
    seen[id(value)] = value  # kept, so that its id is not used again
    match value:
        case str() | bytes():
            yield value
        case bytearray() | memoryview():
            yield bytes(value)
        case dict():
            for pair in list(value.items()):
                yield from texts_in(pair, seen)
        case list() | tuple() | set() | frozenset():
            for item in list(value):
                yield from texts_in(item, seen)
        case _ if type(value).__module__.split(".")[0] in _INTERESTING:
            yield from texts_in(_attributes(value), seen)


def _attributes(value: Any) -> dict[str, Any]:
    kinds = type(value).__mro__
    slots = [s for kind in kinds for s in getattr(kind, "__slots__", ())]
    held = {name: getattr(value, name, None) for name in slots if name != "__dict__"}
    return held | dict(getattr(value, "__dict__", {}))


def chain_of(error: BaseException) -> list[BaseException]:
    """Return an exception with its causes and contexts, and those of its group."""
    chain, waiting = [], [error]
    while waiting:
        one = waiting.pop()
        if one not in chain:
            chain.append(one)
            more = [one.__cause__, one.__context__, *getattr(one, "exceptions", ())]
            waiting += [other for other in more if other is not None]
    return chain


def _without_callers(found: TracebackType | None) -> TracebackType | None:
    """Drop the frames of the test, which hold what is looked for."""
    while found is not None:
        if found.tb_frame.f_code.co_filename.startswith(_PACKAGE):
            return found
        found = found.tb_next
    return None


def texts_of_error(error: BaseException) -> Iterator[str | bytes]:
    """Yield what an exception tells: to people, to programs, and to a debugger."""
    for one in chain_of(error):
        one.__traceback__ = _without_callers(one.__traceback__)
        yield from (str(one), repr(one), repr(one.args), pprint.pformat(vars(one)))
        yield from texts_in([one.args, vars(one)])
        for frame, _ in traceback.walk_tb(one.__traceback__):
            yield from texts_in(dict(frame.f_locals))
            yield from map(_shown, frame.f_locals.values())
    yield "".join(traceback.format_exception(error))
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    yield "".join(shown.format())
    yield verbose(error)
    if isinstance(error, Exception):
        yield (pickled := pickle.dumps(error))
        yield repr(pickle.loads(pickled))  # noqa: S301 - just made


def _shown(value: Any) -> str:
    try:
        return repr(value)
    except AttributeError:
        return ""  # an object that was still being made


def verbose(error: BaseException) -> str:
    """Return what IPython prints after `%xmode Verbose`."""
    shown = ultratb.VerboseTB(theme_name="nocolor", include_vars=True)
    return shown.text(type(error), error, error.__traceback__)


def frames_of(error: BaseException) -> list[str]:
    """Return the functions of this package that an exception went through."""
    tracebacks = (_without_callers(one.__traceback__) for one in chain_of(error))
    return [f.f_code.co_name for tb in tracebacks for f, _ in traceback.walk_tb(tb)]
