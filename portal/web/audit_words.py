"""What stands in the trail, in words: each act, and each thing that it changed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from flask_babel import gettext as _

from portal.audit.models import AuditEntry
from portal.core.words import Words, lazy, told
from portal.white_labels.features import FEATURES

ACTS: Mapping[str, Words] = {
    "api_key.made": lazy("API key made"),
    "api_key.revoked": lazy("API key revoked"),
    "app.changed": lazy("App changed"),
    "app.created": lazy("App created"),
    "app.deleted": lazy("App deleted"),
    "app.mail_cancelled": lazy("Mail of an app cancelled"),
    "app.owner_changed": lazy("Owner of an app changed"),
    "audience.created": lazy("Audience created"),
    "audience.deleted": lazy("Audience deleted"),
    "audience.imported": lazy("List taken into an audience"),
    "audience.renamed": lazy("Audience renamed"),
    "campaign.cancelled": lazy("Campaign cancelled"),
    "campaign.created": lazy("Campaign created"),
    "campaign.deleted": lazy("Campaign deleted"),
    "campaign.launched": lazy("Campaign launched"),
    "campaign.paused": lazy("Campaign paused"),
    "campaign.resumed": lazy("Campaign resumed"),
    "campaign.sent_again": lazy("Failed mail of a campaign sent again"),
    "campaign.unscheduled": lazy("Campaign taken off the schedule"),
    "domain.allowed": lazy("Domain put on the allow-list"),
    "domain.key_announced": lazy("Signing key made for a domain"),
    "domain.key_live": lazy("Signing key of a domain seen in DNS, signs from now on"),
    "domain.key_missed": lazy("Signing key of a domain gone from DNS"),
    "domain.key_retired": lazy("Signing key of a domain signs no more"),
    "domain.key_withdrawn": lazy("Signing key of a domain erased"),
    "domain.lapsed": lazy("Domain lapsed"),
    "domain.records_set": lazy("DNS records of a domain set"),
    "domain.revoked": lazy("Approval of a domain taken back"),
    "domain.verified": lazy("Domain verified"),
    "domain_request.approved": lazy("Request for a domain approved"),
    "domain_request.expired": lazy("Request for a domain expired"),
    "domain_request.nudged": lazy("Owners reminded of a domain request"),
    "domain_request.refused": lazy("Request for a domain refused"),
    "domain_request.revoked": lazy("Approval of a domain request taken back"),
    "domain_request.sent": lazy("Domain asked for"),
    "domain_request.withdrawn": lazy("Request for a domain taken back"),
    "feature.switched": lazy("Feature switched on or off"),
    "hostname.added": lazy("Hostname added"),
    "hostname.proven": lazy("Hostname proven"),
    "hostname.removed": lazy("Hostname removed"),
    "hostname.served_again": lazy("Hostname served again: its proof is back"),
    "hostname.vouched": lazy("Hostname vouched for"),
    "hostname.suspended": lazy("Hostname suspended: its proof is gone"),
    "keys.dropped": lazy("Sealing key dropped"),
    "keys.rotated": lazy("Sealing keys rotated"),
    "message.cancelled": lazy("Message cancelled"),
    "message.released": lazy("Held message released"),
    "message.sent_again": lazy("Message sent again"),
    "outbox.held": lazy("All sending held"),
    "outbox.resumed": lazy("Sending resumed"),
    "person.created": lazy("Person added"),
    "person.invited": lazy("Person invited"),
    "person.passkey_added": lazy("Passkey added"),
    "person.passkey_removed": lazy("Passkey removed"),
    "person.password_changed": lazy("Password changed"),
    "person.recovery_code_used": lazy("Recovery code used"),
    "person.recovery_codes_made": lazy("Recovery codes made"),
    "person.removed": lazy("Person removed"),
    "person.renamed": lazy("Person renamed"),
    "person.role_changed": lazy("Role changed"),
    "person.second_factor_off": lazy("Second factor turned off"),
    "person.second_factor_on": lazy("Second factor turned on"),
    "person.signed_in": lazy("Signed in"),
    "platform.changed": lazy("Platform changed"),
    "platform.set_up": lazy("Platform set up"),
    "record_link.made": lazy("Link to DNS records made"),
    "record_link.opened": lazy("Link to DNS records opened"),
    "record_link.withdrawn": lazy("Link to DNS records withdrawn"),
    "record_template.deleted": lazy("Record template deleted"),
    "record_template.saved": lazy("Record template saved"),
    "sender.changed": lazy("Sender changed"),
    "sender.created": lazy("Sender created"),
    "sender.defaults_changed": lazy("Default sender changed"),
    "sender.deleted": lazy("Sender deleted"),
    "server.changed": lazy("SMTP server changed"),
    "server.copied": lazy("SMTP server copied"),
    "server.created": lazy("SMTP server created"),
    "server.deleted": lazy("SMTP server deleted"),
    "server.parked": lazy("SMTP server parked"),
    "server.switched_off": lazy("SMTP server switched off"),
    "server.switched_on": lazy("SMTP server switched on"),
    "server.unparked": lazy("SMTP server put back to work"),
    "setup_link.made": lazy("Setup link made"),
    "suppression.added": lazy("Address suppressed"),
    "suppression.dismissed": lazy("Suggested suppression left"),
    "suppression.imported": lazy("Suppressions imported"),
    "suppression.removed": lazy("Suppression removed"),
    "suppression.suggestions_taken": lazy("All suggested suppressions taken"),
    "template.archived": lazy("Template archived"),
    "template.changed": lazy("Template renamed"),
    "template.created": lazy("Template created"),
    "template.saved": lazy("Template saved"),
    "template.server_preferred": lazy("Preferred server of a template changed"),
    "template.unarchived": lazy("Template taken out of the archive"),
    "thread.closed": lazy("Conversation closed"),
    "thread.opened": lazy("Conversation begun"),
    "thread.reopened": lazy("Conversation opened again"),
    "white_label.changed": lazy("White label changed"),
    "white_label.created": lazy("White label created"),
    "white_label.logo_changed": lazy("Logo changed"),
    "white_label.logo_removed": lazy("Logo removed"),
    "white_label.resumed": lazy("White label let go on"),
    "white_label.suspended": lazy("White label suspended"),
}

THINGS: Mapping[str, Words] = {
    "api_key": lazy("API keys"),
    "app": lazy("Apps"),
    "audience": lazy("Audiences"),
    "campaign": lazy("Campaigns"),
    "domain": lazy("Domains"),
    "domain_request": lazy("Domain requests"),
    "hostname": lazy("Hostnames"),
    "feature": lazy("Features"),
    "keys": lazy("Sealing keys"),
    "message": lazy("Messages"),
    "outbox": lazy("Outbox"),
    "person": lazy("People"),
    "platform": lazy("Platform"),
    "record_link": lazy("Links to DNS records"),
    "record_template": lazy("Record templates"),
    "sender": lazy("Senders"),
    "server": lazy("SMTP servers"),
    "setup_link": lazy("Setup link"),
    "suppression": lazy("Suppressions"),
    "template": lazy("Templates"),
    "thread": lazy("Desk"),
    "white_label": lazy("White labels"),
}

FIELDS: Mapping[str, Words] = {
    "answer_to": lazy("where answers are read"),
    "answer": lazy("answer"),
    "auth": lazy("authentication"),
    "because": lazy("because"),
    "ca_pem": lazy("certificate authority"),
    "colour": lazy("colour"),
    "contact_email": lazy("contact address"),
    "deliveries": lazy("deliveries"),
    "description": lazy("description"),
    "email": lazy("address"),
    "file": lazy("file"),
    "from": lazy("from"),
    "host": lazy("host"),
    "includes_subdomains": lazy("with subdomains"),
    "is_enabled": lazy("switched on"),
    "key": lazy("key"),
    "kind": lazy("kind"),
    "languages": lazy("languages"),
    "mail_mode": lazy("mail leaves through"),
    "max_bytes": lazy("largest message"),
    "max_connections": lazy("connections"),
    "max_per_connection": lazy("messages per connection"),
    "max_recipients": lazy("recipients per message"),
    "may_auth_in_clear": lazy("password in clear allowed"),
    "min_tls": lazy("least TLS version"),
    "name": lazy("name"),
    "oauth_authority": lazy("token service"),
    "notice_language": lazy("language of the last line"),
    "oauth_client_id": lazy("client ID"),
    "oauth_provider": lazy("OAuth provider"),
    "oauth_tenant": lazy("OAuth tenant"),
    "origin": lazy("origin"),
    "owner": lazy("owner"),
    "password": lazy("password"),
    "people": lazy("people"),
    "per_day": lazy("messages per day"),
    "per_hour": lazy("messages per hour"),
    "per_minute": lazy("messages per minute"),
    "per_second": lazy("messages per second"),
    "pin_sha256": lazy("pinned certificate"),
    "port": lazy("port"),
    "preset": lazy("service"),
    "reason": lazy("reason"),
    "records": lazy("DNS records"),
    "reply_to": lazy("Reply-To"),
    "role": lazy("role"),
    "selector": lazy("selector"),
    "secret_expires_on": lazy("client secret expires"),
    "secrets": lazy("secrets"),
    "server": lazy("server"),
    "shows_platform_name": lazy("platform's name shown"),
    "slug": lazy("short name"),
    "support_email": lazy("support address"),
    "switched_on": lazy("switched on"),
    "tls": lazy("TLS"),
    "to": lazy("to"),
    "username": lazy("user name"),
    "uses_pipelining": lazy("pipelining"),
    "validated": lazy("tested"),
    "version": lazy("version"),
    "weight": lazy("weight"),
    "where": lazy("where"),
    "why": lazy("why"),
    "words": lazy("words"),
}

VALUES: Mapping[tuple[str, str], Words] = {
    ("role", "platform_owner"): lazy("platform owner"),
    ("role", "admin"): lazy("admin"),
    ("role", "agent"): lazy("agent"),
    ("mail_mode", "own"): lazy("its own servers"),
    ("mail_mode", "platform"): lazy("the platform’s servers"),
    ("why", "switched_off"): lazy("signing in by token was switched off"),
    ("kind", "live"): lazy("live"),
    ("kind", "test"): lazy("test"),
    ("auth", "none"): lazy("not needed"),
    ("auth", "basic"): lazy("User name and password (Basic)"),
    ("auth", "bearer"): lazy("Access token (Bearer, OAuth): Microsoft"),
    ("tls", "none"): lazy("no encryption"),
    ("tls", "starttls"): lazy("STARTTLS"),
    ("tls", "implicit"): lazy("SSL/TLS"),
    ("reason", "unsubscribed"): lazy("Unsubscribed"),
    ("reason", "bounced"): lazy("Unknown to its server"),
    ("reason", "by_hand"): lazy("By hand"),
    ("reason", "imported"): lazy("Imported"),
    ("file", "Pasted text"): lazy("Pasted text"),
    ("where", "everywhere"): lazy("Everywhere"),
    ("where", "nowhere"): lazy("Nowhere"),
    ("where", "platform"): lazy("Platform"),
}

ACTORS: Mapping[str, Words] = {
    "link": lazy("by a link"),
    "operator": lazy("operator"),
    "provisioning": lazy("provisioning"),
    "system": lazy("the portal itself"),
}
"""Those who are no person; programs are told by their app."""


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that an act changed; what it was before is not always known."""

    field: str
    before: str | None
    after: str

    def __str__(self) -> str:
        before = f"{self.before} → " if self.before is not None else ""
        return f"{self.field}: {before}{self.after}"


