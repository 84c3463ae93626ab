"""What it means when signing in by access token fails, and what to do about it.

Two parties can refuse: the provider, which gives no token and names the reason with a code of its
own (AADSTS…), and the mail server, which does not take a token that was given. The second one
tells little, so the words list what has to be true, in the order in which it is usually forgotten.

Pure.

Codes: https://learn.microsoft.com/entra/identity-platform/reference-error-codes
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from portal.core.words import Words
from portal.core.words import lazy as _
from portal.smtp.causes import Cause
from portal.smtp.protocol import Fate, NotSent
from portal.smtp.replies import Kind, Reply, ServerFault, Stage


@dataclass(frozen=True, slots=True)
class Explained:
    """What happened and what to do, before anybody reads it."""

    meaning: Words
    what_to_do: Words


def by_access_token(stage: Stage, fate: Fate | Cause) -> Explained | None:
    """What is particular about a server that is signed in to by token; None: nothing."""
    if isinstance(fate, NotSent):
        fate = fate.why
    if isinstance(fate, Cause):
        return TOKEN_CAUSES.get(fate)
    if not isinstance(fate, ServerFault):
        return None
    reply = fate.reply
    if (code := _code_in(reply)) is not None:
        return CODES.get(code, TOKEN_CAUSES[Cause.GRANT_REFUSED])
    if fate.cause in _BEFORE_THE_SERVER:
        return TOKEN_CAUSES[fate.cause]
    if reply is not None and _is_oauth_error(reply.text):
        return TOKEN_CAUSES[Cause.GRANT_REFUSED]
    if fate.kind is Kind.CREDENTIALS and reply is not None:
        return _by_server(reply)
    if fate.kind is Kind.SENDER:
        return NOT_ITS_MAILBOX
    if fate.kind is Kind.TEMPORARY_AUTH and stage is not Stage.TOKEN:
        return SERVER_CANNOT_CHECK
    return None


_BEFORE_THE_SERVER = (
    Cause.GRANT_REFUSED,
    Cause.PROVIDER_AWAY,
    Cause.PROVIDER_MALFORMED,
    Cause.SWITCHED_OFF,
)


def _by_server(reply: Reply) -> Explained:
    """A token was given, and the mail server refused it."""
    if reply.enhanced == "5.7.30" or "basic authentication" in reply.text.lower():
        return BASIC_IS_OFF
    if reply.enhanced == "5.7.139" or "smtpclientauthentication" in reply.text.lower():
        return SMTP_AUTH_IS_OFF
    return TOKEN_CAUSES[Cause.BEARER_REFUSED]


_aadsts = re.compile(r"\bAADSTS(\d{4,9})\b").search
_is_oauth_error = re.compile(  # RFC 6749 5.2
    r"(?:invalid_(?:request|client|grant|scope)|un(?:authorized_client|supported_grant_type))\b"
).match


def _code_in(reply: Reply | None) -> int | None:
    found = _aadsts(reply.text) if reply is not None else None
    return int(found[1]) if found else None


TOKEN_CAUSES: Mapping[Cause, Explained] = {
    Cause.GRANT_REFUSED: Explained(
        _("The provider gives no access token for this client ID, secret and tenant."),
        _(
            "Its words say why. Compare client ID and tenant ID with the app registration's "
            "overview page, and enter the value of a client secret that has not expired."
        ),
    ),
    Cause.PROVIDER_AWAY: Explained(
        _("The provider's sign-in service cannot be reached, or is busy."),
        _(
            "Nothing: mail waits and is tried again by itself. If it stays so, tell the operator "
            "of this platform, which must be able to reach the provider over HTTPS."
        ),
    ),
    Cause.PROVIDER_MALFORMED: Explained(
        _("What answered instead of the provider's sign-in service gave no access token."),
        _(
            "Check the tenant ID. If it is right, tell the operator of this platform: something "
            "may stand between it and the provider."
        ),
    ),
    Cause.BEARER_REFUSED: Explained(
        _("The provider gave an access token, but the mail server does not take it."),
        _(
            "In this order: the app registration has the application permission SMTP.SendAsApp "
            "of Office 365 Exchange Online, with the administrator's consent; its service "
            "principal is registered in Exchange with the object ID of the enterprise "
            "application (not of the app registration); it may use the mailbox "
            "(Add-MailboxPermission); the user name is that mailbox; and authenticated SMTP is on "
            "for it."
        ),
    ),
    Cause.SWITCHED_OFF: Explained(
        _("Signing in by token (Bearer) is switched off here by the platform's owner."),
        _(
            "Ask for it to be switched on again, or let the server sign in by password. Until "
            "then its mail waits."
        ),
    ),
}

WRONG_SECRET = Explained(
    _("Microsoft says that the client secret is wrong."),
    _(
        "Enter the secret's value, not its ID: it is shown once, right after it was made. If it "
        "is lost, make a new one in the app registration under “Certificates & secrets”."
    ),
)
EXPIRED_SECRET = Explained(
    _("The client secret has expired."),
    _(
        "Make a new one in the app registration under “Certificates & secrets”, and enter its "
        "value and its day of expiry here."
    ),
)
WRONG_CLIENT = Explained(
    _("Microsoft knows no such application in this tenant."),
    _(
        "Compare client ID and tenant ID with the app registration's overview page. If the "
        "application belongs to another tenant, an administrator of this one must consent first."
    ),
)
WRONG_TENANT = Explained(
    _("Microsoft knows no such tenant."),
    _(
        "Enter the “Directory (tenant) ID” of the app registration's overview page, or a domain "
        "that is verified there."
    ),
)
NO_CONSENT = Explained(
    _("Nobody has allowed this application to do what it asks for."),
    _(
        "In the app registration, under “API permissions”: add the application permission "
        "SMTP.SendAsApp of Office 365 Exchange Online, then let an administrator grant consent."
    ),
)
NO_EXCHANGE = Explained(
    _("Exchange Online is not known in this tenant, or not allowed for the application."),
    _("Check that the tenant is the one with the mailbox and has a licence for Exchange Online."),
)
CLIENT_OFF = Explained(
    _("The application is switched off at Microsoft."),
    _("An administrator of the tenant has to let users sign in to the enterprise application."),
)
BLOCKED = Explained(
    _("A rule of the tenant (conditional access) does not let the application in from here."),
    _("An administrator of the tenant has to allow the address of this platform."),
)

CODES: Mapping[int, Explained] = {
    7000215: WRONG_SECRET,
    7000216: WRONG_SECRET,  # neither a secret nor an assertion in the request
    7000222: EXPIRED_SECRET,
    700016: WRONG_CLIENT,
    7000229: WRONG_CLIENT,  # no service principal in the tenant
    90002: WRONG_TENANT,
    900023: WRONG_TENANT,  # neither a DNS name nor a domain
    900021: WRONG_TENANT,
    90013: WRONG_TENANT,
    65001: NO_CONSENT,
    650052: NO_CONSENT,
    650056: NO_CONSENT,
    500011: NO_EXCHANGE,
    70011: NO_EXCHANGE,  # the scope names a resource that is not there
    1002012: NO_EXCHANGE,
    7000112: CLIENT_OFF,
    7000113: CLIENT_OFF,
    53003: BLOCKED,
    530035: BLOCKED,
    90033: TOKEN_CAUSES[Cause.PROVIDER_AWAY],
    90024: TOKEN_CAUSES[Cause.PROVIDER_AWAY],
    50196: TOKEN_CAUSES[Cause.PROVIDER_AWAY],
}

SMTP_AUTH_IS_OFF = Explained(
    _("Authenticated SMTP is switched off for this mailbox or the whole tenant."),
    _(
        "An administrator switches it on: in the Microsoft 365 admin centre under the user's "
        "“Mail”, “Manage email apps”, “Authenticated SMTP”; or with Set-CASMailbox "
        "-SmtpClientAuthenticationDisabled $false. It takes up to an hour."
    ),
)
BASIC_IS_OFF = Explained(
    _("Microsoft took this for a sign-in by password, which it does not allow any more."),
    _(
        "Check that the user name is a mailbox of the tenant whose ID is entered, and that the "
        "application has the permission SMTP.SendAsApp and not only one of Microsoft Graph."
    ),
)
NOT_ITS_MAILBOX = Explained(
    _("The server does not let this mailbox send as the sender address."),
    _(
        "Use the user name as sender address, or give the mailbox the permission “Send As” for "
        "the other one."
    ),
)
SERVER_CANNOT_CHECK = Explained(
    _("The mail server cannot check the access token at the moment."),
    _("Try again in a few minutes."),
)
