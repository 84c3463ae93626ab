"""Letters about a hostname: it is served, its proof is missing, it is suspended, it is back."""

from __future__ import annotations

from collections.abc import Sequence

from portal.accounts import people
from portal.accounts.models import Person, Role
from portal.core.errors import Refusal
from portal.core.logs import logger
from portal.notices.post import letterhead_of, post
from portal.white_labels.hostnames import Change, is_reachable, proof_of
from portal.white_labels.models import Hostname


def tell(hostname: Hostname, change: Change) -> None:
    """Tell the white label's admins, and the platform's owners where a portal goes or comes back.

    The letter shows the record, so that it helps also where no portal is left to open. One that
    the outbox does not take is noted in the log: what DNS says holds all the same.
    """
    for person in _told(hostname, change):
        try:
            _write(hostname, change, to=person)
        except Refusal as refusal:
            logger("hostnames").warning("letter_not_written", person=person.id, why=refusal.code)


def _told(hostname: Hostname, change: Change) -> Sequence[Person]:
    admins = list(people.with_role(hostname.white_label_id, Role.ADMIN))
    if change in (Change.SUSPENDED, Change.SERVED_AGAIN):
        return [*admins, *people.with_role(None, Role.PLATFORM_OWNER)]
    return admins


def _write(hostname: Hostname, change: Change, *, to: Person) -> None:
    white_label, proof = hostname.white_label, proof_of(hostname)
    origin = letterhead_of(to).origin
    link = ""
    if to.white_label_id is None:
        link = f"{origin}/backoffice/white-labels/{white_label.id}/hostnames"
    elif is_reachable(white_label):
        link = f"{origin}/hostnames"
    post(
        "hostname_news",
        to=to,
        news=change.value,
        hostname=hostname.name,
        white_label=white_label.name,
        record=proof.name,
        value=proof.value,
        link=link,
    )
