"""Telling the admins of a server, once, that it was parked: a person has to mend it."""

from __future__ import annotations

from queue import Empty

from portal.accounts import people
from portal.accounts.models import Role
from portal.core.db import db
from portal.core.logs import logger
from portal.core.words import Said
from portal.delivery.consequences import Park
from portal.delivery.works import Works
from portal.notices.post import post
from portal.notices.server_link import link_to
from portal.smtp.advice import Advice, advise
from portal.smtp_settings.models import AuthKind, SmtpServer
from portal.smtp_settings.standing import words_of_server


def tell(works: Works) -> None:
    """Write the notices for everything that was parked since the last time."""
    while True:
        try:
            server_id, park = works.news.get_nowait()
        except Empty:
            return
        with works.context():
            try:
                tell_parked(server_id, park)
                db.session.commit()
            except Exception:  # noqa: BLE001 - mail must not stop because of mail about mail
                # The page shows that it is parked in any case.
                logger("delivery").exception("notice_not_written", server=server_id)
                db.session.rollback()


def tell_parked(server_id: int, park: Park) -> None:
    """One notice for each admin of the white label, or each platform owner."""
    server = db.session.get(SmtpServer, server_id)
    if server is None or server.is_deleted:
        return
    role = Role.PLATFORM_OWNER if server.is_platform else Role.ADMIN
    advice = _advice(server, park)
    said = words_of_server(park.words)
    for admin in people.with_role(server.white_label_id, role):
        post(
            "server_parked",
            to=admin,
            server=server.name,
            words=said or (park.words if isinstance(park.words, Said) else advice.meaning),
            is_ours=not said,
            advice=advice.what_to_do,
            link=link_to(server, admin),
        )


def _advice(server: SmtpServer, park: Park) -> Advice:
    by_token = server.auth is AuthKind.BEARER
    return advise(park.stage, park.fate, server.preset, by_token=by_token)
