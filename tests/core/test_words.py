"""Sentences that are written down now and read later, by somebody with another language."""

from __future__ import annotations

import pickle
from collections.abc import Mapping

import pytest

from portal.core.words import _, kept, lazy, speaking, told

GERMAN: Mapping[str, str] = {
    "Held by the operator.": "Vom Betreiber zurückgehalten.",
    "Routed anew: %(answer)s": "Neue Route: %(answer)s",
    "Leaves through %(server)s.": "Geht über %(server)s hinaus.",
    "100% of it": "Alles davon",
}


def in_german(text: str) -> str:
    return GERMAN.get(text, text)


def test_what_one_reader_caused_the_next_one_reads_in_their_language() -> None:
    with speaking(in_german):
        written_down = kept(_("Leaves through %(server)s.", server="acme-own"))

    assert told(written_down) == "Leaves through acme-own."
    with speaking(in_german):
        assert told(written_down) == "Geht über acme-own hinaus."


def test_a_sentence_inside_a_sentence_changes_with_it() -> None:
    answer = _("Leaves through %(server)s.", server="acme-own")
    written_down = kept(_("Routed anew: %(answer)s", answer=answer))

    with speaking(in_german):
        assert told(written_down) == "Neue Route: Geht über acme-own hinaus."


def test_a_constant_is_kept_like_any_sentence() -> None:
    written_down = kept(lazy("Held by the operator."))

    with speaking(in_german):
        assert told(written_down) == "Vom Betreiber zurückgehalten."


def test_others_words_stay_as_they_are_even_if_they_sound_like_ours() -> None:
    written_down = kept("Held by the operator.")

    with speaking(in_german):
        assert told(written_down) == "Held by the operator."


@pytest.mark.parametrize("name", ["%(server)s", "100 %", '"', "\x1fHeld by the operator."])
def test_what_fills_a_gap_is_never_taken_for_a_sentence(name: str) -> None:
    written_down = kept(_("Leaves through %(server)s.", server=name))

    with speaking(in_german):
        assert told(written_down) == f"Geht über {name.lstrip(chr(0x1F))} hinaus."


def test_a_sentence_without_gaps_may_have_a_percent_sign() -> None:
    with speaking(in_german):
        assert told(kept(_("100% of it"))) == "Alles davon"


def test_keeping_twice_changes_nothing() -> None:
    once = kept(_("Leaves through %(server)s.", server="acme-own"))

    assert kept(once) == once
    assert kept(told(once)) == once


def test_a_sentence_survives_a_journey_between_processes() -> None:
    sentence = _("Leaves through %(server)s.", server="acme-own")

    assert kept(pickle.loads(pickle.dumps(sentence))) == kept(sentence)


@pytest.mark.parametrize(
    "forged",
    [
        "\x1fHello %(name)s\x1fno object",
        "\x1fHello %(name)s\x1f[1]",
        "\x1fHello %(name)s\x1f{}",
        '\x1fHello %(name)s\x1f{"other": 1}',
        '\x1fHello %(name)999999999s\x1f{"name": "x"}',
        '\x1fHello %s\x1f{"name": "x"}',
        "\x1fHello\x1f" + "[" * 100_000,
    ],
)
def test_words_that_only_look_as_if_they_were_kept_are_shown_and_do_no_harm(forged: str) -> None:
    shown = told(forged)

    assert shown.startswith("Hello")
    assert "\x1f" not in shown
    assert len(shown) <= len(forged)
