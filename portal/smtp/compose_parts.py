"""The MIME tree of a message: text and HTML as alternatives, attachments beside them.

Pure. RFC 2046. A part is a list of elements: wire text, lines with holes, and bodies that a
callable writes whole. Boundaries begin with `=_`, which no encoded body can contain, so none has
to be searched for.
"""

from __future__ import annotations

import re
from base64 import encodebytes
from collections.abc import Sequence
from dataclasses import dataclass
from email.parser import HeaderParser
from functools import lru_cache
from hashlib import blake2b

from portal.core.errors import Refusal
from portal.core.words import _
from portal.smtp.addresses import find_forbidden
from portal.smtp.compose_bodies import Line, body_with_holes, literal_body
from portal.smtp.compose_headers import LONGEST_LINE, fold, parameter
from portal.smtp.segments import Content, Merge, Segments

_LONGEST_FILENAME = 200
_is_media_type = re.compile(
    r'([a-z0-9][a-z0-9.+-]{0,60})/[a-z0-9][a-z0-9.+-]{0,80}(; ?charset="?[a-z0-9_-]{1,40}"?)?',
    re.IGNORECASE,
).fullmatch
# Printable ASCII after the name, folded only by CRLF and a space before a word.
_is_safe_field = re.compile(r"[!-9;-~]+: [ -~]*(?:\r\n +[!-~][ -~]*)*").fullmatch


class ComposeError(Refusal):
    """This message cannot be written down; `field` names what is at fault."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that travels with the message."""

    filename: str
    content_type: str
    content: bytes


@dataclass(frozen=True, slots=True)
class WholeBody:
    """A body that has to be made and encoded anew for each recipient."""

    merge: Merge


Element = str | Line | WholeBody
"""A stretch of a message: on the wire as it is, a line with holes, or a body still to be made."""


@dataclass(frozen=True, slots=True)
class Part:
    """A MIME entity: its own header fields, and what follows them."""

    fields: tuple[str, ...]
    elements: tuple[Element, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The names of its fields, as they were meant: the lines begin with our own words."""
        return tuple(line.partition(":")[0] for line in self.fields)


def content_part(
    text: Content | None, html: Content | None, attachments: Sequence[Attachment], *, seed: str
) -> Part:
    """The part that holds everything, shaped by what there is.

    Raises:
        ComposeError: there is neither text nor HTML, or an attachment cannot be named or typed.
    """
    readable = [
        _text_part(subtype, content)
        for subtype, content in (("plain", text), ("html", html))
        if content is not None
    ]
    if not readable:
        raise ComposeError("content_missing", _("A message needs a text or HTML."), field="text")

    whole = readable[0] if len(readable) == 1 else _multipart("alternative", readable, seed=seed)
    if attachments:
        whole = _multipart("mixed", [whole, *map(_attachment_part, attachments)], seed=seed)
    return whole


def checked_field(line: str) -> str:
    """A finished header field, judged by its bytes alone: no other field can begin within it.

    Raises:
        ComposeError: a bare CR or LF, a control or non-ASCII character, or a line over 998.
    """
    if not _is_safe_field(line) or max(map(len, line.split("\r\n"))) > LONGEST_LINE:
        raise ComposeError("header_unsafe", _("A header field would not be written safely."))
    return line


def checked_block(fields: Sequence[str], names: Sequence[str]) -> str:
    """Header fields as one block, after the standard library read the same names in it.

    Raises:
        ComposeError: it read others, or more, or less.
    """
    block = "".join(f"{line}\r\n" for line in fields)
    read = HeaderParser().parsestr(f"{block}\r\n")
    if read.keys() != list(names) or read.defects or read.get_payload():
        raise ComposeError("header_unsafe", _("A header field would not be written safely."))
    return block


# Nearly all parts have one of the same few blocks.
_checked_part_block = lru_cache(maxsize=64)(checked_block)


def _text_part(subtype: str, content: Content) -> Part:
    elements: tuple[Element, ...]
    if isinstance(content, Segments) and all(isinstance(part, str) for part in content.parts):
        content = content.merged({})
    if isinstance(content, str):
        body = literal_body(_unicode(content, subtype))
        encoding, elements = body.encoding, body.blocks
    elif isinstance(content, Segments):
        for part in content.parts:
            if isinstance(part, str):
                _unicode(part, subtype)
        body = body_with_holes(content)
        encoding, elements = body.encoding, body.blocks
    else:
        encoding, elements = "quoted-printable", (WholeBody(content),)
    fields = (
        f'Content-Type: text/{subtype}; charset="utf-8"',
        f"Content-Transfer-Encoding: {encoding}",
    )
    return Part(fields, elements)


def _multipart(subtype: str, parts: Sequence[Part], *, seed: str) -> Part:
    digest = blake2b(f"{subtype}:{seed}".encode(), digest_size=12).hexdigest()
    boundary = f"=_{digest}"
    elements: list[Element] = []
    for part in parts:
        separator = "\r\n" if elements else ""
        block = _checked_part_block(part.fields, part.names)
        elements += [f"{separator}--{boundary}\r\n{block}\r\n", *part.elements]
    elements.append(f"\r\n--{boundary}--\r\n")
    field = fold("Content-Type", [f"multipart/{subtype};", f'boundary="{boundary}"'])
    return Part((field,), tuple(elements))


def _attachment_part(attachment: Attachment) -> Part:
    filename = attachment.filename.strip()
    if not filename:
        raise ComposeError(
            "attachment_name", _("An attachment needs a file name."), field="attachments"
        )
    if (forbidden := find_forbidden(filename)) is not None or len(filename) > _LONGEST_FILENAME:
        raise ComposeError(
            "attachment_name",
            _("The file name of an attachment contains %(what)s.", what=forbidden)
            if forbidden
            else _("A file name cannot be longer than %(n)s characters.", n=_LONGEST_FILENAME),
            field="attachments",
        )
    media_type = _is_media_type(attachment.content_type)
    if media_type is None or media_type[1].lower() in ("multipart", "message"):
        # RFC 2046 5.1 and 5.2.1: these two must not be base64, and ours always are.
        raise ComposeError(
            "attachment_type",
            _("The type of an attachment must look like application/pdf, and not be a mail."),
            field="attachments",
        )
    disposition = parameter("filename", filename)
    fields = (
        f"Content-Type: {attachment.content_type}",
        "Content-Transfer-Encoding: base64",
        fold(
            "Content-Disposition",
            ["attachment;", *(f"{piece};" for piece in disposition[:-1]), disposition[-1]],
        ),
    )
    lines = encodebytes(attachment.content).decode("ascii").replace("\n", "\r\n")
    return Part(fields, (lines or "\r\n",))


def _unicode(text: str, field: str) -> str:
    """The text, if UTF-8 can say it.

    Raises:
        ComposeError: it holds half of a surrogate pair.
    """
    if not text.isascii():
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise not_unicode("html" if field == "html" else "text") from error
    return text


def not_unicode(field: str) -> ComposeError:
    """The refusal for text with half a character."""
    return ComposeError(
        "text_not_unicode", _("The text contains half a character and cannot be sent."), field=field
    )
