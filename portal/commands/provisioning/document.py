"""What a provisioning file may say: every key, its type and its default.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from portal.commands.provisioning.lines import Path, line_of, lines_of

Text = Annotated[str, Field(min_length=1)]
Positive = Annotated[int, Field(gt=0)]
FeatureKey = Literal["oauth_smtp"]
Table = TypeVar("Table")


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong with the file."""

    line: int
    key: str  # as `white_labels.0.servers.1.port`
    words: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.key}: {self.words}" if self.key else self.words


class BadDocument(Exception):
    """The file cannot be made true; nothing was changed."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


class _Table(BaseModel):
    """A table that knows all its keys and guesses no types."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class PersonTable(_Table):
    email: Text
    name: Text
    role: Literal["platform_owner", "admin", "agent"]
    language: Literal["en", "de"] = "en"
    password: Text | None = None
    password_env: Text | None = None


class ServerTable(_Table):
    name: Text
    description: str = ""
    preset: Text = "generic"
    configured_by: Text | None = None
    host: Text | None = None  # else the preset's
    port: int | None = None
    tls: Literal["none", "starttls", "implicit"] | None = None
    auth: Literal["none", "basic", "bearer"] | None = None
    username: str = ""
    password: Text | None = None
    password_env: Text | None = None
    tenant: Text | None = None  # with auth = "bearer"
    client_id: Text | None = None
    client_secret: Text | None = None
    client_secret_env: Text | None = None
    client_secret_expires: date | None = None
    min_tls: Literal["1.0", "1.1", "1.2", "1.3"] = "1.2"
    ca_pem: Text | None = None
    pin_sha256: Text | None = None
    auth_in_clear: bool | None = None
    pipelining: bool = True
    from_email: Text
    from_name: str = ""
    reply_to: Text | None = None
    default_for: list[Text] = []
    weight: Annotated[int, Field(ge=0)] = 1
    max_recipients: Positive | None = None
    max_bytes: Positive | None = None
    max_connections: Positive = 10
    max_per_connection: Positive | None = None
    per_second: Positive | None = None
    per_minute: Positive | None = None
    per_hour: Positive | None = None
    per_day: Positive | None = None
    enabled: bool = True
    validate_: bool = Field(default=True, alias="validate")


class PlatformTable(_Table):
    name: Text
    origin: Text | None = None  # else LIVERY_PLATFORM_ORIGIN
    colour: Text | None = None
    support_email: Text | None = None
    features: list[FeatureKey] | None = None  # for the platform's own servers
    features_for_all: list[FeatureKey] | None = None  # for every white label as well
    servers: list[ServerTable] = []


class SenderTable(_Table):
    email: Text
    server: Text  # one of this white label, or of the platform
    name: str = ""
    reply_to: Text | None = None
    default_for: list[Text] = []


class AppTable(_Table):
    name: Text
    owner: Text
    contact_email: Text | None = None
    api_key: Text | None = None
    api_key_env: Text | None = None


class DomainTable(_Table):
    name: Text
    state: Literal["allowed", "verified"] = "allowed"
    includes_subdomains: bool = False


class VersionTable(_Table):
    """What the template says in one language; the first one is the default."""

    language: Text
    subject: Text
    text: str | None = None
    html: str | None = None


class TemplateTable(_Table):
    slug: Text
    name: str = ""
    preferred_server: Text | None = None
    start: Text | None = None  # of the gallery; used once, while the template is empty
    versions: list[VersionTable] = []


class WhiteLabelTable(_Table):
    slug: Text
    name: Text
    colour: Text | None = None
    hostnames: list[Text] = []
    mail_mode: Literal["platform", "own"] | None = None
    answer_to: Text | None = None  # its mailboxes only send, and say so
    notice_language: Text | None = None  # in which they say so where a mail names none
    suspended: bool = False
    features: list[FeatureKey] | None = None  # switched on; left out: as it is
    people: list[PersonTable] = []
    servers: list[ServerTable] = []
    senders: list[SenderTable] = []
    apps: list[AppTable] = []
    domains: list[DomainTable] = []
    templates: list[TemplateTable] = []


class Document(_Table):
    """The whole file. What it does not mention stays as it is; nothing is deleted."""

    platform: PlatformTable | None = None
    people: list[PersonTable] = []
    white_labels: list[WhiteLabelTable] = []
    templates: list[TemplateTable] = []  # the platform's own


@dataclass(frozen=True, slots=True)
class Source:
    """A document and where its keys stand."""

    document: Document
    lines: Mapping[Path, int]

    def fault(self, path: Path, words: str) -> Fault:
        return _fault(path, words, self.lines)


def each(path: Path, tables: Sequence[Table]) -> Iterator[tuple[Path, Table]]:
    """The tables at this place, each with its own place."""
    for number, table in enumerate(tables):
        yield (*path, number), table


def read(text: str) -> Source:
    """Read the file.

    Raises:
        BadDocument: naming the line and key of everything that is wrong with it.
    """
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadDocument([Fault(0, "", f"not TOML: {error}")]) from None
    lines = lines_of(text)
    try:
        return Source(Document.model_validate(raw), lines)
    except ValidationError as error:
        faults = [_fault(found["loc"], _words(found), lines) for found in error.errors()]
        raise BadDocument(sorted(faults, key=lambda fault: fault.line)) from None


def _fault(path: Path, words: str, lines: Mapping[Path, int]) -> Fault:
    return Fault(line_of(path, lines), ".".join(map(str, path)), words)


def _every_key() -> list[str]:
    """All keys of all tables, as they are written."""
    return [
        field.alias or name
        for table in _Table.__subclasses__()
        for name, field in table.model_fields.items()
    ]


def _words(found: ErrorDetails) -> str:
    match found["type"]:
        case "extra_forbidden":
            meant = get_close_matches(str(found["loc"][-1]), _every_key(), n=1)
            return (
                f"there is no such key (did you mean {meant[0]}?)"
                if meant
                else ("there is no such key")
            )
        case "missing":
            return "this key is needed"
        case "string_type":
            return "must be text in quotation marks"
        case "int_type" | "int_from_float":
            return "must be a whole number"
        case "bool_type":
            return "must be true or false"
        case "list_type":
            return "must be a list"
        case "model_type" | "dict_type" | "model_attributes_type":
            return "must be a table"
        case "literal_error":
            return f"must be {found['ctx']['expected']}"
        case "string_too_short":
            return "must not be empty"
        case _:
            message: str = found["msg"]
            return message[:1].lower() + message[1:]
