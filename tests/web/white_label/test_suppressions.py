"""The suppression list: looked through, added to, imported, taken from; what servers suggest."""

from __future__ import annotations

from io import BytesIO

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.engine import Connection

from portal.accounts.models import Person
from portal.core import clock
from portal.core.db import db
from portal.outbox import suppressions
from portal.outbox.models import Suggestion, Suppression
from portal.outbox.states import Reason, State
from portal.white_labels.models import WhiteLabel
from tests.equipment.mail import deliveries, send
from tests.equipment.stage import kept, make_app, make_server
from tests.equipment.visitor import Page, Visits


def suppressed(white_label: WhiteLabel) -> list[tuple[str, Reason]]:
    db.session.rollback()
    rows = [(one.address, one.reason) for one in suppressions.all_of(white_label.id)]
    db.session.commit()
    return rows


def make_suppression(white_label: WhiteLabel, email: str, reason: Reason = Reason.BY_HAND) -> None:
    suppressions.add(white_label.id, email, reason=reason, by=None)
    db.session.commit()


def make_suggestion(white_label: WhiteLabel, owner: Person, address: str) -> Suggestion:
    message = send(make_app(owner, f"App of {address}"), address)
    return kept(
        Suggestion(
            white_label_id=white_label.id,
            address=address,
            delivery_id=deliveries(message)[0].id,
            code=550,
            enhanced="5.1.1",
            words="No such user here",
            at=clock.now(),
        )
    )


def addresses(page: Page) -> list[str]:
    return [" ".join(one.split()) for one in page.tree.xpath("//tbody/tr/td[1]/span/text()")]


