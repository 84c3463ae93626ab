"""From one server to the next without a break: add the new one, adapt templates, remove the old."""

from __future__ import annotations

import pytest
from flask import Flask

from portal.accounts.models import Person
from portal.core.db import db
from portal.mail_templates import templates
from portal.outbox.accept import accept
from portal.outbox.states import State
from portal.outbox.submission import FromTemplate, Recipient, Submission
from portal.smtp.addresses import parse_mailbox
from portal.smtp_settings import servers
from portal.white_labels.models import WhiteLabel
from tests.equipment.mail import drain, send, states
from tests.equipment.smtp_script import Script
from tests.equipment.smtp_server import SmtpServer as FaultServer
from tests.equipment.stage import fresh, make_app, make_server, make_template
from tests.equipment.visitor import Visits
from tests.web.servers import OPEN


@pytest.mark.accepts("SS-04", "SS-38", "SS-42", "SS-43", "SS-44", "SS-45")
def test_a_new_service_takes_over_while_mail_goes_on(
    app: Flask, visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    with FaultServer(Script()) as before, FaultServer(Script()) as after:
        old = make_server(ada, "old", port=before.port, from_email="news@acme.example")
        template = make_template(acme, preferred=old)
        shop = make_app(ada)
        send(shop, "first@birch.example")
        drain(app)

        added = visit(ada).get("/servers/new?preset=generic")
        added = added.submit("Save", **OPEN | {"name": "new"}, port=after.port)
        [new] = [one for one in servers.servers_of(acme) if one.name == "new"]
        templates.prefer(template, new)
        db.session.commit()
        by_template = accept(
            Submission(
                white_label_id=acme.id,
                app_id=shop.id,
                to=(Recipient(parse_mailbox("second@birch.example")),),
                content=FromTemplate("welcome"),
                values={"name": "Ann"},
            )
        ).message
        db.session.commit()
        drain(app)

        waiting = send(shop, "third@birch.example", sender="news@acme.example")
        visit(ada).get(f"/servers/{old.id}/delete").submit("Delete server old")
        drain(app)

    assert added.h1 == "new"
    assert {taken.mail_from for taken in after.ledger} == {"news@acme.example"}
    assert [taken.recipients for taken in before.ledger] == [("first@birch.example",)]
    assert [taken.recipients for taken in after.ledger] == [
        ("second@birch.example",),
        ("third@birch.example",),
    ]
    assert states(by_template) == states(waiting) == [State.SENT]
    assert fresh(template).preferred_server_id == new.id
    assert [one.name for one in servers.servers_of(acme)] == ["new"]
