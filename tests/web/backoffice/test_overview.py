"""The first page of the Backoffice: does the platform's mail leave, and what needs a hand."""

from __future__ import annotations

from datetime import datetime, timedelta

from portal.accounts.models import Person
from portal.core.db import db
from portal.delivery.models import Engine, Hourly, Worker
from portal.desk import domain_requests, threads
from portal.outbox.states import State
from portal.white_labels.models import WhiteLabel
from tests.equipment.clock import HandSetClock
from tests.equipment.mail import send
from tests.equipment.stage import kept, make_app, make_server
from tests.equipment.visitor import Visits


def make_worker(now: datetime) -> Worker:
    return kept(
        Worker(
            host="one",
            folder="f",
            boot_id="b",
            pid=1,
            started_at=now,
            heartbeat_at=now,
            lease_until=now + timedelta(minutes=15),
        )
    )


def test_the_sandbox_of_the_platform_is_told_with_what_to_do(visit: Visits, olive: Person) -> None:
    here = visit(olive)

    before = here.get("/backoffice/")
    make_server(olive, "main")
    after = here.get("/backoffice/")

    assert "The platform has no server that works." in before.content
    assert before.click("Set up a server").status == 200
    assert "no server that works" not in after.content


def test_a_silent_worker_is_told_and_a_living_one_is_not(
    visit: Visits, olive: Person, clock: HandSetClock
) -> None:
    here = visit(olive)

    alone = here.get("/backoffice/").content
    make_worker(clock.now())
    served = here.get("/backoffice/").content
    clock.advance(minutes=2)
    silent = here.get("/backoffice/").content

    assert "No delivery worker is at work" in alone
    assert "No delivery worker" not in served
    assert "No delivery worker is at work" in silent


def test_a_fenced_database_says_how_to_resume(visit: Visits, olive: Person) -> None:
    kept(Engine(id=1, is_fenced=True))

    assert "flask outbox resume" in visit(olive).get("/backoffice/").content


def test_numbers_failures_and_parked_servers_of_all_tenants_come_together(
    visit: Visits,
    olive: Person,
    ada: Person,
    cal: Person,
    acme: WhiteLabel,
    birch: WhiteLabel,
    clock: HandSetClock,
) -> None:
    hour = clock.now().replace(minute=0, second=0, microsecond=0)
    for tenant in (acme, birch):
        kept(Hourly(tenant=tenant.id, hour=hour, server_id=1, outcome="sent", count=500))
    server = make_server(cal, "birch-own")
    failed = send(make_app(cal, "Orders"), "gone@x.example").deliveries[0]
    failed.state = State.FAILED
    server.health.parked_at = clock.now()
    server.health.parked_words = "535 wrong password"
    db.session.commit()

    page = visit(olive).get("/backoffice/")

    numbers = page.tree.xpath("//*[contains(@class, 'number')]/a/text()")
    assert numbers[0] == "1,000"
    assert "gone@x.example" in page.content
    assert "birch-own (Birch)" in page.content
    assert "535 wrong password" in page.content


def test_what_white_labels_wait_for_is_told_until_it_is_answered(
    visit: Visits, olive: Person, acme: WhiteLabel, ada: Person
) -> None:
    here = visit(olive)
    assert "wait for you" not in here.get("/backoffice/").content
    make_server(olive, "main")
    domain_requests.submit(acme, name="acme.example", author=ada)
    thread = threads.open_thread(acme, subject="Help", text="Please.", author=ada)
    db.session.commit()

    asked = here.get("/backoffice/")
    waiting = asked.click("2 conversations")
    threads.write(thread, author=olive, text="Done.")
    db.session.commit()
    answered = here.get("/backoffice/")

    assert asked.click("1 domain request").h1 == "Domain requests"
    assert "Help" in waiting.content
    assert "1 conversation" in answered.links()
