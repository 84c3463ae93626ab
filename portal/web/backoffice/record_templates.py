"""Record templates: what each mail provider wants to see in the DNS of a domain."""

from __future__ import annotations

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import BooleanField, StringField, TextAreaField
from wtforms.validators import DataRequired

from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import lazy
from portal.desk import record_templates as acts
from portal.desk.pasted_records import EXAMPLE, read_records
from portal.desk.request_models import RecordTemplate
from portal.web.backoffice.door import bp
from portal.web.edit_form import EditForm
from portal.web.forms import Form, tidy


class RecordTemplateForm(EditForm):
    name = StringField(
        lazy("Name"),
        filters=[tidy],
        description=lazy("Mostly the mail provider's."),
        validators=[DataRequired(lazy("What is it called?"))],
        render_kw={"autocomplete": "off", "maxlength": str(acts.MOST_NAME)},
    )
    records = TextAreaField(
        lazy("Records"),
        description=lazy(
            "Type, name and value, one record a line, like: TXT @ v=spf1 "
            "include:spf.provider.example ~all. Where {domain} stands, the domain is put in."
        ),
        render_kw={"rows": "6", "spellcheck": "false", "class": "mono"},
    )
    signs = BooleanField(
        lazy("Sign mail here"),
        description=lazy("Adds a DKIM key of this installation, for providers that do not sign."),
    )
    note = TextAreaField(
        lazy("Note"),
        description=lazy("Goes along with the records, unless you write another one."),
        render_kw={"rows": "2", "maxlength": str(acts.MOST_NOTE)},
    )


@bp.get("/record-templates", endpoint="record_templates")
def list_record_templates() -> str:
    """All of them, by name."""
    return render_template(
        "backoffice/record_templates/list.html",
        templates=acts.all_templates(),
        count_of=lambda template: len(read_records(template.records, EXAMPLE)),
    )


@bp.route("/record-templates/new", methods=["GET", "POST"])
def new_record_template() -> ResponseReturnValue:
    return _edit(None, RecordTemplateForm())


@bp.route("/record-templates/<int:record_template_id>", methods=["GET", "POST"])
def record_template(record_template_id: int) -> ResponseReturnValue:
    found = acts.find_template(record_template_id)
    return _edit(found, RecordTemplateForm(obj=found))


@bp.route("/record-templates/<int:record_template_id>/delete", methods=["GET", "POST"])
def delete_record_template(record_template_id: int) -> ResponseReturnValue:
    found, form = acts.find_template(record_template_id), Form()
    if form.validate_on_submit():
        name = found.name
        acts.delete(found)
        db.session.commit()
        flash(_("The record template %(name)s is deleted.", name=name))
        return redirect(url_for(".record_templates"))
    return render_template("backoffice/record_templates/delete.html", form=form, template=found)


def _edit(found: RecordTemplate | None, form: RecordTemplateForm) -> ResponseReturnValue:
    if form.validate_on_submit():
        try:
            acts.save(
                found,
                name=form.name.data,
                records=form.records.data or "",
                note=form.note.data or "",
                signs=form.signs.data,
            )
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(_("Saved."))
            return redirect(url_for(".record_templates"))
    return render_template("backoffice/record_templates/edit.html", form=form, template=found)
