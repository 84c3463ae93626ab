"""Services built for mail that programs send.

Limits carry the vendor page that states them; hosts, ports and names of credentials come from
each preset's `docs_url` unless a comment says otherwise.

Pure: no database, no clock, no network.
"""

from __future__ import annotations

from portal.core.words import lazy as _
from portal.smtp_settings.modes import TlsMode
from portal.smtp_settings.presets.ports import Port
from portal.smtp_settings.presets.ses import SES_ENDPOINTS
from portal.smtp_settings.presets.shape import (
    Fitness,
    Host,
    Limits,
    PasswordField,
    Preset,
    UsernameField,
)

_587 = Port(587, TlsMode.STARTTLS)
_2525 = Port(2525, TlsMode.STARTTLS)
_2587 = Port(2587, TlsMode.STARTTLS)
_25 = Port(25, TlsMode.STARTTLS)
_465 = Port(465, TlsMode.IMPLICIT)
_2465 = Port(2465, TlsMode.IMPLICIT)

_MEGABYTE = 1_000_000  # vendors do not say which megabyte; this is the one that is safe

SES = Preset(
    key="ses",
    label="Amazon SES",
    fitness=Fitness.TRANSACTIONAL,
    hosts=tuple(Host(endpoint.host, endpoint.name) for endpoint in SES_ENDPOINTS),
    # docs.aws.amazon.com/ses/latest/dg/header-fields.html
    rewrites=frozenset({"date", "message-id"}),
    takes_any_region=True,
    ports=(_587, _2587, _25, _465, _2465),
    username=UsernameField(
        _("SMTP user name"),
        _("Made in the SES console under SMTP settings, for one region; it is no IAM access key."),
    ),
    password=PasswordField(
        _("SMTP password"),
        _("Shown once, when the SMTP user is made. The IAM secret key does not work here."),
    ),
    docs_url="https://docs.aws.amazon.com/ses/latest/dg/smtp-credentials.html",
    limits=Limits(
        source="https://docs.aws.amazon.com/ses/latest/dg/quotas.html",
        max_recipients=50,
        max_bytes=40 * _MEGABYTE,
    ),
    hints=(
        _("Choose the region in which your sender address or domain is verified."),
        _(
            "A new account is in Amazon's sandbox: 200 messages in 24 hours, one a second, and "
            "only to verified addresses. How much you may send later depends on the account; "
            "Amazon counts recipients."
        ),
        _("Amazon slows port 25 down for servers that run on EC2."),
    ),
)

BREVO = Preset(
    key="brevo",
    label="Brevo",
    fitness=Fitness.TRANSACTIONAL,
    hosts=(Host("smtp-relay.brevo.com"),),
    ports=(_587, _2525, _465),
    username=UsernameField(_("Login"), _("Shown as login on Brevo's page SMTP & API, tab SMTP.")),
    password=PasswordField(
        _("SMTP key"), _("Made on the same page. An API key does not work here.")
    ),
    docs_url="https://developers.brevo.com/docs/smtp-integration",
    hints=(_("How much you may send depends on your plan."),),
)

ELASTIC_EMAIL = Preset(
    key="elastic_email",
    label="Elastic Email",
    fitness=Fitness.TRANSACTIONAL,
    hosts=(Host("smtp.elasticemail.com"),),  # host and 465: nodemailer's list of services
    ports=(_465, _2525),
    username=UsernameField(_("User name"), _("That of the SMTP credentials, an e-mail address.")),
    password=PasswordField(_("SMTP password"), _("Shown once, when the credentials are made.")),
    docs_url="https://help.elasticemail.com/en/articles/4803409-smtp-settings",
)

MANDRILL = Preset(
    key="mandrill",
    label="Mailchimp Transactional (Mandrill)",
    fitness=Fitness.TRANSACTIONAL,
    hosts=(Host("smtp.mandrillapp.com"),),
    ports=(_587, _2525, _25, _465),
    username=UsernameField(
        _("User name"), _("Any name is taken; the account's e-mail address is advised.")
    ),
    password=PasswordField(_("API key"), _("Any active API key of the Mandrill account.")),
    docs_url="https://mailchimp.com/developer/transactional/docs/smtp-integration/",
)

MAILERSEND = Preset(
    key="mailersend",
    label="MailerSend",
    fitness=Fitness.TRANSACTIONAL,
    hosts=(Host("smtp.mailersend.net"),),  # host and port: nodemailer's list of services
    ports=(_587,),
    username=UsernameField(_("User name"), _("Of an SMTP user of the verified domain.")),
    password=PasswordField(_("Password"), _("Of the same SMTP user.")),
    docs_url="https://www.mailersend.com/help/smtp-relay",
)

MAILGUN = Preset(
    key="mailgun",
    label="Mailgun",
    fitness=Fitness.TRANSACTIONAL,
    hosts=(
        Host("smtp.mailgun.org", _("United States")),
        Host("smtp.eu.mailgun.org", _("European Union")),
    ),
    ports=(_587, _2525, _25, _465),
    username=UsernameField(
        _("User name"), _("A full address on your domain, often postmaster@ your domain.")
    ),
    password=PasswordField(
        _("SMTP password"),
        _("Of the domain's SMTP credentials. The API key does not work here."),
    ),
    docs_url="https://documentation.mailgun.com/docs/mailgun/user-manual/sending-messages/send-smtp",
    hints=(
        _("Choose the region in which the domain was added; the other one does not know it."),
        _("Mailgun's sandbox domain writes only to recipients that you have authorised there."),
    ),
)

