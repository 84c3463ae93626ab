"""How much there is in each white label, counted for a list of them at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import InstrumentedAttribute

from portal.accounts.models import Person
from portal.apps.models import App
from portal.core.db import db
from portal.smtp_settings.models import SmtpServer
from portal.white_labels.models import WhiteLabel


@dataclass(frozen=True, slots=True)
class Census:
    """What a white label has at present."""

    people: int
    apps: int
    servers: int


def census_of(white_labels: Iterable[WhiteLabel]) -> Mapping[int, Census]:
    """The numbers of each, by its id."""
    ids = [white_label.id for white_label in white_labels]
    people = _counted(Person.white_label_id, Person.removed_at.is_(None), ids)
    apps = _counted(App.white_label_id, App.deleted_at.is_(None), ids)
    servers = _counted(SmtpServer.white_label_id, SmtpServer.deleted_at.is_(None), ids)
    return {
        each: Census(people.get(each, 0), apps.get(each, 0), servers.get(each, 0)) for each in ids
    }


def _counted(
    whose: InstrumentedAttribute[int] | InstrumentedAttribute[int | None],
    is_there: ColumnElement[bool],
    ids: list[int],
) -> dict[int | None, int]:
    query = select(whose, func.count()).where(whose.in_(ids), is_there).group_by(whose)
    return dict(db.session.execute(query).all())
