"""What a failure means and what to do about it, in plain words, for the stage it happened at.

Pure. The words of the server itself are shown beside these; here stands what they mean, and the
next step. A service's own peculiarities win over the general words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from portal.core.words import lazy as _
from portal.smtp.advice_on_tokens import TOKEN_CAUSES, by_access_token
from portal.smtp.advice_on_tokens import Explained as _Words
from portal.smtp.causes import Cause
from portal.smtp.protocol import Fate, NotSent, Unknown
from portal.smtp.replies import Failed, Kind, Sent, ServerFault, Stage, TryAgain


@dataclass(frozen=True, slots=True)
class Advice:
    """In the reader's language: what happened, and what to do."""

    meaning: str
    what_to_do: str


def advise(
    stage: Stage, fate: Fate | Cause, preset: str | None = None, *, by_token: bool = False
) -> Advice:
    """Words for a failure, in the language of whoever asks.

    Args:
        fate: the verdict on a session or a message, or a cause alone.
        preset: the key of the service's preset, if one was chosen.
        by_token: the server is signed in to by access token and not by password.
    """
    found = by_access_token(stage, fate) if by_token else None
    words = found or _find(stage, fate, preset)
    return Advice(str(words.meaning), str(words.what_to_do))


def _find(stage: Stage, fate: Fate | Cause, preset: str | None) -> _Words:
    match fate:
        case Unknown():
            return UNKNOWN
        case NotSent(why):
            return _find(stage, why, preset)
        case Cause():
            return SILENT_PORT if _is_silence(stage, fate) else CAUSES[fate]
        case Sent():
            return ACCEPTED
        case TryAgain() | Failed():
            return _by_service(fate, preset) or KINDS[fate.kind]
        case ServerFault(kind, cause=cause):
            general = KINDS[kind] if cause is None else _find(stage, cause, preset)
            return _by_service(fate, preset) or general


def _is_silence(stage: Stage, cause: Cause) -> bool:
    return cause is Cause.TIMEOUT and stage is Stage.GREETING


def _by_service(verdict: TryAgain | Failed | ServerFault, preset: str | None) -> _Words | None:
    """What only one service means by it; only its own words count, not our own guards."""
    if verdict.reply is None:
        return None
    if verdict.reply.enhanced == "5.7.30":
        return MICROSOFT_BASIC_IS_OFF
    return SERVICES.get((preset or "", verdict.kind))


ACCEPTED = _Words(
    _("The server has accepted the message."),
    _("Nothing: look whether it has arrived, and whether it went to the spam folder."),
)

UNKNOWN = _Words(
    _("The message was handed over whole, but the server never said whether it took it."),
    _("Look whether it has arrived before you send it again."),
)

SILENT_PORT = _Words(
    _("The connection stands, but the server says nothing."),
    _(
        "It may be a port for TLS from the first byte (as 465 is), a firewall in between, or a "
        "server that is overloaded. Check port and encryption; then try again in a few minutes."
    ),
)

MICROSOFT_BASIC_IS_OFF = _Words(
    _("Microsoft no longer lets this mailbox sign in with a user name and password (Basic)."),
    _(
        "Use OAuth (Bearer) for this server. An administrator of the Microsoft tenant may be able "
        "to allow Basic authentication again for a while."
    ),
)

