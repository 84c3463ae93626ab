"""The link in a campaign's mail: one click, in the white label's brand, for whom it was made."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select

from portal.core.db import db
from portal.outbox import suppressions, unsubscribing
from portal.outbox.models import Message, Suppression
from portal.outbox.states import Category, Reason
from portal.white_labels.models import WhiteLabel
from tests.equipment.mail import send
from tests.equipment.stage import make_app, make_person, make_server
from tests.equipment.visitor import Visits


@pytest.fixture
def path(acme: WhiteLabel) -> str:
    """Where Kim's link leads, without the host."""
    return link_for(acme, "kim@customer.example")


def link_for(white_label: WhiteLabel, email: str) -> str:
    ann = make_person(white_label, "Ann")
    make_server(ann, f"{white_label.slug}-own")
    unsubscribing.make_key(white_label.id)
    message = send(make_app(ann), email, category=Category.CAMPAIGN)
    link = unsubscribing.link_of(db.session(), db.session.get_one(Message, message.id))
    assert link is not None
    url = link(email)
    db.session.commit()
    return re.sub("^https?://[^/]+", "", url)


def suppressed() -> list[tuple[str, Reason]]:
    db.session.rollback()
    rows = db.session.execute(select(Suppression.address, Suppression.reason)).all()
    db.session.commit()
    return [(row[0], row[1]) for row in rows]


def test_looking_takes_nobody_off(visit: Visits, path: str) -> None:
    page = visit.at("acme.localhost").get(path)

    assert page.h1 == "No more of these mails?"
    assert "Acme writes to kim@customer.example." in page.text
    assert suppressed() == []


def test_the_button_takes_off_without_a_sign_in(visit: Visits, path: str) -> None:
    page = visit.at("acme.localhost").get(path)

    done = page.submit("Take kim@customer.example off the list")

    assert done.h1 == "You get no more of these mails"
    assert suppressed() == [("kim@customer.example", Reason.UNSUBSCRIBED)]


def test_a_mail_program_takes_off_with_one_post_and_nothing_else(visit: Visits, path: str) -> None:
    answer = visit.at("acme.localhost").answer("POST", path, data={"List-Unsubscribe": "One-Click"})

    assert answer.status_code == 200  # RFC 8058 3.1: no redirect
    assert suppressed() == [("kim@customer.example", Reason.UNSUBSCRIBED)]


def test_a_second_time_changes_nothing(visit: Visits, path: str) -> None:
    here = visit.at("acme.localhost")

    here.answer("POST", path, data={"List-Unsubscribe": "One-Click"})
    answer = here.answer("POST", path, data={"List-Unsubscribe": "One-Click"})

    assert answer.status_code == 200
    assert here.get(path).h1 == "You get no more of these mails"
    assert len(suppressed()) == 1


def test_a_link_that_was_changed_takes_nobody_off(visit: Visits, path: str) -> None:
    here = visit.at("acme.localhost")
    changed = path[:-1] + ("A" if path[-1] != "A" else "B")

    answers = [here.answer("POST", changed), here.answer("POST", "/unsubscribe/nothing")]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert here.get(changed).h1 == "This link is not whole"
    assert suppressed() == []


def test_another_white_labels_portal_knows_nothing_of_the_link(
    visit: Visits, path: str, birch: WhiteLabel
) -> None:
    answer = visit.at("birch.localhost").answer("POST", path)

    assert answer.status_code == 404
    assert suppressed() == []


def test_the_trail_tells_who_did_it(visit: Visits, path: str, acme: WhiteLabel) -> None:
    visit.at("acme.localhost").answer("POST", path)

    (entry,) = suppressions.all_of(acme.id)
    assert entry.by is None
    assert entry.reason is Reason.UNSUBSCRIBED
