"""What would happen if it were launched now."""

from __future__ import annotations

import pytest
from flask import Flask

from portal.accounts.models import Person
from portal.campaigns.forecast import Bound
from portal.campaigns.pace import Pace, PaceKind
from portal.campaigns.rehearsal import LanguageShare, Missing, rehearse
from portal.core.db import db
from portal.outbox import suppressions
from portal.outbox.models import Delivery, Message
from portal.outbox.states import Reason
from portal.white_labels.models import WhiteLabel
from tests.equipment.campaigns import make_audience, make_campaign
from tests.equipment.stage import make_person, make_server, make_template, make_white_label


def white_label_of(person: Person) -> WhiteLabel:
    return db.session.get_one(WhiteLabel, person.white_label_id)


GREETS = (("en", "Hi {{ first }}", "Dear {{ first }}, leave: {{ unsubscribe_url }}", None),)


@pytest.mark.both_stores
def test_it_counts_people_and_who_is_suppressed(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    campaign = make_campaign(ada, make_audience(ada, 4))
    suppressions.add(
        campaign.white_label_id, "Reader2@birch.example", reason=Reason.BY_HAND, by=ada
    )
    db.session.commit()

    seen = rehearse(campaign)

    assert (seen.people, seen.suppressed, seen.leaving) == (4, 1, 3)
    assert seen.may_launch
    assert [(one.name, one.people) for one in seen.servers] == [("own", 3)]


@pytest.mark.both_stores
def test_it_names_the_values_that_some_people_have_not_got(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    rows = ["a@x.example,Ann", "b@x.example,", "c@x.example,Cid", "d@x.example,"]
    audience = make_audience(ada, rows, header="email,first")
    template = make_template(white_label_of(ada), "greets", texts=GREETS)
    campaign = make_campaign(ada, audience, template=template)

    seen = rehearse(campaign)

    assert seen.missing == [Missing("first", 2, ("b@x.example", "d@x.example"))]


def test_it_shows_what_the_first_three_would_read(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    audience = make_audience(
        ada, [f"{n}@x.example,{n.title()}" for n in ("ann", "bea", "cid", "dan")],
        header="email,first",
    )  # fmt: skip
    template = make_template(white_label_of(ada), "greets", texts=GREETS)

    seen = rehearse(make_campaign(ada, audience, template=template))

    assert [one.letter.subject for one in seen.letters] == ["Hi Ann", "Hi Bea", "Hi Cid"]
    text = seen.letters[0].letter.text or ""
    assert "leave: http://acme.localhost:8000/unsubscribe/" in text


def test_it_writes_nothing(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    campaign = make_campaign(ada)

    rehearse(campaign)

    assert not db.session.new
    db.session.commit()
    assert db.session.query(Message).count() == db.session.query(Delivery).count() == 0


def test_each_reads_their_language_or_the_default(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    rows = ["a@x.example,de-AT", "b@x.example,de-AT", "c@x.example,fr", "d@x.example,"]
    audience = make_audience(ada, rows, header="email,language")
    template = make_template(
        white_label_of(ada),
        "both",
        texts=(("en", "Hello", "Hello", None), ("de", "Hallo", "Hallo", None)),
    )

    seen = rehearse(make_campaign(ada, audience, template=template))

    assert seen.languages == [
        LanguageShare("de-AT", 2, "de"),
        LanguageShare("", 1, "en"),
        LanguageShare("fr", 1, "en"),
    ]


@pytest.mark.both_stores
def test_who_is_suppressed_reads_in_no_language(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    rows = ["a@x.example,de", "b@x.example,de", "c@x.example,en", "d@x.example,fr"]
    campaign = make_campaign(ada, make_audience(ada, rows, header="email,language"))
    for address in ("b@x.example", "d@x.example"):
        suppressions.add(campaign.white_label_id, address, reason=Reason.BY_HAND, by=ada)
    db.session.commit()

    seen = rehearse(campaign)

    assert seen.leaving == 2
    assert [(share.language, share.people) for share in seen.languages] == [("de", 1), ("en", 1)]


@pytest.mark.accepts("UC-29")
def test_a_pace_beyond_the_servers_limit_warns_and_says_when_it_ends(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada, per_hour=2)
    pace = Pace(PaceKind.HOURLY, per_hour=3600)
    campaign = make_campaign(ada, make_audience(ada, 6), pace=pace)

    seen = rehearse(campaign).forecast

    assert seen is not None
    assert (seen.bound, seen.by) == (Bound.LIMIT, "own")
    assert (seen.finishes_at - seen.starts_at).total_seconds() == 2 * 3600
    assert ["at most 2 mails an hour" in words for words in seen.warnings] == [True]


@pytest.mark.accepts("UC-29")
def test_a_server_without_a_limit_warns_when_it_gets_as_much_as_it_takes(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada)

    seen = rehearse(make_campaign(ada)).forecast

    assert seen is not None
    assert ["No limit is set for own" in words for words in seen.warnings] == [True]


def test_a_draft_without_anybody_cannot_be_launched_and_says_why(app: Flask) -> None:
    ada = make_person(make_white_label())
    make_server(ada)
    campaign = make_campaign(ada)
    campaign.audience_id = None
    db.session.commit()
    db.session.refresh(campaign)

    seen = rehearse(campaign)

    assert [refusal.field for refusal in seen.refusals] == ["audience"]


def test_without_a_server_it_says_that_the_sandbox_keeps_it(app: Flask) -> None:
    ada = make_person(make_white_label())

    seen = rehearse(make_campaign(ada))

    assert (seen.is_out, seen.servers, seen.may_launch) == (False, [], True)
