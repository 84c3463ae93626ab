"""The rule of routing, one fact at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.routing.decide import (
    By,
    Check,
    Decision,
    DomainFacts,
    Facts,
    NoRoute,
    Route,
    Sandbox,
    SenderFacts,
    ServerFacts,
    WhiteLabelFacts,
    decide,
)
from portal.smtp.addresses import Mailbox, parse_address, parse_mailbox

ADA, BOB, OLIVE = 1, 2, 9
ACME = WhiteLabelFacts(10, "Acme")
BIRCH = WhiteLabelFacts(20, "Birch")


def box(text: str) -> Mailbox:
    return parse_mailbox(text)


PLATFORM = ServerFacts(100, "main", None, configured_by=OLIVE, max_recipients=50)
PLATFORM_SENDER = SenderFacts(1000, PLATFORM.id, None, box("Northwind <hello@northwind.example>"))
OWN = ServerFacts(101, "acme-own", ACME.id, configured_by=ADA)
OWN_SENDER = SenderFacts(1001, OWN.id, ACME.id, box("Acme News <news@acme.example>"))
BOBS = ServerFacts(102, "bobs", ACME.id, configured_by=BOB)
BOBS_SENDER = SenderFacts(1002, BOBS.id, ACME.id, box("Bob <bob@acme.example>"))

READY = Facts(
    platform_name="Northwind Apps",
    servers=(PLATFORM, OWN),
    senders=(PLATFORM_SENDER, OWN_SENDER),
    white_label=ACME,
    app_name="Shop",
    owner=ADA,
    owner_name="Ada",
)
"""Ada's app in Acme: the platform has a server, and Ada configured one of her own."""


def decided(facts: Facts, seed: int = 1) -> Decision:
    return decide(facts, Random(seed))


def route(facts: Facts) -> Route:
    decision = decided(facts)
    assert isinstance(decision, Route)
    return decision


def checks(decision: Decision) -> list[tuple[int | None, Check]]:
    return [(step.server, step.check) for step in decision.trace]


@pytest.mark.accepts("SI-26", "SI-27", "ST-05")
def test_the_owners_own_server_carries_the_owners_app() -> None:
    decision = route(READY)

    assert decision.server == OWN.id
    assert decision.reason is By.OWNER
    assert decision.from_ == OWN_SENDER.mailbox


@pytest.mark.accepts("SI-27", "SI-28")
def test_a_co_admins_server_is_not_used_for_my_app() -> None:
    facts = replace(READY, servers=(PLATFORM, replace(OWN, configured_by=BOB)))

    decision = route(facts)

    assert decision.server == PLATFORM.id
    assert checks(decision) == [
        (OWN.id, Check.NOT_THE_OWNERS_SERVER),
        (PLATFORM.id, Check.PASSED),
    ]


@pytest.mark.accepts("SI-29")
def test_changing_the_owner_changes_the_server() -> None:
    bobs = replace(READY, owner=BOB)

    assert route(bobs).server == PLATFORM.id
    assert route(replace(bobs, owner=ADA)).server == OWN.id


@pytest.mark.accepts("SI-07", "ST-05")
def test_without_own_servers_the_platform_carries_it() -> None:
    facts = replace(READY, servers=(PLATFORM,))

    decision = route(facts)

    assert decision.server == PLATFORM.id
    assert decision.from_ == box("Acme via Northwind Apps <hello@northwind.example>")


@pytest.mark.accepts("SB-14")
def test_a_white_label_that_chose_the_platforms_server_does_not_use_its_own() -> None:
    facts = replace(READY, white_label=replace(ACME, uses_own_servers=False))

    decision = route(facts)

    assert decision.server == PLATFORM.id
    assert (OWN.id, Check.CUSTOM_SERVER_OFF) in checks(decision)


@pytest.mark.accepts("SS-08")
def test_another_white_labels_server_is_never_used() -> None:
    foreign = replace(OWN, white_label=BIRCH.id)
    facts = replace(READY, servers=(PLATFORM, foreign), chosen=OWN_SENDER)

    decision = decided(facts)

    assert isinstance(decision, NoRoute)
    assert decision.code == Check.OTHER_WHITE_LABEL


