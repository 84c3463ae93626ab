"""What tests of the desk's pages send and look at."""

from __future__ import annotations

import io

from PIL import Image
from sqlalchemy import select

from portal.accounts.models import Person
from portal.core.db import db
from portal.desk.models import DeskMessage
from portal.white_labels.models import WhiteLabel
from tests.equipment.visitor import Page


def picture(size: tuple[int, int] = (900, 300)) -> bytes:
    """A PNG file."""
    stream = io.BytesIO()
    Image.new("RGB", size, "#7a1fa2").save(stream, "PNG")
    return stream.getvalue()


def file(content: bytes, name: str) -> tuple[io.BytesIO, str]:
    """As a browser sends it."""
    return io.BytesIO(content), name


def unread_at_the_bell(page: Page) -> str:
    return " ".join(page.tree.xpath("string(//a[@class='bell'])").split())


def all_said() -> list[str]:
    """Every message there is, the oldest first."""
    texts = list(db.session.scalars(select(DeskMessage.text).order_by(DeskMessage.id)))
    db.session.commit()
    return texts


def place_of(person: Person) -> WhiteLabel:
    """This person's white label."""
    return db.session.get_one(WhiteLabel, person.white_label_id)
