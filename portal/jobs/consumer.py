"""The process that does background and periodic work: what `flask jobs` runs."""

from __future__ import annotations

from flask import Flask
from huey.consumer import Consumer

from portal.config import Config
from portal.jobs import works
from portal.jobs.periodic import schedule
from portal.jobs.queue import make_queue


def make_consumer(app: Flask, *, workers: int) -> Consumer:
    """A consumer that knows all tasks."""
    config: Config = app.config["LIVERY"]
    queue = make_queue(config)
    schedule(queue, app)
    works.register(queue, app)
    return Consumer(queue, workers=workers, worker_type="thread", graceful_signal="TERM")
