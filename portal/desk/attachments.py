"""Files on the desk: pictures that are drawn anew, and plain text. Nothing else is kept.

Bytes in, harmless bytes or a Refusal out; no database. Call it before a transaction begins: drawing
a large picture takes a second, and a turn at it may be some seconds away.
"""

from __future__ import annotations

import io
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from PIL import Image

from portal.core import pictures
from portal.core.errors import Refusal
from portal.core.words import _

MOST_BYTES = 2 * 1024 * 1024
"""Of one file."""
MOST_KEPT = 2000 * 2000
"""Pixels of a picture, whatever its shape; a larger one is drawn down to them."""
MOST_NAME = 100
PREVIEW = (480, 320)
"""Pixels: twice the place in a page, for screens that are that fine."""
PREVIEW_KIND = "image/webp"
TEXT_KIND = "text/plain"

_WIDEST_WEBP = 16_383
_KINDS = ("PNG", "JPEG", "GIF", "WEBP")
_SUFFIXES: Mapping[str, tuple[str, ...]] = {
    "PNG": (".png",),
    "JPEG": (".jpg", ".jpeg"),
    "WEBP": (".webp",),
    "GIF": (".gif",),
}
_PICTURE_SUFFIXES = frozenset(suffix for suffixes in _SUFFIXES.values() for suffix in suffixes)
_TEXT_SUFFIXES = frozenset({".txt", ".text", ".log", ".csv", ".md", ".json", ".eml", ".zone"})
"""What a computer opens as text. Anything else gets `.txt` behind it, so that a page of HTML that
somebody saved is not run by whoever opens it."""
_SIGNATURES = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a", b"RIFF")


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that is fit to be kept and shown."""

    name: str
    kind: str  # the media type of `content`
    content: bytes
    width: int | None = None  # pixels, of a picture
    height: int | None = None
    preview: bytes | None = None  # smaller, where the picture does not fit into `PREVIEW`
    has_stopped: bool = False  # it was moving, and its first frame was kept


def read(name: str, file: bytes) -> Attached:
    """Look into a file that somebody added, whatever its name says that it is.

    Raises:
        Refusal: at `files`: it is neither picture nor text, damaged, or too large.
    """
    shown = clean_name(name)
    if not file:
        raise _refusal("file_empty", _("%(name)s is empty.", name=shown))
    if len(file) > MOST_BYTES:
        raise _refusal(
            "file_too_large",
            _("%(name)s has more than %(count)s MB.", name=shown, count=MOST_BYTES >> 20),
        )
    suffix = PurePosixPath(shown).suffix.lower()
    if file.startswith(_SIGNATURES) or suffix in _PICTURE_SUFFIXES:
        return _picture(shown, file)
    if suffix in (".svg", ".svgz"):
        raise _refusal(
            "file_svg",
            _("%(name)s can contain programs, as any SVG can. Export it as PNG.", name=shown),
        )
    return _text(shown, file)


def clean_name(name: str) -> str:
    """The last part of a path, without what a file system or a reader could stumble over."""
    name = unicodedata.normalize("NFC", re.split(r"[/\\]", name)[-1])
    kept = (
        " " if character.isspace() else character
        for character in name
        if character.isspace() or (character.isprintable() and character not in '<>:"|?*')
    )
    name = " ".join("".join(kept).split()).strip(". ")
    if not name:
        return "file"
    suffix = PurePosixPath(name).suffix[:12]
    return name if len(name) <= MOST_NAME else name[: MOST_NAME - len(suffix)] + suffix


def _picture(name: str, file: bytes) -> Attached:
    with pictures.drawing():
        return _drawn_anew(name, file)


def _drawn_anew(name: str, file: bytes) -> Attached:
    try:
        decoded = pictures.decode(file, kinds=_KINDS, drawn_down_to=MOST_KEPT)
    except pictures.TooManyPixels as large:
        raise _refusal(
            "file_too_many_pixels",
            _(
                "%(name)s has %(width)s × %(height)s pixels; make it smaller.",
                name=name,
                width=large.width,
                height=large.height,
            ),
        ) from None
    except pictures.NotAPicture:
        raise _refusal(
            "file_unreadable",
            _(
                "%(name)s is not a picture that can be read: send PNG, JPEG, GIF or WebP.",
                name=name,
            ),
        ) from None
    picture = _pixels_of(decoded.image)
    kind = "PNG" if decoded.kind == "GIF" else decoded.kind
    content = _encoded(picture, kind)
    if len(content) > MOST_BYTES and max(picture.size) <= _WIDEST_WEBP:
        # It was packed better than we pack it.
        kind = "WEBP"
        content = _encoded(picture, kind)
    if len(content) > MOST_BYTES:
        raise _refusal("file_too_large", _("%(name)s is too large; make it smaller.", name=name))
    preview = None
    if picture.width > PREVIEW[0] or picture.height > PREVIEW[1]:
        small = picture.copy()
        small.thumbnail(PREVIEW)
        preview = _encoded(small, "WEBP")
    return Attached(
        _named_as(name, kind),
        f"image/{kind.lower()}",
        content,
        picture.width,
        picture.height,
        preview,
        has_stopped=decoded.is_moving,
    )


def _pixels_of(decoded: Image.Image) -> Image.Image:
    """The pixels alone: a canvas of our own knows no metadata."""
    mode = "RGBA" if decoded.has_transparency_data else "RGB"
    pixels = decoded.convert(mode)
    canvas = Image.new(mode, pixels.size)
    canvas.paste(pixels)
    return canvas


def _encoded(picture: Image.Image, kind: str) -> bytes:
    stream = io.BytesIO()
    picture.save(stream, kind, quality=90)
    return stream.getvalue()


def _named_as(name: str, kind: str) -> str:
    """The name with the suffix of what the file really is."""
    path = PurePosixPath(name)
    if path.suffix.lower() in _SUFFIXES[kind]:
        return name
    suffix = _SUFFIXES[kind][0]
    return path.stem[: MOST_NAME - len(suffix)] + suffix


def _text(name: str, file: bytes) -> Attached:
    words = _decoded(file)
    if words is None or "\0" in words:
        raise _refusal(
            "file_of_another_kind",
            _(
                "%(name)s is neither a picture (PNG, JPEG, GIF, WebP) nor plain text in UTF-8.",
                name=name,
            ),
        )
    if PurePosixPath(name).suffix.lower() not in _TEXT_SUFFIXES:
        name = f"{name[: MOST_NAME - 4]}.txt"
    # Escape sequences would move the cursor of whoever looks at it in a terminal.
    words = re.sub("[\x01-\x08\x0b\x0e-\x1f\x7f-\x9f]", "", words)
    content = words.encode()
    if len(content) > MOST_BYTES:
        raise _refusal("file_too_large", _("%(name)s is too large; shorten it.", name=name))
    return Attached(name, TEXT_KIND, content)


def _decoded(file: bytes) -> str | None:
    """The text, in the encodings that can be told apart for certain."""
    is_utf_16 = file.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        return file.decode("utf-16" if is_utf_16 else "utf-8-sig")
    except UnicodeDecodeError:
        return None


def _refusal(code: str, words: str) -> Refusal:
    return Refusal(code, words, field="files")
