"""Looking something up in the delivery log: the questions of its form, and its columns as CSV."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from flask import g
from flask_babel import gettext as _
from wtforms import DateField, SelectChoice, SelectField, StringField
from wtforms.validators import Optional, Regexp, ValidationError

from portal.accounts.models import Role
from portal.apps.models import App
from portal.campaigns import listing as campaigns
from portal.campaigns.models import Campaign
from portal.core.words import lazy
from portal.delivery import log as deliveries
from portal.delivery.log import Search
from portal.outbox import as_sent
from portal.outbox.models import Delivery
from portal.outbox.states import State
from portal.smtp.addresses import AddressError, parse_address
from portal.smtp_settings.models import SmtpServer
from portal.web.csv_file import Cell
from portal.web.forms import Query, number_in, tidy
from portal.web.states import STATES
from portal.white_labels.models import WhiteLabel
from portal.white_labels.tenants import all_white_labels

MORE = ("white_label", "app", "campaign", "server", "code", "since", "until")
"""Questions that are asked less often; they stand folded away."""
_is_message = re.compile(r"msg_[0-9a-f]{24}(\.[0-9]+)?").fullmatch
_is_message_id = re.compile(r"<?(msg_[0-9a-f]{24}\.[0-9]+)@[^@\s<>]+>?").fullmatch


def without_domain(text: str | None) -> str | None:
    """A Message-ID as a mail program shows it begins with what the log knows."""
    found = _is_message_id(text or "")
    return found[1] if found else text


class SearchForm(Query):
    q = StringField(
        lazy("Recipient or message"),
        filters=[tidy, without_domain],
        render_kw={"type": "search", "placeholder": lazy("An address, or msg_…")},
    )
    state = SelectField(lazy("State"), default="")
    white_label = SelectField(lazy("White label"), default="")
    app = SelectField(lazy("App"), default="")
    campaign = SelectField(lazy("Campaign"), default="")
    server = SelectField(lazy("Server"), default="")
    code = StringField(
        lazy("Reply code"),
        filters=[tidy],
        validators=[
            Optional(),
            Regexp("[2-5][0-9]{2}$", message=lazy("Three digits, such as 550.")),
        ],
        render_kw={"inputmode": "numeric", "placeholder": "550"},
    )
    since = DateField(lazy("From"), validators=[Optional()])
    until = DateField(lazy("Until"), validators=[Optional()])

    def validate_q(self, field: StringField) -> None:
        """A whole address or a whole id: both are found at once, however much mail there is."""
        if not field.data or _is_message(field.data):
            return
        try:
            parse_address(field.data)
        except AddressError:
            words = _("Type a whole address, or a message's id as the API gave it.")
            raise ValidationError(words) from None

    def offer(self) -> None:
        """What there is to choose from here."""
        anything = SelectChoice("", _("Any"))
        self.state.choices = [
            anything,
            *(SelectChoice(state.value, words) for state, (words, _look) in STATES.items()),
        ]
        owners: dict[str, WhiteLabel] = {}
        if g.site.is_platform:
            owners = {str(one.id): one for one in all_white_labels()}
            self.white_label.choices = [
                anything,
                *(SelectChoice(number, one.name) for number, one in owners.items()),
            ]
        else:
            del self.white_label
        of = owners.get(self.white_label.data or "") if self.white_label else None
        self.app.choices = [anything, *_named(self._apps(of), owners)]
        self.server.choices = [anything, *_named(self._servers(of), owners)]
        if whose() is not None:
            del self.campaign
        else:
            self.campaign.choices = [anything, *_named(self._campaigns(of), owners)]

    def _apps(self, of: WhiteLabel | None) -> Sequence[App]:
        """This white label's; in the Backoffice those of the chosen one, and the one asked for."""
        if not g.site.is_platform:
            return deliveries.apps_in(g.site.white_label_id)
        return deliveries.apps_in_any(of=of.id if of else None, chosen=number_in(self.app.data))

    def _servers(self, of: WhiteLabel | None) -> Sequence[SmtpServer]:
        """The platform's, and whose the apps are."""
        if not g.site.is_platform:
            return deliveries.servers_in(g.site.white_label_id)
        return deliveries.servers_in_any(
            of=of.id if of else None, chosen=number_in(self.server.data)
        )

    def _campaigns(self, of: WhiteLabel | None) -> Sequence[Campaign]:
        """The newest, and the one asked for."""
        chosen = number_in(self.campaign.data)
        if not g.site.is_platform:
            return campaigns.to_choose_from(g.site.white_label_id, chosen=chosen)
        return campaigns.to_choose_from_any(of=of, chosen=chosen)

    @property
    def within(self) -> int | None:
        """Whose mail is searched: this white label's, or in the Backoffice the chosen one's."""
        if g.site.is_platform and self.white_label.data:
            return int(self.white_label.data)
        of_here: int | None = g.site.white_label_id
        return of_here

    def search(self) -> Search:
        """The question; what does not make sense finds what the rest finds."""
        q = self.q.data or ""
        message = _is_message(q)
        return Search(
            email=str(parse_address(q)) if q and not message else None,
            message=q.partition(".")[0] if message else None,
            app_id=int(self.app.data) if self.app.data else None,
            campaign=self._campaign(),
            state=State(self.state.data) if self.state.data else None,
            server_id=int(self.server.data) if self.server.data else None,
            code=int(self.code.data) if self.code.data else None,
            since=_midnight(self.since.data) if self.since.data else None,
            until=_midnight(self.until.data, days=1) if self.until.data else None,
            whose=whose(),
        )

    def _campaign(self) -> Campaign | None:
        """The campaign that was chosen."""
        if not self.campaign or not self.campaign.data:
            return None
        number = int(self.campaign.data)
        if g.site.is_platform:
            return campaigns.find_in_any(number)
        return campaigns.find(g.site.white_label_id, number)


