"""Campaigns: written in steps, rehearsed, launched, watched, stopped, sent again, reported."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from threading import BoundedSemaphore
from types import SimpleNamespace

import pytest
from flask import Flask
from sqlalchemy import event, func, select

from portal.accounts.models import Person
from portal.campaigns import campaigns, drafts
from portal.campaigns.models import Campaign, CampaignHour, CampaignState
from portal.campaigns.pace import PaceKind
from portal.core import clock
from portal.core.db import db
from portal.jobs.works import do_now
from portal.outbox import suppressions
from portal.outbox.models import Delivery
from portal.outbox.states import Reason
from portal.senders import senders
from portal.smtp_settings.models import SmtpServer
from portal.web.white_label import campaign_report
from portal.white_labels.models import WhiteLabel
from tests.equipment.campaigns import launched, make_audience, make_campaign
from tests.equipment.mail import drain, working
from tests.equipment.smtp_script import Say, Script
from tests.equipment.smtp_server import SmtpServer as FaultServer
from tests.equipment.stage import fresh, make_sender, make_server, make_template
from tests.equipment.visitor import Page, Visits


@pytest.fixture
def own(ada: Person) -> SmtpServer:
    return make_server(ada, "acme-own", from_email="news@acme.example")


@pytest.fixture
def draft(ada: Person, acme: WhiteLabel, own: SmtpServer) -> Campaign:
    return make_campaign(ada, make_audience(acme), template=make_template(acme, "welcome"))


def standing(page: Page) -> str:
    return " ".join(page.tree.xpath("string(//*[@id='live'])").split())


def balance_shown(page: Page) -> dict[str, int]:
    """The balance sheet as it can be read."""
    rows = page.tree.xpath("//table[contains(@class, 'balance')]//tr")
    return {
        " ".join(row.xpath("string(th)").split()): int(row.xpath("string(td)").replace(",", ""))
        for row in rows
    }


@pytest.mark.accepts("UC-25", "UC-27", "UC-34")
def test_a_campaign_is_written_rehearsed_and_launched(
    app: Flask, visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    with FaultServer() as server:
        own = make_server(ada, "acme-own", port=server.port)
        team = make_sender(own, "team@acme.example", of=acme, name="The team")
        template = make_template(
            acme, "offer", texts=[("en", "Hi {{ name }}", "Now {{ price }}", None)]
        )
        audience = make_audience(acme)
        page = visit(ada).get("/campaigns").click("Create campaign")

        page = page.submit("Create campaign", name="Spring")
        page = page.submit("Save and go on", template=template.id)
        page = page.submit("Save and go on", audience=audience.id, sender=team.id)
        page = page.submit("Save and go on", **{"value-price": "9 euros"})
        rehearsal = page.submit("Save and go on", pace="random", min_delay=0, max_delay=1)
        page = rehearsal.submit("Send to 2 people now")
        campaign = db.session.scalars(select(Campaign)).one()
        do_now("campaign", campaign.id)
        with working(app):
            server.wait_for(2)

        assert "2 people gets" not in rehearsal.content
        assert "2 people get “Offer”, beginning now." in rehearsal.content
        assert "Leaves through acme-own, from team@acme.example" in rehearsal.content
        assert "Randomised: 0 to 1 seconds between two mails" in rehearsal.content
        assert "Expected finish" in rehearsal.content
        assert "Hi Kim" in rehearsal.content
        assert page.h1 == "Spring"
        assert "Launched." in page.text
        assert {taken.mail_from for taken in server.ledger} == {"team@acme.example"}
        assert sorted(one for taken in server.ledger for one in taken.recipients) == [
            "kim@customer.example",
            "lou@customer.example",
        ]
        assert all(b"9 euros" in taken.data for taken in server.ledger)


def test_a_launch_that_is_clicked_twice_is_one(visit: Visits, ada: Person, draft: Campaign) -> None:
    page = visit(ada).get(f"/campaigns/{draft.id}/rehearsal")

    page.submit("Send to 2 people now")
    second = page.submit("Send to 2 people now")
    do_now("campaign", draft.id)

    assert "It is launched already." in second.text
    assert db.session.scalar(select(func.count()).select_from(Delivery)) == 2


def test_a_rehearsal_says_what_stands_in_the_way_and_offers_no_launch(
    visit: Visits, ada: Person, own: SmtpServer, acme: WhiteLabel
) -> None:
    campaign = drafts.create(acme, name="Empty", author=ada)
    db.session.commit()

    page = visit(ada).get(f"/campaigns/{campaign.id}/rehearsal")

    assert "Choose a template." in page.content
    assert "Send to" not in page.content
    refused = visit(ada).post(f"/campaigns/{campaign.id}/rehearsal")
    assert "Choose a template." in refused.text
    assert fresh(campaign).state is CampaignState.DRAFT


def test_a_rehearsal_counts_who_is_suppressed_and_whose_values_are_missing(
    visit: Visits, ada: Person, own: SmtpServer, acme: WhiteLabel
) -> None:
    template = make_template(acme, "offer", texts=[("en", "To {{ city }}", "Hello", None)])
    audience = make_audience(
        acme,
        ["a@x.example,Ulm", "b@x.example,", "c@x.example,Bonn"],
        header="email,city",
    )
    suppressions.add(acme.id, "c@x.example", reason=Reason.UNSUBSCRIBED, by=None)
    campaign = make_campaign(ada, audience, template=template)

    page = visit(ada).get(f"/campaigns/{campaign.id}/rehearsal")

    assert "2 people get" in page.content
    assert "1 is suppressed and gets nothing" in page.content
    assert "city 1 person: b@x.example" in page.content.replace("city1", "city 1")
    assert "Send to 2 people now" in page.content


def test_a_time_in_the_persons_zone_schedules_it(
    visit: Visits, ada: Person, draft: Campaign
) -> None:
    page = visit(ada).get(f"/campaigns/{draft.id}/time")
    day = (clock.now() + timedelta(days=30)).date().isoformat()

    page = page.submit(
        "Save and go on", start="later", at=f"{day}T09:30", time_zone="Europe/Berlin"
    )
    page = page.submit("Schedule for 2 people")

    campaign = fresh(draft)
    assert "Scheduled. It begins by itself." in page.text
    assert campaign.state is CampaignState.SCHEDULED
    assert campaign.start_at is not None
    assert campaign.start_at.hour in (7, 8)
    assert "for 2 people" in standing(page)


def test_a_time_that_has_passed_is_refused(visit: Visits, ada: Person, draft: Campaign) -> None:
    page = visit(ada).get(f"/campaigns/{draft.id}/time")

    page = page.submit("Save and go on", start="later", at="2020-01-01T09:30", time_zone="UTC")

    assert page.error_at("at") == "This time has passed there."
    assert fresh(draft).start_at is None


@pytest.mark.parametrize(
    ("fields", "at"),
    [
        ({"pace": "hourly", "per_hour": ""}, "per_hour"),
        ({"pace": "random", "min_delay": "5", "max_delay": "1"}, "max_delay"),
        ({"pace": "random", "min_delay": "", "max_delay": "9"}, "min_delay"),
    ],
)
def test_a_pace_that_makes_no_sense_is_refused_at_its_field(
    visit: Visits, ada: Person, draft: Campaign, fields: dict[str, str], at: str
) -> None:
    page = visit(ada).get(f"/campaigns/{draft.id}/time").submit("Save and go on", **fields)

    assert page.error_at(at)
    assert fresh(draft).pace is PaceKind.FAST


def test_only_languages_of_the_template_can_be_chosen(
    visit: Visits, ada: Person, own: SmtpServer, acme: WhiteLabel
) -> None:
    template = make_template(
        acme, "two", texts=[("en", "Hi", "Hello", None), ("de", "Gruß", "Hallo", None)]
    )
    campaign = make_campaign(ada, make_audience(acme), template=template)

    page = visit(ada).get(f"/campaigns/{campaign.id}/people")
    page.submit("Save and go on", language="de")

    assert page.tree.xpath("//select[@name='language']/option/@value") == ["", "en", "de"]
    assert fresh(campaign).language == "de"


def test_a_draft_whose_template_changes_forgets_the_language_of_the_old_one(
    visit: Visits, ada: Person, own: SmtpServer, acme: WhiteLabel
) -> None:
    old = make_template(acme, "old", texts=[("fr", "Salut", "Bonjour", None)])
    new = make_template(acme, "new")
    campaign = make_campaign(ada, make_audience(acme), template=old)
    here = visit(ada)
    here.get(f"/campaigns/{campaign.id}/people").submit("Save and go on", language="fr")

    here.get(f"/campaigns/{campaign.id}/message").submit("Save and go on", template=new.id)

    assert (fresh(campaign).template_id, campaign.language) == (new.id, None)


@pytest.mark.accepts("UC-30", "UC-31")
def test_the_delivery_log_of_a_campaign_shows_the_servers_words(
    app: Flask, visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    def refuse_lou(command: object) -> Say | None:
        return Say(550, "5.1.1 No such user") if "lou@" in str(command) else None

    with FaultServer(Script(rcpt=refuse_lou)) as server:
        make_server(ada, "acme-own", port=server.port)
        campaign = make_campaign(ada, make_audience(acme), template=make_template(acme, "welcome"))
        launched(campaign)
        drain(app)
        here = visit(ada)

        report = here.get(f"/campaigns/{campaign.id}")
        log = report.click("Delivery log")
        failed = log.submit("Show", state="failed")
        none = log.submit("Show", code="454")
        file = here.answer("GET", f"/campaigns/{campaign.id}/log.csv").get_data(as_text=True)

    assert balance_shown(report) == {"Delivered": 1, "Failed": 1, "Audience": 2}
    assert "550 5.1.1" in report.content
    assert "No such user" in report.content
    assert "kim@customer.example" in log.content
    assert "No such user" in failed.content
    assert "kim@customer.example" not in failed.content
    assert "Nothing matches" in none.content
    assert "lou@customer.example" in file
    assert "No such user" in file
    assert len(file.splitlines()) == 3


@pytest.mark.accepts("UC-04", "UC-05")
def test_bounces_by_an_own_server_are_not_tracked_and_never_none(
    app: Flask, visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    with FaultServer() as server:
        make_server(ada, "acme-own", port=server.port)
        campaign = launched(make_campaign(ada, make_audience(acme), template=make_template(acme)))
        drain(app)

    page = visit(ada).get(f"/campaigns/{campaign.id}")

    cells = page.tree.xpath("//td[contains(@data-label, 'bounces')]")
    assert [" ".join(cell.text_content().split()) for cell in cells] == [
        "not tracked: reported to your own server"
    ] * 2


def test_a_campaign_is_paused_and_goes_on(visit: Visits, ada: Person, draft: Campaign) -> None:
    launched(draft)
    page = visit(ada).get(f"/campaigns/{draft.id}")

    paused = page.submit("Pause: 2 people wait")
    state = fresh(draft).state
    do_now("campaign", draft.id)
    going = visit(ada).get(f"/campaigns/{draft.id}").submit("Go on to 2 people")

    assert state is CampaignState.PAUSED
    assert "Paused." in paused.text
    assert "It goes on." in going.text
    assert fresh(draft).state is CampaignState.RUNNING


def test_cancelling_says_in_numbers_what_it_changes(
    visit: Visits, ada: Person, draft: Campaign
) -> None:
    launched(draft)
    page = visit(ada).get(f"/campaigns/{draft.id}").click("Cancel it")

    done = page.submit("Cancel campaign Spring news")
    do_now("campaign", draft.id)

    assert "2 people do not get it any more." in page.content
    assert "Cancelled. Nothing more of it leaves." in done.text
    assert balance_shown(visit(ada).get(f"/campaigns/{draft.id}"))["Cancelled"] == 2


def test_a_second_cancel_says_that_it_is_too_late(
    visit: Visits, ada: Person, draft: Campaign
) -> None:
    launched(draft)
    page = visit(ada).get(f"/campaigns/{draft.id}/cancel")
    page.submit("Cancel campaign Spring news")

    second = page.submit("Cancel campaign Spring news")

    assert second.faults == ["Nothing of this campaign can be cancelled any more."]


def test_what_failed_is_sent_again_to_those_alone(
    app: Flask, visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    refusing = [True]

    def refuse_lou(command: object) -> Say | None:
        return Say(554, "5.7.1 Not today") if refusing[0] and "lou@" in str(command) else None

    with FaultServer(Script(rcpt=refuse_lou)) as server:
        make_server(ada, "acme-own", port=server.port)
        campaign = launched(make_campaign(ada, make_audience(acme), template=make_template(acme)))
        drain(app)
        refusing[0] = False
        page = visit(ada).get(f"/campaigns/{campaign.id}")

        page = page.click("Send again to those it failed to reach")
        done = page.submit("Send again to 1 person")
        do_now("campaign", campaign.id)
        drain(app)

        assert "1 person gets another try" in page.content
        assert "On its way to 1 person once more." in done.text
        recipients = [one for taken in server.ledger for one in taken.recipients]
    assert sorted(recipients) == ["kim@customer.example", "lou@customer.example"]
    after = balance_shown(visit(ada).get(f"/campaigns/{campaign.id}"))
    assert after == {"Delivered": 2, "Failed": 0, "Audience": 2}


def test_the_list_shows_states_and_numbers_and_is_searched(
    visit: Visits, ada: Person, acme: WhiteLabel, draft: Campaign
) -> None:
    launched(draft)
    drafts.create(acme, name="Autumn", author=ada)
    db.session.commit()
    page = visit(ada).get("/campaigns")

    found = page.submit("Search", q="spring")
    unfinished = page.submit("Search", state="draft")
    nothing = page.submit("Search", q="%")
    file = visit(ada).answer("GET", "/campaigns.csv").get_data(as_text=True)

    assert found.tree.xpath("//tbody/tr/td[1]/a/text()") == ["Spring news"]
    assert "Under way" in found.content
    assert unfinished.tree.xpath("//tbody/tr/td[1]/a/text()") == ["Autumn"]
    assert "No campaign matches" in nothing.content
    assert len(file.splitlines()) == 3


def test_an_empty_list_says_what_to_do(visit: Visits, ada: Person) -> None:
    page = visit(ada).get("/campaigns")

    assert "No campaign yet" in page.content


def test_a_campaign_is_copied_as_a_draft(visit: Visits, ada: Person, draft: Campaign) -> None:
    launched(draft)

    page = visit(ada).get(f"/campaigns/{draft.id}").submit("Copy")

    twin = db.session.scalars(select(Campaign).where(Campaign.id != draft.id)).one()
    assert page.h1 == "Spring news (copy)"
    assert twin.state is CampaignState.DRAFT
    assert (twin.template_id, twin.audience_id) == (draft.template_id, draft.audience_id)


def test_a_draft_is_deleted(visit: Visits, ada: Person, draft: Campaign) -> None:
    page = visit(ada).get(f"/campaigns/{draft.id}/message").click("Delete this draft")

    page = page.submit("Delete the draft Spring news")

    assert "The draft Spring news is deleted." in page.text
    assert db.session.scalar(select(func.count()).select_from(Campaign)) == 0


def test_a_scheduled_campaign_goes_back_to_a_draft(
    visit: Visits, ada: Person, draft: Campaign
) -> None:
    draft.start_at = clock.now() + timedelta(days=1)
    db.session.commit()
    campaigns.launch(draft, by=ada)
    db.session.commit()

    page = visit(ada).get(f"/campaigns/{draft.id}").submit("Back to a draft")

    assert "It is a draft again" in page.text
    assert fresh(draft).state is CampaignState.DRAFT


def test_a_launched_campaign_cannot_be_written_any_more(
    visit: Visits, ada: Person, draft: Campaign
) -> None:
    launched(draft)

    page = visit(ada).get(f"/campaigns/{draft.id}/people")

    assert page.path == f"/campaigns/{draft.id}"


@pytest.mark.accepts("UC-27")
def test_a_chosen_sender_that_cannot_be_used_stays_chosen_and_the_rehearsal_says_why(
    visit: Visits, ada: Person, acme: WhiteLabel, own: SmtpServer
) -> None:
    sender = senders.primary_of(own)
    assert sender is not None
    campaign = make_campaign(
        ada, make_audience(acme), template=make_template(acme), sender_id=sender.id
    )
    own.is_enabled = False
    db.session.commit()
    here = visit(ada)

    page = here.get(f"/campaigns/{campaign.id}/people")
    page.submit("Save and go on")
    rehearsal = here.get(f"/campaigns/{campaign.id}/rehearsal")

    assert "not to be used at present" in page.tree.xpath("string(//select[@name='sender'])")
    assert fresh(campaign).sender_id == campaign.sender_id is not None
    assert "That server is switched off." in rehearsal.content
    assert "Send to" not in rehearsal.content


@pytest.mark.accepts("UC-27")
def test_a_co_admin_sends_a_campaign_from_a_sender_that_somebody_else_configured(
    app: Flask, visit: Visits, ada: Person, bob: Person, acme: WhiteLabel
) -> None:
    with FaultServer() as server:
        own = make_server(ada, "acme-own", port=server.port)
        team = make_sender(own, "team@acme.example", of=acme)
        campaign = make_campaign(
            bob, make_audience(acme), template=make_template(acme), sender_id=team.id
        )

        visit(bob).get(f"/campaigns/{campaign.id}/rehearsal").submit("Send to 2 people now")
        do_now("campaign", campaign.id)
        drain(app)

        assert {taken.mail_from for taken in server.ledger} == {"team@acme.example"}


def test_letters_of_the_rehearsal_are_shown_as_html_that_can_do_nothing(
    visit: Visits, ada: Person, draft: Campaign
) -> None:
    here = visit(ada)
    page = here.get(f"/campaigns/{draft.id}/rehearsal")
    frame = page.tree.xpath("//iframe/@src")[0]

    answer = here.answer("GET", frame)

    assert b"Hello Kim" in answer.get_data()
    assert answer.headers["Content-Security-Policy"].startswith("sandbox;")
    assert here.answer("GET", f"/campaigns/{draft.id}/rehearsal/99").status_code == 404


def test_without_a_server_the_rehearsal_says_that_nothing_leaves(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    campaign = make_campaign(ada, make_audience(acme), template=make_template(acme))

    page = visit(ada).get(f"/campaigns/{campaign.id}/rehearsal")

    assert "Nothing leaves" in page.content


# Live


def events(text: str) -> list[str]:
    """The pieces of page in a stream."""
    found = []
    for block in text.split("\n\n"):
        if block.startswith("event: live"):
            lines = [line.removeprefix("data: ") for line in block.split("\n")[1:]]
            found.append("\n".join(lines))
    return found


@pytest.fixture
def streams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else listens in this process, and time passes only where a stream waits."""
    passed = 0.0

    def sleep(seconds: float) -> None:
        nonlocal passed
        passed += seconds

    hand_set = SimpleNamespace(monotonic=lambda: passed, sleep=sleep)
    monkeypatch.setattr(campaign_report, "time", hand_set)
    monkeypatch.setattr(campaign_report, "LONGEST", 1.5)
    places = BoundedSemaphore(campaign_report.LISTENERS)
    monkeypatch.setattr(campaign_report, "_listeners", places)


