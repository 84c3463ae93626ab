"""What every act on a domain request begins with."""

from __future__ import annotations

from portal.core.db import db
from portal.desk.request_models import DomainRequest
from portal.domains.models import Domain


def locked(request: DomainRequest) -> DomainRequest:
    """It and its domain as they are now, and nobody else changes them until the caller commits.

    In this order wherever both are needed: else two could wait for each other.
    """
    db.session.refresh(request, with_for_update={"of": DomainRequest})
    if request.domain is not None:
        db.session.refresh(request.domain, with_for_update={"of": Domain})
    return request
