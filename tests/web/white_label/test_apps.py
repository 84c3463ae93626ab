"""Apps of a white label: their way in words, their keys, and what is lost when they go."""

from __future__ import annotations

import csv
import io
import json
from contextvars import Context

import pytest
from flask import Flask

from portal.accounts.models import Person
from portal.apps import keys
from portal.apps.models import App, KeyKind
from portal.core.db import db
from portal.outbox.states import State
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.models import WhiteLabel
from tests.equipment.clock import HandSetClock
from tests.equipment.mail import send
from tests.equipment.stage import (
    fresh,
    make_app,
    make_domain,
    make_sender,
    make_server,
    make_template,
)
from tests.equipment.visitor import PASSWORD, Page, Visits


@pytest.fixture
def own(ada: Person) -> SmtpServer:
    return make_server(ada, "acme-own")


@pytest.fixture
def main(olive: Person) -> SmtpServer:
    return make_server(olive, "main", max_recipients=50)


@pytest.fixture
def shop(ada: Person) -> App:
    return make_app(ada, "Shop")


def make_key(app: App, name: str = "production") -> str:
    _key, secret = keys.make_key(app, kind=KeyKind.LIVE, name=name, by=None)
    db.session.commit()
    return secret.reveal()


class TestTheList:
    def test_names_owner_way_and_keys_of_each_app(
        self, visit: Visits, ada: Person, bob: Person, own: SmtpServer, main: SmtpServer, shop: App
    ) -> None:
        make_app(bob, "Blog")
        make_key(shop)

        rows = _rows(visit(ada).get("/apps"))

        own_way = (
            "Leaves through acme-own, from acme-own@acme.example, because Ada owns Shop "
            "and configured this server."
        )
        assert rows["Shop"][1:] == [
            "Ada",
            own_way,
            "1",
        ]
        assert "Leaves through main" in rows["Blog"][2]
        assert rows["Blog"][3] == "None"

    def test_says_what_to_do_first_when_it_is_empty(self, visit: Visits, ada: Person) -> None:
        page = visit(ada).get("/apps")

        assert "No apps yet" in page.content
        assert page.click("Create app").h1 == "Create app"

    def test_finds_by_name_and_owner(
        self, visit: Visits, ada: Person, bob: Person, shop: App
    ) -> None:
        make_app(bob, "Blog")
        here = visit(ada)

        by_name = here.get("/apps").submit("Search", q="sho")
        by_owner = here.get("/apps", query={"q": "bob@acme"})
        by_nothing = here.get("/apps", query={"q": "100%"})

        assert list(_rows(by_name)) == ["Shop"]
        assert list(_rows(by_owner)) == ["Blog"]
        assert "No app matches" in by_nothing.content

    def test_shows_no_other_white_labels_apps(
        self, visit: Visits, ada: Person, cal: Person, shop: App
    ) -> None:
        make_app(cal, "Orders")

        page = visit(ada).get("/apps")

        assert list(_rows(page)) == ["Shop"]

    def test_pages_go_on(self, visit: Visits, ada: Person) -> None:
        for number in range(51):
            make_app(ada, f"App {number}")

        second = visit(ada).get("/apps").click("Older")

        assert list(_rows(second)) == ["App 0"]

    def test_as_csv(self, visit: Visits, ada: Person, own: SmtpServer, shop: App) -> None:
        answer = visit(ada).answer("GET", "/apps.csv")

        (row,) = csv.DictReader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff")))
        assert row["App"] == "Shop"
        assert row["Route"].startswith("Leaves through acme-own")


