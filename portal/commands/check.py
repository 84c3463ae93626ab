"""`flask check`: the doctor. Looks at everything that has to be right, and names what is not."""

from __future__ import annotations

import json
import os
import secrets
import stat
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta

import click
from flask import current_app
from flask.cli import with_appcontext
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import select, text
from sqlalchemy.exc import SQLAlchemyError

from portal.commands.database import newest_revision, present_revision
from portal.config import Config
from portal.core import clock, sealed, vault
from portal.core.db import SQLITE_AT_LEAST, db, reading, sqlite_version
from portal.core.errors import Refusal
from portal.delivery.status import readiness
from portal.smtp.egress import LookupFault, Resolver
from portal.smtp.hosts import as_address
from portal.smtp.name_lookup import SystemResolver
from portal.smtp_settings import probe, servers
from portal.smtp_settings.models import SmtpServer
from portal.smtp_settings.targets import our_name, policy_for, target_of
from portal.white_labels import platform, tenants

CLOCK_TOLERANCE = timedelta(seconds=5)
LOOKUP_TAKES = 5.0  # seconds at most


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    name: str
    is_right: bool
    words: str


class Wrong(Exception):
    """What was looked at is not as it should be."""


@click.command("check")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--no-sessions", is_flag=True, help="Do not knock at the SMTP servers.")
@with_appcontext
def check(*, as_json: bool, no_sessions: bool) -> None:
    """Look at database, schema, keys, broker, DNS, clock, folders, workers and every server.

    Exit 1 when anything is wrong; each line says what.
    """
    config: Config = current_app.config["LIVERY"]
    findings = list(look_at_everything(config, SystemResolver(), opens_sessions=not no_sessions))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            click.echo(f"{'ok  ' if finding.is_right else 'WRONG'} {finding.name}: {finding.words}")
    if not all(finding.is_right for finding in findings):
        raise click.exceptions.Exit(1)


def look_at_everything(
    config: Config, resolver: Resolver, *, opens_sessions: bool
) -> Iterator[Finding]:
    """All findings; what cannot be asked without a database is left out when there is none."""
    database = _finding("database", _database)
    yield database
    if not database.is_right:
        return
    yield _finding("schema", _schema)
    yield _finding("keys", lambda: _keys(config))
    yield _finding("set-up", _set_up)
    yield _finding("broker", lambda: _broker(config))
    yield _finding("clock", _clock)
    yield _finding("journal", lambda: _journal(config))
    yield from _delivery()
    yield _finding("DNS", lambda: _dns(resolver))
    if opens_sessions:
        yield from _servers(config, resolver)


def _finding(name: str, look: Callable[[], str]) -> Finding:
    """What a look says; the database is let go of afterwards."""
    try:
        with reading():
            return Finding(name, True, look())
    except Wrong as wrong:
        return Finding(name, False, str(wrong))
    except (SQLAlchemyError, OSError) as fault:
        return Finding(name, False, f"{type(fault).__name__}: {fault}".splitlines()[0])
    finally:
        db.session.rollback()


def _database() -> str:
    db.session.execute(select(1))
    if db.engine.dialect.name != "sqlite":
        version = db.session.scalar(text("SHOW server_version"))
        return f"PostgreSQL {version}"
    version = ".".join(map(str, sqlite_version()))
    if sqlite_version() < SQLITE_AT_LEAST:
        needed = ".".join(map(str, SQLITE_AT_LEAST))
        raise Wrong(f"SQLite {version} can lose pages when its log is reset; {needed} is needed")
    return f"SQLite {version}"


def _schema() -> str:
    present, newest = present_revision(), newest_revision()
    if present != newest:
        raise Wrong(f"at {present or 'no revision'}, wanted {newest}: run `flask db upgrade`")
    return f"at {present}"


