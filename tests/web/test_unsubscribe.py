"""The link in a campaign's mail: one click, in the white label's brand, for whom it was made."""

from __future__ import annotations

import re

import pytest
from flask import url_for
from lxml import html
from sqlalchemy import select
from werkzeug.routing import Rule

from portal.core import clock
from portal.core.db import db
from portal.outbox import suppressions, suspension, unsubscribing
from portal.outbox.models import Message, Suppression
from portal.outbox.states import Category, Reason
from portal.web import site
from portal.web.site import ON_ANY_HOST, WITHOUT_A_SITE
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


def test_a_suspended_white_labels_mails_are_taken_off_at_its_own_host(
    visit: Visits, path: str, acme: WhiteLabel
) -> None:
    suspension.suspend(acme)

    answer = visit.at("acme.localhost").answer("POST", path)

    assert answer.status_code == 200
    assert suppressed() == [("kim@customer.example", Reason.UNSUBSCRIBED)]


HOSTS = ["acme.localhost", "birch.localhost", "nobody.example", "192.0.2.7", "_"]
"""Where a link of Acme's leads once its name is suspended: elsewhere, or to somebody else."""


@pytest.fixture
def moved(path: str, acme: WhiteLabel, birch: WhiteLabel) -> str:
    """Kim's link, whose host is not Acme's any more."""
    acme.hostnames[0].suspended_at = clock.now()
    db.session.commit()
    return path


@pytest.mark.parametrize("host", HOSTS)
def test_a_mail_program_takes_off_at_any_host(visit: Visits, moved: str, host: str) -> None:
    answer = visit.at(host).answer("POST", moved, data={"List-Unsubscribe": "One-Click"})

    assert answer.status_code == 200
    assert suppressed() == [("kim@customer.example", Reason.UNSUBSCRIBED)]


@pytest.mark.parametrize("host", HOSTS)
def test_where_a_link_has_no_portal_its_page_has_the_button_and_nobodys_brand(
    visit: Visits, moved: str, host: str
) -> None:
    answer = visit.at(host).answer("GET", moved)

    page = html.document_fromstring(answer.get_data(as_text=True))
    assert answer.status_code == 200
    assert page.xpath("//h1/text()|//title/text()") == ["No more of these mails?"] * 2
    assert page.xpath("//form[@method='post'][not(@action)]//button/text()") == [
        "Take kim@customer.example off the list"
    ]
    assert not [name for name in ("Birch", "Livery", "brand/") if name in page.text_content()]
    assert "Set-Cookie" not in answer.headers
    assert suppressed() == []


def test_the_page_without_a_brand_needs_no_file_that_its_host_does_not_serve(
    visit: Visits, moved: str
) -> None:
    here = visit.at("nobody.example")
    page = html.document_fromstring(here.answer("GET", moved).get_data(as_text=True))

    files = page.xpath("//link/@href|//script/@src|//img/@src")

    assert len(files) == 1
    assert here.answer("GET", files[0]).content_type.startswith("text/css")


@pytest.mark.parametrize("end", ["", "/plain.css"])
@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_where_no_portal_is_served_a_link_that_was_changed_opens_nothing(
    visit: Visits, moved: str, method: str, end: str
) -> None:
    answer = visit.at("nobody.example").answer(method, moved[:-1] + "-" + end)

    assert (answer.status_code, answer.get_data(as_text=True).count("\n")) == (404, 1)
    assert "Set-Cookie" not in answer.headers
    assert suppressed() == []


def test_where_no_portal_is_served_every_other_address_stays_closed(
    visit: Visits, moved: str
) -> None:
    here = visit.at("nobody.example")
    rules = [
        rule
        for rule in visit.app.url_map.iter_rules()
        if rule.endpoint.partition(".")[0] not in ON_ANY_HOST
        and rule.endpoint not in WITHOUT_A_SITE
    ]

    answers = {
        (rule.endpoint, method): here.answer(method, _address(rule))
        for rule in rules
        for method in ("GET", "POST")
    }

    closed = (404, "There is nothing here.\n")
    assert len(rules) > 100
    assert {
        at: (answer.status_code, answer.get_data(as_text=True))
        for at, answer in answers.items()
        if (answer.status_code, answer.get_data(as_text=True)) != closed
    } == {}


@pytest.mark.parametrize("endpoint", ["white_label.overview", "backoffice.overview"])
def test_what_would_be_let_through_without_a_portal_finds_no_face(
    visit: Visits, monkeypatch: pytest.MonkeyPatch, endpoint: str
) -> None:
    monkeypatch.setattr(site, "WITHOUT_A_SITE", {endpoint})
    with visit.app.test_request_context():
        address = url_for(endpoint)

    answer = visit.at("nobody.example").answer("GET", address)

    assert answer.status_code == 404


def _address(rule: Rule) -> str:
    return re.sub("<[^>]*>", "1", rule.rule)


def test_the_trail_tells_who_did_it(visit: Visits, path: str, acme: WhiteLabel) -> None:
    visit.at("acme.localhost").answer("POST", path)

    (entry,) = suppressions.all_of(acme.id)
    assert entry.by is None
    assert entry.reason is Reason.UNSUBSCRIBED