CAUSES: Mapping[Cause, _Words] = {
    **TOKEN_CAUSES,
    Cause.BAD_HOST: _Words(
        _("What was entered as the host is neither a name nor an address."),
        _("Enter only the server's name, such as smtp.acme.example: no https:// and no path."),
    ),
    Cause.NAME_NOT_FOUND: _Words(
        _("There is no server of this name: DNS knows no address for it."),
        _("Check the spelling of the host. Your provider's help page has the exact name."),
    ),
    Cause.NAME_LOOKUP_FAILED: _Words(
        _("The name could not be looked up: the DNS servers did not answer."),
        _("Try again in a few minutes. If it stays so, the name's own DNS servers may be down."),
    ),
    Cause.NOT_ALLOWED: _Words(
        _("This host or port may not be used from here."),
        _(
            "Use your provider's public host name and one of the usual ports (587, 465, 2525 or "
            "25). For a server inside a private network ask the operator of this platform."
        ),
    ),
    Cause.CONNECTION_REFUSED: _Words(
        _("The host is there, but nothing listens on this port."),
        _("Check the port: 587 with STARTTLS and 465 with TLS are the usual ones."),
    ),
    Cause.CONNECT_TIMEOUT: _Words(
        _("The host cannot be reached: it did not answer at all."),
        _(
            "Check host and port. Many networks block port 25, some also 465; try 587 or 2525. "
            "The server's own firewall may also have to let this platform in."
        ),
    ),
    Cause.NO_ROUTE: _Words(
        _("The host cannot be reached: there is no way to its network from here."),
        _("Check the host. If it is right, ask the operator of this platform."),
    ),
    Cause.CLOSED: _Words(
        _("The server closed the connection in the middle."),
        _(
            "It may be overloaded, block this platform's address, or expect another kind of "
            "encryption on this port. Check port and encryption, then try again."
        ),
    ),
    Cause.TIMEOUT: _Words(
        _("The server took too long to answer."),
        _("Try again in a few minutes; if it stays so, ask the server's administrator."),
    ),
    Cause.MALFORMED: _Words(
        _("What answers there does not speak SMTP."),
        _("Check host and port: this may be a web server or another service."),
    ),
    Cause.TOO_LONG: _Words(
        _("The server's answer would not end, so the connection was closed."),
        _("Check host and port. If they are right, ask the server's administrator."),
    ),
    Cause.OUT_OF_STEP: _Words(
        _("The server's answers do not fit the questions."),
        _("Switch pipelining off for this server. If that does not help, ask its administrator."),
    ),
    Cause.UNSOLICITED: _Words(
        _("The server said more than it was asked."),
        _("Switch pipelining off for this server. If that does not help, ask its administrator."),
    ),
    Cause.REFUSED_US: _Words(
        _("The server accepts no mail from this platform at all."),
        _("Its words say why. Often the platform's address has to be allowed on the server."),
    ),
    Cause.TLS_EXPECTED: _Words(
        _("TLS mismatch: this port expects encryption from the first byte (implicit TLS)."),
        _('Choose "SSL/TLS" for this port, or port 587 with STARTTLS.'),
    ),
    Cause.NOT_TLS: _Words(
        _("TLS mismatch: this port does not speak TLS from the first byte."),
        _("Choose STARTTLS for this port (usual for 587, 2525 and 25), or port 465 with SSL/TLS."),
    ),
    Cause.STARTTLS_MISSING: _Words(
        _("TLS mismatch: STARTTLS is required here, but the server does not offer it."),
        _(
            "Choose port 465 with SSL/TLS if the server has it. Livery does not fall back to an "
            "open connection: a password would be readable on the way."
        ),
    ),
    Cause.STARTTLS_REFUSED: _Words(
        _("The server offers STARTTLS, but refused to begin it."),
        _("Its TLS is probably not set up. Try port 465 with SSL/TLS, or ask its administrator."),
    ),
    Cause.STARTTLS_INJECTED: _Words(
        _("Something sent words of its own before the encryption began, so nothing was sent."),
        _(
            "Somebody may be tampering with the connection, or the server has a known fault. "
            "Tell its administrator; do not use it before this is explained."
        ),
    ),
    Cause.TLS_TOO_OLD: _Words(
        _("The server only offers encryption that is not safe any more."),
        _("It has to be updated to TLS 1.2 or newer. The platform's owner can make an exception."),
    ),
    Cause.TLS_FAILED: _Words(
        _("No encrypted connection could be agreed on."),
        _("Check port and encryption; if they are right, ask the server's administrator."),
    ),
    Cause.CERTIFICATE_EXPIRED: _Words(
        _("The server's certificate has expired."),
        _("Its administrator has to renew it. Until then nobody can be sure whose server it is."),
    ),
    Cause.CERTIFICATE_NOT_YET_VALID: _Words(
        _("The server's certificate is not valid yet."),
        _("Check the clocks of the server and of this platform."),
    ),
    Cause.CERTIFICATE_WRONG_NAME: _Words(
        _("The server's certificate is made out to another name."),
        _("Enter the host exactly as it stands in the certificate: often your provider's name."),
    ),
    Cause.CERTIFICATE_SELF_SIGNED: _Words(
        _("The server vouches for itself: its certificate is self-signed."),
        _("Use a certificate of a public authority, or pin this one in the server's settings."),
    ),
    Cause.CERTIFICATE_UNKNOWN_ISSUER: _Words(
        _("The server's certificate comes from an authority that is not known here."),
        _(
            "The server may not send its intermediate certificate. For an authority of your own, "
            "enter its certificate in the server's settings."
        ),
    ),
    Cause.CERTIFICATE_INVALID: _Words(
        _("The server's certificate is not valid."),
        _("Ask the server's administrator to check it."),
    ),
    Cause.PIN_MISMATCH: _Words(
        _("The server has another certificate than the one that is pinned for it."),
        _("If it was renewed, enter the new fingerprint. If not, somebody may be in between."),
    ),
    Cause.BAD_CA_BUNDLE: _Words(
        _("The authorities entered for this server are no certificates in PEM form."),
        _("Enter them whole, from -----BEGIN CERTIFICATE----- to -----END CERTIFICATE-----."),
    ),
    Cause.AUTH_IN_CLEAR: _Words(
        _("Without encryption no password is sent."),
        _("Choose STARTTLS or SSL/TLS. The platform's owner can make an exception for a server."),
    ),
    Cause.AUTH_NOT_OFFERED: _Words(
        _("The server does not let anybody sign in here."),
        _(
            "On port 25 and without encryption servers often offer no sign-in: use 587 with "
            "STARTTLS. If it needs none, choose no authentication."
        ),
    ),
    Cause.NO_COMMON_MECHANISM: _Words(
        _("The server offers no way to sign in with what was chosen here."),
        _("Choose the other type of authentication, or ask what the server supports."),
    ),
    Cause.CREDENTIALS_REFUSED: _Words(
        _("The server refused user name or password."),
        _(
            "Enter both again. Many services want an own SMTP or app password instead of the one "
            "for their web page, or a user name that is not the e-mail address."
        ),
    ),
    Cause.SIGN_IN_FAILS_FOR_NOW: _Words(
        _("The server cannot check user name and password at the moment."),
        _("Try again in a few minutes."),
    ),
    Cause.SENDER_REFUSED: _Words(
        _("This server does not send for the sender address."),
        _("Use an address that belongs to the account, or allow it in the service's settings."),
    ),
}

