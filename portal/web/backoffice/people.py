"""The platform's owners, and the people of each white label."""

from __future__ import annotations

from portal.web.backoffice import tenant
from portal.web.backoffice.door import bp
from portal.web.people import add_people

add_people(bp, has_roles=False)
add_people(tenant.bp)
