"""What was done on the platform, and in each white label."""

from __future__ import annotations

from portal.web.audit import add_audit
from portal.web.backoffice import tenant
from portal.web.backoffice.door import bp

add_audit(bp)
add_audit(tenant.bp)
