"""Applications of all white labels, and the change of their owner with its effect shown first."""

from __future__ import annotations

import csv
import io

import pytest

from portal.accounts.models import Person
from portal.apps.models import App
from portal.audit.models import AuditEntry
from portal.core.db import db
from portal.outbox.states import State
from portal.senders.senders import primary_of
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.models import WhiteLabel
from tests.equipment.clock import HandSetClock
from tests.equipment.mail import send
from tests.equipment.stage import fresh, make_app, make_server, make_template
from tests.equipment.visitor import PASSWORD, Visits


@pytest.fixture
def own(ada: Person) -> SmtpServer:
    return make_server(ada, "acme-own")


@pytest.fixture
def main(olive: Person) -> SmtpServer:
    return make_server(olive, "main")


@pytest.fixture
def blog(bob: Person) -> App:
    """Bob's, so that Ada's server is not used for it."""
    return make_app(bob, "Blog")


class TestTheList:
    def test_has_the_apps_of_every_white_label_with_their_owners(
        self, visit: Visits, olive: Person, blog: App, cal: Person
    ) -> None:
        make_app(cal, "Orders")

        content = visit(olive).get("/backoffice/apps").content

        assert "Blog Acme Bob" in content
        assert "Orders Birch Cal" in content

    @pytest.mark.parametrize("asked", ["birch", "order", "cal@birch", "Cal"])
    def test_is_searched_by_white_label_app_and_owner(
        self, visit: Visits, olive: Person, blog: App, cal: Person, asked: str
    ) -> None:
        make_app(cal, "Orders")

        page = visit(olive).get("/backoffice/apps").submit("Search", q=asked)

        assert "Orders" in page.content
        assert "Blog" not in page.content

    def test_as_csv(self, visit: Visits, olive: Person, blog: App, main: SmtpServer) -> None:
        answer = visit(olive).answer("GET", "/backoffice/apps.csv")

        (row,) = csv.DictReader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff")))
        assert (row["White label"], row["App"], row["Owner"]) == (
            "Acme",
            "Blog",
            "bob@acme.example",
        )


@pytest.mark.accepts("SI-30")
def test_the_page_of_an_application_says_how_it_gets_to_use_a_custom_server(
    visit: Visits, olive: Person, blog: App, own: SmtpServer, main: SmtpServer
) -> None:
    page = visit(olive).get(f"/backoffice/apps/{blog.id}")

    assert "Leaves through main" in page.content
    assert "A custom server is passed over" in page.content
    assert "How to let an application use a custom server" in page.content