KINDS: Mapping[Kind, _Words] = {
    Kind.ACCEPTED: ACCEPTED,
    Kind.BUSY: _Words(
        _("The server is busy or has a passing problem."),
        _("Try again in a few minutes."),
    ),
    Kind.RATE: _Words(
        _("Mail was sent faster than the server accepts it."),
        _(
            "Set a lower rate for this server, or ask its administrator for a higher one. Queued "
            "mail is slowed down by itself."
        ),
    ),
    Kind.QUOTA: _Words(
        _("The allowance of this account is used up for now."),
        _("Wait until it begins anew, or ask the service for a higher one."),
    ),
    Kind.TOO_MANY_CONNECTIONS: _Words(
        _("The server has too many connections open."),
        _("Set a lower number of connections for this server, and try again."),
    ),
    Kind.GREYLIST: _Words(
        _("The recipient's server asks to come back later, as it does with all it does not know."),
        _("Nothing: it is tried again by itself."),
    ),
    Kind.MAILBOX: _Words(
        _("The recipient's mailbox is full or takes no mail."),
        _("Try another address of the recipient, or later."),
    ),
    Kind.ADDRESS: _Words(
        _("There is no such recipient."),
        _("Check the spelling of the address."),
    ),
    Kind.CONTENT: _Words(
        _("The message itself was refused: it is too big or not well formed."),
        _("Make it smaller, mainly its attachments."),
    ),
    Kind.POLICY: _Words(
        _("The message was refused by a rule of the server or of the recipient's."),
        _(
            "Its words say which. Check that SPF, DKIM and DMARC are set up for the sender's "
            "domain, and that the recipients expect this mail."
        ),
    ),
    Kind.RELAY_SETUP: _Words(
        _("The server does not pass mail on to this recipient's domain for you."),
        _("Most servers do so only for those who sign in: check the authentication."),
    ),
    Kind.SENDER: CAUSES[Cause.SENDER_REFUSED],
    Kind.CREDENTIALS: CAUSES[Cause.CREDENTIALS_REFUSED],
    Kind.TEMPORARY_AUTH: CAUSES[Cause.SIGN_IN_FAILS_FOR_NOW],
    Kind.SECURITY: CAUSES[Cause.TLS_FAILED],
    Kind.PROTOCOL: CAUSES[Cause.OUT_OF_STEP],
    Kind.UNREACHABLE: CAUSES[Cause.CONNECT_TIMEOUT],
    Kind.REFUSED: CAUSES[Cause.REFUSED_US],
}

