"""What has been asked for in the demo: a domain that waits for its answer, and one to publish."""

from __future__ import annotations

from contextlib import AbstractContextManager

from portal.accounts import people
from portal.accounts.models import Person
from portal.audit.trail import Actor, acting
from portal.desk import askable, domain_requests, record_templates, request_listing
from portal.desk.pasted_records import read_records
from portal.desk.request_listing import Show
from portal.white_labels import tenants
from portal.white_labels.models import WhiteLabel

PROVIDER = """\
TXT @ v=spf1 include:spf.mailgate.example ~all
CNAME mg1._domainkey mg1.{domain}.dkim.mailgate.example
CNAME bounces return.mailgate.example
"""


def fill() -> None:
    """Ask and answer, unless somebody has asked already."""
    if request_listing.page_of_requests(Show.ALL, size=1).rows:
        return
    acme, birch = tenants.find_by_slug("acme"), tenants.find_by_slug("birch")
    if acme is None or birch is None or not askable.can_be_asked():
        return
    olive = _person(None, "olive@northwind.example")
    with _as(olive):
        template = record_templates.save(
            None,
            name="Mailgate",
            records=PROVIDER,
            note="Our provider looks at your DNS once an hour, too.",
        )
    ada = _person(acme, "ada@acme.example")
    with _as(ada):
        asked = domain_requests.submit(acme, name="acme-shop.example", author=ada)
    with _as(olive):
        specs = read_records(template.records, asked.name)
        domain_requests.approve(asked, by=olive, specs=specs, note=template.note)
    cal = _person(birch, "cal@birch.example")
    with _as(cal):
        domain_requests.submit(
            birch,
            name="birch.example",
            author=cal,
            note="Our receipts should come from the name that our customers know.",
        )


def _as(person: Person) -> AbstractContextManager[None]:
    return acting(Actor(person.email, person.id))


def _person(white_label: WhiteLabel | None, email: str) -> Person:
    found = people.by_email(white_label.id if white_label else None, email)
    if found is None:
        raise LookupError(f"the demo has no {email}")
    return found
