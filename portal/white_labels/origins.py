"""Where a portal is reached: the stored origins that links begin with, and whose a host is."""

from __future__ import annotations

from urllib.parse import urlsplit

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from portal.core.db import db
from portal.white_labels.models import Hostname, WhiteLabel
from portal.white_labels.platform import the_platform


def served_at(host: str) -> WhiteLabel | None:
    """The white label whose portal answers at this canonical name; only a name that is proven
    and not suspended counts."""
    hostname = db.session.scalar(
        select(Hostname)
        .where(Hostname.name == host, Hostname.is_served)
        .options(joinedload(Hostname.white_label))
    )
    return hostname.white_label if hostname else None


def origin_of(white_label: WhiteLabel | None) -> str:
    """Scheme, host and port that links to this portal begin with; None is the Backoffice.

    A white label is reached by its first name that is served, with the platform's scheme and port;
    while it has none, its people have no portal to go to and links lead to the platform.
    """
    platform = the_platform().origin
    if white_label is None:
        return platform
    name = db.session.scalar(
        select(Hostname.name)
        .where(Hostname.white_label_id == white_label.id, Hostname.is_served)
        .order_by(Hostname.id)
        .limit(1)
    )
    return at_host(platform, name) if name else platform


def at_host(origin: str, host: str) -> str:
    """The same scheme and port at another host."""
    parts = urlsplit(origin)
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://{host}{port}"
