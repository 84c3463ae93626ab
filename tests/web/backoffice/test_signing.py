"""An owner looks after the keys that sign a white label's mail."""

from __future__ import annotations

import pytest

from portal.accounts.models import Person
from portal.core.db import db
from portal.desk import domain_requests, request_listing
from portal.desk.request_models import DomainRequest
from portal.domains import records, signing
from portal.domains.models import KeyState, SigningKey
from portal.domains.records import RecordState
from portal.white_labels.models import WhiteLabel
from tests.equipment.stage import make_server
from tests.equipment.visitor import Page, Visits


@pytest.fixture
def asked(acme: WhiteLabel, ada: Person, olive: Person) -> DomainRequest:
    """Ada's request, not answered yet."""
    make_server(olive, "main")
    request = domain_requests.submit(acme, name="acme.example", author=ada)
    db.session.commit()
    return request


@pytest.fixture
def approved(asked: DomainRequest, olive: Person) -> DomainRequest:
    """Answered, with a key of ours."""
    domain_requests.approve(asked, by=olive, signs=True)
    db.session.commit()
    return asked


def at(request: DomainRequest) -> str:
    return f"/backoffice/domain-requests/{request.id}"


def keys_of(request: DomainRequest) -> list[SigningKey]:
    assert request.domain is not None
    return list(signing.keys_of(request.domain))


def keys_on(page: Page) -> list[str]:
    """The table of keys, a row in one line."""
    rows = page.tree.xpath("//section[@aria-labelledby='signing']//tbody/tr")
    return [" ".join(row.text_content().split()) for row in rows]


def see_all(request: DomainRequest) -> None:
    """A check found every record."""
    assert request.domain is not None
    for record in request.domain.records:
        record.state = RecordState.FOUND
    signing.follow(request.domain)
    db.session.commit()


def test_the_key_of_an_approval_waits_for_its_record_and_then_signs(
    visit: Visits, olive: Person, approved: DomainRequest
) -> None:
    waiting = keys_on(visit(olive).get(at(approved)))

    see_all(approved)

    [key] = keys_of(approved)
    assert waiting[0].startswith(f"{key.selector} Waits for its record")
    assert keys_on(visit(olive).get(at(approved)))[0].startswith(f"{key.selector} Signs")


def test_a_new_key_stands_beside_the_old_one_and_its_record_is_sent(
    visit: Visits, olive: Person, ada: Person, approved: DomainRequest
) -> None:
    see_all(approved)

    page = visit(olive).get(at(approved)).submit("Make a new key")

    old, new = keys_of(approved)
    assert [row.split()[0] for row in keys_on(page)] == [old.selector, new.selector]
    assert (old.state, new.state) == (KeyState.LIVE, KeyState.ANNOUNCED)
    thread = visit(ada).get(f"/desk/{approved.thread_id}")
    assert f"{new.selector}._domainkey.acme.example" in thread.content
    assert new.public_key in thread.content


def test_one_new_key_at_a_time(visit: Visits, olive: Person, approved: DomainRequest) -> None:
    here = visit(olive)
    page = here.get(at(approved))

    answer = here.post(f"{at(approved)}/signing-key")

    assert not page.tree.xpath("//button[contains(., 'Make a new key')]")
    assert "One at a time is enough." in answer.text
    assert len(keys_of(approved)) == 1


def test_a_domain_whose_provider_signs_can_be_given_a_key_later(
    visit: Visits, olive: Person, asked: DomainRequest
) -> None:
    theirs = records.dkim_alias("acme.example", "s1", "s1.dkim.provider.example")
    domain_requests.approve(asked, by=olive, specs=[theirs])
    db.session.commit()

    page = visit(olive).get(at(asked)).submit("Sign with a key of ours")

    assert len(keys_on(page)) == 1


def test_signing_can_be_stopped(visit: Visits, olive: Person, approved: DomainRequest) -> None:
    see_all(approved)

    page = visit(olive).get(at(approved)).submit("Stop signing for acme.example")

    assert "Signs no more" in keys_on(page)[0]
    assert [key.state for key in keys_of(approved)] == [KeyState.RETIRED]


def test_a_domain_that_is_not_on_the_list_gets_no_key(
    visit: Visits, olive: Person, asked: DomainRequest
) -> None:
    answer = visit(olive).post(f"{at(asked)}/signing-key")

    assert "This domain is not on the list." in answer.text
    assert request_listing.find_request(None, asked.id).domain is None


def test_a_request_that_is_not_there_is_not_found(visit: Visits, olive: Person) -> None:
    assert visit(olive).post("/backoffice/domain-requests/77/signing-key").status == 404
