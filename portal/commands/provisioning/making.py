"""Making a document true: through the same acts and checks as the pages, in one transaction.

1. The texts of templates are made ready (`writing`), with no transaction open.
2. Everything is done once and rolled back: this finds every fault and every server that has to
   prove itself, and is all there is to a dry run.
3. The live sessions are opened, with no transaction open.
4. Everything is done again, now with the proofs; the caller commits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from portal.accounts import passwords, people
from portal.accounts.models import Person, Role
from portal.apps import apps, keys, leaving
from portal.apps.models import App, KeyKind
from portal.audit import trail
from portal.commands.provisioning.document import (
    AppTable,
    BadDocument,
    DomainTable,
    PersonTable,
    PlatformTable,
    SenderTable,
    ServerTable,
    Source,
    TemplateTable,
    WhiteLabelTable,
    each,
)
from portal.commands.provisioning.lines import Path
from portal.commands.provisioning.writing import Texts
from portal.config import Config
from portal.core import clock
from portal.core.db import db
from portal.core.errors import Refusal
from portal.core.secret import Secret
from portal.core.words import _
from portal.delivery import enabling
from portal.domains import allow_list
from portal.mail_templates import gallery, templates
from portal.mail_templates.models import MailTemplate
from portal.outbox import suspension
from portal.senders import senders
from portal.senders.answering import say_where_to_answer
from portal.senders.models import Sender
from portal.senders.senders import SenderValues
from portal.smtp.addresses import parse_address
from portal.smtp.egress import Resolver
from portal.smtp.hosts import as_address
from portal.smtp_settings import probe, servers
from portal.smtp_settings.models import AuthKind, SmtpServer, TlsMode
from portal.smtp_settings.presets import preset
from portal.smtp_settings.probe import Attempt
from portal.smtp_settings.servers import Plan, Proof
from portal.smtp_settings.targets import our_name, policy_for
from portal.smtp_settings.values import LIMITS, ServerValues, limits_for
from portal.white_labels import features, hostnames, platform, tenants
from portal.white_labels.features import Feature, Place
from portal.white_labels.models import MailMode, WhiteLabel

ACTOR = trail.Actor("provisioning")

# Where a refusal's field is called otherwise in the file.
_KEYS = {
    "hostname": "hostnames",
    "sender_name": "from_name",
    "may_auth_in_clear": "auth_in_clear",
    "oauth_client_id": "client_id",
    "oauth_tenant": "tenant",
    "secret_expires_on": "client_secret_expires",
}
# What only the operator can do about a refusal.
_HINTS = {"auth_in_clear": " The operator allows it with auth_in_clear = true."}


@dataclass(slots=True)
class Report:
    """What was done, in the order in which it was done."""

    changes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    made_keys: list[tuple[str, Secret]] = field(default_factory=list)  # shown once
    attempts: dict[Path, Attempt] = field(default_factory=dict)  # servers that need a session


def rehearse(
    source: Source,
    *,
    texts: Texts,
    config: Config,
    environ: Mapping[str, str],
    trusts_domains: bool,
) -> Report:
    """Do everything and take it back; nothing leaves this machine.

    Raises:
        BadDocument: with the line and key of what cannot be done.
    """
    try:
        return _Making(source, texts, config, environ, trusts_domains, proofs=None).run()
    finally:
        db.session.rollback()


def prove(
    source: Source, report: Report, *, config: Config, resolver: Resolver
) -> dict[Path, Proof]:
    """Open the session of every server that needs one; no transaction may be open.

    Raises:
        BadDocument: one or more servers failed, each with its stage, words and what to do.
    """
    proofs, faults = {}, []
    for path, attempt in report.attempts.items():
        finding = probe.run_through(attempt, policy=policy_for(config), resolver=resolver)
        if finding.proof is not None:
            proofs[path] = finding.proof
        elif (failure := finding.failure) is not None:
            said = f" ({failure.words})" if failure.words else ""
            words = f"{failure.meaning}{said} {failure.what_to_do}".strip()
            faults.append(source.fault((*path, "host"), words))
    if faults:
        raise BadDocument(faults)
    return proofs


def make_true(
    source: Source,
    *,
    texts: Texts,
    config: Config,
    environ: Mapping[str, str],
    trusts_domains: bool,
    proofs: Mapping[Path, Proof],
) -> Report:
    """Do everything; the caller commits.

    Raises:
        BadDocument: with the line and key of what cannot be done; the caller rolls back.
    """
    return _Making(source, texts, config, environ, trusts_domains, proofs=proofs).run()


class _Making:
    def __init__(
        self,
        source: Source,
        texts: Texts,
        config: Config,
        environ: Mapping[str, str],
        trusts_domains: bool,
        *,
        proofs: Mapping[Path, Proof] | None,
    ) -> None:
        self._source = source
        self._texts = texts
        self._config = config
        self._environ = environ
        self._trusts_domains = trusts_domains
        self._proofs = proofs  # None: this is the rehearsal
        self._report = Report()

    def run(self) -> Report:
        document = self._source.document
        with trail.acting(ACTOR):
            self._platform(document.platform)
            for path, table in each(("people",), document.people):
                self._person(path, table, None)
            if document.platform is not None:
                for path, server in each(("platform", "servers"), document.platform.servers):
                    self._server(path, server, None)
            for path, template in each(("templates",), document.templates):
                self._template(path, template, None)
            for path, tenant in each(("white_labels",), document.white_labels):
                self._white_label(path, tenant)
            db.session.flush()
        return self._report

    def _platform(self, table: PlatformTable | None) -> None:
        found = platform.find_platform()
        path: Path = ("platform",)
        if table is None:
            if found is None:
                raise self._bad(path, "a new installation needs its name")
            return
        with self._at(path):
            if found is None:
                origin = table.origin or self._config.platform_origin
                found = platform.set_up(name=table.name, origin=origin)
                self._say(f"set the platform up as {found.name}")
            changed = platform.change(
                found,
                name=table.name,
                origin=table.origin,
                colour=table.colour,
                support_email=table.support_email,
            )
        self._say_changed("platform", changed)
        self._features(path, Place.EVERYWHERE, table.features_for_all, None)
        self._features(path, Place.PLATFORM, table.features, None)

    def _person(self, path: Path, table: PersonTable, white_label: WhiteLabel | None) -> None:
        tenant = white_label.id if white_label else None
        password = self._secret(path, table.password, table.password_env, "password")
        place = f"{white_label.slug}: " if white_label else ""
        person = people.by_email(tenant, table.email)
        role = Role(table.role)
        with self._at(path):
            if person is None:
                people.create(
                    tenant,
                    email=table.email,
                    name=table.name,
                    role=role,
                    password=password,
                    language=table.language,
                )
                self._say(f"{place}added {table.email} as {role.value.replace('_', ' ')}")
                return
            if person.name != table.name.strip():
                people.rename(person, name=table.name)
                self._say(f"{place}renamed {table.email}")
            if person.role is not role:
                leaving.change_role(person, role=role, by=None)
                self._say(f"{place}changed the role of {table.email} to {role.value}")
            if password is not None and not passwords.is_right(person.password_hash, password):
                people.set_password(person, password)
                self._say(f"{place}changed the password of {table.email}")

    def _white_label(self, path: Path, table: WhiteLabelTable) -> None:
        found = tenants.find_by_slug(table.slug)
        with self._at(path):
            if found is None:
                found = tenants.create(slug=table.slug, name=table.name, colour=table.colour)
                self._say(f"added the white label {table.slug}")
            changed = tenants.change(
                found,
                name=table.name,
                colour=table.colour,
                mail_mode=MailMode(table.mail_mode) if table.mail_mode else None,
            )
            self._say_changed(f"white label {table.slug}", changed)
            if found.is_suspended is not table.suspended:
                suspension.suspend(found) if table.suspended else suspension.resume(found)
                self._say(f"{table.slug}: {'suspended' if table.suspended else 'resumed'}")
            for name in table.hostnames:
                self._hostname(found, name)
        self._features(path, Place.WHITE_LABEL, table.features, found)
        for at, person in each((*path, "people"), table.people):
            self._person(at, person, found)
        for at, domain in each((*path, "domains"), table.domains):
            self._domain(at, domain, found)
        for at, server in each((*path, "servers"), table.servers):
            self._server(at, server, found)
        for at, sender in each((*path, "senders"), table.senders):
            self._sender(at, sender, found)
        self._answers(path, table, found)
        for at, app in each((*path, "apps"), table.apps):
            self._app(at, app, found)
        for at, template in each((*path, "templates"), table.templates):
            self._template(at, template, found)

    def _answers(self, path: Path, table: WhiteLabelTable, white_label: WhiteLabel) -> None:
        """After its senders, of which none can be the address."""
        if table.answer_to is None:
            return
        language = table.notice_language or white_label.notice_language
        with self._at(path):
            if say_where_to_answer(white_label, address=table.answer_to, language=language):
                self._say(f"{white_label.slug}: answers go to {white_label.answer_to}")

    def _features(
        self,
        path: Path,
        place: Place,
        keys: Sequence[str] | None,
        white_label: WhiteLabel | None,
    ) -> None:
        """Exactly these are on here; without the key all stays as it is."""
        if keys is None:
            return
        for feature in Feature:
            wanted, before = feature.value in keys, features.reach_of(feature)
            reach = before.switched(place, white_label.id if white_label else None, on=wanted)
            with self._at(path):
                parked = enabling.change(feature, reach, by=None)
            if reach != before:
                name = white_label.slug if white_label else place.value
                self._say(f"{name}: switched {feature.value} {'on' if wanted else 'off'}")
            for server in parked:
                self._report.warnings.append(f"the server {server.name} is parked: it needs it")

    def _hostname(self, white_label: WhiteLabel, name: str) -> None:
        """The operator vouches for the name, so it is served at once."""
        found = hostnames.find_own(white_label, name.strip().lower().rstrip("."))
        if found is None:
            found = hostnames.add(white_label, name)
        if not found.is_served:
            hostnames.vouch(found, because=_("The operator's file names it."))
            self._say(f"{white_label.slug}: serves {found.name}")

    def _domain(self, path: Path, table: DomainTable, white_label: WhiteLabel) -> None:
        wants_proof = table.state == "verified"
        if wants_proof and not self._trusts_domains:
            raise self._bad(
                (*path, "state"), "verified without looking is accepted with --trust-domains only"
            )
        with self._at(path):
            found = allow_list.find_by_name(white_label, table.name)
            if found is None:
                found = allow_list.allow(
                    white_label, table.name, includes_subdomains=table.includes_subdomains
                )
                self._say(f"{white_label.slug}: allowed {found.name}")
            if wants_proof and found.verified_at is None:
                allow_list.verify(found)
                self._say(f"{white_label.slug}: verified {found.name}")

    def _server(self, path: Path, table: ServerTable, white_label: WhiteLabel | None) -> None:
        by = self._configurer(path, table, white_label)
        found = servers.find_by_name(white_label, table.name.strip())
        with self._at(path):
            plan = servers.plan(
                white_label,
                self._server_values(path, table, white_label),
                policy=policy_for(self._config),
                helo=our_name(self._config),
                authority=self._config.microsoft_authority,
                server=found,
                has_owner_rights=True,
            )
            place = f"{white_label.slug}: " if white_label else ""
            if found is not None and found.configured_by_id != by.id:
                raise Refusal(
                    "configured_by_other",
                    f"this server was configured by {found.configured_by.email}",
                    field="configured_by",
                )
            if found is None:
                self._say(f"{place}added the server {plan.values.name}")
            elif changed := servers.differences(found, plan):
                self._say(f"{place}changed the server {found.name}: {', '.join(changed)}")
            proof = self._proof(path, table, plan)
            server = servers.save(white_label, plan, by=by, proof=proof, server=found)
            if server.is_enabled is not table.enabled and server.is_enabled is not None:
                servers.switch(server, on=table.enabled)
                self._say(f"{place}switched {server.name} {'on' if table.enabled else 'off'}")
            self._primary(server, table)
            self._defaults(senders.primary_of(server), table.default_for, white_label)

    def _configurer(self, path: Path, table: ServerTable, white_label: WhiteLabel | None) -> Person:
        if table.configured_by is not None:
            return self._named(path, "configured_by", table.configured_by, white_label)
        owners = people.with_role(None, Role.PLATFORM_OWNER) if white_label is None else []
        if not owners:
            raise self._bad(
                (*path, "configured_by"),
                "this key is needed" if white_label else "there is no platform owner yet",
            )
        return min(owners, key=lambda owner: owner.id)

    def _server_values(
        self, path: Path, table: ServerTable, white_label: WhiteLabel | None
    ) -> ServerValues:
        service = preset(table.preset)
        host = table.host or service.host
        if not host:
            raise self._bad((*path, "host"), "this key is needed")
        port = table.port or service.port
        tls = TlsMode(table.tls) if table.tls else service.tls_on(port)
        auth = AuthKind(table.auth) if table.auth else service.auth
        fill = limits_for(table.preset, host, is_platform=white_label is None)
        limits = {
            name: getattr(fill, name) if getattr(table, name) is None else getattr(table, name)
            for name in LIMITS
        }
        return ServerValues(
            name=table.name,
            host=host,
            port=port,
            tls=tls,
            auth=auth,
            preset=table.preset,
            description=table.description,
            username=table.username,
            password=self._server_secret(path, table, auth),
            oauth_tenant=table.tenant,
            oauth_client_id=table.client_id,
            secret_expires_on=table.client_secret_expires,
            min_tls=table.min_tls,
            ca_pem=table.ca_pem,
            pin_sha256=table.pin_sha256,
            may_auth_in_clear=self._may_auth_in_clear(table, host, port),
            uses_pipelining=table.pipelining,
            weight=table.weight,
            max_connections=table.max_connections,
            **limits,
        )

    def _server_secret(self, path: Path, table: ServerTable, auth: AuthKind) -> Secret | None:
        """The password, or the client secret of a server that signs in by token."""
        if auth is AuthKind.BEARER:
            key = "client_secret"
            return self._secret(path, table.client_secret, table.client_secret_env, key)
        return self._secret(path, table.password, table.password_env, "password")

    def _may_auth_in_clear(self, table: ServerTable, host: str, port: int) -> bool:
        """As written; else only towards an address that the operator has named as a relay."""
        if table.auth_in_clear is not None:
            return table.auth_in_clear
        address = as_address(host)
        relays = policy_for(self._config).relays
        return (
            table.tls == "none"
            and address is not None
            and any(relay.covers(address, port) for relay in relays)
        )

    def _proof(self, path: Path, table: ServerTable, plan: Plan) -> Proof | None:
        if not plan.needs_session:
            return None
        if self._proofs is not None and path in self._proofs:
            return self._proofs[path]
        if table.validate_:
            if self._proofs is not None:
                return None  # saving refuses it
            sender = parse_address(table.from_email.strip())
            self._report.attempts[path] = Attempt(plan.target, sender, preset=table.preset)
        # In the rehearsal, and where the operator vouches for the server.
        return Proof(plan.target, clock.now())

    def _primary(self, server: SmtpServer, table: ServerTable) -> None:
        values = SenderValues(table.from_email, table.from_name, table.reply_to)
        try:
            before = senders.primary_of(server)
            known = SenderValues(before.email, before.name, before.reply_to) if before else None
            if known is not None and known != values.checked():
                self._say(f"changed the sender of {server.name} to {table.from_email}")
            senders.set_primary(server, values)
        except Refusal as refusal:
            key = {"email": "from_email"}.get(refusal.field or "", refusal.field)
            raise Refusal(refusal.code, refusal.words, field=key) from None

    def _sender(self, path: Path, table: SenderTable, white_label: WhiteLabel) -> None:
        with self._at(path):
            server = self._server_named(path, "server", table.server, white_label)
            values = SenderValues(table.email, table.name, table.reply_to).checked()
            found = senders.find_by_email(white_label, values.email, server=server)
            if found is None:
                found = senders.create(white_label, server, values)
                self._say(f"{white_label.slug}: added the sender {found.email}")
            else:
                changed = senders.change(found, values)
                self._say_changed(f"{white_label.slug}: sender {found.email}", changed)
            self._defaults(found, table.default_for, white_label)

    def _defaults(
        self, sender: Sender | None, emails: Sequence[str], white_label: WhiteLabel | None
    ) -> None:
        if sender is None or not emails:
            return
        persons = [self._person_named("default_for", email, white_label) for email in emails]
        before = {person.id for person in senders.people_with_default(sender)}
        for moved in senders.set_default_for(sender, persons):
            self._report.warnings.append(
                f"{moved.person.email} had {moved.before.email} as default sender before"
            )
        for person in persons:
            if person.id not in before:
                self._say(f"{person.email} sends as {sender.email} by default")

    def _app(self, path: Path, table: AppTable, white_label: WhiteLabel) -> None:
        with self._at(path):
            owner = self._person_named("owner", table.owner, white_label)
            found = apps.find_by_name(white_label, table.name)
            is_new = found is None
            if found is None:
                found = apps.create(
                    white_label, name=table.name, owner=owner, contact_email=table.contact_email
                )
                self._say(f"{white_label.slug}: added the app {found.name}")
            if found.owner_id != owner.id:
                apps.change_owner(found, owner=owner)
                self._say(f"{white_label.slug}: handed {found.name} over to {owner.email}")
            if apps.change(found, contact_email=table.contact_email):
                self._say(f"{white_label.slug}: changed the contact of {found.name}")
            self._api_key(path, table, found, is_new=is_new)

    def _api_key(self, path: Path, table: AppTable, app: App, *, is_new: bool) -> None:
        given = self._secret(path, table.api_key, table.api_key_env, "api_key")
        if given is not None:
            kind = keys.kind_of(given)
            if not keys.is_given_key_in_place(app, given):
                keys.make_key(app, kind=kind, name="provisioned", by=None, given=given)
                self._say(f"gave {app.name} a {kind.value} key")
        elif is_new:
            key, text = keys.make_key(app, kind=KeyKind.LIVE, name="provisioned", by=None)
            self._report.made_keys.append((app.name, text))
            self._say(f"made {app.name} a {key.kind.value} key")

    def _template(self, path: Path, table: TemplateTable, white_label: WhiteLabel | None) -> None:
        with self._at(path):
            found = templates.find_by_slug(white_label, table.slug)
            if found is None:
                found = templates.create(white_label, slug=table.slug, name=table.name)
                self._say(f"added the template {table.slug}")
            if table.preferred_server is not None:
                server = self._server_named(
                    path, "preferred_server", table.preferred_server, white_label
                )
                if templates.prefer(found, server):
                    self._say(f"template {table.slug} prefers {server.name}")
            if table.start is not None and not found.versions:
                start = gallery.find_start(table.start)
                gallery.begin(found, start, default_language=gallery.LANGUAGES[0], by=None)
                self._say(f"template {table.slug} begins with {start.key} of the gallery")
            self._versions(path, table, found)

    def _versions(self, path: Path, table: TemplateTable, template: MailTemplate) -> None:
        if not table.versions:
            return
        before = template.versions[-1].number if template.versions else 0
        saved = templates.save_version(
            template, self._texts[path], default_language=table.versions[0].language, by=None
        )
        if saved.number != before:
            self._say(f"saved version {saved.number} of the template {table.slug}")

    def _named(self, path: Path, key: str, email: str, white_label: WhiteLabel | None) -> Person:
        with self._at(path):
            return self._person_named(key, email, white_label)

    def _person_named(self, key: str, email: str, white_label: WhiteLabel | None) -> Person:
        person = people.by_email(white_label.id if white_label else None, email)
        if person is None:
            raise Refusal("no_such_person", f"there is nobody called {email} here", field=key)
        return person

    def _server_named(
        self, path: Path, key: str, name: str, white_label: WhiteLabel | None
    ) -> SmtpServer:
        server = servers.find_by_name(white_label, name) or servers.find_by_name(None, name)
        if server is None:
            raise self._bad((*path, key), f"there is no server called {name}")
        return server

    def _secret(
        self, path: Path, given: str | None, variable: str | None, key: str
    ) -> Secret | None:
        if given is not None and variable is not None:
            raise self._bad((*path, key), f"give either {key} or {key}_env")
        if variable is None:
            return Secret(given) if given is not None else None
        value = self._environ.get(variable)
        if not value:
            raise self._bad((*path, f"{key}_env"), f"the environment has no {variable}")
        return Secret(value)

    @contextmanager
    def _at(self, path: Path) -> Iterator[None]:
        """A refusal in here is a fault of the file at this place."""
        try:
            yield
        except Refusal as refusal:
            key = _KEYS.get(refusal.field or "", refusal.field)
            hint = _HINTS.get(refusal.code, "")
            raise self._bad((*path, key) if key else path, refusal.words + hint) from None

    def _bad(self, path: Path, words: str) -> BadDocument:
        return BadDocument([self._source.fault(path, words)])

    def _say(self, change: str) -> None:
        self._report.changes.append(change)

    def _say_changed(self, what: str, changes: Mapping[str, object]) -> None:
        if changes:
            self._say(f"changed {what}: {', '.join(changes)}")
