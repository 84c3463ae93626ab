"""Which server carries a message, from which address, and why: one rule for everything that leaves.

Candidates are tried in this order; the first that passes every check is used.

1. the sender chosen for this message
2. the template's preferred server
3. the acting agent's default sender
4. the app owner's own servers: one at random, by weight
5. the platform's servers: one at random, by weight
6. the sandbox: accepted, rendered, kept to look at; nothing leaves

Pure: no database, no clock, no network.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from random import Random

from portal.smtp.addresses import Address, Mailbox, is_within


class By(StrEnum):
    """How a candidate came up; also the reason of the route that it became."""

    CHOSEN = "chosen_sender"
    TEMPLATE = "template_server"
    AGENT = "agent_default"
    OWNER = "owner_server"
    PLATFORM = "platform_server"
    SANDBOX = "sandbox"


class Check(StrEnum):
    """What a candidate failed, or what is worth knowing of one that passed."""

    PASSED = "passed"
    OTHER_WHITE_LABEL = "other_white_label"
    CUSTOM_SERVER_OFF = "custom_server_off"  # the white label uses the platform's servers
    NOT_THE_OWNERS_SERVER = "not_the_owners_server"
    NOT_THE_WRITERS_SERVER = "not_the_writers_server"  # of a person's own mail, and not named
    DISABLED = "disabled"
    NOT_VALIDATED = "not_validated"
    PARKED = "parked"
    WAITS_WHILE_PARKED = "waits_while_parked"
    SENDER_REFUSED = "sender_refused"  # this server refused this From address
    NO_SENDER = "no_sender"  # the server has no address to send from
    FROM_NOT_ALLOWED = "from_not_allowed"
    DOMAIN_LAPSED = "domain_lapsed"
    TOO_MANY_RECIPIENTS = "too_many_recipients"
    NOT_DRAWN = "not_drawn"  # passed, but the draw fell on another of the same kind


@dataclass(frozen=True, slots=True)
class ServerFacts:
    id: int
    name: str
    white_label: int | None  # None: the platform's
    configured_by: int  # a person
    version: int = 1
    is_enabled: bool = True
    is_validated: bool = True
    is_parked: bool = False
    weight: int = 1
    max_recipients: int | None = None
    configurer: str = ""  # the name of `configured_by`, for the words

    @property
    def is_platform(self) -> bool:
        return self.white_label is None


@dataclass(frozen=True, slots=True)
class SenderFacts:
    id: int
    server: int
    white_label: int | None
    mailbox: Mailbox
    reply_to: Mailbox | None = None


@dataclass(frozen=True, slots=True)
class DomainFacts:
    id: int
    name: str
    includes_subdomains: bool = False
    is_verified: bool = True
    is_lapsed: bool = False

    def covers(self, domain: str) -> bool:
        return is_within(domain, self.name, including_subdomains=self.includes_subdomains)


@dataclass(frozen=True, slots=True)
class WhiteLabelFacts:
    id: int
    name: str
    is_suspended: bool = False
    uses_own_servers: bool = True
    domains: tuple[DomainFacts, ...] = ()


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the rule looks at, as it is at one moment."""

    platform_name: str
    servers: tuple[ServerFacts, ...]  # the white label's and the platform's
    senders: tuple[SenderFacts, ...]  # the first sender of each of these servers
    white_label: WhiteLabelFacts | None = None  # None: the portal's own mail
    app_name: str = ""
    is_of_an_app: bool = True  # else a person writes
    owner: int | None = None  # who owns the app; without an app, who writes
    owner_name: str = ""
    chosen: SenderFacts | None = None
    wish: Mailbox | None = None  # a From address that is asked for, on whatever server
    template_server: int | None = None
    agent_default: SenderFacts | None = None
    refused_senders: frozenset[tuple[int, str]] = frozenset()  # (server, From address)
    recipients: int = 1
    reply_to: tuple[Mailbox, ...] = ()

    def server(self, number: int) -> ServerFacts | None:
        return next((server for server in self.servers if server.id == number), None)

    def first_sender(self, server: int) -> SenderFacts | None:
        return next((sender for sender in self.senders if sender.server == server), None)


@dataclass(frozen=True, slots=True)
class Step:
    """One candidate and what became of it."""

    by: By
    check: Check
    server: int | None = None
    server_name: str = ""
    sender: str = ""
    configurer: str = ""  # who configured the server, for the words
    limit: int | None = None  # the server's recipient limit, where that was the reason


Trace = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Route:
    """A way out. Envelope sender and Message-ID domain follow from `from_`."""

    server: int
    server_version: int
    from_: Mailbox
    reply_to: tuple[Mailbox, ...]
    reason: By
    trace: Trace
    sender: int | None = None  # the sender's id, where From is a sender's address
    domain: int | None = None  # the allowed domain that made From possible
    is_explicit: bool = False


@dataclass(frozen=True, slots=True)
class Sandbox:
    """No server to use: the message is kept to look at."""

    from_: Mailbox
    trace: Trace
    reason: By = By.SANDBOX


