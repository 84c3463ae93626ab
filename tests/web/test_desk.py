"""The desk as people use it: writing, reading, finding, and files that are looked at."""

from __future__ import annotations

import csv
import io

import pytest
from PIL import Image
from playwright.sync_api import FilePayload

from portal.accounts.models import Person
from portal.core.db import db
from portal.desk import attachments, conversations, threads
from portal.desk.attachments import MOST_BYTES, Attached, read
from portal.desk.conversations import MESSAGES
from portal.desk.models import About, DeskMessage, Thread
from portal.outbox import suspension
from portal.outbox.models import Message
from portal.web.desk import LINKS, MOST_SENT
from portal.white_labels.models import WhiteLabel
from tests.equipment.browser import Browser, accessibility_faults
from tests.equipment.served import Served
from tests.equipment.stage import fresh, make_server
from tests.equipment.visitor import Page, Visits

SCRIPT = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


def begin(
    white_label: WhiteLabel,
    author: Person,
    subject: str = "More mail",
    text: str = "Please raise our limit.",
    **facts: object,
) -> Thread:
    begun = threads.open_thread(
        white_label,
        subject=subject,
        text=text,
        author=author,
        **facts,  # type: ignore[arg-type]
    )
    db.session.commit()
    return begun


def say(thread: Thread, author: Person, text: str = "More.", **facts: object) -> DeskMessage:
    message = threads.write(thread, author=author, text=text, **facts)  # type: ignore[arg-type]
    db.session.commit()
    return message


def picture(size: tuple[int, int] = (900, 300)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, "#7a1fa2").save(stream, "PNG")
    return stream.getvalue()


def file(content: bytes, name: str) -> tuple[io.BytesIO, str]:
    """As a browser sends it."""
    return io.BytesIO(content), name


def unread_at_the_bell(page: Page) -> str:
    return " ".join(page.tree.xpath("string(//a[@class='bell'])").split())


def all_said() -> list[str]:
    texts = [one.text for one in db.session.query(DeskMessage).order_by(DeskMessage.id)]
    db.session.commit()
    return texts


# ---- The whole way


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


def test_sending_and_closing_are_one_step(visit: Visits, ada: Person, olive: Person) -> None:
    thread = begin(place_of(ada), ada)
    page = visit(olive).get(f"/backoffice/desk/{thread.id}")

    page = page.submit("Send and close", text="Done.")

    assert "closed just now by Olive" in page.content
    assert fresh(thread).is_closed


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


# ---- What is refused, and what is then still there


@pytest.mark.parametrize(
    ("typed", "field", "words"),
    [
        ({"subject": " "}, "subject", "What is it about?"),
        ({"subject": "x" * 121}, "subject", "Use at most 120 characters."),
        ({"subject": "a\u202eb"}, "subject", "invisible character"),
        ({"text": " \n "}, "text", "Write something, or add a file."),
        ({"text": "x" * 10_001}, "text", "longer than 10000 characters"),
    ],
)
def test_what_is_wrong_is_said_at_its_field_and_nothing_is_lost(
    visit: Visits, ada: Person, typed: dict[str, str], field: str, words: str
) -> None:
    page = visit(ada).get("/desk/new")
    right = {"subject": "More mail", "text": "A long letter."}

    page = page.submit("Send", **{**right, **typed})

    assert words in page.error_at(field)
    for name, value in right.items():
        if name != field:
            assert value in page.body
    assert all_said() == []


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ([file(SCRIPT, "evil.png")], "evil.png is not a picture that can be read"),
        ([file(SCRIPT, "evil.svg")], "Export it as PNG."),
        ([file(b"%PDF-1.7\xff", "a.pdf")], "neither a picture"),
        ([file(b"x" * (MOST_BYTES + 1), "long.txt")], "long.txt has more than 2 MB."),
        ([file(b"x", f"{number}.txt") for number in range(6)], "At most 5 files"),
    ],
    ids=["svg named png", "svg", "pdf", "too large", "too many"],
)
def test_a_draft_survives_a_file_that_is_refused(
    visit: Visits, ada: Person, olive: Person, files: list[object], words: str
) -> None:
    thread = begin(place_of(ada), ada)
    page = visit(olive).get(f"/backoffice/desk/{thread.id}")

    page = page.submit("Send", text="A long letter.", files=files)

    assert words in page.error_at("files")
    assert "Choose the files again" in page.error_at("files")
    assert "A long letter." in page.tree.xpath("string(//textarea)")
    assert all_said() == ["Please raise our limit."]


def test_ten_files_of_two_megabytes_are_told_at_the_field_and_not_by_a_lost_page(
    visit: Visits, ada: Person
) -> None:
    files = [file(b"x" * MOST_BYTES, f"{number}.txt") for number in range(10)]

    page = visit(ada).get("/desk/new").submit("Send", subject="a", text="A draft.", files=files)

    assert "At most 5 files" in page.error_at("files")
    assert "A draft." in page.body


