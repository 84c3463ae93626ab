"""Whose portal a request is for: decided from the host name before anything else is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, g, request

from portal.config import Config
from portal.core.db import db, reading
from portal.white_labels import origins
from portal.white_labels.models import Platform, WhiteLabel
from portal.white_labels.platform import find_platform

PLATFORM_SLUG = "platform"
ON_ANY_HOST = frozenset({"health"})
"""Blueprints of what machines ask about the process; they call it by number, not by name."""
WITHOUT_A_SITE = frozenset({"public.unsubscribe", "public.take_off", "public.plain_style"})
"""Views whose address says all they need. Where no portal is served any more, `g.site` is missing:
whatever else were let through would find no face that it belongs to."""
_host_and_port = re.compile(r"([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?::[0-9]{1,5})?").fullmatch


@dataclass(frozen=True, slots=True)
class Brand:
    """What a page shows of its portal; a copy, so that an error page needs no database."""

    name: str
    slug: str
    colour: str
    logo_mark: str | None = None  # changes with the logo; None: there is none
    platform_name: str = ""  # shown beside the white label's own, where the owner wants it
    is_demo: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """One portal: the platform's Backoffice, or a white label's."""

    host: str
    origin: str
    brand: Brand
    white_label_id: int | None = None
    is_suspended: bool = False

    @property
    def is_platform(self) -> bool:
        return self.white_label_id is None


def open_site(app: Flask) -> None:
    """Find the site of every request; an unknown host learns nothing."""

    @app.before_request
    def find_site() -> Response | None:
        if request.blueprint in ON_ANY_HOST:
            return None
        with reading():
            site = site_at(request.host)
            db.session.rollback()  # what follows begins a transaction of its own kind
        if site is None and request.endpoint in WITHOUT_A_SITE:
            return None
        if site is None:
            return Response("There is nothing here.\n", 404, content_type="text/plain")
        g.site = site
        return None


def site_at(host_and_port: str) -> Site | None:
    """The portal that answers at this `Host`, or None. The port is not part of a name."""
    found = _host_and_port(host_and_port.lower())
    if found is None:
        return None
    host = found[1]
    config: Config = current_app.config["LIVERY"]
    origin = origins.at_host(config.platform_origin, host)
    platform = find_platform()
    if host == urlsplit(config.platform_origin).hostname:
        g.white_label = None
        return Site(host, origin, _platform_brand(platform))
    white_label = origins.served_at(host)
    if white_label is None:
        return None
    g.white_label = white_label
    return Site(
        host, origin, _brand(white_label, platform), white_label.id, white_label.is_suspended
    )


def _platform_brand(platform: Platform | None) -> Brand:
    if platform is None:
        return Brand(name="Livery", slug=PLATFORM_SLUG, colour="#1f5fa8")
    return Brand(platform.name, PLATFORM_SLUG, platform.colour, is_demo=platform.is_demo)


def _brand(white_label: WhiteLabel, platform: Platform | None) -> Brand:
    shown = platform.name if platform and white_label.shows_platform_name else ""
    return Brand(
        white_label.name,
        white_label.slug,
        white_label.colour,
        logo_mark=white_label.logo_mark,
        platform_name=shown,
        is_demo=platform is not None and platform.is_demo,
    )
