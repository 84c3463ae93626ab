"""Lists on their way into an audience: read, judged, confirmed, and never half visible."""

from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pytest
from flask import Flask
from sqlalchemy import func, select

from portal.accounts.models import Person
from portal.campaigns import audiences, imports
from portal.campaigns.mapping import Mapping
from portal.campaigns.models import (
    Audience,
    AudienceImport,
    AudienceMember,
    ImportPiece,
    ImportState,
)
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.jobs.works import do_now, sweep
from portal.outbox import suppressions
from portal.outbox.states import Reason
from portal.white_labels.models import WhiteLabel
from tests.equipment.campaigns import make_audience
from tests.equipment.clock import HandSetClock
from tests.equipment.stage import fresh, make_person, make_white_label


@pytest.fixture
def ada(app: Flask) -> Person:
    return make_person(make_white_label())


@pytest.fixture
def audience(ada: Person) -> Audience:
    return empty(ada)


def empty(ada: Person, name: str = "Readers") -> Audience:
    white_label = db.session.get_one(WhiteLabel, ada.white_label_id)
    audience = audiences.create(white_label, name=name, by=ada)
    db.session.commit()
    return audience


def uploaded(audience: Audience, data: bytes | str, filename: str = "list.csv") -> AudienceImport:
    raw = data.encode() if isinstance(data, str) else data
    imported = imports.upload(audience, BytesIO(raw), filename=filename, by=None)
    db.session.commit()
    return imported


def checked(audience: Audience, data: bytes | str) -> AudienceImport:
    """Read to its end, and seen by nobody yet."""
    imported = uploaded(audience, data)
    imports.begin(imported)
    db.session.commit()
    do_now("import", imported.id)
    return fresh(imported)


def done(audience: Audience, data: bytes | str) -> Audience:
    imported = checked(audience, data)
    imports.confirm(imported)
    db.session.commit()
    return fresh(audience)


def people(audience: Audience) -> list[tuple[str, str, str, dict[str, str] | None]]:
    rows = [(m.email, m.name, m.language, m.values) for m in audiences.all_members(audience)]
    db.session.commit()
    return rows


def rows_there() -> int:
    return db.session.scalar(select(func.count()).select_from(AudienceMember)) or 0


@pytest.mark.both_stores
def test_a_list_becomes_people_with_variables(app: Flask) -> None:
    audience = empty(make_person(make_white_label()))

    done(
        audience,
        "E-Mail;Name;Sprache;First Name\nann@x.example;Ann Lee;DE_at;Ann\nbob@x.example;;;\n",
    )

    assert people(audience) == [
        ("ann@x.example", "Ann Lee", "de-AT", {"first_name": "Ann"}),
        ("bob@x.example", "", "", None),
    ]
    assert (audience.size, audience.columns, audience.languages) == (
        2,
        {"first_name": 1, "name": 1},
        {"de-AT": 1, "": 1},
    )


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1", "cp1252"]
)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_however_it_is_written(audience: Audience, encoding: str, delimiter: str) -> None:
    lines = [["email", "name"], ["a@x.example", "Zoë Müller"], ["b@x.example", "José"]]
    text = "\r\n".join(delimiter.join(line) for line in lines)

    done(audience, text.encode(encoding))

    assert [row[:2] for row in people(audience)] == [
        ("a@x.example", "Zoë Müller"),
        ("b@x.example", "José"),
    ]


def test_a_cell_may_have_line_breaks_and_separators(audience: Audience) -> None:
    done(audience, 'email,note\na@x.example,"two\nlines, and a comma"\nb@x.example,"a ""quote"""\n')

    assert [row[3] for row in people(audience)] == [
        {"note": "two\nlines, and a comma"},
        {"note": 'a "quote"'},
    ]


def test_nothing_of_it_is_visible_until_it_is_confirmed(audience: Audience) -> None:
    imported = checked(audience, "email\na@x.example\nb@x.example\n")

    assert (imported.state, imported.added, rows_there()) == (ImportState.CHECKED, 2, 2)
    assert (fresh(audience).size, people(audience)) == (0, [])


def test_what_is_wrong_is_counted_and_the_first_rows_are_named(audience: Audience) -> None:
    imported = checked(
        audience,
        "email,name,language\n"
        "ann@x.example,Ann,en\n"
        "not an address,Bob,en\n"
        f"cid@x.example,{'x' * 300},en\n"
        "dan@x.example,Dan,not a language\n"
        "eve@x.example,Eve,en,more\n",
    )

    faults = [(fault.row, fault.column, fault.words) for fault in imports.faults_of(imported)]
    assert (imported.added, imported.faulty) == (1, 4)
    assert [fault[:2] for fault in faults] == [
        (3, "email"), (4, "name"), (5, "language"), (6, "4"),
    ]  # fmt: skip
    assert faults[0][2] == "An e-mail address needs an @."
    assert faults[3][2] == "This row has more columns than the list."