def test_a_stream_tells_how_it_stands_and_ends(
    visit: Visits, ada: Person, draft: Campaign, streams: None
) -> None:
    launched(draft)

    answer = visit(ada).answer("GET", f"/campaigns/{draft.id}/events")

    assert answer.mimetype == "text/event-stream"
    (piece,) = events(answer.get_data(as_text=True))
    assert "0 of 2 people reached, 2 wait" in " ".join(re.sub("<[^>]+>", "", piece).split())
    assert 'data-pause="Pause: 2 people wait"' in piece, "the button beside it says the same"


def test_a_stream_shows_signs_of_life_while_nothing_changes(
    visit: Visits, ada: Person, draft: Campaign, streams: None
) -> None:
    launched(draft)

    stream = visit(ada).answer("GET", f"/campaigns/{draft.id}/events").get_data(as_text=True)

    assert len(events(stream)) == 1
    assert stream.endswith("\n\n:\n\n")


def test_streams_are_few_and_a_browser_too_many_is_sent_to_ask(
    visit: Visits, ada: Person, draft: Campaign, streams: None
) -> None:
    launched(draft)
    here = visit(ada)
    for _one in range(campaign_report.LISTENERS):
        assert campaign_report._listeners.acquire(blocking=False)

    refused = here.answer("GET", f"/campaigns/{draft.id}/events").status_code
    for _one in range(campaign_report.LISTENERS):
        campaign_report._listeners.release()
    statuses = [here.answer("GET", f"/campaigns/{draft.id}/events").status_code for _ in range(5)]

    assert refused == 204
    assert statuses == [200] * 5  # each has given its place back


