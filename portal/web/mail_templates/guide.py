"""The language of templates, explained with examples that are made while the page is shown."""

from __future__ import annotations

import json

from flask import render_template

from portal.mail_templates import guide


def template_language() -> str:
    """What can be written, what comes out of it, and where it ends."""
    return render_template(
        "shared/templates/guide.html",
        chapters=guide.CHAPTERS,
        outcome=guide.outcome,
        as_json=lambda values: json.dumps(values, ensure_ascii=False),
        own=guide.OWN_VALUES,
        limits=guide.LIMITS,
        filters=guide.filters(),
    )
