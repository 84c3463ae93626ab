"""Two people, or two clicks of one, at the same moment: what each act looked at still holds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

import pytest
from flask import Flask
from sqlalchemy import select

from portal.accounts import attempts, links, people, second_factor
from portal.accounts.models import LinkPurpose, Person, RecoveryCode, Role
from portal.apps import apps, leaving
from portal.apps.models import App
from portal.campaigns import audiences, campaigns, drafts, imports, listing
from portal.campaigns.models import (
    Audience,
    AudienceImport,
    AudienceMember,
    Campaign,
    ImportState,
)
from portal.core.db import Model, db
from portal.domains import allow_list
from portal.outbox import effects
from portal.senders import senders
from portal.senders.models import Sender
from portal.senders.senders import SenderValues
from portal.smtp_settings import servers
from portal.smtp_settings.models import SmtpServer
from portal.white_labels import hostnames
from portal.white_labels.models import Hostname, WhiteLabel
from tests.equipment.campaigns import make_audience, make_campaign
from tests.equipment.races import Race, code_of
from tests.equipment.stage import fresh, make_app, make_person, make_sender, make_server
from tests.equipment.visitor import Visits

Row = TypeVar("Row", bound=Model)

pytestmark = pytest.mark.both_stores


def codes(app: Flask, first: Callable[[], object], second: Callable[[], object]) -> list[str]:
    """Why either of two acts at the same moment was refused; a dash: it was done."""
    return [code_of(fault) or "-" for fault in Race(app).run(first, second)]


def the(kind: type[Row], row_id: int) -> Row:
    return db.session.get_one(kind, row_id)


def test_two_owners_who_remove_each_other_leave_one(app: Flask, olive: Person) -> None:
    oscar = make_person(None, "Oscar", role=Role.PLATFORM_OWNER)
    one, other = olive.id, oscar.id

    ended = codes(
        app,
        lambda: people.remove(the(Person, other), by=the(Person, one)),
        lambda: people.remove(the(Person, one), by=the(Person, other)),
    )

    assert ended == ["-", "last_owner"]
    assert [owner.id for owner in people.with_role(None, Role.PLATFORM_OWNER)] == [one]


@pytest.mark.parametrize("leaves_first", [True, False])
def test_nobody_leaves_while_an_app_is_given_to_them(
    app: Flask, acme: WhiteLabel, ada: Person, bob: Person, leaves_first: bool
) -> None:
    shop_id, ada_id, bob_id = make_app(ada, "Shop").id, ada.id, bob.id

    def gives() -> None:
        apps.change_owner(the(App, shop_id), owner=the(Person, bob_id))

    def leaves() -> None:
        leaving.remove(the(Person, bob_id), by=the(Person, ada_id))

    acts = (leaves, gives) if leaves_first else (gives, leaves)
    ended = codes(app, *acts)

    assert ended == ["-", "no_such_owner" if leaves_first else "owns_apps"]
    assert fresh(bob).is_removed is leaves_first
    assert fresh(the(App, shop_id)).owner_id == (ada_id if leaves_first else bob_id)


def test_of_two_lists_of_recovery_codes_only_the_last_is_good(app: Flask, ada: Person) -> None:
    ada_id = ada.id

    def renew() -> None:
        second_factor.new_recovery_codes(the(Person, ada_id))

    ended = codes(app, renew, renew)

    kept = db.session.scalars(select(RecoveryCode).where(RecoveryCode.person_id == ada_id)).all()
    assert (ended, len(kept)) == (["-", "-"], second_factor.CODES)


def test_of_two_links_to_a_new_password_only_the_last_works(app: Flask, ada: Person) -> None:
    ada_id, tokens = ada.id, []

    def ask() -> None:
        tokens.append(links.make(LinkPurpose.RESET, person=the(Person, ada_id)))

    codes(app, ask, ask)

    found = [
        links.find(token, LinkPurpose.RESET, white_label_id=ada.white_label_id) for token in tokens
    ]
    assert [link is not None for link in found] == [False, True]


def test_what_two_change_of_a_server_counts_twice(
    app: Flask, acme: WhiteLabel, ada: Person
) -> None:
    server = make_server(ada)
    sender_ids = [make_sender(server, f"{name}@acme.example", of=acme).id for name in ("a", "b")]
    before = server.version

    def rename(sender_id: int) -> Callable[[], object]:
        values = SenderValues(f"new{sender_id}@acme.example")
        return lambda: senders.change(the(Sender, sender_id), values)

    ended = codes(app, *map(rename, sender_ids))

    assert (ended, fresh(server).version) == (["-", "-"], before + 2)


def test_a_server_that_was_deleted_meanwhile_is_not_switched_on(app: Flask, ada: Person) -> None:
    server_id = make_server(ada).id
    servers.switch(the(SmtpServer, server_id), on=False)
    db.session.commit()

    ended = codes(
        app,
        lambda: effects.delete_server(the(SmtpServer, server_id)),
        lambda: servers.switch(the(SmtpServer, server_id), on=True),
    )

    assert ended == ["-", "not_found"]
    assert not fresh(the(SmtpServer, server_id)).is_enabled


@pytest.mark.parametrize("launches_first", [True, False])
def test_an_audience_is_not_deleted_while_a_campaign_to_it_is_launched(
    app: Flask, ada: Person, launches_first: bool
) -> None:
    make_server(ada)
    audience_id = make_audience(ada, 3).id
    campaign_id = make_campaign(ada, the(Audience, audience_id)).id

    def launch() -> None:
        campaigns.launch(the(Campaign, campaign_id), by=None)

    def delete() -> None:
        audiences.delete(the(Audience, audience_id))

    acts = (launch, delete) if launches_first else (delete, launch)
    ended = codes(app, *acts)

    assert ended == ["-", "audience_in_use" if launches_first else "audience_missing"]


def test_somebody_who_is_taken_out_twice_counts_once(app: Flask, ada: Person) -> None:
    audience_id = make_audience(ada, 3).id
    its = select(AudienceMember.id).where(AudienceMember.audience_id == audience_id)
    member_id = db.session.scalars(its.limit(1)).one()

    def take_out() -> None:
        audience = the(Audience, audience_id)
        audiences.remove_member(audience, audiences.find_member(audience, member_id))

    ended = codes(app, take_out, take_out)

    assert (ended, fresh(the(Audience, audience_id)).size) == (["-", "not_found"], 2)


def test_a_list_that_was_called_off_meanwhile_is_not_read(app: Flask, ada: Person) -> None:
    audience = make_audience(ada, 0)
    import_id = imports.paste(audience, "bea@birch.example", by=ada).id
    db.session.commit()

    ended = codes(
        app,
        lambda: imports.cancel(the(AudienceImport, import_id)),
        lambda: imports.begin(the(AudienceImport, import_id)),
    )

    assert ended == ["-", "import_begun"]
    assert fresh(the(AudienceImport, import_id)).state is ImportState.CANCELLED


def test_an_audience_is_deleted_while_a_list_is_read_into_it(
    app: Flask, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    audience_id = make_audience(ada, 0).id
    imported = imports.paste(the(Audience, audience_id), "bea@birch.example", by=ada)
    import_id = imported.id
    imports.begin(imported)
    db.session.commit()
    race = Race(app)
    take = imports._take

    def slowly(*given: object) -> None:
        race.pause()
        take(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(imports, "_take", slowly)
    faults = race.run(
        lambda: next(imports.work(import_id)),
        lambda: audiences.delete(the(Audience, audience_id)),
    )

    assert faults == (None, None)
    assert fresh(the(AudienceImport, import_id)).state is ImportState.CANCELLED


def test_a_draft_that_was_thrown_away_meanwhile_is_not_there(
    app: Flask, acme: WhiteLabel, ada: Person
) -> None:
    acme_id, campaign_id = acme.id, make_campaign(ada).id

    def throw_away() -> None:
        drafts.delete(listing.find(acme_id, campaign_id))

    assert codes(app, throw_away, throw_away) == ["-", "not_found"]


def test_two_white_labels_do_not_get_domains_that_overlap(
    app: Flask, acme: WhiteLabel, birch: WhiteLabel
) -> None:
    acme_id, birch_id = acme.id, birch.id

    ended = codes(
        app,
        lambda: allow_list.allow(
            the(WhiteLabel, acme_id), "mail.example", includes_subdomains=True
        ),
        lambda: allow_list.allow(the(WhiteLabel, birch_id), "news.mail.example"),
    )

    assert ended == ["-", "domain_held"]


def test_two_who_choose_the_same_sender_both_have_it(
    app: Flask, ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = db.session.scalars(select(Sender).where(Sender.server_id == make_server(ada).id)).one()
    sender_id, both = sender.id, [ada.id, bob.id]
    race, read = Race(app), senders.people_with_default

    def slowly(sender: Sender) -> Sequence[Person]:
        found = read(sender)
        race.pause()
        return found

    def choose(person_id: int) -> Callable[[], object]:
        return lambda: senders.choose_default(the(Person, person_id), the(Sender, sender_id))

    monkeypatch.setattr(senders, "people_with_default", slowly)
    faults = race.run(*map(choose, both))

    assert faults == (None, None)
    assert [one.id for one in read(fresh(sender))] == both


def test_who_vouches_for_a_hostname_that_is_just_removed_is_told(
    app: Flask, visit: Visits, birch: WhiteLabel, olive: Person
) -> None:
    hostname = hostnames.add(birch, "mail.birch.example")
    db.session.commit()
    hostname_id, here = hostname.id, visit(olive)
    path = f"/backoffice/white-labels/{birch.id}/hostnames/{hostname_id}/vouch"
    form = {"csrf_token": here.token, "because": "They asked by phone."}
    told: list[int] = []

    codes(
        app,
        lambda: hostnames.remove(the(Hostname, hostname_id)),
        lambda: told.append(here.answer("POST", path, data=form).status_code),
    )

    assert told == [404 if db.engine.dialect.name == "sqlite" else 409]


def test_of_two_who_are_counted_at_once_the_second_sees_the_first(app: Flask) -> None:
    heard: list[int] = []

    def count() -> None:
        heard.append(attempts.how_often("what is counted", timedelta(hours=1)))
        attempts.count("what is counted")

    ended = codes(app, count, count)

    assert (ended, heard) == (["-", "-"], [0, 1])
