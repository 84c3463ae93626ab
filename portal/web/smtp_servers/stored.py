"""A test of a server as it is stored: if it goes well, mail flows through it again."""

from __future__ import annotations

from flask import current_app, g
from flask.typing import ResponseReturnValue

from portal.config import Config
from portal.core.db import db
from portal.delivery.mending import mended
from portal.mail_templates.specimens import newest_texts
from portal.senders.senders import SenderValues
from portal.smtp_settings import servers
from portal.smtp_settings.models import SmtpServer
from portal.smtp_settings.probe import Finding
from portal.smtp_settings.targets import our_name, target_of
from portal.web.smtp_servers import trying
from portal.web.smtp_servers.forms import TestFields
from portal.web.smtp_servers.trying import Result


def try_stored(
    form: TestFields, server: SmtpServer, sender: SenderValues
) -> ResponseReturnValue | Result:
    """A stream where the page asks for one, else the result.

    Raises:
        Refusal: the secret is lost, the recipient is no address, or there were too many tests.
    """
    config: Config = current_app.config["LIVERY"]
    target = target_of(server, helo=our_name(config), authority=config.microsoft_authority)
    texts = newest_texts(g.white_label)
    attempt = trying.attempt(form, texts, target, sender, server.preset)
    server_id, version = server.id, server.version
    db.session.commit()  # counted, and no transaction is open while we talk to the server

    def note(finding: Finding) -> None:
        if finding.proof is None:
            return
        db.session.expire_all()
        now = servers.find_server(g.white_label, server_id)
        # What was proven are the settings of before; others may stand there by now.
        if now.version == version:
            mended(now, finding.proof, from_email=sender.email)
        db.session.commit()

    if trying.wants_stream():
        return trying.stream(attempt, after=note)
    finding = trying.run(attempt)
    note(finding)
    return trying.result_of(attempt, finding)
