"""Where the pages of servers stand: in a white label's portal or in the Backoffice."""

from __future__ import annotations

from flask import g, url_for


def list_url() -> str:
    """The page with the list of servers."""
    if g.white_label is None:
        return url_for("backoffice.communication")
    return url_for("white_label.servers")