def _keys(config: Config) -> str:
    mode = stat.S_IMODE(config.key_file.stat().st_mode)
    if mode & 0o077:
        raise Wrong(f"{config.key_file} can be read by others (mode {mode:03o}): chmod 600")
    unknown = sealed.count_by_key().keys() - vault.keyring().keys.keys()
    if unknown:
        raise Wrong(f"secrets are sealed with keys that are not there: {', '.join(unknown)}")
    return f"{len(vault.keyring().keys)} in {config.key_file}, mode {mode:03o}"


def _set_up() -> str:
    found = platform.find_platform()
    if found is None:
        raise Wrong("nobody has set the platform up: `flask setup-link` or `flask provision`")
    if found.is_demo and found.origin.startswith("https://"):
        raise Wrong("this is the demo, whose passwords are public, at a public address")
    return f"{found.name} at {found.origin}" + (" (the demo)" if found.is_demo else "")


def _broker(config: Config) -> str:
    if config.broker_url is None:
        return "embedded"
    try:
        with Redis.from_url(config.broker_url, socket_timeout=3) as broker:
            broker.ping()
    except RedisError as fault:
        raise Wrong(f"{type(fault).__name__}: {fault}") from None
    return "answers"


def _clock() -> str:
    if db.engine.dialect.name == "sqlite":
        return "the database is on this machine"
    theirs = db.session.scalar(text("SELECT clock_timestamp()"))
    if not isinstance(theirs, datetime):
        raise Wrong("the database does not tell the time")
    apart = abs(clock.now() - theirs.astimezone(UTC))
    if apart > CLOCK_TOLERANCE:
        raise Wrong(f"{apart.total_seconds():.0f} s apart from the database's")
    return "agrees with the database's"


def _journal(config: Config) -> str:
    config.journal_folder.mkdir(parents=True, exist_ok=True)
    trial = config.journal_folder / f"check-{secrets.token_hex(4)}"
    trial.write_text("trial")
    trial.unlink()
    room = os.statvfs(config.journal_folder)
    free = room.f_bavail * room.f_frsize // 2**20
    if free < 64:
        raise Wrong(f"{free} MB are left in {config.journal_folder}")
    return f"{config.journal_folder}, {free} MB free"


def _delivery() -> Iterator[Finding]:
    for name, answer in readiness().checks.items():
        if name != "database":
            yield Finding(name, answer == "ok", answer)


def _dns(resolver: Resolver) -> str:
    names = {one.host for one in servers.all_servers() if as_address(one.host) is None}
    db.session.rollback()
    unanswered = []
    for name in sorted(names):
        try:
            if not resolver.addresses(name, timeout=LOOKUP_TAKES):
                unanswered.append(f"{name} is not known")
        except LookupFault as fault:
            unanswered.append(f"{name}: {fault}")
    if unanswered:
        raise Wrong("; ".join(unanswered))
    return f"{len(names)} host names looked up" if names else "no server has a name to look up"


def _servers(config: Config, resolver: Resolver) -> Iterator[Finding]:
    """A session to each server that is switched on; no transaction is open meanwhile."""
    attempts: list[tuple[str, probe.Attempt | Refusal]] = []
    with reading():
        for server in servers.all_servers():
            if server.is_enabled:
                name = f"server {_tenant(server)}{server.name}"
                try:
                    target = target_of(server, helo=our_name(config))
                    attempts.append((name, probe.Attempt(target, preset=server.preset)))
                except Refusal as refusal:
                    attempts.append((name, refusal))
        db.session.rollback()
    for name, attempt in attempts:
        if isinstance(attempt, Refusal):
            yield Finding(name, False, attempt.words)
            continue
        finding = probe.run_through(attempt, policy=policy_for(config), resolver=resolver)
        failure = finding.failure
        if failure is None:
            yield Finding(name, True, "a session went well")
        else:
            yield Finding(
                name, False, f"{failure.label}: {failure.meaning} {failure.words}".strip()
            )


def _tenant(server: SmtpServer) -> str:
    if server.white_label_id is None:
        return ""
    return f"{tenants.find_white_label(server.white_label_id).slug}/"
