"""The admins and agents of this white label."""

from __future__ import annotations

from portal.web.people import add_people
from portal.web.white_label.door import bp

add_people(bp)
