"""Every address of the portal × every role × somebody else's things.

The table names every endpoint and who may use it. A route that is missing here fails the build,
so that nobody adds a page without saying whom it is for.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

import pytest
from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from portal.accounts.models import Passkey, Person
from portal.accounts.sign_in import start
from portal.apps import keys
from portal.apps.models import ApiKey, App, KeyKind
from portal.campaigns import audiences, imports
from portal.campaigns.models import Audience, AudienceImport, AudienceMember, Campaign
from portal.core import clock
from portal.core.db import db
from portal.desk import askable, attachments, domain_requests, record_templates, threads
from portal.desk.models import DeskFile, DeskMessage, Thread
from portal.desk.request_models import DomainRequest, RecordTemplate
from portal.mail_templates.models import MailTemplate
from portal.outbox.accept import accept
from portal.outbox.models import Delivery, Suggestion, Suppression
from portal.outbox.states import Reason
from portal.outbox.submission import OwnContent, Recipient, Submission
from portal.senders.models import Sender
from portal.smtp.addresses import Mailbox, parse_address
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.features import Feature
from portal.white_labels.models import Hostname, WhiteLabel
from tests.equipment.campaigns import make_audience, make_campaign
from tests.equipment.stage import (
    kept,
    make_app,
    make_domain,
    make_person,
    make_sender,
    make_server,
    make_template,
)
from tests.equipment.visitor import Visitor, Visits


class Who(Enum):
    ANYBODY = auto()  # on every portal's host
    SIGNED_IN = auto()  # about themselves
    PEOPLE = auto()  # admins and agents of the white label
    ADMINS = auto()  # admins of the white label
    OWNERS = auto()  # platform owners
    PROGRAMS = auto()  # with an API key
    MACHINES = auto()  # probes, on any host


TABLE: Mapping[str, Who] = {
    "static": Who.ANYBODY,
    "brand.style": Who.ANYBODY,
    "brand.mark": Who.ANYBODY,
    "brand.logo": Who.ANYBODY,
    "public.front": Who.ANYBODY,
    "public.choose_theme": Who.ANYBODY,
    "public.sign_in": Who.ANYBODY,
    "public.code": Who.ANYBODY,
    "public.sign_out": Who.ANYBODY,
    "public.passkey": Who.ANYBODY,
    "public.passkey_question": Who.ANYBODY,
    "public.forgotten": Who.ANYBODY,
    "public.link_sent": Who.ANYBODY,
    "public.reset": Who.ANYBODY,
    "public.invitation": Who.ANYBODY,
    "public.unsubscribe": Who.ANYBODY,
    "public.take_off": Who.ANYBODY,
    "public.plain_style": Who.ANYBODY,
    "public.records": Who.ANYBODY,
    "public.setup": Who.ANYBODY,
    "account.profile": Who.SIGNED_IN,
    "account.security": Who.SIGNED_IN,
    "account.password": Who.SIGNED_IN,
    "account.confirm": Who.SIGNED_IN,
    "account.end_browser": Who.SIGNED_IN,
    "account.end_other_browsers": Who.SIGNED_IN,
    "account.set_up_second_factor": Who.SIGNED_IN,
    "account.turn_off_second_factor": Who.SIGNED_IN,
    "account.renew_recovery_codes": Who.SIGNED_IN,
    "account.new_passkey": Who.SIGNED_IN,
    "account.passkey_question": Who.SIGNED_IN,
    "account.add_passkey": Who.SIGNED_IN,
    "account.remove_passkey": Who.SIGNED_IN,
    "white_label.overview": Who.PEOPLE,
    "white_label.apps": Who.ADMINS,
    "white_label.apps_csv": Who.ADMINS,
    "white_label.new_app": Who.ADMINS,
    "white_label.app": Who.ADMINS,
    "white_label.change_app": Who.ADMINS,
    "white_label.delete_app": Who.ADMINS,
    "white_label.new_key": Who.ADMINS,
    "white_label.revoke_key": Who.ADMINS,
    "white_label.owner_how_to": Who.ADMINS,
    "white_label.simulator": Who.ADMINS,
    "white_label.log": Who.PEOPLE,
    "white_label.log_csv": Who.PEOPLE,
    "white_label.delivery": Who.PEOPLE,
    "white_label.delivery_html": Who.PEOPLE,
    "white_label.cancel_delivery": Who.PEOPLE,
    "white_label.release_delivery": Who.ADMINS,
    "white_label.send_again": Who.ADMINS,
    "white_label.mail_server": Who.ADMINS,
    "white_label.choose_mail_server": Who.ADMINS,
    "white_label.choose_answers": Who.ADMINS,
    "white_label.servers": Who.ADMINS,
    "white_label.servers_csv": Who.ADMINS,
    "white_label.new_server": Who.ADMINS,
    "white_label.server": Who.ADMINS,
    "white_label.edit_server": Who.ADMINS,
    "white_label.switch_server": Who.ADMINS,
    "white_label.ask_for_bearer": Who.ADMINS,
    "white_label.delete_server": Who.ADMINS,
    "white_label.senders": Who.ADMINS,
    "white_label.senders_csv": Who.ADMINS,
    "white_label.new_sender": Who.ADMINS,
    "white_label.sender": Who.ADMINS,
    "white_label.try_sender": Who.ADMINS,
    "white_label.delete_sender": Who.ADMINS,
    "white_label.domains": Who.ADMINS,
    "white_label.domains_csv": Who.ADMINS,
    "white_label.request_domain": Who.ADMINS,
    "white_label.own_domain_request": Who.ADMINS,
    "white_label.nudge_domain_request": Who.ADMINS,
    "white_label.withdraw_domain_request": Who.ADMINS,
    "white_label.domain": Who.ADMINS,
    "white_label.check_domain": Who.ADMINS,
    "white_label.make_record_link": Who.ADMINS,
    "white_label.withdraw_record_link": Who.ADMINS,
    "white_label.remove_domain": Who.ADMINS,
    "white_label.people": Who.ADMINS,
    "white_label.people_csv": Who.ADMINS,
    "white_label.invite": Who.ADMINS,
    "white_label.person": Who.ADMINS,
    "white_label.change_role": Who.ADMINS,
    "white_label.default_sender": Who.ADMINS,
    "white_label.my_sender": Who.PEOPLE,
    "white_label.compose": Who.PEOPLE,
    "white_label.sandbox": Who.PEOPLE,
    "white_label.audiences": Who.ADMINS,
    "white_label.audiences_csv": Who.ADMINS,
    "white_label.new_audience": Who.ADMINS,
    "white_label.audience": Who.ADMINS,
    "white_label.audience_csv": Who.ADMINS,
    "white_label.add_to_audience": Who.ADMINS,
    "white_label.new_member": Who.ADMINS,
    "white_label.remove_member": Who.ADMINS,
    "white_label.rename_audience": Who.ADMINS,
    "white_label.delete_audience": Who.ADMINS,
    "white_label.audience_import": Who.ADMINS,
    "white_label.take_import": Who.ADMINS,
    "white_label.drop_import": Who.ADMINS,
    "white_label.campaigns": Who.ADMINS,
    "white_label.campaigns_csv": Who.ADMINS,
    "white_label.new_campaign": Who.ADMINS,
    "white_label.write_campaign": Who.ADMINS,
    "white_label.rehearsal": Who.ADMINS,
    "white_label.rehearsed_html": Who.ADMINS,
    "white_label.launch_campaign": Who.ADMINS,
    "white_label.campaign": Who.ADMINS,
    "white_label.campaign_events": Who.ADMINS,
    "white_label.campaign_log": Who.ADMINS,
    "white_label.campaign_log_csv": Who.ADMINS,
    "white_label.pause_campaign": Who.ADMINS,
    "white_label.resume_campaign": Who.ADMINS,
    "white_label.unschedule_campaign": Who.ADMINS,
    "white_label.copy_campaign": Who.ADMINS,
    "white_label.cancel_campaign": Who.ADMINS,
    "white_label.resend_campaign": Who.ADMINS,
    "white_label.delete_campaign": Who.ADMINS,
    "white_label.suppressions": Who.ADMINS,
    "white_label.suppressions_csv": Who.ADMINS,
    "white_label.new_suppression": Who.ADMINS,
    "white_label.import_suppressions": Who.ADMINS,
    "white_label.remove_suppression": Who.ADMINS,
    "white_label.suggestions": Who.ADMINS,
    "white_label.take_suggestions": Who.ADMINS,
    "white_label.decide_suggestion": Who.ADMINS,
    "white_label.invite_again": Who.ADMINS,
    "white_label.remove_person": Who.ADMINS,
    "white_label.hostnames": Who.ADMINS,
    "white_label.check_hostname": Who.ADMINS,
    "white_label.remove_hostname": Who.ADMINS,
    "white_label.brand": Who.ADMINS,
    "white_label.brand_preview": Who.ADMINS,
    "white_label.brand_logo": Who.ADMINS,
    "white_label.desk": Who.ADMINS,
    "white_label.desk_csv": Who.ADMINS,
    "white_label.new_thread": Who.ADMINS,
    "white_label.thread": Who.ADMINS,
    "white_label.close_thread": Who.ADMINS,
    "white_label.reopen_thread": Who.ADMINS,
    "white_label.desk_file": Who.ADMINS,
    "white_label.desk_preview": Who.ADMINS,
    "white_label.audit": Who.ADMINS,
    "white_label.audit_csv": Who.ADMINS,
    "white_label.templates": Who.ADMINS,
    "white_label.templates_csv": Who.ADMINS,
    "white_label.template_language": Who.ADMINS,
    "white_label.gallery": Who.ADMINS,
    "white_label.gallery_look": Who.ADMINS,
    "white_label.new_template": Who.ADMINS,
    "white_label.template": Who.ADMINS,
    "white_label.look": Who.ADMINS,
    "white_label.keep_samples": Who.ADMINS,
    "white_label.send_template": Who.ADMINS,
    "white_label.edit_template": Who.ADMINS,
    "white_label.try_template": Who.ADMINS,
    "white_label.drop_language": Who.ADMINS,
    "white_label.template_settings": Who.ADMINS,
    "white_label.copy_template": Who.ADMINS,
    "white_label.archive_template": Who.ADMINS,
    "white_label.unarchive_template": Who.ADMINS,
    "white_label.template_history": Who.ADMINS,
    "white_label.template_version": Who.ADMINS,
    "white_label.take_again": Who.ADMINS,
    "backoffice.overview": Who.OWNERS,
    "backoffice.communication": Who.OWNERS,
    "backoffice.servers_csv": Who.OWNERS,
    "backoffice.new_server": Who.OWNERS,
    "backoffice.server": Who.OWNERS,
    "backoffice.edit_server": Who.OWNERS,
    "backoffice.switch_server": Who.OWNERS,
    "backoffice.delete_server": Who.OWNERS,
    "backoffice.apps": Who.OWNERS,
    "backoffice.apps_csv": Who.OWNERS,
    "backoffice.app": Who.OWNERS,
    "backoffice.change_owner": Who.OWNERS,
    "backoffice.simulator": Who.OWNERS,
    "backoffice.log": Who.OWNERS,
    "backoffice.log_csv": Who.OWNERS,
    "backoffice.delivery": Who.OWNERS,
    "backoffice.delivery_html": Who.OWNERS,
    "backoffice.cancel_delivery": Who.OWNERS,
    "backoffice.release_delivery": Who.OWNERS,
    "backoffice.send_again": Who.OWNERS,
    "backoffice.feature": Who.OWNERS,
    "backoffice.features": Who.OWNERS,
    "backoffice.health": Who.OWNERS,
    "backoffice.people": Who.OWNERS,
    "backoffice.people_csv": Who.OWNERS,
    "backoffice.invite": Who.OWNERS,
    "backoffice.person": Who.OWNERS,
    "backoffice.invite_again": Who.OWNERS,
    "backoffice.remove_person": Who.OWNERS,
    "backoffice.desk": Who.OWNERS,
    "backoffice.desk_csv": Who.OWNERS,
    "backoffice.new_thread": Who.OWNERS,
    "backoffice.thread": Who.OWNERS,
    "backoffice.close_thread": Who.OWNERS,
    "backoffice.reopen_thread": Who.OWNERS,
    "backoffice.desk_file": Who.OWNERS,
    "backoffice.desk_preview": Who.OWNERS,
    "backoffice.audit": Who.OWNERS,
    "backoffice.audit_csv": Who.OWNERS,
    "backoffice.domain_requests": Who.OWNERS,
    "backoffice.domain_requests_csv": Who.OWNERS,
    "backoffice.domain_request": Who.OWNERS,
    "backoffice.approve_domain": Who.OWNERS,
    "backoffice.refuse_domain": Who.OWNERS,
    "backoffice.change_domain_records": Who.OWNERS,
    "backoffice.check_requested_domain": Who.OWNERS,
    "backoffice.new_signing_key": Who.OWNERS,
    "backoffice.stop_signing": Who.OWNERS,
    "backoffice.record_templates": Who.OWNERS,
    "backoffice.new_record_template": Who.OWNERS,
    "backoffice.record_template": Who.OWNERS,
    "backoffice.delete_record_template": Who.OWNERS,
    "backoffice.white_labels": Who.OWNERS,
    "backoffice.white_labels_csv": Who.OWNERS,
    "backoffice.new_white_label": Who.OWNERS,
    "backoffice.white_label.overview": Who.OWNERS,
    "backoffice.white_label.suspend": Who.OWNERS,
    "backoffice.white_label.resume": Who.OWNERS,
    "backoffice.white_label.hostnames": Who.OWNERS,
    "backoffice.white_label.check_hostname": Who.OWNERS,
    "backoffice.white_label.vouch_for_hostname": Who.OWNERS,
    "backoffice.white_label.remove_hostname": Who.OWNERS,
    "backoffice.white_label.domains": Who.OWNERS,
    "backoffice.white_label.revoke_domain": Who.OWNERS,
    "backoffice.white_label.people": Who.OWNERS,
    "backoffice.white_label.people_csv": Who.OWNERS,
    "backoffice.white_label.invite": Who.OWNERS,
    "backoffice.white_label.person": Who.OWNERS,
    "backoffice.white_label.change_role": Who.OWNERS,
    "backoffice.white_label.default_sender": Who.OWNERS,
    "backoffice.white_label.invite_again": Who.OWNERS,
    "backoffice.white_label.remove_person": Who.OWNERS,
    "backoffice.white_label.brand": Who.OWNERS,
    "backoffice.white_label.brand_preview": Who.OWNERS,
    "backoffice.white_label.brand_logo": Who.OWNERS,
    "backoffice.white_label.audit": Who.OWNERS,
    "backoffice.white_label.audit_csv": Who.OWNERS,
    "backoffice.templates": Who.OWNERS,
    "backoffice.templates_csv": Who.OWNERS,
    "backoffice.template_language": Who.OWNERS,
    "backoffice.gallery": Who.OWNERS,
    "backoffice.gallery_look": Who.OWNERS,
    "backoffice.new_template": Who.OWNERS,
    "backoffice.template": Who.OWNERS,
    "backoffice.look": Who.OWNERS,
    "backoffice.keep_samples": Who.OWNERS,
    "backoffice.send_template": Who.OWNERS,
    "backoffice.edit_template": Who.OWNERS,
    "backoffice.try_template": Who.OWNERS,
    "backoffice.drop_language": Who.OWNERS,
    "backoffice.template_settings": Who.OWNERS,
    "backoffice.copy_template": Who.OWNERS,
    "backoffice.archive_template": Who.OWNERS,
    "backoffice.unarchive_template": Who.OWNERS,
    "backoffice.template_history": Who.OWNERS,
    "backoffice.template_version": Who.OWNERS,
    "backoffice.take_again": Who.OWNERS,
    "api.submit": Who.PROGRAMS,
    "api.submit_batch": Who.PROGRAMS,
    "api.messages": Who.PROGRAMS,
    "api.message": Who.PROGRAMS,
    "api.cancel": Who.PROGRAMS,
    "api.launch_campaign": Who.PROGRAMS,
    "api.campaign": Who.PROGRAMS,
    "api.pause_campaign": Who.PROGRAMS,
    "api.resume_campaign": Who.PROGRAMS,
    "api.cancel_campaign": Who.PROGRAMS,
    "api.route": Who.PROGRAMS,
    "api.senders": Who.PROGRAMS,
    "api.templates": Who.PROGRAMS,
    "api.domains": Who.PROGRAMS,
    "api.openapi": Who.ANYBODY,
    "api.page": Who.ANYBODY,
    "health.healthz": Who.MACHINES,
    "health.readyz": Who.MACHINES,
    "health.metrics": Who.MACHINES,
}

Make = Callable[[Person], int | str]

# What stands in an address: how to make one that belongs to this person.
THINGS: Mapping[str, Make] = {
    "sign_in_id": lambda person: start(person, host="x.test", address="", browser="")[0].id,
    "passkey_id": lambda person: _make_passkey(person).id,
    "server_id": lambda person: _make_server(person).id,
    "sender_id": lambda person: _make_sender(person).id,
    "app_id": lambda person: _app_of(person).id,
    "key_id": lambda person: _make_key(person).id,
    "delivery_id": lambda person: _make_delivery(person).id,
    "domain_id": lambda person: (
        make_domain(_white_label_of(person), f"p{secrets.token_hex(4)}.example").id
    ),
    "request_id": lambda person: _make_domain_request(person).id,
    "record_template_id": lambda _person: _make_record_template().id,
    "template_id": lambda person: _make_template(person).id,
    "number": lambda _person: 1,
    "key": lambda _person: Feature.OAUTH_SMTP,
    "thread_id": lambda person: _make_thread(person).id,
    "file_id": lambda person: _make_thread_file(person).id,
    "person_id": lambda person: person.id,
    "white_label_id": lambda person: person.white_label_id or 0,
    "hostname_id": lambda person: _make_hostname(person).id,
    "audience_id": lambda person: _audience_of(person).id,
    "member_id": lambda person: _make_member(person).id,
    "import_id": lambda person: _make_import(person).id,
    "campaign_id": lambda person: _make_campaign(person).id,
    "step": lambda _person: "message",
    "suppression_id": lambda person: _make_suppression(person).id,
    "suggestion_id": lambda person: _make_suggestion(person).id,
}

OF_THE_PLATFORM = {"server_id", "person_id", "template_id"}
"""Things that the Backoffice shows of the platform, unless the address names a white label."""


@dataclass(frozen=True)
class Cast:
    """Who tries the doors."""

    olive: Visitor
    ada: Visitor
    abe: Visitor
    nobody_at_acme: Visitor
    nobody_at_platform: Visitor


@pytest.fixture
def cast(visit: Visits, acme: WhiteLabel, olive: Person, ada: Person, abe: Person) -> Cast:
    acme.logo, acme.logo_mark = b"a picture", "mark"
    db.session.commit()
    return Cast(
        olive=visit(olive),
        ada=visit(ada),
        abe=visit(abe),
        nobody_at_acme=visit.at("acme.localhost"),
        nobody_at_platform=visit.at(),
    )


def test_the_table_names_every_address(app: Flask) -> None:
    served = {rule.endpoint for rule in app.url_map.iter_rules()}

    assert served - TABLE.keys() == set(), "say in TABLE whom these are for"
    assert TABLE.keys() - served == set(), "these are in TABLE and no longer served"


@pytest.mark.parametrize("endpoint", [name for name, who in TABLE.items() if who is Who.SIGNED_IN])
def test_an_account_page_is_for_the_one_who_is_signed_in(
    endpoint: str, app: Flask, cast: Cast, ada: Person, bob: Person
) -> None:
    for method, path, foreign in _addresses(app, endpoint, mine=ada, theirs=bob):
        assert _asks_to_sign_in(_try(cast.nobody_at_acme, method, path))
        if foreign:
            assert _try(cast.ada, method, foreign).status_code == 404
        assert _lets_in(_try(cast.ada, method, path))


@pytest.mark.parametrize(
    "endpoint", [name for name, who in TABLE.items() if who in (Who.PEOPLE, Who.ADMINS)]
)
def test_a_white_labels_page_is_for_its_own_people_and_things(
    endpoint: str, app: Flask, cast: Cast, ada: Person, cal: Person
) -> None:
    for method, path, foreign in _addresses(app, endpoint, mine=ada, theirs=cal):
        assert _asks_to_sign_in(_try(cast.nobody_at_acme, method, path))
        assert _try(cast.olive, method, path).status_code == 404
        if TABLE[endpoint] is Who.ADMINS:
            assert _try(cast.abe, method, path).status_code == 403
        elif not foreign:
            assert _lets_in(_try(cast.abe, method, path))
        if foreign:
            assert _try(cast.ada, method, foreign).status_code == 404
        assert _lets_in(_try(cast.ada, method, path))


@pytest.mark.parametrize("endpoint", [name for name, who in TABLE.items() if who is Who.OWNERS])
def test_a_backoffice_page_is_for_platform_owners_on_the_platforms_host(
    endpoint: str, app: Flask, cast: Cast, ada: Person, cal: Person, olive: Person
) -> None:
    for method, path, _others in _addresses(app, endpoint, mine=ada, theirs=cal, owner=olive):
        assert _asks_to_sign_in(_try(cast.nobody_at_platform, method, path))
        assert _try(cast.ada, method, path).status_code == 404
        assert _try(cast.abe, method, path).status_code == 404
        assert _lets_in(_try(cast.olive, method, path))


@pytest.mark.parametrize("endpoint", [name for name, who in TABLE.items() if who is Who.PROGRAMS])
def test_a_program_without_a_key_gets_nothing(endpoint: str, app: Flask, cast: Cast) -> None:
    for rule in _rules(app, endpoint):
        path = _path(app, rule, dict.fromkeys(rule.arguments, "x"))
        for method in _methods(rule):
            assert _try(cast.ada, method, path).status_code == 401


def test_a_cookie_of_one_portal_opens_no_other(visit: Visits, ada: Person, cal: Person) -> None:
    cookie = visit(ada).client.get_cookie("session", domain="acme.localhost")
    assert cookie is not None
    elsewhere = visit.at(visit.host_of(cal))

    elsewhere.client.set_cookie("session", cookie.value, domain="birch.localhost")

    assert elsewhere.get("/overview").path.startswith("/sign-in")


def _addresses(
    app: Flask, endpoint: str, *, mine: Person, theirs: Person, owner: Person | None = None
) -> Iterator[tuple[str, str, str | None]]:
    """Each method and path of an endpoint with things of one's own, and of somebody else."""
    for rule in _rules(app, endpoint):
        platforms = set() if "white_label_id" in rule.arguments else OF_THE_PLATFORM
        for method in _methods(rule):
            own = {
                name: THINGS[name](owner if owner and name in platforms else mine)
                for name in rule.arguments
            }
            foreign = {name: THINGS[name](theirs) for name in rule.arguments}
            db.session.commit()
            yield (
                method,
                _path(app, rule, own),
                _path(app, rule, foreign) if rule.arguments else None,
            )


