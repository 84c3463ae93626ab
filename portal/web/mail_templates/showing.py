"""One template: how it looks with sample values, in each of its languages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flask import Response, abort, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms.validators import DataRequired

from portal.campaigns import listing as campaigns
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import lazy
from portal.mail_templates import drafting, templates
from portal.mail_templates.asking import asked_by
from portal.mail_templates.history import version_numbered
from portal.mail_templates.models import MailTemplate, TemplateText, TemplateVersion
from portal.mail_templates.wordings import Wording
from portal.web.forms import EmailField, Form, tidy
from portal.web.headers import policy
from portal.web.mail_templates.frames import frame
from portal.web.mail_templates.languages import language_name
from portal.web.mail_templates.listing import server_name

PREFIX = "sample-"


class TrialForm(Form):
    recipient = EmailField(
        lazy("Recipient"),
        filters=[tidy],
        validators=[DataRequired(lazy("To whom?"))],
        render_kw={"autocomplete": "email"},
    )


def find(template_id: int) -> MailTemplate:
    """The template of this portal, archived or not.

    Raises:
        NotFound: missing or somebody else's.
    """
    return templates.find_template(g.white_label, template_id, or_archived=True)


def template(template_id: int) -> ResponseReturnValue:
    """The mail first, then what it is made of."""
    shown = find(template_id)
    version = templates.latest(shown)
    if version is None:
        return redirect(url_for(".edit_template", template_id=template_id))
    return page_of(shown)


def keep_samples(template_id: int) -> ResponseReturnValue:
    """Remember what it is looked at with."""
    shown = find(template_id)
    form = Form()
    typed = typed_samples()
    if form.validate_on_submit():
        try:
            drafting.keep_samples(shown, typed)
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
            return page_of(find(template_id), form=form, typed=typed, refusal=refusal)
        db.session.commit()
        flash(_("The sample values are kept."))
    return redirect(url_for(".template", template_id=template_id, **_asked()))


def look(template_id: int) -> Response:
    """The frame: a stored version in one language."""
    shown = find(template_id)
    number = request.args.get("version", type=int)
    version = version_numbered(shown, number) if number else templates.newest_version(shown)
    language = request.args.get("language") or version.default_language
    text = next((text for text in version.texts if text.language == language), None)
    if text is None:
        abort(404)
    return frame(language, templates.wording_for_mail(text), shown.samples)


def typed_samples() -> dict[str, str]:
    """The samples in the form that was sent, by their names."""
    return {
        name.removeprefix(PREFIX): value
        for name, value in request.form.items()
        if name.startswith(PREFIX)
    }


def names_in(version: TemplateVersion) -> list[str]:
    """What it asks for in any language, apart from what every mail knows by itself."""
    return names_in_texts(version.texts)


def names_in_texts(texts: Iterable[TemplateText | Wording]) -> list[str]:
    """What these ask for together; nothing is read, so the store need not be held meanwhile."""
    names = {name for text in texts for name in asked_by(text).names}
    return sorted(name for name in names if "[" not in name)


def page_of(
    shown: MailTemplate,
    *,
    form: Form | None = None,
    typed: dict[str, str] | None = None,
    refusal: Refusal | None = None,
    trial: TrialForm | None = None,
) -> Response:
    """The template's own page, perhaps with forms that came back.

    Raises:
        Refusal: nothing was saved in it yet.
    """
    version = templates.newest_version(shown)
    samples = shown.samples if typed is None else typed
    languages = templates.languages_of(version)
    asked = _asked()
    if asked.get("language") not in languages:
        asked["language"] = version.default_language
    response = Response(
        render_template(
            "shared/templates/template.html",
            template=shown,
            version=version,
            languages=languages,
            language_name=language_name,
            asked=asked,
            form=form or Form(),
            trial=trial or TrialForm(formdata=None, recipient=g.person.email),
            samples={name: samples.get(name, "") for name in names_in(version)},
            refusal=refusal,
            server_name=server_name,
            campaigns=campaigns.with_template(shown) if shown.archived_at else (),
        )
    )
    response.headers["Content-Security-Policy"] = policy(frame_src="'self'")
    return response


def _asked() -> dict[str, Any]:
    """Language, paper and width that the address asks for."""
    return {
        name: request.values[name]
        for name in ("language", "paper", "width")
        if request.values.get(name)
    }