def test_a_campaign_that_is_over_has_no_stream(visit: Visits, ada: Person, draft: Campaign) -> None:
    launched(draft)
    campaigns.cancel(draft)
    db.session.commit()
    do_now("campaign", draft.id)

    assert visit(ada).answer("GET", f"/campaigns/{draft.id}/events").status_code == 204


@pytest.mark.parametrize("path", ["", "/log"])
def test_a_page_asks_as_few_questions_however_many_people_it_has(
    app: Flask, visit: Visits, ada: Person, acme: WhiteLabel, own: SmtpServer, path: str
) -> None:
    template = make_template(acme)
    small = launched(make_campaign(ada, make_audience(acme, name="Few"), template=template))
    rows = [f"p{number}@customer.example,P{number}" for number in range(300)]
    large = launched(make_campaign(ada, make_audience(acme, rows, name="Many"), template=template))
    here = visit(ada)

    few, many = (_questions(app, here, f"/campaigns/{one.id}{path}") for one in (small, large))

    assert many <= few + 1
    assert many <= 25


def _questions(app: Flask, here: object, path: str) -> int:
    asked: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        assert here.get(path).status == 200  # type: ignore[attr-defined]
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
    return len([one for one in asked if one.lstrip().startswith("SELECT")])


# Whose it is


