"""Client secrets that will expire: the admins are reminded 30, 7 and 1 days before, once each."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal.accounts.models import Person
from portal.core.db import db
from portal.core.secret import Secret
from portal.jobs.periodic import CHORES, do
from portal.notices import secret_expiry
from portal.outbox.models import Delivery, Message
from portal.smtp_settings import expiry, servers
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.models import WhiteLabel
from tests.equipment.clock import HandSetClock
from tests.smtp_settings.bearer import BEARER, enable, plan_bearer, saved_bearer


@pytest.fixture
def server(ada: Person, acme: WhiteLabel, clock: HandSetClock) -> SmtpServer:
    """Its secret expires in 40 days."""
    enable()
    on = clock.now().date() + timedelta(days=40)
    return saved_bearer(ada, acme, replace(BEARER, secret_expires_on=on))


def subjects() -> list[str]:
    """Of what was written since the last time, with the recipient."""
    rows = db.session.execute(
        select(Delivery.email, Message.subject)
        .join(Message, Message.id == Delivery.message_id)
        .order_by(Delivery.id)
    ).all()
    return [f"{email}: {subject}" for email, subject in rows]


def remind() -> int:
    reminded = secret_expiry.remind()
    db.session.commit()
    return reminded


@pytest.mark.both_stores
def test_each_day_is_reminded_of_exactly_once(server: SmtpServer, clock: HandSetClock) -> None:
    reminded = []
    for day in range(45):
        if any([remind(), remind(), remind()]):
            reminded.append(40 - day)
        clock.advance(days=1)

    assert reminded == [30, 7, 1]
    assert len(subjects()) == 3


def test_every_admin_of_that_white_label_is_told_and_nobody_else(
    server: SmtpServer, clock: HandSetClock, ada: Person, bob: Person, abe: Person, cal: Person
) -> None:
    clock.advance(days=33)

    remind()

    assert sorted(subjects()) == [
        f"{who.email}: The client secret of {server.name} expires on {server.secret_expires_on}"
        for who in sorted((ada, bob), key=lambda who: who.email)
    ]


def test_the_letter_says_when_and_leads_to_the_form(
    server: SmtpServer, clock: HandSetClock
) -> None:
    clock.advance(days=33)

    remind()

    text = db.session.scalars(select(Message.text)).first() or ""
    assert "expires in 7 days" in text
    assert f"/servers/{server.id}/edit" in text


def test_the_owner_is_reminded_of_the_platforms_own(olive: Person, clock: HandSetClock) -> None:
    enable()
    on = clock.now().date() + timedelta(days=1)
    server = saved_bearer(olive, None, replace(BEARER, secret_expires_on=on))

    remind()

    assert [line.partition(":")[0] for line in subjects()] == [olive.email]
    text = db.session.scalars(select(Message.text)).one() or ""
    assert f"/backoffice/settings/communication/servers/{server.id}/edit" in text
    assert "expires in 1 day," in text


def test_a_secret_that_is_saved_late_is_reminded_of_once_for_the_days_that_passed(
    ada: Person, acme: WhiteLabel, clock: HandSetClock
) -> None:
    enable()
    on = clock.now().date() + timedelta(days=5)
    saved_bearer(ada, acme, replace(BEARER, secret_expires_on=on))

    assert [remind(), remind()] == [1, 0]


def test_another_secret_with_another_day_begins_anew(
    server: SmtpServer, acme: WhiteLabel, ada: Person, clock: HandSetClock
) -> None:
    clock.advance(days=39)
    remind()
    on = clock.now().date() + timedelta(days=30)
    values = replace(BEARER, password=Secret("another"), secret_expires_on=on)

    planned = plan_bearer(acme, values, server)
    servers.save(acme, planned, by=ada, server=server, proof=None, is_draft=True)
    server.is_enabled = True
    db.session.commit()

    assert remind() == 1


@pytest.mark.parametrize("how", ["disabled", "deleted", "without a day", "expired"])
def test_nobody_is_reminded_in_vain(how: str, server: SmtpServer, clock: HandSetClock) -> None:
    clock.advance(days=41 if how == "expired" else 35)
    if how == "disabled":
        servers.switch(server, on=False)
    elif how == "deleted":
        servers.delete(server)
    elif how == "without a day":
        server.secret_expires_on = None
    db.session.commit()

    assert remind() == 0


def test_of_two_who_look_at_once_one_reminds(server: SmtpServer, clock: HandSetClock) -> None:
    clock.advance(days=33)
    (one,) = expiry.to_be_reminded(today=clock.now().date())

    assert [expiry.take_reminder(one), expiry.take_reminder(one)] == [True, False]


def test_it_is_a_chore_of_every_hour(server: SmtpServer, clock: HandSetClock) -> None:
    clock.advance(days=33)
    chore = next(one for one in CHORES if one.work is secret_expiry.remind)

    do(chore)

    assert len(subjects()) == 1
