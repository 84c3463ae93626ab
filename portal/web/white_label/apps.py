"""Apps of a white label: what sends mail, which way it leaves, and the keys that let it in."""

from __future__ import annotations

from flask import Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import BooleanField, RadioField, SelectChoice, SelectField, StringField
from wtforms.validators import DataRequired

from portal.accounts import people
from portal.accounts.models import Role
from portal.apps import apps as acts
from portal.apps import keys
from portal.apps.models import KeyKind
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import lazy
from portal.outbox import acts as mail
from portal.outbox import effects
from portal.routing.ways import is_in_sandbox, ways_of
from portal.web import simulator
from portal.web.csv_file import csv_file
from portal.web.edit_form import EditForm
from portal.web.forms import Form, Query, tidy
from portal.web.guard import confirmed
from portal.web.white_label.door import bp
from portal.white_labels.platform import the_platform

simulator.add_simulator(bp)


class SearchForm(Query):
    q = StringField(lazy("Search"), filters=[tidy], render_kw={"type": "search"})


class AppForm(EditForm):
    name = StringField(
        lazy("Name"),
        filters=[tidy],
        description=lazy("As your people call it: Shop, Blog, Invoices."),
        validators=[DataRequired(lazy("What is the app called?"))],
        render_kw={"autocomplete": "off"},
    )
    contact_email = StringField(
        lazy("Contact address"),
        filters=[tidy],
        description=lazy("Who to ask about this app; offered as Reply-To."),
        render_kw={"autocomplete": "email", "inputmode": "email"},
    )


class NewAppForm(AppForm):
    owner = SelectField(
        lazy("Owner"),
        coerce=int,
        description=lazy(
            "A custom SMTP server is used only for apps of the person who configured it."
        ),
    )


class KeyForm(Form):
    name = StringField(
        lazy("Name"),
        filters=[tidy],
        description=lazy("Where it is used, so that you know which one to revoke one day."),
        validators=[DataRequired(lazy("Where will this key be used?"))],
        render_kw={"autocomplete": "off"},
    )
    kind = RadioField(
        lazy("Kind"),
        description=lazy("With a live key the app can also launch campaigns, to every audience."),
        choices=[
            SelectChoice(KeyKind.LIVE.value, lazy("Live: mail leaves")),
            SelectChoice(
                KeyKind.TEST.value, lazy("Test: everything is accepted and shown, nothing leaves")
            ),
        ],
        default=KeyKind.LIVE.value,
    )


class DeleteForm(Form):
    cancels = BooleanField(lazy("Cancel the mail that still waits"))


@bp.get("/apps")
def apps() -> str:
    form = SearchForm()
    page = acts.search_apps(
        g.white_label,
        form.q.data or "",
        before=request.args.get("before", type=int),
        after=request.args.get("after", type=int),
    )
    return render_template(
        "white_label/apps/apps.html",
        form=form,
        page_of_apps=page,
        ways=ways_of(page.rows),
        is_in_sandbox=is_in_sandbox(g.white_label.id),
    )


@bp.get("/apps.csv")
def apps_csv() -> Response:
    all_of_them = acts.apps_of(g.white_label)
    ways = ways_of(all_of_them)
    header = (_("App"), _("Owner"), _("Contact address"), _("Route"), _("Keys"))
    rows = [
        (app.name, app.owner.email, app.contact_email, ways[app.id].words, len(app.working_keys))
        for app in all_of_them
    ]
    return csv_file("apps", header, rows)


@bp.route("/apps/new", methods=["GET", "POST"])
def new_app() -> ResponseReturnValue:
    form = NewAppForm()
    admins = people.with_role(g.white_label.id, Role.ADMIN)
    form.owner.choices = [
        SelectChoice(admin.id, f"{admin.name} ({admin.email})") for admin in admins
    ]
    if not form.is_submitted():
        form.owner.data = g.person.id
    if form.validate_on_submit():
        try:
            app = acts.create(
                g.white_label,
                name=form.name.data,
                owner=people.named(g.white_label.id, form.owner.data),
                contact_email=form.contact_email.data,
            )
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(_("The app is there. Make a key for it, and it can send."))
            return redirect(url_for(".app", app_id=app.id))
    return render_template("white_label/apps/new.html", form=form)


@bp.get("/apps/<int:app_id>")
def app(app_id: int) -> str:
    shown = acts.find_app(g.white_label, app_id)
    return render_template(
        "white_label/apps/app.html",
        app=shown,
        way=ways_of([shown])[shown.id],
        keys=keys.keys_of(shown),
    )


@bp.route("/apps/<int:app_id>/settings", methods=["GET", "POST"])
def change_app(app_id: int) -> ResponseReturnValue:
    app = acts.find_app(g.white_label, app_id)
    form = AppForm(obj=app)
    if form.validate_on_submit():
        try:
            acts.change(app, name=form.name.data, contact_email=form.contact_email.data or "")
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(_("Saved."))
            return redirect(url_for(".app", app_id=app.id))
    return render_template("white_label/apps/settings.html", form=form, app=app)


@bp.route("/apps/<int:app_id>/delete", methods=["GET", "POST"])
def delete_app(app_id: int) -> ResponseReturnValue:
    app = acts.find_app(g.white_label, app_id)
    form = DeleteForm()
    if form.validate_on_submit():
        if form.cancels.data:
            mail.cancel_all_of(app)
        acts.delete(app)
        db.session.commit()
        flash(_("%(app)s is deleted. What it sent stays in the log.", app=app.name))
        return redirect(url_for(".apps"))
    return render_template(
        "white_label/apps/delete.html",
        form=form,
        app=app,
        keys=keys.keys_of(app),
        waiting=effects.waiting_of(app),
    )


@bp.route("/apps/<int:app_id>/keys/new", methods=["GET", "POST"])
@confirmed
def new_key(app_id: int) -> ResponseReturnValue:
    app = acts.find_app(g.white_label, app_id)
    form = KeyForm()
    if form.validate_on_submit():
        try:
            key, secret = keys.make_key(
                app, kind=KeyKind(form.kind.data), name=form.name.data, by=g.person
            )
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            db.session.commit()
            # Shown in this answer and never again, so there is nothing to redirect to.
            return render_template(
                "white_label/apps/key.html", app=app, key=key, secret=secret.reveal()
            )
    return render_template("white_label/apps/new_key.html", form=form, app=app)


@bp.route("/apps/<int:app_id>/keys/<int:key_id>/revoke", methods=["GET", "POST"])
@confirmed
def revoke_key(app_id: int, key_id: int) -> ResponseReturnValue:
    app = acts.find_app(g.white_label, app_id)
    key = keys.find_key(app, key_id)
    form = Form()
    if form.validate_on_submit():
        keys.revoke(key)
        db.session.commit()
        flash(_("The key %(key)s opens nothing any more.", key=key.name))
        return redirect(url_for(".app", app_id=app.id))
    return render_template("white_label/apps/revoke_key.html", form=form, app=app, key=key)


@bp.get("/apps/owner")
def owner_how_to() -> str:
    """How an app gets another owner, and why that matters."""
    # The platform's address would say whose platform it is.
    support_email = the_platform().support_email if g.site.brand.platform_name else None
    return render_template("white_label/apps/owner_how_to.html", support_email=support_email)
