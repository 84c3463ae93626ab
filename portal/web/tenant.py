"""Whose things a page is about.

Pages of people, brand and audit stand in three places: in a white label's own portal, in the
Backoffice for the platform itself, and in the Backoffice for a white label that an owner looks
after (below `/white-labels/<id>`). They are written once and ask here.
"""

from __future__ import annotations

from typing import Any, cast

from flask import Blueprint, Flask, current_app, g

from portal.white_labels import tenants
from portal.white_labels.models import WhiteLabel

IN_ADDRESS = "white_label_id"


def tenant() -> WhiteLabel | None:
    """The white label that this page is about; None is the platform.

    Raises:
        NotFound: the address names one that is not there.
    """
    return looked_after() or cast("WhiteLabel | None", g.white_label)


def looked_after() -> WhiteLabel | None:
    """The white label that the address of a Backoffice page names."""
    named = g.get(IN_ADDRESS)
    return tenants.find_white_label(named) if named is not None else None


def look_after(bp: Blueprint) -> None:
    """Take the white label out of this blueprint's addresses, and put it into links within it.

    Views then look the same as in a blueprint whose addresses name none.
    """

    @bp.url_value_preprocessor
    def take(_endpoint: str | None, values: dict[str, Any] | None) -> None:
        if values is not None:
            setattr(g, IN_ADDRESS, values.pop(IN_ADDRESS))

    @bp.url_defaults
    def put(endpoint: str, values: dict[str, Any]) -> None:
        if IN_ADDRESS in g and current_app.url_map.is_endpoint_expecting(endpoint, IN_ADDRESS):
            values.setdefault(IN_ADDRESS, g.get(IN_ADDRESS))


def open_tenant(app: Flask) -> None:
    """Give templates `looked_after()`."""
    app.jinja_env.globals["looked_after"] = looked_after
