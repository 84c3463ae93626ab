"""Conversations: who may speak, what is refused, what the other side hears of it."""

from __future__ import annotations

import threading

import pytest
from flask import Flask
from sqlalchemy import select

from portal.accounts import people
from portal.accounts.models import Person
from portal.audit.search import Wanted, entries
from portal.core.db import db, reading
from portal.core.errors import NotFound, Refusal
from portal.desk import conversations, threads
from portal.desk.attachments import Attached, read
from portal.desk.models import DeskMessage, Side, Thread
from portal.desk.telling import FREE_MAILS, PAUSE
from portal.desk.threads import (
    FILES_PER_DAY,
    MOST_FILES,
    MOST_SUBJECT,
    MOST_TEXT,
    OPENED_PER_DAY,
    WRITTEN_PER_HOUR,
)
from portal.outbox import suspension
from portal.outbox.models import Delivery, Message
from portal.outbox.states import State
from portal.white_labels.models import Hostname, WhiteLabel
from tests.desk.test_attachments import picture
from tests.equipment.clock import HandSetClock
from tests.equipment.stage import fresh, make_person, make_server

TEXT = Attached("note.txt", "text/plain", b"words")


@pytest.fixture
def thread(acme: WhiteLabel, ada: Person, olive: Person) -> Thread:
    """Ada has asked Olive for something."""
    return begin(acme, ada)


def begin(white_label: WhiteLabel, author: Person | None, **facts: object) -> Thread:
    asked = {"subject": "More mail", "text": "Please raise our limit."} | facts
    begun = threads.open_thread(white_label, author=author, **asked)  # type: ignore[arg-type]
    db.session.commit()
    return begun


def say(thread: Thread, author: Person, text: str = "More.", **facts: object) -> DeskMessage:
    message = threads.write(thread, author=author, text=text, **facts)  # type: ignore[arg-type]
    db.session.commit()
    return message


def look_at(thread: Thread, person: Person) -> None:
    """What a page does that shows it."""
    db.session.rollback()
    with reading():
        conversations.mark_read(thread, person)
        db.session.rollback()


def mails() -> list[Message]:
    """What was mailed, the oldest first."""
    return list(db.session.scalars(select(Message).order_by(Message.id)))


def mailed_to() -> list[str]:
    return list(db.session.scalars(select(Delivery.email).order_by(Delivery.id)))


def said(thread: Thread) -> list[str]:
    return [message.text for message in conversations.page_of_messages(thread).rows]


# ---- Speaking


def test_both_sides_speak_in_one_thread(thread: Thread, ada: Person, olive: Person) -> None:
    say(thread, olive, "How much do you need?")
    say(thread, ada, "Twice as much.")

    assert said(thread) == ["Please raise our limit.", "How much do you need?", "Twice as much."]
    assert fresh(thread).messages == 3
    assert thread.newest_side is Side.WHITE_LABEL


@pytest.mark.accepts("SI-25")
def test_the_backoffice_may_write_first(acme: WhiteLabel, ada: Person, olive: Person) -> None:
    thread = begin(acme, olive, subject="Maintenance on Sunday")

    assert conversations.find(acme.id, thread.id) is thread
    assert conversations.unread_count(ada) == 1


def test_nobody_of_another_white_label_speaks(thread: Thread, cal: Person) -> None:
    with pytest.raises(NotFound):
        say(thread, cal)

    assert said(thread) == ["Please raise our limit."]


def test_nobody_begins_a_thread_for_another_white_label(acme: WhiteLabel, cal: Person) -> None:
    with pytest.raises(NotFound):
        begin(acme, cal)


@pytest.mark.parametrize(
    ("subject", "code"),
    [
        ("", "subject_missing"),
        (" \r\n\t ", "subject_missing"),
        ("x" * (MOST_SUBJECT + 1), "subject_too_long"),
        ("bill\u202egnp", "subject_control_character"),
        ("a\x00b", "subject_control_character"),
    ],
)
def test_a_subject_is_one_short_line(
    acme: WhiteLabel, ada: Person, subject: str, code: str
) -> None:
    with pytest.raises(Refusal) as refused:
        begin(acme, ada, subject=subject)

    assert (refused.value.code, refused.value.field) == (code, "subject")