def _rules(app: Flask, endpoint: str) -> list[Rule]:
    return list(app.url_map.iter_rules(endpoint))


def _methods(rule: Rule) -> list[str]:
    return sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})


def _path(app: Flask, rule: Rule, values: Mapping[str, object]) -> str:
    return app.url_map.bind("any").build(rule.endpoint, values, method=_methods(rule)[0])


def _try(visitor: Visitor, method: str, path: str) -> TestResponse:
    """One request as this person's browser would send it, with a valid token."""
    if method == "GET":
        return visitor.answer(method, path)
    return visitor.answer(method, path, data={"csrf_token": visitor.token})


def _asks_to_sign_in(answer: TestResponse) -> bool:
    return answer.status_code == 302 and answer.headers["Location"].startswith("/sign-in")


def _lets_in(answer: TestResponse) -> bool:
    return answer.status_code not in (401, 403, 404, 405) and not _asks_to_sign_in(answer)


def _white_label_of(person: Person) -> WhiteLabel:
    return db.session.get_one(WhiteLabel, person.white_label_id)


def _make_domain_request(person: Person) -> DomainRequest:
    """One that is open; of the platform's server that it needs there is one."""
    if not askable.can_be_asked():
        owner = make_person(None, f"Owner{secrets.token_hex(4)}")
        make_server(owner, f"main-{secrets.token_hex(4)}")
    name = f"r{secrets.token_hex(4)}.example"
    return kept(domain_requests.submit(_white_label_of(person), name=name, author=person))