@pytest.mark.accepts("SS-41")
@pytest.mark.parametrize(
    ("server", "check"),
    [
        (replace(OWN, is_enabled=False), Check.DISABLED),
        (replace(OWN, is_validated=False), Check.NOT_VALIDATED),
        (replace(OWN, is_parked=True), Check.PARKED),
        (replace(OWN, max_recipients=2), Check.TOO_MANY_RECIPIENTS),
    ],
)
def test_a_server_that_fails_a_check_is_skipped_and_the_trace_says_why(
    server: ServerFacts, check: Check
) -> None:
    facts = replace(READY, servers=(PLATFORM, server), recipients=3)

    decision = route(facts)

    assert decision.server == PLATFORM.id
    assert (OWN.id, check) in checks(decision)


def test_a_from_address_that_the_server_refused_is_not_used_there_again() -> None:
    facts = replace(READY, refused_senders=frozenset({(OWN.id, "news@acme.example")}))

    decision = route(facts)

    assert decision.server == PLATFORM.id
    assert (OWN.id, Check.SENDER_REFUSED) in checks(decision)


@pytest.mark.accepts("ST-38", "ST-39")
def test_the_platforms_server_takes_fifty_recipients_and_not_one_more() -> None:
    facts = replace(READY, servers=(PLATFORM,))

    assert route(replace(facts, recipients=50)).server == PLATFORM.id
    refused = decided(replace(facts, recipients=51))
    assert isinstance(refused, NoRoute)
    assert refused.code == Check.TOO_MANY_RECIPIENTS
    assert refused.step is not None
    assert refused.step.limit == 50


@pytest.mark.accepts("ST-40", "SB-04")
def test_a_custom_server_without_a_limit_takes_more_than_fifty() -> None:
    assert route(replace(READY, recipients=51)).server == OWN.id


class TestAnExplicitChoice:
    def test_is_used_before_everything_else(self) -> None:
        other = replace(OWN, id=103, name="second")
        chosen = SenderFacts(1003, other.id, ACME.id, box("Shop <shop@acme.example>"))
        facts = replace(READY, servers=(PLATFORM, OWN, other), chosen=chosen)

        decision = route(facts)

        assert (decision.server, decision.reason) == (other.id, By.CHOSEN)
        assert decision.is_explicit

    @pytest.mark.accepts("SI-27")
    def test_never_falls_through_silently(self) -> None:
        facts = replace(READY, owner=BOB, chosen=OWN_SENDER)

        decision = decided(facts)

        assert isinstance(decision, NoRoute)
        assert decision.code == Check.NOT_THE_OWNERS_SERVER
        assert not decision.holds

    def test_waits_for_a_parked_server(self) -> None:
        parked = replace(OWN, is_parked=True)

        decision = route(replace(READY, servers=(PLATFORM, parked), chosen=OWN_SENDER))

        assert decision.server == OWN.id
        assert checks(decision) == [(OWN.id, Check.WAITS_WHILE_PARKED)]

    def test_cannot_be_the_platforms_own_address(self) -> None:
        decision = decided(replace(READY, chosen=PLATFORM_SENDER))

        assert isinstance(decision, NoRoute)
        assert decision.code == Check.FROM_NOT_ALLOWED


class TestATemplate:
    @pytest.mark.accepts("SS-39", "SS-40")
    def test_with_a_preferred_server_uses_it(self) -> None:
        second = replace(OWN, id=103)
        sender = replace(OWN_SENDER, id=1003, server=second.id)
        facts = replace(
            READY,
            servers=(PLATFORM, OWN, second),
            senders=(*READY.senders, sender),
            template_server=second.id,
        )

        decision = route(facts)

        assert (decision.server, decision.reason) == (second.id, By.TEMPLATE)

    def test_whose_server_is_not_the_owners_falls_back_and_says_so(self) -> None:
        facts = replace(READY, owner=BOB, template_server=OWN.id)

        decision = route(facts)

        assert decision.server == PLATFORM.id
        assert decision.trace[0].by is By.TEMPLATE
        assert decision.trace[0].check is Check.NOT_THE_OWNERS_SERVER

    def test_whose_server_is_skipped_moves_its_address_to_reply_to(self) -> None:
        facts = replace(READY, owner=BOB, template_server=OWN.id)

        assert route(facts).reply_to == (OWN_SENDER.mailbox,)


