"""Which text is a colour.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

import re

from portal.core.errors import Refusal
from portal.core.words import _

_is_colour = re.compile("#[0-9a-f]{6}").fullmatch


def check_colour(text: str) -> str:
    """The colour as `#rrggbb` in lower case.

    It is written into a style sheet, so nothing else may pass.

    Raises:
        Refusal: it is written in any other way.
    """
    colour = text.strip().lower()
    if not _is_colour(colour):
        raise Refusal(
            "colour_malformed", _("A colour is written as #rrggbb, like #1f5fa8."), field="colour"
        )
    return colour
