"""Logos: a picture that somebody uploads becomes one that we drew ourselves, small and harmless.

What is kept is decoded pixels, encoded again: whatever else a file carries (scripts, metadata, a
second file behind the first) is not in it.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

from PIL import Image

from portal.core import pictures
from portal.core.errors import Refusal
from portal.core.words import _

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_BYTES = 1024 * 1024
BOX = (528, 120)
"""Pixels: three times the place in the corner of a page, for screens that are that fine."""
KIND = "image/png"


@dataclass(frozen=True, slots=True)
class Logo:
    """A PNG that fits into `BOX`, and a mark that changes with it."""

    image: bytes
    mark: str


def read_logo(file: bytes) -> Logo:
    """Decode a PNG, JPEG or WEBP file and draw it anew.

    Raises:
        Refusal: at the field `logo`: it is another kind of file, damaged, or too large.
    """
    if not file:
        raise _refusal("logo_missing", _("The file is empty."))
    if len(file) > MAX_BYTES:
        raise _refusal(
            "logo_too_large",
            _("The file has more than %(count)s kB; a logo needs far less.", count=MAX_BYTES >> 10),
        )
    if pictures.looks_like_markup(file):
        raise _refusal(
            "logo_svg",
            _("An SVG file can contain programs, so it is not taken. Export it as PNG."),
        )
    stream = io.BytesIO()
    with pictures.drawing():
        _drawn_anew(file).save(stream, "PNG", optimize=True)
    image = stream.getvalue()
    return Logo(image, hashlib.sha256(image).hexdigest()[:16])


def _drawn_anew(file: bytes) -> Image.Image:
    try:
        picture = pictures.decode(file, kinds=FORMATS)
    except pictures.TooManyPixels as large:
        raise _refusal(
            "logo_too_many_pixels",
            _(
                "The picture is %(width)s × %(height)s pixels; make it smaller.",
                width=large.width,
                height=large.height,
            ),
        ) from None
    except pictures.NotAPicture:
        raise _refusal(
            "logo_unreadable", _("This is not a picture that can be read: send PNG, JPEG or WEBP.")
        ) from None
    upright = picture.image.convert("RGBA")
    upright.thumbnail(BOX)
    canvas = Image.new("RGBA", upright.size)
    canvas.paste(upright)
    return canvas


def _refusal(code: str, words: str) -> Refusal:
    return Refusal(code, words, field="logo")
