"""The conversations with all white labels."""

from __future__ import annotations

from portal.web.backoffice.door import bp
from portal.web.desk import add_desk

add_desk(bp)
