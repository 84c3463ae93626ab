"""Letters about a domain: to every platform owner, or to every admin of the white label.

A letter that cannot be written takes nothing back: what it tells stands on the page as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portal.accounts.models import Person
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.logs import logger
from portal.desk.models import Side
from portal.desk.request_models import DomainRequest
from portal.desk.telling import everybody_on
from portal.domains.lookalikes import both_spellings
from portal.domains.models import Domain
from portal.notices.post import letterhead_of, post
from portal.routing.facts import Ask, gather
from portal.routing.ways import way_of
from portal.white_labels.hostnames import is_reachable
from portal.white_labels.models import WhiteLabel


def tell_owners(request: DomainRequest, news: str, *, words: str = "") -> None:
    """To everybody who can answer it, through the platform's own route."""
    for owner in everybody_on(Side.BACKOFFICE, request.white_label_id):
        _write(
            "domain_news",
            to=owner,
            news=news,
            domain=both_spellings(request.name),
            white_label=request.white_label.name,
            asker=request.author.name,
            words=words,
            path=f"/backoffice/domain-requests/{request.id}",
        )


def reach_admins(white_label: WhiteLabel) -> bool:
    """Whether a letter to them leaves at present, and a link in it leads somewhere."""
    return bool(_admins(white_label.id)) and way_of(gather(Ask(white_label.id))).is_out


def tell_admins(request: DomainRequest, news: str, *, words: str = "") -> None:
    """To everybody who sets this white label up; whoever asked may have left."""
    path = f"/domains/requests/{request.id}"
    if request.is_on_the_list:
        path = f"/domains/{request.domain_id}"
    for admin in _admins(request.white_label_id):
        _write("domain_news", to=admin, **_about(request.name), news=news, words=words, path=path)


def tell_records(request: DomainRequest, domain: Domain, news: str, *, note: str) -> None:
    """What everybody waits for: which records to publish, because of an approval or a change."""
    for admin in _admins(request.white_label_id):
        _write(
            "domain_records",
            to=admin,
            news=news,
            domain=both_spellings(request.name),
            records=domain.records,
            note=note,
            path=f"/domains/{domain.id}",
        )


def tell_of_unasked(domain: Domain, news: str) -> None:
    """Of a domain that an operator put on the list: to both sides, there is no request to show."""
    white_label = db.session.get_one(WhiteLabel, domain.white_label_id)
    about = _about(domain.name) | {"news": news, "words": ""}
    for admin in _admins(domain.white_label_id):
        _write("domain_news", to=admin, **about, path=f"/domains/{domain.id}")
    for owner in everybody_on(Side.BACKOFFICE, domain.white_label_id):
        _write(
            "domain_news",
            to=owner,
            **about | {"white_label": white_label.name},
            path=f"/backoffice/white-labels/{domain.white_label_id}/",
        )


def tell_of_revoked(domain: Domain, *, words: str) -> None:
    """That one of these was taken off it: to those who used it."""
    about = _about(domain.name) | {"news": "revoked", "words": words, "was_asked": False}
    for admin in _admins(domain.white_label_id):
        _write("domain_news", to=admin, **about, path="/domains")


def _about(domain: str) -> dict[str, Any]:
    """What a white label's own people need not be told: who they are."""
    return {"domain": both_spellings(domain), "white_label": None, "asker": None}


def _admins(white_label_id: int) -> Sequence[Person]:
    white_label = db.session.get_one(WhiteLabel, white_label_id)
    if not is_reachable(white_label):
        return ()  # the link would lead nowhere
    return everybody_on(Side.WHITE_LABEL, white_label_id)


def _write(kind: str, *, to: Person, path: str, was_asked: bool = True, **facts: Any) -> None:
    link = letterhead_of(to).origin + path
    try:
        post(kind, to=to, link=link, was_asked=was_asked, **facts)
    except Refusal as refusal:
        logger("desk").warning("letter_not_written", kind=kind, person=to.id, why=refusal.code)
