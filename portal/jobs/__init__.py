"""The clock and background work: purging, sweeping, and whatever should not keep a person waiting.

Tasks carry ids only and the database is the truth, so a task that is lost or comes twice does no
harm; a sweep each minute finds what was left.
"""

from __future__ import annotations

from flask import Flask

from portal.jobs import works
from portal.jobs.consumer import jobs


def open_door(app: Flask) -> None:
    """Let the operator start the consumer, and the other doors ask for work."""
    works.carry_questions(app)
    app.cli.add_command(jobs)
