"""Files on the desk: pictures that are drawn anew, and plain text. Nothing else is kept.

Pure: bytes in, harmless bytes or a Refusal out.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that is fit to be kept and shown."""

    name: str
    kind: str  # the media type of `content`
    content: bytes
    width: int | None = None
    height: int | None = None
    preview: bytes | None = None
