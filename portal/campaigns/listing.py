"""Campaigns looked up; the white label comes first, and the Backoffice says that it asks."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, and_, or_, select

from portal.campaigns.audiences import USING
from portal.campaigns.models import Campaign, CampaignState
from portal.core.db import db
from portal.core.errors import NotFound
from portal.core.paging import SIZE, Page, page_of
from portal.core.search import each_word_in
from portal.core.words import _
from portal.mail_templates.models import MailTemplate
from portal.senders.models import Sender
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.models import WhiteLabel


def find(white_label_id: int, campaign_id: int) -> Campaign:
    """One campaign of this white label.

    Raises:
        NotFound: missing or somebody else's.
    """
    return _one(_of(white_label_id).where(Campaign.id == campaign_id))


def find_in_any(campaign_id: int) -> Campaign:
    """One campaign, whosever it is: for the Backoffice alone.

    Raises:
        NotFound: missing.
    """
    return _one(select(Campaign).where(Campaign.id == campaign_id))


def find_public(white_label_id: int, public_id: str) -> Campaign:
    """The same as `find` by the id that programs use."""
    return _one(_of(white_label_id).where(Campaign.public_id == public_id))


def page(
    white_label_id: int,
    *,
    search: str = "",
    state: CampaignState | None = None,
    whose: int | None = None,
    before: int | None = None,
    after: int | None = None,
    size: int = SIZE,
) -> Page[Campaign]:
    """The campaigns, newest first; each word of `search` is in the name, `whose` a person's id."""
    query = _of(white_label_id).where(*each_word_in(search, Campaign.name))
    if state is not None:
        query = query.where(Campaign.state == state)
    if whose is not None:
        query = query.where(Campaign.author_id == whose)
    return page_of(query, Campaign.id, before=before, after=after, size=size)


def to_choose_from(white_label_id: int, *, chosen: int | None = None) -> Sequence[Campaign]:
    """This white label's newest campaigns, and the chosen one however old it is, newest first."""
    its_own = _of(white_label_id)
    return _newest_and(chosen, newest=its_own, within=its_own)


def to_choose_from_any(
    *, of: WhiteLabel | None = None, chosen: int | None = None
) -> Sequence[Campaign]:
    """The same of all white labels, for the Backoffice alone; `of` narrows the newest to one."""
    everybodys = select(Campaign)
    return _newest_and(chosen, newest=_of(of.id) if of else everybodys, within=everybodys)


def name_of(campaign_id: int | None) -> str | None:
    """What the campaign of a message is called; None: it belongs to none."""
    if campaign_id is None:
        return None
    return db.session.scalar(select(Campaign.name).where(Campaign.id == campaign_id))


def on_server(server: SmtpServer) -> Sequence[Campaign]:
    """Campaigns that are not over and were to leave through this server, by their name.

    A sender that was chosen decides; without one it is the template that may prefer a server.
    """
    going = (
        CampaignState.DRAFT,
        CampaignState.SCHEDULED,
        CampaignState.RUNNING,
        CampaignState.PAUSED,
    )
    by_sender = and_(Sender.server_id == server.id, Sender.deleted_at.is_(None))
    by_template = and_(Campaign.sender_id.is_(None), MailTemplate.preferred_server_id == server.id)
    query = (
        select(Campaign)
        .outerjoin(Sender, Sender.id == Campaign.sender_id)
        .outerjoin(MailTemplate, MailTemplate.id == Campaign.template_id)
        .where(Campaign.state.in_(going), or_(by_sender, by_template))
    )
    return db.session.scalars(query.order_by(Campaign.name, Campaign.id)).all()


def with_template(template: MailTemplate) -> Sequence[Campaign]:
    """Campaigns that were launched with this template and are not in the outbox whole, by name."""
    query = select(Campaign).where(
        Campaign.white_label_id == template.white_label_id,
        Campaign.template_id == template.id,
        Campaign.state.in_(USING),
        ~Campaign.is_handed_over,
    )
    return db.session.scalars(query.order_by(Campaign.name, Campaign.id)).all()


def _of(white_label_id: int) -> Select[Campaign]:
    return select(Campaign).where(Campaign.white_label_id == white_label_id)


def _one(query: Select[Campaign]) -> Campaign:
    found = db.session.scalar(query)
    if found is None:
        raise NotFound(_("campaign"))
    return found


def _newest_and(
    chosen: int | None, *, newest: Select[Campaign], within: Select[Campaign]
) -> Sequence[Campaign]:
    offered = list(page_of(newest, Campaign.id).rows)
    if chosen is not None and all(one.id != chosen for one in offered):
        offered += db.session.scalars(within.where(Campaign.id == chosen))
    return sorted(offered, key=lambda one: -one.id)