class TestOneApp:
    @pytest.mark.accepts("SI-27")
    def test_tells_every_candidate_and_why_it_was_passed_over(
        self, visit: Visits, ada: Person, bob: Person, own: SmtpServer, main: SmtpServer
    ) -> None:
        blog = make_app(bob, "Blog")

        page = visit(ada).get(f"/apps/{blog.id}")

        assert "Leaves through main" in page.content
        assert "Ada configured this server, but the app belongs to Bob." in page.content

    @pytest.mark.accepts("SI-29", "SI-30")
    def test_links_the_how_to_where_an_own_server_is_passed_over(
        self, visit: Visits, ada: Person, bob: Person, own: SmtpServer, main: SmtpServer
    ) -> None:
        blog = make_app(bob, "Blog")

        page = visit(ada).get(f"/apps/{blog.id}").click("How an app gets another owner")

        assert "ask support to change the owner" in page.content

    def test_names_all_servers_of_a_draw(
        self, visit: Visits, ada: Person, own: SmtpServer, shop: App
    ) -> None:
        make_server(ada, "acme-second")

        page = visit(ada).get(f"/apps/{shop.id}")

        assert "Leaves through one of acme-own, acme-second" in page.content.replace(
            "acme-second, acme-own", "acme-own, acme-second"
        )

    @pytest.mark.accepts("SS-49")
    def test_says_what_to_do_in_the_sandbox(self, visit: Visits, ada: Person, shop: App) -> None:
        page = visit(ada).get(f"/apps/{shop.id}")

        assert "Nothing leaves" in page.content
        assert "Set up an SMTP server" in page.content

    def test_of_another_white_label_is_not_there(
        self, visit: Visits, ada: Person, cal: Person
    ) -> None:
        theirs = make_app(cal, "Orders")
        here = visit(ada)

        for path in ("", "/settings", "/delete", "/keys/new", "/route"):
            assert here.get(f"/apps/{theirs.id}{path}").status == 404


class TestMakingAndChanging:
    def test_a_new_app_belongs_to_whom_it_should(
        self, visit: Visits, ada: Person, bob: Person
    ) -> None:
        page = visit(ada).get("/apps/new")

        made = page.submit(
            "Create app", name="Blog", owner=bob.id, contact_email="bob@acme.example"
        )

        assert made.h1 == "Blog"
        assert "Bob (bob@acme.example)" in made.content

    def test_the_one_who_asks_is_offered_as_owner_and_agents_are_not(
        self, visit: Visits, bob: Person, ada: Person, abe: Person
    ) -> None:
        page = visit(bob).get("/apps/new")

        options = page.tree.xpath("//select[@name='owner']/option")
        assert [option.text for option in options] == [
            "Ada (ada@acme.example)",
            "Bob (bob@acme.example)",
        ]
        assert page.tree.xpath("string(//select[@name='owner']/option[@selected])").startswith(
            "Bob"
        )

    @pytest.mark.parametrize(
        ("typed", "field", "words"),
        [
            ({"name": ""}, "name", "What is the app called?"),
            ({"name": "Shop"}, "name", "There is an app of this name already."),
            ({"name": "x" * 81}, "name", "A name of 1 to 80 characters is needed."),
            (
                {"name": "New", "contact_email": "not an address"},
                "contact_email",
                "An e-mail address needs an @.",
            ),
        ],
    )
    def test_what_does_not_fit_is_said_at_the_field_and_nothing_typed_is_lost(
        self,
        visit: Visits,
        ada: Person,
        shop: App,
        typed: dict[str, str],
        field: str,
        words: str,
    ) -> None:
        page = visit(ada).get("/apps/new").submit("Create app", **typed)

        assert page.error_at(field) == words
        for name, value in typed.items():
            assert page.tree.xpath(f"string(//input[@name='{name}']/@value)") == value

    def test_an_owner_from_elsewhere_is_no_choice(
        self, visit: Visits, ada: Person, cal: Person
    ) -> None:
        page = visit(ada).post("/apps/new", {"name": "Mine", "owner": cal.id})

        assert page.error_at("owner")
        assert db.session.query(App).count() == 0

    def test_what_is_refused_is_not_shown_as_its_name(
        self, visit: Visits, ada: Person, shop: App
    ) -> None:
        page = visit(ada).get(f"/apps/{shop.id}/settings")

        refused = page.submit("Save", name="Store", contact_email="not an address")

        assert refused.error_at("contact_email")
        assert refused.h1 == "Settings of Shop"

    def test_name_and_contact_are_changed(self, visit: Visits, ada: Person, shop: App) -> None:
        page = visit(ada).get(f"/apps/{shop.id}/settings")

        changed = page.submit("Save", name="Store", contact_email="ada@acme.example")

        assert changed.h1 == "Store"
        assert fresh(shop).contact_email == "ada@acme.example"


