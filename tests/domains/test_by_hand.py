"""Checks by hand: one of a name and a few of a white label at once, and again when they end."""

from __future__ import annotations

import pytest

from portal.core.db import db
from portal.core.errors import Refusal
from portal.domains import allow_list, by_hand
from portal.domains.models import Domain
from portal.white_labels.models import WhiteLabel
from tests.equipment.clock import HandSetClock
from tests.equipment.stage import make_white_label


def domains_of(white_label: WhiteLabel, count: int) -> list[Domain]:
    names = [f"{white_label.name.lower()}{number}.example" for number in range(count)]
    domains = [allow_list.allow(white_label, name) for name in names]
    db.session.commit()
    return domains


def begun(domain: Domain) -> str:
    """The code of the refusal, or nothing."""
    try:
        by_hand.begin(domain)
    except Refusal as refusal:
        db.session.rollback()
        return refusal.code
    db.session.commit()
    return ""


def ended(domain: Domain) -> None:
    by_hand.end(domain)
    db.session.commit()


@pytest.mark.both_stores
def test_a_name_is_looked_for_by_one_at_a_time(acme: WhiteLabel, clock: HandSetClock) -> None:
    (domain,) = domains_of(acme, 1)

    answers = [begun(domain), begun(domain)]
    ended(domain)
    answers.append(begun(domain))

    assert answers == ["", "check_under_way", ""]


@pytest.mark.both_stores
def test_a_white_label_looks_for_three_names_at_once_and_another_one_does_not_wait_for_it(
    acme: WhiteLabel, clock: HandSetClock
) -> None:
    first, *others = domains_of(acme, by_hand.MOST_AT_ONCE + 1)
    (elsewhere,) = domains_of(make_white_label("Birch"), 1)

    answers = [begun(domain) for domain in (first, *others, elsewhere)]
    ended(first)
    answers.append(begun(others[-1]))

    assert answers == ["", "", "", "too_many_at_once", "", ""]


def test_a_check_that_nobody_lived_to_end_is_over_by_itself(
    acme: WhiteLabel, clock: HandSetClock
) -> None:
    (domain,) = domains_of(acme, 1)
    begun(domain)

    clock.advance(seconds=by_hand.LONGEST.total_seconds())

    assert begun(domain) == ""


def test_what_ends_takes_back_its_own_count_and_no_dead_one(
    acme: WhiteLabel, clock: HandSetClock
) -> None:
    dead, *alive = domains_of(acme, by_hand.MOST_AT_ONCE + 1)
    begun(dead)
    clock.advance(seconds=by_hand.LONGEST.total_seconds())
    for domain in alive:
        begun(domain)

    ended(alive[0])

    assert begun(dead) == ""
