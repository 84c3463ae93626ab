"""Logos: a picture that somebody uploads becomes one that we drew ourselves, small and harmless.

What is kept is decoded pixels, encoded again: whatever else a file carries (scripts, metadata, a
second file behind the first) is not in it.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

from PIL import Image, ImageOps

from portal.core.errors import Refusal
from portal.core.words import _

FORMATS = ("PNG", "JPEG", "WEBP")
MAX_BYTES = 1024 * 1024
MAX_PIXELS = 16_000_000
"""A file of one kilobyte can say that it is 100,000 pixels wide; it is not decoded to find out."""
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
    if _looks_like_svg(file):
        raise _refusal(
            "logo_svg",
            _("An SVG file can contain programs, so it is not taken. Export it as PNG."),
        )
    picture = _drawn_anew(file)
    stream = io.BytesIO()
    picture.save(stream, "PNG", optimize=True)
    image = stream.getvalue()
    return Logo(image, hashlib.sha256(image).hexdigest()[:16])


def _looks_like_svg(file: bytes) -> bool:
    start = file[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<svg", b"<?xml", b"<!doctype", b"<!--", b"\x1f\x8b"))


def _drawn_anew(file: bytes) -> Image.Image:
    try:
        with Image.open(io.BytesIO(file), formats=FORMATS) as source:
            if source.width * source.height > MAX_PIXELS:
                raise _refusal(
                    "logo_too_many_pixels",
                    _(
                        "The picture is %(width)s × %(height)s pixels; make it smaller.",
                        width=source.width,
                        height=source.height,
                    ),
                )
            # A photograph says in its metadata which side is up, and those are not kept.
            upright = ImageOps.exif_transpose(source).convert("RGBA")
    except Refusal:
        raise
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        # What Pillow raises for files that are of another kind, cut off, or made to harm.
        raise _refusal(
            "logo_unreadable", _("This is not a picture that can be read: send PNG, JPEG or WEBP.")
        ) from None
    upright.thumbnail(BOX)
    canvas = Image.new("RGBA", upright.size)
    canvas.paste(upright)
    return canvas


def _refusal(code: str, words: str) -> Refusal:
    return Refusal(code, words, field="logo")
