"""Keeps what the page sends to a key field out of the logs.

`comm` logs every message at DEBUG, and so does a kernel that was started with
`--debug`. A notebook that logs at DEBUG shows those messages below the form, and saves
them.
"""

from __future__ import annotations

import logging
from contextlib import suppress

import traitlets.log

_comms: set[str] = set()


def hide_messages(comm: str) -> None:
    """Log no message to a comm, whose id is the widget's, from now on."""
    _comms.add(comm)
    kernels = traitlets.log.get_logger()
    if isinstance(kernels, logging.LoggerAdapter):
        kernels = kernels.logger
    for logger in (logging.getLogger("Comm"), kernels):
        logger.addFilter(_is_for_others)  # a second time, it does nothing


def _is_for_others(record: logging.LogRecord) -> bool:
    said = ""
    with suppress(Exception):  # of what others log; logging has its own way with it
        said = f"{record.msg}{record.args}"
    return not any(comm in said for comm in _comms)
