"""Nobody leaves before their apps have another owner."""

from __future__ import annotations

import pytest

from portal.accounts.models import Person, Role
from portal.apps import apps, leaving
from portal.core.db import db
from portal.core.errors import Refusal
from portal.senders import senders
from portal.white_labels.models import WhiteLabel
from tests.equipment.stage import make_app, make_default, make_sender, make_server


def test_an_owner_of_apps_is_not_removed(ada: Person, bob: Person) -> None:
    make_app(ada, "Shop")
    make_app(ada, "Blog")

    with pytest.raises(Refusal) as refused:
        leaving.remove(ada, by=bob)

    assert refused.value.code == "owns_apps"
    assert "Blog, Shop" in refused.value.words
    assert not ada.is_removed


def test_after_the_hand_over_they_may_go(ada: Person, bob: Person) -> None:
    apps.change_owner(make_app(ada), owner=bob)

    leaving.remove(ada, by=bob)

    assert ada.is_removed


def test_a_deleted_app_holds_nobody(ada: Person, bob: Person) -> None:
    apps.delete(make_app(ada))

    leaving.remove(ada, by=bob)

    assert ada.is_removed


def test_their_default_sender_is_forgotten_and_the_sender_stays(
    acme: WhiteLabel, abe: Person, ada: Person
) -> None:
    sender = make_sender(make_server(ada), "abe@acme.example", of=acme)
    make_default(abe, sender)

    leaving.remove(abe, by=ada)

    assert senders.default_of(abe) is None
    assert sender.deleted_at is None


def test_an_owner_of_apps_does_not_become_an_agent(ada: Person, bob: Person) -> None:
    make_app(ada)

    with pytest.raises(Refusal) as refused:
        leaving.change_role(ada, role=Role.AGENT, by=bob)

    assert (refused.value.code, refused.value.field) == ("owns_apps", "role")
    assert ada.role is Role.ADMIN


def test_nobody_changes_their_own_role(ada: Person) -> None:
    with pytest.raises(Refusal) as refused:
        leaving.change_role(ada, role=Role.AGENT, by=ada)

    assert refused.value.code == "own_role"


def test_an_agent_becomes_an_admin(abe: Person, ada: Person) -> None:
    leaving.change_role(abe, role=Role.ADMIN, by=ada)

    assert abe.role is Role.ADMIN


def test_what_hangs_on_somebody_is_told_before(acme: WhiteLabel, ada: Person, bob: Person) -> None:
    shop = make_app(ada, "Shop")
    own = make_server(ada, "own")
    make_server(bob, "bobs")
    make_default(ada, make_sender(own, "ada@acme.example", of=acme))

    effects = leaving.effects_of_leaving(ada)
    db.session.commit()

    assert list(effects.apps) == [shop]
    assert list(effects.servers) == [own]
    assert effects.default is not None
    assert effects.default.email == "ada@acme.example"
