"""`/senders`, `/templates`, `/domains`: what an app may name."""

from __future__ import annotations

from flask import Response, jsonify

from portal.api import schemas
from portal.api.door import bp, key
from portal.domains import allow_list
from portal.mail_templates import listing, templates
from portal.senders import senders as sender_room


@bp.get("/senders")
def senders() -> Response:
    """The white label's senders."""
    rows = sender_room.senders_of(key().app.white_label)
    return jsonify(
        senders=[
            schemas.SenderOut(
                id=row.id,
                email=row.email,
                name=row.name,
                reply_to=row.reply_to,
                server=row.server.name,
            ).model_dump()
            for row in rows
        ]
    )


@bp.get("/templates", endpoint="templates")
def mail_templates() -> Response:
    """The white label's templates, with the newest version of each."""
    rows = listing.newest_to_send(key().app.white_label)
    return jsonify(
        templates=[
            schemas.TemplateOut(
                slug=version.template.slug,
                name=version.template.name,
                version=version.number,
                languages=templates.languages_of(version),
                default_language=version.default_language,
            ).model_dump()
            for version in rows
        ]
    )


@bp.get("/domains")
def domains() -> Response:
    """The domains this white label may send from."""
    rows = allow_list.domains_of(key().app.white_label)
    return jsonify(
        domains=[
            schemas.DomainOut(
                name=row.name, state=row.state, includes_subdomains=row.includes_subdomains
            ).model_dump()
            for row in rows
        ]
    )