@dataclass(frozen=True, slots=True)
class NoRoute:
    """Refused, or, where `holds`, accepted and held until the cause is mended."""

    code: str
    trace: Trace
    step: Step | None = None
    holds: bool = False


Decision = Route | Sandbox | NoRoute


def passes_owner_rule(server: ServerFacts, owner: int | None) -> bool:
    """A custom server is used only for apps of the person who configured it."""
    return server.is_platform or server.configured_by == owner


def passes_writer_rule(server: ServerFacts, writer: int | None, *, by: By) -> bool:
    """What a person writes belongs to no app: an admin who makes a sender somebody's default, or
    lets people choose it, has said whose mail that server carries. None is drawn for it that
    somebody else configured.
    """
    return by is not By.OWNER or passes_owner_rule(server, writer)


def decide(facts: Facts, random: Random) -> Decision:
    """The route for one message, with every candidate that was looked at on the way."""
    if facts.white_label is not None and facts.white_label.is_suspended:
        return NoRoute("white_label_suspended", (), holds=True)

    trace: list[Step] = []
    wish = facts.wish
    for pool in _candidates(facts):
        answers = [_try(candidate, facts, wish) for candidate in pool]
        routes = [answer for answer in answers if isinstance(answer, Route)]
        drawn = _draw(routes, facts, random)
        for answer in answers:
            if isinstance(answer, Step):
                trace.append(answer)
            elif answer is not drawn:
                trace.append(replace(answer.trace[0], check=Check.NOT_DRAWN))
        if drawn is not None:
            return replace(drawn, trace=(*trace, *drawn.trace))
        lapsed = next((step for step in trace if step.check is Check.DOMAIN_LAPSED), None)
        if lapsed is not None:
            # Mail of a lapsed domain waits; it never leaves under another name.
            return NoRoute(Check.DOMAIN_LAPSED, tuple(trace), lapsed, holds=True)
        if pool and pool[0].by is By.CHOSEN:
            # What somebody chose by hand never falls through silently.
            return NoRoute(trace[-1].check, tuple(trace), trace[-1])
        wish = wish or _own_address(pool, facts)
    return _without_server(facts, trace, wish)


@dataclass(frozen=True, slots=True)
class _Candidate:
    by: By
    server: ServerFacts | None
    sender: SenderFacts | None


def _candidates(facts: Facts) -> Iterator[Sequence[_Candidate]]:
    if facts.chosen is not None:
        yield [_Candidate(By.CHOSEN, facts.server(facts.chosen.server), facts.chosen)]
    if facts.template_server is not None:
        server = facts.server(facts.template_server)
        yield [_Candidate(By.TEMPLATE, server, facts.first_sender(facts.template_server))]
    if facts.agent_default is not None:
        server = facts.server(facts.agent_default.server)
        yield [_Candidate(By.AGENT, server, facts.agent_default)]
    yield [
        _Candidate(By.OWNER, server, facts.first_sender(server.id))
        for server in facts.servers
        if not server.is_platform
    ]
    yield [
        _Candidate(By.PLATFORM, server, facts.first_sender(server.id))
        for server in facts.servers
        if server.is_platform
    ]


def _try(candidate: _Candidate, facts: Facts, wish: Mailbox | None) -> Route | Step:
    """The route through this candidate, or the first check it fails."""
    server, sender, by = candidate.server, candidate.sender, candidate.by
    step = Step(by, Check.PASSED, sender=str(sender.mailbox.address) if sender else "")
    if server is not None:
        step = replace(
            step, server=server.id, server_name=server.name, configurer=server.configurer
        )
    white_label = facts.white_label

    if server is None or (
        not server.is_platform and (white_label is None or server.white_label != white_label.id)
    ):
        return replace(step, check=Check.OTHER_WHITE_LABEL)
    if not server.is_platform and white_label is not None and not white_label.uses_own_servers:
        return replace(step, check=Check.CUSTOM_SERVER_OFF)
    if facts.is_of_an_app:
        if not passes_owner_rule(server, facts.owner):
            return replace(step, check=Check.NOT_THE_OWNERS_SERVER)
    elif not passes_writer_rule(server, facts.owner, by=by):
        return replace(step, check=Check.NOT_THE_WRITERS_SERVER)
    if not server.is_enabled:
        return replace(step, check=Check.DISABLED)
    if not server.is_validated:
        return replace(step, check=Check.NOT_VALIDATED)
    if server.is_parked:
        if by not in (By.CHOSEN, By.TEMPLATE):
            return replace(step, check=Check.PARKED)
        step = replace(step, check=Check.WAITS_WHILE_PARKED)
    if server.max_recipients is not None and facts.recipients > server.max_recipients:
        return replace(step, check=Check.TOO_MANY_RECIPIENTS, limit=server.max_recipients)

    identity = _identity(server, sender, by, facts, wish)
    if isinstance(identity, Check):
        is_platforms = sender is not None and sender.white_label is None
        if identity is Check.DOMAIN_LAPSED and is_platforms and wish is not None:
            # It waits to leave from the address that was asked for, not from the platform's.
            step = replace(step, sender=str(wish.address))
        return replace(step, check=identity)
    if (server.id, str(identity.from_.address)) in facts.refused_senders:
        return replace(step, check=Check.SENDER_REFUSED, sender=str(identity.from_.address))
    return Route(
        server=server.id,
        server_version=server.version,
        from_=identity.from_,
        reply_to=facts.reply_to or identity.reply_to,
        reason=by,
        trace=(replace(step, sender=str(identity.from_.address)),),
        sender=identity.sender,
        domain=identity.domain,
        is_explicit=by is By.CHOSEN,
    )