def test_an_address_that_is_added_gets_no_more_mail(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    make_server(ada)
    waiting = send(make_app(ada), "kim@customer.example")
    page = visit(ada).get("/campaigns/suppressions").click("Add address")

    page = page.submit("Add address", email="kim@Customer.example", note="Asked by phone")

    assert "kim@Customer.example gets no more mail." in page.text
    assert addresses(page) == ["kim@customer.example"]
    assert "Asked by phone" in page.content
    assert deliveries(waiting)[0].state is State.SUPPRESSED


def test_what_is_no_address_is_refused_at_its_field(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    page = visit(ada).get("/campaigns/suppressions/new").submit("Add address", email="nobody")

    assert page.error_at("email")
    assert suppressed(acme) == []


def test_the_list_is_searched_by_beginning_and_reason(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    make_suppression(acme, "kim@customer.example", Reason.UNSUBSCRIBED)
    make_suppression(acme, "lou@customer.example")
    page = visit(ada).get("/campaigns/suppressions")

    by_name = page.submit("Search", q="KI")
    by_reason = page.submit("Search", reason="by_hand")
    nothing = page.submit("Search", q="%")

    assert addresses(by_name) == ["kim@customer.example"]
    assert addresses(by_reason) == ["lou@customer.example"]
    assert "No address begins like this" in nothing.content


def test_an_empty_list_says_what_to_do(visit: Visits, ada: Person) -> None:
    page = visit(ada).get("/campaigns/suppressions")

    assert "Nobody is suppressed" in page.content
    assert "Import a list" in page.links()


def test_another_white_labels_entries_are_not_there(
    visit: Visits, ada: Person, cal: Person, acme: WhiteLabel, birch: WhiteLabel
) -> None:
    make_suppression(birch, "kim@customer.example")
    (theirs,) = suppressions.all_of(birch.id)
    here = visit(ada)

    assert addresses(here.get("/campaigns/suppressions")) == []
    assert here.get(f"/campaigns/suppressions/{theirs.id}/remove").status == 404
    assert "kim" not in here.answer("GET", "/campaigns/suppressions.csv").get_data(as_text=True)


def test_a_file_is_imported_with_its_head_and_other_columns(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    make_suppression(acme, "known@customer.example")
    file = (
        b"\xef\xbb\xbfName;Address\r\nKim;kim@customer.example\r\n"
        b'"Lou; the second";LOU@customer.example\r\n;known@customer.example\r\n'
    )
    page = visit(ada).get("/campaigns/suppressions/import")

    page = page.submit("Import", file=(BytesIO(file), "list.csv"))

    assert "2 addresses were added, 1 was known." in page.text
    assert dict(suppressed(acme)) == {
        "kim@customer.example": Reason.IMPORTED,
        "lou@customer.example": Reason.IMPORTED,
        "known@customer.example": Reason.BY_HAND,
    }


def test_a_fault_is_told_with_the_line_that_it_has_in_the_file(visit: Visits, ada: Person) -> None:
    file = b'Name;Address\n\n"Kim\nExample";kim@customer.example\nLou;no address\n'
    page = visit(ada).get("/campaigns/suppressions/import")

    page = page.submit("Import", file=(BytesIO(file), "list.csv"))

    assert "Line 5:" in page.text


def test_a_quotation_mark_that_is_never_closed_is_one_fault_and_not_the_portals(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    many = b"".join(b"kim%d@customer.example\n" % number for number in range(8_000))
    page = visit(ada).get("/campaigns/suppressions/import")

    page = page.submit("Import", file=(BytesIO(b'"' + many), "list.csv"))

    assert page.status == 200
    assert "Not an address 1 " in page.text
    assert "kim7999@customer.example" in dict(suppressed(acme))


def test_a_long_list_is_stored_a_part_at_a_time(
    visit: Visits, ada: Person, acme: WhiteLabel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suppressions, "AT_ONCE", 2)
    stored: list[int] = []
    page = visit(ada).get("/campaigns/suppressions/import")

    @event.listens_for(db.engine, "commit")
    def count(connection: Connection) -> None:
        stored.append(connection.scalar(select(func.count(Suppression.id))) or 0)

    page = page.submit("Import", text="".join(f"kim{number}@x.example\n" for number in range(5)))
    event.remove(db.engine, "commit", count)

    assert "5 addresses were added, 0 were known." in page.text
    assert {0, 2, 4, 5} <= set(stored)


def test_pasted_addresses_are_imported_and_what_is_none_is_named(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    page = visit(ada).get("/campaigns/suppressions/import")

    page = page.submit("Import", text="kim@customer.example\nno address\n", reason="by_hand")

    assert "Line 2:" in page.content
    assert suppressed(acme) == [("kim@customer.example", Reason.BY_HAND)]


def test_an_import_of_nothing_is_refused(visit: Visits, ada: Person) -> None:
    page = visit(ada).get("/campaigns/suppressions/import").submit("Import")

    assert page.error_at("file") == "Choose a file, or paste addresses."


def test_an_export_can_be_imported_again(
    visit: Visits, ada: Person, cal: Person, acme: WhiteLabel, birch: WhiteLabel
) -> None:
    make_suppression(acme, "=kim@customer.example")
    make_suppression(acme, "lou@customer.example")
    file = visit(ada).answer("GET", "/campaigns/suppressions.csv").get_data()

    visit(cal).get("/campaigns/suppressions/import").submit(
        "Import", file=(BytesIO(file), "acme.csv")
    )

    assert [address for address, _reason in suppressed(birch)] == [
        "=kim@customer.example",
        "lou@customer.example",
    ]


def test_removing_needs_a_reason(visit: Visits, ada: Person, acme: WhiteLabel) -> None:
    make_suppression(acme, "kim@customer.example", Reason.UNSUBSCRIBED)
    page = visit(ada).get("/campaigns/suppressions").tree
    path = page.xpath("//a[@aria-label='Remove kim@customer.example']/@href")[0]
    page = visit(ada).get(path)

    refused = page.submit("Remove kim@customer.example")
    done = page.submit("Remove kim@customer.example", why="Asked to be back")

    assert "needs their consent" in page.content
    assert refused.error_at("why") == "Say why."
    assert "kim@customer.example may get mail again." in done.text
    assert suppressed(acme) == []


def test_a_suggestion_is_taken_with_the_servers_words(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    make_suggestion(acme, ada, "gone@customer.example")
    page = visit(ada).get("/campaigns/suppressions")

    after = page.submit("Suppress")

    assert "550 5.1.1" in page.content
    assert addresses(after) == ["gone@customer.example"]
    assert "No such user here" in after.content
    assert "Suggested by servers" not in after.content


def test_a_suggestion_that_is_left_does_not_come_back(
    visit: Visits, ada: Person, acme: WhiteLabel
) -> None:
    make_suggestion(acme, ada, "gone@customer.example")

    page = visit(ada).get("/campaigns/suppressions").submit("Leave it")

    assert "Suggested by servers" not in page.content
    assert suppressed(acme) == []


def test_all_suggestions_are_taken_at_once(visit: Visits, ada: Person, acme: WhiteLabel) -> None:
    for number in range(7):
        make_suggestion(acme, ada, f"gone-{number}@customer.example")
    here = visit(ada)

    page = here.get("/campaigns/suppressions")
    more = page.click("Look at all of them")
    after = page.submit("Suppress all 7")

    assert len(more.tree.xpath("//tbody/tr")) == 7
    assert "7 addresses are suppressed." in after.text
    assert len(suppressed(acme)) == 7


@pytest.mark.parametrize("act", ["take", "dismiss"])
def test_another_white_labels_suggestion_is_not_there(
    visit: Visits, ada: Person, cal: Person, birch: WhiteLabel, act: str
) -> None:
    theirs = make_suggestion(birch, cal, "gone@customer.example")

    answer = visit(ada).post(f"/campaigns/suppressions/suggested/{theirs.id}", {"act": act})

    assert answer.status == 404
    assert suppressed(birch) == []
