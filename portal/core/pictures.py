"""Pictures from strangers: decoded within limits, so that what is kept are pixels and no file.

Whatever else a file carries (scripts, metadata, a second file behind the first) is not in them.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

from PIL import Image, ImageOps

MOST_PIXELS = 16_000_000
"""A file of one kilobyte can say that it is 100,000 pixels wide; it is not decoded to find out."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """Pixels, the right way up."""

    image: Image.Image
    kind: str  # as Pillow names it
    is_moving: bool  # there are more frames than this first one


class NotAPicture(Exception):
    """It is of another kind, damaged, cut off, or made to harm."""


class TooManyPixels(Exception):
    """It is larger than anything that is decoded here."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__(f"{width} × {height}")
        self.width = width
        self.height = height


def decode(file: bytes, *, kinds: tuple[str, ...]) -> Decoded:
    """Read a picture of one of the `kinds`; of one that moves it is the first frame.

    Raises:
        NotAPicture: it cannot be read as one of these kinds.
        TooManyPixels: it is not decoded.
    """
    try:
        with Image.open(io.BytesIO(file), formats=kinds) as source:
            if source.width * source.height > MOST_PIXELS:
                raise TooManyPixels(source.width, source.height)
            # A photograph says in its metadata which side is up, and those are not kept.
            upright = ImageOps.exif_transpose(source)
            upright.load()
            return Decoded(upright, source.format or "", getattr(source, "is_animated", False))
    except TooManyPixels:
        raise
    except Exception as fault:  # noqa: BLE001 - bytes that are made to harm fail in any way
        raise NotAPicture(str(fault)) from None


def looks_like_markup(file: bytes) -> bool:
    """Whether it is SVG, HTML or XML, which can contain programs, or SVG in a gzip file."""
    start = file[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<svg", b"<?xml", b"<!doctype", b"<!--", b"\x1f\x8b"))
