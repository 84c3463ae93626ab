"""The notice of a parked server leads to the server's page."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select

from portal.accounts.models import Person
from portal.core.db import db
from portal.delivery.consequences import Park, consequence
from portal.delivery.told import tell_parked
from portal.outbox.models import Message
from portal.smtp.replies import Kind, ServerFault, Stage
from tests.equipment.stage import make_server
from tests.equipment.visitor import Visits


@pytest.mark.parametrize("who", ["ada", "olive"])
def test_the_link_opens_the_server(who: str, visit: Visits, request: pytest.FixtureRequest) -> None:
    person: Person = request.getfixturevalue(who)
    server = make_server(person, "main")
    park = consequence(ServerFault(Kind.CREDENTIALS), Stage.AUTH)
    assert isinstance(park, Park)

    tell_parked(server.id, park)
    db.session.commit()

    text = db.session.scalars(select(Message.text)).one() or ""
    link = re.findall(r"https?://\S+", text)[0]
    assert visit(person).get(urlsplit(link).path).h1 == "main"
