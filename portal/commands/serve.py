"""`flask serve`: pages and API, by gunicorn."""

from __future__ import annotations

import os
import sys

import click

from portal.core.schema import PROJECT


@click.command("serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True)
@click.option("--workers", default=1, show_default=True, help="Processes.")
@click.option("--threads", default=8, show_default=True, help="Requests at a time per process.")
def serve(host: str, port: int, workers: int, threads: int) -> None:
    """Serve pages and API."""
    shown = f"[{host}]" if ":" in host else host
    # In place of this process, so that a signal reaches gunicorn itself and no connection of this
    # process's pool is shared with the workers it forks.
    os.chdir(PROJECT)
    os.execv(  # noqa: S606
        sys.executable,
        [
            sys.executable,
            "-m",
            "gunicorn",
            "app:app",
            f"--bind={shown}:{port}",
            "--worker-class=gthread",
            f"--workers={workers}",
            f"--threads={threads}",
            "--timeout=60",
            "--graceful-timeout=20",
            "--keep-alive=5",
            "--no-control-socket",
            "--log-level=warning",
        ],
    )
