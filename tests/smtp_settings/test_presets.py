"""Presets: what each service fills in, asks for, limits and warns of."""

from __future__ import annotations

import dataclasses
import re

import pytest

from portal.core.errors import Refusal
from portal.core.secret import Secret
from portal.smtp_settings.modes import AuthKind, TlsMode
from portal.smtp_settings.presets import (
    PRESETS,
    SES_ENDPOINTS,
    Fitness,
    Port,
    Preset,
    preset,
    ses_host,
)
from portal.smtp_settings.presets.mailboxes import MAILBOXES
from portal.smtp_settings.presets.transactional import TRANSACTIONAL

NONE, STARTTLS, IMPLICIT = TlsMode.NONE, TlsMode.STARTTLS, TlsMode.IMPLICIT
TENANT_PORTS = {25, 465, 587, 2465, 2525, 2587}
LIMITS = (
    "max_recipients",
    "max_bytes",
    "max_per_connection",
    "per_second",
    "per_minute",
    "per_hour",
    "per_day",
)
NAMED = [one for one in PRESETS.values() if one.key != "generic"]
by_key = pytest.mark.parametrize("service", NAMED, ids=lambda one: one.key)


def said(*words: object) -> str:
    """All that is said, as one text."""
    return " ".join(str(one) for one in words)


# What is filled in

DEFAULTS = [
    ("brevo", "smtp-relay.brevo.com", 587, STARTTLS),
    ("elastic_email", "smtp.elasticemail.com", 465, IMPLICIT),
    ("fastmail", "smtp.fastmail.com", 465, IMPLICIT),
    ("gmail", "smtp.gmail.com", 587, STARTTLS),
    ("gmx", "mail.gmx.net", 587, STARTTLS),
    ("google_workspace", "smtp.gmail.com", 587, STARTTLS),
    ("icloud", "smtp.mail.me.com", 587, STARTTLS),
    ("infomaniak", "mail.infomaniak.com", 587, STARTTLS),
    ("mailersend", "smtp.mailersend.net", 587, STARTTLS),
    ("mailgun", "smtp.mailgun.org", 587, STARTTLS),
    ("mailjet", "in-v3.mailjet.com", 587, STARTTLS),
    ("mailtrap", "live.smtp.mailtrap.io", 587, STARTTLS),
    ("mandrill", "smtp.mandrillapp.com", 587, STARTTLS),
    ("microsoft_365", "smtp.office365.com", 587, STARTTLS),
    ("outlook", "smtp-mail.outlook.com", 587, STARTTLS),
    ("postmark", "smtp.postmarkapp.com", 587, STARTTLS),
    ("resend", "smtp.resend.com", 465, IMPLICIT),
    ("sendgrid", "smtp.sendgrid.net", 587, STARTTLS),
    ("ses", "email-smtp.us-east-1.amazonaws.com", 587, STARTTLS),
    ("smtp2go", "mail.smtp2go.com", 2525, STARTTLS),
    ("sparkpost", "smtp.sparkpostmail.com", 587, STARTTLS),
    ("turbosmtp", "pro.turbo-smtp.com", 465, IMPLICIT),
    ("yahoo", "smtp.mail.yahoo.com", 465, IMPLICIT),
    ("zoho", "smtp.zoho.com", 465, IMPLICIT),
]


@pytest.mark.accepts("SS-12", "SS-14", "SS-17", "SS-19", "SS-20", "SI-10", "ST-26", "ST-29")
@pytest.mark.parametrize(("key", "host", "port", "tls"), DEFAULTS)
def test_a_preset_fills_in_host_port_and_encryption(
    key: str, host: str, port: int, tls: TlsMode
) -> None:
    service = preset(key)

    assert (service.host, service.port, service.tls) == (host, port, tls)


def test_the_table_above_leaves_no_preset_out() -> None:
    assert sorted(row[0] for row in DEFAULTS) == sorted(one.key for one in NAMED)


@pytest.mark.parametrize(
    ("key", "host"),
    [
        ("google_workspace", "smtp-relay.gmail.com"),
        ("gmx", "mail.gmx.com"),
        ("mailgun", "smtp.eu.mailgun.org"),
        ("postmark", "smtp-broadcasts.postmarkapp.com"),
        ("smtp2go", "mail-eu2.smtp2go.com"),
        ("sparkpost", "smtp.eu.sparkpostmail.com"),
        ("turbosmtp", "pro.eu.turbo-smtp.com"),
        ("zoho", "smtp.zoho.eu"),
        ("zoho", "smtppro.zoho.com"),
        ("zoho", "smtppro.zoho.com.au"),
    ],
)
def test_a_service_in_several_places_lets_one_choose(key: str, host: str) -> None:
    names = [one.name for one in preset(key).hosts]

    assert host in names


