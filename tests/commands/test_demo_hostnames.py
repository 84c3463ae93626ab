"""The demo's wish for a hostname is made once, by somebody who is there."""

from __future__ import annotations

from portal.accounts.models import Person
from portal.audit.search import Wanted, entries
from portal.commands import demo_hostnames
from portal.core.db import db
from portal.white_labels import hostnames
from portal.white_labels.models import WhiteLabel


def test_it_is_made_once_and_in_somebodys_name(acme: WhiteLabel, ada: Person) -> None:
    demo_hostnames.fill()
    demo_hostnames.fill()
    db.session.commit()

    names = [one.name for one in hostnames.hostnames_of(acme)]
    (entry,) = entries(acme.id, Wanted("hostname")).rows
    assert names == ["acme.localhost", demo_hostnames.WISH]
    assert (entry.action, entry.actor) == ("hostname.added", ada.email)
