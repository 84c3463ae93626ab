"""Keys that Livery signs a white label's mail with: renewed and given up by the platform.

A new key needs somebody who edits DNS, so its record goes into the thread of the domain's request,
and from there by mail to the white label.
"""

from __future__ import annotations

from portal.accounts.models import Person
from portal.core.errors import Refusal
from portal.core.words import _
from portal.desk import threads
from portal.desk.acting import locked
from portal.desk.request_models import DomainRequest
from portal.domains import signing
from portal.domains.models import Domain, SigningKey


def renew(request: DomainRequest, *, by: Person) -> SigningKey:
    """Make a key, the first or the next one, and say which record it needs.

    Raises:
        Refusal: the domain is not on the list, or the last new key still waits for its record.
    """
    domain = _listed(request)
    key = signing.announce(domain)
    wanted = signing.record_of(key)
    lines = (
        _("There is a new key to sign mail from %(domain)s with.", domain=domain.name),
        _("Please publish this TXT record and leave the others as they are:"),
        f"{wanted.name}\n{wanted.value}",
        _("The key is used as soon as the record is seen; nothing changes until then."),
    )
    threads.write(request.thread, author=by, text="\n\n".join(lines))
    return key


def stop(request: DomainRequest, *, by: Person) -> None:
    """Sign nothing more for the domain.

    Raises:
        Refusal: the domain is not on the list.
    """
    domain = _listed(request)
    signing.stop(domain)
    words = _("Mail from %(domain)s is not signed with our key any more.", domain=domain.name)
    threads.write(request.thread, author=by, text=words)


def _listed(request: DomainRequest) -> Domain:
    domain = locked(request).domain
    if domain is None or not request.is_on_the_list:
        raise Refusal("domain_revoked", _("This domain is not on the list."))
    return domain
