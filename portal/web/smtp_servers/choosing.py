"""The first step of a new server: which service is it? What it settles need not be typed."""

from __future__ import annotations

from collections.abc import Sequence

from flask import g, render_template, request
from flask.typing import ResponseReturnValue

from portal.core.words import Words, lazy
from portal.smtp_settings import servers
from portal.smtp_settings.modes import AuthKind
from portal.smtp_settings.presets import MAILBOX_WARNING, PRESETS, Fitness, Preset, preset
from portal.smtp_settings.values import ServerValues, limits_for
from portal.web.guard import confirmed
from portal.web.smtp_servers.bearer import is_enabled
from portal.web.smtp_servers.changing import Sheet, work_on
from portal.web.smtp_servers.place import list_url

GROUPS: Sequence[tuple[Fitness, Words, Sequence[Words]]] = (
    (
        Fitness.TRANSACTIONAL,
        lazy("For mail that programs send"),
        (lazy("Built for it: high limits, and they tell what was delivered."),),
    ),
    (Fitness.MAILBOX, lazy("Mailboxes of people"), MAILBOX_WARNING),
    (
        Fitness.UNKNOWN,
        lazy("Any other server"),
        (
            lazy("You type host, port and encryption yourself."),
            lazy("A server of your own costs least, and its reputation is yours alone."),
        ),
    ),
)


@confirmed
def new_server() -> ResponseReturnValue:
    """The list of services; with `?preset=` the form for one of them."""
    key = request.args.get("preset", "")
    if not key:
        search = request.args.get("q", "").strip()
        return render_template(
            "shared/servers/services.html",
            groups=[(*group, _found(search, group[0])) for group in GROUPS],
            search=search,
            search_text=search_text,
            list_url=list_url(),
        )
    service = preset(key)
    return work_on(Sheet(service, _first_values(service)))


def _found(search: str, fitness: Fitness) -> list[Preset]:
    """The services of one group whose name or host has what was typed."""
    words = search.casefold()
    return [
        service
        for service in PRESETS.values()
        if service.fitness is fitness
        # Whoever finds nothing has a server that no preset knows.
        and (words in search_text(service) or fitness is Fitness.UNKNOWN)
    ]


def search_text(service: Preset) -> str:
    """What a search looks through."""
    hosts = " ".join(host.name for host in service.hosts)
    return f"{service.label} {service.key} {hosts}".casefold()


def _first_values(service: Preset) -> ServerValues:
    limits = limits_for(service.key, service.host, is_platform=g.white_label is None)
    return ServerValues(
        name=_free_name(service),
        host=service.host,
        port=service.port,
        tls=service.tls,
        auth=_first_auth(service),
        preset=service.key,
        max_recipients=limits.max_recipients,
        max_bytes=limits.max_bytes,
        max_per_connection=limits.max_per_connection,
        per_second=limits.per_second,
        per_minute=limits.per_minute,
        per_hour=limits.per_hour,
        per_day=limits.per_day,
    )


def _first_auth(service: Preset) -> AuthKind:
    """Where Microsoft may be signed in to by token, that is the way that lasts."""
    by_token = service.fitness is Fitness.MAILBOX and AuthKind.BEARER in service.auths
    return AuthKind.BEARER if by_token and is_enabled() else service.auth


def _free_name(service: Preset) -> str:
    """The service's own name, numbered where there is one already."""
    if service.is_typed_by_hand:
        return ""
    taken = {server.name for server in servers.servers_of(g.white_label)}
    names = (f"{service.label} {n}" if n > 1 else str(service.label) for n in range(1, 1000))
    return next(name for name in names if name not in taken)