@dataclass(frozen=True, slots=True)
class _Identity:
    from_: Mailbox
    reply_to: tuple[Mailbox, ...] = ()
    sender: int | None = None
    domain: int | None = None


def _identity(
    server: ServerFacts,
    sender: SenderFacts | None,
    by: By,
    facts: Facts,
    wish: Mailbox | None,
) -> _Identity | Check:
    """From and Reply-To on this server, or why there is none."""
    if sender is None:
        return Check.NO_SENDER
    own_reply = (sender.reply_to,) if sender.reply_to else ()

    if not server.is_platform:
        # The owner's own server: the sender's address as configured; a wish becomes Reply-To.
        if wish is not None and wish.address != sender.mailbox.address:
            return _Identity(sender.mailbox, (wish,), sender.id)
        return _Identity(sender.mailbox, own_reply, sender.id)
    if facts.white_label is None:
        return _Identity(sender.mailbox, own_reply, sender.id)

    if sender.white_label is not None:
        # A white label's own sender on a platform server: only on its verified domain.
        if sender.white_label != facts.white_label.id:
            return Check.OTHER_WHITE_LABEL
        domain = _domain_for(sender.mailbox, facts.white_label)
        if domain is None or not domain.is_verified:
            lapsed = domain is not None and domain.is_lapsed
            return Check.DOMAIN_LAPSED if lapsed else Check.FROM_NOT_ALLOWED
        return _Identity(sender.mailbox, own_reply, sender.id, domain.id)
    if by is By.CHOSEN:
        # The platform's own address was not given to this white label to choose.
        return Check.FROM_NOT_ALLOWED

    if wish is not None:
        domain = _domain_for(wish, facts.white_label)
        if domain is not None and domain.is_lapsed:
            return Check.DOMAIN_LAPSED
        if domain is not None and domain.is_verified:
            return _Identity(wish, domain=domain.id)
    name = f"{facts.white_label.name} via {facts.platform_name}"
    return _Identity(
        Mailbox(sender.mailbox.address, name), (wish,) if wish is not None else (), sender.id
    )


def _domain_for(mailbox: Mailbox, white_label: WhiteLabelFacts) -> DomainFacts | None:
    """The white label's domain that covers this address; the most exact one counts."""
    covering = [domain for domain in white_label.domains if domain.covers(mailbox.address.domain)]
    return max(covering, key=lambda domain: len(domain.name), default=None)


def _draw(routes: Sequence[Route], facts: Facts, random: Random) -> Route | None:
    if not routes:
        return None
    weights = [server.weight if (server := facts.server(route.server)) else 0 for route in routes]
    if not any(weights):
        weights = [1] * len(routes)
    return random.choices(routes, weights)[0]


def _own_address(pool: Sequence[_Candidate], facts: Facts) -> Mailbox | None:
    """The address that a skipped candidate would have used, where it is this white label's."""
    for candidate in pool:
        if candidate.by not in (By.TEMPLATE, By.AGENT) or candidate.sender is None:
            continue
        if facts.white_label and candidate.sender.white_label == facts.white_label.id:
            return candidate.sender.mailbox
    return None


def _without_server(facts: Facts, trace: list[Step], wish: Mailbox | None) -> Decision:
    """No candidate passed: wait for a parked server, refuse, or keep the message to look at."""
    in_pools = [step for step in trace if step.by in (By.OWNER, By.PLATFORM)]
    parked = next((step for step in in_pools if step.check is Check.PARKED), None)
    if parked is not None:
        awake = tuple(
            replace(server, is_parked=server.is_parked and server.id != parked.server)
            for server in facts.servers
        )
        candidate = _Candidate(
            parked.by,
            next((server for server in awake if server.id == parked.server), None),
            facts.first_sender(parked.server) if parked.server else None,
        )
        answer = _try(candidate, replace(facts, servers=awake), wish)
        if isinstance(answer, Route):
            waiting = replace(answer.trace[0], check=Check.WAITS_WHILE_PARKED)
            return replace(answer, trace=(*trace, waiting))
        trace.append(answer)
    for check in (Check.TOO_MANY_RECIPIENTS, Check.SENDER_REFUSED):
        step = next((step for step in trace if step.check is check), None)
        if step is not None:
            return NoRoute(check, tuple(trace), step, holds=check is Check.SENDER_REFUSED)
    name = facts.white_label.name if facts.white_label else facts.platform_name
    from_ = wish or Mailbox(Address("sandbox", "sandbox.invalid"), name)
    return Sandbox(from_, (*trace, Step(By.SANDBOX, Check.PASSED)))
