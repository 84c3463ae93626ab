"""One colour becomes a style that can be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.white_labels.brand import (
    DARK_SURFACE,
    LIGHT_SURFACE,
    READABLE,
    Shades,
    contrast,
    in_dark,
    in_light,
    style_sheet,
)

colours = st.integers(0, 0xFFFFFF).map("#{:06x}".format)


@pytest.mark.parametrize(
    ("one", "other", "ratio"),
    [("#000000", "#ffffff", 21.0), ("#777777", "#ffffff", 4.48), ("#1f5fa8", "#1f5fa8", 1.0)],
)
def test_contrast_is_measured_as_wcag_does(one: str, other: str, ratio: float) -> None:
    assert contrast(one, other) == pytest.approx(ratio, abs=0.01)
    assert contrast(one, other) == contrast(other, one)


@given(colours)
def test_words_in_the_colour_can_be_read_in_light_and_in_dark(colour: str) -> None:
    assert contrast(in_light(colour).text, LIGHT_SURFACE) >= READABLE
    assert contrast(in_dark(colour).text, DARK_SURFACE) >= READABLE


@given(colours)
def test_words_in_the_colour_can_be_read_where_the_menu_marks_the_present_page(colour: str) -> None:
    light, dark = in_light(colour).text, in_dark(colour).text

    assert contrast(light, _tinted(LIGHT_SURFACE, light, 0.04)) >= READABLE
    assert contrast(dark, _tinted(DARK_SURFACE, dark, 0.12)) >= READABLE


@given(colours)
def test_words_on_the_colour_can_be_read_also_under_the_pointer(colour: str) -> None:
    for shades in (in_light(colour), in_dark(colour)):
        assert contrast(shades.on_fill, shades.fill) >= READABLE
        assert contrast(shades.on_fill, shades.hover) >= READABLE


def test_a_colour_that_can_be_read_stays_as_it_is() -> None:
    assert in_light("#7a1fa2") == Shades("#7a1fa2", "#681a8a", "#ffffff", "#7a1fa2")


def test_a_light_colour_fills_buttons_and_is_darkened_for_words() -> None:
    yellow = in_light("#ffd400")

    assert yellow.fill == "#ffd400"
    assert yellow.on_fill == "#000000"
    assert contrast(yellow.text, LIGHT_SURFACE) >= READABLE


@given(colours)
def test_the_style_sheet_sets_the_five_variables_for_light_and_dark(colour: str) -> None:
    css = style_sheet(colour)

    assert css.count("light-dark(") == 5
    assert colour in css


def _tinted(surface: str, colour: str, share: float) -> str:
    """What Tabler's `color-mix` makes of both, to within a step of each part."""
    pairs = zip(bytes.fromhex(surface[1:]), bytes.fromhex(colour[1:]), strict=True)
    return "#" + bytes(round(a + (b - a) * share) for a, b in pairs).hex()
