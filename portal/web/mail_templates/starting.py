"""Beginning a template: from the gallery, or with nothing."""

from __future__ import annotations

from flask import Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.core.db import db
from portal.core.errors import Refusal
from portal.mail_templates import gallery as shelf
from portal.mail_templates import templates as acts
from portal.web.headers import policy
from portal.web.mail_templates.frames import frame
from portal.web.mail_templates.languages import language_name
from portal.web.mail_templates.settings import NameForm
from portal.web.reader import language as readers_language


def gallery() -> Response:
    """What one can begin with, as it looks in this portal's brand."""
    response = Response(
        render_template(
            "shared/templates/gallery.html",
            starts=shelf.STARTS.values(),
            mail_language=_language(),
            languages=shelf.LANGUAGES,
            language_name=language_name,
        )
    )
    response.headers["Content-Security-Policy"] = policy(frame_src="'self'")
    return response


def gallery_look() -> Response:
    """The frame: one of them, in one language."""
    start = shelf.find_start(request.args.get("start") or next(iter(shelf.STARTS)))
    language = _language()
    return frame(
        language, shelf.wordings_of(start)[language], dict(shelf.samples_of(start, language))
    )


def new_template() -> ResponseReturnValue:
    """Name it; from the gallery it comes with all its languages, else the editor is next."""
    key = request.args.get("start", "")
    start = shelf.find_start(key) if key else None
    form = NameForm(
        name=str(start.name) if start else "",
        slug=start.key if start else "",
    )
    if form.validate_on_submit():
        db.session.rollback()  # getting texts ready takes its time; nobody should wait for a lock
        texts = None if start is None else shelf.texts_of(start)
        try:
            new = acts.create(g.white_label, slug=form.slug.data, name=form.name.data)
            if start is not None:
                shelf.begin(new, start, default_language=_language(), by=g.person, texts=texts)
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            if start is None:
                return redirect(url_for(".edit_template", template_id=new.id))
            flash(_("%(name)s is ready. Change its words as you like.", name=new.name))
            return redirect(url_for(".template", template_id=new.id))
    response = Response(
        render_template(
            "shared/templates/new.html",
            form=form,
            start=start,
            mail_language=_language(),
            names=[language_name(code) for code in shelf.LANGUAGES],
        )
    )
    response.headers["Content-Security-Policy"] = policy(frame_src="'self'")
    return response


def _language() -> str:
    """The one that is asked for, else the reader's own, if the gallery speaks it."""
    wanted = (request.args.get("language", ""), readers_language(), shelf.LANGUAGES[0])
    return next(code for code in wanted if code in shelf.LANGUAGES)
