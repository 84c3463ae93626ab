"""`flask jobs`: the process that does background and periodic work."""

from __future__ import annotations

import click
from flask import Flask, current_app
from flask.cli import with_appcontext
from huey.consumer import Consumer

from portal.config import Config
from portal.jobs import works
from portal.jobs.periodic import schedule
from portal.jobs.queue import make_queue


@click.command("jobs")
@click.option("--workers", default=2, show_default=True, help="Tasks at a time.")
@with_appcontext
def jobs(workers: int) -> None:
    """Do background and periodic work; SIGTERM lets what runs come to its end."""
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
    make_consumer(app, workers=workers).run()


def make_consumer(app: Flask, *, workers: int) -> Consumer:
    """A consumer that knows all tasks."""
    config: Config = app.config["LIVERY"]
    queue = make_queue(config)
    schedule(queue, app)
    works.register(queue, app)
    return Consumer(queue, workers=workers, worker_type="thread", graceful_signal="TERM")
