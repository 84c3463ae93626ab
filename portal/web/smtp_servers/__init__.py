"""Pages of SMTP servers, the same for a white label's own and for the platform's."""

from __future__ import annotations

from flask import Blueprint

from portal.web.smtp_servers import changing, choosing, watching


def add_pages(bp: Blueprint, *, at: str) -> None:
    """Serve them below this path of the blueprint; the list itself is the blueprint's own page.

    `g.white_label` says whose servers they are: None is the platform.
    """
    one = f"{at}/<int:server_id>"
    both = ["GET", "POST"]
    bp.add_url_rule(f"{at}.csv", "servers_csv", watching.servers_csv)
    bp.add_url_rule(f"{at}/new", "new_server", choosing.new_server, methods=both)
    bp.add_url_rule(one, "server", watching.server, methods=both)
    bp.add_url_rule(f"{one}/edit", "edit_server", changing.edit_server, methods=both)
    bp.add_url_rule(f"{one}/switch", "switch_server", changing.switch_server, methods=["POST"])
    bp.add_url_rule(f"{one}/delete", "delete_server", changing.delete_server, methods=both)
