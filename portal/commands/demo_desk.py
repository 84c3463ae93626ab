"""What has been said on the demo's desk: a few conversations, as if people had been here before."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime, timedelta

from PIL import Image, ImageDraw

from portal.accounts import people
from portal.accounts.models import Person
from portal.audit.trail import Actor, acting
from portal.core import clock
from portal.desk import attachments, conversations, threads
from portal.desk.attachments import Attached
from portal.desk.models import About, DeskMessage, Thread
from portal.white_labels import tenants
from portal.white_labels.models import WhiteLabel


@dataclass(frozen=True, slots=True)
class Words:
    """Something that was said, and how long ago."""

    ago: timedelta
    by: str
    text: str
    files: tuple[Attached, ...] = ()


@dataclass(frozen=True, slots=True)
class Talk:
    """A conversation of one white label."""

    slug: str
    subject: str
    said: tuple[Words, ...]
    is_closed: bool = False


ADA, BOB, CAL = "ada@acme.example", "bob@acme.example", "cal@birch.example"
OLIVE = "olive@northwind.example"


def fill() -> None:
    """Have the conversations, unless somebody has spoken already. Nobody is mailed about them."""
    if conversations.is_empty(None):
        for talk in _talks():
            _have(talk)


def _talks() -> tuple[Talk, ...]:
    """The one with the newest message last."""
    return (
        Talk(
            "acme",
            "Which address do your servers send from?",
            (
                Words(
                    timedelta(days=6, hours=3),
                    BOB,
                    "A customer wants to put our sending address on a list of welcome ones. "
                    "Which IP address is it?",
                ),
                Words(
                    timedelta(days=6, hours=1),
                    OLIVE,
                    "203.0.113.25. It is the only one, and we would tell you a week before it "
                    "changes.",
                ),
            ),
            is_closed=True,
        ),
        Talk(
            "birch",
            "More than 50 recipients in one message",
            (
                Words(
                    timedelta(days=2, hours=5),
                    CAL,
                    "Our invitation has 80 people in Cc, and it was refused. Can the limit be "
                    "raised?",
                ),
                Words(
                    timedelta(days=2, hours=4),
                    OLIVE,
                    "Not on our server, its provider takes 50. Two ways out: send it as a "
                    "campaign, so that each of them gets a mail of their own, or send it through "
                    "your own server, which has a limit of yours.",
                ),
            ),
        ),
        Talk(
            "acme",
            "May we send 5,000 an hour on Fridays?",
            (
                Words(
                    timedelta(hours=20),
                    ADA,
                    "Hello,\n\nour newsletter goes to about 20,000 readers each Friday at nine. "
                    "Last week it took until the evening, as the plot shows. Could you raise our "
                    "limit for that day?",
                    (
                        attachments.read("last friday.png", _plot()),
                        attachments.read(
                            "hours.csv",
                            b"hour,sent\n09,1000\n10,1000\n11,1000\n12,1000\n13,1000\n",
                        ),
                    ),
                ),
                Words(
                    timedelta(hours=3),
                    OLIVE,
                    "I have raised it to 5,000 an hour from this Friday on. Please tell me how it "
                    "went.",
                ),
            ),
        ),
        Talk(
            "birch",
            "A second hostname for our portal",
            (
                Words(
                    timedelta(minutes=50),
                    CAL,
                    "We would like to reach the portal at mail.birch.example, too. What do we "
                    "have to do?",
                ),
            ),
        ),
    )


def _have(talk: Talk) -> None:
    white_label = tenants.find_by_slug(talk.slug)
    if white_label is None:
        return
    first, *others = talk.said
    author = _person(white_label, first.by)
    with acting(Actor(author.email, author.id)):
        thread = threads.open_thread(
            white_label,
            subject=talk.subject,
            text=first.text,
            author=author,
            about=About.GENERAL,
            files=first.files,
            mails=False,
        )
    begun = conversations.page_of_messages(thread).rows[0]
    _was_said(thread, begun, clock.now() - first.ago)
    thread.opened_at = begun.at
    for words in others:
        author = _person(white_label, words.by)
        with acting(Actor(author.email, author.id)):
            message = threads.write(
                thread, author=author, text=words.text, files=words.files, mails=False
            )
            if talk.is_closed and words is others[-1]:
                threads.close(thread, by=author)
        _was_said(thread, message, clock.now() - words.ago)


def _was_said(thread: Thread, message: DeskMessage, at: datetime) -> None:
    message.at = thread.newest_at = at


def _person(white_label: WhiteLabel, email: str) -> Person:
    found = people.by_email(white_label.id, email) or people.by_email(None, email)
    if found is None:
        raise LookupError(f"the demo has no {email}")
    return found


def _plot() -> bytes:
    """A picture as somebody would have copied it from a screen."""
    picture = Image.new("RGB", (960, 420), "#ffffff")
    draw = ImageDraw.Draw(picture)
    for line in range(4):
        draw.line((40, 60 + line * 100, 920, 60 + line * 100), fill="#dfe3e8", width=2)
    for hour, sent in enumerate((4, 6, 100, 100, 100, 100, 100, 100, 100, 100, 96, 12)):
        left = 60 + hour * 72
        draw.rectangle((left, 360 - 3 * sent, left + 48, 360), fill="#7a1fa2")
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()
