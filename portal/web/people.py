"""People of the white label or of the platform: invited, given a role, removed."""

from __future__ import annotations

from collections.abc import Iterator

from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import RadioField, SelectChoice, SelectField, StringField
from wtforms.validators import DataRequired

from portal.accounts import people as acts
from portal.accounts import sign_in as sign_ins
from portal.accounts.models import Person, Role
from portal.apps import leaving
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import Words, lazy
from portal.notices.letters import send_invitation
from portal.outbox.accept import Accepted
from portal.routing import explain
from portal.routing.decide import Route
from portal.senders.listing import defaults_of
from portal.web.csv_file import Cell, csv_file
from portal.web.default_sender import add_default_sender
from portal.web.forms import EmailField, Form, Query, tidy
from portal.web.guard import confirmed
from portal.web.reader import SOURCE, languages
from portal.web.tenant import tenant
from portal.white_labels.models import WhiteLabel

ROLES: dict[Role, Words] = {
    Role.PLATFORM_OWNER: lazy("Platform owner"),
    Role.ADMIN: lazy("Admin"),
    Role.AGENT: lazy("Agent"),
}
CHOICES = [
    SelectChoice(Role.ADMIN, lazy("Admin: sets everything up, invites people, sees all mail")),
    SelectChoice(Role.AGENT, lazy("Agent: writes and sends, sees their own mail")),
]


class SearchForm(Query):
    q = StringField(lazy("Name or address"), filters=[tidy], render_kw={"type": "search"})


class InviteForm(Form):
    name = StringField(
        lazy("Name"),
        filters=[tidy],
        validators=[DataRequired(lazy("What is their name?"))],
        render_kw={"autocomplete": "off"},
    )
    email = EmailField(
        lazy("E-mail address"),
        filters=[tidy],
        description=lazy("They sign in with it. The invitation goes there."),
        validators=[DataRequired(lazy("Where does the invitation go?"))],
        render_kw={"autocomplete": "off"},
    )
    role = RadioField(lazy("Role"), choices=CHOICES, default=Role.AGENT.value)
    language = SelectField(lazy("Language"), description=lazy("Of the invitation."))


class RoleForm(Form):
    role = RadioField(lazy("Role"), choices=CHOICES)


def add_people(bp: Blueprint, *, has_roles: bool = True) -> None:
    """Serve `/people` and all below it; the platform's people have one role only."""
    one = "/people/<int:person_id>"
    both = ["GET", "POST"]
    bp.add_url_rule("/people", "people", people)
    bp.add_url_rule("/people.csv", "people_csv", people_csv)
    bp.add_url_rule("/people/invite", "invite", invite, methods=both)
    bp.add_url_rule(one, "person", person)
    bp.add_url_rule(f"{one}/invite", "invite_again", invite_again, methods=["POST"])
    bp.add_url_rule(f"{one}/remove", "remove_person", remove_person, methods=both)
    if has_roles:
        bp.add_url_rule(f"{one}/role", "change_role", change_role, methods=both)
        add_default_sender(bp)


def people() -> str:
    form = SearchForm()
    page = acts.search(
        _tenant_id(),
        form.q.data or "",
        before=request.args.get("before", type=int),
        after=request.args.get("after", type=int),
    )
    return render_template(
        "shared/people/people.html",
        form=form,
        page_of_people=page,
        roles=ROLES,
        last_seen=sign_ins.last_seen(page.rows),
        defaults=_defaults(),
    )


def people_csv() -> Response:
    everybody = acts.everybody(_tenant_id())
    seen = sign_ins.last_seen(everybody)
    header = (_("Name"), _("Address"), _("Role"), _("Has signed in"), _("Last seen"), _("Added"))

    def rows() -> Iterator[tuple[Cell, ...]]:
        for one in everybody:
            yield (
                one.name,
                one.email,
                str(ROLES[one.role]),
                _("yes") if one.has_come_in else _("no"),
                seen.get(one.id),
                one.created_at,
            )

    return csv_file("people", header, list(rows()))


@confirmed
def invite() -> ResponseReturnValue:
    place = tenant()
    form = _invite_form(place)
    if form.validate_on_submit():
        try:
            added = acts.create(
                place.id if place else None,
                email=form.email.data,
                name=form.name.data,
                role=Role(form.role.data) if place else Role.PLATFORM_OWNER,
                language=form.language.data if form.language else SOURCE,
            )
            accepted = send_invitation(added, by=g.person)
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            _tell(added, accepted)
            return redirect(url_for(".people"))
    return render_template("shared/people/invite.html", form=form)


def person(person_id: int) -> str:
    shown = acts.named(_tenant_id(), person_id)
    return render_template(
        "shared/people/person.html",
        person=shown,
        roles=ROLES,
        last_seen=sign_ins.last_seen([shown]).get(shown.id),
        has=leaving.effects_of_leaving(shown),
    )


@confirmed
def change_role(person_id: int) -> ResponseReturnValue:
    shown = acts.named(_tenant_id(), person_id)
    form = RoleForm(role=shown.role.value)
    if form.validate_on_submit():
        try:
            leaving.change_role(shown, role=Role(form.role.data), by=g.person)
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            db.session.commit()
            role = ROLES[shown.role]
            flash(_("%(name)s has the role %(role)s now.", name=shown.name, role=role))
            return redirect(url_for(".person", person_id=person_id))
    has = leaving.effects_of_leaving(shown)
    return render_template("shared/people/role.html", form=form, person=shown, has=has)


@confirmed
def invite_again(person_id: int) -> ResponseReturnValue:
    shown = acts.named(_tenant_id(), person_id)
    try:
        accepted = send_invitation(shown, by=g.person)
    except Refusal as refusal:
        db.session.rollback()
        flash(refusal.words, "error")
    else:
        db.session.commit()
        _tell(shown, accepted)
    return redirect(url_for(".person", person_id=person_id))


@confirmed
def remove_person(person_id: int) -> ResponseReturnValue:
    """What would be taken away first; then, if nothing is left undone, take it away."""
    shown = acts.named(_tenant_id(), person_id)
    form = Form()
    if form.validate_on_submit():
        try:
            leaving.remove(shown, by=g.person)
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(_("%(name)s is removed.", name=shown.name))
            return redirect(url_for(".people"))
    return render_template(
        "shared/people/remove.html",
        form=form,
        person=shown,
        has=leaving.effects_of_leaving(shown),
        browsers=len(sign_ins.of_person(shown)),
    )


def _invite_form(place: WhiteLabel | None) -> InviteForm:
    """Without the questions that have one answer only."""
    form = InviteForm(language=g.person.language)
    form.language.choices = [SelectChoice(code, name) for code, name in languages().items()]
    if len(form.language.choices) == 1:
        del form.language
    if place is None:
        del form.role
    return form


def _tenant_id() -> int | None:
    place = tenant()
    return place.id if place else None


def _defaults() -> dict[int, str]:
    """What everybody's mail leaves as, by the person's id; the platform's people write none."""
    place = tenant()
    if place is None:
        return {}
    return {person_id: sender.email for person_id, sender in defaults_of(place).items()}


def _tell(invited: Person, accepted: Accepted) -> None:
    """Say that the invitation is on its way, or why it is not."""
    if isinstance(accepted.decision, Route):
        flash(_("The invitation to %(email)s is on its way.", email=invited.email))
        return
    why = explain.answer(accepted.decision, accepted.facts)
    added = _("%(email)s is added, but the invitation does not leave.", email=invited.email)
    flash(f"{added} {why}", "error")
