"""Writing: one language at a time, on top of what others may have saved meanwhile.

Every act here saves a new version and leaves the older ones as they are.
"""

from __future__ import annotations

from sqlalchemy import select

from portal.accounts.models import Person
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import _
from portal.mail_templates import templates
from portal.mail_templates.history import version_numbered
from portal.mail_templates.models import MailTemplate, TemplateVersion
from portal.mail_templates.ready import ReadyText, texts_of
from portal.mail_templates.samples import check_samples
from portal.mail_templates.wordings import Wording
from portal.white_labels.models import WhiteLabel


class Overtaken(Refusal):
    """Somebody else saved this text since it was opened; `version` is what stands there now."""

    def __init__(self, version: TemplateVersion) -> None:
        super().__init__(
            "overtaken",
            _(
                "Version %(number)s was saved by somebody else while you wrote. Nothing is lost: "
                "look at what differs, then save again to put yours on top.",
                number=version.number,
            ),
        )
        self.version = version


def write(
    template: MailTemplate,
    language: str,
    text: ReadyText,
    *,
    since: int,
    by: Person | None,
) -> TemplateVersion:
    """Save what the template says in this language; the other languages stay as they are now.

    `since` is the number of the version that the writer had before their eyes, 0 for none.

    Raises:
        Overtaken: the text of this language is another one by now.
    """
    newest = _locked(template)
    if newest is None:
        return templates.save_version(template, {language: text}, default_language=language, by=by)
    if newest.number != since and templates.wordings_of(newest).get(language) not in (
        _then(template, since, language),
        text.wording,
    ):
        raise Overtaken(newest)
    return templates.save_version(
        template,
        {**texts_of(newest), language: text},
        default_language=newest.default_language,
        by=by,
    )


def drop_language(template: MailTemplate, language: str, *, by: Person | None) -> TemplateVersion:
    """The next version no longer speaks it.

    Raises:
        Refusal: it is the default, or not spoken.
    """
    newest = _spoken(template, language)
    if newest.default_language == language:
        raise Refusal("default_language", _("This is the default. Choose another default first."))
    rest = {code: text for code, text in texts_of(newest).items() if code != language}
    return templates.save_version(template, rest, default_language=newest.default_language, by=by)


def set_default(template: MailTemplate, language: str, *, by: Person | None) -> TemplateVersion:
    """Readers whose language it does not speak get this one.

    Raises:
        Refusal: it is not spoken.
    """
    newest = _spoken(template, language)
    return templates.save_version(template, texts_of(newest), default_language=language, by=by)


def take_again(template: MailTemplate, number: int, *, by: Person | None) -> TemplateVersion:
    """Save what an older version said as the newest one.

    Raises:
        NotFound: there is no such version.
    """
    _locked(template)
    old = version_numbered(template, number)
    return templates.save_version(
        template, texts_of(old), default_language=old.default_language, by=by
    )


def copy(
    template: MailTemplate,
    *,
    of: WhiteLabel | None,
    slug: str,
    name: str,
    by: Person | None,
) -> MailTemplate:
    """Another template that says the same now; it has a history of its own.

    Raises:
        Refusal: the slug is taken or malformed, or there is nothing to copy yet.
    """
    newest = templates.newest_version(template)
    new = templates.create(of, slug=slug, name=name)
    new.samples = dict(template.samples)
    new.preferred_server_id = template.preferred_server_id
    templates.save_version(new, texts_of(newest), default_language=newest.default_language, by=by)
    return new


def keep_samples(template: MailTemplate, typed: dict[str, str]) -> None:
    """Remember the values that it is looked at with.

    Raises:
        Refusal: at the field of the one that is not fit.
    """
    template.samples = check_samples(typed)


def _locked(template: MailTemplate) -> TemplateVersion | None:
    """The newest version, which stays the newest until the end of the transaction."""
    db.session.execute(
        select(MailTemplate.id).where(MailTemplate.id == template.id).with_for_update()
    )
    return templates.latest(template)


def _spoken(template: MailTemplate, language: str) -> TemplateVersion:
    newest = _locked(template)
    if newest is None or language not in templates.languages_of(newest):
        raise Refusal("language_unknown", _("The template does not speak this language."))
    return newest


def _then(template: MailTemplate, number: int, language: str) -> Wording | None:
    if not number:
        return None
    return templates.wordings_of(version_numbered(template, number)).get(language)
