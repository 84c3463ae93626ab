"""What people have sent in the demo: an audience, a campaign that is through, and a draft."""

from __future__ import annotations

from collections.abc import Iterator

from portal.accounts import people
from portal.accounts.models import Person
from portal.campaigns import audiences, campaigns, drafts, imports, steps
from portal.campaigns.drafts import Wishes
from portal.campaigns.models import Audience
from portal.campaigns.pace import Pace, PaceKind
from portal.core.db import db
from portal.mail_templates import templates
from portal.outbox import suppressions
from portal.outbox.states import Reason
from portal.white_labels import tenants
from portal.white_labels.models import WhiteLabel

NAMES = (
    "Alba", "Bruno", "Clara", "Dario", "Elin", "Finn", "Greta", "Hugo", "Ines", "Jonas", "Kira",
    "Leon", "Mila", "Nils", "Oda", "Paul", "Ronja", "Sami", "Thea", "Ugo", "Vera", "Wim", "Xenia",
    "Yara",
)  # fmt: skip
CITIES = ("Ulm", "Graz", "Basel", "")
REFUSED = 3
"""So many of them have an address that the simulator refuses."""


def fill() -> None:
    """Let Ada of Acme have sent something, once; committed step by step."""
    white_label = tenants.find_by_slug("acme")
    ada = people.by_email(white_label.id, "ada@acme.example") if white_label else None
    if white_label is None or ada is None or audiences.choices(white_label.id):
        db.session.rollback()
        return
    audience = _audience(white_label, ada)
    for address, reason in (
        ("thea@customer.example", Reason.UNSUBSCRIBED),
        ("gone@customer.example", Reason.BOUNCED),
    ):
        suppressions.add(white_label.id, address, reason=reason, by=None)
    welcome = templates.find(white_label.id, "welcome")
    sent = drafts.create(white_label, name="Welcome to the new shop", author=ada)
    wishes = Wishes(
        name=sent.name,
        template_id=welcome.id,
        audience_id=audience.id,
        values={"shop": "Acme's new shop"},
    )
    drafts.change(sent, wishes)
    draft = drafts.create(white_label, name="A look back at the summer", author=ada)
    pace = Pace(PaceKind.RANDOM, min_delay=5, max_delay=30)
    drafts.change(
        draft,
        Wishes(name=draft.name, template_id=welcome.id, audience_id=audience.id, pace=pace),
    )
    campaigns.launch(sent, by=ada)
    db.session.commit()
    _through(steps.work(sent.id))


def _audience(white_label: WhiteLabel, by: Person) -> Audience:
    audience = audiences.create(white_label, name="Customers", by=by)
    imported = imports.paste(audience, "\n".join(_rows()), by=by)
    imports.begin(imported)
    db.session.commit()
    _through(imports.work(imported.id))
    imports.confirm(imported)
    db.session.commit()
    return audience


def _rows() -> Iterator[str]:
    yield "email,name,language,city"
    for number, name in enumerate(NAMES):
        language = "de" if number % 3 == 0 else "en"
        city = CITIES[number % len(CITIES)]
        yield f"{name.lower()}@customer.example,{name} Example,{language},{city}"
    for number in range(1, REFUSED + 1):
        yield f"bounced+{number}@simulator.livery.example,Nobody {number},en,"


def _through(work: Iterator[None]) -> None:
    """Do all of it now, with a commit after each step."""
    for _step in work:
        db.session.commit()
    db.session.commit()
