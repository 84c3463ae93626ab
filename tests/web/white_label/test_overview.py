"""The first page of a white label's portal: does mail leave, and what needs a hand."""

from __future__ import annotations

import pytest

from portal.accounts.models import Person
from portal.apps import keys
from portal.apps.models import KeyKind
from portal.core.db import db
from portal.delivery.models import Engine, Hourly
from portal.outbox.states import State
from portal.white_labels.models import WhiteLabel
from tests.equipment.clock import HandSetClock
from tests.equipment.mail import send
from tests.equipment.stage import kept, make_app, make_server
from tests.equipment.visitor import Visits


@pytest.mark.accepts("SS-48", "SS-49")
def test_the_sandbox_is_told_with_what_to_do(visit: Visits, ada: Person, olive: Person) -> None:
    here = visit(ada)

    before = here.get("/overview")
    make_server(olive, "main")
    after = here.get("/overview")

    assert "Sandbox: nothing leaves." in before.content
    assert before.click("Set up a server").status == 200
    assert "Sandbox" not in after.content


def test_the_first_steps_go_when_they_are_done(visit: Visits, ada: Person) -> None:
    here = visit(ada)
    begun = here.get("/overview").content

    make_server(ada, "own")
    shop = make_app(ada, "Shop")
    halfway = here.get("/overview")
    keys.make_key(shop, kind=KeyKind.LIVE, name="production", by=ada)
    send(shop)
    done = here.get("/overview").content

    assert "First steps" in begun
    assert [
        step.text_content().split("(")[0].strip()
        for step in halfway.tree.xpath("//li[contains(@class, 'stage-good')]")
    ] == ["Set up your SMTP server, or choose the standard one", "Create an app: what sends mail"]
    assert "First steps" not in done


def test_mail_per_hour_is_a_plot_with_a_table_behind(
    visit: Visits, ada: Person, acme: WhiteLabel, birch: WhiteLabel, clock: HandSetClock
) -> None:
    hour = clock.now().replace(minute=0, second=0, microsecond=0)
    for tenant, outcome, count in ((acme, "sent", 1200), (acme, "failed", 7), (birch, "sent", 99)):
        kept(Hourly(tenant=tenant.id, hour=hour, server_id=1, outcome=outcome, count=count))

    page = visit(ada).get("/overview")

    assert page.tree.xpath("//figure/svg/@aria-label") == [
        "Mail per hour: 1200 delivered, 7 failed in 24 hours"
    ]
    assert len(page.tree.xpath("//figure//rect[@class='plot-sent']")) == 2  # the bar and its key
    row = page.tree.xpath("//figure//tbody/tr")[0]
    assert [cell.text for cell in row][1:] == ["1,200", "0", "0", "7"]


def test_parked_servers_stand_there_with_their_words(
    visit: Visits, ada: Person, cal: Person, clock: HandSetClock
) -> None:
    for server, words in (
        (make_server(ada, "acme-own"), "535 wrong password"),
        (make_server(cal, "birch-own"), "535 theirs"),
    ):
        server.health.parked_at = clock.now()
        server.health.parked_words = words
    db.session.commit()

    page = visit(ada).get("/overview")

    assert "535 wrong password" in page.content
    assert "535 theirs" not in page.content
    assert page.click("acme-own").status == 200


def test_numbers_lead_to_the_log(visit: Visits, ada: Person) -> None:
    make_server(ada, "own")
    held = send(make_app(ada, "Shop"), "kim@x.example").deliveries[0]
    held.state = State.HELD
    db.session.commit()

    page = visit(ada).get("/overview")
    links = page.tree.xpath("//*[contains(@class, 'number')]/a/@href")

    assert links[3] == "/log?state=held"
    assert "kim@x.example" in page.visitor.get(links[3]).content


def test_a_fenced_database_is_told(visit: Visits, ada: Person) -> None:
    kept(Engine(id=1, is_fenced=True))

    assert "Sending is paused by the operator." in visit(ada).get("/overview").content


def test_an_agent_sees_own_mail_and_no_numbers_of_others(
    visit: Visits, abe: Person, ada: Person
) -> None:
    make_server(ada, "own")
    mine, other = (send(make_app(ada, name), f"{name}@x.example") for name in ("mine", "other"))
    mine.agent_id = abe.id
    db.session.commit()

    content = visit(abe).get("/overview").content

    assert "mine@x.example" in content
    assert "other@x.example" not in content
    assert "Mail per hour" not in content
    assert other.agent_id is None
