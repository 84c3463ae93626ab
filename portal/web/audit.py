"""The audit: who did what to whom, when and from where, and the proof that nobody rewrote it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from flask import Blueprint, Response, g, render_template, request
from flask_babel import gettext as _
from wtforms import SelectChoice, SelectField, StringField

from portal.accounts import people
from portal.audit import search, trail
from portal.audit.models import AuditEntry
from portal.audit.search import Wanted
from portal.core.words import lazy
from portal.web.audit_words import ACTS, THINGS, act_of, actor_of, changes_of, target_of
from portal.web.csv_file import Cell, csv_file
from portal.web.forms import Query, number_in, tidy
from portal.web.tenant import looked_after, tenant
from portal.white_labels import tenants

ALL = "all"


class SearchForm(Query):
    chain = SelectField(lazy("Where"))
    action = SelectField(lazy("What"))
    actor = StringField(lazy("Who"), filters=[tidy], render_kw={"type": "search"})
    target = StringField(lazy("To whom or what"), filters=[tidy], render_kw={"type": "search"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """What reading a whole chain has shown."""

    place: str
    entries: int
    broken: int | None  # the number of the first entry that does not fit


def add_audit(bp: Blueprint) -> None:
    """Serve `/audit`."""
    bp.add_url_rule("/audit", "audit", audit)
    bp.add_url_rule("/audit.csv", "audit_csv", audit_csv)


def audit() -> str:
    form = _form()
    chain, wanted = _asked(form)
    page = search.entries(
        chain,
        wanted,
        known=_known(),
        before=request.args.get("before", type=int),
        after=request.args.get("after", type=int),
    )
    return render_template(
        "shared/audit/audit.html",
        form=form,
        page_of_entries=page,
        is_search=any((wanted.action, wanted.actor, wanted.target)),
        verdicts=list(_verdicts(chain)) if request.args.get("check") else None,
        places=_places() if chain is None else {},
        who=_who(),
        act_of=act_of,
        target_of=target_of,
        changes_of=changes_of,
    )


def audit_csv() -> Response:
    """All that was asked for, oldest pages last."""
    chain, wanted = _asked(_form())
    places, who = _places(), _who()
    header = (
        _("When"),
        _("Where"),
        _("Who"),
        _("What"),
        _("To whom or what"),
        _("Changes"),
        _("From"),
        _("Number"),
        _("Hash"),
    )

    def rows() -> Iterator[tuple[Cell, ...]]:
        for entry in search.all_entries(chain, wanted, known=_known()):
            changes = "; ".join(
                f"{one.field}: {one.before} → {one.after}"
                if one.before
                else f"{one.field}: {one.after}"
                for one in changes_of(entry)
            )
            yield (
                entry.at,
                places.get(entry.chain, str(entry.chain)),
                who.name(entry),
                act_of(entry),
                target_of(entry),
                changes,
                who.address(entry),
                entry.number,
                entry.hash,
            )

    return csv_file("audit", header, rows())


@dataclass(frozen=True, slots=True)
class Who:
    """Names for the reader: a white label's people do not learn who works for the platform."""

    known: Collection[int] | None

    def name(self, entry: AuditEntry) -> str:
        return actor_of(entry) if self._may_know(entry) else str(_("Platform owner"))

    def address(self, entry: AuditEntry) -> str:
        return entry.address if self._may_know(entry) else ""

    def _may_know(self, entry: AuditEntry) -> bool:
        return self.known is None or entry.actor_id is None or entry.actor_id in self.known


def _who() -> Who:
    return Who(_known())


def _known() -> Collection[int] | None:
    """Whose names the reader may know: an owner everybody's, others those of their own people."""
    return None if g.site.is_platform else people.ids_of(g.white_label.id)


def _form() -> SearchForm:
    form = SearchForm()
    form.action.choices = [SelectChoice("", lazy("Anything"))]
    for thing, words in THINGS.items():
        form.action.choices += _acts_on(thing, str(words))
    if _is_of_all():
        form.chain.choices = [
            SelectChoice(ALL, lazy("Everywhere")),
            SelectChoice(str(trail.PLATFORM), lazy("Platform")),
            *(SelectChoice(str(one.id), one.name) for one in tenants.all_white_labels()),
        ]
    else:
        del form.chain
    return form


def _acts_on(thing: str, words: str) -> list[SelectChoice]:
    """All about one kind of thing, or one act only."""
    acts = {act: done for act, done in ACTS.items() if act.startswith(f"{thing}.")}
    whole = [SelectChoice(thing, lazy("Everything"), optgroup=words)] if len(acts) > 1 else []
    return whole + [SelectChoice(act, done, optgroup=words) for act, done in acts.items()]


def _asked(form: SearchForm) -> tuple[int | None, Wanted]:
    """The chain (None: all of them) and what is looked for in it."""
    wanted = Wanted(form.action.data or "", form.actor.data or "", form.target.data or "")
    place = tenant()
    if place is not None:
        return place.id, wanted
    return number_in(form.chain.data), wanted


def _is_of_all() -> bool:
    """Whether this is the Backoffice's own page, where every chain can be read."""
    return g.site.is_platform and looked_after() is None


def _verdicts(chain: int | None) -> Iterator[Verdict]:
    places = _places()
    for one in [chain] if chain is not None else trail.chains():
        name = places.get(one, str(one))
        yield Verdict(name, trail.length(one), trail.first_broken(one))


def _places() -> Mapping[int, str]:
    """Whose each chain is."""
    if not g.site.is_platform:
        return {g.white_label.id: g.white_label.name}
    names = {one.id: one.name for one in tenants.all_white_labels()}
    return {trail.PLATFORM: str(_("Platform")), **names}
