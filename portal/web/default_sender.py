"""What somebody's mail leaves as: chosen on their page by an admin, or by themselves.

The same fact as "Set as default for" in the forms of servers and senders.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import SelectChoice, SelectField

from portal.accounts import people
from portal.accounts.models import Person
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import lazy
from portal.routing.choices import SenderChoice, sender_choices
from portal.senders import senders
from portal.web.forms import Form
from portal.web.guard import for_agents
from portal.web.tenant import tenant


class DefaultSenderForm(Form):
    sender = SelectField(
        lazy("Default sender"),
        description=lazy("What they write leaves from it, unless they choose another one."),
    )


def add_default_sender(bp: Blueprint) -> None:
    """Give this face `/people/<id>/sender`."""
    bp.add_url_rule(
        "/people/<int:person_id>/sender",
        "default_sender",
        default_sender,
        methods=["GET", "POST"],
    )


def default_sender(person_id: int) -> ResponseReturnValue:
    place = tenant()
    person = people.named(place.id if place else None, person_id)
    here = url_for(".person", person_id=person_id)
    return work_on(person, [(_("People"), url_for(".people")), (person.name, here)])


@for_agents
def my_sender() -> ResponseReturnValue:
    """One's own."""
    return work_on(g.person, [(_("Compose"), url_for(".compose"))])


def work_on(person: Person, steps: Sequence[tuple[str, str]]) -> ResponseReturnValue:
    """The form about this person, and what comes of it; `steps` are the way here."""
    place = tenant()
    if place is None:
        raise LookupError("the platform's people write no mail")
    choices = sender_choices(place, person)
    present = senders.default_of(person)
    form = DefaultSenderForm(sender=str(present.id) if present else "")
    form.sender.choices = _options(choices)
    if form.validate_on_submit():
        chosen = int(form.sender.data) if form.sender.data else None
        try:
            sender = senders.find_sender(place, chosen) if chosen is not None else None
            moved = senders.choose_default(person, sender)
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(moved.words if moved else _("Saved."))
            return redirect(steps[-1][1])
    return render_template(
        "shared/people/default_sender.html",
        form=form,
        person=person,
        present=present,
        choices=choices,
        steps=steps,
    )


def _options(choices: Sequence[SenderChoice]) -> list[SelectChoice]:
    nothing = SelectChoice("", _("None: whatever fits the mail"))
    return [nothing, *(SelectChoice(str(one.sender.id), one.label) for one in choices)]