def _named(
    rows: Iterable[App | SmtpServer | Campaign], owners: Mapping[str, WhiteLabel]
) -> Iterator[SelectChoice]:
    """What can be chosen, in the Backoffice with whose it is."""
    for one in rows:
        owner = owners.get(str(one.white_label_id))
        yield SelectChoice(str(one.id), f"{owner.name}: {one.name}" if owner else one.name)


def whose() -> int | None:
    """An agent sees what was written by them or in their name."""
    return g.person.id if g.person.role is Role.AGENT else None


def _midnight(day: date, *, days: int = 0) -> datetime | None:
    """The beginning of that day, or so many days later, where the reader is.

    None where the calendar ends before: no mail is older or newer than that.
    """
    try:
        there = datetime.combine(day + timedelta(days), time(), ZoneInfo(g.person.time_zone))
        return there.astimezone(UTC)
    except OverflowError:
        return None


def header() -> list[str]:
    """The names of the columns."""
    names = [
        _("Accepted"), _("Message"), _("To"), _("From"), _("Subject"), _("App"), _("Campaign"),
        _("State"), _("Server"), _("Code"), _("Extended code"), _("Words"), _("Attempts"),
        _("Settled"),
    ]  # fmt: skip
    return [_("White label"), *names] if g.site.is_platform else names


def rows(found: Iterable[Delivery]) -> Iterator[list[Cell]]:
    """What is found, as cells. What depends on the reader is looked up here, not row by row."""
    words = {state: str(label) for state, (label, _look) in STATES.items()}
    campaign = cache(campaigns.name_of)
    return (_cells(one, words, campaign) for one in found)


def _cells(
    one: Delivery, words: Mapping[State, str], campaign: Callable[[int | None], str | None]
) -> list[Cell]:
    message = one.message
    row: list[Cell] = [
        message.created_at,
        f"{message.public_id}.{one.position}",
        one.email,
        message.from_email,
        as_sent.subject_of(one),
        message.app.name if message.app else None,
        campaign(message.campaign_id),
        words[one.state],
        one.server.name if one.server else None,
        one.code,
        one.enhanced,
        one.words,
        one.attempts,
        one.settled_at,
    ]
    if g.site.is_platform:
        row.insert(0, message.white_label.name if message.white_label else None)
    return row
