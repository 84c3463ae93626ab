"""Where to go after a detour: only to a page of this very portal."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import current_app, request, url_for
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect


def next_page() -> str:
    """The path that came as `next` if the URL map has a page there, else the front page."""
    wanted = request.values.get("next", "")
    return wanted if is_page(wanted) else url_for("public.front")


def is_page(wanted: str) -> bool:
    """Whether this is a path of ours that can be opened, and nothing that leads elsewhere.

    Browsers read a backslash as a slash, and no header can hold the end of a line, so that neither
    may stand in it.
    """
    if not wanted.startswith("/") or wanted.startswith("//") or "\\" in wanted:
        return False
    if not wanted.isprintable():
        return False
    try:
        parts = urlsplit(wanted)
        routes = current_app.url_map.bind(request.host)
        endpoint, _arguments = routes.match(parts.path, method="GET")
    except (ValueError, HTTPException, RequestRedirect):
        return False
    return not (parts.scheme or parts.netloc) and endpoint != "static"
