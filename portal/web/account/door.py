"""One's own account, the same in every portal: for anybody who is signed in."""

from __future__ import annotations

from flask import Blueprint

from portal.web.guard import Face, guard

bp = Blueprint("account", __name__, url_prefix="/account")
guard(bp, face=Face.ACCOUNT)
