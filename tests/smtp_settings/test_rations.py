"""Tests are counted: five mails an hour a person, twenty a day a tenant, three to an address."""

from __future__ import annotations

import pytest

from portal.accounts.models import Person
from portal.core.db import db
from portal.core.errors import Refusal
from portal.smtp.addresses import Address
from portal.smtp_settings.rations import count_connection, count_message
from portal.white_labels.models import WhiteLabel
from tests.equipment.clock import HandSetClock
from tests.equipment.stage import make_person


def reader(number: int) -> Address:
    return Address(f"reader{number}", "else.example")


def send(person: Person, *numbers: int) -> None:
    for number in numbers:
        count_message(person, reader(number))
    db.session.commit()


@pytest.mark.both_stores
def test_the_sixth_mail_of_a_person_in_an_hour_is_refused(ada: Person) -> None:
    send(ada, 1, 2, 3, 4, 5)

    with pytest.raises(Refusal) as refused:
        send(ada, 6)

    assert (refused.value.code, refused.value.field) == ("too_many_tests", "recipient")


def test_an_hour_later_there_are_five_again(ada: Person, clock: HandSetClock) -> None:
    send(ada, 1, 2, 3, 4, 5)
    clock.advance(minutes=61)

    send(ada, 6, 7, 8, 9, 10)


def test_another_person_has_five_of_their_own(ada: Person, bob: Person) -> None:
    send(ada, 1, 2, 3, 4, 5)

    send(bob, 6)


def test_the_twenty_first_mail_of_a_white_label_in_a_day_is_refused(
    acme: WhiteLabel, clock: HandSetClock
) -> None:
    for name, start in (("A", 1), ("B", 6), ("C", 11), ("D", 16)):
        send(make_person(acme, name), *range(start, start + 5))

    with pytest.raises(Refusal):
        send(make_person(acme, "E"), 21)

    clock.advance(hours=25)
    send(make_person(acme, "F"), 21)


@pytest.mark.accepts("SB-37")
def test_one_address_gets_three_a_day_from_whomever(
    ada: Person, bob: Person, cal: Person, olive: Person
) -> None:
    for person in (ada, bob, cal):
        send(person, 1)

    with pytest.raises(Refusal):
        count_message(olive, Address("Reader1", "else.example"))


def test_what_is_refused_is_not_counted(ada: Person, clock: HandSetClock) -> None:
    send(ada, 1, 2, 3, 4, 5)
    clock.advance(minutes=30)
    for _ in range(3):
        with pytest.raises(Refusal):
            send(ada, 6)
    clock.advance(minutes=31)

    send(ada, 6)


def test_the_sixty_first_connection_in_an_hour_is_refused(ada: Person, bob: Person) -> None:
    for _ in range(60):
        count_connection(ada)

    with pytest.raises(Refusal):
        count_connection(ada)
    count_connection(bob)
