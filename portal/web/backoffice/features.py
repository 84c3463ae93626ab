"""Features (the Upgrade Center): what can be switched on, for all or for single white labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import flash, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext
from wtforms import RadioField, SelectChoice
from wtforms.validators import InputRequired

from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import lazy
from portal.delivery import enabling
from portal.delivery.enabling import Stopped
from portal.desk import conversations, threads
from portal.desk.models import About as Topic
from portal.web.backoffice.door import bp
from portal.web.edit_form import EditForm
from portal.web.smtp_servers.fields import BoxesField
from portal.white_labels import features, tenants
from portal.white_labels.features import (
    EVERYWHERE,
    FEATURES,
    NOWHERE,
    About,
    Feature,
    FeatureSwitch,
    Reach,
)
from portal.white_labels.models import WhiteLabel
from portal.white_labels.platform import the_platform

PLATFORM = 0
"""Stands among the white labels for the platform itself."""


class ReachForm(EditForm):
    """For whom a feature is on."""

    where = RadioField(
        lazy("Switched on"),
        choices=[
            SelectChoice("nowhere", lazy("For nobody")),
            SelectChoice("everywhere", lazy("For everybody, also for white labels to come")),
            SelectChoice("some", lazy("Only for those ticked here")),
        ],
        validators=[InputRequired(lazy("Choose one."))],
    )
    places = BoxesField(lazy("For"), coerce=int)

    def offer(self, feature: Feature) -> None:
        """All there are; what is on now is filled in, unless somebody has just chosen."""
        platform = _("%(name)s itself: the platform’s own servers", name=the_platform().name)
        self.places.choices = [
            SelectChoice(PLATFORM, platform),
            *(SelectChoice(one.id, one.name) for one in tenants.all_white_labels()),
        ]
        reach = features.reach_of(feature)
        where = "everywhere" if reach.is_everywhere else "nowhere" if reach.is_nowhere else "some"
        own = [PLATFORM] if reach.is_for_platform else []
        self.where.object_data = where
        self.places.object_data = [*own, *reach.white_labels]
        if not self.is_submitted():
            self.where.data, self.places.data = self.where.object_data, self.places.object_data

    def reach(self) -> Reach:
        """As chosen."""
        chosen = set(self.places.data or ())
        match self.where.data:
            case "everywhere":
                return EVERYWHERE
            case "some":
                return Reach(
                    is_for_platform=PLATFORM in chosen, white_labels=frozenset(chosen - {PLATFORM})
                )
            case _:
                return NOWHERE


@dataclass(frozen=True, slots=True)
class Shown:
    """One feature as it stands."""

    feature: Feature
    about: About
    reach: Reach
    switches: Sequence[FeatureSwitch]
    places: Sequence[str]  # where it is on, by name

    @property
    def state(self) -> tuple[str, str]:
        """In words, and the colour of the pill."""
        if self.reach.is_everywhere:
            return _("On for everybody"), "good"
        if self.reach.is_nowhere:
            return _("Off"), "quiet"
        return _("On for some"), "good"


@bp.get("/features", endpoint="features")
def features_() -> str:
    return render_template(
        "backoffice/features/features.html", shown=[_shown(feature) for feature in FEATURES]
    )


@bp.route("/features/<key>", methods=["GET", "POST"])
def feature(key: str) -> ResponseReturnValue:
    which = features.feature_named(key)
    form = ReachForm()
    form.offer(which)
    stopped: Sequence[Stopped] = ()
    if form.validate_on_submit():
        reach = form.reach()
        stopped = enabling.would_stop(which, reach)
        # What is agreed to are these servers and no others: another may be there by now.
        if not stopped or request.form.get("agreed") == _names(stopped):
            return _change(which, reach)
    return render_template(
        "backoffice/features/feature.html",
        form=form,
        shown=_shown(which),
        stopped=stopped,
        agreed=_names(stopped),
        white_labels={one.id: one.name for one in tenants.all_white_labels()},
    )


def _change(which: Feature, reach: Reach) -> ResponseReturnValue:
    before = features.reach_of(which)
    parked = enabling.change(which, reach, by=g.person)
    for white_label in tenants.all_white_labels():
        if reach.includes(white_label.id) and not before.includes(white_label.id):
            _answer(which, white_label)
    db.session.commit()
    flash(_("Saved."))
    if in_use := sum(server.is_enabled for server in parked):  # of the others nobody is told
        flash(
            ngettext(
                "%(num)s server is parked, and its admins are told.",
                "%(num)s servers are parked, and their admins are told.",
                in_use,
            )
        )
    return redirect(url_for(".features"))


def _answer(which: Feature, white_label: WhiteLabel) -> None:
    """Whoever asked for it on the desk reads there, and in a mail, that it is on."""
    thread = conversations.open_about(white_label.id, Topic.FEATURE)
    if thread is not None:
        words = _(
            "“%(feature)s” is switched on for you: choose it as the type of authentication of an "
            "SMTP server.",
            feature=FEATURES[which].name,
        )
        try:
            threads.write(thread, author=g.person, text=words)
        except Refusal:  # very many at once: they read it on the desk, without a mail
            threads.note(thread, text=words)
        threads.close(thread, by=g.person)


def _names(stopped: Sequence[Stopped]) -> str:
    return " ".join(str(one.server.id) for one in stopped)


def _shown(which: Feature) -> Shown:
    reach = features.reach_of(which)
    places = [the_platform().name] if reach.is_for_platform else []
    places += [one.name for one in tenants.all_white_labels() if one.id in reach.white_labels]
    return Shown(which, FEATURES[which], reach, features.switches_of(which), places)
