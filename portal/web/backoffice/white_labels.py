"""White labels: all of them, a new one, how one of them stands, and suspending it."""

from __future__ import annotations

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from wtforms import SelectChoice, SelectField, StringField
from wtforms.validators import DataRequired

from portal.accounts import people
from portal.accounts.models import Role
from portal.apps.census import census_of
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import lazy
from portal.outbox import suspension
from portal.web.backoffice import tenant
from portal.web.backoffice.door import bp
from portal.web.csv_file import csv_file
from portal.web.forms import Form, Query, tidy
from portal.white_labels import hostnames, tenants
from portal.white_labels.origins import origin_of

STATES = {"": None, "active": False, "suspended": True}


class SearchForm(Query):
    q = StringField(lazy("Name or hostname"), filters=[tidy], render_kw={"type": "search"})
    state = SelectField(
        lazy("State"),
        choices=[
            SelectChoice("", lazy("Any")),
            SelectChoice("active", lazy("Active")),
            SelectChoice("suspended", lazy("Suspended")),
        ],
    )


class NewForm(Form):
    name = StringField(
        lazy("Name"),
        filters=[tidy],
        description=lazy("What its people and their recipients read."),
        validators=[DataRequired(lazy("What is it called?"))],
        render_kw={"autocomplete": "off", "maxlength": "80"},
    )
    slug = StringField(
        lazy("Short name"),
        filters=[tidy],
        description=lazy(
            "For addresses, files and commands: small letters, digits, hyphens. It stays."
        ),
        validators=[DataRequired(lazy("Which short name?"))],
        render_kw={"autocomplete": "off", "maxlength": "40"},
    )
    hostname = StringField(
        lazy("Hostname"),
        filters=[tidy],
        description=lazy(
            "Where its people sign in, like mail.acme.example. It is served once it is proven."
        ),
        render_kw={"autocomplete": "off", "inputmode": "url"},
    )


@bp.get("/white-labels")
def white_labels() -> str:
    form = SearchForm()
    page = tenants.search(
        form.q.data or "",
        is_suspended=STATES.get(form.state.data or ""),
        before=request.args.get("before", type=int),
        after=request.args.get("after", type=int),
    )
    return render_template(
        "backoffice/white_labels/white_labels.html",
        form=form,
        page_of_white_labels=page,
        census=census_of(page.rows),
    )


@bp.get("/white-labels.csv")
def white_labels_csv() -> Response:
    found = tenants.all_white_labels()
    census = census_of(found)
    header = (
        _("Name"),
        _("Short name"),
        _("Hostnames"),
        _("People"),
        _("Apps"),
        _("SMTP servers"),
        _("Created"),
        _("Suspended"),
    )
    rows = [
        (
            one.name,
            one.slug,
            " ".join(hostname.name for hostname in one.hostnames),
            census[one.id].people,
            census[one.id].apps,
            census[one.id].servers,
            one.created_at,
            one.suspended_at,
        )
        for one in found
    ]
    return csv_file("white-labels", header, rows)


@bp.route("/white-labels/new", methods=["GET", "POST"])
def new_white_label() -> ResponseReturnValue:
    form = NewForm()
    if form.validate_on_submit():
        try:
            made = tenants.create(slug=form.slug.data, name=form.name.data)
            if form.hostname.data:
                hostnames.add(made, form.hostname.data)
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(_("%(name)s is there. What it still needs is listed here.", name=made.name))
            return redirect(url_for(".white_label.overview", white_label_id=made.id))
    return render_template("backoffice/white_labels/new.html", form=form)


@tenant.bp.get("/")
def overview() -> str:
    shown = tenant.the_white_label()
    return render_template(
        "backoffice/white_labels/overview.html",
        white_label=shown,
        census=census_of([shown])[shown.id],
        origin=origin_of(shown) if hostnames.is_reachable(shown) else None,
        admins=people.with_role(shown.id, Role.ADMIN),
        held=suspension.held_by_suspension(shown) if shown.is_suspended else 0,
    )


@tenant.bp.route("/suspend", methods=["GET", "POST"])
def suspend() -> ResponseReturnValue:
    shown = tenant.the_white_label()
    if shown.is_suspended:
        return redirect(url_for(".overview"))
    form = Form()
    if form.validate_on_submit():
        suspension.suspend(shown)
        db.session.commit()
        flash(_("%(name)s is suspended. Nothing is deleted.", name=shown.name))
        return redirect(url_for(".overview"))
    return render_template(
        "backoffice/white_labels/suspend.html",
        form=form,
        white_label=shown,
        effects=suspension.effects_of_suspending(shown),
    )


@tenant.bp.route("/resume", methods=["GET", "POST"])
def resume() -> ResponseReturnValue:
    shown = tenant.the_white_label()
    if not shown.is_suspended:
        return redirect(url_for(".overview"))
    form = Form()
    if form.validate_on_submit():
        released = suspension.resume(shown)
        db.session.commit()
        words = ngettext(
            "%(name)s goes on; %(num)s held delivery is on its way again.",
            "%(name)s goes on; %(num)s held deliveries are on their way again.",
            released,
            name=shown.name,
        )
        flash(words)
        return redirect(url_for(".overview"))
    return render_template(
        "backoffice/white_labels/resume.html",
        form=form,
        white_label=shown,
        held=suspension.held_by_suspension(shown),
    )