@pytest.mark.parametrize(
    "path", ["", "/rehearsal", "/log", "/log.csv", "/events", "/cancel", "/again", "/delete"]
)
def test_another_white_labels_campaign_is_not_there(
    visit: Visits, cal: Person, draft: Campaign, path: str
) -> None:
    answer = visit(cal).answer("GET", f"/campaigns/{draft.id}{path}")

    assert answer.status_code == 404


@pytest.mark.parametrize("act", ["pause", "resume", "unschedule", "copy", "rehearsal"])
def test_nobody_else_acts_on_it(visit: Visits, cal: Person, draft: Campaign, act: str) -> None:
    launched(draft)

    answer = visit(cal).post(f"/campaigns/{draft.id}/{act}")

    assert answer.status == 404
    assert fresh(draft).state is CampaignState.RUNNING


def test_another_white_labels_things_cannot_be_chosen(
    visit: Visits, ada: Person, cal: Person, birch: WhiteLabel, draft: Campaign
) -> None:
    theirs = make_audience(birch, name="Theirs")
    template = make_template(birch, "theirs")
    sender = senders.primary_of(make_server(cal, "birch-own"))
    assert sender is not None
    here = visit(ada)

    by_template = here.get(f"/campaigns/{draft.id}/message").submit(
        "Save and go on", template=template.id
    )
    people = here.get(f"/campaigns/{draft.id}/people")
    by_audience = people.submit("Save and go on", audience=theirs.id)
    by_sender = people.submit("Save and go on", sender=sender.id)

    assert by_template.error_at("template") == "Not a valid choice."
    assert by_audience.error_at("audience") == "Not a valid choice."
    assert by_sender.error_at("sender") == "Not a valid choice."


