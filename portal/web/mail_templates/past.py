"""What a template said before: its versions, who saved them, and what each changed."""

from __future__ import annotations

from flask import Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.core.db import db
from portal.mail_templates import drafting, templates
from portal.mail_templates.history import Line, difference, version_numbered, versions_of
from portal.mail_templates.models import TemplateVersion
from portal.web.headers import policy
from portal.web.mail_templates.frames import PARTS
from portal.web.mail_templates.languages import language_name
from portal.web.mail_templates.showing import find


def template_history(template_id: int) -> str:
    """Its versions, the newest first."""
    shown = find(template_id)
    return render_template(
        "shared/templates/history.html",
        template=shown,
        latest=templates.latest(shown),
        page_of=versions_of(
            shown,
            before=request.args.get("before", type=int),
            after=request.args.get("after", type=int),
        ),
        languages_of=templates.languages_of,
        language_name=language_name,
    )


def template_version(template_id: int, number: int) -> Response:
    """One version, compared with the one before or with any other."""
    shown = find(template_id)
    version = version_numbered(shown, number)
    against = request.args.get("against", default=number - 1, type=int)
    other = version_numbered(shown, against) if against else None
    languages = templates.languages_of(version)
    language = request.args.get("language")
    response = Response(
        render_template(
            "shared/templates/version.html",
            template=shown,
            version=version,
            latest=templates.newest_version(shown),
            against=against,
            changes=differences(other, version),
            parts=PARTS,
            languages=languages,
            mail_language=language if language in languages else version.default_language,
            language_name=language_name,
        )
    )
    response.headers["Content-Security-Policy"] = policy(frame_src="'self'")
    return response


def take_again(template_id: int, number: int) -> ResponseReturnValue:
    """What it said then is what it says now."""
    shown = find(template_id)
    version = drafting.take_again(shown, number, by=g.person)
    db.session.commit()
    flash(
        _(
            "Version %(new)s says what version %(old)s said.",
            new=version.number,
            old=number,
        )
    )
    return redirect(url_for(".template", template_id=template_id))


def differences(
    before: TemplateVersion | None, after: TemplateVersion
) -> dict[str, dict[str, list[Line]]]:
    """What differs, by language and part; a language that is new or gone differs as a whole."""
    old = templates.wordings_of(before) if before else {}
    new = templates.wordings_of(after)
    found = {code: difference(old.get(code), new.get(code)) for code in sorted({*old, *new})}
    return {code: parts for code, parts in found.items() if parts}