def test_only_the_first_faults_are_kept_and_all_are_counted(audience: Audience) -> None:
    imported = checked(audience, "email\n" + "nobody\n" * 250 + "a@x.example\n")

    assert (imported.faulty, len(imports.faults_of(imported))) == (250, 100)


def test_the_same_address_in_other_spellings_is_there_once(audience: Audience) -> None:
    imported = checked(audience, "email\nAnn@x.example\nann@X.EXAMPLE\nANN@x.example\n")

    assert (imported.added, imported.duplicates) == (1, 2)


def test_who_is_in_the_audience_already_is_not_added_again(audience: Audience) -> None:
    done(audience, "email\nann@x.example\n")

    imported = checked(audience, "email\nAnn@x.example\nbob@x.example\n")

    assert (imported.added, imported.known, imported.duplicates) == (1, 1, 0)


def test_who_is_suppressed_is_counted(ada: Person, audience: Audience) -> None:
    suppressions.add(audience.white_label_id, "ann@x.example", reason=Reason.UNSUBSCRIBED, by=None)
    db.session.commit()

    imported = checked(audience, "email\nAnn@x.example\nbob@x.example\n")

    assert (imported.added, imported.suppressed) == (2, 1)


@pytest.mark.both_stores
def test_a_killed_process_loses_a_step_and_whoever_goes_on_begins_there(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "AT_ONCE", 7)
    audience = empty(make_person(make_white_label()))
    rows = "".join(f"r{n}@x.example\n" for n in range(40)) + "wrong\nr3@x.example\n"
    imported = uploaded(audience, "email\n" + rows)
    imports.begin(imported)
    db.session.commit()

    for survives in (1, 2):
        work = imports.work(imported.id)
        for _step in range(survives):
            next(work)
            db.session.commit()
        next(work)  # done, and never committed: the process dies here
        db.session.rollback()
    do_now("import", imported.id)

    imported = fresh(imported)
    assert (imported.state, imported.rows_read) == (ImportState.CHECKED, 42)
    assert (imported.added, imported.faulty, imported.duplicates) == (40, 1, 1)
    assert rows_there() == 40


def test_the_sweep_takes_up_what_nobody_reads(audience: Audience) -> None:
    imported = uploaded(audience, "email\na@x.example\n")
    imports.begin(imported)
    db.session.commit()

    sweep()

    assert fresh(imported).state is ImportState.CHECKED


def test_two_who_read_the_same_list_read_each_row_once(
    audience: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "AT_ONCE", 5)
    imported = uploaded(audience, "email\n" + "".join(f"r{n}@x.example\n" for n in range(23)))
    imports.begin(imported)
    db.session.commit()

    first, second = imports.work(imported.id), imports.work(imported.id)
    for work in (first, second, first, second, first):
        next(work, None)
        db.session.commit()
    do_now("import", imported.id)

    assert (fresh(imported).added, fresh(imported).duplicates) == (23, 0)


def test_cancelled_its_rows_go_and_the_others_stay(audience: Audience) -> None:
    done(audience, "email\nann@x.example\n")
    imported = checked(audience, "email\nbob@x.example\ncid@x.example\n")

    imports.cancel(imported)
    db.session.commit()
    do_now("import", imported.id)

    assert [row[0] for row in people(audience)] == ["ann@x.example"]
    assert rows_there() == 1
    assert db.session.scalar(select(func.count()).select_from(ImportPiece)) == 0


def test_nothing_else_comes_in_while_a_cancelled_list_still_has_rows(audience: Audience) -> None:
    imported = checked(audience, "email\nbob@x.example\n")
    imports.cancel(imported)
    db.session.commit()

    for act in (
        lambda: audiences.add_member(audience, email="eve@x.example"),
        lambda: uploaded(audience, "email\neve@x.example\n"),
    ):
        with pytest.raises(Refusal) as refused:
            act()
        db.session.rollback()
        assert refused.value.code == "import_open"
    sweep()
    audiences.add_member(audience, email="eve@x.example")
    db.session.commit()

    assert [row[0] for row in people(audience)] == ["eve@x.example"]


