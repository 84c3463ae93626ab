"""The public face: pages for people who are not signed in, on every portal's host."""

from __future__ import annotations

from flask import Blueprint

from portal.web.guard import Face, guard

bp = Blueprint("public", __name__)
guard(bp, face=Face.PUBLIC)
