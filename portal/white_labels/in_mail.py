"""The brand as values that a mail template can use: `brand.name`, `brand.colour` and so on."""

from __future__ import annotations

from portal.white_labels import origins
from portal.white_labels.brand import in_dark, in_light
from portal.white_labels.models import WhiteLabel
from portal.white_labels.platform import the_platform


def brand_values(white_label: WhiteLabel | None) -> dict[str, str]:
    """Name, colours that can be read in light and in dark, logo, and where the portal is.

    Colours are `#rrggbb`: `colour` with words in `on_colour` on it, `link` for words on white; the
    same beginning with dark for dark paper. `logo` is an address, or nothing.
    """
    place = white_label or the_platform()
    light, dark = in_light(place.colour), in_dark(place.colour)
    origin = origins.origin_of(white_label)
    return {
        "name": place.name,
        "colour": light.fill,
        "on_colour": light.on_fill,
        "link": light.text,
        "dark_colour": dark.fill,
        "on_dark_colour": dark.on_fill,
        "dark_link": dark.text,
        "logo": _logo_url(white_label, origin),
        "url": origin,
        "answer_to": (white_label.answer_to if white_label else None) or "",
    }


def _logo_url(white_label: WhiteLabel | None, origin: str) -> str:
    if white_label is None or white_label.logo_mark is None:
        return ""
    return f"{origin}/brand/{white_label.slug}/logo?v={white_label.logo_mark}"
