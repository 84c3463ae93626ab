"""Logs: one line an event, as JSON where no person is watching, and never a secret."""

from __future__ import annotations

import contextlib
import logging
import sys
from collections.abc import MutableMapping
from io import TextIOBase
from typing import Any, TextIO, cast

import structlog

from portal.core.secret import Secret

_NEVER = ("password", "secret", "token", "authorization", "cookie", "api_key")


def configure() -> None:
    """Send everything to standard error; safe to call again."""
    watching = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_secrets,
            structlog.processors.format_exc_info,
            structlog.dev.ConsoleRenderer() if watching else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Unfailing(sys.stderr))),
        cache_logger_on_first_use=False,
    )


class _Unfailing(TextIOBase):
    """A log on a full disk loses lines; it must not stop what it tells of."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError):
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            self._stream.flush()


def logger(room: str) -> structlog.stdlib.BoundLogger:
    """The logger of one room; a module may ask for it before `configure` was called."""
    lazy: structlog.stdlib.BoundLogger = structlog.get_logger(room=room)
    return lazy


def _without_secrets(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """Names that smell of secrets lose their value, whatever it is."""
    for key, value in event.items():
        if isinstance(value, Secret) or any(word in key.lower() for word in _NEVER):
            event[key] = "<redacted>"
    return event