@by_key
def test_where_there_are_several_hosts_each_says_which_it_is(service: Preset) -> None:
    labels = [str(one.label) for one in service.hosts]

    assert len(set(labels)) == len(service.hosts)
    assert all(labels) or len(service.hosts) == 1


@by_key
def test_every_offered_port_is_one_that_tenants_may_use(service: Preset) -> None:
    assert {one.number for one in service.ports} <= TENANT_PORTS


@by_key
def test_no_preset_sends_passwords_in_clear(service: Preset) -> None:
    assert NONE not in {one.tls for one in service.ports}


@by_key
def test_a_port_is_offered_with_one_mode_only(service: Preset) -> None:
    numbers = [one.number for one in service.ports]

    assert len(numbers) == len(set(numbers))


@pytest.mark.accepts("SI-11", "SI-12")
def test_yahoo_speaks_tls_on_465_and_starttls_on_587() -> None:
    yahoo = preset("yahoo")

    assert {one.number: one.tls for one in yahoo.ports} == {465: IMPLICIT, 587: STARTTLS}


@pytest.mark.accepts("SI-13")
def test_yahoo_requires_authentication_and_a_server_of_ones_own_need_not() -> None:
    yahoo, generic = preset("yahoo"), preset("generic")

    assert yahoo.auths == (AuthKind.BASIC,)
    assert AuthKind.NONE in generic.auths


@pytest.mark.accepts("UC-11", "UC-19..UC-21")
def test_gmail_is_reached_on_587_with_starttls_and_not_with_ssl() -> None:
    gmail = preset("gmail")

    assert (gmail.host, gmail.port, gmail.tls) == ("smtp.gmail.com", 587, STARTTLS)


def test_postmark_has_no_port_465() -> None:
    assert 465 not in {one.number for one in preset("postmark").ports}


def test_microsoft_has_no_port_465() -> None:
    assert 465 not in {one.number for one in preset("microsoft_365").ports}


@pytest.mark.accepts("ST-23")
def test_bearer_is_microsofts_alone_and_basic_comes_first() -> None:
    with_bearer = [one.key for one in PRESETS.values() if AuthKind.BEARER in one.auths]

    # Microsoft has other hosts for some countries: they are typed by hand.
    assert with_bearer == ["microsoft_365", "generic"]
    assert {preset(key).auth for key in with_bearer} == {AuthKind.BASIC}


# What is asked for


@pytest.mark.accepts("SS-21")
@by_key
def test_a_preset_leaves_only_credentials_to_type(service: Preset) -> None:
    assert service.host
    assert service.port
    assert not service.is_typed_by_hand
    assert str(service.password.label)


@pytest.mark.accepts("SS-22", "SS-23")
def test_another_provider_is_typed_by_hand_and_stands_last() -> None:
    generic = preset("generic")

    assert list(PRESETS)[-1] == "generic"
    assert str(generic.label) == "Other / Generic SMTP"
    assert generic.is_typed_by_hand
    assert generic.host == ""
    assert generic.username.is_asked


@pytest.mark.accepts("SB-24", "SS-25")
def test_the_ports_offered_for_another_provider_are_the_usual_ones() -> None:
    generic = preset("generic")

    assert [one.number for one in generic.ports] == [587, 2525, 25, 465]
    assert (generic.port, generic.tls) == (587, STARTTLS)


@pytest.mark.accepts("SS-18")
def test_postmark_asks_for_one_token_that_is_user_name_and_password() -> None:
    postmark = preset("postmark")

    username = postmark.username_for("", Secret("token-1"))

    assert not postmark.username.is_asked
    assert username == "token-1"


@pytest.mark.parametrize(
    ("key", "username"),
    [("sendgrid", "apikey"), ("resend", "resend"), ("sparkpost", "SMTP_Injection")],
)
def test_a_user_name_that_is_the_same_for_everybody_is_not_asked_for(
    key: str, username: str
) -> None:
    service = preset(key)

    used = service.username_for("typed by mistake", Secret("key-1"))

    assert not service.username.is_asked
    assert used == username