@pytest.mark.parametrize(
    ("zone", "days"),
    [
        ("UTC", ["May 1, 2026", "May 5, 2026", "May 6, 2026"]),
        ("America/New_York", ["May 1, 2026", "May 5, 2026"]),
        ("Asia/Tokyo", ["May 1, 2026", "May 6, 2026"]),
    ],
)
def test_a_long_campaigns_days_are_those_of_the_reader(
    visit: Visits, ada: Person, draft: Campaign, zone: str, days: list[str]
) -> None:
    ada.time_zone = zone
    launched(draft)
    for day, hour in ((1, 12), (5, 22), (6, 1)):
        moment = datetime(2026, 5, day, hour, tzinfo=UTC)
        facts = {"server_id": 1, "outcome": "sent", "count": 7}
        db.session.add(CampaignHour(campaign_id=draft.id, hour=moment, **facts))

    page = visit(ada).get(f"/campaigns/{draft.id}")

    shown = page.tree.xpath("//figure[@class='plot']//details//tbody/tr/td[1]/text()")
    assert shown[::-1] == days


def test_a_quiet_day_has_its_place_on_the_axis(visit: Visits, ada: Person, draft: Campaign) -> None:
    ada.time_zone = "Europe/Berlin"  # on March 29, 2026 a day has 23 hours there
    launched(draft)
    for day in (27, 31):
        moment = datetime(2026, 3, day, 12, tzinfo=UTC)
        facts = {"server_id": 1, "outcome": "sent", "count": 7}
        db.session.add(CampaignHour(campaign_id=draft.id, hour=moment, **facts))

    page = visit(ada).get(f"/campaigns/{draft.id}")

    bars = page.tree.xpath("//figure[@class='plot']//g/title/text()")
    assert [words.split(":")[0] for words in bars] == [
        f"Mar {number}, 2026" for number in (27, 28, 29, 30, 31)
    ]


def test_the_days_of_a_year_have_room_for_their_words(
    visit: Visits, ada: Person, draft: Campaign
) -> None:
    launched(draft)
    for year in (2025, 2026):
        moment = datetime(year, 5, 1, 12, tzinfo=UTC)
        facts = {"server_id": 1, "outcome": "sent", "count": 7}
        db.session.add(CampaignHour(campaign_id=draft.id, hour=moment, **facts))

    page = visit(ada).get(f"/campaigns/{draft.id}")

    assert len(page.tree.xpath("//figure[@class='plot']//g")) == 366
    assert len(page.tree.xpath("//text[@class='plot-words'][@y='164']")) <= 8
