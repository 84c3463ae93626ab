"""Services built for people who write to people: supported, with a warning.

Limits carry the vendor page that states them. What is known only from others is a hint.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

from portal.core.words import lazy as _
from portal.smtp_settings.modes import AuthKind, TlsMode
from portal.smtp_settings.presets.ports import Port
from portal.smtp_settings.presets.shape import (
    Fitness,
    Host,
    Limits,
    PasswordField,
    Preset,
    UsernameField,
)

_587 = Port(587, TlsMode.STARTTLS)
_25 = Port(25, TlsMode.STARTTLS)
_465 = Port(465, TlsMode.IMPLICIT)

_FULL_ADDRESS = UsernameField(_("User name"), _("The full e-mail address of the mailbox."))
_APP_PASSWORD_NEEDED = PasswordField(
    _("App password"),
    _("Made for this use in the account's security settings; the normal password is refused."),
)
_PASSWORD_OR_APP_PASSWORD = PasswordField(
    _("Password"),
    _("With 2-step verification on, an app password made for this use."),
)
_LET_PROGRAMS_IN = _(
    "First let other programs sign in to this mailbox: its provider may have that switched off."
)

FASTMAIL = Preset(
    key="fastmail",
    label="Fastmail",
    fitness=Fitness.MAILBOX,
    hosts=(Host("smtp.fastmail.com"),),
    ports=(_465, _587),
    username=_FULL_ADDRESS,
    password=_APP_PASSWORD_NEEDED,
    docs_url="https://www.fastmail.help/hc/en-us/articles/1500000278342-Server-names-and-ports",
    hints=(_LET_PROGRAMS_IN,),
)

_GOOGLE_APP_PASSWORD = PasswordField(
    _("App password"),
    _(
        "16 letters, made in the Google account after 2-Step Verification was switched on. The "
        "normal password is refused."
    ),
)

GMAIL = Preset(
    key="gmail",
    label="Gmail",
    fitness=Fitness.MAILBOX,
    hosts=(Host("smtp.gmail.com"),),
    ports=(_587, _465),
    username=_FULL_ADDRESS,
    password=_GOOGLE_APP_PASSWORD,
    docs_url="https://support.google.com/accounts/answer/185833",
    hints=(
        _LET_PROGRAMS_IN,
        _("In the Google account's security settings, 2-Step Verification has to be on."),
        _("Google is said to stop at about 500 messages a day and 100 recipients a message."),
    ),
)

GMX = Preset(
    key="gmx",
    label="GMX",
    fitness=Fitness.MAILBOX,
    hosts=(
        Host("mail.gmx.net", "gmx.net, gmx.de, gmx.at, gmx.ch"),
        Host("mail.gmx.com", "gmx.com"),
    ),
    ports=(_587, _465),
    username=_FULL_ADDRESS,
    password=_PASSWORD_OR_APP_PASSWORD,
    docs_url="https://support.gmx.com/pop-imap/toggle.html",
    hints=(
        _LET_PROGRAMS_IN,
        _("In the GMX settings, access by POP3 and IMAP has to be switched on."),
        _("For private use: GMX is said to cut off mail in bulk."),
    ),
)

_WORKSPACE_LIMITS_PAGE = "https://support.google.com/a/answer/166852"

GOOGLE_WORKSPACE = Preset(
    key="google_workspace",
    label="Google Workspace",
    fitness=Fitness.MAILBOX,
    hosts=(
        Host("smtp.gmail.com", _("A user's mailbox")),
        Host(
            "smtp-relay.gmail.com",
            _("The relay of the organisation"),
            # 10,000 recipients a day and user; Livery hands over one recipient at a time.
            limits=Limits(source=_WORKSPACE_LIMITS_PAGE, max_recipients=100, per_day=10_000),
        ),
    ),
    ports=(_587, _465),
    username=_FULL_ADDRESS,
    password=_GOOGLE_APP_PASSWORD,
    docs_url="https://support.google.com/a/answer/176600",
    limits=Limits(source=_WORKSPACE_LIMITS_PAGE, max_recipients=100, per_day=2_000),
    hints=(
        _LET_PROGRAMS_IN,
        _(
            "Only the administrator of the Workspace can allow that, and the relay; the guide "
            "says where."
        ),
        _("During the trial of a Workspace Google stops at 500 messages a day."),
    ),
)

ICLOUD = Preset(
    key="icloud",
    label="iCloud Mail",
    fitness=Fitness.MAILBOX,
    hosts=(Host("smtp.mail.me.com"),),
    ports=(_587,),
    username=_FULL_ADDRESS,
    password=_APP_PASSWORD_NEEDED,
    docs_url="https://support.apple.com/en-us/102525",
    hints=(
        _LET_PROGRAMS_IN,
        _("With a domain of your own the user name is still the address at iCloud."),
    ),
)

INFOMANIAK = Preset(
    key="infomaniak",
    label="Infomaniak",
    fitness=Fitness.MAILBOX,
    hosts=(Host("mail.infomaniak.com"),),  # nodemailer's list of services
    ports=(_587, _465),
    username=_FULL_ADDRESS,
    password=_PASSWORD_OR_APP_PASSWORD,
    docs_url="https://www.infomaniak.com/en/support/faq",
    hints=(_LET_PROGRAMS_IN,),
)

MICROSOFT_365 = Preset(
    key="microsoft_365",
    label="Microsoft 365",
    fitness=Fitness.MAILBOX,
    hosts=(Host("smtp.office365.com"),),
    ports=(_587, _25),
    # Basic first: it needs nothing that the platform owner has to switch on.
    auths=(AuthKind.BASIC, AuthKind.BEARER),
    username=UsernameField(
        _("User name"),
        _("The e-mail address of a valid Microsoft 365 mailbox; the sender should be the same."),
    ),
    password=_PASSWORD_OR_APP_PASSWORD,
    docs_url="https://learn.microsoft.com/exchange/mail-flow-best-practices/"
    "how-to-set-up-a-multifunction-device-or-application-to-send-email-using-"
    "microsoft-365-or-office-365",
    hints=(
        _LET_PROGRAMS_IN,
        _("For this mailbox the administrator has to switch authenticated SMTP on."),
        _(
            "Microsoft is withdrawing sign-in by password, with the error 550 5.7.30. The Bearer "
            "type stays; it needs an app registration at Microsoft."
        ),
        _(
            "Microsoft is said to stop at 30 messages a minute, 10,000 recipients a day and, if "
            "the administrator did not change it, 500 recipients a message."
        ),
    ),
)

OUTLOOK = Preset(
    key="outlook",
    label="Outlook.com",
    fitness=Fitness.MAILBOX,
    hosts=(Host("smtp-mail.outlook.com"),),
    ports=(_587,),
    username=_FULL_ADDRESS,
    password=_APP_PASSWORD_NEEDED,
    docs_url="https://support.microsoft.com/office/"
    "pop-imap-and-smtp-settings-for-outlook-com-d088b986-291d-42b8-9564-9c414e2aa040",
    hints=(
        _LET_PROGRAMS_IN,
        _(
            "Microsoft may refuse sign-in by password for personal mailboxes. Test before you "
            "rely on it."
        ),
    ),
)

YAHOO = Preset(
    key="yahoo",
    label="Yahoo Mail",
    fitness=Fitness.MAILBOX,
    hosts=(Host("smtp.mail.yahoo.com"),),
    ports=(_465, _587),
    username=_FULL_ADDRESS,
    password=PasswordField(
        _("App password"),
        _("16 letters, made under account security. The normal password is refused."),
    ),
    docs_url="https://help.yahoo.com/kb/SLN15241.html",
    hints=(_LET_PROGRAMS_IN, _("The sender has to be the address you sign in with.")),
)

_ZOHO_LIMITS_PAGE = "https://www.zoho.com/mail/help/adminconsole/rates-and-limits.html"
_ZOHO_DOMAINS = (
    "zoho.com",
    "zoho.eu",
    "zoho.in",
    "zoho.com.au",
    "zoho.jp",
    "zoho.com.cn",
    "zoho.sa",
)


def _zoho_hosts(domain: str) -> tuple[Host, Host]:
    """The two servers of one of Zoho's data centres."""
    return (
        Host(
            f"smtp.{domain}",
            _("Personal or free account at %(domain)s", domain=domain),
            limits=Limits(source=_ZOHO_LIMITS_PAGE, max_recipients=100),
        ),
        Host(
            f"smtppro.{domain}",
            _("Paid account with its own domain at %(domain)s", domain=domain),
            limits=Limits(source=_ZOHO_LIMITS_PAGE, max_recipients=150),
        ),
    )


ZOHO = Preset(
    key="zoho",
    label="Zoho Mail",
    fitness=Fitness.MAILBOX,
    hosts=tuple(host for domain in _ZOHO_DOMAINS for host in _zoho_hosts(domain)),
    ports=(_465, _587),
    username=_FULL_ADDRESS,
    password=_PASSWORD_OR_APP_PASSWORD,
    docs_url="https://www.zoho.com/mail/help/zoho-smtp.html",
    hints=(
        _LET_PROGRAMS_IN,
        _("Choose the domain at which you sign in to Zoho; the others do not know the account."),
        _("The sender has to be the account's address or one of its aliases."),
        _(
            "Mail in bulk is forbidden. By its reputation an account may send 50 to 500 messages "
            "an hour to people outside."
        ),
    ),
)

MAILBOXES = (
    FASTMAIL,
    GMAIL,
    GMX,
    GOOGLE_WORKSPACE,
    ICLOUD,
    INFOMANIAK,
    MICROSOFT_365,
    OUTLOOK,
    YAHOO,
    ZOHO,
)
