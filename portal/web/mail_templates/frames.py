"""The frame in which a mail is looked at: a page of its own that can do nothing.

Its outer page shows the subject, any faults, and in a frame inside it the HTML. Nothing runs,
nothing is sent, and pictures come from this portal only: looking tells nobody anything.
"""

from __future__ import annotations

import re

from flask import Response, g, render_template, request

from portal.core.db import db
from portal.core.words import lazy
from portal.mail_templates.wordings import Wording
from portal.outbox.preview import desk_of, preview

POLICY = (
    "sandbox; default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)
DARK, PHONE, BARE = "dark", "phone", "bare"
PARTS = {"subject": lazy("Subject"), "text": lazy("Text"), "html": lazy("HTML")}
_scheme = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)", re.IGNORECASE)


def frame(language: str, wording: Wording, typed: dict[str, str]) -> Response:
    """The mail with these samples, on the paper and at the width that the request asks for."""
    desk = desk_of(g.white_label)
    db.session.rollback()  # a mail may take its time; nobody should wait for a lock meanwhile
    shown = preview(desk, language, wording, typed=typed)
    paper = request.values.get("paper", "")
    html = as_on(paper, shown.html) if shown.html is not None else None
    response = Response(
        render_template(
            "shared/templates/frame.html",
            shown=shown,
            html=html,
            is_dark=paper == DARK,
            is_phone=request.values.get("width") == PHONE,
            is_bare=request.values.get("width") == BARE,
            parts=PARTS,
            mail_language=language,
        )
    )
    response.headers["Content-Security-Policy"] = POLICY
    response.headers["X-Frame-Options"] = "SAMEORIGIN"
    return response


def as_on(paper: str, html: str) -> str:
    """The HTML as it looks on light or on dark paper, whatever the reader's own browser prefers."""
    wanted = DARK if paper == DARK else "light"

    def always_or_never(match: re.Match[str]) -> str:
        return "(min-width: 0)" if match[1].lower() == wanted else "(max-width: 0)"

    return _scheme.sub(always_or_never, html)
