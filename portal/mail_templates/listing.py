"""Templates as a page shows them: what each says now, since when, and in which languages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, func, select, tuple_
from sqlalchemy.orm import contains_eager, joinedload, selectinload

from portal.core.db import db
from portal.core.paging import Page, page_of
from portal.core.search import each_word_in
from portal.mail_templates.models import MailTemplate, TemplateText, TemplateVersion
from portal.mail_templates.templates import languages_of
from portal.white_labels.models import WhiteLabel

_LANGUAGES = selectinload(TemplateVersion.texts).load_only(
    TemplateText.version_id, TemplateText.language
)
"""Of a version only the languages: its texts may be long."""


@dataclass(frozen=True, slots=True)
class TemplateRow:
    """One line of a list; a template that is still empty has no version."""

    template: MailTemplate
    version: TemplateVersion | None

    @property
    def languages(self) -> Sequence[str]:
        return languages_of(self.version) if self.version else ()


@dataclass(frozen=True, slots=True)
class TemplateSearch:
    """What a list is narrowed to."""

    words: str = ""  # each is part of a name or slug
    language: str = ""
    is_archived: bool = False


def page_of_templates(
    white_label: WhiteLabel | None,
    search: TemplateSearch,
    *,
    before: int | None = None,
    after: int | None = None,
) -> Page[TemplateRow]:
    """The templates of this white label, or of the platform, the newest first."""
    page = page_of(_matching(white_label, search), MailTemplate.id, before=before, after=after)
    return Page(_rows(page.rows), page.older, page.newer)


def all_templates(white_label: WhiteLabel | None) -> Sequence[TemplateRow]:
    """The same for a file: every one, archived ones too, by slug."""
    query = _owned(white_label).order_by(MailTemplate.slug)
    return _rows(db.session.scalars(query).all())


def newest_to_send(white_label: WhiteLabel) -> Sequence[TemplateVersion]:
    """What a program can name, by slug: the newest version of each template that is in use."""
    query = (
        select(TemplateVersion)
        .join(TemplateVersion.template)
        .where(
            MailTemplate.white_label_id == white_label.id,
            MailTemplate.archived_at.is_(None),
            _is_newest(),
        )
        .options(contains_eager(TemplateVersion.template), _LANGUAGES)
    )
    return db.session.scalars(query.order_by(MailTemplate.slug)).all()


def count_archived(white_label: WhiteLabel | None) -> int:
    """How many are put away."""
    archived = _matching(white_label, TemplateSearch(is_archived=True)).subquery()
    return db.session.scalar(select(func.count()).select_from(archived)) or 0


def _matching(white_label: WhiteLabel | None, search: TemplateSearch) -> Select[MailTemplate]:
    query = _owned(white_label).where(MailTemplate.archived_at.is_not(None) == search.is_archived)
    query = query.where(*each_word_in(search.words, MailTemplate.name, MailTemplate.slug))
    if search.language:
        query = query.where(MailTemplate.id.in_(_speaking(search.language)))
    return query


def _owned(white_label: WhiteLabel | None) -> Select[MailTemplate]:
    owner = MailTemplate.white_label_id
    mine = owner.is_(None) if white_label is None else owner == white_label.id
    return select(MailTemplate).where(mine).options(joinedload(MailTemplate.preferred_server))


def _speaking(language: str) -> Select[int]:
    """Ids of the templates whose newest version has this language."""
    return (
        select(TemplateVersion.template_id)
        .join(TemplateText, TemplateText.version_id == TemplateVersion.id)
        .where(TemplateText.language == language, _is_newest())
    )


def _is_newest() -> ColumnElement[bool]:
    """Whether a version is what its template says now."""
    newest = select(TemplateVersion.template_id, func.max(TemplateVersion.number))
    return tuple_(TemplateVersion.template_id, TemplateVersion.number).in_(
        newest.group_by(TemplateVersion.template_id)
    )


def _rows(templates: Sequence[MailTemplate]) -> list[TemplateRow]:
    ids = [template.id for template in templates]
    versions = db.session.scalars(
        select(TemplateVersion)
        .where(TemplateVersion.template_id.in_(ids), _is_newest())
        .options(joinedload(TemplateVersion.created_by), _LANGUAGES)
    )
    by_template = {version.template_id: version for version in versions}
    return [TemplateRow(template, by_template.get(template.id)) for template in templates]
