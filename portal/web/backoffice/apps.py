"""Applications of all white labels, and who owns them: the owner decides whose server is used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from flask import Response, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import HiddenField, SelectChoice, SelectField, StringField
from wtforms.validators import DataRequired

from portal.accounts import people
from portal.accounts.models import Person, Role
from portal.apps import apps as acts
from portal.apps import keys
from portal.apps.models import App
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import lazy
from portal.outbox import effects
from portal.routing.ways import ways_of
from portal.smtp_settings import servers
from portal.web import simulator
from portal.web.backoffice.door import bp
from portal.web.csv_file import csv_file
from portal.web.forms import Form, Query, number_in, tidy
from portal.web.guard import confirmed

simulator.add_simulator(bp)


class SearchForm(Query):
    q = StringField(lazy("App, owner or white label"), filters=[tidy], render_kw={"type": "search"})


class ChooseOwnerForm(Query):
    owner = SelectField(
        lazy("New owner"),
        coerce=int,
        description=lazy("The admins of its white label; each with the servers they configured."),
    )


class ChangeOwnerForm(Form):
    new_owner = HiddenField(filters=[number_in], validators=[DataRequired()])


@bp.get("/apps")
def apps() -> str:
    form = SearchForm()
    page = acts.search_apps(
        None,
        form.q.data or "",
        before=request.args.get("before", type=int),
        after=request.args.get("after", type=int),
    )
    return render_template(
        "backoffice/apps/apps.html", form=form, page_of_apps=page, ways=ways_of(page.rows)
    )


@bp.get("/apps.csv")
def apps_csv() -> Response:
    all_of_them = acts.all_apps()
    ways = ways_of(all_of_them)
    header = (_("White label"), _("App"), _("Owner"), _("Route"), _("Keys"))
    rows = [
        (
            app.white_label.name,
            app.name,
            app.owner.email,
            ways[app.id].words,
            len(app.working_keys),
        )
        for app in all_of_them
    ]
    return csv_file("applications", header, rows)


@bp.get("/apps/<int:app_id>")
def app(app_id: int) -> str:
    shown = acts.find_app(None, app_id)
    return render_template(
        "backoffice/apps/app.html",
        app=shown,
        way=ways_of([shown])[shown.id],
        keys=keys.keys_of(shown),
    )


@bp.route("/apps/<int:app_id>/owner", methods=["GET", "POST"])
@confirmed
def change_owner(app_id: int) -> ResponseReturnValue:
    """Choose a person, see what that changes, then confirm it."""
    app = acts.find_app(None, app_id)
    form = ChangeOwnerForm()
    if form.validate_on_submit():
        return _hand_over(app, form)

    choice = ChooseOwnerForm()
    choice.owner.choices = _choices(app)
    effect = owner = None
    if request.args.get("owner") and choice.validate():
        owner = people.named(app.white_label_id, choice.owner.data)
        effect = effects.of_owner_change(app, owner)
        form.new_owner.data = owner.id
    return render_template(
        "backoffice/apps/owner.html",
        app=app,
        choice=choice,
        form=form,
        owner=owner,
        effect=effect,
    )


def _hand_over(app: App, form: ChangeOwnerForm) -> ResponseReturnValue:
    owner = people.named(app.white_label_id, form.new_owner.data)
    try:
        acts.change_owner(app, owner=owner)
    except Refusal as refusal:
        flash(refusal.words, "error")
        return redirect(url_for(".change_owner", app_id=app.id))
    db.session.commit()
    flash(_("%(app)s belongs to %(owner)s now.", app=app.name, owner=owner.name))
    return redirect(url_for(".app", app_id=app.id))


def _choices(app: App) -> list[SelectChoice]:
    """Everybody who may own it, but for who does."""
    admins = people.with_role(app.white_label_id, Role.ADMIN)
    configured: dict[int, list[str]] = defaultdict(list)
    for server in servers.servers_of(app.white_label):
        configured[server.configured_by_id].append(server.name)
    return [
        SelectChoice(admin.id, _described(admin, configured[admin.id]))
        for admin in admins
        if admin.id != app.owner_id
    ]


def _described(admin: Person, server_names: Sequence[str]) -> str:
    told = f"{admin.name} ({admin.email})"
    return f"{told} – {', '.join(server_names)}" if server_names else told
