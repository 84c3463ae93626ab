"""What was done in this white label."""

from __future__ import annotations

from portal.web.audit import add_audit
from portal.web.white_label.door import bp

add_audit(bp)
