"""The brand of this white label, changed by its admins."""

from __future__ import annotations

from portal.web.branding import add_brand
from portal.web.white_label.door import bp

add_brand(bp)
