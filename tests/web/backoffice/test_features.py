"""The Upgrade Center: what can be switched on, for whom, and what switching it off would stop."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.accounts.models import Person
from portal.core.db import db
from portal.desk.models import Thread
from portal.outbox.models import Delivery
from portal.white_labels import features
from portal.white_labels.features import EVERYWHERE, NOWHERE, Feature, Reach
from portal.white_labels.models import WhiteLabel
from tests.equipment.mail import send
from tests.equipment.stage import make_app
from tests.equipment.visitor import Visits
from tests.smtp_settings.bearer import enable, make_bearer_server

FEATURES = "/backoffice/features"
OAUTH = f"{FEATURES}/oauth_smtp"


def reach() -> Reach:
    db.session.rollback()
    return features.reach_of(Feature.OAUTH_SMTP)


@pytest.mark.accepts("ST-07")
def test_oauth_for_smtp_is_offered_and_off_at_first(visit: Visits, olive: Person) -> None:
    page = visit(olive).get(FEATURES)

    assert "OAuth enablement for SMTP" in page.content
    assert "access token that Microsoft gives out" in page.content
    assert "nobody" in page.content


def test_it_is_switched_on_for_one_white_label(
    visit: Visits, olive: Person, acme: WhiteLabel, birch: WhiteLabel
) -> None:
    page = visit(olive).get(OAUTH).submit("Save", where="some", places=[str(acme.id)])

    assert page.path == FEATURES
    assert reach() == Reach(white_labels=frozenset({acme.id}))
    assert "Switched on for" in page.content
    assert acme.name in page.content
    assert f"last by {olive.name}" in page.content


@pytest.mark.accepts("ST-07")
def test_it_is_switched_on_for_everybody(visit: Visits, olive: Person) -> None:
    visit(olive).get(OAUTH).submit("Save", where="everywhere")

    assert reach() == EVERYWHERE


def test_the_platform_itself_is_one_of_the_places(visit: Visits, olive: Person) -> None:
    visit(olive).get(OAUTH).submit("Save", where="some", places=["0"])

    assert reach() == Reach(is_for_platform=True)


def test_a_white_label_that_is_not_there_is_refused(visit: Visits, olive: Person) -> None:
    page = visit(olive).post(OAUTH, {"where": "some", "places": "9999"})

    assert page.error_at("places")
    assert reach() == NOWHERE


def test_switching_it_off_says_first_which_servers_stop_and_how_much_mail_waits(
    visit: Visits, olive: Person, ada: Person, acme: WhiteLabel
) -> None:
    enable()
    server = make_bearer_server(ada, port=2525, authority="http://127.0.0.1:1")
    send(make_app(ada))

    asked = visit(olive).get(OAUTH).submit("Save", where="nowhere")

    assert "1 server would stop" in asked.content
    assert server.name in asked.content
    assert acme.name in asked.content
    assert reach() == EVERYWHERE

    done = asked.submit("Save, and park 1 server")

    assert "1 server is parked, and its admins are told." in done.content
    assert reach() == NOWHERE
    db.session.refresh(server.health)
    assert server.health.parked_kind == "switched_off"


def test_of_a_server_that_is_not_in_use_nobody_is_said_to_be_told(
    visit: Visits, olive: Person, ada: Person
) -> None:
    enable()
    server = make_bearer_server(ada, port=2525, authority="http://127.0.0.1:1")
    server.is_enabled = False
    db.session.commit()

    done = visit(olive).get(OAUTH).submit("Save", where="nowhere")

    assert "Saved." in done.content
    assert "are told" not in done.content
    db.session.refresh(server.health)
    assert server.health.parked_kind == "switched_off"


def test_a_server_that_came_meanwhile_is_shown_before_it_stops(
    visit: Visits, olive: Person, ada: Person, cal: Person
) -> None:
    enable()
    make_bearer_server(ada, port=2525, authority="http://127.0.0.1:1")
    asked = visit(olive).get(OAUTH).submit("Save", where="nowhere")
    make_bearer_server(cal, port=2525, authority="http://127.0.0.1:1")

    again = asked.submit("Save, and park 1 server")

    assert "2 servers would stop" in again.content
    assert reach() == EVERYWHERE


@pytest.mark.accepts("ST-07")
def test_whoever_asked_for_it_is_answered(
    visit: Visits, olive: Person, ada: Person, acme: WhiteLabel, cal: Person
) -> None:
    for admin in (ada, cal):
        visit(admin).get("/servers/new?preset=microsoft_365").submit("Ask for it")

    visit(olive).get(OAUTH).submit("Save", where="some", places=[str(acme.id)])

    threads = db.session.scalars(select(Thread).order_by(Thread.id)).all()
    assert [thread.is_closed for thread in threads] == [True, False]
    page = visit(ada).get(f"/desk/{threads[0].id}")
    assert "is switched on for you" in page.content
    mailed = db.session.scalars(select(Delivery.email)).all()
    assert ada.email in mailed
    assert cal.email not in mailed


def test_there_is_no_other_feature(visit: Visits, olive: Person) -> None:
    assert visit(olive).get(f"{FEATURES}/teleport").status == 404


def test_an_admin_of_a_white_label_finds_no_such_page(visit: Visits, ada: Person) -> None:
    assert visit(ada).get(FEATURES).status == 404
