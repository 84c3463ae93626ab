"""Templates of the platform's own mail."""

from __future__ import annotations

from portal.web.backoffice.door import bp
from portal.web.mail_templates import add_templates

add_templates(bp)
