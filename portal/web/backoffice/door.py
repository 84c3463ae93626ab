"""The Backoffice: for platform owners, on the platform's host."""

from __future__ import annotations

from flask import Blueprint

from portal.web.guard import Face, guard

bp = Blueprint("backoffice", __name__, url_prefix="/backoffice")
guard(bp, face=Face.BACKOFFICE)
