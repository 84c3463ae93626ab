"""Pages of a white label's portal: send, set up, watch."""

from __future__ import annotations

from portal.web.white_label import (
    apps,
    audiences,
    audit,
    brand,
    campaign_report,
    campaign_steps,
    campaigns,
    compose,
    desk,
    domains,
    hostnames,
    imports,
    log,
    mail_server,
    overview,
    people,
    sandbox,
    senders,
    servers,
    suppressions,
    templates,
)
from portal.web.white_label.door import bp as bp

FAMILIES = (
    apps,
    audiences,
    audit,
    brand,
    campaign_report,
    campaign_steps,
    campaigns,
    compose,
    desk,
    domains,
    hostnames,
    imports,
    log,
    mail_server,
    overview,
    people,
    sandbox,
    senders,
    servers,
    suppressions,
    templates,
)
