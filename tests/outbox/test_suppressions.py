"""Addresses that a white label does not write to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from flask import Flask
from sqlalchemy import select, update

from portal.accounts.models import Person
from portal.audit.models import AuditEntry
from portal.core.db import db
from portal.core.errors import Refusal
from portal.notices.post import post
from portal.outbox import suggestions, suppressions
from portal.outbox.models import Delivery, Suggestion, Suppression
from portal.outbox.states import Category, Reason, State
from tests.equipment.mail import deliveries, drain, send, states
from tests.equipment.plans import plans
from tests.equipment.smtp_script import Say, Script, when
from tests.equipment.smtp_server import SmtpServer as Fake
from tests.equipment.stage import make_app, make_person, make_server, make_white_label

CAMPAIGN, TRANSACTIONAL = Category.CAMPAIGN, Category.TRANSACTIONAL


@pytest.fixture
def ada(app: Flask) -> Person:
    ada = make_person(make_white_label())
    make_server(ada)
    return ada


def suppress(person: Person, email: str, reason: Reason = Reason.BY_HAND) -> bool:
    assert person.white_label_id is not None
    is_news = suppressions.add(person.white_label_id, email, reason=reason, by=person)
    db.session.commit()
    return is_news


def entries() -> list[tuple[str, Reason]]:
    rows = db.session.scalars(select(Suppression).order_by(Suppression.id))
    return [(row.address, row.reason) for row in rows]


def imported(
    person: Person, lines: Iterable[str], reason: Reason = Reason.IMPORTED
) -> suppressions.Imported:
    assert person.white_label_id is not None
    db.session.commit()
    steps = []
    for result in suppressions.add_many(person.white_label_id, lines, reason=reason, by=person):
        db.session.commit()
        steps.append(result)
    return steps[-1]


@pytest.mark.both_stores
@pytest.mark.parametrize(
    ("reason", "category", "state"),
    [
        (Reason.UNSUBSCRIBED, CAMPAIGN, State.SUPPRESSED),
        (Reason.UNSUBSCRIBED, TRANSACTIONAL, State.QUEUED),
        (Reason.IMPORTED, CAMPAIGN, State.SUPPRESSED),
        (Reason.IMPORTED, TRANSACTIONAL, State.QUEUED),
        (Reason.BOUNCED, CAMPAIGN, State.SUPPRESSED),
        (Reason.BOUNCED, TRANSACTIONAL, State.SUPPRESSED),
        (Reason.BY_HAND, TRANSACTIONAL, State.SUPPRESSED),
    ],
)
def test_what_an_entry_stops_depends_on_its_reason(
    app: Flask, reason: Reason, category: Category, state: State
) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    suppress(ada, "Kim@x.example", reason)

    message = send(make_app(ada), "kim@X.example", category=category)

    assert [(row.state, row.kind) for row in deliveries(message)] == [
        (state, reason.value if state is State.SUPPRESSED else None)
    ]


@pytest.mark.both_stores
@pytest.mark.parametrize("there", ["Kim.Lee@x.example", "KIM.LEE@x.example", "kim.lee@x.example"])
def test_it_stops_what_waits_however_it_is_spelt_there(app: Flask, there: str) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    shop = make_app(ada)
    message = send(shop, [there, "lee@x.example"])

    suppress(ada, "Kim.lee@X.example")

    assert states(message) == [State.SUPPRESSED, State.QUEUED]


@pytest.mark.both_stores
@pytest.mark.parametrize(
    ("reason", "category", "state"),
    [
        (Reason.UNSUBSCRIBED, CAMPAIGN, State.SUPPRESSED),
        (Reason.BY_HAND, TRANSACTIONAL, State.SUPPRESSED),
        (Reason.UNSUBSCRIBED, TRANSACTIONAL, State.SENT),
    ],
)
def test_who_says_no_while_mail_of_theirs_is_under_way_gets_no_second_try(
    app: Flask, reason: Reason, category: Category, state: State
) -> None:
    ada = make_person(make_white_label())
    with Fake() as fake:
        make_server(ada, port=fake.port)
        message = send(make_app(ada), "Kim@x.example", category=category)
        # In a lane's hands at that moment, so that nothing that waits was found.
        db.session.execute(update(Delivery).values(state=State.SENDING))
        suppress(ada, "kim@x.example", reason)
        db.session.execute(update(Delivery).values(state=State.QUEUED))
        db.session.commit()

        drain(app)

    assert states(message) == [state]
    assert len(fake.ledger) == (1 if state is State.SENT else 0)


def test_unsubscribing_leaves_a_receipt_that_waits_alone(ada: Person) -> None:
    message = send(make_app(ada), "kim@x.example")

    suppress(ada, "kim@x.example", Reason.UNSUBSCRIBED)

    assert states(message) == [State.QUEUED]


def test_a_new_password_reaches_who_is_suppressed(ada: Person) -> None:
    make_server(make_person(name="Olive"), "platform")
    first = post("reset", to=ada, link="http://x.example", minutes=30).message
    db.session.commit()
    suppress(ada, ada.email)
    second = post("reset", to=ada, link="http://x.example", minutes=30).message
    db.session.commit()

    assert states(first) == states(second) == [State.QUEUED]


def test_another_white_labels_list_is_its_own(ada: Person) -> None:
    cal = make_person(make_white_label("Birch"), "Cal")
    make_server(cal)
    suppress(cal, "kim@x.example")

    message = send(make_app(ada), "kim@x.example")

    assert states(message) == [State.QUEUED]
    assert ada.white_label_id is not None
    with pytest.raises(Refusal):
        suppressions.find(ada.white_label_id, db.session.scalars(select(Suppression.id)).one())
    assert suppressions.page(ada.white_label_id).rows == []


def test_a_stronger_reason_replaces_a_weaker_one_and_never_the_other_way(ada: Person) -> None:
    answers = [
        suppress(ada, "kim@x.example", reason)
        for reason in (Reason.UNSUBSCRIBED, Reason.BOUNCED, Reason.UNSUBSCRIBED)
    ]

    assert answers == [True, True, False]
    assert entries() == [("kim@x.example", Reason.BOUNCED)]


def test_a_list_of_addresses(ada: Person) -> None:
    assert ada.white_label_id is not None
    suppress(ada, "old@x.example")
    lines = ["Ann <ANN@x.example>", "", "old@x.example", "ann@x.example", "nobody", "bob@x.example"]

    result = imported(ada, lines)

    assert (result.added, result.known, result.faulty) == (2, 2, 1)
    assert result.faults == [(5, "An e-mail address needs an @.")]
    assert [address for address, _reason in entries()] == [
        "old@x.example", "ann@x.example", "bob@x.example",
    ]  # fmt: skip


@pytest.mark.both_stores
def test_a_long_list_is_read_and_stored_while_others_may_write(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppressions, "AT_ONCE", 2)
    ada = make_person(make_white_label())
    is_locked = []

    def lines() -> Iterator[str]:
        for number in range(5):
            is_locked.append(db.session().in_transaction())
            yield f"kim{number}@x.example"

    result = imported(ada, lines())

    assert is_locked == [False] * 5
    assert (result.added, len(entries())) == (5, 5)


@pytest.mark.both_stores
def test_a_list_that_ended_early_is_begun_again_and_stops_what_waits(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppressions, "AT_ONCE", 2)
    ada = make_person(make_white_label())
    make_server(ada)
    shop = make_app(ada)
    lines = ["ann@x.example", "bob@x.example", "cleo@x.example"]
    campaign = send(shop, ["Ann@x.example", "Cleo@x.example", "dan@x.example"], category=CAMPAIGN)
    receipt = send(shop, ["ann@x.example"])
    assert ada.white_label_id is not None
    steps = suppressions.add_many(ada.white_label_id, lines, reason=Reason.IMPORTED, by=ada)
    next(steps)
    db.session.commit()
    del steps

    result = imported(ada, lines)

    assert (result.added, result.known) == (1, 2)
    assert states(campaign) == [State.SUPPRESSED, State.SUPPRESSED, State.QUEUED]
    assert states(receipt) == [State.QUEUED]


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_what_waits_for_an_address_is_looked_up_and_not_looked_for(ada: Person) -> None:
    with plans(of="UPDATE delivery") as found:
        suppress(ada, "kim@x.example")

    assert [steps[0] for steps in found] == [
        "SEARCH delivery USING INDEX ix_delivery_email (tenant=? AND email=?)"
    ]


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_what_waits_for_a_list_is_found_without_reading_the_log(ada: Person) -> None:
    with plans(of="SELECT delivery.id") as found:
        imported(ada, ["kim@x.example"])

    assert len(found) == 2
    assert "ix_delivery_waiting" in found[0][0]
    assert "ix_delivery_notable" in found[1][0]


@pytest.mark.both_stores
def test_a_list_of_those_who_get_nothing_at_all_replaces_weaker_reasons(app: Flask) -> None:
    ada = make_person(make_white_label())
    suppress(ada, "ann@x.example", Reason.UNSUBSCRIBED)
    suppress(ada, "bob@x.example", Reason.BOUNCED)

    result = imported(ada, ["ann@x.example", "bob@x.example"], Reason.BY_HAND)

    assert (result.added, result.known) == (1, 1)
    assert entries() == [("ann@x.example", Reason.BY_HAND), ("bob@x.example", Reason.BOUNCED)]


def test_removing_needs_a_reason_and_stands_in_the_trail(ada: Person) -> None:
    suppress(ada, "kim@x.example")
    entry = db.session.scalars(select(Suppression)).one()

    with pytest.raises(Refusal) as refused:
        suppressions.remove(entry, why=" ")
    suppressions.remove(entry, why="She asked for it by phone")
    db.session.commit()

    assert refused.value.field == "why"
    assert entries() == []
    told = db.session.scalars(
        select(AuditEntry).where(AuditEntry.action == "suppression.removed")
    ).one()
    assert told.changes["why"] == "She asked for it by phone"


def test_a_page_is_searched_by_beginning_and_reason(ada: Person) -> None:
    assert ada.white_label_id is not None
    for name in ("ann", "anders", "bob"):
        suppress(ada, f"{name}@x.example")
    suppress(ada, "anke@x.example", Reason.UNSUBSCRIBED)

    found = suppressions.page(ada.white_label_id, search="An", reason=Reason.BY_HAND).rows

    assert [row.address for row in found] == ["anders@x.example", "ann@x.example"]
    assert suppressions.count(ada.white_label_id) == 4


@pytest.mark.both_stores
def test_an_address_that_a_server_does_not_know_is_suggested_once(app: Flask) -> None:
    refuse = when("kim@", Say(550, "5.1.1 No such user here"))
    with Fake(Script(rcpt=refuse)) as fake:
        ada = make_person(make_white_label())
        make_server(ada, port=fake.port)
        shop = make_app(ada)
        send(shop, "Kim@x.example".replace("K", "k"))
        send(shop, ["kim@x.example", "lee@x.example"])
        drain(app)

    assert ada.white_label_id is not None
    found = suggestions.page(ada.white_label_id).rows
    assert [(one.address, one.enhanced, one.words) for one in found] == [
        ("kim@x.example", "5.1.1", "No such user here")
    ]
    assert suggestions.count(ada.white_label_id) == 1


def test_a_refusal_for_another_reason_suggests_nothing(app: Flask) -> None:
    with Fake(Script(rcpt=Say(550, "5.7.1 Blocked by policy"))) as fake:
        ada = make_person(make_white_label())
        make_server(ada, port=fake.port)
        send(make_app(ada), "kim@x.example")
        drain(app)

    assert db.session.scalars(select(Suggestion)).all() == []


def suggested(ada: Person, *addresses: str) -> list[Suggestion]:
    for number, address in enumerate(addresses, start=1):
        db.session.add(
            Suggestion(
                white_label_id=ada.white_label_id,
                address=address,
                delivery_id=number,
                code=550,
                words="No such user",
                at=ada.created_at,
            )
        )
    db.session.commit()
    return list(db.session.scalars(select(Suggestion).order_by(Suggestion.id)))


def test_one_click_takes_a_suggestion_with_the_servers_words(ada: Person) -> None:
    (one,) = suggested(ada, "kim@x.example")

    suggestions.take(one, by=ada)
    db.session.commit()

    entry = db.session.scalars(select(Suppression)).one()
    assert (entry.address, entry.reason, entry.note) == (
        "kim@x.example", Reason.BOUNCED, "550 No such user",
    )  # fmt: skip
    assert db.session.scalars(select(Suggestion)).all() == []


def test_all_at_once_also_where_one_is_suppressed_already(
    ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppressions, "AT_ONCE", 2)
    assert ada.white_label_id is not None
    waiting = send(make_app(ada), ["Kim@x.example", "Lee@x.example", "max@x.example"])
    suppress(ada, "kim@x.example", Reason.UNSUBSCRIBED)
    suggested(ada, "kim@x.example", "lee@x.example", "noa@x.example")

    steps = []
    for taken in suggestions.take_all(ada.white_label_id, by=ada):
        steps.append(taken)
        db.session.commit()

    assert (steps[0], steps[-1]) == (2, 3)
    assert entries() == [
        ("kim@x.example", Reason.BOUNCED),
        ("noa@x.example", Reason.BOUNCED),
        ("lee@x.example", Reason.BOUNCED),
    ]
    assert states(waiting) == [State.SUPPRESSED, State.SUPPRESSED, State.QUEUED]
    assert suggestions.count(ada.white_label_id) == 0
    told = db.session.scalars(
        select(AuditEntry).where(AuditEntry.action == "suppression.suggestions_taken")
    ).one()
    assert told.changes["count"] == 3


def test_what_was_dismissed_is_not_suggested_again(app: Flask) -> None:
    with Fake(Script(rcpt=Say(550, "5.1.1 No such user here"))) as fake:
        ada = make_person(make_white_label())
        make_server(ada, port=fake.port)
        shop = make_app(ada)
        send(shop, "kim@x.example")
        drain(app)
        assert ada.white_label_id is not None
        (one,) = suggestions.page(ada.white_label_id).rows
        suggestions.dismiss(one)
        db.session.commit()
        send(shop, "kim@x.example")
        drain(app)

    assert suggestions.page(ada.white_label_id).rows == []