def test_any_other_user_name_is_used_as_typed() -> None:
    used = preset("mailgun").username_for("postmaster@acme.example", Secret("key-1"))

    assert used == "postmaster@acme.example"


def test_the_token_is_no_part_of_what_a_preset_shows() -> None:
    postmark = preset("postmark")

    postmark.username_for("", Secret("token-1"))

    assert "token-1" not in repr(postmark)


@pytest.mark.accepts("UC-12")
@pytest.mark.parametrize("service", MAILBOXES, ids=lambda one: one.key)
def test_a_mailbox_is_signed_in_to_with_its_address(service: Preset) -> None:
    assert "e-mail address" in str(service.username.hint)


@pytest.mark.accepts("SS-16", "UC-13")
@pytest.mark.parametrize("key", ["gmail", "google_workspace"])
def test_google_wants_an_app_password_and_the_way_to_it_is_linked(key: str) -> None:
    google = preset(key)

    assert str(google.password.label) == "App password"
    assert "2-Step Verification" in str(google.password.hint)
    assert "normal password is refused" in str(google.password.hint)
    assert google.docs_url is not None
    assert google.docs_url.startswith("https://support.google.com/")


@pytest.mark.parametrize(
    ("key", "username", "password"),
    [
        ("brevo", "Login", "SMTP key"),
        ("mailjet", "API key", "Secret key"),
        ("mandrill", "User name", "API key"),
        ("ses", "SMTP user name", "SMTP password"),
        ("turbosmtp", "Consumer key", "Consumer secret"),
    ],
)
def test_credentials_are_called_what_the_service_calls_them(
    key: str, username: str, password: str
) -> None:
    service = preset(key)

    assert (str(service.username.label), str(service.password.label)) == (username, password)


# Guides


@by_key
def test_every_preset_links_to_the_vendors_guide(service: Preset) -> None:
    assert service.docs_url is not None
    assert re.fullmatch(r"https://[a-z0-9.]+/[\w./-]*", service.docs_url)


@pytest.mark.accepts("SS-15", "ST-24", "UC-08")
@pytest.mark.parametrize(
    ("key", "guide"),
    [
        ("ses", "https://docs.aws.amazon.com/ses/latest/dg/smtp-credentials.html"),
        ("microsoft_365", "https://learn.microsoft.com/exchange/mail-flow-best-practices/"),
        ("google_workspace", "https://support.google.com/a/answer/176600"),
    ],
)
def test_the_guide_is_the_one_for_sending_through_this_service(key: str, guide: str) -> None:
    assert str(preset(key).docs_url).startswith(guide)


@pytest.mark.accepts("SI-09", "ST-11")
def test_for_another_provider_it_says_whom_to_ask_and_what_to_search_for() -> None:
    hints = said(*preset("generic").hints)

    assert "whoever runs your mail server" in hints
    assert "search the web for “smtp” and the provider's name" in hints


@pytest.mark.accepts("UC-06")
@pytest.mark.parametrize("service", [*MAILBOXES, preset("generic")], ids=lambda one: one.key)
def test_a_mailbox_says_that_other_programs_must_be_let_in_first(service: Preset) -> None:
    assert "let other programs sign in" in said(*service.hints)


@pytest.mark.accepts("UC-07")
def test_gmail_says_which_security_setting_has_to_change() -> None:
    hints = said(*preset("gmail").hints)

    assert "security settings, 2-Step Verification has to be on" in hints


@pytest.mark.accepts("UC-08")
def test_in_a_workspace_only_the_administrator_can_change_them() -> None:
    hints = said(*preset("google_workspace").hints)

    assert "Only the administrator of the Workspace can allow that" in hints


@pytest.mark.accepts("ST-27", "ST-31")
def test_microsofts_user_name_is_a_mailbox_and_the_sender_should_be_the_same() -> None:
    hint = str(preset("microsoft_365").username.hint)

    assert "valid Microsoft 365 mailbox" in hint
    assert "sender should be the same" in hint


# Fitness


@pytest.mark.accepts("SB-05")
@pytest.mark.parametrize("service", MAILBOXES, ids=lambda one: one.key)
def test_a_mailbox_service_is_offered_with_a_warning(service: Preset) -> None:
    warning = said(*service.warning)

    assert service.key in PRESETS
    assert "may stop your mail once a certain amount has gone out" in warning


@pytest.mark.accepts("SB-05")
def test_gmail_gmx_and_microsoft_count_as_mailbox_services() -> None:
    fitness = {preset(key).fitness for key in ("gmail", "gmx", "microsoft_365")}

    assert fitness == {Fitness.MAILBOX}


