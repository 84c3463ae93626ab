"""What a message says to each recipient: literal text with holes, or text made in one piece.

Pure. This is all the composer knows of templates: who understands a template language (a higher
room) hands its result down in one of these forms. A plain `str` is always literal text.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

Merge = Callable[[Mapping[str, object]], str]
"""From one recipient's values to finished text: escaped already where escaping is due.

The same value is the same callable: the composer calls it once for a recipient, however often it
stands in the bodies.
"""


@dataclass(frozen=True, slots=True)
class Segments:
    """Literals and holes in order. The composer encodes the literals once, the holes each time."""

    parts: tuple[str | Merge, ...]

    def merged(self, values: Mapping[str, object]) -> str:
        """The text for one recipient."""
        return "".join([part if isinstance(part, str) else part(values) for part in self.parts])


Content = str | Segments | Merge
"""A subject or body: literal, with holes, or whole from a callable (a template with logic)."""
