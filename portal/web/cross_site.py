"""No other site may send our forms: the browser says where a request comes from.

This stands beside the CSRF token, not in its place. White labels are neighbours under one
domain, so that even `same-site` is somebody else.
"""

from __future__ import annotations

from flask import Flask, abort, request

from portal.web.guard import SAFE_METHODS

OURS = frozenset({"same-origin", "none"})


def open_cross_site(app: Flask) -> None:
    """Refuse what another origin's page sent; programs do not say where they come from."""

    @app.before_request
    def refuse_other_sites() -> None:
        sent_from = request.headers.get("Sec-Fetch-Site")
        if sent_from and sent_from not in OURS and request.method not in SAFE_METHODS:
            abort(400)
