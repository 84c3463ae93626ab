"""Requests for domains, the providers' records that answer them, and links to show records with."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from portal.accounts.models import Person
from portal.core.db import Model, UtcTime, enum_of
from portal.desk.models import Thread
from portal.desk.request_states import LIVE, ON_THE_LIST, RequestState
from portal.domains.models import Domain
from portal.white_labels.models import WhiteLabel

_IS_LIVE = text(f"state IN ({', '.join(repr(state.value) for state in LIVE)})")
_IS_OPEN = text(f"state = '{RequestState.OPEN.value}'")


class DomainRequest(Model):
    """A white label asks to send from its domain through the platform's servers."""

    __tablename__ = "domain_request"
    __table_args__ = (
        # A button that is pressed twice asks once.
        Index(
            "uq_domain_request_live",
            "white_label_id",
            "name",
            unique=True,
            sqlite_where=_IS_LIVE,
            postgresql_where=_IS_LIVE,
        ),
        # Every page of the Backoffice counts them.
        Index(
            "ix_domain_request_open",
            "created_at",
            sqlite_where=_IS_OPEN,
            postgresql_where=_IS_OPEN,
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    white_label_id: Mapped[int] = mapped_column(ForeignKey("white_label.id"), index=True)
    name: Mapped[str] = mapped_column(String(253))  # canonical A-label
    author_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    thread_id: Mapped[int] = mapped_column(ForeignKey("desk_thread.id"), index=True)
    state: Mapped[RequestState] = mapped_column(enum_of(RequestState))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    changed_at: Mapped[datetime] = mapped_column(UtcTime)  # when it came into its state
    nudged_at: Mapped[datetime | None] = mapped_column(UtcTime)
    decided_at: Mapped[datetime | None] = mapped_column(UtcTime)
    decided_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    answer: Mapped[str] = mapped_column(Text, default="")  # the note, or the reason
    domain_id: Mapped[int | None] = mapped_column(ForeignKey("domain.id"), index=True)

    white_label: Mapped[WhiteLabel] = relationship()
    author: Mapped[Person] = relationship(foreign_keys=[author_id])
    decided_by: Mapped[Person | None] = relationship(foreign_keys=[decided_by_id])
    thread: Mapped[Thread] = relationship()
    domain: Mapped[Domain | None] = relationship()

    @property
    def is_open(self) -> bool:
        return self.state is RequestState.OPEN

    @property
    def is_live(self) -> bool:
        return self.state in LIVE

    @property
    def is_on_the_list(self) -> bool:
        return self.state in ON_THE_LIST


class RecordTemplate(Model):
    """The records that one provider wants to see, so that approving is one click."""

    __tablename__ = "record_template"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    records: Mapped[str] = mapped_column(Text)  # a line each; `{domain}` stands for the domain
    note: Mapped[str] = mapped_column(Text, default="")  # goes with the answer
    signs: Mapped[bool] = mapped_column(default=False)  # our own DKIM key is added
    created_at: Mapped[datetime] = mapped_column(UtcTime)


class RecordLink(Model):
    """A link that shows a domain's records to whoever keeps its DNS, and nothing else.

    The token opens it once, in one browser; a cookie keeps it open there. Only hashes are here.
    """

    __tablename__ = "record_link"

    id: Mapped[int] = mapped_column(primary_key=True)
    white_label_id: Mapped[int] = mapped_column(ForeignKey("white_label.id"), index=True)
    domain_id: Mapped[int] = mapped_column(ForeignKey("domain.id"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    reader_hash: Mapped[str | None] = mapped_column(String(64))  # of the cookie
    made_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    created_at: Mapped[datetime] = mapped_column(UtcTime)
    expires_at: Mapped[datetime] = mapped_column(UtcTime)
    opened_at: Mapped[datetime | None] = mapped_column(UtcTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcTime)  # withdrawn, or a newer one made

    domain: Mapped[Domain] = relationship()
    made_by: Mapped[Person] = relationship()
