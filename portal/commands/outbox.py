"""`flask outbox status|hold|resume`: what has not left, and whether anything may."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime, timedelta

import click
from flask.cli import with_appcontext

from portal.audit import trail
from portal.core import clock
from portal.core.db import db, reading
from portal.delivery import fence, queues
from portal.delivery.queues import Outbox

ACTOR = trail.Actor("operator")


@click.group("outbox")
def outbox() -> None:
    """Mail that has not left yet."""


@outbox.command("status")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@with_appcontext
def status(*, as_json: bool) -> None:
    """What waits for which server and since when, and who is at work."""
    with reading():
        found = queues.outbox()
        db.session.rollback()
    if as_json:
        click.echo(json.dumps(asdict(found), indent=2, default=str))
    else:
        show(found, now=clock.now())


@outbox.command("hold")
@click.option("--why", default="", help="For those who wonder why nothing leaves.")
@with_appcontext
def hold(why: str) -> None:
    """Let nothing leave from now on; mail is still accepted and waits."""
    fence.hold(db.session.connection(), words=why)
    _record("outbox.held", {"why": why})
    click.echo("Nothing leaves until `flask outbox resume`.")


@outbox.command("resume")
@with_appcontext
def resume() -> None:
    """Let mail leave: after a hold, or because this database is the one that sends."""
    fence.resume(db.session.connection(), now=clock.now())
    _record("outbox.resumed", {})
    click.echo("Mail leaves again.")


def show(found: Outbox, *, now: datetime) -> None:
    """The answer for a person."""
    if found.fenced is not None:
        why = found.fenced.rstrip(".") or "held"
        click.echo(f"NOTHING LEAVES: {why}. `flask outbox resume` changes that.")
    for queue in found.queues:
        notes = [f"oldest {_span(now - queue.oldest_due)}"]
        if queue.parked is not None:
            notes.append(f"PARKED: {queue.parked}")
        elif queue.resting_until is not None and queue.resting_until > now:
            notes.append(f"rests for {_span(queue.resting_until - now)}")
        click.echo(f"{queue.waiting:>9} wait for {queue.name} ({', '.join(notes)})")
    if not found.queues:
        click.echo("Nothing waits.")
    click.echo(f"{found.sending:>9} on their way")
    click.echo(f"{found.held:>9} held: a person decides")
    click.echo(f"{found.unknown:>9} unknown: handed over, and no answer was learnt")
    for worker in found.workers:
        heard = _span(now - worker.heard_at)
        click.echo(
            f"worker {worker.pid} on {worker.host}: {worker.lanes} lanes, heard of {heard} ago"
        )
    if not found.workers:
        click.echo("No worker is at work: `flask deliver` starts one.")


def _record(action: str, changes: dict[str, object]) -> None:
    with trail.acting(ACTOR):
        trail.record(None, action, "outbox", changes)
    db.session.commit()


def _span(span: timedelta) -> str:
    """A length of time as one looks at it: due in the future is "not yet"."""
    seconds = int(span.total_seconds())
    if seconds < 0:
        return "not due yet"
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
