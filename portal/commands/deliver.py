"""`flask deliver`: carry what is due."""

from __future__ import annotations

import gc
import signal
import subprocess
import sys
import threading
from types import FrameType

import click
from flask import current_app
from flask.cli import with_appcontext

from portal.core.db import db
from portal.delivery.worker import LANES, LostLease, Worker


@click.command("deliver")
@click.option(
    "--lanes",
    type=click.IntRange(1, 4096),
    default=LANES,
    show_default=True,
    help="Connections that one worker may have open.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    default=1,
    show_default=True,
    help="Processes; about one for each processor that mail may keep busy.",
)
@click.option("--drain", is_flag=True, help="End when nothing is due that could leave now.")
@with_appcontext
def deliver(lanes: int, workers: int, drain: bool) -> None:
    """Carry what is due, until told to stop (SIGTERM or Ctrl-C).

    Stopping is safe at any time: what is being handed over is finished, the rest goes back. So is
    killing: the next worker settles what was left. Of several, one that dies ends them all, with an
    error, so that whoever started them starts all of them again.
    """
    others = [_another(lanes, drain=drain) for _number in range(workers - 1)]
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    worker = Worker(db.engine, app.config["LIVERY"], context=app.app_context, lanes=lanes)

    is_ending = threading.Event()
    lost: list[int] = []

    def stop_others() -> None:
        is_ending.set()
        for other in others:
            other.terminate()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        stop_others()
        worker.ask_to_stop()

    def watch(other: subprocess.Popen[bytes]) -> None:
        code = other.wait()
        if not is_ending.is_set() and (code or not drain):
            lost.append(code)
            stop_others()
            worker.ask_to_stop()

    _look_for_garbage_rarely()
    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    for other in others:
        threading.Thread(target=watch, args=(other,), daemon=True).start()
    has_ended = False
    try:
        worker.run(until_drained=drain)
        has_ended = True
    except LostLease:
        raise click.ClickException(
            "The lease ran out (the machine slept, or the database was away for long), and "
            "others have taken over. Start again."
        ) from None
    finally:
        if not has_ended:
            stop_others()  # else nobody starts it again while they go on
        codes = [other.wait() for other in others]
    if lost:
        raise click.ClickException(f"A worker ended by itself ({lost[0]}). Start again.")
    if any(codes):
        sys.exit(1)


def _look_for_garbage_rarely() -> None:
    """What carrying a message leaves behind is freed at once, for nothing of it refers to itself in
    a circle. Looking for circles all the same took a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)


def _another(lanes: int, *, drain: bool) -> subprocess.Popen[bytes]:
    """One more worker: a process of its own, started afresh, since threads and forks do not mix."""
    command = [sys.executable, "-m", "flask", "--app", "app", "deliver", "--lanes", str(lanes)]
    return subprocess.Popen(command + (["--drain"] if drain else []))  # noqa: S603 - our own