@pytest.mark.both_stores
def test_a_sign_that_no_store_takes_costs_its_row_alone(app: Flask) -> None:
    audience = empty(make_person(make_white_label()))
    rows = "ann@x.example,Ulm\nbob@x.example,U\0m\nc\0d@x.example,Graz\n"

    imported = checked(audience, f"email,city\n{rows}")

    assert (imported.state, imported.added, imported.faulty) == (ImportState.CHECKED, 1, 2)
    assert [fault.cell for fault in imports.faults_of(imported)] == [
        "U\ufffdm",
        "c\ufffdd@x.example",
    ]


@pytest.mark.both_stores
def test_a_spreadsheet_that_is_no_text_is_refused_at_its_field(app: Flask) -> None:
    audience = empty(make_person(make_white_label()))
    file = b"PK\x03\x04\x14\x00\x06\x00\x08\x00" + bytes(range(256)) * 8

    with pytest.raises(Refusal) as refused:
        uploaded(audience, file, filename="readers.xlsx")

    assert (refused.value.code, refused.value.field) == ("file_not_text", "file")


def test_a_list_that_waits_goes_with_its_audience(audience: Audience) -> None:
    checked(audience, "email\nbob@x.example\n")

    audiences.delete(fresh(audience))
    db.session.commit()
    sweep()

    assert rows_there() == 0
    assert db.session.scalar(select(func.count()).select_from(ImportPiece)) == 0


def test_a_list_that_is_just_being_read_goes_with_its_audience(audience: Audience) -> None:
    rows = "".join(f"p{number}@x.example\n" for number in range(imports.AT_ONCE + 5))
    imported = uploaded(audience, f"email\n{rows}")
    imports.begin(imported)
    db.session.commit()
    work = imports.work(imported.id)
    next(work)
    db.session.commit()

    audiences.delete(fresh(audience))
    db.session.commit()
    for _step in work:
        db.session.commit()
    sweep()

    assert rows_there() == 0


def test_nothing_comes_into_an_audience_that_was_just_deleted(audience: Audience) -> None:
    audiences.delete(audience)
    db.session.commit()

    for act in (
        lambda: audiences.add_member(audience, email="eve@x.example"),
        lambda: uploaded(audience, "email\neve@x.example\n"),
    ):
        with pytest.raises(NotFound):
            act()
        db.session.rollback()


def test_one_list_at_a_time(audience: Audience) -> None:
    uploaded(audience, "email\na@x.example\n")

    with pytest.raises(Refusal) as refused:
        uploaded(audience, "email\nb@x.example\n")

    assert refused.value.code == "import_open"


def test_confirmed_the_file_is_kept_no_longer(audience: Audience) -> None:
    done(audience, "email\na@x.example\n")

    assert db.session.scalar(select(func.count()).select_from(ImportPiece)) == 0


def test_a_list_with_too_many_rows_is_refused_as_a_whole(
    audience: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "MOST_ROWS", 10)
    monkeypatch.setattr(imports, "AT_ONCE", 4)

    imported = checked(audience, "email\n" + "".join(f"r{n}@x.example\n" for n in range(12)))

    assert (imported.state, imported.words) == (ImportState.FAILED, "A list has at most 10 rows.")
    assert rows_there() == 0


def test_a_file_that_is_too_large_is_refused_while_it_comes(
    audience: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "LARGEST", 1000)

    with pytest.raises(Refusal) as refused:
        uploaded(audience, "email\n" + "r@x.example\n" * 200)

    assert refused.value.code == "file_too_large"


@pytest.mark.parametrize("nothing", ["", "  \n\n", "\ufeff"])
def test_an_empty_file_is_refused(audience: Audience, nothing: str) -> None:
    with pytest.raises(Refusal) as refused:
        uploaded(audience, nothing)

    assert refused.value.code == "file_empty"


def test_a_file_is_read_in_pieces_wherever_they_are_cut(
    audience: Audience, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "PIECE", 7)  # in the middle of characters and line ends

    done(audience, "email,name\r\nann@x.example,Zoë ☕ Müller\r\nbob@x.example,Bö\r\n")

    assert [row[1] for row in people(audience)] == ["Zoë ☕ Müller", "Bö"]


def test_progress_is_known_and_when_it_will_end(
    audience: Audience, clock: HandSetClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imports, "AT_ONCE", 50)
    monkeypatch.setattr(imports, "PIECE", 100)
    imported = uploaded(audience, "email\n" + "".join(f"r{n:03}@x.example\n" for n in range(200)))
    imports.begin(imported)
    db.session.commit()
    work = imports.work(imported.id)
    next(work)
    db.session.commit()
    clock.advance(seconds=10)

    seen = imports.progress(fresh(imported))

    assert seen.rows == 50
    assert 0.2 < seen.done < 0.35
    assert seen.ends_at is not None
    assert 15 < (seen.ends_at - clock.now()).total_seconds() < 40


