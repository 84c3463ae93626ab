"""Audiences: lists of people that are kept and used again; the white label comes first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sqlalchemy import ColumnElement, Select, select, update
from sqlalchemy import delete as delete_rows

from portal.accounts.models import Person
from portal.audit import trail
from portal.campaigns.mapping import LONGEST_VALUE, RESERVED, language_tag
from portal.campaigns.models import (
    Audience,
    AudienceImport,
    AudienceMember,
    Campaign,
    CampaignState,
    ImportPiece,
    ImportState,
)
from portal.core import clock
from portal.core.db import db, lock
from portal.core.errors import NotFound, Refusal
from portal.core.paging import SIZE, Page, page_of
from portal.core.search import each_word_in
from portal.core.words import _
from portal.smtp.addresses import AddressError, check_name, parse_address
from portal.white_labels.models import WhiteLabel

LONGEST_NAME = 120
AT_ONCE = 2000
"""Rows that are read or removed in one step."""
USING = (CampaignState.SCHEDULED, CampaignState.RUNNING, CampaignState.PAUSED)


def create(white_label: WhiteLabel, *, name: str, by: Person | None) -> Audience:
    """A new, empty audience.

    Raises:
        Refusal: the name is missing, too long or taken.
    """
    audience = Audience(
        white_label_id=white_label.id,
        name=_fit_name(white_label.id, name),
        created_at=clock.now(),
        created_by_id=by.id if by else None,
        columns={},
        languages={},
    )
    db.session.add(audience)
    db.session.flush()
    _told(audience, "created")
    return audience


def rename(audience: Audience, *, name: str) -> None:
    """Give it another name.

    Raises:
        Refusal: as `create`.
    """
    if name.strip() == audience.name:
        return
    before, audience.name = audience.name, _fit_name(audience.white_label_id, name)
    _told(audience, "renamed", {"before": before})


def delete(audience: Audience) -> None:
    """Nobody finds it any more; its rows go step by step, see `clear_away`.

    A list on its way into it is not wanted any more either: what was read of it goes as after
    `imports.cancel`, whoever reads on.

    Raises:
        Refusal: a campaign still takes people from it.
    """
    lock(audience)
    if _is_used(audience):
        raise Refusal(
            "audience_in_use",
            _("A campaign that is scheduled or under way takes its people from this audience."),
        )
    audience.deleted_at = clock.now()
    _call_lists_off(audience)
    _told(audience, "deleted", {"people": audience.size})


def find(white_label_id: int, audience_id: int) -> Audience:
    """One audience.

    Raises:
        NotFound: missing, deleted or somebody else's.
    """
    found = db.session.scalar(_of(white_label_id).where(Audience.id == audience_id))
    if found is None:
        raise NotFound(_("audience"))
    return found


def page(
    white_label_id: int,
    *,
    search: str = "",
    before: int | None = None,
    after: int | None = None,
    size: int = SIZE,
) -> Page[Audience]:
    """The audiences, newest first; each word of `search` is in the name."""
    query = _of(white_label_id).where(*each_word_in(search, Audience.name))
    return page_of(query, Audience.id, before=before, after=after, size=size)


def choices(white_label_id: int) -> Sequence[Audience]:
    """All of them by name, to choose from."""
    return db.session.scalars(_of(white_label_id).order_by(Audience.name)).all()


def columns_of(audience: Audience) -> list[str]:
    """The variables that its people have values for."""
    return sorted(audience.columns)


def campaigns_of(audience: Audience) -> Sequence[Campaign]:
    """The campaigns that went to it, or will, newest first."""
    query = select(Campaign).where(
        Campaign.white_label_id == audience.white_label_id, Campaign.audience_id == audience.id
    )
    return db.session.scalars(query.order_by(Campaign.id.desc())).all()


# Members


def visible(audience: Audience) -> ColumnElement[bool]:
    """The people who are really in it: none of a file that is still being read."""
    return (AudienceMember.audience_id == audience.id) & (AudienceMember.id <= audience.visible_to)


def members(
    audience: Audience,
    *,
    search: str = "",
    before: int | None = None,
    after: int | None = None,
    size: int = SIZE,
) -> Page[AudienceMember]:
    """Its people, newest first; `search` is how an address begins."""
    query = select(AudienceMember).where(visible(audience))
    if search.strip():
        beginning = search.strip().lower()
        query = query.where(AudienceMember.address.startswith(beginning, autoescape=True))
    return page_of(query, AudienceMember.id, before=before, after=after, size=size)


def all_members(audience: Audience) -> Iterator[AudienceMember]:
    """Everybody in it, oldest first, read piece by piece."""
    last = 0
    while True:
        query = select(AudienceMember).where(visible(audience), AudienceMember.id > last)
        found = db.session.scalars(query.order_by(AudienceMember.id).limit(AT_ONCE)).all()
        yield from found
        if len(found) < AT_ONCE:
            return
        last = found[-1].id


def find_member(audience: Audience, member_id: int) -> AudienceMember:
    """One of its people.

    Raises:
        NotFound: missing, or in another audience.
    """
    query = select(AudienceMember).where(visible(audience), AudienceMember.id == member_id)
    found = db.session.scalar(query)
    if found is None:
        raise NotFound(_("member"))
    return found


def add_member(
    audience: Audience,
    *,
    email: str,
    name: str = "",
    language: str = "",
    values: Mapping[str, str] | None = None,
) -> AudienceMember:
    """One more person.

    Raises:
        Refusal: something is wrong with the address, name, language or a value, they are there
            already, or a file is just being read.
    """
    lock(audience)
    refuse_while_open(audience)
    try:
        address = parse_address(email.strip())
        check_name(name.strip())
    except AddressError as error:
        field = "name" if error.code.startswith("name") else "email"
        raise Refusal(error.code, error.words, field=field) from None
    tag = language_tag(language) if language.strip() else ""
    if tag is None:
        raise Refusal(
            "language_malformed",
            _("A language is written like en, de or pt-BR."),
            field="language",
        )
    kept = {key: value.strip() for key, value in (values or {}).items() if value.strip()}
    if not RESERVED.isdisjoint(kept) or any(len(value) > LONGEST_VALUE for value in kept.values()):
        raise Refusal(
            "value_not_fit",
            _("A value has at most %(limit)s characters.", limit=LONGEST_VALUE),
            field="values",
        )
    known = select(AudienceMember.id).where(
        AudienceMember.audience_id == audience.id, AudienceMember.address == address.folded
    )
    if db.session.scalar(known) is not None:
        raise Refusal("member_known", _("This address is in the audience already."), field="email")
    member = AudienceMember(
        audience_id=audience.id,
        address=address.folded,
        email=str(address),
        name=name.strip(),
        language=tag,
        values=kept or None,
    )
    db.session.add(member)
    db.session.flush()
    audience.visible_to = member.id
    count(audience, [member], 1)
    return member


def remove_member(audience: Audience, member: AudienceMember) -> None:
    """Take one person out; campaigns that are in the outbox already are not touched.

    Raises:
        NotFound: somebody has just done so.
    """
    lock(audience)
    its = delete_rows(AudienceMember).where(AudienceMember.id == member.id)
    if db.session.scalar(its.returning(AudienceMember.id)) is None:
        raise NotFound(_("member"))
    count(audience, [member], -1)


def count(audience: Audience, people: Sequence[AudienceMember], sign: int) -> None:
    """Keep the numbers of the audience up to date with these, added (1) or removed (-1)."""
    columns, languages = dict(audience.columns), dict(audience.languages)
    for member in people:
        add(columns, member.values or {}, sign)
        add(columns, ["name"] if member.name else [], sign)
        add(languages, [member.language], sign)
    audience.size += sign * len(people)
    audience.columns, audience.languages = columns, languages


def add(counts: dict[str, int], names: Mapping[str, object] | Sequence[str], number: int) -> None:
    """So many more of these names; a name that nobody has is dropped."""
    for name in names:
        counts[name] = counts.get(name, 0) + number
        if counts[name] <= 0:
            del counts[name]


def refuse_while_open(audience: Audience) -> None:
    """Only one thing at a time is put into an audience.

    Raises:
        Refusal: a file is being read or waits for somebody to confirm it.
        NotFound: it was deleted a moment ago.
    """
    if audience.deleted_at is not None:
        raise NotFound(_("audience"))
    # Rows of one that is not wanted any more lie behind the visible until they are removed.
    leaves = (AudienceImport.state != ImportState.DONE) & (AudienceImport.added > 0)
    query = select(AudienceImport.id).where(
        AudienceImport.audience_id == audience.id,
        AudienceImport.state.in_([state for state in ImportState if state.is_open]) | leaves,
    )
    if db.session.scalar(query.limit(1)) is not None:
        raise Refusal(
            "import_open",
            _("A list is on its way into this audience: confirm or cancel it first."),
        )


def clear_away(audience_id: int) -> Iterator[None]:
    """Remove the rows of a deleted audience; the caller commits after each step."""
    audience = db.session.get(Audience, audience_id)
    if audience is None or audience.deleted_at is None:
        return
    yield from remove_rows(audience_id, beyond=0)
    audience.size, audience.visible_to = 0, 0
    yield


def remove_rows(audience_id: int, *, beyond: int) -> Iterator[None]:
    """Remove the members with greater ids than this, some at a time."""
    while True:
        some = (
            select(AudienceMember.id)
            .where(AudienceMember.audience_id == audience_id, AudienceMember.id > beyond)
            .order_by(AudienceMember.id)
            .limit(AT_ONCE)
        )
        gone = db.session.scalars(
            delete_rows(AudienceMember)
            .where(AudienceMember.id.in_(some))
            .returning(AudienceMember.id)
            .execution_options(synchronize_session=False)
        ).all()
        yield
        if len(gone) < AT_ONCE:
            return


def left_behind() -> Sequence[int]:
    """Deleted audiences that still have rows."""
    query = select(Audience.id).where(Audience.deleted_at.is_not(None), Audience.visible_to > 0)
    return db.session.scalars(query).all()


def _call_lists_off(audience: Audience) -> None:
    its_own = AudienceImport.audience_id == audience.id
    is_open = AudienceImport.state.in_([state for state in ImportState if state.is_open])
    db.session.execute(
        update(AudienceImport)
        .where(its_own, is_open)
        .values(state=ImportState.CANCELLED, ended_at=clock.now())
        .execution_options(synchronize_session=False)
    )
    db.session.execute(
        delete_rows(ImportPiece)
        .where(ImportPiece.import_id.in_(select(AudienceImport.id).where(its_own)))
        .execution_options(synchronize_session=False)
    )


def _fit_name(white_label_id: int, name: str) -> str:
    name = " ".join(name.split())
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise Refusal(
            "name_not_fit",
            _("A name has 1 to %(limit)s characters.", limit=LONGEST_NAME),
            field="name",
        )
    if db.session.scalar(_of(white_label_id).where(Audience.name == name)) is not None:
        raise Refusal("name_taken", _("There is an audience of this name."), field="name")
    return name


def _is_used(audience: Audience) -> bool:
    query = select(Campaign.id).where(
        Campaign.audience_id == audience.id,
        Campaign.state.in_(USING),
        ~Campaign.is_handed_over,
    )
    return db.session.scalar(query.limit(1)) is not None


def _of(white_label_id: int) -> Select[Audience]:
    return select(Audience).where(
        Audience.white_label_id == white_label_id, Audience.deleted_at.is_(None)
    )


def _told(audience: Audience, what: str, facts: Mapping[str, object] | None = None) -> None:
    target = f"audience {audience.id} {audience.name}"
    trail.record(audience.white_label_id, f"audience.{what}", target, facts or {})
