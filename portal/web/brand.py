"""The brand as files: `/brand/<slug>.css` and the logo, each only on its own portal's host."""

from __future__ import annotations

import hashlib

from flask import Blueprint, Response, abort, g, request, url_for
from markupsafe import Markup

from portal.core.db import db, reading
from portal.web.headers import ONE_YEAR
from portal.white_labels.brand import in_light, style_sheet
from portal.white_labels.logo import KIND
from portal.white_labels.models import WhiteLabel

bp = Blueprint("brand", __name__, url_prefix="/brand")


@bp.get("/<slug>.css")
def style(slug: str) -> Response:
    """The five variables of this portal."""
    if slug != g.site.brand.slug:
        abort(404)
    return _kept(Response(style_sheet(g.site.brand.colour), content_type="text/css; charset=utf-8"))


@bp.get("/<slug>.svg")
def mark(slug: str) -> Response:
    """The first letter on the colour, for the browser's tab."""
    if slug != g.site.brand.slug:
        abort(404)
    shades = in_light(g.site.brand.colour)
    svg = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
        '<rect width="32" height="32" rx="7" fill="{}"/>'
        '<text x="16" y="22" text-anchor="middle" font-family="sans-serif" font-size="18"'
        ' font-weight="600" fill="{}">{}</text></svg>'
    ).format(shades.fill, shades.on_fill, g.site.brand.name[:1])
    return _kept(Response(svg, content_type="image/svg+xml"))


@bp.get("/<slug>/logo")
def logo(slug: str) -> Response:
    """The logo, as it was re-encoded when it was uploaded."""
    brand = g.site.brand
    if slug != brand.slug or brand.logo_mark is None:
        abort(404)
    with reading():
        white_label = db.session.get_one(WhiteLabel, g.site.white_label_id)
        image = white_label.logo
        db.session.rollback()
    answer = _kept(Response(image, content_type=KIND))
    # Mail shows it too: in programs that are web pages of somebody else.
    answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
    return answer


def style_url() -> str:
    """The address of the present style; it changes with the colour."""
    brand = g.site.brand
    return url_for("brand.style", slug=brand.slug, v=brand.colour[1:])


def _kept(response: Response) -> Response:
    """A browser may keep it: for a year where the address says which version, else a minute."""
    age = ONE_YEAR if "v" in request.args else 60
    response.headers["Cache-Control"] = f"public, max-age={age}"
    response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:20])
    response.make_conditional(request)
    return response