class TestWhatAPersonWrites:
    """It belongs to no app: Bob writes, Ada configured the server."""

    BOBS = replace(READY, app_name="", is_of_an_app=False, owner=BOB, owner_name="Bob")

    @pytest.mark.accepts("UC-24", "UC-26")
    def test_leaves_from_the_sender_that_was_chosen(self) -> None:
        decision = route(replace(self.BOBS, chosen=OWN_SENDER))

        assert (decision.server, decision.reason) == (OWN.id, By.CHOSEN)

    @pytest.mark.accepts("UC-22")
    def test_leaves_from_the_writers_default(self) -> None:
        decision = route(replace(self.BOBS, agent_default=OWN_SENDER))

        assert (decision.server, decision.reason) == (OWN.id, By.AGENT)

    def test_draws_no_server_that_somebody_else_configured(self) -> None:
        decision = route(self.BOBS)

        assert decision.server == PLATFORM.id
        assert (OWN.id, Check.NOT_THE_WRITERS_SERVER) in checks(decision)

    def test_draws_the_writers_own_server(self) -> None:
        decision = route(replace(self.BOBS, owner=ADA))

        assert (decision.server, decision.reason) == (OWN.id, By.OWNER)

    def test_leaves_through_no_other_white_labels_server(self) -> None:
        foreign = replace(OWN, white_label=ACME.id + 1)
        facts = replace(self.BOBS, servers=(PLATFORM, foreign), chosen=OWN_SENDER)

        decision = decided(facts)

        assert isinstance(decision, NoRoute)
        assert decision.code == Check.OTHER_WHITE_LABEL


class TestAnAgentsDefault:
    def test_is_used_when_nothing_was_chosen(self) -> None:
        second = replace(OWN, id=103)
        default = SenderFacts(1003, second.id, ACME.id, box("Abe <abe@acme.example>"))
        facts = replace(READY, servers=(PLATFORM, OWN, second), agent_default=default)

        decision = route(facts)

        assert (decision.server, decision.reason) == (second.id, By.AGENT)
        assert decision.from_ == default.mailbox

    def test_of_a_server_that_is_not_the_owners_is_skipped(self) -> None:
        facts = replace(READY, owner=BOB, agent_default=OWN_SENDER, servers=(PLATFORM, OWN, BOBS))
        facts = replace(facts, senders=(*READY.senders, BOBS_SENDER))

        assert route(facts).server == BOBS.id


class TestTheDraw:
    @pytest.mark.accepts("SS-34", "SS-41")
    def test_is_uniform_between_the_owners_servers(self) -> None:
        second = replace(OWN, id=103)
        facts = replace(
            READY,
            servers=(PLATFORM, OWN, second),
            senders=(*READY.senders, replace(OWN_SENDER, id=1003, server=second.id)),
        )
        random = Random(7)

        drawn = Counter(
            answer.server for _ in range(2000) if isinstance(answer := decide(facts, random), Route)
        )

        assert set(drawn) == {OWN.id, second.id}
        assert 900 < drawn[OWN.id] < 1100

    @pytest.mark.accepts("SS-35", "SS-37", "SS-41")
    def test_follows_the_weights(self) -> None:
        heavy = replace(OWN, id=103, weight=3)
        facts = replace(
            READY,
            servers=(PLATFORM, OWN, heavy),
            senders=(*READY.senders, replace(OWN_SENDER, id=1003, server=heavy.id)),
        )
        random = Random(7)

        drawn = Counter(
            answer.server for _ in range(2000) if isinstance(answer := decide(facts, random), Route)
        )

        assert 1400 < drawn[heavy.id] < 1600

    def test_shows_who_was_not_drawn(self) -> None:
        second = replace(OWN, id=103)
        facts = replace(
            READY,
            servers=(PLATFORM, OWN, second),
            senders=(*READY.senders, replace(OWN_SENDER, id=1003, server=second.id)),
        )

        decision = route(facts)

        assert sorted(check for _server, check in checks(decision)) == [
            Check.NOT_DRAWN,
            Check.PASSED,
        ]

    @pytest.mark.accepts("SS-41")
    def test_passes_over_a_parked_member(self) -> None:
        second = replace(OWN, id=103, is_parked=True)
        facts = replace(
            READY,
            servers=(PLATFORM, second, OWN),
            senders=(*READY.senders, replace(OWN_SENDER, id=1003, server=second.id)),
        )

        assert {getattr(decided(facts, seed), "server", None) for seed in range(20)} == {OWN.id}


