"""The numbers beside each white label."""

from __future__ import annotations

from portal.accounts import people
from portal.accounts.models import Person
from portal.apps import apps
from portal.apps.census import Census, census_of
from portal.core.db import db
from portal.smtp_settings import servers
from portal.white_labels.models import WhiteLabel
from tests.equipment.stage import make_app, make_server


def test_what_is_there_is_counted_for_each(
    acme: WhiteLabel, birch: WhiteLabel, ada: Person, bob: Person, cal: Person
) -> None:
    make_app(ada)
    make_app(bob, "Blog")
    make_server(cal)

    assert census_of([acme, birch]) == {
        acme.id: Census(people=2, apps=2, servers=0),
        birch.id: Census(people=1, apps=0, servers=1),
    }


def test_what_is_gone_is_not_counted(
    acme: WhiteLabel, ada: Person, bob: Person, olive: Person
) -> None:
    apps.delete(make_app(ada))
    servers.delete(make_server(ada))
    people.remove(bob, by=ada)
    db.session.commit()

    assert census_of([acme]) == {acme.id: Census(people=1, apps=0, servers=0)}
