"""The delivery log of the whole platform."""

from __future__ import annotations

from portal.web import log
from portal.web.backoffice.door import bp

log.add_log(bp)