def test_columns_can_be_chosen_by_hand(audience: Audience) -> None:
    imported = uploaded(audience, "one,two,three\nann@x.example,Ann,7\n")
    imports.map_columns(imported, Mapping(0, name=1, variables={2: "points"}))
    imports.begin(imported)
    db.session.commit()
    do_now("import", imported.id)
    imports.confirm(fresh(imported))
    db.session.commit()

    assert people(audience) == [("ann@x.example", "Ann", "", {"points": "7"})]


@pytest.mark.parametrize(
    "mapping",
    [
        Mapping(3),
        Mapping(0, name=0),
        Mapping(0, variables={1: "email"}),
        Mapping(0, variables={1: "Not A Name"}),
        Mapping(0, variables={1: "same", 2: "same"}),
        Mapping(-1),
    ],
)
def test_columns_that_make_no_sense_are_refused(audience: Audience, mapping: Mapping) -> None:
    imported = uploaded(audience, "one,two,three\nann@x.example,Ann,7\n")

    with pytest.raises(Refusal) as refused:
        imports.map_columns(imported, mapping)

    assert refused.value.field == "mapping"


@pytest.mark.parametrize(
    "text",
    [
        "ann@x.example\nbob@x.example",
        "ann@x.example, bob@x.example",
        "Ann Lee <ann@x.example>; Bob <bob@x.example>",
        "email\nann@x.example\nbob@x.example",
    ],
)
def test_pasted_addresses_are_a_list_too(audience: Audience, text: str) -> None:
    imported = imports.paste(audience, text, by=None)
    imports.begin(imported)
    db.session.commit()
    do_now("import", imported.id)
    imports.confirm(fresh(imported))
    db.session.commit()

    assert [row[0] for row in people(audience)] == ["ann@x.example", "bob@x.example"]


def test_another_white_labels_list_is_not_there(audience: Audience) -> None:
    imported = uploaded(audience, "email\na@x.example\n")
    birch = make_white_label("Birch")
    make_audience(make_person(birch, "Cal"), 1)

    for look in (imports.find, lambda tenant, _id: audiences.find(tenant, audience.id)):
        with pytest.raises(Refusal) as refused:
            look(birch.id, imported.id)
        assert refused.value.code == "not_found"


@pytest.mark.parametrize(
    ("act", "code"),
    [(imports.confirm, "import_not_checked"), (imports.begin, "import_begun")],
)
def test_what_is_decided_is_not_decided_again(
    audience: Audience, act: Callable[[AudienceImport], None], code: str
) -> None:
    imported = checked(audience, "email\na@x.example\n")
    imports.confirm(imported)
    db.session.commit()

    with pytest.raises(Refusal) as refused:
        act(imported)

    assert refused.value.code == code


def test_one_more_person_and_one_less(audience: Audience) -> None:
    done(audience, "email,points\na@x.example,1\n")

    member = audiences.add_member(
        audience, email="Bob@x.example", name="Bob", language="de", values={"points": "2"}
    )
    db.session.commit()
    both = (audience.size, dict(audience.columns), dict(audience.languages))
    audiences.remove_member(audience, member)
    db.session.commit()

    assert both == (2, {"points": 2, "name": 1}, {"": 1, "de": 1})
    assert (audience.size, audience.columns, audience.languages) == (1, {"points": 1}, {"": 1})
    assert [row[0] for row in people(audience)] == ["a@x.example"]


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "ann@x.example"}, "email"),
        ({"email": "b@x.example", "name": "a\nb"}, "name"),
        ({"email": "b@x.example", "language": "klingon?"}, "language"),
        ({"email": "b@x.example", "values": {"email": "c@x.example"}}, "values"),
    ],
)
def test_a_person_who_does_not_fit_is_refused_at_the_field(
    audience: Audience, facts: dict[str, object], field: str
) -> None:
    audiences.add_member(audience, email="ann@x.example")
    db.session.commit()

    with pytest.raises(Refusal) as refused:
        audiences.add_member(audience, **facts)  # type: ignore[arg-type]

    assert refused.value.field == field


def test_an_audience_has_a_name_of_its_own(ada: Person, audience: Audience) -> None:
    for name in ("Readers", " ", "x" * 200):
        with pytest.raises(Refusal) as refused:
            empty(ada, name)
        db.session.rollback()
        assert refused.value.field == "name"


def test_members_are_found_by_how_their_address_begins(audience: Audience) -> None:
    done(audience, "email\nann@x.example\nanders@x.example\nbob@x.example\n")

    found = audiences.members(audience, search=" An ").rows

    assert [member.email for member in found] == ["anders@x.example", "ann@x.example"]