def test_a_subject_with_line_breaks_becomes_one_line(acme: WhiteLabel, ada: Person) -> None:
    assert begin(acme, ada, subject=" More\r\nBcc: kim@evil.example ").subject == (
        "More Bcc: kim@evil.example"
    )


@pytest.mark.parametrize(
    ("text", "code"), [(" \r\n ", "text_missing"), ("x" * (MOST_TEXT + 1), "text_too_long")]
)
def test_a_message_says_something_and_not_too_much(
    thread: Thread, olive: Person, text: str, code: str
) -> None:
    with pytest.raises(Refusal) as refused:
        say(thread, olive, text)

    assert (refused.value.code, refused.value.field) == (code, "text")


def test_a_file_may_speak_for_itself(thread: Thread, olive: Person) -> None:
    message = say(thread, olive, "", files=[TEXT])

    assert [file.name for file in message.files] == ["note.txt"]


def test_words_keep_their_lines_and_lose_what_nobody_sees(thread: Thread, olive: Person) -> None:
    message = say(thread, olive, "\n  one\r\ntwo\r\u202ethree\x07\x00\ttab\u2028four \n")

    assert message.text == "one\ntwo\nthree\ttab\nfour"


def test_more_files_than_a_message_takes_are_refused(thread: Thread, olive: Person) -> None:
    with pytest.raises(Refusal) as refused:
        say(thread, olive, files=[TEXT] * (MOST_FILES + 1))

    assert (refused.value.code, refused.value.field) == ("too_many_files", "files")


def test_a_white_label_fills_no_disk(
    thread: Thread, ada: Person, olive: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "FILES_PER_DAY", 12)
    say(thread, ada, files=[TEXT, TEXT])

    with pytest.raises(Refusal) as refused:
        say(thread, olive, files=[TEXT])

    assert refused.value.code == "too_many_bytes"
    assert FILES_PER_DAY > 12


def test_the_files_of_yesterday_do_not_count(
    clock: HandSetClock, thread: Thread, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "FILES_PER_DAY", 12)
    say(thread, ada, files=[TEXT, TEXT])

    clock.advance(days=1, seconds=1)

    assert say(thread, ada, files=[TEXT]).files


def test_nobody_writes_faster_than_it_can_be_read(
    clock: HandSetClock, thread: Thread, ada: Person, olive: Person
) -> None:
    for _time in range(WRITTEN_PER_HOUR):
        say(thread, olive)

    with pytest.raises(Refusal) as refused:
        say(thread, olive)
    db.session.rollback()

    assert refused.value.code == "written_too_often"
    say(thread, ada)
    clock.advance(hours=1, seconds=1)
    say(thread, olive)


def test_a_white_label_begins_only_so_many_threads_a_day(
    clock: HandSetClock, acme: WhiteLabel, ada: Person, bob: Person, olive: Person
) -> None:
    for _time in range(OPENED_PER_DAY):
        begin(acme, ada)

    with pytest.raises(Refusal) as refused:
        begin(acme, bob)
    db.session.rollback()

    assert refused.value.code == "opened_too_often"
    begin(acme, olive)
    clock.advance(days=1, seconds=1)
    begin(acme, bob)


# ---- Once


def test_a_form_that_is_sent_twice_says_it_once(thread: Thread, olive: Person) -> None:
    first = say(thread, olive, once="a token")
    second = say(thread, olive, once="a token")

    assert second.id == first.id
    assert len(said(thread)) == 2


def test_a_form_that_is_sent_twice_begins_one_thread(acme: WhiteLabel, ada: Person) -> None:
    assert begin(acme, ada, once="a token").id == begin(acme, ada, once="a token").id


