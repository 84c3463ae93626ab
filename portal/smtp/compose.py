"""The composer: a message is compiled once, then written out for each recipient in microseconds.

Pure. What is the same for everybody (most header fields, the literal lines of the bodies, the
attachments) is checked, encoded and dot-stuffed by `compile_message`. `CompiledMessage.render` adds
what differs: To, Subject, Date, Message-ID and the values in their holes. Date and Message-ID come
from the recipient's row, so all copies of a delivery are byte for byte the same.

Nothing that a person typed reaches a header on trust. Control characters are refused before it is
encoded, each inserted value is checked on its bytes after, and every header block is parsed again
by the standard library and its field names compared with those intended (CVE-2024-6923).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from hashlib import blake2b
from operator import itemgetter, le

from portal.core.words import _
from portal.smtp.addresses import MAX_NAME, Mailbox, canonical_domain, find_forbidden, is_canonical
from portal.smtp.compose_bodies import Hole, Line, line_for, quoted_printable, quoted_value
from portal.smtp.compose_headers import (
    LINE,
    address_list,
    date_value,
    fold,
    mailbox_tokens,
    unstructured,
)
from portal.smtp.compose_parts import (
    Attachment,
    ComposeError,
    Element,
    WholeBody,
    checked_block,
    checked_field,
    content_part,
    not_unicode,
)
from portal.smtp.protocol import is_safe
from portal.smtp.segments import Content, Merge, Segments

__all__ = [
    "Attachment",
    "CompiledMessage",
    "ComposeError",
    "Draft",
    "Recipient",
    "compile_message",
    "message_id",
]

_is_id_left = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*").fullmatch
_is_plain_name = re.compile(r"[A-Za-z0-9]+(?: [A-Za-z0-9]+)*").fullmatch
_is_own_field = re.compile(r"[Xx]-[A-Za-z0-9](?:[A-Za-z0-9-]{0,38}[A-Za-z0-9])?").fullmatch
# Whole, however long: RFC 2369 2 lets a client read it without unfolding.
_is_web_address = re.compile(r"https?://[!-;=?-~]{1,900}").fullmatch
_LONGEST_SUBJECT = 998
_LONGEST_FURTHER = 10_000
# RFC 3834 5: says that no person wrote this, so that no machine answers it.
_FIELDS_BESIDE_X = frozenset({"auto-submitted"})


@dataclass(frozen=True, slots=True)
class Draft:
    """What a message says, before it is known to whom.

    `to` is the shared To of a message with several recipients; with None each recipient stands
    alone there. There is no Bcc: who is not named in `to` or `cc` is simply a recipient. `headers`
    are further fields, `X-…` only (and Auto-Submitted). Message-IDs end in `message_id_domain`, or
    in the sender's domain. `seed` tells this draft from others; the MIME boundaries come from it.
    `unsubscribe` gives, from a recipient's values, the address at which they take themselves off
    (RFC 2369 3.2); `is_one_click` announces that one POST there does it (RFC 8058 3.1).
    """

    sender: Mailbox
    subject: Content
    text: Content | None = None
    html: Content | None = None
    reply_to: tuple[Mailbox, ...] = ()
    to: tuple[Mailbox, ...] | None = None
    cc: tuple[Mailbox, ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    attachments: tuple[Attachment, ...] = ()
    message_id_domain: str = ""
    seed: str = ""
    unsubscribe: Merge | None = None
    is_one_click: bool = False


@dataclass(frozen=True, slots=True)
class Recipient:
    """One delivery: to whom, and what makes its bytes its own.

    `seed` becomes the Message-ID: the same seed gives the same one, so a second copy can be
    recognised. `date` is an aware datetime. `values` fill the holes.
    """

    email: str
    seed: str
    date: datetime
    name: str = ""
    values: Mapping[str, object] = field(default_factory=dict)


class _Varying(Enum):
    """Header fields that are written anew for each recipient, in the order they are filled in."""

    TO = "To"
    SUBJECT = "Subject"
    DATE = "Date"
    MESSAGE_ID = "Message-ID"
    UNSUBSCRIBE = "List-Unsubscribe"


_FIELDS = tuple(_Varying)


def message_id(seed: str, domain: str) -> str:
    """The Message-ID, angle brackets included, that a delivery with this seed bears.

    A seed that may stand there as it is does so (RFC 5322 3.6.4): whoever reads the header of a
    mail can find it in the log. Any other is hashed.
    """
    if not _is_id_left(seed):
        seed = blake2b(seed.encode(), digest_size=16).hexdigest()
    return f"<{seed}@{domain}>"


def compile_message(draft: Draft) -> CompiledMessage:
    """Check and encode everything that does not depend on a recipient.

    Raises:
        ComposeError: something in the draft cannot be sent; `field` says what.
    """
    content = content_part(draft.text, draft.html, draft.attachments, seed=draft.seed)
    fields: list[str | _Varying] = [
        address_list("From", [draft.sender]),
        address_list("To", draft.to) if draft.to else _Varying.TO,
    ]
    names = ["From", "To"]
    if draft.cc:
        fields.append(address_list("Cc", draft.cc))
        names.append("Cc")
    if draft.reply_to:
        fields.append(address_list("Reply-To", draft.reply_to))
        names.append("Reply-To")
    fields += [_literal_subject(draft.subject), _Varying.DATE, _Varying.MESSAGE_ID]
    names += ["Subject", "Date", "Message-ID"]
    if draft.unsubscribe is not None:
        fields.append(_Varying.UNSUBSCRIBE)
        names.append("List-Unsubscribe")
        if draft.is_one_click:
            fields.append("List-Unsubscribe-Post: List-Unsubscribe=One-Click")
            names.append("List-Unsubscribe-Post")
    fields += ["MIME-Version: 1.0", *(_further_field(*header) for header in draft.headers)]
    names += ["MIME-Version", *(name for name, _value in draft.headers)]
    fields += content.fields
    names += content.names
    checked_block([f"{f.value}: x" if isinstance(f, _Varying) else f for f in fields], names)

    elements: list[Element | _Varying] = []
    for line in fields:
        elements += [line, "\r\n"]
    elements += ["\r\n", *content.elements]
    domain = draft.message_id_domain
    return CompiledMessage(
        elements,
        draft.subject,
        domain=canonical_domain(domain) if domain else draft.sender.address.domain,
        unsubscribe=draft.unsubscribe,
    )


class CompiledMessage:
    """A message with all done but what differs between recipients; threads may share it."""

    __slots__ = (
        "_domain",
        "_edges",
        "_elements",
        "_has_own_to",
        "_in_order",
        "_is_vetted",
        "_last",
        "_merges",
        "_rooms",
        "_skeleton",
        "_subject",
        "_unsubscribe",
        "_wholes",
        "size",
    )

    def __init__(
        self,
        elements: Sequence[Element | _Varying],
        subject: Content,
        *,
        domain: str,
        unsubscribe: Merge | None = None,
    ) -> None:
        self._elements = elements
        self._domain = domain
        self._has_own_to = _Varying.TO in elements
        self._subject = None if isinstance(subject, str) else subject
        self._unsubscribe = unsubscribe

        # The skeleton alternates: fixed text, a place, fixed text, … All places are filled by one
        # slice assignment from three lists behind each other: fields, values, whole bodies. Each
        # value is there once, with the least room and the most delicate place it has anywhere.
        fixed: list[str] = []
        self._skeleton: list[str] = []
        places: list[tuple[int, int]] = []  # which list, where in it
        self._wholes: list[Merge] = []
        self._rooms: list[int] = []
        at: dict[Merge, int] = {}
        edges: set[int] = set()
        last: set[int] = set()
        for piece in _pieces(elements):
            match piece:
                case str():
                    fixed.append(piece)
                    continue
                case Hole():
                    index = at.setdefault(piece.merge, len(at))
                    if index == len(self._rooms):
                        self._rooms.append(piece.room)
                    self._rooms[index] = min(self._rooms[index], piece.room)
                    if piece.is_edge:
                        edges.add(index)
                    if piece.may_vanish:
                        last.add(index)
                    places.append((1, index))
                case WholeBody():
                    places.append((2, len(self._wholes)))
                    self._wholes.append(piece.merge)
                case _Varying():
                    places.append((0, _FIELDS.index(piece)))
            self._skeleton += ["".join(fixed), ""]
            fixed.clear()
        self._skeleton.append("".join(fixed))
        self.size = sum(map(len, self._skeleton))  # characters of what is fixed
        filled = self._skeleton.copy()
        filled[1::2] = ["x"] * (len(filled) // 2)
        self._is_vetted = not self._wholes and is_safe("".join(filled).encode("ascii"))
        self._merges = list(at)
        self._edges = sorted(edges)
        self._last = sorted(last)
        begins = (0, len(_FIELDS), len(_FIELDS) + len(at))
        self._in_order = itemgetter(*(begins[which] + index for which, index in places))

    def render(self, recipient: Recipient) -> bytes:
        """The message for one recipient as SMTP wants it, but for the final dot.

        Lines end in CRLF and dots that begin one are doubled. The same recipient gives the same
        bytes.

        Raises:
            ComposeError: the recipient's name, address or values cannot be sent.
            Refusal: whatever the callables of the content raise.
        """
        return self.write(recipient)[0]

    def write(self, recipient: Recipient) -> tuple[bytes, bool]:
        """The same, and whether `is_safe` needs not be asked of these bytes: it was true of all
        that is fixed, and what went into the holes has neither line breaks nor dots that begin a
        line."""
        values = recipient.values
        fields = [
            _to_field(recipient.email, recipient.name) if self._has_own_to else "",
            "" if self._subject is None else _merged_subject(self._subject, values),
            f"Date: {date_value(recipient.date)}",
            f"Message-ID: {message_id(recipient.seed, self._domain)}",
            "" if self._unsubscribe is None else _unsubscribe_field(self._unsubscribe(values)),
        ]
        try:
            merged = [merge(values) for merge in self._merges]
            wholes = [quoted_printable(merge(values)) for merge in self._wholes]
            quoted = self._quoted(merged)
            if quoted is None:
                return self._with_long_values(fields, merged, wholes), False
        except UnicodeEncodeError as error:
            raise not_unicode("text") from error

        parts = self._skeleton.copy()
        parts[1::2] = self._in_order([*fields, *quoted, *wholes])
        return "".join(parts).encode("ascii"), self._is_vetted

    def _quoted(self, merged: list[str]) -> Sequence[str] | None:
        """The values as they stand in quoted-printable, or None if one does not fit its place."""
        if self._last and not all(merged[at] for at in self._last):
            return None
        together = "".join(merged)
        quoted: list[str] = merged
        if (
            not together.isascii()
            or not together.isprintable()
            or "=" in together
            or any(merged[at][:1] == "." or merged[at][-1:] == " " for at in self._edges)
        ):
            quoted = []
            for value in merged:
                if (in_line := quoted_value(value)) is None:
                    return None
                quoted.append(in_line)
        return quoted if all(map(le, map(len, quoted), self._rooms)) else None

    def _with_long_values(
        self, fields: Sequence[str], merged: Sequence[str], wholes: Sequence[str]
    ) -> bytes:
        """The same message, each line with holes encoded by itself."""
        value_of = dict(zip(self._merges, merged, strict=True)).__getitem__
        field_of = dict(zip(_FIELDS, fields, strict=True))
        whole = iter(wholes)
        wire: list[str] = []
        for element in self._elements:
            match element:
                case str():
                    wire.append(element)
                case Line():
                    wire.append(line_for(element, value_of))
                case WholeBody():
                    wire.append(next(whole))
                case _Varying():
                    wire.append(field_of[element])
        return "".join(wire).encode("ascii")


def _pieces(elements: Sequence[Element | _Varying]) -> Iterator[str | Hole | WholeBody | _Varying]:
    """The elements with their lines taken apart."""
    for element in elements:
        if isinstance(element, Line):
            yield from element.laid_out
        else:
            yield element


def _to_field(email: str, name: str) -> str:
    if not is_canonical(email):
        raise ComposeError(
            "recipient_address", _("The recipient's address is not valid."), field="to"
        )
    if not name:
        return f"To: {email}"
    if _is_plain_name(name) and len(name) + len(email) < LINE - 6:
        return f"To: {name} <{email}>"
    _refuse_unfit(name, limit=MAX_NAME, what="recipient_name", field="to")
    return checked_field(fold("To", mailbox_tokens(name, email)))


def _unsubscribe_field(address: str) -> str:
    if not _is_web_address(address):
        raise ComposeError("header_unsafe", _("A header field would not be written safely."))
    return f"List-Unsubscribe: <{address}>"


def _literal_subject(subject: Content) -> str | _Varying:
    """The Subject field if it is the same for everybody; its literals are judged in any case."""
    if isinstance(subject, str):
        return _subject_field(subject)
    if isinstance(subject, Segments):
        for part in subject.parts:
            if isinstance(part, str):
                _refuse_unfit(part, limit=_LONGEST_SUBJECT, what="subject", field="subject")
    return _Varying.SUBJECT


def _merged_subject(subject: Segments | Merge, values: Mapping[str, object]) -> str:
    text = subject.merged(values) if isinstance(subject, Segments) else subject(values)
    if (
        text.isascii()
        and text.isprintable()
        and "=?" not in text
        and len(text) < LINE - 9
        and text == " ".join(text.split())
    ):
        return f"Subject: {text}"
    return _subject_field(text)


def _subject_field(text: str) -> str:
    _refuse_unfit(text, limit=_LONGEST_SUBJECT, what="subject", field="subject")
    return checked_field(unstructured("Subject", text))


def _further_field(name: str, value: str) -> str:
    field = f"headers.{name}"
    if not _is_own_field(name) and name.lower() not in _FIELDS_BESIDE_X:
        raise ComposeError(
            "header_name", _("Only header fields that begin with X- can be added."), field=field
        )
    _refuse_unfit(value, limit=_LONGEST_FURTHER, what="header", field=field)
    return checked_field(unstructured(name, value, keep_long_words=True))


def _refuse_unfit(text: str, *, limit: int, what: str, field: str) -> None:
    """Refuse what must not stand in a header, before anything is done with it.

    Raises:
        ComposeError: `<what>_control_character` or `<what>_too_long`.
    """
    if (forbidden := find_forbidden(text)) is not None:
        raise ComposeError(
            f"{what}_control_character",
            _("This goes into the mail's header, which cannot contain %(what)s.", what=forbidden),
            field=field,
        )
    if len(text) > limit:
        raise ComposeError(
            f"{what}_too_long",
            _("This goes into the mail's header and is longer than %(n)s characters.", n=limit),
            field=field,
        )
