"""The first page of the Backoffice: does the platform's mail leave, and what needs a hand."""

from __future__ import annotations

from flask import render_template

from portal.web.backoffice.door import bp


@bp.get("/")
def overview() -> str:
    return render_template("backoffice/overview.html")
