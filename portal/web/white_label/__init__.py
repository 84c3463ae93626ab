"""Pages of a white label's portal: send, set up, watch."""

from __future__ import annotations

from portal.web.white_label import (
    apps,
    audit,
    brand,
    compose,
    desk,
    domains,
    hostnames,
    log,
    mail_server,
    overview,
    people,
    senders,
    servers,
    suppressions,
    templates,
)
from portal.web.white_label.door import bp as bp

FAMILIES = (
    apps,
    audit,
    brand,
    compose,
    desk,
    domains,
    hostnames,
    log,
    mail_server,
    overview,
    people,
    senders,
    servers,
    suppressions,
    templates,
)
