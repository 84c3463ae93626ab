"""The front door, and how the pages look: light or dark."""

from __future__ import annotations

from datetime import timedelta

from flask import abort, current_app, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from portal.config import Config
from portal.web.next_page import next_page
from portal.web.public.door import bp
from portal.web.reader import THEME_COOKIE, THEMES

A_YEAR = timedelta(days=365)


@bp.get("/")
def front() -> ResponseReturnValue:
    """To the overview; whoever is not signed in is asked to on the way."""
    face = "backoffice" if g.site.is_platform else "white_label"
    return redirect(url_for(f"{face}.overview"))


@bp.post("/theme")
def choose_theme() -> ResponseReturnValue:
    """Light, dark, or (anything else is refused) what the system has; kept in this browser."""
    chosen = request.form.get("theme", "")
    if chosen not in (*THEMES, "auto"):
        abort(400)
    config: Config = current_app.config["LIVERY"]
    response = redirect(next_page())
    if chosen == "auto":
        response.delete_cookie(THEME_COOKIE, samesite="Lax")
    else:
        response.set_cookie(
            THEME_COOKIE,
            chosen,
            max_age=A_YEAR,
            secure=config.is_https,
            httponly=True,
            samesite="Lax",
        )
    return response
