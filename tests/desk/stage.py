"""What tests of domain requests begin with: a platform that sends, and a request to answer."""

from __future__ import annotations

from sqlalchemy import select

from portal.accounts.models import Person
from portal.core.db import db
from portal.core.words import told
from portal.desk import domain_requests
from portal.desk.models import DeskMessage
from portal.desk.request_models import DomainRequest
from portal.domains.models import Domain, DomainRecord
from portal.domains.records import Wanted, dkim_alias, spf_record
from portal.outbox.models import Delivery, Message
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.models import WhiteLabel
from tests.equipment.dns_server import DnsServer
from tests.equipment.stage import make_server

NAME = "acme.example"


def platforms_server(olive: Person, **facts: object) -> SmtpServer:
    """A server of the platform, so that domains can be asked for."""
    return make_server(olive, "main", from_email="hello@northwind.example", **facts)  # type: ignore[arg-type]


def asked(author: Person, name: str = NAME, note: str = "") -> DomainRequest:
    """A request of this person's white label."""
    white_label = db.session.get_one(WhiteLabel, author.white_label_id)
    request = domain_requests.submit(white_label, name=name, author=author, note=note)
    db.session.commit()
    return request


def approved(author: Person, owner: Person, name: str = NAME) -> tuple[DomainRequest, Domain]:
    """The same, answered with the records of a provider."""
    request = asked(author, name)
    domain = domain_requests.approve(request, by=owner, specs=specs(name))
    db.session.commit()
    return request, domain


def specs(name: str = NAME) -> list[Wanted]:
    """What a provider wants to see."""
    return [
        spf_record(name, "spf.provider.example"),
        dkim_alias(name, "s1", "s1.domainkey.provider.example"),
    ]


def publish(dns_server: DnsServer, records: list[DomainRecord]) -> None:
    """Do what the page says: publish each record as it stands there.

    The provider has published what the records lead to.
    """
    dns_server.publish("spf.provider.example", "v=spf1 ip4:192.0.2.1 -all")
    dns_server.publish("s1.domainkey.provider.example", "v=DKIM1; k=rsa; p=MIIB")
    for record in records:
        if record.type == "TXT":
            dns_server.publish(record.name, record.to_publish)
        else:
            dns_server.publish_alias(record.name, record.to_publish)


def letters_to(person: Person) -> list[Message]:
    """What the portal wrote to somebody, the oldest first."""
    query = select(Message).join(Delivery).where(Delivery.email == person.email)
    return list(db.session.scalars(query.order_by(Message.id)))


def said_in(request: DomainRequest) -> list[str]:
    """What can be read in the request's thread."""
    query = select(DeskMessage.text).where(DeskMessage.thread_id == request.thread_id)
    return [told(text) for text in db.session.scalars(query.order_by(DeskMessage.id))]
