"""Pages of the Backoffice: the platform's settings, its white labels, and what leaves."""

from __future__ import annotations

from portal.web.backoffice import (
    apps,
    audit,
    brand,
    communication,
    desk,
    health,
    hostnames,
    log,
    overview,
    people,
    templates,
    tenant,
    white_labels,
)
from portal.web.backoffice.door import bp as bp

FAMILIES = (
    apps,
    audit,
    brand,
    communication,
    desk,
    health,
    hostnames,
    log,
    overview,
    people,
    templates,
    white_labels,
)
bp.register_blueprint(tenant.bp)