class TestChangingTheOwner:
    @pytest.mark.accepts("SI-27", "SI-29")
    def test_the_effect_is_shown_before_anything_happens(
        self,
        visit: Visits,
        olive: Person,
        ada: Person,
        bob: Person,
        acme: WhiteLabel,
        blog: App,
        own: SmtpServer,
        main: SmtpServer,
    ) -> None:
        make_template(acme, "receipt", preferred=own)
        send(blog, ["a@x.example", "b@x.example"])
        page = visit(olive).get(f"/backoffice/apps/{blog.id}").click("Change owner")

        shown = page.submit("Show what changes", owner=ada.id)

        assert "2 kinds of mail take another way." in shown.content
        assert "Leaves through main" in shown.content
        assert "because Ada owns Blog and configured this server" in shown.content
        assert "Template “Receipt”" in shown.content
        assert "2 deliveries that wait are decided again" in shown.content
        assert fresh(blog).owner_id == bob.id

    @pytest.mark.accepts("SI-29")
    def test_confirming_hands_it_over_and_its_mail_takes_the_new_way(
        self,
        visit: Visits,
        olive: Person,
        ada: Person,
        blog: App,
        own: SmtpServer,
        main: SmtpServer,
    ) -> None:
        page = visit(olive).get(f"/backoffice/apps/{blog.id}/owner", query={"owner": ada.id})

        after = page.submit("Make Ada the owner of Blog")

        assert "Blog belongs to Ada now." in after.content
        assert "Leaves through acme-own" in after.content
        assert fresh(blog).owner_id == ada.id
        entry = db.session.query(AuditEntry).filter_by(action="app.owner_changed").one()
        assert (entry.actor, entry.changes) == (
            olive.email,
            {"from": "bob@acme.example", "to": "ada@acme.example"},
        )

    def test_mail_whose_sender_was_chosen_by_hand_will_be_held(
        self, visit: Visits, olive: Person, ada: Person, bob: Person, own: SmtpServer
    ) -> None:
        shop = make_app(ada, "Shop")
        sender = primary_of(own)
        assert sender is not None
        send(shop, sender=sender.id)
        send(shop)

        page = visit(olive).get(f"/backoffice/apps/{shop.id}/owner", query={"owner": bob.id})

        assert "2 deliveries that wait are decided again" in page.content
        assert "1 of them will be held" in page.content

    def test_where_nothing_changes_it_says_so(
        self, visit: Visits, olive: Person, ada: Person, blog: App, main: SmtpServer
    ) -> None:
        page = visit(olive).get(f"/backoffice/apps/{blog.id}/owner", query={"owner": ada.id})

        assert "All its mail leaves the same way as now." in page.content

    def test_only_other_admins_of_the_white_label_are_offered(
        self, visit: Visits, olive: Person, ada: Person, abe: Person, cal: Person, blog: App
    ) -> None:
        make_server(ada, "acme-own")

        page = visit(olive).get(f"/backoffice/apps/{blog.id}/owner")

        options = page.tree.xpath("//select[@name='owner']/option/text()")
        assert options == ["Ada (ada@acme.example) – acme-own"]

    def test_nobody_from_elsewhere_can_be_made_the_owner(
        self, visit: Visits, olive: Person, ada: Person, bob: Person, cal: Person, blog: App
    ) -> None:
        here = visit(olive)
        page = here.get(f"/backoffice/apps/{blog.id}/owner", query={"owner": ada.id})

        answer = page.submit("Make Ada the owner of Blog", new_owner=cal.id)

        assert answer.status == 404
        assert fresh(blog).owner_id == bob.id

    def test_an_agent_cannot_be_made_the_owner(
        self, visit: Visits, olive: Person, ada: Person, bob: Person, abe: Person, blog: App
    ) -> None:
        page = visit(olive).get(f"/backoffice/apps/{blog.id}/owner", query={"owner": ada.id})

        answer = page.submit("Make Ada the owner of Blog", new_owner=abe.id)

        assert "An app is owned by an admin." in answer.content
        assert fresh(blog).owner_id == bob.id

    def test_a_proof_that_grew_old_is_asked_for_and_nothing_is_lost(
        self,
        visit: Visits,
        olive: Person,
        ada: Person,
        blog: App,
        clock: HandSetClock,
    ) -> None:
        page = visit(olive).get(f"/backoffice/apps/{blog.id}/owner", query={"owner": ada.id})
        clock.advance(minutes=16)

        asked = page.submit("Make Ada the owner of Blog")
        after = asked.submit("Confirm", proof=PASSWORD)

        assert asked.h1 == "Confirm it is you"
        assert "Blog belongs to Ada now." in after.content

    def test_alone_in_its_white_label_nobody_else_can_own_it(
        self, visit: Visits, olive: Person, cal: Person
    ) -> None:
        orders = make_app(cal, "Orders")

        page = visit(olive).get(f"/backoffice/apps/{orders.id}/owner")

        assert "Birch has no other admin." in page.content


def test_waiting_mail_is_not_touched_by_the_page_itself(
    visit: Visits, olive: Person, ada: Person, blog: App, own: SmtpServer, main: SmtpServer
) -> None:
    waiting = send(blog).deliveries[0]
    page = visit(olive).get(f"/backoffice/apps/{blog.id}/owner", query={"owner": ada.id})

    page.submit("Make Ada the owner of Blog")

    assert fresh(waiting).state is State.QUEUED
    assert waiting.server_id == main.id
