"""Attempts: guessing gets slower, for an account and for an address, counted in the database.

Every attempt is counted before the password is looked at, so that many guesses at once are no
cheaper than one after another, and names that do not exist are counted like those that do.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from sqlalchemy import delete, func, insert, select, text

from portal.accounts.models import Tally
from portal.core import clock
from portal.core.db import db, forget_rows, writing_aside

WINDOW = timedelta(minutes=15)
FREE_FOR_ACCOUNT = 5
FREE_FOR_ADDRESS = 30
"""A whole office may stand behind one address."""
LONGEST = timedelta(minutes=5)
"""A stranger who guesses must not lock the owner out for longer."""


def account(white_label_id: int | None, name: str) -> str:
    """What is counted for a typed name at one tenant; hashed, because it is personal."""
    return "sign-in account:" + _hashed(f"{white_label_id or 0}|{name.strip().casefold()}")


def address(remote: str) -> str:
    """What is counted for a network address; an IPv6 customer is a /64."""
    try:
        ip = ip_address(remote)
    except ValueError:
        return "sign-in address:" + _hashed(remote)
    if isinstance(ip, IPv6Address):
        remote = str(ip_network((ip, 64), strict=False))
    return "sign-in address:" + _hashed(remote)


def begin(account: str, address: str) -> timedelta:
    """Count one attempt; how long it must wait, zero to go on.

    An attempt that must wait is not counted: waiting it out is enough, and hammering does not
    lengthen it. Nothing is decided until the caller has committed.
    """
    for subject in (account, address):
        _take_turns(subject)
    wait = max(_wait(account, FREE_FOR_ACCOUNT), _wait(address, FREE_FOR_ADDRESS))
    if not wait:
        count(account)
        count(address)
    return wait


def forget(account: str) -> None:
    """The password was right: what was mistyped before does not count."""
    db.session.execute(delete(Tally).where(Tally.subject == account))


def count(subject: str) -> None:
    """Note that this happened now."""
    db.session.add(Tally(subject=subject, at=clock.now()))
    db.session.flush()


def count_aside(subject: str) -> None:
    """The same where a page only reads: in a short transaction of its own.

    Raises:
        OperationalError: the store is busy.
    """
    with writing_aside() as connection:
        connection.execute(insert(Tally).values(subject=subject, at=clock.now()))


def take_back(subject: str, within: timedelta) -> None:
    """Count the first of the span no more: what it stood for has ended."""
    first = select(func.min(Tally.id)).where(
        Tally.subject == subject, Tally.at > clock.now() - within
    )
    db.session.execute(
        delete(Tally).where(Tally.id == first.scalar_subquery()),
        execution_options={"synchronize_session": False},
    )


def how_often(subject: str, within: timedelta) -> int:
    """How often it happened in the span that ends now.

    Whoever asks, and then counts one more, has the answer to themselves until they commit.
    """
    _take_turns(subject)
    query = select(func.count()).select_from(Tally)
    return (
        db.session.scalar(query.where(Tally.subject == subject, Tally.at > clock.now() - within))
        or 0
    )


def forget_before(moment: datetime) -> int:
    """Forget what happened before this moment; tells how much."""
    return forget_rows(Tally, Tally.at < moment)


def _take_turns(subject: str) -> None:
    """Two at once are counted one after the other; SQLite has one writer anyway."""
    if db.engine.dialect.name == "postgresql":
        db.session.execute(
            text("SELECT pg_advisory_xact_lock(7062, hashtext(:subject))"), {"subject": subject}
        )


def _wait(subject: str, free: int) -> timedelta:
    """The first few are free; then one, two, four … seconds after the last, up to `LONGEST`."""
    since = clock.now() - WINDOW
    number, last = db.session.execute(
        select(func.count(), func.max(Tally.at)).where(Tally.subject == subject, Tally.at > since)
    ).one()
    if number < free:
        return timedelta()
    seconds = min(2 ** min(number - free, 20), LONGEST.total_seconds())
    return max(last + timedelta(seconds=seconds) - clock.now(), timedelta())


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:40]
