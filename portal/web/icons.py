"""Icons: SVGs written into the page, so that they take the colour of the words beside them."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from flask import Flask
from markupsafe import Markup

_opening_tag = re.compile(r"<svg\b[^>]*>").sub


def open_icons(app: Flask) -> None:
    """Give templates `icon(name)`."""
    folder = Path(app.static_folder or "") / "vendor" / "icons"

    @cache
    def icon(name: str) -> Markup:
        """The icon, for the eye only: the words beside it say the same.

        Raises:
            LookupError: static/icons.txt does not list it, or `make assets` has not run.
        """
        try:
            svg = (folder / f"{name}.svg").read_text(encoding="utf-8")
        except FileNotFoundError as fault:
            raise LookupError(
                f"no icon {name!r}: list it in static/icons.txt and run `make assets`"
            ) from fault
        tag = (
            '<svg xmlns="http://www.w3.org/2000/svg" class="icon" width="24" height="24"'
            ' viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2"'
            ' stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" focusable="false">'
        )
        return Markup(" ".join(_opening_tag(tag, svg, count=1).split()))  # noqa: S704

    app.jinja_env.globals["icon"] = icon
