"""One white label in the Backoffice: everything below `/white-labels/<id>`.

A blueprint within the Backoffice's, so its guard stands before these pages too.
"""

from __future__ import annotations

from flask import Blueprint

from portal.web.tenant import look_after

bp = Blueprint("white_label", __name__, url_prefix="/white-labels/<int:white_label_id>")
look_after(bp)
