"""Conversations: who may speak, what is refused, and what is said once."""

from __future__ import annotations

import threading

import pytest
from flask import Flask

from portal.accounts.models import Person
from portal.audit.search import Wanted, entries
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.desk import conversations, threads
from portal.desk.attachments import read
from portal.desk.models import Side, Thread
from portal.desk.threads import FILES_PER_DAY, MOST_FILES, OPENED_PER_DAY, WRITTEN_PER_HOUR
from portal.desk.wording import MOST_SUBJECT, MOST_TEXT
from portal.white_labels.models import WhiteLabel
from tests.desk.talk import TEXT, begin, said, say
from tests.desk.test_attachments import picture
from tests.equipment.clock import HandSetClock
from tests.equipment.stage import fresh

# ---- Searching


def test_only_the_first_words_of_a_long_search_are_asked_for(
    thread: Thread, acme: WhiteLabel, ada: Person
) -> None:
    def found(words: str) -> int:
        wanted = conversations.Search(words)
        return len(conversations.search(acme.id, wanted, reader=ada).rows)

    assert found("raise " * 7 + "nowhere") == 0
    assert found("raise " * 8 + "nowhere") == 1
    assert found(" " * 9 + "raise" + " " * 200 + "nowhere") == 1


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
