"""The bodies that programs send and get; the description is made from these.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

import base64
import math
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from portal.core.errors import Refusal
from portal.core.words import _
from portal.outbox.states import Category, State
from portal.outbox.submission import File, FromTemplate, OwnContent, Recipient, Submission
from portal.smtp.addresses import Mailbox, parse_address, parse_mailbox

MAX_FILES = 10 * 1024 * 1024
MAX_TEXT = 1024 * 1024
MAX_BATCH = 1000


def _storable(value: Any) -> Any:
    """A value that either store keeps as it is: PostgreSQL has no NUL in a text, and JSON has
    neither infinite numbers nor such as are none."""
    if isinstance(value, str) and "\0" in value:
        raise PydanticCustomError("character_unfit", "A text cannot contain U+0000")
    if isinstance(value, float) and not math.isfinite(value):
        raise PydanticCustomError("number_unfit", "A number must be finite")
    if isinstance(value, dict):
        _storable([*value, *value.values()])
    if isinstance(value, list):
        for item in value:
            _storable(item)
    return value


STORABLE = AfterValidator(_storable)
Text = Annotated[str, Field(max_length=MAX_TEXT), STORABLE]
Moment = Annotated[
    AwareDatetime,
    # Within a day of either end of the calendar it may have no place in UTC, as it is stored.
    Field(ge=datetime(1, 1, 2, tzinfo=UTC), le=datetime(9999, 12, 30, tzinfo=UTC)),
]
Short = Annotated[str, Field(max_length=998)]
Known = Annotated[Short, STORABLE]
Variables = Annotated[dict[str, Any], STORABLE]


class Strict(BaseModel):
    """Unknown members are mistakes, and are named."""

    model_config = ConfigDict(extra="forbid")


class AddressIn(Strict):
    """Somebody, with the values that are theirs alone."""

    email: Short
    name: Annotated[str, Field(max_length=200)] = ""
    variables: Variables = Field(
        default_factory=dict, description="Their own values; they win over the message's."
    )


class AttachmentIn(Strict):
    """A file, base64 encoded."""

    filename: Annotated[str, Field(min_length=1, max_length=200)]
    content_type: Annotated[str, Field(max_length=120)] = "application/octet-stream"
    content: Annotated[str, Field(max_length=MAX_FILES * 4 // 3 + 4)] = Field(description="base64")


class MessageIn(Strict):
    """One message: a template with variables, or a subject with text and/or HTML."""

    to: Annotated[list[Short | AddressIn], Field(min_length=1, max_length=1000)] = Field(
        description="Addresses, or objects with a name and values. All of them see each other; "
        "for individual mail use a batch."
    )
    cc: Annotated[list[Short | AddressIn], Field(max_length=1000)] = Field(
        default_factory=list, description="Get a copy, and everybody sees it."
    )
    bcc: Annotated[list[Short | AddressIn], Field(max_length=1000)] = Field(
        default_factory=list, description="Get a copy, and nobody sees it."
    )
    reply_to: Annotated[list[Short | AddressIn], Field(max_length=10)] = Field(
        default_factory=list, description="Where answers go, if not to From."
    )
    sender: int | Short | None = Field(
        None, description="A sender's id, or an address. An unknown address is a wish for From."
    )
    agent: int | Short | None = Field(None, description="The agent in whose name it is written.")
    template: Known | None = Field(None, description="A template's short name.")
    language: Annotated[str, Field(max_length=16)] | None = Field(
        None, description="Of the template; else its default."
    )
    variables: Variables = Field(
        default_factory=dict, description="Values for the template, for every recipient."
    )
    subject: Short | None = Field(None, description="Own content instead of a template.")
    text: Text | None = Field(None, description="Sent as it is; never read as a template.")
    html: Text | None = Field(None, description="Sent as it is; never read as a template.")
    category: Category = Field(
        Category.TRANSACTIONAL, description="Transactional mail always leaves first."
    )
    send_at: Moment | None = Field(None, description="With a time zone; at most one year ahead.")
    headers: dict[str, Short] = Field(default_factory=dict, description="`X-…` only.")
    attachments: Annotated[list[AttachmentIn], Field(max_length=50)] = Field(
        default_factory=list, description="10 MB in all."
    )
    metadata: Annotated[dict[str, Annotated[str, Field(max_length=500)]], STORABLE] = Field(
        default_factory=dict, max_length=20, description="Kept with the message and given back."
    )


class BatchIn(Strict):
    """Individual messages, each with an answer of its own, stored in one transaction."""

    messages: Annotated[list[MessageIn], Field(min_length=1, max_length=MAX_BATCH)]


class RouteIn(Strict):
    """The question where a message would go; nothing is sent."""

    to: Annotated[list[Short | AddressIn], Field(max_length=1000)] = Field(default_factory=list)
    cc: Annotated[list[Short | AddressIn], Field(max_length=1000)] = Field(default_factory=list)
    bcc: Annotated[list[Short | AddressIn], Field(max_length=1000)] = Field(default_factory=list)
    reply_to: Annotated[list[Short | AddressIn], Field(max_length=10)] = Field(default_factory=list)
    sender: int | Short | None = None
    agent: int | Short | None = None
    template: Known | None = None


class StepOut(BaseModel):
    """A candidate and what became of it."""

    candidate: str
    server: str
    sender: str
    code: str
    words: str


class RouteOut(BaseModel):
    """By which server, from which address, and why."""

    server: str | None = None
    from_: str | None = Field(default=None, serialization_alias="from")
    reply_to: list[str] = Field(default_factory=list)
    reason: str = Field(
        description="A stable code: how the route came about, or why there is none."
    )
    words: str = Field(description="The same in one sentence.")


class RouteTraceOut(RouteOut):
    """A route with every candidate that was looked at."""

    trace: list[StepOut]


class AttemptOut(BaseModel):
    """A try that was not a plain success."""

    number: int
    at: datetime
    status: State
    stage: str | None
    code: int | None
    enhanced_code: str | None
    words: str | None


class DeliveryOut(BaseModel):
    """One recipient of a message."""

    id: str
    to: str
    status: State
    code: int | None = None
    enhanced_code: str | None = None
    words: str | None = None
    reason: str | None = None
    copies: int = Field(0, description="Sent again after an answer that was never learnt.")
    settled_at: datetime | None = None
    attempts: list[AttemptOut] = Field(default_factory=list)


class AcceptedDeliveryOut(BaseModel):
    id: str
    to: str
    status: State


class AcceptedOut(BaseModel):
    """What was accepted, and where it will go."""

    id: str
    status: State
    route: RouteOut
    deliveries: list[AcceptedDeliveryOut]


class MessageOut(BaseModel):
    """A message as it stands now."""

    id: str
    status: State
    category: Category
    is_test: bool
    created_at: datetime
    send_at: datetime | None
    subject: str | None
    template: str | None
    route: RouteTraceOut
    metadata: dict[str, str]
    deliveries: list[DeliveryOut]


class BatchItemOut(BaseModel):
    """The answer for one message of a batch: accepted, or why not."""

    message: AcceptedOut | None = None
    error: dict[str, str] | None = None


class BatchOut(BaseModel):
    messages: list[BatchItemOut]


class PageOut(BaseModel):
    """Newest first; ask again with `after` = `next`."""

    messages: list[MessageOut]
    next: str | None


class CancelledOut(BaseModel):
    id: str
    cancelled: int
    status: State


class SenderOut(BaseModel):
    id: int
    email: str
    name: str
    reply_to: str | None
    server: str


class TemplateOut(BaseModel):
    slug: str
    name: str
    version: int
    languages: list[str]
    default_language: str


class DomainOut(BaseModel):
    name: str
    state: str
    includes_subdomains: bool


class ProblemOut(BaseModel):
    """RFC 9457 problem details."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    errors: list[dict[str, str]] = Field(default_factory=list)


