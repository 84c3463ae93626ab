"""This white label's conversations with the Backoffice."""

from __future__ import annotations

from portal.web.desk import add_desk
from portal.web.white_label.door import bp

add_desk(bp)
