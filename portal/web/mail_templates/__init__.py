"""Pages of mail templates, the same for a white label's own and for the platform's."""

from __future__ import annotations

from flask import Blueprint

from portal.web.mail_templates import (
    guide,
    listing,
    past,
    posting,
    settings,
    showing,
    starting,
    writing,
)


def add_templates(bp: Blueprint) -> None:
    """Serve `/templates` and all below it; `g.white_label` says whose: None is the platform."""
    one = "/templates/<int:template_id>"
    both, post = ["GET", "POST"], ["POST"]
    for path, endpoint, view, methods in (
        ("/templates", "templates", listing.templates, None),
        ("/templates.csv", "templates_csv", listing.templates_csv, None),
        ("/templates/language", "template_language", guide.template_language, None),
        ("/templates/gallery", "gallery", starting.gallery, None),
        ("/templates/gallery/look", "gallery_look", starting.gallery_look, None),
        ("/templates/new", "new_template", starting.new_template, both),
        (one, "template", showing.template, None),
        (f"{one}/look", "look", showing.look, None),
        (f"{one}/samples", "keep_samples", showing.keep_samples, post),
        (f"{one}/send", "send_template", posting.send_template, post),
        (f"{one}/edit", "edit_template", writing.edit_template, both),
        (f"{one}/try", "try_template", writing.try_template, post),
        (f"{one}/drop-language", "drop_language", writing.drop_language, post),
        (f"{one}/settings", "template_settings", settings.template_settings, both),
        (f"{one}/copy", "copy_template", settings.copy_template, both),
        (f"{one}/archive", "archive_template", settings.archive_template, post),
        (f"{one}/unarchive", "unarchive_template", settings.unarchive_template, post),
        (f"{one}/history", "template_history", past.template_history, None),
        (f"{one}/history/<int:number>", "template_version", past.template_version, None),
        (f"{one}/history/<int:number>", "take_again", past.take_again, post),
    ):
        bp.add_url_rule(path, endpoint, view, methods=methods)
