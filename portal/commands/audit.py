"""`flask audit verify`: prove that nobody rewrote the trail."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from portal.audit import trail
from portal.core.db import db, reading


@click.group("audit")
def audit() -> None:
    """The trail of who did what."""


@audit.command("verify")
@with_appcontext
def verify() -> None:
    """Check the hash chain of the platform and of every white label; exit 1 names a break."""
    broken = 0
    with reading():
        for chain in trail.chains():
            owner = f"white label {chain}" if chain else "platform"
            entry = trail.first_broken(chain)
            if entry is None:
                click.echo(f"{owner}: {trail.length(chain)} entries, unbroken")
            else:
                broken += 1
                click.echo(f"{owner}: entry {entry} does not fit", err=True)
        db.session.rollback()
    if broken:
        raise click.exceptions.Exit(1)
