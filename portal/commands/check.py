"""`flask check`: the doctor. Looks at everything that has to be right, and names what is not."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from dataclasses import asdict

import click
from flask import current_app
from flask.cli import with_appcontext

from portal.config import Config
from portal.core import checkup
from portal.core.checkup import Finding, Wrong, look_at
from portal.core.db import db, reading
from portal.core.errors import Refusal
from portal.delivery.status import readiness
from portal.smtp.egress import LookupFault, Resolver
from portal.smtp.hosts import as_address
from portal.smtp.name_lookup import SystemResolver
from portal.smtp_settings import probe, servers
from portal.smtp_settings.models import SmtpServer
from portal.smtp_settings.targets import our_name, policy_for, target_of
from portal.white_labels import platform, tenants

LOOKUP_TAKES = 5.0  # seconds at most


@click.command("check")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--no-sessions", is_flag=True, help="Do not knock at the SMTP servers.")
@with_appcontext
def check(*, as_json: bool, no_sessions: bool) -> None:
    """Look at everything that has to be right.

    That is database, schema, keys, clock, set-up, proxies, broker, journal, workers, DNS, and a
    session to every server that is switched on. Exit 1 when anything is wrong; each line says what.
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
    found = list(checkup.quick(config.key_file))
    yield from found
    if not found[0].is_right:
        return
    yield look_at("set-up", lambda: _set_up(config))
    yield look_at("proxies", lambda: _proxies(config))
    yield look_at("broker", lambda: _broker(config))
    yield look_at("journal", lambda: _journal(config))
    yield from _delivery()
    yield look_at("DNS", lambda: _dns(resolver))
    if opens_sessions:
        yield from _servers(config, resolver)


def _set_up(config: Config) -> str:
    found = platform.find_platform()
    if found is None:
        raise Wrong("nobody has set the platform up: `flask setup-link` or `flask provision`")
    if found.is_demo and found.origin.startswith("https://"):
        raise Wrong("this is the demo, whose passwords are public, at a public address")
    if found.origin != config.platform_origin:
        raise Wrong(
            f"links in mails begin with {found.origin}, and LIVERY_PLATFORM_ORIGIN is "
            f"{config.platform_origin}: provision the one that is right as origin in [platform]"
        )
    return f"{found.name} at {found.origin}" + (" (the demo)" if found.is_demo else "")


def _proxies(config: Config) -> str:
    """`flask serve` speaks HTTP only: behind an https origin somebody else does the rest."""
    if config.is_https and not config.trusted_proxies:
        raise Wrong(
            f"{config.platform_origin} is served through a proxy, and LIVERY_TRUSTED_PROXIES is "
            "0: every visitor seems to come from there, and sign-in delays count all of them as one"
        )
    return f"{config.trusted_proxies} in front tell where a visitor is"


def _broker(config: Config) -> str:
    if config.broker_url is None:
        return "embedded"
    from redis import Redis  # noqa: PLC0415 - 20 MB that every other command can do without
    from redis.exceptions import RedisError  # noqa: PLC0415

    try:
        with Redis.from_url(config.broker_url, socket_timeout=3) as broker:
            broker.ping()
    except RedisError as fault:
        raise Wrong(f"{type(fault).__name__}: {fault}") from None
    return "answers"


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
    names = {
        one.host for one in servers.all_servers() if one.is_enabled and as_address(one.host) is None
    }
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
                    target = target_of(
                        server, helo=our_name(config), authority=config.microsoft_authority
                    )
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
