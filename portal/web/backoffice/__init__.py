"""Pages of the Backoffice: the platform's settings, its white labels, and what leaves."""

from __future__ import annotations

from portal.web.backoffice import apps, communication, log, overview
from portal.web.backoffice.door import bp as bp

FAMILIES = (
    apps,
    communication,
    log,
    overview,
)
