"""White labels: made, named, coloured, suspended, and by whose servers they send."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import selectinload

from portal.audit import trail
from portal.core import clock
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.core.paging import SIZE, Page, page_of
from portal.core.search import search_words
from portal.core.words import _
from portal.white_labels.colours import check_colour
from portal.white_labels.logo import Logo
from portal.white_labels.models import Hostname, MailMode, WhiteLabel
from portal.white_labels.platform import check_name

_is_slug = re.compile("[a-z][a-z0-9-]{0,38}[a-z0-9]").fullmatch
RESERVED_SLUGS = frozenset({"platform", "backoffice", "static", "api"})


def create(*, slug: str, name: str, colour: str | None = None) -> WhiteLabel:
    """A new white label, without people and hostnames yet.

    Raises:
        Refusal: the slug is taken, reserved or malformed, or the name or colour is not fit.
    """
    if not _is_slug(slug):
        raise Refusal(
            "slug_malformed",
            _("A short name has 2 to 40 small letters, digits and hyphens, a letter first."),
            field="slug",
        )
    if slug in RESERVED_SLUGS or find_by_slug(slug) is not None:
        raise Refusal("slug_taken", _("This short name is taken."), field="slug")
    white_label = WhiteLabel(slug=slug, name=check_name(name), created_at=clock.now())
    if colour is not None:
        white_label.colour = check_colour(colour)
    db.session.add(white_label)
    db.session.flush()
    trail.record(white_label.id, "white_label.created", _told(white_label), {"slug": slug})
    return white_label


def change(
    white_label: WhiteLabel,
    *,
    name: str | None = None,
    colour: str | None = None,
    mail_mode: MailMode | None = None,
    shows_platform_name: bool | None = None,
) -> dict[str, object]:
    """Change what is given and is different; tells each change as field → new value."""
    wanted: dict[str, object] = {}
    if name is not None:
        wanted["name"] = check_name(name)
    if colour is not None:
        wanted["colour"] = check_colour(colour)
    if mail_mode is not None:
        wanted["mail_mode"] = mail_mode
    if shows_platform_name is not None:
        wanted["shows_platform_name"] = shows_platform_name
    changes = {
        field: value for field, value in wanted.items() if getattr(white_label, field) != value
    }
    before_and_after = {
        field: [getattr(white_label, field), value] for field, value in changes.items()
    }
    for field, value in changes.items():
        setattr(white_label, field, value)
    if changes:
        trail.record(white_label.id, "white_label.changed", _told(white_label), before_and_after)
    return changes


def set_logo(white_label: WhiteLabel, logo: Logo | None) -> None:
    """Show this picture in place of the first letter; None takes it away."""
    mark = logo.mark if logo else None
    if white_label.logo_mark == mark:
        return
    white_label.logo = logo.image if logo else None
    white_label.logo_mark = mark
    action = "white_label.logo_changed" if logo else "white_label.logo_removed"
    trail.record(white_label.id, action, _told(white_label))


def logo_of(white_label: WhiteLabel) -> bytes:
    """The picture, as PNG.

    Raises:
        NotFound: there is none.
    """
    if white_label.logo is None:
        raise NotFound(_("logo"))
    return white_label.logo


def suspend(white_label: WhiteLabel) -> None:
    """Nobody signs in, no key opens, queued mail is held; nothing is deleted."""
    if white_label.suspended_at is None:
        white_label.suspended_at = clock.now()
        trail.record(white_label.id, "white_label.suspended", _told(white_label))


def resume(white_label: WhiteLabel) -> None:
    """As before it was suspended."""
    if white_label.suspended_at is not None:
        white_label.suspended_at = None
        trail.record(white_label.id, "white_label.resumed", _told(white_label))


def search(
    words: str = "",
    *,
    is_suspended: bool | None = None,
    before: int | None = None,
    after: int | None = None,
    size: int = SIZE,
) -> Page[WhiteLabel]:
    """For the Backoffice: one page, the newest first; each word is in a name or a hostname."""
    query = select(WhiteLabel).options(selectinload(WhiteLabel.hostnames))
    for word in search_words(words):
        query = query.where(
            WhiteLabel.name.icontains(word, autoescape=True)
            | WhiteLabel.slug.icontains(word, autoescape=True)
            | WhiteLabel.hostnames.any(Hostname.name.icontains(word, autoescape=True))
        )
    if is_suspended is not None:
        query = query.where(WhiteLabel.suspended_at.is_not(None) == is_suspended)
    return page_of(query, WhiteLabel.id, before=before, after=after, size=size)


def all_white_labels() -> Sequence[WhiteLabel]:
    """For the Backoffice: every one, by name."""
    return db.session.scalars(select(WhiteLabel).order_by(WhiteLabel.name, WhiteLabel.id)).all()


def find_by_slug(slug: str) -> WhiteLabel | None:
    return db.session.scalar(select(WhiteLabel).where(WhiteLabel.slug == slug))


def find_white_label(white_label_id: int) -> WhiteLabel:
    """For the Backoffice.

    Raises:
        NotFound: there is none with this id.
    """
    white_label = db.session.get(WhiteLabel, white_label_id)
    if white_label is None:
        raise NotFound(_("white label"))
    return white_label


def _told(white_label: WhiteLabel) -> str:
    return f"white label {white_label.slug}"
