"""`flask keys rotate|status|drop`: the keys that seal stored secrets."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import with_appcontext

from portal.audit import trail
from portal.config import Config
from portal.core import sealed, vault
from portal.core.db import db
from portal.core.vault import Keyring

ACTOR = trail.Actor("operator")
BATCH = 200


@click.group("keys")
def keys() -> None:
    """The keys that seal passwords and other secrets in the database."""


@keys.command("status")
@with_appcontext
def status() -> None:
    """Count the secrets of each key."""
    keyring = vault.keyring()
    counts = sealed.count_by_key()
    db.session.rollback()
    for kid in {**keyring.keys, **counts}:
        notes = []
        if kid == keyring.current:
            notes.append("current")
        if kid not in keyring.keys:
            notes.append("not in the key file: these secrets cannot be opened")
        text = f"  ({', '.join(notes)})" if notes else ""
        click.echo(f"{kid}  {counts.get(kid, 0)} secrets{text}")
    if counts.keys() - keyring.keys.keys():
        raise click.exceptions.Exit(1)


@keys.command("rotate")
@click.option("--resume", is_flag=True, help="Make no new key; go on with the current one.")
@with_appcontext
def rotate(*, resume: bool) -> None:
    """Make a new key and seal every secret with it, while everything runs.

    Interrupted, it can be run again with --resume. The old key stays in the file, for backups of
    the database; `flask keys drop` removes it.
    """
    config: Config = current_app.config["LIVERY"]
    if not resume:
        Keyring.load(config.key_file).with_new_key().save(config.key_file)
    current = vault.keyring().current
    total, lost = 0, []
    for one in sealed.columns():
        after = 0
        while True:
            batch = sealed.reseal_batch(one, after=after, size=BATCH)
            db.session.commit()
            total += batch.resealed
            lost += [f"{one.name} of row {row}" for row in batch.lost]
            if batch.last_id is None:
                break
            after = batch.last_id
            click.echo(f"{one.name}: {total} sealed again, up to row {after}")
    with trail.acting(ACTOR):
        trail.record(None, "keys.rotated", f"key {current}", {"secrets": total})
    db.session.commit()
    click.echo(f"{total} secrets sealed with {current}")
    for place in lost:
        click.echo(f"cannot be opened and was left as it is: {place}", err=True)
    if lost:
        raise click.exceptions.Exit(1)


@keys.command("drop")
@click.argument("kid")
@with_appcontext
def drop(kid: str) -> None:
    """Remove an old key from the file; backups that need it can be opened no more."""
    config: Config = current_app.config["LIVERY"]
    keyring = Keyring.load(config.key_file)
    used = sealed.count_by_key().get(kid, 0)
    db.session.rollback()
    if kid not in keyring.keys:
        raise click.ClickException(f"There is no key {kid}.")
    if kid == keyring.current or used:
        raise click.ClickException(f"{kid} is in use: {used} secrets. Run `flask keys rotate`.")
    keyring.without(kid).save(config.key_file)
    with trail.acting(ACTOR):
        trail.record(None, "keys.dropped", f"key {kid}")
    db.session.commit()
    click.echo(f"{kid} is gone.")
