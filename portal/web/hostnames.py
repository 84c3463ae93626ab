"""The names under which a white label's portal answers: added, proven by DNS, removed."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, current_app, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import StringField
from wtforms.validators import DataRequired

from portal.accounts import people
from portal.config import Config
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import lazy
from portal.domains import by_hand, checks, diagnosis, hostname_checks, lookalikes
from portal.domains.records import RecordState, hostname_proof, zone_line
from portal.domains.resolver import DnsResolver
from portal.notices import hostname_letters
from portal.web.forms import Form, tidy
from portal.web.tenant import looked_after, tenant
from portal.white_labels import hostnames as acts
from portal.white_labels.models import Hostname, WhiteLabel
from portal.white_labels.platform import the_platform


class HostnameForm(Form):
    hostname = StringField(
        lazy("Add a hostname"),
        filters=[tidy],
        description=lazy("A name that leads to this server, like mail.acme.example."),
        validators=[DataRequired(lazy("Which name?"))],
        render_kw={"autocomplete": "off", "inputmode": "url"},
    )


def add_hostnames(bp: Blueprint) -> None:
    """Serve `/hostnames` and what is done there."""
    at = "/hostnames/<int:hostname_id>"
    bp.add_url_rule("/hostnames", "hostnames", hostnames, methods=["GET", "POST"])
    bp.add_url_rule(f"{at}/check", "check_hostname", check_hostname, methods=["POST"])
    bp.add_url_rule(f"{at}/remove", "remove_hostname", remove_hostname, methods=["GET", "POST"])


def hostnames() -> ResponseReturnValue:
    """All of them, each with the record that proves it and what DNS said last."""
    white_label, form = _white_label(), HostnameForm()
    if form.validate_on_submit():
        try:
            added = acts.add(white_label, form.hostname.data)
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(_("%(name)s is added. It is served once it is proven.", name=added.name))
            return redirect(url_for(".hostnames"))
    return render_template(
        "shared/hostnames/hostnames.html",
        form=form,
        hostnames=acts.hostnames_of(white_label),
        proof_of=lambda hostname: hostname_proof(acts.proof_of(hostname)),
        zone_line=zone_line,
        diagnosis=diagnosis,
        in_unicode=lambda name: lookalikes.portrait(name).u_label,
        may_vouch=looked_after() is not None,
        leads_to=urlsplit(the_platform().origin).hostname,
    )


def check_hostname(hostname_id: int) -> ResponseReturnValue:
    """Ask DNS for the record now."""
    hostname = find_hostname(hostname_id)
    try:
        by_hand.begin(hostname)
    except Refusal as refusal:
        db.session.rollback()
        flash(refusal.words, "error")
        return redirect(url_for(".hostnames"))
    plan = hostname_checks.plan(hostname)
    # The network may take its time, and nobody waits for the database meanwhile.
    db.session.commit()
    config: Config = current_app.config["LIVERY"]
    checked = hostname_checks.write(checks.ask(plan, DnsResolver(config.dns_servers)))
    by_hand.end(hostname)
    if checked is not None and checked.change is not None:
        hostname_letters.tell(checked.hostname, checked.change)
    db.session.commit()
    if checked is not None:
        flash(*_told(checked))
    return redirect(url_for(".hostnames"))


def remove_hostname(hostname_id: int) -> ResponseReturnValue:
    """Say what ends with the name, then take it away."""
    white_label, hostname, form = _white_label(), find_hostname(hostname_id), Form()
    is_ones_own_way_in = looked_after() is None and hostname.name == g.site.host
    if form.validate_on_submit() and not is_ones_own_way_in:
        acts.remove(hostname)
        db.session.commit()
        flash(_("%(name)s is served no more.", name=hostname.name))
        return redirect(url_for(".hostnames"))
    others = [
        one for one in acts.hostnames_of(white_label) if one.is_served and one.id != hostname.id
    ]
    return render_template(
        "shared/hostnames/remove.html",
        form=form,
        hostname=hostname,
        others=others,
        people=len(people.everybody(white_label.id)),
        is_ones_own_way_in=is_ones_own_way_in,
    )


def find_hostname(hostname_id: int) -> Hostname:
    """The hostname that an address names.

    Raises:
        NotFound: missing, or of another white label than the page's.
    """
    return acts.named(_white_label(), hostname_id)


def _told(checked: hostname_checks.Checked) -> tuple[str, str]:
    """What the check came to, as a flash: words and category."""
    name, state = checked.hostname.name, checked.verdict.state
    if checked.is_taken:
        return _(
            "The record is there, but another portal is served at %(name)s.", name=name
        ), "error"
    if checked.change is not None and checked.hostname.is_served:
        return _("%(name)s is proven, and served from now on.", name=name), "message"
    if state is RecordState.FOUND:
        return _("The record of %(name)s is there.", name=name), "message"
    if state is RecordState.UNKNOWN:
        return _("DNS could not be asked, so nothing is known and nothing changed."), "error"
    headline = diagnosis.headline(checked.hostname)
    return _("The record of %(name)s is not right yet: %(why)s.", name=name, why=headline), "error"


def _white_label() -> WhiteLabel:
    found = tenant()
    assert found is not None, "every address of these pages is a white label's"
    return found
