"""Pictures from strangers: decoded within limits, so that what is kept are pixels and no file.

Whatever else a file carries (scripts, metadata, a second file behind the first) is not in them.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from threading import BoundedSemaphore

from PIL import Image, ImageOps

from portal.core.errors import Refusal
from portal.core.words import _

MOST_PIXELS = 16_000_000
"""A file of one kilobyte can say that it is 100,000 pixels wide; it is not decoded to find out."""
AT_ONCE = 2
"""A large picture takes a core and a hundred megabytes for a second: pages need them, too."""
PATIENCE = 5.0
"""Seconds that somebody waits for a turn; who waits keeps a thread of the portal."""

_turns = BoundedSemaphore(AT_ONCE)
_SMOOTH_MODES = frozenset({"L", "LA", "RGB", "RGBA", "CMYK", "YCbCr"})


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


@contextmanager
def drawing() -> Iterator[None]:
    """A turn at decoding and drawing: of this process's threads two have one, the others wait.

    Raises:
        Refusal: no turn came in time.
    """
    if not _turns.acquire(timeout=PATIENCE):
        raise Refusal(
            "pictures_busy",
            _("Other pictures are being looked at. Wait a few seconds, then send it again."),
        )
    try:
        yield
    finally:
        _turns.release()


def decode(file: bytes, *, kinds: tuple[str, ...], drawn_down_to: int | None = None) -> Decoded:
    """Read a picture of one of the `kinds`; of one that moves it is the first frame.

    One with more pixels than `drawn_down_to` becomes smaller in its shape: a JPEG while it is
    decoded, which then costs a part of the time and room, others at once after it.

    Raises:
        NotAPicture: it cannot be read as one of these kinds.
        TooManyPixels: it is not decoded.
    """
    try:
        with Image.open(io.BytesIO(file), formats=kinds) as source:
            if source.width * source.height > MOST_PIXELS:
                raise TooManyPixels(source.width, source.height)
            kind, is_moving = source.format or "", getattr(source, "is_animated", False)
            pixels = _drawn_down(source, drawn_down_to) if drawn_down_to else source
            # A photograph says in its metadata which side is up, and those are not kept.
            upright = ImageOps.exif_transpose(pixels)
            upright.load()
            return Decoded(upright, kind, is_moving)
    except TooManyPixels:
        raise
    except Exception as fault:  # noqa: BLE001 - bytes that are made to harm fail in any way
        raise NotAPicture(str(fault)) from None


def _drawn_down(source: Image.Image, most: int) -> Image.Image:
    """The picture with at most so many pixels, decided by what it says before it is read."""
    scale = math.sqrt(most / (source.width * source.height))
    if scale >= 1:
        return source
    size = (max(1, int(source.width * scale)), max(1, int(source.height * scale)))
    source.draft(None, size)
    picture = source
    if source.mode not in _SMOOTH_MODES or "transparency" in source.info:
        picture = source.convert("RGBA")  # colours of a palette have nothing in between
    picture.thumbnail(size)
    return picture


def looks_like_markup(file: bytes) -> bool:
    """Whether it is SVG, HTML or XML, which can contain programs, or SVG in a gzip file."""
    start = file[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return start.startswith((b"<svg", b"<?xml", b"<!doctype", b"<!--", b"\x1f\x8b"))
