"""The desk as people use it: asking, answering, closing, and what is then told to whom."""

from __future__ import annotations

import pytest
from playwright.sync_api import FilePayload

from portal.accounts.models import Person
from portal.core.db import db
from portal.desk import threads
from portal.desk.attachments import MOST_BYTES, read
from portal.desk.models import About
from portal.outbox import suspension
from portal.outbox.models import Message
from portal.web.desk import LINKS
from portal.white_labels.models import WhiteLabel
from tests.desk.talk import begin, say
from tests.equipment.browser import Browser, accessibility_faults
from tests.equipment.clock import HandSetClock
from tests.equipment.served import Served
from tests.equipment.stage import fresh, make_server
from tests.equipment.visitor import Visits
from tests.web.desk import all_said, picture, place_of, unread_at_the_bell


@pytest.mark.accepts("SI-21", "SI-25")
def test_an_admin_asks_an_owner_answers_and_both_see_it(
    visit: Visits, ada: Person, olive: Person
) -> None:
    make_server(olive, "main")
    admin, owner = visit(ada), visit(olive)

    asked = admin.get("/desk").click("Write a message")
    asked = asked.submit("Send", subject="More mail", text="Please raise\nour limit.")
    assert asked.h1 == "More mail"

    page = owner.get("/backoffice/")
    assert "1 unread conversation" in unread_at_the_bell(page)
    page = page.click("Desk 1 waiting").click("More mail")
    assert "Please raise our limit." in page.content
    assert "Ada Acme" in page.content
    assert "Desk: nothing unread" in unread_at_the_bell(page)
    page = page.submit("Send", text="Done. Try again.")
    assert "Olive you" in page.content

    page = admin.get("/desk")
    assert "1 unread conversation" in unread_at_the_bell(page)
    page = page.click("More mail")
    assert "Olive Backoffice" in page.content
    assert "Done. Try again." in page.content


def test_the_backoffice_writes_to_the_white_label_it_names(
    visit: Visits, olive: Person, acme: WhiteLabel, ada: Person, cal: Person
) -> None:
    page = visit(olive).get("/backoffice/desk/new")

    page = page.submit("Send", white_label=acme.id, subject="Maintenance", text="On Sunday.")

    assert page.h1 == "Maintenance"
    assert "Maintenance" in visit(ada).get("/desk").content
    assert "Maintenance" not in visit(cal).get("/desk").content


def test_a_white_label_that_an_address_names_is_chosen_already(
    visit: Visits, olive: Person, ada: Person, cal: Person
) -> None:
    page = visit(olive).get(f"/backoffice/desk/new?white_label={cal.white_label_id}")

    assert page.tree.xpath("//option[@selected]/text()") == ["Birch"]


def test_nobody_is_addressed_who_is_not_there(visit: Visits, olive: Person, ada: Person) -> None:
    page = visit(olive).post(
        "/backoffice/desk/new", {"white_label": "99", "subject": "a", "text": "b"}
    )

    assert page.error_at("white_label") == "Not a valid choice."
    assert all_said() == []


def test_sending_and_closing_are_one_step(
    visit: Visits, clock: HandSetClock, ada: Person, olive: Person
) -> None:
    thread = begin(place_of(ada), ada)
    page = visit(olive).get(f"/backoffice/desk/{thread.id}")

    page = page.submit("Send and close", text="Done.")

    assert "closed just now by Olive" in page.content
    assert fresh(thread).is_closed


def test_what_was_closed_unread_is_on_the_list_until_it_is_read(
    visit: Visits, ada: Person, olive: Person
) -> None:
    thread = begin(place_of(ada), ada)
    visit(olive).get(f"/backoffice/desk/{thread.id}").submit("Send and close", text="Done.")
    here = visit(ada)

    page = here.get("/desk").click("Desk 1 waiting")
    read = page.click("More mail")
    after = here.get("/desk")

    assert "More mail (unread)" in page.content
    assert "Done." in read.content
    assert "More mail" not in after.content


def test_closing_takes_it_off_the_list_and_writing_puts_it_back(
    visit: Visits, ada: Person, olive: Person
) -> None:
    thread = begin(place_of(ada), ada)
    here = visit(ada)
    page = here.get(f"/desk/{thread.id}").submit("Close")
    assert "Whoever writes again opens it again." in page.text
    assert "Nothing is open" in here.get("/desk").content

    here.get(f"/desk/{thread.id}").submit("Send", text="One thing more.")

    assert "More mail" in here.get("/desk").content


def test_a_closed_thread_is_opened_by_a_button(visit: Visits, ada: Person, olive: Person) -> None:
    thread = begin(place_of(ada), ada)
    here = visit(ada)

    page = here.get(f"/desk/{thread.id}").submit("Close").submit("Open again")

    assert "This conversation is closed." not in page.content
    assert not fresh(thread).is_closed


