"""One white label in the Backoffice: everything below `/white-labels/<id>`.

A blueprint within the Backoffice's, so its guard stands before these pages too.
"""

from __future__ import annotations

from flask import Blueprint

from portal.web.tenant import look_after, looked_after
from portal.white_labels.models import WhiteLabel

bp = Blueprint("white_label", __name__, url_prefix="/white-labels/<int:white_label_id>")
look_after(bp)


def the_white_label() -> WhiteLabel:
    """The one that the address names."""
    shown = looked_after()
    assert shown is not None, "every address of this blueprint names a white label"
    return shown