def mailboxes(given: list[str | AddressIn], field: str) -> tuple[Mailbox, ...]:
    """The addresses of one member; a wrong one is named by its place."""
    return tuple(_mailbox(item, f"{field}[{number}]") for number, item in enumerate(given))


def submission(
    body: MessageIn, *, white_label_id: int, app_id: int, agent_id: int | None, is_test: bool
) -> Submission:
    """What the body asks for, checked for form."""
    return Submission(
        white_label_id=white_label_id,
        app_id=app_id,
        agent_id=agent_id,
        is_test=is_test,
        to=tuple(
            Recipient(
                _mailbox(item, f"to[{number}]"),
                item.variables if isinstance(item, AddressIn) else {},
            )
            for number, item in enumerate(body.to)
        ),
        cc=mailboxes(body.cc, "cc"),
        bcc=mailboxes(body.bcc, "bcc"),
        reply_to=mailboxes(body.reply_to, "reply_to"),
        content=_content(body),
        values=body.variables,
        category=body.category,
        sender=body.sender,
        send_at=body.send_at,
        headers=_own_headers(body.headers),
        attachments=_files(body.attachments),
        details=body.metadata,
    )


def _mailbox(item: str | AddressIn, field: str) -> Mailbox:
    try:
        if isinstance(item, str):
            return parse_mailbox(item)
        return Mailbox(parse_address(item.email), item.name)
    except Refusal as refusal:
        raise Refusal(refusal.code, refusal.words, field=field) from None


def _own_headers(given: dict[str, str]) -> dict[str, str]:
    """Further fields: only such as nobody else has a meaning for."""
    for name in given:
        if not name.lower().startswith("x-"):
            words = _("Only X-… fields can be added: %(name)s is not one.", name=name)
            raise Refusal("header_not_allowed", words, field="headers")
    return given


def _content(body: MessageIn) -> OwnContent | FromTemplate:
    own = [name for name in ("subject", "text", "html") if getattr(body, name) is not None]
    if body.template is not None:
        if own:
            words = _("A message has a template or its own content, not both.")
            raise Refusal("content_ambiguous", words, field=own[0])
        return FromTemplate(body.template, body.language)
    if body.subject is None:
        words = _("A message needs a template, or a subject with text or HTML.")
        raise Refusal("content_missing", words, field="subject")
    if body.text is None and body.html is None:
        raise Refusal("content_missing", _("Text, HTML or both are needed."), field="text")
    return OwnContent(body.subject, body.text, body.html)


def _files(given: list[AttachmentIn]) -> tuple[File, ...]:
    files, total = [], 0
    for number, item in enumerate(given):
        try:
            content = base64.b64decode(item.content, validate=True)
        except ValueError:
            words = _("This is not base64.")
            place = f"attachments[{number}].content"
            raise Refusal("attachment_not_base64", words, field=place) from None
        total += len(content)
        files.append(File(item.filename, item.content_type, content))
    if total > MAX_FILES:
        words = _("All attachments together may have 10 MB.")
        raise Refusal("attachments_too_large", words, field="attachments")
    return tuple(files)
