"""Pages of a white label's portal: send, set up, watch."""

from __future__ import annotations

from portal.web.white_label import overview
from portal.web.white_label.door import bp as bp

FAMILIES = (overview,)
