"""Keeps what the page sends to a key field out of the logs.

`comm` logs every message at DEBUG, and so does a kernel that was started with
`--debug`. A notebook that logs at DEBUG shows those messages below the form, and saves
them.
"""

from __future__ import annotations

import logging
from typing import Any

import traitlets.log


class _DropMessages(logging.Filter):
    """Drops the records of messages to some comms."""

    def __init__(self) -> None:
        super().__init__()
        self.comms: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        # logging takes a lone dictionary out of its tuple.
        args = record.args if isinstance(record.args, tuple) else (record.args,)
        return not any(map(self._is_to_them, args))

    def _is_to_them(self, value: Any) -> bool:
        if isinstance(value, dict):
            content = value.get("content", value)
            value = content.get("comm_id") if isinstance(content, dict) else None
        return isinstance(value, str) and value in self.comms


_filter = _DropMessages()


def hide_messages(comm: str) -> None:
    """Log no message to a comm from now on.

    Args:
        comm: its id, which is the id of the widget's model too.
    """
    _filter.comms.add(comm)
    kernels = traitlets.log.get_logger()
    if isinstance(kernels, logging.LoggerAdapter):
        kernels = kernels.logger
    for logger in (logging.getLogger("Comm"), kernels):
        if _filter not in logger.filters:
            logger.addFilter(_filter)
