"""Every address of the portal × every role × somebody else's things.

The table names every endpoint and who may use it. A route that is missing here fails the build,
so that nobody adds a page without saying whom it is for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, auto

import pytest
from flask import Flask
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from portal.accounts.models import Passkey, Person
from portal.accounts.sign_in import start
from portal.core import clock
from portal.core.db import db
from portal.white_labels.models import WhiteLabel
from tests.equipment.stage import kept, make_app, make_domain, make_server, make_template
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
    "backoffice.overview": Who.OWNERS,
    "api.submit": Who.PROGRAMS,
    "api.submit_batch": Who.PROGRAMS,
    "api.messages": Who.PROGRAMS,
    "api.message": Who.PROGRAMS,
    "api.cancel": Who.PROGRAMS,
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

Make = Callable[[Person], int]

# What stands in an address: how to make one that belongs to this person.
THINGS: Mapping[str, Make] = {
    "sign_in_id": lambda person: start(person, host="x.test", address="", browser="")[0].id,
    "passkey_id": lambda person: _make_passkey(person).id,
    "server_id": lambda person: make_server(person).id,
    "app_id": lambda person: make_app(person).id,
    "domain_id": lambda person: (
        make_domain(
            db.session.get_one(WhiteLabel, person.white_label_id), f"p{person.id}.example"
        ).id
    ),
    "template_id": lambda person: (
        make_template(
            db.session.get_one(WhiteLabel, person.white_label_id), f"welcome-{person.id}"
        ).id
    ),
    "person_id": lambda person: person.id,
}


@dataclass(frozen=True)
class Cast:
    """Who tries the doors."""

    olive: Visitor
    ada: Visitor
    abe: Visitor
    nobody_at_acme: Visitor
    nobody_at_platform: Visitor


@pytest.fixture
def cast(visit: Visits, olive: Person, ada: Person, abe: Person) -> Cast:
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
    endpoint: str, app: Flask, cast: Cast, ada: Person, cal: Person
) -> None:
    for method, path, _others in _addresses(app, endpoint, mine=ada, theirs=cal):
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
    app: Flask, endpoint: str, *, mine: Person, theirs: Person
) -> Iterator[tuple[str, str, str | None]]:
    """Each method and path of an endpoint with things of one's own, and of somebody else."""
    for rule in _rules(app, endpoint):
        for method in _methods(rule):
            own = {name: THINGS[name](mine) for name in rule.arguments}
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
    page = visitor.get("/")
    tokens = page.tree.xpath("//input[@name='csrf_token']/@value")
    return visitor.answer(method, path, data={"csrf_token": tokens[0]})


def _asks_to_sign_in(answer: TestResponse) -> bool:
    return answer.status_code == 302 and answer.headers["Location"].startswith("/sign-in")


def _lets_in(answer: TestResponse) -> bool:
    return answer.status_code not in (401, 403, 404, 405) and not _asks_to_sign_in(answer)


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