def _make_record_template() -> RecordTemplate:
    name = f"Provider {secrets.token_hex(4)}"
    return kept(record_templates.save(None, name=name, records="CNAME a b.example"))


def _app_of(person: Person) -> App:
    """One app for all, so that a key and the app in the same address belong together."""
    return db.session.scalar(select(App).where(App.owner_id == person.id)) or make_app(person)


def _make_key(person: Person) -> ApiKey:
    key, _secret = keys.make_key(_app_of(person), kind=KeyKind.LIVE, name="key", by=None)
    return kept(key)


def _make_delivery(person: Person) -> Delivery:
    content = OwnContent("Hello", html="<p>Hello</p>")
    to = Recipient(Mailbox(parse_address("kim@customer.example")))
    submission = Submission(person.white_label_id, (to,), content, app_id=_app_of(person).id)
    message = accept(submission).message
    db.session.commit()
    return message.deliveries[0]


def _make_thread(person: Person) -> Thread:
    """One thread for all, so that a file and the thread in the same address belong together."""
    there = db.session.scalar(select(Thread).where(Thread.opened_by_id == person.id))
    return there or kept(
        threads.open_thread(
            db.session.get_one(WhiteLabel, person.white_label_id),
            subject="Help",
            text="Please",
            author=person,
            files=[attachments.read("note.txt", b"words")],
        )
    )


