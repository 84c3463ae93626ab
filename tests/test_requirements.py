"""The requirements are stated once, and the tests name only what is stated."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.requirements import (
    DOCUMENT,
    Claim,
    all_ids,
    claims,
    claims_of_tests,
    expand,
    last_section,
    main,
    stated,
    unknown,
    unnamed,
    with_last_section,
)

HERE = Path("tests/test_x.py")


def read(source: str) -> list[Claim]:
    return list(claims(source, HERE))


# The document and the tests of this repository


def test_the_document_states_every_line_once_and_in_order() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")

    assert stated(document) == all_ids()
    assert len(all_ids()) == 198


def test_every_line_that_a_test_names_exists() -> None:
    assert unknown(claims_of_tests()) == []


def test_the_list_of_lines_not_yet_named_is_up_to_date() -> None:
    document = DOCUMENT.read_text(encoding="utf-8")
    wanted = last_section(unnamed(claims_of_tests()))

    assert document.endswith(f"\n{wanted}"), (
        f"run `python -m tests.requirements --write`; {DOCUMENT.name} should end with:\n\n{wanted}"
    )


def test_asking_for_a_line_says_where_it_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    claim = claims_of_tests()[0]

    code = main([claim.ids[0]])

    assert code == 0
    assert str(claim) in capsys.readouterr().out


# Reading what tests claim


@pytest.mark.parametrize(
    ("name", "ids"),
    [
        ("SB-12", ("SB-12",)),
        ("SB-16..SB-18", ("SB-16", "SB-17", "SB-18")),
        ("UC-09..UC-10", ("UC-09", "UC-10")),
    ],
)
def test_a_name_stands_for_its_ids(name: str, ids: tuple[str, ...]) -> None:
    assert expand(name) == ids


@pytest.mark.parametrize(
    "name", ["", "SB", "SB-1", "sb-12", "SB-12 ", "SB-12..14", "SB-12..ST-14", "SB-12,SB-13"]
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="neither an id like SB-12 nor a range"):
        expand(name)


@pytest.mark.parametrize("name", ["SB-21..SB-16", "SB-16..SB-16"])
def test_a_range_goes_upwards(name: str) -> None:
    with pytest.raises(ValueError, match="does not go upwards"):
        expand(name)


def test_a_claim_is_found_on_a_function_a_class_a_module_and_a_parameter() -> None:
    found = read(
        "pytestmark = pytest.mark.accepts('SB-01')\n"
        "@pytest.mark.accepts('SB-02', 'SB-04..SB-05')\n"
        "def test_one(): ...\n"
        "@pytest.mark.accepts('SB-06')\n"
        "class TestTwo:\n"
        "    @pytest.mark.parametrize('x', [pytest.param(1, marks=pytest.mark.accepts('SB-07'))])\n"
        "    def test_three(self, x): ...\n"
    )

    assert sorted((claim.line, claim.ids) for claim in found) == [
        (1, ("SB-01",)),
        (2, ("SB-02", "SB-04", "SB-05")),
        (4, ("SB-06",)),
        (6, ("SB-07",)),
    ]


def test_an_id_in_a_comment_or_a_text_is_no_claim() -> None:
    found = read("text = \"pytest.mark.accepts('SB-01')\"  # pytest.mark.accepts('SB-02')\n")

    assert found == []


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("pytest.mark.accepts('SB-1')", "neither an id"),
        ("pytest.mark.accepts(IDS)", "written out"),
        ("pytest.mark.accepts(*IDS)", "written out"),
        ("pytest.mark.accepts(12)", "written out"),
        ("pytest.mark.accepts()", "needs the ids"),
        ("pytest.mark.accepts(ids='SB-01')", "needs the ids"),
        ("proves = pytest.mark.accepts", "needs the ids"),
    ],
)
def test_a_claim_that_cannot_be_read_is_named_with_its_place(source: str, words: str) -> None:
    with pytest.raises(ValueError, match=rf"^{HERE}:2: .*{words}"):
        read(f"\n{source}\n")


def test_a_claim_of_a_line_that_does_not_exist_is_named_with_its_place() -> None:
    found = read("\npytest.mark.accepts('SB-43', 'SB-44', 'XX-01')\n")

    assert unknown(found) == [f"{HERE}:2 names SB-44", f"{HERE}:2 names XX-01"]


# Writing what is left


def test_what_no_test_names_is_left_over() -> None:
    found = read("pytest.mark.accepts('SB-01..SB-43', 'ST-02..ST-40', 'SI-01..SI-32')")

    left = unnamed(found)

    assert left == ["ST-01", *(one for one in all_ids() if one[:2] in ("SS", "UC"))]


def test_stating_a_line_twice_or_not_at_all_does_not_go_unnoticed() -> None:
    document = "- **SB-01** One.\n- **SB-03** Three.\n- **SB-01** Again.\n- **SB-04**\n"

    assert stated(document) == ["SB-01", "SB-03", "SB-01"]


def test_the_last_section_is_written_anew_and_the_rest_is_kept() -> None:
    document = f"# Head\n\n- **SB-01** One.\n\n{last_section(['SB-01', 'UC-34'])}"

    written = with_last_section(document, ["SB-02", "SB-03", "ST-01"])

    assert written == (
        "# Head\n\n- **SB-01** One.\n\n## Not yet named by a test\n\nSB-02 SB-03\n\nST-01\n"
    )


def test_ids_are_never_broken_at_their_hyphen() -> None:
    section = last_section(all_ids())

    words = [word for line in section.splitlines()[1:] for word in line.split()]

    assert words == all_ids()
    assert max(len(line) for line in section.splitlines()) <= 100


def test_when_nothing_is_left_it_says_so() -> None:
    assert "Every line is named by a test." in last_section([])


def test_a_document_without_the_section_is_refused() -> None:
    with pytest.raises(ValueError, match="has no section"):
        with_last_section("# Head\n", [])
