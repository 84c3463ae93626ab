"""The names under which a white label's portal answers, and the proof that each is its own."""

from __future__ import annotations

from collections.abc import Sequence

from flask import current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from wtforms import StringField
from wtforms.validators import DataRequired

from portal.accounts import people
from portal.config import Config
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import lazy
from portal.domains.resolver import CouldNotAsk, DnsResolver
from portal.web.backoffice.tenant import bp
from portal.web.forms import Form, tidy
from portal.web.guard import confirmed
from portal.web.tenant import looked_after
from portal.white_labels import hostnames as acts
from portal.white_labels.models import Hostname, WhiteLabel

LOOKUP_TAKES = 5.0  # seconds at most


class HostnameForm(Form):
    hostname = StringField(
        lazy("Add a hostname"),
        filters=[tidy],
        description=lazy("A name that leads to this server, like mail.acme.example."),
        validators=[DataRequired(lazy("Which name?"))],
        render_kw={"autocomplete": "off", "inputmode": "url"},
    )


class VouchForm(Form):
    because = StringField(
        lazy("Why is it theirs?"),
        filters=[tidy],
        description=lazy("It stands in the audit of the white label, with your name."),
        validators=[DataRequired(lazy("Say why you vouch for this name."))],
        render_kw={"autocomplete": "off", "maxlength": "200"},
    )


@bp.route("/hostnames", methods=["GET", "POST"])
def hostnames() -> ResponseReturnValue:
    """All of them, each unproven one with the record to publish."""
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
        "backoffice/hostnames/hostnames.html",
        form=form,
        hostnames=acts.hostnames_of(white_label),
        proof_of=acts.proof_of,
    )


@bp.post("/hostnames/<int:hostname_id>/check")
def check_hostname(hostname_id: int) -> ResponseReturnValue:
    """Ask DNS for the record now."""
    proof = acts.proof_of(_hostname(hostname_id))
    # The network may take its time, and nobody waits for the database meanwhile.
    db.session.rollback()
    config: Config = current_app.config["LIVERY"]
    try:
        published = DnsResolver(config.dns_servers).texts(proof.name, timeout=LOOKUP_TAKES)
    except CouldNotAsk as fault:
        flash(_("DNS could not be asked, so nothing is known: %(fault)s", fault=fault), "error")
        return redirect(url_for(".hostnames"))

    hostname = _hostname(hostname_id)
    if proof.value in published:
        acts.prove(hostname, because=_("DNS has the record."))
        db.session.commit()
        flash(_("%(name)s is proven, and served from now on.", name=hostname.name))
    elif published:
        says = _shortened(published)
        flash(_("%(record)s says something else: %(says)s", record=proof.name, says=says), "error")
    else:
        flash(_("DNS has no TXT record at %(record)s yet.", record=proof.name), "error")
    return redirect(url_for(".hostnames"))


@bp.route("/hostnames/<int:hostname_id>/vouch", methods=["GET", "POST"])
@confirmed
def vouch_for_hostname(hostname_id: int) -> ResponseReturnValue:
    """Serve it without a record, on an owner's word."""
    hostname, form = _hostname(hostname_id), VouchForm()
    if form.validate_on_submit():
        try:
            acts.prove(hostname, because=form.because.data)
        except Refusal as refusal:
            form.refuse(refusal)
        else:
            db.session.commit()
            flash(_("%(name)s is served from now on.", name=hostname.name))
            return redirect(url_for(".hostnames"))
    return render_template("backoffice/hostnames/vouch.html", form=form, hostname=hostname)


@bp.route("/hostnames/<int:hostname_id>/remove", methods=["GET", "POST"])
def remove_hostname(hostname_id: int) -> ResponseReturnValue:
    white_label, hostname, form = _white_label(), _hostname(hostname_id), Form()
    if form.validate_on_submit():
        acts.remove(hostname)
        db.session.commit()
        flash(_("%(name)s is served no more.", name=hostname.name))
        return redirect(url_for(".hostnames"))
    others = [
        one
        for one in acts.hostnames_of(white_label)
        if one.proven_at is not None and one.id != hostname.id
    ]
    return render_template(
        "backoffice/hostnames/remove.html",
        form=form,
        hostname=hostname,
        others=others,
        people=len(people.everybody(white_label.id)),
    )


def _white_label() -> WhiteLabel:
    found = looked_after()
    assert found is not None, "every address of this blueprint names a white label"
    return found


def _hostname(hostname_id: int) -> Hostname:
    return acts.named(_white_label(), hostname_id)


def _shortened(texts: Sequence[str]) -> str:
    """What somebody else's DNS says, short enough for a page."""
    words = " · ".join(texts)
    return words if len(words) <= 200 else f"{words[:200]}…"
