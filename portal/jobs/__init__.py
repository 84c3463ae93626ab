"""The clock and background work: purging, sweeping, and whatever should not keep a person waiting.

Tasks carry ids only and the database is the truth, so a task that is lost or comes twice does no
harm; a sweep each minute finds what was left.

What does the work is loaded when it is wanted: the queue and its broker's client are 25 MB, which a
process that delivers never needs.
"""

from __future__ import annotations

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from portal.core import background


def open_door(app: Flask) -> None:
    """Let the operator start the consumer, and the other doors ask for work."""

    def enqueue(name: str, number: int) -> None:
        from portal.jobs import works  # noqa: PLC0415 - see above

        works.enqueue(app, name, number)

    background.set_queue(enqueue)
    app.cli.add_command(jobs)


@click.command("jobs")
@click.option("--workers", default=2, show_default=True, help="Tasks at a time.")
@with_appcontext
def jobs(workers: int) -> None:
    """Do background and periodic work; SIGTERM lets what runs come to its end."""
    from portal.jobs.consumer import make_consumer  # noqa: PLC0415 - see above

    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    make_consumer(app, workers=workers).run()