def _make_thread_file(person: Person) -> DeskFile:
    query = select(DeskFile).join(DeskMessage, DeskMessage.id == DeskFile.message_id)
    return db.session.scalars(query.where(DeskMessage.thread_id == _make_thread(person).id)).one()


def _make_template(person: Person) -> MailTemplate:
    white_label = (
        db.session.get_one(WhiteLabel, person.white_label_id) if person.white_label_id else None
    )
    return make_template(white_label, f"welcome-{secrets.token_hex(4)}")


def _make_server(person: Person) -> SmtpServer:
    return make_server(person, f"server-{secrets.token_hex(4)}")


def _make_sender(person: Person) -> Sender:
    white_label = db.session.get_one(WhiteLabel, person.white_label_id)
    return make_sender(_make_server(person), "more@acme.example", of=white_label)


def _make_passkey(person: Person) -> Passkey:
    return kept(
        Passkey(
            person_id=person.id,
            credential_id=f"passkey of {person.id}".encode(),
            public_key=b"",
            sign_count=0,
            name="key",
            host="acme.localhost",
            created_at=clock.now(),
        )
    )


def _make_hostname(person: Person) -> Hostname:
    return kept(
        Hostname(
            white_label_id=person.white_label_id,
            name=f"h{secrets.token_hex(4)}.example",
            proof_token="token",
            created_at=clock.now(),
        )
    )


