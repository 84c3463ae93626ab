"""What is sent to the desk: words and files, refused ones, and those that are made to harm."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from portal.accounts.models import Person
from portal.desk import attachments, conversations, threads
from portal.desk.attachments import MOST_BYTES, Attached, read
from portal.web.desk import MOST_SENT
from tests.desk.talk import begin, say
from tests.equipment.clock import HandSetClock
from tests.equipment.visitor import Page, Visits
from tests.web.desk import all_said, file, picture, place_of

SCRIPT = b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


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


@pytest.mark.both_stores
def test_files_are_counted_before_anybody_looks_into_them(
    visit: Visits, ada: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "LOOKED_INTO_PER_HOUR", 3)
    begun = begin(place_of(ada), ada).id

    def damaged() -> list[object]:
        return [file(picture()[:-30], "cut.png"), file(b"words", "a.txt")]

    here = visit(ada)
    refused = here.get(f"/desk/{begun}").submit("Send", text="a", files=damaged())
    looked_into: list[str] = []
    monkeypatch.setattr(attachments, "read", lambda name, _file: looked_into.append(name))

    page = here.get(f"/desk/{begun}").submit("Send", text="A draft.", files=damaged())

    assert "cut.png is not a picture" in refused.error_at("files")
    assert "At most 3 files an hour. Go on later." in page.error_at("files")
    assert "A draft." in page.tree.xpath("string(//textarea)")
    assert looked_into == []


def test_an_hour_later_and_for_somebody_else_files_are_looked_into(
    visit: Visits,
    ada: Person,
    bob: Person,
    clock: HandSetClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(threads, "LOOKED_INTO_PER_HOUR", 1)
    begun = begin(place_of(ada), ada).id

    def write(person: Person, text: str) -> Page:
        page = visit(person).get(f"/desk/{begun}")
        return page.submit("Send", text=text, files=[file(b"words", "a.txt")])

    first, second, bobs = write(ada, "one"), write(ada, "two"), write(bob, "three")
    clock.advance(hours=1, minutes=1)
    later = write(ada, "four")

    assert [bool(page.error_at("files")) for page in (first, second, bobs, later)] == [
        False,
        True,
        False,
        False,
    ]


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


@pytest.mark.both_stores
def test_a_token_that_no_form_of_ours_has_is_refused(
    visit: Visits, ada: Person, olive: Person
) -> None:
    page = (
        visit(ada).get("/desk/new").submit("Send", subject="More mail", text="Once.", once="x" * 33)
    )

    assert page.faults == ["Use at most 32 characters."]
    assert all_said() == []


def test_the_same_words_may_be_said_again_on_purpose(
    visit: Visits, ada: Person, olive: Person
) -> None:
    thread = begin(place_of(ada), ada)
    page = visit(ada).get(f"/desk/{thread.id}")

    page.submit("Send", text="Hello?").submit("Send", text="Hello?")

    assert all_said()[1:] == ["Hello?", "Hello?"]


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
