"""What the other side hears of a message: a count in the menu, and mail."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.accounts import people
from portal.accounts.models import Person
from portal.core.db import db
from portal.core.errors import Refusal
from portal.desk import conversations, threads
from portal.desk.models import Side, Thread
from portal.desk.telling import FREE_MAILS, PAUSE
from portal.outbox import suspension
from portal.outbox.models import Delivery
from portal.outbox.states import State
from portal.white_labels.models import Hostname, WhiteLabel
from tests.desk.talk import TEXT, begin, look_at, mailed_to, mails, said, say
from tests.equipment.clock import HandSetClock
from tests.equipment.stage import fresh, make_person, make_server


def test_what_the_other_side_wrote_is_unread_until_it_is_looked_at(
    thread: Thread, ada: Person, bob: Person, olive: Person
) -> None:
    say(thread, olive)
    assert [conversations.unread_count(one) for one in (ada, bob, olive)] == [1, 1, 0]

    look_at(thread, ada)

    assert [conversations.unread_count(one) for one in (ada, bob, olive)] == [0, 1, 0]


def test_several_messages_in_a_thread_are_one_unread_thread(
    thread: Thread, ada: Person, olive: Person
) -> None:
    first = say(thread, olive)
    say(thread, olive)

    assert conversations.unread_count(ada) == 1
    assert conversations.first_unread(thread, ada) == first.id


def test_what_a_colleague_wrote_is_not_counted(thread: Thread, ada: Person, bob: Person) -> None:
    say(thread, bob)

    assert conversations.unread_count(ada) == 0


def test_whoever_answers_has_read(thread: Thread, olive: Person) -> None:
    assert conversations.unread_count(olive) == 1

    say(thread, olive)

    assert conversations.unread_count(olive) == 0


def test_what_is_written_while_somebody_reads_stays_unread(
    thread: Thread, ada: Person, olive: Person
) -> None:
    say(thread, olive)
    db.session.expunge(seen := fresh(thread))
    say(db.session.get_one(Thread, thread.id), olive)

    look_at(seen, ada)

    assert conversations.unread_count(ada) == 1


def test_the_portal_tells_both_sides_and_mails_nobody(
    thread: Thread, ada: Person, olive: Person
) -> None:
    look_at(thread, olive)
    before = len(mails())

    note = threads.note(thread, text="acme.example is verified.")
    db.session.commit()

    assert (note.side, note.author_id) == (Side.PORTAL, None)
    assert [conversations.unread_count(one) for one in (ada, olive)] == [1, 1]
    assert len(mails()) == before
    assert fresh(thread).newest_side is Side.WHITE_LABEL, "what the portal says answers nothing"


def test_agents_and_people_who_were_removed_are_told_nothing(
    olive: Person, acme: WhiteLabel, ada: Person, bob: Person, abe: Person
) -> None:
    people.remove(bob, by=ada)

    begin(acme, olive)

    assert [conversations.unread_count(one) for one in (ada, bob, abe)] == [1, 0, 0]
    assert mailed_to() == [ada.email]


def test_words_of_somebody_who_was_removed_keep_their_name(
    acme: WhiteLabel, ada: Person, bob: Person
) -> None:
    thread = begin(acme, bob)

    people.remove(bob, by=ada)
    db.session.commit()

    author = conversations.page_of_messages(thread).rows[0].author
    assert author is not None
    assert author.name == "Bob"


def test_an_admin_who_comes_later_owes_nothing_to_the_past(
    acme: WhiteLabel, ada: Person, olive: Person
) -> None:
    begin(acme, olive)

    assert conversations.unread_count(make_person(acme, "Eve")) == 0


# ---- Mail


@pytest.mark.accepts("SI-21")
def test_every_owner_is_mailed_what_a_white_label_writes_and_nobody_else(
    olive: Person, acme: WhiteLabel, ada: Person, bob: Person, cal: Person
) -> None:
    otto = make_person(None, "Otto")
    make_server(olive, "main")

    thread = begin(acme, ada)

    assert sorted(mailed_to()) == sorted([olive.email, otto.email])
    mail = mails()[0]
    assert mail.subject == "Acme: More mail"
    for words in ("Ada of Acme wrote", "Please raise our limit.", "this mailbox is not read"):
        assert words in (mail.text or "")
    link = f"http://localhost:8000/backoffice/desk/{thread.id}#new"
    assert link in (mail.text or "")
    assert link in (mail.html or "")
    assert mail.white_label_id is None, "it leaves by the platform's own way"


def test_an_answer_is_mailed_to_each_admin_in_their_own_brand(
    thread: Thread, ada: Person, bob: Person, cal: Person, olive: Person
) -> None:
    say(thread, olive, "Done.", files=[TEXT])

    assert sorted(mailed_to()[1:]) == sorted([ada.email, bob.email])
    mail = mails()[-1]
    assert mail.subject == "New message: More mail"
    assert "Olive wrote" in (mail.text or "")
    assert "With one file: note.txt" in (mail.text or "")
    assert f"http://acme.localhost:8000/desk/{thread.id}#new" in (mail.text or "")
    assert "Northwind" not in f"{mail.subject}{mail.text}{mail.html}"


def test_words_are_words_in_the_mails_html(thread: Thread, ada: Person, olive: Person) -> None:
    say(thread, olive, "<script>alert(1)</script> {{ 7 * 7 }}")

    mail = mails()[-1]
    assert "&lt;script&gt;" in (mail.html or "")
    assert "<script>" not in (mail.html or "")
    assert "{{ 7 * 7 }}" in (mail.text or "")


def test_whoever_leaves_a_thread_unread_is_mailed_less_and_less(
    clock: HandSetClock, thread: Thread, ada: Person, olive: Person
) -> None:
    for _time in range(FREE_MAILS + 3):
        say(thread, olive)
    assert mailed_to().count(ada.email) == FREE_MAILS
    assert "at most one more mail an hour" in (mails()[-1].text or "")

    clock.advance(seconds=PAUSE.total_seconds())
    say(thread, olive)
    say(thread, olive)

    assert mailed_to().count(ada.email) == FREE_MAILS + 1


def test_whoever_reads_is_mailed_each_message_again(
    thread: Thread, ada: Person, olive: Person
) -> None:
    for _time in range(FREE_MAILS + 1):
        say(thread, olive)
    look_at(thread, ada)

    say(thread, olive)

    assert mailed_to().count(ada.email) == FREE_MAILS + 1


def test_a_caller_with_a_letter_of_its_own_wants_no_second_mail(
    acme: WhiteLabel, ada: Person, olive: Person
) -> None:
    begin(acme, ada, mails=False)

    assert mails() == []
    assert conversations.unread_count(olive) == 1


def test_nobody_is_mailed_a_link_that_leads_nowhere(
    acme: WhiteLabel, ada: Person, olive: Person
) -> None:
    db.session.scalars(select(Hostname)).one().proven_at = None

    begin(acme, olive)

    assert mails() == []
    assert conversations.unread_count(ada) == 1


def test_what_is_written_to_a_suspended_white_label_waits_for_it(
    acme: WhiteLabel, ada: Person, olive: Person
) -> None:
    make_server(olive, "main")
    suspension.suspend(acme)

    begin(acme, olive)

    delivery = db.session.scalars(select(Delivery)).one()
    assert (delivery.state, delivery.kind) == (State.HELD, "white_label_suspended")
    suspension.resume(acme)
    db.session.commit()
    assert fresh(delivery).state is State.QUEUED


def test_a_mail_that_cannot_be_written_stops_no_message(
    thread: Thread, ada: Person, olive: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_args: object, **_facts: object) -> None:
        raise Refusal("no_way", "No way.")

    monkeypatch.setattr("portal.desk.telling.post", refuse)

    say(thread, olive, "Still said.")

    assert said(thread)[-1] == "Still said."
    assert conversations.unread_count(ada) == 1
