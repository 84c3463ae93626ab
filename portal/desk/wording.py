"""What people write, made fit to stand in pages and mails: plain, and all of it to be seen.

Pure.
"""

from __future__ import annotations

import re

from portal.core.errors import Refusal
from portal.core.words import _
from portal.smtp.addresses import find_forbidden

MOST_SUBJECT = 120
MOST_TEXT = 10_000
"""Characters: a long mail. What is longer is a file."""


def clean_subject(subject: str) -> str:
    """One line.

    Raises:
        Refusal: at `subject`.
    """
    subject = " ".join(subject.split())
    if not subject:
        raise Refusal("subject_missing", _("What is it about?"), field="subject")
    if len(subject) > MOST_SUBJECT:
        raise Refusal(
            "subject_too_long",
            _("Use at most %(count)s characters.", count=MOST_SUBJECT),
            field="subject",
        )
    if (forbidden := find_forbidden(subject)) is not None:
        raise Refusal(
            "subject_control_character",
            _("A subject cannot contain %(character)s.", character=forbidden),
            field="subject",
        )
    return subject


# Control characters but tab and line feed, and those that turn the direction of writing around:
# what stands in a page must be what was typed.
_invisible = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]")


def clean_text(text: str, *, has_files: bool = False) -> str:
    """The words with plain line breaks and nothing invisible.

    Raises:
        Refusal: at `text`: it is too long, or says nothing where no file does.
    """
    text = re.sub("\r\n?|\u2028|\u2029", "\n", text)
    text = _invisible.sub("", text).strip("\n ")
    if not text and not has_files:
        raise Refusal("text_missing", _("Write something, or add a file."), field="text")
    if len(text) > MOST_TEXT:
        raise Refusal(
            "text_too_long",
            _(
                "This is longer than %(count)s characters. Add it as a text file instead.",
                count=MOST_TEXT,
            ),
            field="text",
        )
    return text
