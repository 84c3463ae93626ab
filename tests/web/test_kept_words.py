"""Sentences of ours that stand in the database: every reader gets them in their own language."""

from __future__ import annotations

import pytest
from flask import Flask
from sqlalchemy import select

from portal.accounts.models import Person
from portal.apps.models import App
from portal.core import clock
from portal.core.db import db
from portal.core.words import lazy
from portal.delivery import fence, outcomes
from portal.delivery.consequences import Park
from portal.delivery.told import tell_parked
from portal.desk import threads
from portal.outbox import claims
from portal.outbox.models import Message
from portal.outbox.states import State
from portal.smtp.causes import Cause
from portal.smtp.replies import Kind, ServerFault, Stage
from portal.smtp_settings import health
from portal.smtp_settings.models import SmtpServer
from tests.desk.talk import begin
from tests.equipment.mail import drain, send
from tests.equipment.smtp_server import SmtpServer as Fake
from tests.equipment.stage import make_app, make_server
from tests.equipment.visitor import Visitor, Visits
from tests.web.desk import place_of

NEVER_LEARNT = (
    "Die Nachricht wurde übergeben, aber es blieb ungewiss, ob der Server sie angenommen hat."
)
SWITCHED_OFF = "Dieser Server ist ausgeschaltet."
REFUSED = "Der Host ist da, aber auf diesem Port lauscht nichts."


@pytest.fixture
def own(ada: Person) -> SmtpServer:
    return make_server(ada, "own")


@pytest.fixture
def shop(own: SmtpServer, ada: Person) -> App:
    return make_app(ada, "Shop")


@pytest.fixture
def german(visit: Visits, ada: Person) -> Visitor:
    here = visit(ada)
    here.get("/account/").submit("Save", language="de")
    return here


def page_of(message: Message) -> str:
    return f"/log/{message.deliveries[0].id}"


def in_english(here: Visitor) -> Visitor:
    here.get("/account/").submit("Speichern", language="en")
    return here


class TestDeliveries:
    def test_why_mail_is_held_when_it_is_routed_anew(
        self, app: Flask, ada: Person, german: Visitor
    ) -> None:
        with Fake() as fake:
            own = make_server(ada, "own", port=fake.port, from_email="own@acme.example")
            message = send(make_app(ada), sender="own@acme.example")
            own.is_enabled = False
            own.version += 1
            db.session.commit()
            drain(app)

        page = german.get(page_of(message))

        assert page.text.count(SWITCHED_OFF) >= 2  # the answer, and its line in the history
        assert "That server is switched off." in in_english(german).get(page_of(message)).text

    def test_what_was_never_learnt(self, shop: App, german: Visitor) -> None:
        message = send(shop)
        delivery = message.deliveries[0]
        row = claims.Claimed(
            delivery.id, message.id, 1, 1, 1, 0, delivery.email, "", None, 0, 1, 0, None
        )
        terms = outcomes.Terms(message.category, message.give_up_at, copies=0)
        settlement = outcomes.unknown(row, terms=terms, now=clock.now())
        delivery.state, delivery.lane_id = State.SENDING, 7
        db.session.commit()
        claims.settle(db.session.connection(), 7, [settlement], now=clock.now())
        db.session.commit()

        assert NEVER_LEARNT in german.get(page_of(message)).text

    def test_what_a_colleague_did(
        self, shop: App, german: Visitor, visit: Visits, bob: Person
    ) -> None:
        message = send(shop)
        german.post(f"{page_of(message)}/cancel", {})
        email = message.deliveries[0].email

        assert f"Die Zustellung an {email} wurde abgebrochen." in german.get(page_of(message)).text
        assert f"The delivery to {email} was cancelled." in visit(bob).get(page_of(message)).text
        assert f"The delivery to {email} was cancelled." in visit(bob).get("/audit").text


class TestServers:
    def test_why_a_server_rests(self, own: SmtpServer, german: Visitor) -> None:
        connection = db.session.connection()
        health.rest(connection, own.id, words=Cause.CONNECTION_REFUSED, now=clock.now())
        db.session.commit()

        page = german.get(f"/servers/{own.id}")

        assert REFUSED in page.text
        assert not page.tree.xpath("//q")  # the server itself said nothing

    def test_what_the_server_said_stays_as_it_is(self, own: SmtpServer, german: Visitor) -> None:
        health.rest(db.session.connection(), own.id, words="451 Failed", now=clock.now())
        db.session.commit()

        quoted = german.get(f"/servers/{own.id}").tree.xpath("//q")

        assert [quote.text for quote in quoted] == ["451 Failed"]

    def test_why_it_is_parked_where_the_words_are_ours(
        self, own: SmtpServer, german: Visitor
    ) -> None:
        words = str(lazy("It does not relay for us."))
        connection = db.session.connection()
        health.park(connection, own.id, kind="relay_setup", words=words, now=clock.now())
        db.session.commit()

        page = german.get(f"/servers/{own.id}")

        assert "Der Server leitet keine E-Mails für uns weiter." in page.text
        assert not page.tree.xpath("//q")
        assert "Der Server leitet keine E-Mails für uns weiter." in german.get("/servers").text

    def test_the_mail_about_it_is_in_its_readers_language(
        self, own: SmtpServer, german: Visitor
    ) -> None:
        fault = ServerFault(Kind.SECURITY, cause=Cause.CERTIFICATE_EXPIRED)

        tell_parked(own.id, Park(fault.kind, Cause.CERTIFICATE_EXPIRED, Stage.TLS, fault))

        text = db.session.scalars(select(Message.text)).one() or ""
        assert "Der Grund:" in text
        assert "Das Zertifikat des Servers ist abgelaufen." in text


def test_why_nothing_leaves_at_all(visit: Visits, olive: Person) -> None:
    fence.hold(db.session.connection())
    db.session.commit()
    here = visit(olive)
    here.get("/account/").submit("Save", language="de")

    assert "Vom Betreiber zurückgehalten." in here.get("/backoffice/health").text


def test_what_the_portal_says_on_the_desk(visit: Visits, ada: Person, bob: Person) -> None:
    thread = begin(place_of(ada), ada)
    words = lazy("All required DNS records of %(domain)s were found.", domain="acme.example")
    threads.note(thread, text=str(words))
    db.session.commit()
    german = visit(bob)
    german.get("/account/").submit("Save", language="de")

    in_german = german.get(f"/desk/{thread.id}").text
    in_english = visit(ada).get(f"/desk/{thread.id}").text

    assert "Alle erforderlichen DNS-Einträge von acme.example wurden gefunden." in in_german
    assert "All required DNS records of acme.example were found." in in_english
