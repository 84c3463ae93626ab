"""The brand of each white label, changed by the platform's owners."""

from __future__ import annotations

from portal.web.backoffice.tenant import bp
from portal.web.branding import add_brand

add_brand(bp)
