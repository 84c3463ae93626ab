"""What a domain may be mistaken for, and what is odd about how it is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domains.lookalikes import Held, Reason, alike, portrait, skeleton
from portal.smtp.addresses import canonical_domain

ACME = Held("acme.example", "Acme", "domain")
MICRO = Held("microsoft.test", "Micro", "hostname")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("аcme.example", Reason.SAME_LOOK),  # Cyrillic a
        ("acmе.example", Reason.SAME_LOOK),  # Cyrillic e
        ("αcme.example", Reason.SAME_LOOK),  # Greek alpha
        ("acmé.example", Reason.SAME_LOOK),
        ("açme.example", Reason.SAME_LOOK),
        ("acrne.example", Reason.SAME_LOOK),
        ("acrne.test", Reason.SAME_LOOK),
        ("acme.test", Reason.SAME_NAME),
        ("acme.co.uk", Reason.SAME_NAME),
        ("newsletter.acme.test", Reason.SAME_NAME),
        ("acme.newsletter.test", None),
        ("login.аcme.test", Reason.SAME_LOOK),
        ("mail.acme.example", Reason.RELATED),
        ("acme-mail.example", Reason.CONTAINED),
        ("my-acme.test", Reason.CONTAINED),
        ("acmes.example", None),  # four letters differ by one all the time
        ("birch.example", None),
        ("acme.example", None),  # the name itself is a conflict, not a lookalike
        ("evilacme.example", None),
    ],
)
def test_what_a_name_may_be_mistaken_for(name: str, reason: Reason | None) -> None:
    found = alike(canonical_domain(name), [ACME])

    assert [one.reason for one in found] == ([reason] if reason else [])


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("rnicrosoft.test", Reason.SAME_LOOK),
        ("m1crosoft.test", Reason.SAME_LOOK),
        ("micr0soft.example", Reason.SAME_LOOK),
        ("mlcrosoft.example", Reason.SAME_LOOK),
        ("microsofd.test", Reason.NEAR),
        ("microsft.test", Reason.NEAR),
        ("micorsoft.test", Reason.NEAR),
        ("microssoft.test", Reason.NEAR),
        ("mikrosofd.test", None),
        ("microsoft-login.test", Reason.CONTAINED),
        ("macrohard.test", None),
    ],
)
def test_a_longer_name_is_mistaken_for_one_that_differs_by_a_letter(
    name: str, reason: Reason | None
) -> None:
    found = alike(canonical_domain(name), [MICRO])

    assert [one.reason for one in found] == ([reason] if reason else [])


def test_the_worst_comes_first_and_names_its_holder() -> None:
    others = [Held("acme-mail.test", "Cal", "domain"), Held("acme.test", "Birch", "domain")]

    found = alike(canonical_domain("аcme.example"), [*others, ACME])

    assert [one.held.owner for one in found] == ["Acme", "Birch", "Cal"]
    assert "acme.example" in found[0].words
    assert "Acme" in found[0].words


@pytest.mark.parametrize(
    ("name", "scripts", "is_mixed", "warnings"),
    [
        ("acme.example", ("Latin",), False, 0),
        ("acme-24.example", ("Latin",), False, 0),
        ("bücher.example", ("Latin",), False, 0),
        ("аcme.example", ("Cyrillic", "Latin"), True, 1),
        ("αcme.example", ("Greek", "Latin"), True, 1),
        ("почта.example", ("Cyrillic", "Latin"), False, 0),
        ("аррӏе.example", ("Cyrillic", "Latin"), False, 1),  # whole label looks Latin
        ("日本語ニュース.example", ("Han", "Katakana", "Latin"), False, 0),
        ("株式会社abc.example", ("Han", "Latin"), False, 0),
        ("한국.example", ("Hangul", "Latin"), False, 0),
        ("日本кот.example", ("Han", "Cyrillic", "Latin"), True, 1),
    ],
)
def test_a_portrait_shows_both_spellings_and_the_scripts(
    name: str, scripts: tuple[str, ...], is_mixed: bool, warnings: int
) -> None:
    canonical = canonical_domain(name)

    shown = portrait(canonical)

    assert (shown.a_label, shown.u_label) == (canonical, name)
    assert (shown.scripts, shown.is_mixed) == (scripts, is_mixed)
    assert len(shown.warnings) == warnings


def test_a_label_that_cannot_be_read_is_shown_as_it_is() -> None:
    assert portrait("xn--0.example").u_label == "xn--0.example"


@given(text=st.text(max_size=30) | st.text("rnvwclmdi10о", max_size=12))
def test_a_skeleton_looks_like_itself(text: str) -> None:
    assert skeleton(skeleton(text)) == skeleton(text)