_GOOGLE = _Words(
    _("Google refused user name or password."),
    _(
        "Use an app password of 16 characters, not the account's own password. It can be made "
        "once 2-Step Verification is on. The user name is the full e-mail address."
    ),
)
_APP_PASSWORD = _Words(
    _("The service refused user name or password."),
    _(
        "Use an app password, made in the account's security settings, not the account's own "
        "password. The user name is the full e-mail address."
    ),
)
_API_KEY = _Words(
    _("The service refused user name or password."),
    _(
        "The password here is a key from the service's SMTP or API page, not the password of your "
        "account there. Make a new key if it may have been deleted."
    ),
)

SERVICES: Mapping[tuple[str, Kind], _Words] = {
    ("gmail", Kind.CREDENTIALS): _GOOGLE,
    ("google_workspace", Kind.CREDENTIALS): _GOOGLE,
    ("yahoo", Kind.CREDENTIALS): _APP_PASSWORD,
    ("icloud", Kind.CREDENTIALS): _APP_PASSWORD,
    ("zoho", Kind.CREDENTIALS): _APP_PASSWORD,
    ("fastmail", Kind.CREDENTIALS): _APP_PASSWORD,
    ("outlook", Kind.CREDENTIALS): _APP_PASSWORD,
    ("gmx", Kind.CREDENTIALS): _Words(
        _("GMX refused user name or password."),
        _("In the mailbox's settings, access by POP3 and IMAP has to be switched on first."),
    ),
    ("microsoft_365", Kind.CREDENTIALS): _Words(
        _("Microsoft refused user name or password."),
        _(
            "Sign-in over SMTP (authenticated SMTP) must be allowed for the mailbox, and with "
            "2-step sign-in an app password is needed. OAuth (Bearer) is the lasting way."
        ),
    ),
    ("microsoft_365", Kind.SENDER): _Words(
        _("Microsoft does not let this mailbox send as the sender address."),
        _('Use the mailbox\'s own address, or give it the permission "Send As" for the other.'),
    ),
    ("ses", Kind.CREDENTIALS): _Words(
        _("Amazon SES refused the credentials, or they may not send."),
        _(
            "Use SMTP credentials made in the SES console for exactly this region; the keys of an "
            "IAM user are something else. Their user needs the permission ses:SendRawEmail."
        ),
    ),
    ("ses", Kind.SENDER): _Words(
        _("Amazon SES has not verified the sender's address or domain in this region."),
        _("Verify it in the SES console as an identity, in the region that was chosen here."),
    ),
    ("ses", Kind.POLICY): _Words(
        _("Amazon SES refused the message. In its sandbox, recipients must be verified as well."),
        _("Verify the recipient in the SES console, or ask there for production access."),
    ),
    ("postmark", Kind.CREDENTIALS): _Words(
        _("Postmark refused the token."),
        _("The Server API token is both user name and password; an account token does not do."),
    ),
    ("mailgun", Kind.CREDENTIALS): _Words(
        _("Mailgun refused user name or password."),
        _(
            "Use the SMTP credentials of the sending domain, not the API key; and in the EU the "
            "EU host."
        ),
    ),
    ("sendgrid", Kind.CREDENTIALS): _Words(
        _("SendGrid refused the key."),
        _('The user name is the word "apikey"; the password is an API key that may send mail.'),
    ),
    ("mandrill", Kind.CREDENTIALS): _API_KEY,
    ("brevo", Kind.CREDENTIALS): _Words(
        _("Brevo refused user name or password."),
        _("Use the SMTP key and the login of the SMTP page; an API key does not do."),
    ),
    ("mailjet", Kind.CREDENTIALS): _Words(
        _("Mailjet refused the keys."),
        _("The user name is the API key, the password is the secret key."),
    ),
    ("turbosmtp", Kind.CREDENTIALS): _API_KEY,
    ("sparkpost", Kind.CREDENTIALS): _API_KEY,
    ("resend", Kind.CREDENTIALS): _API_KEY,
    ("mailersend", Kind.CREDENTIALS): _API_KEY,
    ("elastic_email", Kind.CREDENTIALS): _API_KEY,
    ("smtp2go", Kind.CREDENTIALS): _API_KEY,
    ("mailtrap", Kind.CREDENTIALS): _API_KEY,
}
