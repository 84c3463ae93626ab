"""A password that was typed into a form which comes back with errors: kept, but never shown.

The browser gets it sealed, as one field that only this sign-in can open in this form and only for
a quarter of an hour; nothing that was typed is lost, and no secret stands in a page.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from flask import g, request

from portal.core import clock, vault
from portal.core.secret import Secret

KEPT_FOR = timedelta(minutes=15)


def sealed(secret: Secret) -> str:
    """What stands in the hidden field."""
    parcel = json.dumps({"at": clock.now().isoformat(), "secret": secret.reveal()})
    return vault.seal(Secret(parcel), _binding())


def opened(envelope: str) -> Secret | None:
    """What was typed; None if it was too long ago, elsewhere, or by somebody else."""
    try:
        parcel = json.loads(vault.unseal(envelope, _binding()).reveal())
    except vault.CannotOpen:
        return None
    if clock.now() - datetime.fromisoformat(parcel["at"]) > KEPT_FOR:
        return None
    return Secret(parcel["secret"])


def _binding() -> vault.Binding:
    return ("typed secret", g.sign_in.id, g.site.host, request.path)
