"""Asking for work that should not keep a person waiting; `flask jobs` does it.

The database is the truth: what has to be done can be read there, and a sweep each minute finds it.
Asking only makes it happen at once, so a question that is lost costs a minute and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable

from portal.core.logs import logger

Enqueue = Callable[[str, int], None]
_enqueue: Enqueue | None = None


def set_queue(enqueue: Enqueue | None) -> None:
    """Install what carries a question to the process that does the work."""
    global _enqueue
    _enqueue = enqueue


def ask(work: str, number: int) -> None:
    """Ask for this kind of work on the row with this number. Call it after the commit."""
    if _enqueue is None:
        return
    try:
        _enqueue(work, number)
    except Exception as fault:  # noqa: BLE001 - a broker that is away must not fail the request
        logger("jobs").warning("cannot_enqueue", work=work, number=number, fault=str(fault))
