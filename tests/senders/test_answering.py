"""Saying that mailboxes only send asks for another way to answer."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.accounts.models import Person
from portal.audit.models import AuditEntry
from portal.core.db import db
from portal.core.errors import Refusal
from portal.senders.answering import say_where_to_answer
from portal.white_labels.models import WhiteLabel
from tests.equipment.stage import make_server


def test_it_is_said_and_not_said(acme: WhiteLabel) -> None:
    assert say_where_to_answer(acme, address=" Help@Acme.example ", language="de")
    assert (acme.answer_to, acme.notice_language) == ("Help@acme.example", "de")

    assert say_where_to_answer(acme, address=None, language="de")
    assert acme.answer_to is None
    assert not say_where_to_answer(acme, address=None, language="de")


@pytest.mark.accepts("ST-16")
@pytest.mark.parametrize("address", ["", "nobody", "a b@acme.example"])
def test_it_is_not_said_without_a_way_to_answer(address: str, acme: WhiteLabel) -> None:
    with pytest.raises(Refusal) as refused:
        say_where_to_answer(acme, address=address, language="en")

    assert refused.value.field == "answer_to"
    assert acme.answer_to is None


@pytest.mark.accepts("ST-16")
def test_an_address_that_only_sends_is_no_way_to_answer(
    acme: WhiteLabel, ada: Person, cal: Person
) -> None:
    make_server(ada, from_email="news@acme.example")
    make_server(cal, from_email="birch@acme.example")

    with pytest.raises(Refusal) as refused:
        say_where_to_answer(acme, address="news@acme.example", language="en")

    assert refused.value.code == "answer_to_only_sends"
    assert say_where_to_answer(acme, address="birch@acme.example", language="en")


def test_the_trail_has_it(acme: WhiteLabel) -> None:
    say_where_to_answer(acme, address="help@acme.example", language="en")

    entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
    assert entry is not None
    assert entry.changes == {"answer_to": [None, "help@acme.example"]}
