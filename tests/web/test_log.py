"""The delivery log of both faces: the answer first, the whole story, and what can still be done."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from portal.accounts.models import Person
from portal.apps.models import App
from portal.campaigns import drafts
from portal.campaigns.models import Campaign
from portal.core import clock as core_clock
from portal.core.db import db
from portal.domains import signing
from portal.domains.models import KeyState
from portal.notices.post import post
from portal.outbox.accept import accept
from portal.outbox.models import Attempt, Delivery, Message
from portal.outbox.states import State
from portal.outbox.submission import File, FromTemplate, OwnContent, Recipient, Submission
from portal.smtp.addresses import parse_mailbox
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.models import WhiteLabel
from tests.equipment.campaigns import launched, make_audience, make_campaign
from tests.equipment.clock import HandSetClock
from tests.equipment.mail import send
from tests.equipment.stage import fresh, make_app, make_domain, make_server, make_template
from tests.equipment.visitor import Page, Visits

AFTERNOON = datetime(2026, 5, 3, 14, 2, tzinfo=UTC)


@pytest.fixture
def own(ada: Person) -> SmtpServer:
    return make_server(ada, "acme-own", from_email="news@acme.example")


@pytest.fixture
def shop(own: SmtpServer, ada: Person) -> App:
    return make_app(ada, "Shop")


def became(message: Message, state: State, **facts: object) -> Delivery:
    """The delivery as an engine would have left it."""
    delivery = message.deliveries[0]
    delivery.state = state
    delivery.settled_at = core_clock.now()
    for name, value in facts.items():
        setattr(delivery, name, value)
    db.session.commit()
    return delivery


def accepted(submission: Submission) -> Message:
    message = accept(submission).message
    db.session.commit()
    return message


def submission(app: App, **facts: object) -> Submission:
    fixed = {
        "white_label_id": app.white_label_id,
        "app_id": app.id,
        "to": (Recipient(parse_mailbox("kim@customer.example"), {"name": "Kim"}),),
        "content": OwnContent("Hello Kim", "Hello."),
    }
    return Submission(**{**fixed, **facts})  # type: ignore[arg-type]


def campaign_to(author: Person, email: str) -> Campaign:
    """A campaign to one person, as far as the outbox."""
    campaign = make_campaign(author, make_audience(author, [f"{email},Kim"]), name="Spring")
    return launched(campaign)


def offered(page: Page, field: str) -> list[str]:
    """What a question can be answered with, apart from "Any"."""
    return [one.text for one in page.tree.xpath(f"//*[@name='{field}']/option[@value != '']")]


class TestTheAnswer:
    @pytest.mark.parametrize(
        ("state", "words"),
        [
            (State.SENT, "On top of these stood a DKIM signature of acme.example, selector "),
            (State.QUEUED, "As it leaves, it gets a DKIM signature of acme.example, selector "),
            (State.CANCELLED, None),
        ],
    )
    def test_its_headers_say_whose_signature_stands_on_top(
        self,
        visit: Visits,
        ada: Person,
        acme: WhiteLabel,
        shop: App,
        state: State,
        words: str | None,
    ) -> None:
        key = signing.announce(make_domain(acme))
        key.state, key.live_at = KeyState.LIVE, core_clock.now()
        delivery = became(accepted(submission(shop)), state)

        page = visit(ada).get(f"/log/{delivery.id}")

        told = f"{words}{key.selector}." in " ".join(page.content.split())
        assert told == (words is not None)
        assert ("DKIM" in page.content) == (words is not None)

    def test_a_delivered_mail_says_by_whom_when_from_where_and_why(
        self, visit: Visits, ada: Person, shop: App, clock: HandSetClock
    ) -> None:
        clock.set(AFTERNOON)
        sent = became(send(shop), State.SENT, settled_at=AFTERNOON, code=250, words="Ok")

        page = visit(ada).get(f"/log/{sent.id}")

        answer = " ".join(page.tree.xpath("string(//*[contains(@class, 'answer')])").split())
        assert re.fullmatch(
            r"Delivered by acme-own at 2:02\sPM, from news@acme\.example, "
            r"because Ada owns Shop and configured this server\.",
            answer,
        )

    @pytest.mark.accepts("UC-31", "UC-32", "UC-33")
    def test_a_deferred_mail_says_when_it_is_tried_again_and_what_the_server_meant(
        self, visit: Visits, ada: Person, shop: App, clock: HandSetClock
    ) -> None:
        deferred = became(
            send(shop),
            State.DEFERRED,
            kind="rate",
            stage="body",
            code=454,
            enhanced="4.7.0",
            words="Throttling failure: Maximum sending rate exceeded",
            due_at=clock.now() + timedelta(minutes=4),
        )

        content = visit(ada).get(f"/log/{deferred.id}").content

        assert "tried again in 4 minutes" in content
        assert "454 4.7.0 Throttling failure: Maximum sending rate exceeded" in content
        assert "Mail was sent faster than the server accepts it." in content
        assert "ask its administrator for a higher one" in content

    @pytest.mark.parametrize(
        ("state", "facts", "said"),
        [
            (State.FAILED, {"code": 550, "kind": "address"}, "acme-own refused it for good"),
            (State.FAILED, {"kind": "expired"}, "it was tried for three days"),
            (State.QUEUED, {}, "Waits for its turn at acme-own"),
            (State.SENDING, {}, "Is being handed to acme-own right now"),
            (State.UNKNOWN, {"kind": "unknown"}, "whether it was taken was never learnt"),
            (State.HELD, {"kind": "poison", "words": "Look at it."}, "Held: Look at it."),
            (State.CANCELLED, {}, "before it was handed over"),
            (State.SUPPRESSED, {}, "does not want mail"),
            (State.SANDBOXED, {}, "so nothing left"),
        ],
    )
    def test_every_state_has_an_answer(
        self,
        visit: Visits,
        ada: Person,
        shop: App,
        clock: HandSetClock,
        state: State,
        facts: dict[str, object],
        said: str,
    ) -> None:
        delivery = became(send(shop), state, settled_at=clock.now(), **facts)

        assert said in visit(ada).get(f"/log/{delivery.id}").content


class TestTheStory:
    def test_has_every_try_with_its_stage_words_and_conversation(
        self, visit: Visits, ada: Person, shop: App, own: SmtpServer, clock: HandSetClock
    ) -> None:
        failed = became(send(shop), State.FAILED, code=550, kind="address")
        db.session.add(
            Attempt(
                delivery_id=failed.id,
                number=1,
                at=clock.now(),
                server_id=own.id,
                state=State.FAILED,
                kind="address",
                stage="rcpt",
                code=550,
                enhanced="5.1.1",
                words="No such user",
                transcript="C: AUTH PLAIN <redacted>",
            )
        )
        db.session.commit()

        page = visit(ada).get(f"/log/{failed.id}")

        assert "try 1 · acme-own · at the recipient" in page.content
        assert "550 5.1.1 No such user" in page.content
        assert "C: AUTH PLAIN <redacted>" in page.content
        assert "There is no such recipient." in page.content

    @pytest.mark.accepts("SI-27")
    def test_has_every_candidate_of_the_route(
        self, visit: Visits, ada: Person, bob: Person, own: SmtpServer, olive: Person
    ) -> None:
        make_server(olive, "main")
        blog = make_app(bob, "Blog")

        page = visit(ada).get(f"/log/{send(blog).deliveries[0].id}")

        assert "Ada configured this server, but the app belongs to Bob." in page.content

    def test_shows_the_mail_as_it_left(
        self, visit: Visits, ada: Person, shop: App, acme: WhiteLabel
    ) -> None:
        make_template(acme)
        message = accepted(
            submission(
                shop,
                content=FromTemplate("welcome"),
                attachments=(File("terms.pdf", "application/pdf", b"x" * 2048),),
            )
        )

        page = visit(ada).get(f"/log/{message.deliveries[0].id}")

        assert "Welcome, Kim" in page.content
        assert "Hello Kim" in page.content
        assert "terms.pdf (application/pdf, 2.0 kB)" in page.content
        assert "Message-ID: <" in page.content
        assert "Welcome, version 1, en" in page.content

    def test_the_campaign_is_one_click_away(
        self, visit: Visits, ada: Person, own: SmtpServer
    ) -> None:
        campaign_to(ada, "kim@x.example")
        sent = db.session.scalars(select(Delivery)).one()

        page = visit(ada).get(f"/log/{sent.id}").click("Spring")

        assert page.h1 == "Spring"

    def test_other_recipients_of_the_message_are_one_click_away(
        self, visit: Visits, ada: Person, shop: App
    ) -> None:
        first, _second = send(shop, ["ann@x.example", "ben@x.example"]).deliveries

        page = visit(ada).get(f"/log/{first.id}").click("ben@x.example")

        assert page.h1 == "Mail to ben@x.example"


class TestTheFrame:
    def test_the_html_can_do_nothing_and_load_nothing(
        self, visit: Visits, ada: Person, shop: App
    ) -> None:
        evil = "<script>alert(1)</script><img src='https://x.example/t.png'><p>Hi</p>"
        message = accepted(submission(shop, content=OwnContent("Hi", html=evil)))

        answer = visit(ada).answer("GET", f"/log/{message.deliveries[0].id}/html")

        assert answer.get_data(as_text=True).strip() == evil
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("sandbox; default-src 'none'; img-src data:;")
        assert "script-src" not in policy
        assert "allow-scripts" not in policy
        assert "frame-ancestors 'self'" in policy

    def test_it_is_framed_without_any_permission(
        self, visit: Visits, ada: Person, shop: App
    ) -> None:
        message = accepted(submission(shop, content=OwnContent("Hi", html="<p>Hi</p>")))

        page = visit(ada).get(f"/log/{message.deliveries[0].id}")

        (frame,) = page.tree.xpath("//iframe")
        assert frame.get("sandbox") == ""
        assert "frame-src 'self'" in page.response.headers["Content-Security-Policy"]

    def test_a_mail_without_html_has_none(self, visit: Visits, ada: Person, shop: App) -> None:
        plain = send(shop).deliveries[0]
        here = visit(ada)

        assert here.get(f"/log/{plain.id}/html").status == 404
        assert not here.get(f"/log/{plain.id}").tree.xpath("//iframe")


class TestNoticesOfThePortal:
    @pytest.fixture
    def reset(self, bob: Person, own: SmtpServer) -> Delivery:
        link = "https://acme.example/reset/secret"
        message = post("reset", to=bob, link=link, minutes=30).message
        db.session.commit()
        return message.deliveries[0]

    def test_what_they_say_is_shown_to_nobody_but_their_reader(
        self, visit: Visits, ada: Person, olive: Person, reset: Delivery
    ) -> None:
        for person, base in ((ada, ""), (olive, "/backoffice")):
            here = visit(person)

            page = here.get(f"{base}/log/{reset.id}")
            html = here.answer("GET", f"{base}/log/{reset.id}/html")
            listed = here.get(f"{base}/log")
            exported = here.answer("GET", f"{base}/log.csv").get_data(as_text=True)

            assert "only the recipient sees what it says" in page.content
            assert html.status_code == 404
            for body in (page.body, listed.body, exported):
                assert "secret" not in body
                assert "A new password for" not in body

    def test_an_app_cannot_hide_its_mail_as_a_notice(
        self, visit: Visits, ada: Person, shop: App
    ) -> None:
        message = accepted(submission(shop, details={"notice": "reset"}))

        page = visit(ada).get(f"/log/{message.deliveries[0].id}")

        assert "Hello Kim" in page.content


class TestTheList:
    def test_has_the_few_columns_that_decide(
        self, visit: Visits, ada: Person, shop: App, clock: HandSetClock
    ) -> None:
        became(send(shop, "kim@x.example"), State.FAILED, code=550, words="No such user")

        content = visit(ada).get("/log").content

        assert "Failed kim@x.example A subject Shop news@acme.example acme-own 550" in content

    def test_the_backoffice_sees_whose_it_is(
        self, visit: Visits, olive: Person, shop: App, cal: Person
    ) -> None:
        make_server(cal, "birch-own")
        send(make_app(cal, "Orders"), "theirs@x.example")
        send(shop, "ours@x.example")

        content = visit(olive).get("/backoffice/log").content

        assert "Orders (Birch)" in content
        assert "Shop (Acme)" in content

    def test_finds_a_mail_by_the_message_id_that_its_reader_sees(
        self, visit: Visits, ada: Person, shop: App
    ) -> None:
        send(shop, "other@x.example")
        wanted = send(shop, "wanted@x.example")

        found = visit(ada).get("/log").submit("Show", q=f"<{wanted.public_id}.1@acme.example>")

        assert ("wanted@" in found.content, "other@" in found.content) == (True, False)

    def test_is_narrowed_by_its_filters(self, visit: Visits, ada: Person, shop: App) -> None:
        became(send(shop, "gone@x.example"), State.FAILED, code=550)
        became(send(shop, "slow@x.example"), State.DEFERRED, code=451)
        page = visit(ada).get("/log")

        by_state = page.submit("Show", state="failed").content
        by_code = page.submit("Show", code=451, app=shop.id).content
        by_address = page.submit("Show", q="slow@x.example").content
        by_nothing = page.submit("Show", q="nobody@x.example").content

        assert ("gone@" in by_state, "slow@" in by_state) == (True, False)
        assert ("gone@" in by_code, "slow@" in by_code) == (False, True)
        assert ("gone@" in by_address, "slow@" in by_address) == (False, True)
        assert "Nothing matches" in by_nothing

    def test_is_narrowed_to_a_campaign_that_is_older_than_those_offered(
        self, visit: Visits, ada: Person, acme: WhiteLabel, shop: App
    ) -> None:
        oldest = campaign_to(ada, "gone@x.example")
        for number in range(50):
            drafts.create(acme, name=f"Later {number}", author=ada)
        db.session.commit()
        send(shop, "other@x.example")

        found = visit(ada).get("/log", query={"campaign": oldest.id})

        assert found.error_at("campaign") == ""
        assert ("gone@" in found.content, "other@" in found.content) == (True, False)
        offered = found.tree.xpath("//*[@name='campaign']/option[@value != '']")
        assert len(offered) == 51

    @pytest.mark.parametrize("made_up", ["9999", "99999999999999999999", "x"])
    def test_a_campaign_that_is_not_there_is_refused(
        self, visit: Visits, ada: Person, made_up: str
    ) -> None:
        page = visit(ada).get("/log", query={"campaign": made_up})

        assert page.error_at("campaign") == "Not a valid choice."

    def test_anothers_campaign_is_refused(
        self, visit: Visits, ada: Person, cal: Person, own: SmtpServer
    ) -> None:
        make_server(cal, "birch-own", from_email="news@birch.example")
        theirs = campaign_to(cal, "gone@x.example")

        page = visit(ada).get("/log", query={"campaign": theirs.id})

        assert page.error_at("campaign") == "Not a valid choice."
        assert "gone@" not in page.content

    def test_the_backoffice_narrows_it_to_a_white_label_and_its_campaigns(
        self, visit: Visits, olive: Person, ada: Person, cal: Person, own: SmtpServer
    ) -> None:
        make_server(cal, "birch-own", from_email="news@birch.example")
        ours, theirs = campaign_to(ada, "ours@x.example"), campaign_to(cal, "theirs@x.example")
        here = visit(olive)

        in_acme = here.get("/backoffice/log").submit("Show", white_label=ada.white_label_id)
        of_theirs = here.get("/backoffice/log").submit("Show", campaign=theirs.id)
        exported = here.answer("GET", f"/backoffice/log.csv?white_label={ada.white_label_id}")

        offered = in_acme.tree.xpath("//*[@name='campaign']/option[@value != '']")
        assert [(one.get("value"), one.text) for one in offered] == [(str(ours.id), "Acme: Spring")]
        assert ("ours@" in in_acme.content, "theirs@" in in_acme.content) == (True, False)
        assert ("ours@" in of_theirs.content, "theirs@" in of_theirs.content) == (False, True)
        (row,) = csv.DictReader(io.StringIO(exported.get_data(as_text=True).lstrip("\ufeff")))
        assert (row["To"], row["Campaign"]) == ("ours@x.example", "Spring")

    def test_the_backoffice_offers_the_apps_and_servers_of_one_white_label_at_a_time(
        self, visit: Visits, olive: Person, cal: Person, shop: App
    ) -> None:
        make_server(olive, "main")
        theirs = make_server(cal, "birch-own")
        orders = make_app(cal, "Orders")
        here = visit(olive)

        pages = [
            here.get("/backoffice/log"),
            here.get("/backoffice/log", query={"white_label": cal.white_label_id}),
            here.get("/backoffice/log", query={"app": orders.id, "server": theirs.id}),
        ]

        assert [offered(page, "app") for page in pages] == [
            [],
            ["Birch: Orders"],
            ["Birch: Orders"],
        ]
        assert [offered(page, "server") for page in pages] == [
            ["main"],
            ["Birch: birch-own", "main"],
            ["Birch: birch-own", "main"],
        ]

    @pytest.mark.parametrize("field", ["app", "server"])
    def test_what_is_nobodys_cannot_be_chosen(
        self, visit: Visits, olive: Person, field: str
    ) -> None:
        page = visit(olive).get("/backoffice/log", query={field: "999"})

        assert page.error_at(field) == "Not a valid choice."

    @pytest.mark.parametrize("field", ["app", "server"])
    def test_another_white_labels_app_or_server_is_no_choice(
        self, visit: Visits, ada: Person, cal: Person, field: str
    ) -> None:
        theirs = {"server": make_server(cal, "birch-own").id, "app": make_app(cal, "Orders").id}

        page = visit(ada).get("/log", query={field: theirs[field]})

        assert page.error_at(field) == "Not a valid choice."
        assert "Orders" not in page.content
        assert "birch-own" not in page.content

    def test_a_white_label_cannot_look_into_another(
        self, visit: Visits, ada: Person, cal: Person, shop: App
    ) -> None:
        make_server(cal, "birch-own")
        send(make_app(cal, "Orders"), "theirs@x.example")
        send(shop, "ours@x.example")
        here = visit(ada)

        listed = here.get(f"/log?white_label={cal.white_label_id}").content
        exported = here.answer("GET", f"/log.csv?white_label={cal.white_label_id}")

        for seen in (listed, exported.get_data(as_text=True)):
            assert ("ours@" in seen, "theirs@" in seen) == (True, False)

    def test_days_are_those_of_the_reader(
        self, visit: Visits, ada: Person, shop: App, clock: HandSetClock
    ) -> None:
        ada.time_zone = "Pacific/Auckland"
        db.session.commit()
        clock.set(datetime(2026, 5, 3, 20, tzinfo=UTC))  # the morning of the 4th over there
        send(shop, "kim@x.example")
        page = visit(ada).get("/log")

        on_the_third = page.submit("Show", since="2026-05-03", until="2026-05-03").content
        on_the_fourth = page.submit("Show", since="2026-05-04", until="2026-05-04").content

        assert "kim@x.example" not in on_the_third
        assert "kim@x.example" in on_the_fourth

    def test_the_ends_of_the_calendar_leave_nothing_out(
        self, visit: Visits, ada: Person, shop: App
    ) -> None:
        ada.time_zone = "Asia/Tokyo"
        send(shop, "kim@customer.example")

        page = visit(ada).get("/log?since=0001-01-01&until=9999-12-31")

        assert "kim@customer.example" in page.content

    @pytest.mark.parametrize(
        ("asked", "words"),
        [
            ({"q": "kim"}, "Type a whole address, or a message's id as the API gave it."),
            ({"code": "1"}, "Three digits, such as 550."),
            ({"code": "abc"}, "Three digits, such as 550."),
            ({"state": "lost"}, "Not a valid choice."),
            ({"since": "yesterday"}, "Not a valid date value."),
        ],
    )
    def test_a_question_that_makes_no_sense_is_told_at_its_field(
        self, visit: Visits, ada: Person, shop: App, asked: dict[str, str], words: str
    ) -> None:
        page = visit(ada).get("/log", query=asked)

        assert page.error_at(next(iter(asked))) == words

    def test_an_agent_sees_own_mail_only(
        self, visit: Visits, abe: Person, ada: Person, shop: App
    ) -> None:
        mine = accepted(submission(shop, agent_id=abe.id)).deliveries[0]
        other = send(shop, "other@x.example").deliveries[0]
        here = visit(abe)

        listed = here.get("/log").content
        exported = here.answer("GET", "/log.csv").get_data(as_text=True)

        assert ("kim@" in listed, "other@" in listed) == (True, False)
        assert ("kim@" in exported, "other@" in exported) == (True, False)
        assert here.get(f"/log/{mine.id}").status == 200
        assert here.get(f"/log/{other.id}").status == 404
        assert here.post(f"/log/{other.id}/cancel").status == 404

    def test_as_csv_with_the_same_filters_and_harmless_cells(
        self, visit: Visits, ada: Person, shop: App
    ) -> None:
        send(shop, "other@x.example")
        became(send(shop, "kim@x.example"), State.FAILED, code=550, words="=cmd|' /C calc'!A1")

        answer = visit(ada).answer("GET", "/log.csv?state=failed")

        (row,) = csv.DictReader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff")))
        assert (row["To"], row["State"], row["Code"]) == ("kim@x.example", "Failed", "550")
        assert row["Words"].startswith("'=cmd")


class TestWhatCanBeDone:
    def test_waiting_mail_is_cancelled(self, visit: Visits, ada: Person, shop: App) -> None:
        waiting = send(shop).deliveries[0]

        page = visit(ada).get(f"/log/{waiting.id}").submit("Cancel it")

        assert "Cancelled. It will not leave." in page.content
        assert "The delivery to ann@birch.example was cancelled." in page.content
        assert fresh(waiting).state is State.CANCELLED

    def test_too_late_is_said(self, visit: Visits, ada: Person, shop: App) -> None:
        waiting = send(shop).deliveries[0]
        page = visit(ada).get(f"/log/{waiting.id}")
        became(waiting.message, State.SENT)

        after = page.submit("Cancel it")

        assert "Nothing of this message can be cancelled any more." in after.content

    def test_held_mail_is_released(self, visit: Visits, ada: Person, shop: App) -> None:
        held = became(send(shop), State.HELD, kind="poison", words="Look at it.")

        page = visit(ada).get(f"/log/{held.id}").submit("Release it")

        assert "Released. It is on its way." in page.content
        assert fresh(held).state is State.QUEUED

    def test_held_mail_that_still_has_no_way_says_why(
        self, visit: Visits, ada: Person, shop: App, own: SmtpServer
    ) -> None:
        held = became(send(shop), State.HELD, kind="poison")
        own.is_enabled = False
        db.session.commit()

        page = visit(ada).get(f"/log/{held.id}").submit("Release it")

        assert "It stays held. Nothing leaves" in page.content
        assert fresh(held).state is State.HELD

    def test_failed_mail_is_sent_again(self, visit: Visits, ada: Person, shop: App) -> None:
        failed = became(send(shop), State.FAILED, code=550, kind="address", words="No such user")

        page = visit(ada).get(f"/log/{failed.id}").click("Send again")
        after = page.submit("Send again to ann@birch.example")

        assert "It failed, so nobody has it." in page.content
        assert "It is on its way once more." in after.content
        assert fresh(failed).state is State.QUEUED

    def test_what_may_have_arrived_is_sent_again_only_after_a_warning(
        self, visit: Visits, ada: Person, shop: App
    ) -> None:
        lost = became(send(shop), State.HELD, kind="unknown")

        page = visit(ada).get(f"/log/{lost.id}").click("Send again")
        after = page.submit("Send again to ann@birch.example")

        assert "The recipient would then get it twice." in page.content
        assert "copy 2" in after.content
        assert fresh(lost).copies == 1

    def test_delivered_mail_offers_nothing(self, visit: Visits, ada: Person, shop: App) -> None:
        sent = became(send(shop), State.SENT)

        page = visit(ada).get(f"/log/{sent.id}")

        actions = page.tree.xpath("string(//*[@class='page-action'])").split()
        assert actions == []

    def test_an_agent_may_cancel_but_leaves_the_rest_to_admins(
        self, visit: Visits, abe: Person, shop: App
    ) -> None:
        mine = became(accepted(submission(shop, agent_id=abe.id)), State.HELD, kind="poison")
        here = visit(abe)

        page = here.get(f"/log/{mine.id}")

        assert page.tree.xpath("//button[contains(., 'Cancel it')]")
        assert not page.tree.xpath("//button[contains(., 'Release it')]")
        assert here.post(f"/log/{mine.id}/release").status == 403
        assert here.post(f"/log/{mine.id}/again").status == 403

    def test_the_backoffice_can_do_the_same(self, visit: Visits, olive: Person, shop: App) -> None:
        waiting = send(shop).deliveries[0]

        visit(olive).get(f"/backoffice/log/{waiting.id}").submit("Cancel it")

        assert fresh(waiting).state is State.CANCELLED
