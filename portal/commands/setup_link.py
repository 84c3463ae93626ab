"""`flask setup-link`: the way in for the first platform owner."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import with_appcontext

from portal.accounts import links, people
from portal.accounts.models import LinkPurpose
from portal.audit import trail
from portal.config import Config
from portal.core.db import db
from portal.white_labels import platform

ACTOR = trail.Actor("operator")


@click.command("setup-link")
@click.option("--name", default=None, help="The platform's name, on a new installation.")
@with_appcontext
def setup_link(name: str | None) -> None:
    """Print the link that makes the first platform owner; it works once, for a day."""
    config: Config = current_app.config["LIVERY"]
    if people.is_there_an_owner():
        db.session.rollback()
        raise click.ClickException(
            "There is a platform owner already; owners invite others in the Backoffice."
        )
    with trail.acting(ACTOR):
        found = platform.find_platform() or platform.set_up(
            name=name or "Livery", origin=config.platform_origin
        )
        token = links.make(LinkPurpose.SETUP)
        trail.record(None, "setup_link.made", "platform")
    origin = found.origin
    db.session.commit()
    click.echo(f"{origin}/setup/{token.reveal()}")
