"""The sandbox mailbox: what did not leave is read like mail, each by those whom it concerns."""

from __future__ import annotations

import pytest

from portal.accounts.models import Person
from portal.core.db import db
from portal.outbox.accept import accept
from portal.outbox.models import Delivery
from portal.outbox.submission import OwnContent, Recipient, Submission
from portal.smtp.addresses import parse_mailbox
from tests.equipment.mail import send
from tests.equipment.stage import make_app, make_server
from tests.equipment.visitor import Visits


def keep(app_owner: Person, *, subject: str, agent: Person | None = None) -> Delivery:
    message = accept(
        Submission(
            white_label_id=app_owner.white_label_id,
            app_id=make_app(app_owner, f"App of {subject}").id,
            agent_id=agent.id if agent else None,
            to=(Recipient(parse_mailbox("Kim <kim@customer.example>")),),
            content=OwnContent(subject, "Hello Kim", "<p>Hello <b>Kim</b></p>"),
        )
    ).message
    db.session.commit()
    return message.deliveries[0]


def test_the_note_offers_an_admin_two_ways_and_an_agent_one(
    visit: Visits, ada: Person, abe: Person
) -> None:
    of_admin = visit(ada).get("/compose")
    of_agent = visit(abe).get("/compose")

    assert "Set up a server · Read what was kept" in of_admin.content
    assert "Set up a server" not in of_agent.content
    assert "Read what was kept" in of_agent.content


@pytest.mark.accepts("SS-48", "SS-49")
def test_without_a_server_mail_is_read_in_the_sandbox(visit: Visits, ada: Person) -> None:
    keep(ada, subject="First")
    newest = keep(ada, subject="Second")
    here = visit(ada)

    page = here.get("/overview").click("Read what was kept")
    older = here.get(page.tree.xpath("//ul[@class='mailbox-list']//a/@href")[1])
    frame = here.answer("GET", page.tree.xpath("//iframe/@src")[0])

    assert "Sandbox: nothing leaves." in page.content
    assert page.tree.xpath("string(//h2)") == "Second"
    assert older.tree.xpath("string(//h2)") == "First"
    assert b"<b>Kim</b>" in frame.get_data()
    assert f"/log/{newest.id}/html" in page.body


def test_an_agent_reads_what_was_written_in_their_name(
    visit: Visits, ada: Person, abe: Person
) -> None:
    mine = keep(ada, subject="Abe wrote it", agent=abe)
    other = keep(ada, subject="Somebody else")
    here = visit(abe)

    page = here.get("/sandbox")

    assert "Abe wrote it" in page.content
    assert "Somebody else" not in page.content
    assert here.get(f"/sandbox?read={mine.id}").status == 200
    assert here.get(f"/sandbox?read={other.id}").status == 404


def test_another_white_labels_mail_is_not_there(visit: Visits, ada: Person, cal: Person) -> None:
    theirs = keep(cal, subject="Theirs")

    assert visit(ada).get(f"/sandbox?read={theirs.id}").status == 404


def test_mail_that_leaves_is_not_in_the_sandbox(visit: Visits, ada: Person) -> None:
    make_server(ada)
    message = send(make_app(ada))
    (delivery,) = message.deliveries
    here = visit(ada)

    page = here.get("/sandbox")

    assert "Nothing is kept here" in page.content
    assert "nothing leaves" not in page.content
    assert here.get(f"/sandbox?read={delivery.id}").status == 404


def test_a_long_sandbox_has_pages(visit: Visits, ada: Person) -> None:
    app = make_app(ada)
    send(app, [f"p{number}@customer.example" for number in range(30)])

    page = visit(ada).get("/sandbox").click("Older")

    assert len(page.tree.xpath("//ul[@class='mailbox-list']/li")) == 5
