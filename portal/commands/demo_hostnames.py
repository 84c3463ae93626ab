"""A name of its own that a white label of the demo wishes for, and has still to prove."""

from __future__ import annotations

from portal.accounts import people
from portal.audit.trail import Actor, acting
from portal.white_labels import hostnames, tenants

WISH = "mail.acme-shop.example"


def fill() -> None:
    """Wish for it, unless somebody has done so already."""
    acme = tenants.find_by_slug("acme")
    if acme is None or hostnames.find_own(acme, WISH) is not None:
        return
    ada = people.by_email(acme.id, "ada@acme.example")
    if ada is not None:
        with acting(Actor(ada.email, ada.id)):
            hostnames.add(acme, WISH)
