"""Pages of the Backoffice: the platform's settings, its white labels, and what leaves."""

from __future__ import annotations

from portal.web.backoffice import (
    apps,
    audit,
    brand,
    communication,
    desk,
    domain_requests,
    domains,
    features,
    health,
    hostnames,
    log,
    overview,
    people,
    record_templates,
    signing,
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
    domain_requests,
    domains,
    features,
    health,
    hostnames,
    log,
    overview,
    people,
    record_templates,
    signing,
    templates,
    white_labels,
)
bp.register_blueprint(tenant.bp)
