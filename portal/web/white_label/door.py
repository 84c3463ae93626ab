"""The portal of one white label: for its admins, and agents where a view says so."""

from __future__ import annotations

from flask import Blueprint

from portal.web.guard import Face, guard

bp = Blueprint("white_label", __name__)
guard(bp, face=Face.WHITE_LABEL)