class TestFromOnThePlatformsServer:
    ALLOWED = replace(ACME, domains=(DomainFacts(5, "acme.example"),))

    @pytest.mark.accepts("SI-32")
    def test_is_the_wish_on_a_verified_domain(self) -> None:
        wish = box("shop@acme.example")
        facts = replace(READY, servers=(PLATFORM,), white_label=self.ALLOWED, wish=wish)

        decision = route(facts)

        assert (decision.from_, decision.domain) == (wish, 5)

    @pytest.mark.accepts("SI-32")
    def test_is_the_platforms_on_any_other_domain_and_the_wish_becomes_reply_to(self) -> None:
        wish = box("shop@acme.example")
        facts = replace(READY, servers=(PLATFORM,), wish=wish)

        decision = route(facts)

        assert str(decision.from_.address) == "hello@northwind.example"
        assert decision.from_.name == "Acme via Northwind Apps"
        assert decision.reply_to == (wish,)

    def test_keeps_the_callers_reply_to(self) -> None:
        wanted = (box("help@acme.example"),)
        facts = replace(READY, servers=(PLATFORM,), wish=box("shop@acme.example"), reply_to=wanted)

        assert route(facts).reply_to == wanted

    @pytest.mark.parametrize(
        ("domain", "includes_subdomains", "email", "is_used"),
        [
            ("acme.example", False, "a@acme.example", True),
            ("acme.example", False, "a@mail.acme.example", False),
            ("acme.example", True, "a@mail.acme.example", True),
            ("acme.example", True, "a@evilacme.example", False),
            ("acme.example", True, "a@acme.example.evil.example", False),
            ("acme.example", True, "a@ACME.example", True),
            ("xn--bcher-kva.example", False, "a@bücher.example", True),
        ],
    )
    def test_counts_labels_and_not_letters(
        self, domain: str, includes_subdomains: bool, email: str, is_used: bool
    ) -> None:
        allowed = replace(ACME, domains=(DomainFacts(5, domain, includes_subdomains),))
        wish = Mailbox(parse_address(email))
        facts = replace(READY, servers=(PLATFORM,), white_label=allowed, wish=wish)

        assert (route(facts).from_ == wish) is is_used

    def test_of_a_lapsed_domain_is_held_and_never_sent_under_another_name(self) -> None:
        lapsed = DomainFacts(5, "acme.example", is_verified=False, is_lapsed=True)
        facts = replace(
            READY,
            servers=(PLATFORM,),
            white_label=replace(ACME, domains=(lapsed,)),
            wish=box("shop@acme.example"),
        )

        decision = decided(facts)

        assert isinstance(decision, NoRoute)
        assert (decision.code, decision.holds) == (Check.DOMAIN_LAPSED, True)
        assert decision.step is not None
        assert decision.step.sender == "shop@acme.example"

    def test_of_a_sender_needs_the_verified_domain(self) -> None:
        sender = SenderFacts(1005, PLATFORM.id, ACME.id, box("shop@acme.example"))

        refused = decided(replace(READY, chosen=sender))
        allowed = decided(replace(READY, chosen=sender, white_label=self.ALLOWED))

        assert isinstance(refused, NoRoute)
        assert refused.code == Check.FROM_NOT_ALLOWED
        assert isinstance(allowed, Route)
        assert allowed.from_ == sender.mailbox