class TestKeys:
    def test_a_key_is_shown_once_and_opens_the_api(
        self, visit: Visits, ada: Person, shop: App, own: SmtpServer, app: Flask
    ) -> None:
        here = visit(ada)

        page = here.get(f"/apps/{shop.id}/keys/new").submit("Make the key", name="staging")

        key = page.tree.xpath("string(//*[@id='key'])")
        assert key.startswith("lv_live_")
        assert _calls_with(app, key, "acme.localhost") == 200
        assert key not in here.get(f"/apps/{shop.id}").body

    def test_the_example_names_the_portals_own_host_and_the_key(
        self, visit: Visits, ada: Person, shop: App
    ) -> None:
        page = (
            visit(ada)
            .get(f"/apps/{shop.id}/keys/new")
            .submit("Make the key", name="staging", kind="test")
        )

        example = page.tree.xpath("string(//*[@id='example'])")
        key = page.tree.xpath("string(//*[@id='key'])")
        assert "http://acme.localhost:8000/api/v1/messages" in example
        assert key.startswith("lv_test_")
        assert f"Bearer {key}" in example
        assert json.loads(example.split("-d '")[1].rstrip("'"))["to"] == ["ada@acme.example"]

    def test_who_makes_a_key_reads_how_far_it_reaches(
        self, visit: Visits, ada: Person, shop: App
    ) -> None:
        page = visit(ada).get(f"/apps/{shop.id}/keys/new")

        (hint,) = page.tree.xpath("//fieldset[@id='kind']/@aria-describedby")
        assert page.tree.xpath(f"string(//*[@id='{hint.split()[0]}'])").strip() == (
            "With a live key the app can also launch campaigns, to every audience."
        )

    def test_a_key_needs_a_name(self, visit: Visits, ada: Person, shop: App) -> None:
        page = visit(ada).get(f"/apps/{shop.id}/keys/new").submit("Make the key", name="  ")

        assert page.error_at("name") == "Where will this key be used?"
        assert keys.keys_of(shop) == []

    def test_a_revoked_key_opens_nothing(
        self, visit: Visits, ada: Person, shop: App, app: Flask
    ) -> None:
        key = make_key(shop)
        page = visit(ada).get(f"/apps/{shop.id}").click("Revoke")

        after = page.submit("Revoke key production")

        assert "opens nothing any more" in after.content
        assert _calls_with(app, key, "acme.localhost") == 401

    def test_a_key_of_another_app_is_not_there(
        self, visit: Visits, ada: Person, cal: Person, shop: App
    ) -> None:
        theirs, _secret = keys.make_key(
            make_app(cal, "Orders"), kind=KeyKind.LIVE, name="theirs", by=None
        )
        db.session.commit()
        here = visit(ada)

        assert here.post(f"/apps/{shop.id}/keys/{theirs.id}/revoke").status == 404
        assert fresh(theirs).revoked_at is None

    @pytest.mark.parametrize("path", ["keys/new", "keys/{key}/revoke"])
    def test_a_proof_that_grew_old_is_asked_for_again(
        self, visit: Visits, ada: Person, shop: App, clock: HandSetClock, path: str
    ) -> None:
        make_key(shop)
        (key,) = keys.keys_of(shop)
        here = visit(ada)
        clock.advance(minutes=16)

        page = here.get(f"/apps/{shop.id}/{path.format(key=key.id)}")

        assert page.h1 == "Confirm it is you"
        assert page.submit("Confirm", proof=PASSWORD).h1 != "Confirm it is you"


