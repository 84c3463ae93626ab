"""The first page of a white label's portal: does mail leave, and what needs a hand."""

from __future__ import annotations

from flask import render_template

from portal.web.guard import for_agents
from portal.web.white_label.door import bp


@bp.get("/overview")
@for_agents
def overview() -> str:
    return render_template("white_label/overview.html")