class TestNothingLeft:
    @pytest.mark.accepts("SS-48", "SS-49")
    def test_without_any_server_the_sandbox_keeps_it(self) -> None:
        decision = decided(replace(READY, servers=(), senders=()))

        assert isinstance(decision, Sandbox)

    def test_mail_waits_for_parked_servers_and_is_not_put_aside(self) -> None:
        parked = tuple(replace(server, is_parked=True) for server in READY.servers)

        decision = route(replace(READY, servers=parked))

        assert decision.server == OWN.id
        assert decision.trace[-1].check is Check.WAITS_WHILE_PARKED

    def test_a_suspended_white_labels_mail_is_held(self) -> None:
        decision = decided(replace(READY, white_label=replace(ACME, is_suspended=True)))

        assert isinstance(decision, NoRoute)
        assert (decision.code, decision.holds) == ("white_label_suspended", True)


def test_the_portals_own_mail_leaves_through_the_platform_under_its_own_name() -> None:
    facts = replace(READY, white_label=None, owner=None)

    decision = route(facts)

    assert decision.server == PLATFORM.id
    assert decision.from_ == PLATFORM_SENDER.mailbox
    assert OWN.id not in {step.server for step in decision.trace if step.check is Check.PASSED}


servers = st.builds(
    ServerFacts,
    id=st.integers(1, 6),
    name=st.just("s"),
    white_label=st.sampled_from([None, ACME.id, BIRCH.id]),
    configured_by=st.sampled_from([ADA, BOB, OLIVE]),
    is_enabled=st.booleans(),
    is_validated=st.booleans(),
    is_parked=st.booleans(),
    weight=st.integers(0, 3),
    max_recipients=st.sampled_from([None, 1, 50]),
)


@st.composite
def any_facts(draw: st.DrawFn) -> Facts:
    drawn = draw(st.lists(servers, max_size=6, unique_by=lambda server: server.id))
    senders = tuple(
        SenderFacts(server.id + 10, server.id, server.white_label, box(f"s{server.id}@s.example"))
        for server in drawn
        if draw(st.integers(0, 4))
    )
    return Facts(
        platform_name="Northwind",
        servers=tuple(drawn),
        senders=senders,
        white_label=draw(st.sampled_from([ACME, replace(ACME, uses_own_servers=False), None])),
        is_of_an_app=draw(st.booleans()),
        owner=draw(st.sampled_from([ADA, BOB])),
        chosen=draw(st.sampled_from([None, *senders])),
        template_server=draw(st.sampled_from([None, *(server.id for server in drawn)])),
        agent_default=draw(st.sampled_from([None, *senders])),
        recipients=draw(st.sampled_from([1, 2, 51])),
    )


@given(any_facts(), st.integers())
def test_no_facts_whatever_break_the_owner_rule_or_cross_a_tenant(facts: Facts, seed: int) -> None:
    decision = decide(facts, Random(seed))

    if isinstance(decision, Route):
        server = facts.server(decision.server)
        assert server is not None
        assert server.is_enabled
        assert server.is_validated
        assert server.max_recipients is None or facts.recipients <= server.max_recipients
        if not server.is_platform:
            assert facts.white_label is not None
            assert server.white_label == facts.white_label.id
            is_named = not facts.is_of_an_app and decision.reason is not By.OWNER
            assert is_named or server.configured_by == facts.owner
            assert facts.white_label.uses_own_servers


@given(any_facts(), st.integers())
def test_the_same_facts_and_the_same_draw_give_the_same_answer(facts: Facts, seed: int) -> None:
    assert decide(facts, Random(seed)) == decide(facts, Random(seed))


@given(any_facts(), st.integers())
def test_a_choice_that_failed_is_refused_and_nothing_else_is_tried(facts: Facts, seed: int) -> None:
    decision = decide(facts, Random(seed))

    if facts.chosen is not None and not isinstance(decision, Route):
        assert isinstance(decision, NoRoute)
        assert {step.by for step in decision.trace} == {By.CHOSEN}
