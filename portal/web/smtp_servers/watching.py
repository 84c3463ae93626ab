"""One server: how it stands, what it is, and a test of it as it is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Response, g, render_template
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from portal.core import clock
from portal.core.db import db
from portal.core.errors import Refusal
from portal.mail_templates.specimens import newest_texts
from portal.outbox import effects
from portal.senders import senders
from portal.senders.listing import senders_on
from portal.senders.senders import SenderValues
from portal.smtp_settings import servers
from portal.smtp_settings.advising import advice_for
from portal.smtp_settings.models import SmtpServer
from portal.smtp_settings.presets import Preset, preset
from portal.smtp_settings.standing import (
    Standing,
    advice_on_parking,
    standing_of,
    words_of_parking,
)
from portal.web.csv_file import csv_file
from portal.web.smtp_servers.forms import TLS_SHORT, TestFields
from portal.web.smtp_servers.place import list_url
from portal.web.smtp_servers.stored import try_stored
from portal.web.smtp_servers.trying import Result
from portal.white_labels.models import MailMode

PILLS = {
    Standing.WORKING: "good",
    Standing.RESTING: "wait",
    Standing.PARKED: "bad",
    Standing.LOCKED_OUT: "bad",
    Standing.UNTESTED: "warn",
    Standing.DISABLED: "quiet",
    Standing.DRAFT: "quiet",
}


@dataclass(frozen=True, slots=True)
class ServerRow:
    """One line of the list."""

    server: SmtpServer
    service: Preset
    standing: Standing

    @property
    def pill(self) -> str:
        return PILLS[self.standing]

    @property
    def way(self) -> str:
        """Host, port and encryption."""
        server = self.server
        return f"{server.host}:{server.port}, {TLS_SHORT[server.tls]}"


def server_rows(search: str = "") -> Sequence[ServerRow]:
    """The servers of this portal, by name; `search` is part of a name or host."""
    words = search.casefold()
    return [
        row_of(server)
        for server in servers.servers_of(g.white_label)
        if words in f"{server.name} {server.host}".casefold()
    ]


def row_of(server: SmtpServer) -> ServerRow:
    """How the server is shown."""
    return ServerRow(server, preset(server.preset), standing_of(server, now=clock.now()))


def servers_csv() -> Response:
    """The whole list as a file."""
    header = (
        _("Name"),
        _("Host"),
        _("Port"),
        _("Encryption (TLS)"),
        _("Service"),
        _("Configured by"),
        _("State"),
        _("Sent"),
        _("Failed"),
    )
    rows = [
        (
            row.server.name,
            row.server.host,
            row.server.port,
            str(TLS_SHORT[row.server.tls]),
            str(row.service.label),
            row.server.configured_by.email,
            str(row.standing.words),
            row.server.health.sent,
            row.server.health.failed,
        )
        for row in server_rows()
    ]
    return csv_file("smtp-servers", header, rows)


def server(server_id: int) -> ResponseReturnValue:
    """The answer first: does it work; then everything about it."""
    row = row_of(servers.find_server(g.white_label, server_id))
    texts = newest_texts(g.white_label)
    form = TestFields()
    form.offer(texts)
    result = None
    if form.validate_on_submit():
        try:
            answer = _test(form, row.server)
        except Refusal as refusal:
            db.session.rollback()
            form.refuse(refusal)
        else:
            if not isinstance(answer, Result):
                return answer
            result = answer
            row = row_of(servers.find_server(g.white_label, server_id))
    return _page(form, row, result)


def _test(form: TestFields, server: SmtpServer) -> ResponseReturnValue | Result:
    sender = senders.primary_of(server)
    if sender is None:
        raise Refusal("sender_missing", _("It has no sender yet: edit it, and name one."))
    return try_stored(form, server, SenderValues(sender.email, sender.name))


def _page(form: TestFields, row: ServerRow, result: Result | None) -> ResponseReturnValue:
    stored = row.server
    sender = senders.primary_of(stored)
    return render_template(
        "shared/servers/server.html",
        form=form,
        row=row,
        server=stored,
        service=row.service,
        result=result,
        senders=senders_on(stored, of=g.white_label),
        effects=effects.of_deleting(stored),
        warnings=advice_for(
            g.white_label, servers.values_of(stored), from_email=sender.email if sender else ""
        ),
        parking=advice_on_parking(stored),
        parked_words=words_of_parking(stored.health),
        is_unused=g.white_label is not None and g.white_label.mail_mode is MailMode.PLATFORM,
        list_url=list_url(),
    )
