"""Templates: what this white label's mail says."""

from __future__ import annotations

from portal.web.mail_templates import add_templates
from portal.web.white_label.door import bp

add_templates(bp)
