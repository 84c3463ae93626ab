"""Links from mails: a forgotten password, an invitation, the first owner of an installation."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from sqlalchemy import delete, select

from portal.accounts import links, people
from portal.accounts.models import LinkPurpose, Person
from portal.core.db import db
from portal.notices import letters
from portal.outbox.models import Message
from portal.white_labels.models import Platform, WhiteLabel
from tests.equipment.clock import HandSetClock
from tests.equipment.visitor import Visits

NEW = "four words in a row"
GONE = "This link no longer works"


def test_a_forgotten_password_is_replaced_through_a_link_in_a_mail(
    visit: Visits, ada: Person
) -> None:
    visit(ada)
    here = visit.at("acme.localhost")
    here.get("/forgotten").submit("Send the link", email="Ada@acme.example ")

    here.get(_link_in_mail()).submit("Set the password", password=NEW)

    assert here.get("/sign-in").submit("Sign in", email=ada.email, password=NEW).h1 == "Overview"


def test_asking_is_answered_the_same_for_names_that_do_not_exist(
    visit: Visits, ada: Person
) -> None:
    page = visit.at("acme.localhost").get("/forgotten")

    known = page.submit("Send the link", email=ada.email)
    unknown = page.submit("Send the link", email="nobody@acme.example")

    assert known.text == unknown.text
    assert known.path == unknown.path
    assert len(_mails()) == 1


def test_a_link_is_sent_three_times_an_hour_and_then_no_more(
    visit: Visits, clock: HandSetClock, ada: Person
) -> None:
    page = visit.at("acme.localhost").get("/forgotten")

    for _request in range(5):
        page.submit("Send the link", email=ada.email)
    within = len(_mails())
    clock.advance(hours=1)
    page.submit("Send the link", email=ada.email)

    assert within == 3
    assert len(_mails()) == 4


def test_a_link_leads_to_the_stored_origin_whatever_host_was_asked(
    visit: Visits, ada: Person
) -> None:
    here = visit.at("acme.localhost")
    page = here.get("/forgotten")
    token = page.tree.xpath("//input[@name='csrf_token']/@value")[0]

    here.answer(
        "POST",
        "/forgotten",
        data={"csrf_token": token, "email": ada.email},
        headers={"Host": "acme.localhost:6666", "X-Forwarded-Host": "evil.test"},
    )

    assert "http://acme.localhost:8000/reset/" in (_mails()[0].text or "")


def test_setting_a_new_password_ends_every_session(visit: Visits, ada: Person) -> None:
    here = visit(ada)
    elsewhere = visit.at("acme.localhost")
    elsewhere.get("/forgotten").submit("Send the link", email=ada.email)

    elsewhere.get(_link_in_mail()).submit("Set the password", password=NEW)

    assert here.get("/overview").path.startswith("/sign-in")


def test_looking_at_a_link_does_not_use_it_up(visit: Visits, ada: Person) -> None:
    path = _invite(ada)
    here = visit.at("acme.localhost")

    for _scanner in range(3):
        here.get(path)
    page = here.get(path).submit("Set the password", password=NEW)

    assert "Your password is set." in page.text


def test_a_link_works_once(visit: Visits, ada: Person) -> None:
    path = _invite(ada)
    here = visit.at("acme.localhost")
    page = here.get(path)
    page.submit("Set the password", password=NEW)

    again = page.submit("Set the password", password="another four words")

    assert again.status == 404
    assert again.h1 == GONE


@pytest.mark.parametrize(
    ("purpose", "hours"), [(LinkPurpose.RESET, 1), (LinkPurpose.INVITATION, 7 * 24)]
)
def test_a_link_grows_too_old(
    visit: Visits, clock: HandSetClock, ada: Person, purpose: LinkPurpose, hours: int
) -> None:
    token = links.make(purpose, person=ada)
    path = f"/{purpose}/{token.reveal()}"
    here = visit.at("acme.localhost")

    clock.advance(hours=hours, seconds=-1)
    just_in_time = here.get(path)
    clock.advance(seconds=1)
    too_late = here.get(path)

    assert just_in_time.status == 200
    assert too_late.h1 == GONE


def test_a_newer_link_ends_the_older_one(visit: Visits, ada: Person) -> None:
    older, newer = _invite(ada), _invite(ada)
    here = visit.at("acme.localhost")

    assert here.get(older).h1 == GONE
    assert here.get(newer).status == 200


def test_a_link_works_in_its_own_portal_only(visit: Visits, ada: Person, birch: WhiteLabel) -> None:
    path = _invite(ada)

    assert visit.at("birch.localhost").get(path).h1 == GONE
    assert visit.at().get(path).h1 == GONE


def test_a_link_is_for_one_purpose(visit: Visits, ada: Person) -> None:
    token = _invite(ada).rpartition("/")[2]

    assert visit.at("acme.localhost").get(f"/reset/{token}").h1 == GONE


def test_a_weak_password_is_refused_at_the_field_and_the_link_goes_on_working(
    visit: Visits, ada: Person
) -> None:
    here = visit.at("acme.localhost")

    page = here.get(_invite(ada)).submit("Set the password", password="acme acme acme")
    then = page.submit("Set the password", password=NEW)

    assert page.error_at("password").startswith("This password is made of your name")
    assert "Your password is set." in then.text


def test_an_invitation_is_in_the_brand_and_names_who_invited(
    visit: Visits, ada: Person, bob: Person
) -> None:
    letters.send_invitation(bob, by=ada)
    db.session.commit()

    mail = _mails()[0]
    assert mail.subject == "Your invitation to Acme"
    assert "Ada has invited you to Acme" in (mail.text or "")
    assert "#7a1fa2" in (mail.html or "")
    assert "Northwind" not in (mail.text or "") + (mail.html or "")


def test_a_mail_escapes_what_people_call_themselves(ada: Person, bob: Person) -> None:
    ada.name = "<b>Ada</b>"
    letters.send_invitation(bob, by=ada)
    db.session.commit()

    assert "<b>Ada</b>" not in (_mails()[0].html or "")


def test_the_first_owner_sets_the_platform_up(visit: Visits) -> None:
    db.session.execute(delete(Platform))
    token = links.make(LinkPurpose.SETUP)
    here = visit.at()
    before = here.get("/sign-in")

    page = here.get(f"/setup/{token.reveal()}").submit(
        "Set up",
        platform_name="Northwind Apps",
        name="Olive",
        email="olive@northwind.example",
        password=NEW,
    )
    page = page.submit("Sign in", email="olive@northwind.example", password=NEW)

    assert "no owner yet" in before.text
    assert page.path == "/backoffice/"
    assert db.session.get_one(Platform, 1).name == "Northwind Apps"


def test_the_setup_link_is_worth_nothing_once_there_is_an_owner(
    visit: Visits, olive: Person
) -> None:
    token = links.make(LinkPurpose.SETUP)

    assert visit.at().get(f"/setup/{token.reveal()}").h1 == GONE


def test_the_setup_page_is_no_white_labels(visit: Visits, acme: WhiteLabel) -> None:
    token = links.make(LinkPurpose.SETUP)

    assert visit.at("acme.localhost").get(f"/setup/{token.reveal()}").status == 404


def test_a_faulty_setup_keeps_what_was_typed_and_changes_nothing(visit: Visits) -> None:
    token = links.make(LinkPurpose.SETUP)

    page = visit.at().get(f"/setup/{token.reveal()}")
    page = page.submit("Set up", platform_name="Other", name="Olive", email="olive", password="x")

    assert page.error_at("email") == "An e-mail address needs an @."
    assert "Olive" in page.body
    assert not people.is_there_an_owner()


def _invite(person: Person) -> str:
    """The path of a fresh invitation."""
    token = links.make(LinkPurpose.INVITATION, person=person)
    db.session.commit()
    return f"/invitation/{token.reveal()}"


def _mails() -> list[Message]:
    db.session.rollback()
    return list(db.session.scalars(select(Message).order_by(Message.id)))


def _link_in_mail() -> str:
    """The path that the newest mail asks to open."""
    text = _mails()[-1].text or ""
    return next(urlsplit(word).path for word in text.split() if word.startswith("http"))
