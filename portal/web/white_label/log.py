"""The delivery log of a white label; agents see their own mail in it."""

from __future__ import annotations

from portal.web import log
from portal.web.white_label.door import bp

log.add_log(bp)
