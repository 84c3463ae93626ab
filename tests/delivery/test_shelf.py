"""What a worker remembers of the messages it has compiled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from portal.delivery.mails import MOST_REMEMBERED, Mail, Shelf, Written
from portal.delivery.outcomes import Terms
from portal.outbox.states import Category
from portal.smtp.addresses import Mailbox, parse_address
from portal.smtp.compose import Draft, compile_message

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TERMS = Terms(Category.TRANSACTIONAL, NOW + timedelta(hours=72), copies=1)
MAIL = Mail(
    id=1,
    public_id="one",
    server_id=1,
    server_version=1,
    mail_from="shop@acme.example",
    date=NOW,
    terms=TERMS,
    is_current=True,
    key=None,
    rewritten=frozenset(),
)


def written(size: int = 10) -> Written:
    draft = Draft(
        sender=Mailbox(parse_address("shop@acme.example"), ""),
        subject="A subject",
        text="Some words.\n" * (size // 12),
        seed="one",
    )
    return Written(compile_message(draft), {})


def test_what_was_compiled_under_other_settings_of_its_server_is_compiled_anew() -> None:
    shelf = Shelf()
    shelf.put(MAIL, written())

    assert shelf.get(MAIL) is not None
    assert shelf.get(replace(MAIL, server_version=2)) is None
    assert shelf.get(replace(MAIL, mail_from="news@acme.example")) is None


def test_large_mail_leaves_before_memory_does() -> None:
    shelf, large = Shelf(), written(MOST_REMEMBERED // 2)

    for number in (1, 2, 3):
        shelf.put(replace(MAIL, id=number), large)

    assert [shelf.get(replace(MAIL, id=number)) is large for number in (1, 2, 3)] == [
        False,
        False,
        True,
    ]


def test_a_single_mail_stays_whatever_its_size() -> None:
    shelf, huge = Shelf(), written(2 * MOST_REMEMBERED)

    shelf.put(MAIL, huge)

    assert shelf.get(MAIL) is huge