def test_other_words_in_a_form_that_was_sent_are_not_lost(
    acme: WhiteLabel, thread: Thread, olive: Person, ada: Person
) -> None:
    say(thread, olive, "First.", once="a token")
    say(thread, olive, "Second.", once="a token")
    say(thread, olive, "First.", once="a token", files=[TEXT])
    other = begin(acme, ada, once="another token")
    again = begin(acme, ada, once="another token", subject="Less mail")

    assert said(thread)[1:] == ["First.", "Second.", "First."]
    assert again.id != other.id


def test_somebody_elses_token_is_not_mine(thread: Thread, ada: Person, olive: Person) -> None:
    assert say(thread, ada, once="a token").id != say(thread, olive, once="a token").id


@pytest.mark.both_stores
def test_of_two_clicks_at_once_one_is_heard(
    app: Flask, thread: Thread, ada: Person, olive: Person
) -> None:
    at_once = threading.Barrier(2)
    thread_id, olive_id = thread.id, olive.id
    faults: list[BaseException] = []

    def click() -> None:
        with app.app_context():
            at_once.wait()
            try:
                author = db.session.get_one(Person, olive_id)
                begun = db.session.get_one(Thread, thread_id)
                threads.write(begun, author=author, text="Once.", once="a token")
                db.session.commit()
            except BaseException as fault:  # noqa: BLE001 - told below
                faults.append(fault)
            finally:
                db.session.remove()

    clicks = [threading.Thread(target=click) for _click in range(2)]
    for one in clicks:
        one.start()
    for one in clicks:
        one.join()

    assert faults == []
    assert said(thread) == ["Please raise our limit.", "Once."]
    assert fresh(thread).messages == 2


# ---- Open and closed


def test_a_closed_thread_is_opened_by_whoever_writes(
    thread: Thread, ada: Person, olive: Person
) -> None:
    threads.close(thread, by=olive)
    assert thread.is_closed

    say(thread, ada, "Not yet.")

    assert not fresh(thread).is_closed
    assert thread.closed_by_id is None


def test_opening_and_closing_are_in_the_trail(
    acme: WhiteLabel, thread: Thread, olive: Person
) -> None:
    for _time in range(2):
        threads.close(thread, by=olive)
    for _time in range(2):
        threads.reopen(thread)
    db.session.commit()

    told = entries(acme.id, Wanted("thread")).rows
    assert [entry.action for entry in told] == [
        "thread.reopened",
        "thread.closed",
        "thread.opened",
    ]
    assert told[0].target == f"thread {thread.id} More mail"


# ---- Unread


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


# ---- Files


def test_a_picture_is_kept_with_its_measure(thread: Thread, olive: Person) -> None:
    message = say(thread, olive, files=[read("panel.png", picture(size=(900, 300)))])

    file = message.files[0]
    assert (file.is_picture, file.width, file.height) == (True, 900, 300)
    assert file.preview


def test_a_file_is_found_by_its_own_thread_and_tenant_only(
    thread: Thread, acme: WhiteLabel, ada: Person, birch: WhiteLabel, cal: Person, olive: Person
) -> None:
    file = say(thread, ada, files=[TEXT]).files[0]
    others = begin(birch, cal)
    second = begin(acme, ada)

    assert conversations.find_file(acme.id, thread.id, file.id) is file
    assert conversations.find_file(None, thread.id, file.id) is file
    for white_label_id, thread_id in (
        (birch.id, thread.id),
        (birch.id, others.id),
        (acme.id, second.id),
        (None, second.id),
    ):
        with pytest.raises(NotFound):
            conversations.find_file(white_label_id, thread_id, file.id)


def test_a_conversation_is_shown_without_reading_the_files(thread: Thread, olive: Person) -> None:
    message = say(thread, olive, files=[TEXT])
    db.session.expire_all()

    conversations.page_of_messages(thread)

    assert "content" not in message.files[0].__dict__