@pytest.mark.accepts("SB-06..SB-09")
def test_the_warning_names_what_fits_better_and_why() -> None:
    warning = said(*preset("gmail").warning)

    assert "such as Mailgun or Mailjet" in warning
    assert "sending limits are far higher or absent" in warning
    assert "reports what was delivered" in warning
    assert "your own mail domain and for deliverability" in warning


@pytest.mark.parametrize("service", [*TRANSACTIONAL, preset("generic")], ids=lambda one: one.key)
def test_any_other_service_is_offered_without_a_warning(service: Preset) -> None:
    assert service.warning == ()


@pytest.mark.accepts("SS-03")
@pytest.mark.parametrize("key", ["microsoft_365", "ses", "google_workspace"])
def test_an_existing_server_can_be_connected_by_its_preset(key: str) -> None:
    assert not preset(key).is_typed_by_hand


# Limits


@pytest.mark.accepts("ST-39", "ST-40")
@pytest.mark.parametrize(
    ("key", "limits"),
    [
        ("ses", {"max_recipients": 50, "max_bytes": 40_000_000}),
        ("postmark", {"max_recipients": 50, "max_bytes": 10_000_000}),
        ("google_workspace", {"max_recipients": 100, "per_day": 2_000}),
        ("sendgrid", {"max_per_connection": 5_000}),
        ("sparkpost", {"max_per_connection": 100}),
        ("gmail", {}),
        ("microsoft_365", {}),
        ("mailjet", {}),
        ("generic", {}),
    ],
)
def test_a_limit_is_applied_only_where_the_vendor_documents_it(
    key: str, limits: dict[str, int]
) -> None:
    service = preset(key)

    given = service.limits_of(service.host)

    assert {name: getattr(given, name) for name in LIMITS if getattr(given, name)} == limits


@pytest.mark.parametrize(
    ("key", "host", "name", "limit"),
    [
        ("google_workspace", "smtp-relay.gmail.com", "per_day", 10_000),
        ("zoho", "smtp.zoho.eu", "max_recipients", 100),
        ("zoho", "smtppro.zoho.eu", "max_recipients", 150),
    ],
)
def test_a_host_can_have_limits_of_its_own(key: str, host: str, name: str, limit: int) -> None:
    limits = preset(key).limits_of(host)

    assert getattr(limits, name) == limit


def test_the_limits_table_names_every_limit() -> None:
    fields = {field.name for field in dataclasses.fields(preset("ses").limits)}

    assert fields == {"source", *LIMITS}


@by_key
def test_every_limit_says_where_it_comes_from(service: Preset) -> None:
    for host in service.hosts:
        limits = service.limits_of(host.name)
        has_any = any(getattr(limits, name) for name in LIMITS)

        assert limits.source.startswith("https://") if has_any else not limits.source


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("gmail", "said to stop at about 500 messages a day"),
        ("mailjet", "200 messages a day and 6,000 a month"),
        ("microsoft_365", "said to stop at 30 messages a minute"),
        ("ses", "200 messages in 24 hours, one a second"),
        ("turbosmtp", "200 messages a day"),
        ("zoho", "50 to 500 messages an hour"),
    ],
)
def test_a_limit_that_is_not_certain_is_advice(key: str, words: str) -> None:
    assert words in said(*preset(key).hints)


# The list itself


def test_services_made_for_the_purpose_come_first_and_in_alphabetical_order() -> None:
    for group in (TRANSACTIONAL, MAILBOXES):
        labels = [str(one.label).casefold() for one in group]

        assert labels == sorted(labels)
    assert list(PRESETS) == [*(one.key for one in (*TRANSACTIONAL, *MAILBOXES)), "generic"]


def test_every_preset_stands_in_the_group_of_its_fitness() -> None:
    assert {one.fitness for one in TRANSACTIONAL} == {Fitness.TRANSACTIONAL}
    assert {one.fitness for one in MAILBOXES} == {Fitness.MAILBOX}
    assert preset("generic").fitness is Fitness.UNKNOWN


def test_an_unknown_service_type_is_refused() -> None:
    with pytest.raises(Refusal) as refused:
        preset("pigeon")

    assert (refused.value.code, refused.value.field) == ("no_such_preset", "preset")


def test_the_list_cannot_be_changed_at_run_time() -> None:
    with pytest.raises(TypeError):
        PRESETS["pigeon"] = preset("ses")  # type: ignore[index]


