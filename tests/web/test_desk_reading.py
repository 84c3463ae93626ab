"""Reading the desk: what is new, what is found, page by page, and nobody else's."""

from __future__ import annotations

import csv
import io

import pytest

from portal.accounts.models import Person
from portal.core.db import db
from portal.desk import conversations, threads
from portal.desk.attachments import read
from portal.desk.conversations import MESSAGES
from portal.desk.models import About
from portal.white_labels.models import WhiteLabel
from tests.desk.talk import begin, say
from tests.equipment.visitor import Page, Visits
from tests.web.desk import all_said, picture, place_of, unread_at_the_bell


def test_reading_is_for_each_person(visit: Visits, ada: Person, bob: Person, olive: Person) -> None:
    thread = begin(place_of(ada), olive)

    visit(ada).get(f"/desk/{thread.id}")

    assert "nothing unread" in unread_at_the_bell(visit(ada).get("/desk"))
    assert "1 unread" in unread_at_the_bell(visit(bob).get("/desk"))


def test_asking_for_the_head_of_a_page_reads_nothing(
    visit: Visits, ada: Person, olive: Person
) -> None:
    thread = begin(place_of(ada), olive)

    visit(ada).answer("HEAD", f"/desk/{thread.id}")

    assert conversations.unread_count(ada) == 1


def test_new_messages_stand_below_a_line(visit: Visits, ada: Person, olive: Person) -> None:
    thread = begin(place_of(ada), ada)
    first = say(thread, olive, "First answer.")
    say(thread, olive, "Second answer.")

    page = visit(ada).get(f"/desk/{thread.id}")

    line = page.tree.xpath("//*[@id='new']")[0]
    assert line.text_content() == "New"
    assert line.getnext().get("id") == f"message-{first.id}"
    again = visit(ada).get(f"/desk/{thread.id}")
    assert "New" not in [one.text_content() for one in again.tree.xpath("//*[@id='new']")]


def test_an_agent_sees_neither_bell_nor_desk(visit: Visits, ada: Person, abe: Person) -> None:
    thread = begin(place_of(ada), ada)
    here = visit(abe)

    page = here.get("/")

    assert not page.tree.xpath("//a[@class='bell']")
    assert "Desk" not in page.links()
    for path in ("/desk", "/desk/new", f"/desk/{thread.id}"):
        assert here.get(path).status == 403


def test_somebody_elses_thread_is_not_there(
    visit: Visits, ada: Person, birch: WhiteLabel, cal: Person, olive: Person
) -> None:
    theirs = begin(birch, cal, "Secret plan", files=[read("a.png", picture())])
    mine = begin(place_of(ada), ada)
    file_id = conversations.page_of_messages(theirs).rows[0].files[0].id
    here = visit(ada)

    for path in (
        f"/desk/{theirs.id}",
        f"/desk/{theirs.id}/files/{file_id}",
        f"/desk/{theirs.id}/files/{file_id}/preview",
        f"/desk/{mine.id}/files/{file_id}",
        f"/desk/{mine.id}/files/{file_id}/preview",
    ):
        assert here.get(path).status == 404
    assert here.post(f"/desk/{theirs.id}", {"text": "Hello"}).status == 404
    assert here.post(f"/desk/{theirs.id}/close").status == 404
    assert here.post(f"/desk/{theirs.id}/reopen").status == 404
    assert "Secret" not in here.get("/desk?show=all&q=secret").content
    assert all_said() == ["Please raise our limit.", "Please raise our limit."]


@pytest.mark.both_stores
@pytest.mark.parametrize("words", ["LIMIT", "more limit", "panel", "100%", "_percent"])
def test_words_are_found_in_subjects_messages_and_names_of_files(
    visit: Visits, ada: Person, olive: Person, words: str
) -> None:
    thread = begin(place_of(ada), ada, files=[read("panel.png", picture())])
    say(thread, olive, "That is 100% of what one_percent need.")
    begin(place_of(ada), ada, "Another thing", "Nothing of the kind, 100 times.")

    found = visit(ada).get("/desk", query={"q": words}).content

    assert "More mail" in found
    assert "Another thing" not in found


