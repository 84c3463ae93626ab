"""Features are off until they are switched on, for everybody or for one place at a time."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from portal.accounts.models import Person
from portal.audit.models import AuditEntry
from portal.core.db import db
from portal.core.errors import NotFound
from portal.white_labels import features
from portal.white_labels.features import EVERYWHERE, FEATURES, NOWHERE, Feature, Reach
from portal.white_labels.models import WhiteLabel

OAUTH = Feature.OAUTH_SMTP


@pytest.mark.accepts("ST-06", "ST-07")
def test_oauth_is_off_at_first(acme: WhiteLabel) -> None:
    assert not features.is_on(OAUTH, acme.id)
    assert not features.is_on(OAUTH, None)


@pytest.mark.both_stores
@pytest.mark.parametrize(
    ("reach", "acme_has_it", "birch_has_it", "platform_has_it"),
    [
        (EVERYWHERE, True, True, True),
        (Reach(is_for_platform=True), False, False, True),
        (Reach(white_labels=frozenset({1})), True, False, False),
        (NOWHERE, False, False, False),
    ],
)
def test_it_is_on_where_it_was_switched_on_and_nowhere_else(
    acme: WhiteLabel,
    birch: WhiteLabel,
    reach: Reach,
    *,
    acme_has_it: bool,
    birch_has_it: bool,
    platform_has_it: bool,
) -> None:
    if reach.white_labels:
        reach = Reach(white_labels=frozenset({acme.id}))

    features.set_reach(OAUTH, EVERYWHERE, by=None)
    features.set_reach(OAUTH, reach, by=None)
    db.session.commit()

    places = (acme.id, birch.id, None)
    assert [features.is_on(OAUTH, place) for place in places] == [
        acme_has_it,
        birch_has_it,
        platform_has_it,
    ]
    assert [reach.includes(place) for place in places] == [
        acme_has_it,
        birch_has_it,
        platform_has_it,
    ]
    assert features.reach_of(OAUTH) == reach


def test_switching_to_what_it_is_changes_nothing(acme: WhiteLabel, olive: Person) -> None:
    reach = Reach(white_labels=frozenset({acme.id}))
    features.set_reach(OAUTH, reach, by=olive)
    (before,) = features.switches_of(OAUTH)

    assert not features.set_reach(OAUTH, reach, by=None)
    assert features.switches_of(OAUTH) == [before]
    assert before.switched_on_by == olive.name


def test_those_who_keep_it_keep_since_when(acme: WhiteLabel, birch: WhiteLabel) -> None:
    features.set_reach(OAUTH, Reach(white_labels=frozenset({acme.id})), by=None)
    (before,) = features.switches_of(OAUTH)

    features.set_reach(OAUTH, Reach(white_labels=frozenset({acme.id, birch.id})), by=None)

    assert features.switches_of(OAUTH)[0] is before
    assert len(features.switches_of(OAUTH)) == 2


def test_everybody_concerned_finds_it_in_their_trail(acme: WhiteLabel, birch: WhiteLabel) -> None:
    features.set_reach(OAUTH, Reach(white_labels=frozenset({acme.id})), by=None)
    features.set_reach(OAUTH, Reach(white_labels=frozenset({birch.id})), by=None)
    db.session.commit()

    entries = db.session.scalars(
        select(AuditEntry)
        .where(AuditEntry.action == "feature.switched")
        .order_by(AuditEntry.chain, AuditEntry.number)
    )
    assert [(entry.chain, entry.changes) for entry in entries] == [
        (0, {"where": ["nowhere", acme.slug]}),
        (0, {"where": [acme.slug, birch.slug]}),
        (acme.id, {"switched_on": True}),
        (acme.id, {"switched_on": False}),
        (birch.id, {"switched_on": True}),
    ]


def test_an_unknown_feature_is_not_there() -> None:
    with pytest.raises(NotFound):
        features.feature_named("teleport")


def test_every_feature_says_what_it_does() -> None:
    assert set(FEATURES) == set(Feature)
