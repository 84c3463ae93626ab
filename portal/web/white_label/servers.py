"""SMTP servers of a white label."""

from __future__ import annotations

from flask import g, render_template, request

from portal.routing.ways import is_in_sandbox
from portal.web.smtp_servers import add_pages
from portal.web.smtp_servers.bearer import ask_for_bearer
from portal.web.smtp_servers.watching import server_rows
from portal.web.white_label.door import bp
from portal.white_labels.models import MailMode


@bp.get("/servers")
def servers() -> str:
    """All of them, and how each one stands."""
    search = request.args.get("q", "").strip()
    return render_template(
        "white_label/servers/list.html",
        rows=server_rows(search),
        search=search,
        are_in_use=g.white_label.mail_mode is MailMode.OWN,
        is_in_sandbox=is_in_sandbox(g.white_label.id),
    )


add_pages(bp, at="/servers")
bp.add_url_rule("/servers/ask-for-bearer", view_func=ask_for_bearer, methods=["POST"])