class TestDeleting:
    def test_says_in_numbers_what_goes(
        self, visit: Visits, ada: Person, shop: App, own: SmtpServer
    ) -> None:
        make_key(shop)
        send(shop, ["a@x.example", "b@x.example"])

        page = visit(ada).get(f"/apps/{shop.id}").click("Delete app")

        assert "1 API key stops working at once." in page.content
        assert "2 deliveries still wait" in page.content

    def test_mail_that_was_promised_still_leaves(
        self, visit: Visits, ada: Person, shop: App, own: SmtpServer
    ) -> None:
        waiting = send(shop).deliveries[0]

        page = visit(ada).get(f"/apps/{shop.id}/delete").submit("Delete app Shop")

        assert "What it sent stays in the log." in page.content
        assert fresh(shop).deleted_at is not None
        assert fresh(waiting).state is State.QUEUED

    def test_or_is_cancelled_if_asked(
        self, visit: Visits, ada: Person, shop: App, own: SmtpServer
    ) -> None:
        waiting = send(shop).deliveries[0]

        visit(ada).get(f"/apps/{shop.id}/delete").submit("Delete app Shop", cancels=True)

        assert fresh(waiting).state is State.CANCELLED


class TestTheSimulator:
    def test_follows_template_agent_and_sender(
        self,
        visit: Visits,
        ada: Person,
        acme: WhiteLabel,
        shop: App,
        own: SmtpServer,
        main: SmtpServer,
    ) -> None:
        make_domain(acme)
        support = make_sender(main, "support@acme.example", of=acme)
        make_template(acme, "welcome", preferred=main)
        page = (
            visit(ada).get(f"/apps/{shop.id}").click("Try it with a template, an agent or a sender")
        )

        plain = page.content
        template = page.submit("Show the route", template="welcome").content
        sender = page.submit("Show the route", sender=support.id).content

        assert "Leaves through acme-own" in plain
        assert "because the template prefers this server" in template
        assert "from support@acme.example, because this sender was chosen" in sender

    def test_counts_recipients(
        self, visit: Visits, ada: Person, bob: Person, main: SmtpServer
    ) -> None:
        blog = make_app(bob, "Blog")
        page = visit(ada).get(f"/apps/{blog.id}/route")

        fifty = page.submit("Show the route", recipients="50").content
        more = page.submit("Show the route", recipients="51").content

        assert "Too many recipients" not in fifty
        assert "Too many recipients: main takes at most 50" in more

    @pytest.mark.parametrize("count", ["0", "3001", "-1", "many"])
    def test_takes_a_number_of_recipients_that_one_message_can_have(
        self, visit: Visits, ada: Person, shop: App, count: str
    ) -> None:
        page = visit(ada).get(f"/apps/{shop.id}/route")

        assert page.submit("Show the route", recipients=count).error_at("recipients")

    @pytest.mark.parametrize("count", ["", "1", "3000"])
    def test_answers_for_any_other_and_for_one_where_it_is_left_empty(
        self, visit: Visits, ada: Person, shop: App, own: SmtpServer, count: str
    ) -> None:
        page = visit(ada).get(f"/apps/{shop.id}/route").submit("Show the route", recipients=count)

        assert "Leaves through acme-own" in page.content

    def test_a_wrong_address_is_said_at_its_field(
        self, visit: Visits, ada: Person, shop: App
    ) -> None:
        page = visit(ada).get(f"/apps/{shop.id}/route")

        assert page.submit("Show the route", wanted_from="nobody").error_at("wanted_from")

    def test_sends_and_stores_nothing(
        self, visit: Visits, ada: Person, shop: App, own: SmtpServer
    ) -> None:
        here = visit(ada)

        here.get(f"/apps/{shop.id}/route").submit("Show the route", recipients="2")

        assert "No mail yet" in here.get("/log").content

    def test_another_white_labels_sender_is_no_choice(
        self, visit: Visits, ada: Person, shop: App, cal: Person
    ) -> None:
        theirs = make_server(cal, "birch-own")

        page = visit(ada).get(f"/apps/{shop.id}/route", query={"sender": theirs.id})

        assert page.error_at("sender")


def _rows(page: Page) -> dict[str, list[str]]:
    rows = page.tree.xpath("//main//table//tbody/tr")
    texts = [[" ".join(cell.text_content().split()) for cell in row] for row in rows]
    return {cells[0]: cells for cells in texts}


def _calls_with(app: Flask, key: str, host: str) -> int:
    db.session.commit()
    answer = Context().run(
        app.test_client().get,
        "/api/v1/senders",
        base_url=f"http://{host}:8000",
        headers={"Authorization": f"Bearer {key}"},
    )
    return int(answer.status_code)
