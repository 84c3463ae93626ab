"""A template to look at or to try a server with: its own names stand where values will be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import contains_eager

from portal.core.db import db
from portal.mail_templates import merge
from portal.mail_templates.models import MailTemplate, TemplateText, TemplateVersion
from portal.mail_templates.wordings import Wording
from portal.white_labels.models import WhiteLabel


def newest_texts(white_label: WhiteLabel | None) -> Sequence[TemplateText]:
    """What the templates in use say now, in each language they have, by name and language."""
    owner = MailTemplate.white_label_id
    newest = (
        select(func.max(TemplateVersion.number))
        .where(TemplateVersion.template_id == MailTemplate.id)
        .correlate(MailTemplate)
        .scalar_subquery()
    )
    query = (
        select(TemplateText)
        .join(TemplateText.version)
        .join(TemplateVersion.template)
        .where(
            owner.is_(None) if white_label is None else owner == white_label.id,
            MailTemplate.archived_at.is_(None),
            TemplateVersion.number == newest,
        )
        .options(contains_eager(TemplateText.version).contains_eager(TemplateVersion.template))
    )
    return db.session.scalars(query.order_by(MailTemplate.name, TemplateText.language)).all()


def specimen(text: TemplateText) -> Wording:
    """The text with ``[name]`` for each value it asks for.

    Raises:
        TemplateError: it cannot be merged with such values.
    """
    subject = merge.parse_subject(text.subject)
    bodies = {
        "text": merge.parse(text.text) if text.text else None,
        "html": merge.parse(text.html, is_html=True) if text.html else None,
    }
    parsed = [subject, *(body for body in bodies.values() if body)]
    values = stand_ins(name for template in parsed for name in template.variables)
    return Wording(
        subject.merged(values),
        **{part: body.merged(values) if body else None for part, body in bodies.items()},
    )


def stand_ins(names: Iterable[str]) -> dict[str, Any]:
    """Each name as its own value: ``user.name`` becomes ``{"user": {"name": "[user.name]"}}``."""
    values: dict[str, Any] = {}
    for name in names:
        *path, last = name.split(".")
        place = values
        for part in path:
            inner = place.get(part)
            if not isinstance(inner, dict):
                inner = place[part] = {}
            place = inner
        place.setdefault(last, f"[{name}]")
    return values