def act_of(entry: AuditEntry) -> str:
    """What was done; an act of an older or newer version is told by its code."""
    words = ACTS.get(entry.action)
    return str(words) if words else entry.action


def actor_of(entry: AuditEntry) -> str:
    """Who did it: a person's address, an app, or a part of the installation."""
    if entry.actor.startswith("app "):
        return str(_("App %(name)s", name=entry.actor.removeprefix("app ")))
    words = ACTORS.get(entry.actor)
    return str(words) if words else entry.actor


def target_of(entry: AuditEntry) -> str:
    """To whom or what: the name alone, for the act says what kind of thing it is."""
    if words := _TARGETS.get(entry.target):
        return str(words)
    named = _is_named(entry.target)
    return named[1] if named else entry.target


def changes_of(entry: AuditEntry) -> Iterator[Change]:
    """What it changed, field by field."""
    for field, value in entry.changes.items():
        words = FIELDS.get(field)
        name = str(words) if words else field.replace("_", " ")
        if isinstance(value, list) and len(value) == 2 and entry.action not in _LISTS:
            before, after = (_value(field, one) for one in value)
            yield Change(name, before, after)
        else:
            yield Change(name, None, _value(field, value))


_LISTS = frozenset({"sender.defaults_changed"})
"""Where two values beside each other are just two, and not before and after."""


_is_named = re.compile(
    r"(?:(?:person:|app |server |sender |template |thread |audience )[0-9]+|campaign cmp_\w+"
    r"|address|key|message|template|white label) (.+)"
).fullmatch
_TARGETS: Mapping[str, Words] = {
    "outbox": lazy("Outbox"),
    "platform": lazy("Platform"),
    **{f"feature {which}": about.name for which, about in FEATURES.items()},
}


def _value(field: str, value: object) -> str:
    if words := VALUES.get((field, str(value))):
        return str(words)
    match value:
        case True | "True":
            return str(_("yes"))
        case False | "False":
            return str(_("no"))
        case None | "None" | "":
            return "–"
        case "changed":
            return str(_("changed"))
        case "removed":
            return str(_("removed"))
        case str():
            return told(value)
        case Sequence():
            return ", ".join(_value(field, each) for each in value) or "–"
        case _:
            return str(value)
