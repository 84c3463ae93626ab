"""Templates: found by slug, saved as versions that never change, read in the reader's language."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from sqlalchemy import ColumnElement, Select, select, update

from portal.accounts.models import Person
from portal.audit import trail
from portal.core import clock
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.core.words import _
from portal.mail_templates.models import MailTemplate, TemplateText, TemplateVersion
from portal.mail_templates.ready import ReadyText, texts_of
from portal.mail_templates.wordings import Wording
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.models import WhiteLabel

_is_slug = re.compile("[a-z][a-z0-9_-]{0,59}").fullmatch


def create(white_label: WhiteLabel | None, *, slug: str, name: str = "") -> MailTemplate:
    """A new template without versions; the platform's own have no white label.

    Raises:
        Refusal: the slug is taken or malformed.
    """
    _refuse_malformed(slug)
    white_label_id = _id_of(white_label)
    _refuse_taken(white_label_id, slug)
    template = MailTemplate(
        white_label_id=white_label_id,
        slug=slug,
        name=(name.strip() or slug.replace("-", " ").replace("_", " ").capitalize())[:120],
        created_at=clock.now(),
    )
    db.session.add(template)
    db.session.flush()
    trail.record(template.white_label_id, "template.created", _told(template))
    return template


def change(template: MailTemplate, *, name: str, slug: str) -> None:
    """Call it otherwise. Programs name it by its slug, so they have to follow.

    Raises:
        Refusal: the slug is taken or malformed, or the name is empty.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= 120:
        raise Refusal("name_not_fit", _("A name has 1 to 120 characters."), field="name")
    wanted = {"name": name, "slug": slug}
    changes = {
        field: [getattr(template, field), value]
        for field, value in wanted.items()
        if getattr(template, field) != value
    }
    if "slug" in changes:
        _refuse_malformed(slug)
        _refuse_taken(template.white_label_id, slug)
    if changes:
        template.name, template.slug = name, slug
        trail.record(template.white_label_id, "template.changed", _told(template), changes)


def save_version(
    template: MailTemplate,
    texts: Mapping[str, ReadyText],
    *,
    default_language: str,
    by: Person | None,
) -> TemplateVersion:
    """The newest state of the template. Equal to the newest one already: that one, unchanged.

    Raises:
        Refusal: there is no text in the default language.
    """
    if default_language not in texts:
        raise Refusal(
            "default_language_missing",
            _("The template needs a text in its default language."),
            field="language",
        )
    newest = latest(template)
    if (
        newest is not None
        and newest.default_language == default_language
        and wordings_of(newest) == {language: text.wording for language, text in texts.items()}
    ):
        return newest
    version = TemplateVersion(
        template=template,
        number=newest.number + 1 if newest else 1,
        default_language=default_language,
        created_by_id=by.id if by else None,
        created_at=clock.now(),
        texts=[_row(language, texts[language]) for language in sorted(texts)],
    )
    db.session.add(version)
    db.session.flush()
    trail.record(
        template.white_label_id,
        "template.saved",
        _told(template),
        {"version": version.number, "languages": sorted(texts)},
    )
    return version


def prefer(template: MailTemplate, server: SmtpServer | None) -> bool:
    """Send it through this server where the owner rule lets it; None: the usual draw.

    Raises:
        NotFound: the server is somebody else's or deleted.
    """
    if server is not None:
        is_ours = server.is_platform or server.white_label_id == template.white_label_id
        if server.is_deleted or not is_ours:
            raise NotFound(_("SMTP server"))
    wanted = server.id if server else None
    if template.preferred_server_id == wanted:
        return False
    template.preferred_server_id = wanted
    trail.record(
        template.white_label_id,
        "template.server_preferred",
        _told(template),
        {"server": server.name if server else None},
    )
    return True


def forget_server(server: SmtpServer) -> int:
    """No template prefers this server any more; tells how many did."""
    changed = db.session.scalars(
        update(MailTemplate)
        .where(MailTemplate.preferred_server_id == server.id)
        .values(preferred_server_id=None)
        .returning(MailTemplate.id)
    ).all()
    return len(changed)


def archive(template: MailTemplate) -> None:
    """Nothing new can name it. What was accepted or launched with it leaves, and stays readable."""
    if template.archived_at is None:
        template.archived_at = clock.now()
        trail.record(template.white_label_id, "template.archived", _told(template))