MAILJET = Preset(
    key="mailjet",
    label="Mailjet",
    fitness=Fitness.TRANSACTIONAL,
    hosts=(Host("in-v3.mailjet.com"),),
    ports=(_587, _2525, _25, _465),
    username=UsernameField(_("API key")),
    password=PasswordField(_("Secret key"), _("Belongs to the API key; shown once.")),
    docs_url="https://dev.mailjet.com/smtp-relay/configuration/",
    hints=(_("The free plan ends at 200 messages a day and 6,000 a month."),),
)

MAILTRAP = Preset(
    key="mailtrap",
    label="Mailtrap",
    fitness=Fitness.TRANSACTIONAL,
    hosts=(Host("live.smtp.mailtrap.io"),),  # host and port: nodemailer's list of services
    ports=(_587,),
    username=UsernameField(
        _("User name"), _("Shown on the domain's page Integrations, usually the word api.")
    ),
    password=PasswordField(_("API token"), _("One that may send from this domain.")),
    docs_url="https://docs.mailtrap.io/email-api-smtp/setup/smtp-integration",
)

POSTMARK = Preset(
    key="postmark",
    label="Postmark",
    fitness=Fitness.TRANSACTIONAL,
    hosts=(
        Host("smtp.postmarkapp.com", _("Transactional messages")),
        Host("smtp-broadcasts.postmarkapp.com", _("Broadcasts")),
    ),
    ports=(_587, _2525, _25),
    username=UsernameField(_("Server API token"), is_the_password=True),
    password=PasswordField(
        _("Server API token"),
        _("From the server's page API Tokens. It is both user name and password."),
    ),
    docs_url="https://postmarkapp.com/developer/user-guide/send-email-with-smtp",
    limits=Limits(
        source="https://postmarkapp.com/support/article/811",
        max_recipients=50,
        max_bytes=10 * _MEGABYTE,
    ),
    hints=(
        _("A message goes to another stream with the header X-PM-Message-Stream."),
        _(
            "For a stream's own SMTP token, with its access key and secret key, choose "
            "Other / Generic SMTP."
        ),
    ),
)

RESEND = Preset(
    key="resend",
    label="Resend",
    fitness=Fitness.TRANSACTIONAL,
    hosts=(Host("smtp.resend.com"),),
    ports=(_465, _2465, _587, _2587, _25),
    username=UsernameField(_("User name"), fixed="resend"),
    password=PasswordField(_("API key")),
    docs_url="https://resend.com/docs/send-with-smtp",
)

SENDGRID = Preset(
    key="sendgrid",
    label="SendGrid",
    fitness=Fitness.TRANSACTIONAL,
    hosts=(Host("smtp.sendgrid.net"),),
    ports=(_587, _2525, _25, _465),
    username=UsernameField(_("User name"), fixed="apikey"),
    password=PasswordField(_("API key"), _("One with at least the permission to send mail.")),
    docs_url="https://www.twilio.com/docs/sendgrid/for-developers/sending-email/"
    "integrating-with-the-smtp-api",
    limits=Limits(
        source="https://www.twilio.com/docs/sendgrid/for-developers/sending-email/"
        "integrating-with-the-smtp-api",
        max_per_connection=5_000,
    ),
)

SMTP2GO = Preset(
    key="smtp2go",
    label="SMTP2GO",
    fitness=Fitness.TRANSACTIONAL,
    hosts=(
        Host("mail.smtp2go.com", _("Nearest")),
        Host("mail-us.smtp2go.com", _("United States")),
        Host("mail-eu.smtp2go.com", _("European Union and United Kingdom")),
        Host("mail-eu2.smtp2go.com", _("European Union")),
        Host("mail-au.smtp2go.com", _("Australia")),
    ),
    ports=(_2525, _587, _25, _465),
    username=UsernameField(_("User name"), _("Of an SMTP user: Sending, then SMTP Users.")),
    password=PasswordField(_("Password"), _("Of the same SMTP user.")),
    docs_url="https://developers.smtp2go.com/docs/smtp-relay",
)

SPARKPOST = Preset(
    key="sparkpost",
    label="SparkPost",
    fitness=Fitness.TRANSACTIONAL,
    hosts=(
        Host("smtp.sparkpostmail.com", _("United States")),
        Host("smtp.eu.sparkpostmail.com", _("European Union")),
    ),
    ports=(_587, _2525),
    username=UsernameField(_("User name"), fixed="SMTP_Injection"),
    password=PasswordField(_("API key"), _("One with the permission to send via SMTP.")),
    docs_url="https://developers.sparkpost.com/api/smtp/",
    limits=Limits(source="https://developers.sparkpost.com/api/smtp/", max_per_connection=100),
)

TURBOSMTP = Preset(
    key="turbosmtp",
    label="TurboSMTP",
    fitness=Fitness.TRANSACTIONAL,
    hosts=(
        Host("pro.turbo-smtp.com", _("Worldwide")),
        Host("pro.eu.turbo-smtp.com", _("European Union")),
    ),
    ports=(_465, _587),
    username=UsernameField(
        _("Consumer key"), _("Older accounts sign in with the account's e-mail address.")
    ),
    password=PasswordField(
        _("Consumer secret"), _("Older accounts sign in with the account's password.")
    ),
    docs_url="https://developers.turbosmtp.com/",
    hints=(_("The free plan ends at 200 messages a day."),),
)

TRANSACTIONAL = (
    SES,
    BREVO,
    ELASTIC_EMAIL,
    MANDRILL,
    MAILERSEND,
    MAILGUN,
    MAILJET,
    MAILTRAP,
    POSTMARK,
    RESEND,
    SENDGRID,
    SMTP2GO,
    SPARKPOST,
    TURBOSMTP,
)
