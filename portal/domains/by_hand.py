"""Checks by hand, while somebody waits: counted before DNS is asked, so that they stay few at once.

A resolver that does not answer keeps a thread of the portal for seconds. Whoever clicks again
meanwhile, or on every name there is, must not take all of them from everybody else.
"""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from portal.accounts import attempts
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.words import _
from portal.domains import checks
from portal.domains.asking import PATIENCE
from portal.domains.models import Domain
from portal.white_labels.models import Hostname

LONGEST = timedelta(seconds=PATIENCE + 5)
"""After this a check is over, also where the process that asked did not live to say so."""
MOST_AT_ONCE = 3  # of all names of a white label


def begin(subject: Domain | Hostname) -> None:
    """Count a check that is under way from now on; the caller commits, asks, and says `end`.

    Raises:
        Refusal: this name is being looked for, or was a moment ago, or its white label asks too
            often or for too many names at once.
    """
    its_name, its_white_label = _counted(subject)
    if db.engine.dialect.name == "postgresql":
        # SQLite has one writer anyway; here two checks of one white label take turns.
        statement = text("SELECT pg_advisory_xact_lock(7065, :white_label)")
        db.session.execute(statement, {"white_label": subject.white_label_id})
    if attempts.how_often(its_name, LONGEST):
        raise _busy("check_under_way")
    if attempts.how_often(its_white_label, LONGEST) >= MOST_AT_ONCE:
        raise _busy("too_many_at_once")
    checks.count_check(subject)
    attempts.count(its_name)
    attempts.count(its_white_label)


def end(subject: Domain | Hostname) -> None:
    """The answer is there, or there will be none."""
    for counted in _counted(subject):
        attempts.take_back(counted, LONGEST)


def _counted(subject: Domain | Hostname) -> tuple[str, str]:
    """What is counted: for this name, and for all names of its white label."""
    kind = type(subject).__name__.lower()
    return (
        f"dns check under way {kind}:{subject.id}",
        f"dns check under way tenant:{subject.white_label_id}",
    )


def _busy(code: str) -> Refusal:
    return Refusal(code, _("DNS was asked a moment ago. Wait a few seconds, then ask again."))
