"""The domains of one white label in the Backoffice: whatever put them on the list, they can go."""

from __future__ import annotations

import pytest

from portal.accounts.models import Person
from portal.core.db import db
from portal.desk.request_states import RequestState
from portal.domains.models import DomainState
from portal.white_labels.models import WhiteLabel
from tests.desk.stage import approved, letters_to, platforms_server
from tests.equipment.mail import send
from tests.equipment.stage import fresh, make_app, make_domain
from tests.equipment.visitor import Visitor, Visits


@pytest.fixture
def here(visit: Visits, olive: Person) -> Visitor:
    platforms_server(olive)
    return visit(olive)


def at(white_label: WhiteLabel) -> str:
    return f"/backoffice/white-labels/{white_label.id}/domains"


def test_the_list_says_what_put_each_domain_there(
    here: Visitor, acme: WhiteLabel, birch: WhiteLabel, ada: Person, olive: Person
) -> None:
    request, _domain = approved(ada, olive)
    make_domain(acme, "acme-shop.example")
    make_domain(acme, "acme-gone.example", DomainState.REVOKED)
    make_domain(birch, "birch.example")
    db.session.commit()

    page = here.get(f"/backoffice/white-labels/{acme.id}/").click("Domains")

    rows = [" ".join(row.text_content().split()) for row in page.tree.xpath("//tbody/tr")]
    assert len(rows) == 2
    assert rows[0].startswith("acme-shop.example Verified")
    assert "by an operator" in rows[0]
    assert rows[1].startswith("acme.example Records to publish")
    assert "on request" in rows[1]
    assert page.click("acme.example").path == f"/backoffice/domain-requests/{request.id}"


@pytest.mark.both_stores
def test_a_domain_that_nobody_asked_for_is_revoked_with_a_reason(
    here: Visitor, acme: WhiteLabel, ada: Person
) -> None:
    domain = make_domain(acme)
    db.session.commit()
    send(make_app(ada), sender="news@acme.example")

    page = here.get(at(acme)).click("Revoke the approval")
    assert "This is what changes for Acme." in page.content
    assert "They read it in the mail and in their audit." in page.content
    assert "Mail that waits to leave from it 1" in page.content
    nothing = page.submit("Revoke the approval of acme.example")
    assert nothing.error_at("reason") == "Say why; they read it."
    page = page.submit("Revoke the approval of acme.example", reason="Complaints.")

    assert page.path == at(acme)
    assert "The approval of acme.example is taken back." in page.text
    assert fresh(domain).state is DomainState.REVOKED
    assert "Complaints." in (letters_to(ada)[-1].text or "")


def test_a_domain_that_was_asked_for_is_revoked_with_its_request(
    here: Visitor, acme: WhiteLabel, ada: Person, olive: Person
) -> None:
    request, _domain = approved(ada, olive)

    page = here.get(at(acme)).click("Revoke the approval")
    page = page.submit("Revoke the approval of acme.example", reason="Complaints.")

    assert page.path == f"/backoffice/domain-requests/{request.id}"
    assert fresh(request).state is RequestState.REVOKED


def test_what_is_off_the_list_already_is_not_asked_about(here: Visitor, acme: WhiteLabel) -> None:
    domain = make_domain(acme, state=DomainState.REVOKED)
    db.session.commit()

    page = here.get(f"{at(acme)}/{domain.id}/revoke")

    assert page.path == at(acme)
    assert "No domain yet" in page.text


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_white_labels_domain_is_not_there(
    here: Visitor, acme: WhiteLabel, birch: WhiteLabel, method: str
) -> None:
    domain = make_domain(birch, "birch.example")
    db.session.commit()
    path = f"{at(acme)}/{domain.id}/revoke"

    page = here.get(path) if method == "GET" else here.post(path, {"reason": "Complaints."})

    assert page.status == 404
    assert fresh(domain).state is DomainState.VERIFIED