def test_filters_tell_what_waits_for_whom(visit: Visits, ada: Person, olive: Person) -> None:
    acme = place_of(ada)
    begin(acme, ada, "Asked")
    say(begin(acme, ada, "Answered"), olive)
    threads.close(begin(acme, ada, "Over"), by=ada)
    begin(acme, ada, "Wanted", about=About.FEATURE)
    db.session.commit()
    owner, admin = visit(olive), visit(ada)

    def shown(page: Page) -> list[str]:
        return list(page.tree.xpath("//td[contains(@class, 'conversation')]/a/text()"))

    assert shown(admin.get("/desk")) == ["Wanted", "Answered", "Asked"]
    assert shown(owner.get("/backoffice/desk")) == ["Wanted", "Over", "Answered", "Asked"], "unread"
    assert shown(owner.get("/backoffice/desk?show=waiting")) == ["Wanted", "Asked"]
    assert shown(admin.get("/desk?show=waiting")) == ["Answered"]
    assert shown(admin.get("/desk?show=unread")) == ["Answered"]
    assert shown(admin.get("/desk?show=closed")) == ["Over"]
    assert shown(admin.get("/desk?about=feature")) == ["Wanted"]
    assert shown(admin.get("/desk?show=all")) == ["Wanted", "Over", "Answered", "Asked"]


def test_the_backoffice_looks_at_one_white_label(
    visit: Visits, ada: Person, birch: WhiteLabel, cal: Person, olive: Person
) -> None:
    begin(place_of(ada), ada, "Of Acme")
    begin(birch, cal, "Of Birch")

    page = visit(olive).get(f"/backoffice/desk?white_label={birch.id}")

    assert "Of Birch" in page.content
    assert "Of Acme" not in page.content


def test_a_white_label_cannot_ask_for_anothers_by_the_address(
    visit: Visits, ada: Person, birch: WhiteLabel, cal: Person
) -> None:
    begin(birch, cal, "Of Birch")

    page = visit(ada).get(f"/desk?show=all&white_label={birch.id}")

    assert "Of Birch" not in page.content


def test_a_filter_that_does_not_exist_is_told(visit: Visits, ada: Person) -> None:
    assert "Not a valid choice." in visit(ada).get("/desk?show=hidden").error_at("show")


def test_the_newest_conversation_stands_first_and_older_ones_are_a_page_away(
    visit: Visits, ada: Person, olive: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "OPENED_PER_DAY", 100)
    acme = place_of(ada)
    oldest = begin(acme, ada, "Number 0")
    for number in range(1, 52):
        begin(acme, olive, f"Number {number}", mails=False)
    say(oldest, ada)
    here = visit(ada)

    first = here.get("/desk")
    second = first.click("Older")

    assert "Number 0" in first.content
    assert "Number 1" in second.links()
    assert "Number 0" not in second.links()


def test_a_long_conversation_is_read_page_by_page(
    visit: Visits, ada: Person, olive: Person
) -> None:
    thread = begin(place_of(ada), ada, text="The very first.")
    for number in range(MESSAGES):
        say(thread, ada, f"Number {number}.")
    page = visit(olive).get(f"/backoffice/desk/{thread.id}")
    assert "The very first." not in page.content

    older = page.click("Older messages")

    assert "The very first." in older.content
    assert "Number 1." not in older.content
    assert "Number 29." in older.click("To the newest messages").content


def test_the_list_as_a_file_is_harmless_in_a_spreadsheet(
    visit: Visits, ada: Person, olive: Person
) -> None:
    begin(place_of(ada), ada, "=HYPERLINK()")

    answer = visit(ada).answer("GET", "/desk.csv")

    rows = list(csv.reader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"))))
    assert rows[0][:4] == ["Conversation", "White label", "Subject", "About"]
    assert rows[1][1:4] == ["Acme", "'=HYPERLINK()", "General"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/desk", "No conversation yet"),
        ("/desk?show=unread", "No conversation yet"),
        ("/desk?q=nothing", "No conversation yet"),
    ],
)
def test_an_empty_desk_says_what_it_is_for(
    visit: Visits, ada: Person, path: str, words: str
) -> None:
    page = visit(ada).get(path)

    assert words in page.content
    assert "Write a message" in page.links()


def test_a_search_without_finds_and_a_read_desk_say_so(
    visit: Visits, ada: Person, olive: Person
) -> None:
    begin(place_of(ada), ada)
    here = visit(ada)

    assert "Nothing matches" in here.get("/desk?q=nothing").content
    assert "You have read everything" in here.get("/desk?show=unread").content