def test_the_backoffice_is_told_who_cannot_read_it_now(
    visit: Visits, ada: Person, olive: Person
) -> None:
    thread = begin(place_of(ada), ada)
    suspension.suspend(place_of(ada))
    db.session.commit()

    page = visit(olive).get(f"/backoffice/desk/{thread.id}")

    assert "Acme is suspended: its admins read this" in page.content


def test_the_backoffice_is_told_when_nobody_is_there_to_read_it(
    visit: Visits, acme: WhiteLabel, olive: Person
) -> None:
    thread = begin(acme, olive)

    page = visit(olive).get(f"/backoffice/desk/{thread.id}")

    assert "Acme has no admin, so nobody reads this yet." in page.content


def test_the_page_of_a_white_label_leads_to_writing_to_it(
    visit: Visits, ada: Person, olive: Person
) -> None:
    page = visit(olive).get(f"/backoffice/white-labels/{ada.white_label_id}/")

    page = page.click("Write to its admins").submit("Send", subject="Hello", text="Welcome.")

    assert "Hello" in visit(ada).get("/desk").content


def test_whom_an_owner_writes_to_is_chosen_and_not_given(
    visit: Visits, ada: Person, olive: Person
) -> None:
    page = visit(olive).get("/backoffice/desk/new").submit("Send", subject="Hello", text="Bye.")

    assert page.error_at("white_label") == "To which white label?"
    assert all_said() == []


def test_a_conversation_leads_to_what_it_is_about(
    visit: Visits, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread = begin(place_of(ada), ada, about=About.FEATURE)
    monkeypatch.setitem(LINKS, About.FEATURE, lambda shown: (f"About {shown.id}", "/apps"))

    page = visit(ada).get(f"/desk/{thread.id}")

    assert page.links()[f"About {thread.id}"] == "/apps"


def test_a_wish_for_a_feature_leads_owners_to_its_switch(
    visit: Visits, ada: Person, olive: Person
) -> None:
    thread = begin(place_of(ada), ada, about=About.FEATURE)

    page = visit(olive).get(f"/backoffice/desk/{thread.id}").click("OAuth enablement for SMTP")

    assert page.h1 == "OAuth enablement for SMTP"
    assert "OAuth enablement for SMTP" not in visit(ada).get(f"/desk/{thread.id}").links()


def test_the_mails_link_leads_to_the_conversation(
    visit: Visits, ada: Person, olive: Person
) -> None:
    thread = begin(place_of(ada), olive, "Maintenance")
    mail = db.session.query(Message).one()
    link = (mail.text or "").split("http://acme.localhost:8000")[1].split()[0]
    db.session.commit()

    assert visit(ada).get(link.partition("#")[0]).h1 == "Maintenance"
    assert link == f"/desk/{thread.id}#new"


def test_the_trail_names_the_conversation(visit: Visits, ada: Person, olive: Person) -> None:
    thread = begin(place_of(ada), ada)
    visit(ada).get(f"/desk/{thread.id}").submit("Close")

    page = visit(ada).get("/audit")

    assert "Conversation closed" in page.content
    assert "Conversation begun" in page.content


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_desk_holds_up_to_wcag(
    served: Served, browser: Browser, ada: Person, olive: Person, scheme: str
) -> None:
    thread = begin(
        place_of(ada), ada, files=[read("panel.png", picture()), read("a.txt", b"words")]
    )
    say(thread, olive, "An answer.")
    threads.note(thread, text="Something happened.")
    db.session.commit()
    page = served.come_in(browser.open_page(color_scheme=scheme), ada)

    for path in ("/desk", "/desk/new", f"/desk/{thread.id}"):
        page.goto(served.url(ada, path))
        assert accessibility_faults(page) == []


@pytest.mark.browser
def test_a_file_that_is_too_large_is_told_before_it_travels(
    served: Served, browser: Browser, ada: Person, olive: Person
) -> None:
    thread = begin(place_of(ada), ada)
    page = served.come_in(browser.open_page(), ada)
    page.goto(served.url(ada, f"/desk/{thread.id}"))
    page.get_by_label("Message").fill("See here.")
    large = FilePayload(name="long.txt", mimeType="text/plain", buffer=b"x" * (MOST_BYTES + 1))
    small = FilePayload(name="long.txt", mimeType="text/plain", buffer=b"words")

    page.get_by_label("Files").set_input_files([large])
    page.get_by_text("At most 5 files, each of at most 2 MB.").wait_for()
    page.get_by_role("button", name="Send", exact=True).click()
    assert all_said() == ["Please raise our limit."]
    page.get_by_label("Files").set_input_files([small])
    page.get_by_label("Message").press("Control+Enter")

    page.get_by_role("link", name="long.txt").wait_for()
    assert all_said() == ["Please raise our limit.", "See here."]
