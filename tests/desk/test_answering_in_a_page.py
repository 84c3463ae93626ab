"""A conversation as a page finds it can be answered, on every store."""

from __future__ import annotations

import pytest

from portal.accounts.models import Person
from portal.core.db import db
from portal.desk import conversations, threads
from portal.white_labels.models import WhiteLabel


@pytest.mark.both_stores
def test_a_conversation_that_a_page_has_found_can_be_answered(
    acme: WhiteLabel, ada: Person, olive: Person
) -> None:
    begun = threads.open_thread(acme, subject="Hello", text="Anybody there?", author=ada)
    db.session.commit()
    db.session.expunge_all()
    found = conversations.find(None, begun.id)

    threads.write(found, author=db.session.get_one(Person, olive.id), text="Yes.")
    threads.note(found, text="It is told.")
    db.session.commit()

    assert [one.text for one in conversations.page_of_messages(found).rows] == [
        "Anybody there?",
        "Yes.",
        "It is told.",
    ]
