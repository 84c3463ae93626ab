"""Record templates: what a provider wants to see in DNS, kept so that approving is one click."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from portal.audit import trail
from portal.core import clock
from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.core.words import _
from portal.desk.pasted_records import EXAMPLE, read_records
from portal.desk.request_models import RecordTemplate

MOST_NAME = 80
MOST_TEXT = 20_000
MOST_NOTE = 2000


def save(
    template: RecordTemplate | None, *, name: str, records: str, note: str = "", signs: bool = False
) -> RecordTemplate:
    """Keep these records under this name; None makes a new template.

    Raises:
        Refusal: the name is missing or taken, or a line is no record.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= MOST_NAME or not name.isprintable():
        raise Refusal("name_length", _("A name of 1 to 80 characters is needed."), field="name")
    taken = db.session.scalar(select(RecordTemplate).where(RecordTemplate.name == name))
    if taken is not None and taken is not template:
        raise Refusal("name_taken", _("There is a template of this name already."), field="name")
    if len(records) > MOST_TEXT:
        raise Refusal("records_long", _("This is too much text."), field="records")
    if len(note) > MOST_NOTE:
        raise Refusal(
            "too_long", _("Use at most %(count)s characters.", count=MOST_NOTE), field="note"
        )
    if not read_records(records, EXAMPLE) and not signs:
        raise Refusal("records_missing", _("Which records?"), field="records")
    if template is None:
        template = RecordTemplate(created_at=clock.now())
        db.session.add(template)
    template.name, template.records = name, records.replace("\r\n", "\n").strip()
    template.note, template.signs = note.replace("\r\n", "\n").strip(), signs
    db.session.flush()
    trail.record(None, "record_template.saved", name)
    return template


def delete(template: RecordTemplate) -> None:
    """Forget it; domains that were approved with it keep their records."""
    trail.record(None, "record_template.deleted", template.name)
    db.session.delete(template)


def all_templates() -> Sequence[RecordTemplate]:
    """By name."""
    return db.session.scalars(select(RecordTemplate).order_by(RecordTemplate.name)).all()


def find_template(template_id: int) -> RecordTemplate:
    """The template with this id.

    Raises:
        NotFound: there is none.
    """
    template = db.session.get(RecordTemplate, template_id)
    if template is None:
        raise NotFound(_("record template"))
    return template
