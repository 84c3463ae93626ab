"""What calls and answers look like, and what each code of a problem means: for the readable page.

Pure. Tests hold every example to its model, and every code to the code that says it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.core.words import Words, lazy

ID = "msg_5d0c8a4f31b27e96a0d4c8f1"
ROUTE: Mapping[str, Any] = {
    "server": "acme-own",
    "from": "Acme <news@acme.example>",
    "reply_to": [],
    "reason": "owner_server",
    "words": "Leaves through acme-own, from news@acme.example, because Ada owns Shop and configured"
    " this server.",
}
STEP: Mapping[str, Any] = {
    "candidate": "A custom server of the white label",
    "server": "acme-own",
    "sender": "news@acme.example",
    "code": "passed",
    "words": "Used.",
}
ACCEPTED: Mapping[str, Any] = {
    "id": ID,
    "status": "queued",
    "route": ROUTE,
    "deliveries": [{"id": f"{ID}.1", "to": "kim@customer.example", "status": "queued"}],
}
MESSAGE: Mapping[str, Any] = {
    "id": ID,
    "status": "sent",
    "category": "transactional",
    "is_test": False,
    "created_at": "2026-05-03T12:00:00Z",
    "send_at": None,
    "subject": None,
    "template": "welcome",
    "route": {
        **ROUTE,
        "words": "Ada owns the app and configured this server.",
        "trace": [STEP],
    },
    "metadata": {"order": "4711"},
    "deliveries": [
        {
            "id": f"{ID}.1",
            "to": "kim@customer.example",
            "status": "sent",
            "code": 250,
            "enhanced_code": "2.0.0",
            "words": "queued as 4F1B2",
            "reason": None,
            "copies": 0,
            "settled_at": "2026-05-03T12:00:01Z",
            "attempts": [],
        }
    ],
}

CAMPAIGN: Mapping[str, Any] = {
    "id": "cmp_7be1f0c2a94d36581e0b9f7c",
    "name": "Spring news",
    "state": "running",
    "created_at": "2026-05-03T12:00:00Z",
    "launched_at": "2026-05-03T12:00:00Z",
    "start_at": None,
    "finished_at": None,
    "expected_finish": "2026-05-03T12:40:00Z",
    "balance": {
        "audience": 12000,
        "sent": 4810,
        "failed": 12,
        "unknown": 0,
        "held": 0,
        "suppressed": 31,
        "cancelled": 0,
        "sandboxed": 0,
        "waiting": 7147,
        "unsubscribed": 3,
    },
}


@dataclass(frozen=True, slots=True)
class Example:
    """One call and its answer."""

    answer: Mapping[str, Any]
    body: Mapping[str, Any] | None = None
    query: str = ""


EXAMPLES: Mapping[str, Example] = {
    "submit": Example(
        body={
            "to": [{"email": "kim@customer.example", "name": "Kim", "variables": {"name": "Kim"}}],
            "template": "welcome",
            "metadata": {"order": "4711"},
        },
        answer=ACCEPTED,
    ),
    "submit_batch": Example(
        body={
            "messages": [
                {"to": ["kim@customer.example"], "subject": "Hello Kim", "text": "It is ready."},
                {"to": ["not an address"], "subject": "Hello", "text": "It is ready."},
            ]
        },
        answer={
            "messages": [
                {"message": ACCEPTED, "error": None},
                {
                    "message": None,
                    "error": {
                        "code": "address_without_at",
                        "message": "An e-mail address needs an @.",
                        "field": "to[0]",
                    },
                },
            ]
        },
    ),
    "messages": Example(
        query="?status=sent&to=kim@customer.example", answer={"messages": [MESSAGE], "next": None}
    ),
    "message": Example(answer=MESSAGE),
    "cancel": Example(answer={"id": ID, "cancelled": 1, "status": "cancelled"}),
    "launch_campaign": Example(
        body={
            "name": "Spring news",
            "template": "newsletter",
            "audience": "Customers",
            "pace": {"kind": "random", "min_delay": 0, "max_delay": 1},
        },
        answer=CAMPAIGN,
    ),
    "campaign": Example(answer=CAMPAIGN),
    "pause_campaign": Example(answer={**CAMPAIGN, "state": "paused", "expected_finish": None}),
    "resume_campaign": Example(answer=CAMPAIGN),
    "cancel_campaign": Example(answer={**CAMPAIGN, "state": "cancelled", "expected_finish": None}),
    "route": Example(body={"template": "welcome"}, answer={**ROUTE, "trace": [STEP]}),
    "senders": Example(
        answer={
            "senders": [
                {
                    "id": 7,
                    "email": "news@acme.example",
                    "name": "Acme",
                    "reply_to": None,
                    "server": "acme-own",
                }
            ]
        }
    ),
    "templates": Example(
        answer={
            "templates": [
                {
                    "slug": "welcome",
                    "name": "Welcome",
                    "version": 3,
                    "languages": ["en", "de"],
                    "default_language": "en",
                }
            ]
        }
    ),
    "domains": Example(
        answer={
            "domains": [{"name": "acme.example", "state": "verified", "includes_subdomains": False}]
        }
    ),
}

PROBLEM: Mapping[str, Any] = {
    "type": "about:blank",
    "title": "Unprocessable Entity",
    "status": 422,
    "code": "address_without_at",
    "detail": "An e-mail address needs an @.",
    "errors": [
        {
            "field": "to[0]",
            "code": "address_without_at",
            "message": "An e-mail address needs an @.",
        }
    ],
}

CODES: Mapping[str, tuple[int, Words]] = {
    "json_invalid": (400, lazy("The body is not JSON.")),
    "parameter_unknown": (400, lazy("This call has no such parameter.")),
    "malformed": (400, lazy("A member is missing, unknown or of another type; see errors.")),
    "idempotency_key_malformed": (400, lazy("An idempotency key has 1 to 255 characters.")),
    "unauthorized": (401, lazy("The key is missing, wrong, revoked, or another portal's.")),
    "not_found": (404, lazy("There is no such message or campaign for this key.")),
    "idempotency_key_reused": (
        409,
        lazy("The key was used before with another body. Take a new one."),
    ),
    "too_late": (409, lazy("Nothing of the message can be cancelled any more.")),
    "not_running": (409, lazy("The campaign is not under way.")),
    "not_paused": (409, lazy("The campaign is not paused.")),
    "request_entity_too_large": (413, lazy("The body is larger than 16 MB.")),
    "not_json": (415, lazy("The body is not sent as application/json.")),
    "address_missing": (422, lazy("An e-mail address is needed.")),
    "address_without_at": (422, lazy("An e-mail address needs an @.")),
    "address_malformed": (422, lazy("An address cannot be one; errors names which.")),
    "address_too_long": (422, lazy("An address, or its part before the @, is too long.")),
    "address_quoted": (
        422,
        lazy("Quotation marks before the @ are not supported in an address."),
    ),
    "address_not_ascii": (
        422,
        lazy("Letters such as é or ü are not supported before the @; after it they are."),
    ),
    "address_control_character": (422, lazy("An address has a line break or an invisible sign.")),
    "domain_missing": (422, lazy("A domain is needed.")),
    "domain_not_full": (422, lazy("A domain needs at least one dot, as in acme.example.")),
    "domain_malformed": (422, lazy("This is not a valid domain name.")),
    "domain_too_long": (
        422,
        lazy("The domain, or a part of it between two dots, is too long."),
    ),
    "domain_is_ip": (422, lazy("An IP address cannot stand in place of a domain.")),
    "mailbox_malformed": (
        422,
        lazy('A name with commas, brackets, an @ or quotation marks must stand in "…".'),
    ),
    "name_control_character": (422, lazy("A name has a line break or an invisible sign.")),
    "name_too_long": (422, lazy("The name beside an address is too long.")),
    "recipients_missing": (422, lazy("Nobody would get the message.")),
    "content_missing": (422, lazy("A template, or a subject with text or HTML, is needed.")),
    "content_ambiguous": (422, lazy("A template or own content, not both.")),
    "header_not_allowed": (422, lazy("An app may add header fields that begin with X- only.")),
    "template_unknown": (422, lazy("There is no template of this name.")),
    "template_empty": (422, lazy("The template has no text yet.")),
    "variables_missing": (422, lazy("The template needs values that are not there.")),
    "template_slow": (
        422,
        lazy("Writing the mail takes too long: the template computes too much."),
    ),
    "agent_unknown": (422, lazy("Nobody here has this id or address.")),
    "sender_unknown": (422, lazy("There is no sender with this id.")),
    "name_not_fit": (422, lazy("The name of a campaign is empty or too long.")),
    "audience_unknown": (422, lazy("There is no audience of this name.")),
    "audience_empty": (422, lazy("There is nobody in the audience.")),
    "language_unknown": (422, lazy("The template has no text in this language.")),
    "per_hour_not_fit": (422, lazy("A pace by the hour needs a number of mails.")),
    "delay_not_fit": (422, lazy("A random pace needs a shortest and a longest pause.")),
    "test_key": (
        422,
        lazy("A test key launches and changes no campaign, and cancels test messages only."),
    ),
    "send_at_too_far": (422, lazy("At most one year ahead.")),
    "attachment_not_base64": (422, lazy("An attachment is not base64.")),
    "attachments_too_large": (422, lazy("All attachments together may have 10 MB.")),
    "too_many_recipients": (
        422,
        lazy("The server takes fewer recipients in one message. Send one to each."),
    ),
    "not_the_owners_server": (
        422,
        lazy("The chosen sender's server was configured by somebody else than the app's owner."),
    ),
    "disabled": (422, lazy("The chosen sender's server is switched off.")),
    "not_validated": (422, lazy("The chosen sender's server has never passed a live test.")),
    "from_not_allowed": (
        422,
        lazy("The sender's domain is not allowed and verified."),
    ),
    "custom_server_off": (422, lazy("Your portal uses the standard server only.")),
    "store_unavailable": (503, lazy("Nothing was accepted. Try again after Retry-After.")),
}
