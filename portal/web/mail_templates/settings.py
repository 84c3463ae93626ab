"""What a template is called, through which server it leaves, and whether it is in use."""

from __future__ import annotations

from collections.abc import Sequence

from flask import flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import SelectChoice, SelectField, StringField
from wtforms.validators import DataRequired

from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import lazy
from portal.mail_templates import drafting, templates
from portal.mail_templates.models import MailTemplate
from portal.smtp_settings import servers
from portal.smtp_settings.models import SmtpServer
from portal.web.edit_form import EditForm
from portal.web.forms import tidy
from portal.web.mail_templates.languages import choices
from portal.web.mail_templates.listing import server_name
from portal.web.mail_templates.showing import find

_AS_WRITTEN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class NameForm(EditForm):
    name = StringField(
        lazy("Name"),
        filters=[tidy],
        description=lazy("What you call it; readers never see it."),
        validators=[DataRequired(lazy("What is it called?"))],
        render_kw={"autocomplete": "off", "maxlength": "120"},
    )
    slug = StringField(
        lazy("Short name"),
        filters=[tidy],
        description=lazy("What programs call it: small letters, digits, - and _."),
        validators=[DataRequired(lazy("What do programs call it?"))],
        render_kw={**_AS_WRITTEN, "maxlength": "60"},
    )


class SettingsForm(NameForm):
    server = SelectField(
        lazy("Preferred server"),
        description=lazy(
            "Mail of this kind leaves through it wherever the app's owner may use it; otherwise, "
            "and without one, one of the available servers is drawn."
        ),
    )
    default_language = SelectField(
        lazy("Default language"),
        description=lazy("For readers whose language it does not speak."),
    )


def template_settings(template_id: int) -> ResponseReturnValue:
    """Change them."""
    shown = find(template_id)
    form = _form_of(shown)
    if form.validate_on_submit():
        try:
            _change(shown, form)
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(_("Saved."))
            return redirect(url_for(".template", template_id=template_id))
    return render_template("shared/templates/settings.html", template=find(template_id), form=form)


def copy_template(template_id: int) -> ResponseReturnValue:
    """Another one that says the same."""
    shown = find(template_id)
    form = NameForm(
        name=_("Copy of %(name)s", name=shown.name)[:120], slug=f"{shown.slug[:55]}-copy"
    )
    if form.validate_on_submit():
        try:
            new = drafting.copy(
                shown, of=g.white_label, slug=form.slug.data, name=form.name.data, by=g.person
            )
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(_("%(name)s says the same now and has a history of its own.", name=new.name))
            return redirect(url_for(".template", template_id=new.id))
    return render_template("shared/templates/copy.html", template=find(template_id), form=form)


def archive_template(template_id: int) -> ResponseReturnValue:
    """Put it away; its page then names the campaigns that still leave with it."""
    shown = find(template_id)
    templates.archive(shown)
    db.session.commit()
    flash(
        _(
            "%(name)s is archived. Whatever names it from now on is refused; what was accepted "
            "before still leaves.",
            name=shown.name,
        )
    )
    return redirect(url_for(".template", template_id=template_id))


def unarchive_template(template_id: int) -> ResponseReturnValue:
    """Use it again."""
    shown = find(template_id)
    templates.unarchive(shown)
    db.session.commit()
    flash(_("%(name)s is in use again.", name=shown.name))
    return redirect(url_for(".template", template_id=template_id))


def _form_of(shown: MailTemplate) -> SettingsForm:
    version = templates.latest(shown)
    form = SettingsForm(
        name=shown.name,
        slug=shown.slug,
        server=str(shown.preferred_server_id or ""),
        default_language=version.default_language if version else "",
    )
    form.server.choices = [
        SelectChoice("", _("None: one of the available servers is drawn")),
        *(SelectChoice(str(server.id), server_name(server)) for server in _servers()),
    ]
    if version is None:
        del form.default_language
    else:
        form.default_language.choices = choices(templates.languages_of(version))
    return form


def _change(shown: MailTemplate, form: SettingsForm) -> None:
    """Everything that is typed, or nothing."""
    templates.change(shown, name=form.name.data, slug=form.slug.data)
    chosen = next((one for one in _servers() if str(one.id) == form.server.data), None)
    templates.prefer(shown, chosen)
    version = templates.latest(shown)
    if version is not None and form.default_language.data != version.default_language:
        drafting.set_default(shown, form.default_language.data, by=g.person)


def _servers() -> Sequence[SmtpServer]:
    """The own ones; a white label may also prefer one of the platform's."""
    own = servers.servers_of(g.white_label)
    if g.white_label is None:
        return own
    return [*own, *(one for one in servers.servers_of(None) if one.is_enabled)]
