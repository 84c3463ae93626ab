"""The white label's own hostnames, looked after by its admins."""

from __future__ import annotations

from portal.web.hostnames import add_hostnames
from portal.web.white_label.door import bp

add_hostnames(bp)
