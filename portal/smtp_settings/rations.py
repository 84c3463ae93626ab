"""How many tests there may be: a test is mail that nobody asked for, and a knock at a stranger's.

Counted in the database before anything is sent; the caller commits, then tests.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from portal.accounts import attempts
from portal.accounts.models import Person
from portal.core.errors import Refusal
from portal.core.words import _
from portal.smtp.addresses import Address

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
CONNECTIONS_A_PERSON = 60  # an hour
MESSAGES_A_PERSON = 5  # an hour
MESSAGES_A_WHITE_LABEL = 20  # a day
MESSAGES_TO_ONE_ADDRESS = 3  # a day, whoever sends them


def count_connection(person: Person) -> None:
    """Count one session that this person opens by hand.

    Raises:
        Refusal: there were too many in the last hour.
    """
    subject = f"connection test person:{person.id}"
    if attempts.how_often(subject, HOUR) >= CONNECTIONS_A_PERSON:
        raise Refusal(
            "too_many_tests",
            _(
                "You have tested %(count)s times in an hour. Wait a little.",
                count=CONNECTIONS_A_PERSON,
            ),
        )
    attempts.count(subject)


def count_message(person: Person, to: Address) -> None:
    """Count one test message of this person to this address.

    Raises:
        Refusal: there were too many by the person, the white label, or to the address.
    """
    by_person = f"test mail person:{person.id}"
    by_tenant = f"test mail tenant:{person.white_label_id or 0}"
    by_address = f"test mail to:{hashlib.sha256(to.folded.encode()).hexdigest()[:40]}"
    if attempts.how_often(by_person, HOUR) >= MESSAGES_A_PERSON:
        raise Refusal(
            "too_many_tests",
            _(
                "You have sent %(count)s test mails in an hour. Wait a little.",
                count=MESSAGES_A_PERSON,
            ),
            field="recipient",
        )
    if attempts.how_often(by_tenant, DAY) >= MESSAGES_A_WHITE_LABEL:
        raise Refusal(
            "too_many_tests",
            _(
                "%(count)s test mails were sent here in a day. Go on tomorrow.",
                count=MESSAGES_A_WHITE_LABEL,
            ),
            field="recipient",
        )
    if attempts.how_often(by_address, DAY) >= MESSAGES_TO_ONE_ADDRESS:
        raise Refusal(
            "too_many_tests",
            _("This address has had %(count)s test mails in a day.", count=MESSAGES_TO_ONE_ADDRESS),
            field="recipient",
        )
    for subject in (by_person, by_tenant, by_address):
        attempts.count(subject)
