"""The mails that arrived: the latest few hundred, in memory."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser

from portal.core import clock

KEPT = 500


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as it came over the wire."""

    number: int
    at: datetime
    door: str  # the server it came by
    signed_in_as: str
    mail_from: str
    rcpt_to: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        return BytesParser(policy=policy.default).parsebytes(self.raw)

    def header(self, name: str) -> str:
        """A header field in words; empty when it is missing or cannot be read."""
        try:
            return str(self.message.get(name, ""))
        except (ValueError, IndexError, AttributeError):
            return ""  # the parser of the standard library trips over some malformed fields

    def body(self, kind: str) -> str | None:
        """The text or the HTML (`plain`, `html`), or None if there is none."""
        part = self.message.get_body(preferencelist=(kind,))
        if part is None:
            return None
        try:
            return str(part.get_content())
        except (LookupError, ValueError):
            return part.as_string()

    @property
    def attachments(self) -> list[str]:
        return [part.get_filename() or "unnamed" for part in self.message.iter_attachments()]


class Shelf:
    """Threads put mails on it and read them."""

    def __init__(self) -> None:
        self._mails: deque[Mail] = deque(maxlen=KEPT)
        self._number = 0
        self._lock = threading.Lock()

    def put(
        self, *, door: str, signed_in_as: str, mail_from: str, rcpt_to: Sequence[str], raw: bytes
    ) -> Mail:
        with self._lock:
            self._number += 1
            mail = Mail(
                self._number, clock.now(), door, signed_in_as, mail_from, tuple(rcpt_to), raw
            )
            self._mails.append(mail)
            return mail

    def newest_first(self) -> list[Mail]:
        with self._lock:
            return list(reversed(self._mails))

    def find(self, number: int) -> Mail | None:
        with self._lock:
            return next((mail for mail in self._mails if mail.number == number), None)

    def clear(self) -> None:
        with self._lock:
            self._mails.clear()
