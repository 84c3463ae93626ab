"""Record templates: kept only where their records can be."""

from __future__ import annotations

import pytest
from flask import Flask

from portal.core.db import db
from portal.core.errors import NotFound, Refusal
from portal.desk import record_templates

RECORDS = (
    "TXT @ v=spf1 include:spf.provider.example ~all\nCNAME s1._domainkey s1.{domain}.p.example"
)


def test_a_template_is_kept_and_changed(app: Flask) -> None:
    made = record_templates.save(None, name=" Provider  One ", records=RECORDS)

    again = record_templates.save(made, name="Provider One", records=RECORDS, signs=True)

    assert again is made
    assert (made.name, made.signs) == ("Provider One", True)
    assert [one.name for one in record_templates.all_templates()] == ["Provider One"]


@pytest.mark.parametrize(
    ("name", "records", "field"),
    [
        ("", RECORDS, "name"),
        ("x" * 81, RECORDS, "name"),
        ("Taken", RECORDS, "name"),
        ("New", "", "records"),
        ("New", "MX @ 10 mail.example", "records"),
        ("New", "CNAME @ p.example", "records"),
        ("New", "x" * 20_001, "records"),
    ],
)
def test_what_could_not_be_sent_to_anybody_is_refused(
    app: Flask, name: str, records: str, field: str
) -> None:
    record_templates.save(None, name="Taken", records=RECORDS)

    with pytest.raises(Refusal) as refused:
        record_templates.save(None, name=name, records=records)

    assert refused.value.field == field


def test_a_template_without_records_signs_here(app: Flask) -> None:
    assert record_templates.save(None, name="Own relay", records="", signs=True).signs


def test_a_deleted_template_is_not_there(app: Flask) -> None:
    made = record_templates.save(None, name="Provider", records=RECORDS)
    db.session.commit()

    record_templates.delete(made)
    db.session.commit()

    with pytest.raises(NotFound):
        record_templates.find_template(made.id)
