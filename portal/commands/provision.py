"""`flask provision FILE`: read a TOML file and make it so; say what changed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TextIO

import click
from flask import current_app
from flask.cli import with_appcontext

from portal.commands.provisioning.document import BadDocument, Source, read
from portal.commands.provisioning.making import Report, make_true, prove, rehearse
from portal.commands.provisioning.writing import write
from portal.config import Config
from portal.core.db import db
from portal.smtp.name_lookup import SystemResolver


@click.command("provision")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--dry-run", is_flag=True, help="Only say what would change; open no session.")
@click.option(
    "--trust-domains", is_flag=True, help='Accept state = "verified" without looking at DNS.'
)
@with_appcontext
def provision(file: TextIO, dry_run: bool, trust_domains: bool) -> None:
    """Make the installation what a TOML FILE says (- reads standard input).

    Running it again changes nothing. What the file does not mention stays as it is. A fault
    anywhere in the file is named with its line and key, and then nothing at all is changed.
    """
    try:
        report = carry_out(read(file.read()), trusts_domains=trust_domains, is_dry_run=dry_run)
    except BadDocument as faults:
        for fault in faults.faults:
            click.echo(f"{file.name}: {fault}", err=True)
        raise click.exceptions.Exit(1) from None
    show(report, is_dry_run=dry_run)


def carry_out(source: Source, *, trusts_domains: bool, is_dry_run: bool = False) -> Report:
    """Write, rehearse, prove, make true, commit.

    Raises:
        BadDocument: nothing was changed.
    """
    config: Config = current_app.config["LIVERY"]
    texts = write(source)
    rehearsal = rehearse(
        source,
        texts=texts,
        config=config,
        environ=os.environ,
        trusts_domains=trusts_domains,
    )
    if is_dry_run:
        return rehearsal
    proofs = prove(source, rehearsal, config=config, resolver=SystemResolver())
    try:
        report = make_true(
            source,
            texts=texts,
            config=config,
            environ=os.environ,
            trusts_domains=trusts_domains,
            proofs=proofs,
        )
        db.session.commit()
    finally:
        db.session.rollback()
    return report


def show(report: Report, *, is_dry_run: bool = False) -> None:
    """Print what was done, or would be."""
    if not report.changes:
        click.echo("Nothing to change.")
    elif is_dry_run:
        click.echo("Nothing is changed yet. This would be done:")
    for change in report.changes:
        click.echo(f"  {change}" if is_dry_run else change)
    for warning in report.warnings:
        click.echo(f"note: {warning}")
    if report.attempts and is_dry_run:
        servers = "1 server" if len(report.attempts) == 1 else f"{len(report.attempts)} servers"
        click.echo(f"{servers} would be tested with a live session first.")
    if report.made_keys and not is_dry_run:
        click.echo("These API keys are shown once and stored only as a hash:")
        for name, key in report.made_keys:
            click.echo(f"  {name}: {key.reveal()}")


def read_file(path: Path) -> Source:
    """Read a document that comes with Livery."""
    return read(path.read_text(encoding="utf-8"))
