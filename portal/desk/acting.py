"""What every act on a domain request begins with."""

from __future__ import annotations

from portal.core.db import lock
from portal.desk.request_models import DomainRequest


def locked(request: DomainRequest) -> DomainRequest:
    """It and its domain as they are now, and nobody else changes them until the caller commits.

    In this order wherever both are needed: else two could wait for each other.
    """
    lock(request)
    if request.domain is not None:
        lock(request.domain)
    return request