def unarchive(template: MailTemplate) -> None:
    """It can be named again."""
    if template.archived_at is not None:
        template.archived_at = None
        trail.record(template.white_label_id, "template.unarchived", _told(template))


def templates_of(white_label: WhiteLabel | None) -> Sequence[MailTemplate]:
    """The templates that can be sent, by slug: in use, and with something to say."""
    query = _in_use(_id_of(white_label)).where(MailTemplate.versions.any())
    return db.session.scalars(query.order_by(MailTemplate.slug)).all()


def find_template(
    white_label: WhiteLabel | None, template_id: int, *, or_archived: bool = False
) -> MailTemplate:
    """The template with this id.

    Raises:
        NotFound: missing, archived (unless told), or somebody else's.
    """
    owner = _id_of(white_label)
    query = select(MailTemplate).where(_owned_by(owner)) if or_archived else _in_use(owner)
    template = db.session.scalar(query.where(MailTemplate.id == template_id))
    if template is None:
        raise NotFound(_("template"))
    return template


def find_by_slug(white_label: WhiteLabel | None, slug: str) -> MailTemplate | None:
    """The template of this name, as long as it is in use."""
    return db.session.scalar(_in_use(_id_of(white_label)).where(MailTemplate.slug == slug))


def find(white_label_id: int | None, slug: str) -> MailTemplate:
    """The template a program names.

    Raises:
        Refusal: there is none of this name here.
    """
    template = db.session.scalar(_in_use(white_label_id).where(MailTemplate.slug == slug))
    if template is None:
        raise Refusal("template_unknown", _("There is no such template."), field="template")
    return template


def newest_version(template: MailTemplate) -> TemplateVersion:
    """What the template says now.

    Raises:
        Refusal: nothing was saved in it yet.
    """
    version = latest(template)
    if version is None:
        raise Refusal("template_empty", _("This template has no text yet."), field="template")
    return version


def text_in(version: TemplateVersion, language: str | None) -> TemplateText:
    """What the version says in this language, else in its wider one, else in its default.

    `de-AT` falls back to `de`, and that to the default language.
    """
    texts = {text.language: text for text in version.texts}
    for candidate in (language, (language or "").split("-")[0]):
        if candidate and candidate in texts:
            return texts[candidate]
    return texts[version.default_language]


def languages_of(version: TemplateVersion) -> list[str]:
    """The languages that can be chosen, the default first."""
    rest = sorted({text.language for text in version.texts} - {version.default_language})
    return [version.default_language, *rest]


def wordings_of(version: TemplateVersion) -> dict[str, Wording]:
    """What the version says, by language."""
    return {language: text.wording for language, text in texts_of(version).items()}


def wording_for_mail(text: TemplateText) -> Wording:
    """What is sent of it: the HTML as mail programs need it."""
    return Wording(text.subject, text.text, text.inlined_html or text.html)


def latest(template: MailTemplate) -> TemplateVersion | None:
    """What was saved last, if anything was."""
    query = select(TemplateVersion).where(TemplateVersion.template_id == template.id)
    return db.session.scalar(query.order_by(TemplateVersion.number.desc()).limit(1))


def _row(language: str, text: ReadyText) -> TemplateText:
    return TemplateText(
        language=language,
        subject=text.wording.subject,
        text=text.wording.text,
        html=text.wording.html,
        inlined_html=text.inlined_html,
        derived_text=text.derived_text,
    )


def _refuse_malformed(slug: str) -> None:
    if not _is_slug(slug):
        raise Refusal(
            "slug_malformed",
            _("A short name has small letters, digits, - and _, a letter first."),
            field="slug",
        )


def _refuse_taken(white_label_id: int | None, slug: str) -> None:
    query = select(MailTemplate.id).where(_owned_by(white_label_id), MailTemplate.slug == slug)
    if db.session.scalar(query) is not None:
        raise Refusal("slug_taken", _("This short name is taken."), field="slug")


def _in_use(white_label_id: int | None) -> Select[MailTemplate]:
    return select(MailTemplate).where(_owned_by(white_label_id), MailTemplate.archived_at.is_(None))


def _owned_by(white_label_id: int | None) -> ColumnElement[bool]:
    if white_label_id is None:
        return MailTemplate.white_label_id.is_(None)
    return MailTemplate.white_label_id == white_label_id


def _id_of(white_label: WhiteLabel | None) -> int | None:
    return white_label.id if white_label else None


def _told(template: MailTemplate) -> str:
    return f"template {template.slug}"