def _make_suppression(person: Person) -> Suppression:
    email = f"{secrets.token_hex(4)}@customer.example"
    return kept(
        Suppression(
            white_label_id=person.white_label_id,
            address=email,
            reason=Reason.BY_HAND,
            created_at=clock.now(),
        )
    )


def _make_suggestion(person: Person) -> Suggestion:
    return kept(
        Suggestion(
            white_label_id=person.white_label_id,
            address=f"{secrets.token_hex(4)}@customer.example",
            delivery_id=_make_delivery(person).id,
            at=clock.now(),
        )
    )


def _audience_of(person: Person) -> Audience:
    """One audience for all, so that a member and the audience in an address belong together."""
    there = select(Audience).where(
        Audience.white_label_id == person.white_label_id, Audience.deleted_at.is_(None)
    )
    return db.session.scalar(there) or make_audience(_white_label_of(person))


def _make_member(person: Person) -> AudienceMember:
    email = f"{secrets.token_hex(4)}@customer.example"
    return kept(audiences.add_member(_audience_of(person), email=email))


def _make_import(person: Person) -> AudienceImport:
    audience = audiences.create(_white_label_of(person), name=secrets.token_hex(4), by=person)
    return kept(imports.paste(audience, "kim@customer.example", by=person))


def _make_campaign(person: Person) -> Campaign:
    template = make_template(_white_label_of(person), f"letter-{secrets.token_hex(4)}")
    return make_campaign(person, _audience_of(person), template=template)
