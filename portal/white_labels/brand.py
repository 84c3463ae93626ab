"""From one colour to the five variables of a portal's style, readable in light and in dark.

Contrast as WCAG 2.2 defines it (relative luminance, success criterion 1.4.3).

Pure: no database, no clock, no network.
"""

from __future__ import annotations

from dataclasses import dataclass

READABLE = 4.5
"""The least contrast of text with what is behind it."""
LIGHT_SURFACE = "#ffffff"
DARK_SURFACE = "#262626"
"""The lightest thing that text stands on in the dark: a card. The page behind it is darker."""

LIGHT_TINT = 0.05
DARK_TINT = 0.12
"""How much of the colour Tabler mixes into what lies behind the present entry of a menu."""

Rgb = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Shades:
    """The colour as it is used on one kind of surface, each as `#rrggbb`."""

    fill: str  # buttons, the mark beside the present page
    hover: str  # the same under the pointer
    on_fill: str  # words on it
    text: str  # links and words in this colour


def contrast(one: str, other: str) -> float:
    """From 1 (the same) to 21 (black on white)."""
    lighter, darker = sorted((_luminance(_rgb(one)), _luminance(_rgb(other))), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def in_light(colour: str) -> Shades:
    """On white: links are darkened until they can be read."""
    return _shades(colour, text=_readable(colour, LIGHT_SURFACE, LIGHT_TINT, towards="#000000"))


def in_dark(colour: str) -> Shades:
    """On dark grey: the whole colour is lightened until it can be told from what is behind it."""
    text = _readable(colour, DARK_SURFACE, DARK_TINT, towards="#ffffff")
    return _shades(text, text=text)


def style_sheet(colour: str) -> str:
    """Tabler's five variables for this validated colour. Nothing else can get into the text."""
    light, dark = in_light(colour), in_dark(colour)
    variables = "\n".join(
        f"  --tblr-{name}: light-dark({of_light}, {of_dark});"
        for name, of_light, of_dark in (
            ("primary", light.fill, dark.fill),
            ("primary-fg", light.on_fill, dark.on_fill),
            ("primary-darken", light.hover, dark.hover),
            ("link-color", light.text, dark.text),
            ("link-hover-color", _mixed(light.text, "#000000", 0.2), dark.hover),
        )
    )
    return f":root, [data-bs-theme] {{\n{variables}\n}}\n"


def _shades(fill: str, *, text: str) -> Shades:
    on_fill = max("#ffffff", "#000000", key=lambda ink: contrast(ink, fill))
    # Away from the ink, so that the words on it become easier to read and never harder.
    away = "#000000" if on_fill == "#ffffff" else "#ffffff"
    return Shades(fill=fill, hover=_mixed(fill, away, 0.15), on_fill=on_fill, text=text)


def _readable(colour: str, surface: str, tint: float, *, towards: str) -> str:
    """The colour, moved just as far as words in it need, on the surface with some of it in."""
    for percent in range(0, 101, 2):
        shade = _mixed(colour, towards, percent / 100)
        if contrast(shade, _mixed(surface, shade, tint)) >= READABLE:
            return shade
    return towards


def _mixed(one: str, other: str, share: float) -> str:
    """The first colour with this share of the other in it."""
    pairs = zip(_rgb(one), _rgb(other), strict=True)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in pairs)


def _rgb(colour: str) -> Rgb:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


def _luminance(rgb: Rgb) -> float:
    red, green, blue = (_linear(part / 255) for part in rgb)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