def test_more_files_than_a_message_takes_are_not_even_looked_into(
    visit: Visits, ada: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looked_into(*_args: object) -> Attached:
        raise AssertionError("a picture was decoded that is refused anyway")

    monkeypatch.setattr(attachments, "read", looked_into)
    files = [file(picture(), f"{number}.png") for number in range(6)]

    page = visit(ada).get("/desk/new").submit("Send", subject="a", text="b", files=files)

    assert "At most 5 files" in page.error_at("files")


def test_more_than_any_form_needs_is_not_read(visit: Visits, ada: Person) -> None:
    page = visit(ada).get("/desk/new")

    page = page.submit("Send", subject="a", text="b", files=[file(b"x" * MOST_SENT, "a.txt")])

    assert page.status == 413
    assert all_said() == []


def test_a_double_click_says_it_once(visit: Visits, ada: Person, olive: Person) -> None:
    page = visit(ada).get("/desk/new")

    page.submit("Send", subject="More mail", text="Once.")
    page.submit("Send", subject="More mail", text="Once.")

    assert all_said() == ["Once."]


def test_the_same_words_may_be_said_again_on_purpose(
    visit: Visits, ada: Person, olive: Person
) -> None:
    thread = begin(place_of(ada), ada)
    page = visit(ada).get(f"/desk/{thread.id}")

    page.submit("Send", text="Hello?").submit("Send", text="Hello?")

    assert all_said()[1:] == ["Hello?", "Hello?"]


# ---- Files


def test_pictures_are_seen_and_texts_are_kept(visit: Visits, ada: Person, olive: Person) -> None:
    thread = begin(place_of(ada), ada)
    here = visit(ada)

    page = here.get(f"/desk/{thread.id}").submit(
        "Send", text="See here.", files=[file(picture(), "panel.png"), file(b"@ TXT x", "zone.txt")]
    )

    assert "panel.png" in page.content
    assert "900 × 300" in page.content
    preview = here.answer("GET", page.tree.xpath("//main//img/@src")[0])
    assert preview.content_type == "image/webp"
    assert Image.open(io.BytesIO(preview.get_data())).size == (480, 160)
    shown = here.answer("GET", page.links()["panel.png"])
    assert (shown.content_type, shown.headers["Content-Disposition"]) == (
        "image/png",
        "inline; filename=panel.png",
    )
    kept = here.answer("GET", page.links()["zone.txt"])
    assert kept.content_type == "text/plain; charset=utf-8"
    assert kept.headers["Content-Disposition"] == "attachment; filename=zone.txt"


def test_somebody_who_sends_a_moving_picture_is_told_that_it_stands_still(
    visit: Visits, ada: Person
) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("#ff0000", "#0000ff")]
    stream = io.BytesIO()
    frames[0].save(stream, "GIF", save_all=True, append_images=frames[1:])

    page = visit(ada).get("/desk/new")
    page = page.submit("Send", subject="a", text="b", files=[file(stream.getvalue(), "a.gif")])

    assert "Of a.png, which moves, the first frame is kept." in page.text


@pytest.mark.parametrize("what", ["picture", "preview", "text"])
def test_a_file_runs_nothing_and_is_kept_by_no_cache(
    visit: Visits, ada: Person, olive: Person, what: str
) -> None:
    thread = begin(place_of(ada), ada)
    files = say(
        thread, ada, files=[read("a.png", picture()), read("page.html", b"<script>1</script>")]
    ).files
    path = f"/desk/{thread.id}/files/{files[1 if what == 'text' else 0].id}"

    answer = visit(ada).answer("GET", f"{path}/preview" if what == "preview" else path)

    assert answer.status_code == 200
    assert answer.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "no-store"
    assert not answer.content_type.startswith("text/html")


def test_a_text_has_no_preview_that_would_be_shown_in_a_page(
    visit: Visits, ada: Person, olive: Person
) -> None:
    thread = begin(place_of(ada), ada, files=[Attached("a.txt", "text/plain", b"words")])
    file_id = conversations.page_of_messages(thread).rows[0].files[0].id

    answer = visit(ada).answer("GET", f"/desk/{thread.id}/files/{file_id}/preview")

    assert answer.headers["Content-Disposition"].startswith("attachment")


def test_a_name_that_needs_more_than_ascii_is_given_to_the_browser_as_it_is(
    visit: Visits, ada: Person, olive: Person
) -> None:
    thread = begin(place_of(ada), ada, files=[read("Über\r\nsicht.txt", b"words")])
    file_id = conversations.page_of_messages(thread).rows[0].files[0].id

    answer = visit(ada).answer("GET", f"/desk/{thread.id}/files/{file_id}")

    assert "filename*=UTF-8''%C3%9Cber%20sicht.txt" in answer.headers["Content-Disposition"]


def test_what_somebody_types_is_text_and_its_links_are_links(
    visit: Visits, ada: Person, olive: Person
) -> None:
    text = "<script>alert(1)</script> https://docs.example/a?b=1&c=2 javascript:alert(1)"
    thread = begin(place_of(ada), ada, text=text)

    page = visit(olive).get(f"/backoffice/desk/{thread.id}")

    said = page.tree.xpath("//div[contains(@class, 'said-text')]")[0]
    assert said.text_content() == text
    assert said.xpath(".//a/@href") == ["https://docs.example/a?b=1&c=2"]
    assert not said.xpath(".//script")


# ---- Reading and finding


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

    assert shown(owner.get("/backoffice/desk")) == ["Wanted", "Answered", "Asked"]
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
        begin(acme, olive, f"Number {number}")
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
    page = served.sign_in(browser.open_page(color_scheme=scheme), ada)

    for path in ("/desk", "/desk/new", f"/desk/{thread.id}"):
        page.goto(served.url(ada, path))
        assert accessibility_faults(page) == []


@pytest.mark.browser
def test_a_file_that_is_too_large_is_told_before_it_travels(
    served: Served, browser: Browser, ada: Person, olive: Person
) -> None:
    thread = begin(place_of(ada), ada)
    page = served.sign_in(browser.open_page(), ada)
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


def place_of(person: Person) -> WhiteLabel:
    """This person's white label."""
    return db.session.get_one(WhiteLabel, person.white_label_id)