# Amazon SES


@pytest.mark.accepts("SS-13")
def test_ses_offers_21_endpoints() -> None:
    hosts = [one.host for one in SES_ENDPOINTS]

    assert len(hosts) == len(set(hosts)) == 21
    assert [one.name for one in preset("ses").hosts] == hosts
    assert hosts == [
        "email-smtp.us-east-1.amazonaws.com",
        "email-smtp.us-east-2.amazonaws.com",
        "email-smtp.us-west-1.amazonaws.com",
        "email-smtp.us-west-2.amazonaws.com",
        "email-smtp.ap-south-1.amazonaws.com",
        "email-smtp.ap-northeast-1.amazonaws.com",
        "email-smtp.ap-northeast-2.amazonaws.com",
        "email-smtp.ap-northeast-3.amazonaws.com",
        "email-smtp.ap-southeast-1.amazonaws.com",
        "email-smtp.ap-southeast-2.amazonaws.com",
        "email-smtp.ca-central-1.amazonaws.com",
        "email-smtp.eu-central-1.amazonaws.com",
        "email-smtp.eu-west-1.amazonaws.com",
        "email-smtp.eu-west-2.amazonaws.com",
        "email-smtp.eu-west-3.amazonaws.com",
        "email-smtp.eu-north-1.amazonaws.com",
        "email-smtp.sa-east-1.amazonaws.com",
        "email-smtp.us-gov-west-1.amazonaws.com",
        "email-smtp.us-gov-east-1.amazonaws.com",
        "email-smtp-fips.us-east-1.amazonaws.com",
        "email-smtp-fips.us-west-2.amazonaws.com",
    ]


@pytest.mark.accepts("SS-14")
def test_another_region_makes_a_host() -> None:
    assert preset("ses").takes_any_region
    assert ses_host("il-central-1") == "email-smtp.il-central-1.amazonaws.com"


@pytest.mark.parametrize(
    "region",
    [
        "",
        "eu-west",
        "eu-west-0",
        "eu-west-12",
        "EU-WEST-1",
        "eu-west-1 ",
        "eu-west-1\n",
        "eu-west-1.evil.example",
        "eu-west-1/",
        "europe-west-1",
        "eu-northcentral-1",
        "eu-west-١",
        "cn-north-1",
        "us-iso-east-1",
        "email-smtp.eu-west-1",
    ],
)
def test_what_is_no_region_makes_no_host(region: str) -> None:
    with pytest.raises(Refusal) as refused:
        ses_host(region)

    assert (refused.value.code, refused.value.field) == ("no_such_region", "region")


@pytest.mark.parametrize(
    "region", ["af-south-1", "ap-southeast-3", "eu-central-2", "eu-south-1", "me-south-1"]
)
def test_a_region_without_smtp_is_not_offered_and_makes_no_host(region: str) -> None:
    with pytest.raises(Refusal) as refused:
        ses_host(region)

    assert refused.value.code == "region_without_smtp"
    assert region not in {one.region for one in SES_ENDPOINTS}


def test_fips_is_there_only_where_amazon_has_it() -> None:
    with pytest.raises(Refusal) as refused:
        ses_host("eu-west-1", is_fips=True)

    assert refused.value.code == "region_without_smtp"
    assert ses_host("us-gov-west-1", is_fips=True) == (
        "email-smtp-fips.us-gov-west-1.amazonaws.com"
    )


# Ports of a preset


@pytest.mark.parametrize(
    ("key", "port", "tls"),
    [("postmark", 25, STARTTLS), ("zoho", 465, IMPLICIT), ("generic", 25, NONE)],
)
def test_choosing_a_port_suggests_the_mode_of_that_service(
    key: str, port: int, tls: TlsMode
) -> None:
    assert preset(key).tls_on(port) is tls


def test_a_port_the_service_does_not_document_gets_what_is_usual_there() -> None:
    assert preset("postmark").tls_on(465) is IMPLICIT


def test_what_the_service_documents_is_no_mismatch() -> None:
    codes = [one.code for one in preset("postmark").advice_on(25, STARTTLS)]

    assert Port(25, STARTTLS) in preset("postmark").ports
    assert codes == ["often_blocked"]


def test_typed_by_hand_the_same_pair_is_a_mismatch() -> None:
    codes = [one.code for one in preset("generic").advice_on(25, STARTTLS)]

    assert codes == ["port_and_tls_differ", "often_blocked"]
