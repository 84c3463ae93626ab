"""What DNS has against what is wanted: one row a situation, asked in memory, with its diagnosis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import SimpleNamespace

import pytest

from portal.domains import diagnosis, records
from portal.domains.asking import GIVES_UP_AFTER, Asker, judge
from portal.domains.compare import Diagnosis, Verdict
from portal.domains.records import Purpose, RecordState, RecordType, Wanted
from portal.domains.resolver import CouldNotAsk
from tests.equipment.dns_in_memory import InMemoryDns

DOMAIN = "acme.example"
TOKEN = "livery-challenge=0123abcd"
KEY = "v=DKIM1; k=rsa; p=MIIBIjANBgkqAAAA"
OTHER_KEY = "v=DKIM1; k=rsa; p=MIIBIjANBgkqBBBB"

PROOF = records.ownership(DOMAIN, "0123abcd")
DKIM = records.dkim_key(DOMAIN, "s1", KEY)
DKIM_ALIAS = records.dkim_alias(DOMAIN, "s1", "s1.provider.example")
BOUNCE = records.return_path(DOMAIN, "bounce", "mx.provider.example")
CODE = Wanted(Purpose.PROVIDER, RecordType.TXT, DOMAIN, "code=AbC")
DMARC = records.dmarc_record(DOMAIN)
SPF = records.spf_record(DOMAIN, "spf.provider.example")

AT_PROOF = ("TXT", "_livery-challenge.acme.example")
AT_DKIM = ("TXT", "s1._domainkey.acme.example")
AT_DMARC = ("TXT", "_dmarc.acme.example")
AT_BOUNCE = ("CNAME", "bounce.acme.example")
AT_TOP = ("TXT", "acme.example")
PROVIDER = {("TXT", "spf.provider.example"): ["v=spf1 ip4:192.0.2.1 -all"]}
MANY = {("TXT", f"n{at}.example"): ["v=spf1 -all"] for at in range(10)}

Zone = Mapping[tuple[str, str], Sequence[str]]


def verdict_of(wanted: Wanted, zone: Zone, *, domain: str = DOMAIN) -> Verdict:
    return judge(domain, wanted, Asker(InMemoryDns(zone)))


@pytest.mark.parametrize(
    ("wanted", "zone", "said"),
    [
        # ownership: a token that only we read
        (PROOF, {}, "missing"),
        (PROOF, {AT_PROOF: [TOKEN]}, "found"),
        (PROOF, {AT_PROOF: ["other", TOKEN, "more"]}, "found"),
        (PROOF, {AT_PROOF: [f'"{TOKEN}"']}, "found"),
        (PROOF, {AT_PROOF: [' "livery-challenge=" "0123abcd" ']}, "found"),
        (PROOF, {AT_PROOF: [TOKEN.upper()]}, "found"),
        (PROOF, {AT_PROOF: [f"{TOKEN}."]}, "found"),
        (PROOF, {AT_PROOF: ["livery-challenge=ffff"]}, "old_value"),
        (PROOF, {AT_PROOF: ["hello"]}, "other_value"),
        (PROOF, {AT_PROOF: [f"x{TOKEN}"]}, "other_value"),
        (PROOF, {AT_TOP: ["v=spf1 -all", TOKEN]}, "at_domain"),
        (PROOF, {("TXT", f"{AT_PROOF[1]}.{DOMAIN}"): [TOKEN]}, "appended"),
        (PROOF, {("TXT", f"{AT_PROOF[1]}.{DOMAIN}"): ["hello"]}, "missing"),
        (PROOF, {("CNAME", AT_PROOF[1]): ["parked.example"]}, "is_alias"),
        (
            PROOF,
            {("CNAME", AT_PROOF[1]): ["p.example"], ("TXT", "p.example"): [TOKEN]},
            "found",
        ),
        # DKIM, the key itself
        (DKIM, {}, "missing"),
        (DKIM, {AT_DKIM: [KEY]}, "found"),
        (DKIM, {AT_DKIM: ["p=MIIBIjANBgkqAAAA"]}, "found"),
        (DKIM, {AT_DKIM: ["k=rsa; t=s; p=MIIB IjAN BgkqAAAA ; "]}, "found"),
        (DKIM, {AT_DKIM: [OTHER_KEY]}, "old_value"),
        (DKIM, {AT_DKIM: ["v=DKIM1; p=miibijangbkqaaaa"]}, "old_value"),
        (DKIM, {AT_DKIM: ["v=DKIM1; k=ed25519; p=MIIBIjANBgkqAAAA"]}, "old_value"),
        (DKIM, {AT_DKIM: ["v=DKIM1; p="]}, "revoked_key"),
        (DKIM, {AT_DKIM: [f'"{KEY}"']}, "quoted"),
        (DKIM, {AT_DKIM: ["hello"]}, "other_value"),
        (DKIM, {("TXT", f"{AT_DKIM[1]}.{DOMAIN}"): [KEY]}, "appended"),
        (DKIM, {("CNAME", AT_DKIM[1]): ["gone.example"]}, "is_alias"),
        (
            DKIM,
            {("CNAME", AT_DKIM[1]): ["k.example"], ("TXT", "k.example"): [KEY]},
            "found",
        ),
        # DKIM, an alias to the provider
        (
            DKIM_ALIAS,
            {
                ("CNAME", AT_DKIM[1]): ["S1.Provider.Example"],
                ("TXT", "S1.Provider.Example"): [KEY],
            },
            "found",
        ),
        (DKIM_ALIAS, {("CNAME", AT_DKIM[1]): ["s1.provider.example."]}, "found_empty"),
        (DKIM_ALIAS, {AT_DKIM: [KEY]}, "is_text"),
        # the way of bounces
        (BOUNCE, {}, "missing"),
        (BOUNCE, {AT_BOUNCE: ["mx.provider.example"]}, "found"),
        (BOUNCE, {AT_BOUNCE: ["MX.Provider.example."]}, "found"),
        (BOUNCE, {AT_BOUNCE: ["mx.other.example"]}, "other_target"),
        (BOUNCE, {AT_BOUNCE: ["mx.provider.example.acme.example"]}, "target_appended"),
        (BOUNCE, {AT_BOUNCE: ["mx.provider.example.evil.example"]}, "other_target"),
        (BOUNCE, {("CNAME", f"{AT_BOUNCE[1]}.{DOMAIN}"): ["mx.provider.example"]}, "appended"),
        (BOUNCE, {("CNAME", f"{AT_BOUNCE[1]}.{DOMAIN}"): ["mx.other.example"]}, "missing"),
        (BOUNCE, {("TXT", AT_BOUNCE[1]): ["mx.provider.example"]}, "is_text"),
        (BOUNCE, {("A", AT_BOUNCE[1]): ["192.0.2.80"]}, "proxied"),
        (BOUNCE, {AT_BOUNCE: ["mx.provider.example.e"]}, "other_target"),
        # what only the provider reads
        (CODE, {}, "missing"),
        (CODE, {AT_TOP: ["v=spf1 -all", " code=AbC "]}, "found"),
        (CODE, {AT_TOP: ["code=abc"]}, "missing"),
        (CODE, {AT_TOP: ['"code=AbC"']}, "quoted"),
        (CODE, {("TXT", "acme.example.acme.example"): ["code=AbC"]}, "appended"),
        # DMARC
        (DMARC, {}, "missing"),
        (DMARC, {AT_DMARC: ["v=DMARC1; p=none"]}, "found"),
        (DMARC, {AT_DMARC: ["v=DMARC1;p=NONE;rua=mailto:x@other.example"]}, "found"),
        (DMARC, {AT_DMARC: ["v=DMARC1; p=reject"]}, "found_stricter"),
        (DMARC, {AT_DMARC: ["v = DMARC1 ; p = quarantine; sp=none"]}, "found_stricter"),
        (DMARC, {AT_DMARC: ["v=DMARC1; p=none", "v=DMARC1; p=reject"]}, "dmarc_two"),
        (DMARC, {AT_DMARC: ["v=DMARC1; p=none", "unrelated"]}, "found"),
        (DMARC, {AT_DMARC: ["v=DMARC1; rua=mailto:a@acme.example"]}, "dmarc_malformed"),
        (DMARC, {AT_DMARC: ["v=DMARC1; p=block"]}, "dmarc_malformed"),
        (DMARC, {AT_DMARC: ["p=none; v=DMARC1"]}, "dmarc_malformed"),
        (DMARC, {AT_DMARC: ["v=dmarc1; p=none"]}, "dmarc_malformed"),
        (DMARC, {AT_DMARC: ['"v=DMARC1; p=none"']}, "quoted"),
        (DMARC, {AT_DMARC: ["hello"]}, "other_value"),
        (DMARC, {("TXT", f"{AT_DMARC[1]}.{DOMAIN}"): ["v=DMARC1; p=none"]}, "appended"),
        # SPF
        (SPF, {}, "missing"),
        (SPF, {AT_TOP: ["google-site-verification=x"]}, "missing"),
        (SPF, {AT_TOP: [SPF.value], **PROVIDER}, "found"),
        (
            SPF,
            {AT_TOP: ["V=SPF1 mx INCLUDE:SPF.provider.example. -ALL"], **PROVIDER},
            "found",
        ),
        (SPF, {AT_TOP: ["v=spf1 -all"], **PROVIDER}, "spf_not_ours"),
        (SPF, {AT_TOP: ["v=spf1 -all include:spf.provider.example"], **PROVIDER}, "spf_not_ours"),
        (SPF, {AT_TOP: ["v=spf1 ?include:spf.provider.example -all"], **PROVIDER}, "spf_not_ours"),
        (SPF, {AT_TOP: [SPF.value, "v=spf1 -all"], **PROVIDER}, "spf_two"),
        (SPF, {AT_TOP: ["v=spf1 ipv4:192.0.2.1 -all"], **PROVIDER}, "spf_malformed"),
        (SPF, {AT_TOP: ["v=spf1;include:spf.provider.example"]}, "spf_malformed"),
        (SPF, {AT_TOP: ["spf1 include:spf.provider.example"]}, "spf_malformed"),
        (SPF, {AT_TOP: [f'"{SPF.value}"']}, "quoted"),
        (
            SPF,
            {AT_TOP: ["v=spf1 include:spf.provider.example +all"], **PROVIDER},
            "found_everybody",
        ),
        (SPF, {("TXT", "acme.example.acme.example"): [SPF.value]}, "appended"),
        (SPF, {AT_TOP: [SPF.value]}, "spf_broken"),
        (
            SPF,
            {
                AT_TOP: ["v=spf1 include:own.example -all"],
                ("TXT", "own.example"): ["v=spf1 include:spf.provider.example -all"],
                **PROVIDER,
            },
            "found",
        ),
        (
            SPF,
            {
                AT_TOP: [
                    "v=spf1 "
                    + " ".join(f"include:n{at}.example" for at in range(10))
                    + " include:spf.provider.example -all"
                ],
                **MANY,
                **PROVIDER,
            },
            "spf_lookups",
        ),
        (
            SPF,
            {
                AT_TOP: [
                    "v=spf1 a:g1.test a:g2.test mx:g3.test include:spf.provider.example ~all",
                ],
                **PROVIDER,
            },
            "spf_voids",
        ),
    ],
)
@pytest.mark.accepts("SS-06")
def test_each_situation_has_its_diagnosis(wanted: Wanted, zone: Zone, said: str) -> None:
    assert verdict_of(wanted, zone).diagnosis == said


@pytest.mark.parametrize("policy", ["v=DMARC1; p=none", "v=DMARC1; p=reject; sp=none"])
def test_the_policy_of_the_domain_above_counts(policy: str) -> None:
    wanted = records.dmarc_record("mail.acme.example")
    zone = {AT_DMARC: [policy]}

    assert verdict_of(wanted, zone, domain="mail.acme.example").diagnosis == "found_above"


def test_the_policy_of_a_public_suffix_does_not_count() -> None:
    wanted = records.dmarc_record("acme.co.uk")
    zone = {("TXT", "_dmarc.co.uk"): ["v=DMARC1; p=reject"]}

    assert verdict_of(wanted, zone, domain="acme.co.uk").diagnosis == "missing"


def test_a_panel_appends_its_zone_which_may_be_above_the_domain() -> None:
    wanted = records.ownership("mail.acme.example", "0123abcd")
    zone = {("TXT", "_livery-challenge.mail.acme.example.acme.example"): [TOKEN]}

    verdict = verdict_of(wanted, zone, domain="mail.acme.example")

    assert verdict.diagnosis is Diagnosis.APPENDED
    assert verdict.facts["at"] == "_livery-challenge.mail.acme.example.acme.example"


@pytest.mark.parametrize(
    ("published", "publish"),
    [
        (["v=spf1 mx -all"], "v=spf1 mx include:spf.provider.example -all"),
        (
            ["v=spf1 mx -all", "v=spf1 a ~all"],
            "v=spf1 mx a include:spf.provider.example ~all",
        ),
        (["v=spf1 mx foo -all"], "v=spf1 mx include:spf.provider.example -all"),
        (
            ["v=spf1 include:spf.provider.example -all"],
            "v=spf1 include:spf.provider.example -all",
        ),
        ([], None),
    ],
)
def test_what_to_publish_is_made_of_what_is_there(
    published: list[str], publish: str | None
) -> None:
    assert verdict_of(SPF, {AT_TOP: published, **PROVIDER}).publish == publish


def test_a_merged_record_that_would_be_too_heavy_is_told_so() -> None:
    heavy = "v=spf1 " + " ".join(f"include:n{at}.example" for at in range(10)) + " -all"

    verdict = verdict_of(SPF, {AT_TOP: [heavy], **MANY, **PROVIDER})

    assert (verdict.diagnosis, verdict.facts["count"]) == (Diagnosis.SPF_NOT_OURS, 11)
    assert "11 look-ups" in explained(verdict)


@pytest.mark.parametrize("wanted", [PROOF, DKIM, DKIM_ALIAS, BOUNCE, DMARC, SPF])
def test_could_not_ask_is_no_answer(wanted: Wanted) -> None:
    dns = InMemoryDns()
    dns.is_down = True

    verdict = judge(DOMAIN, wanted, Asker(dns))

    assert (verdict.diagnosis, verdict.state) == (Diagnosis.COULD_NOT_ASK, RecordState.UNKNOWN)


def test_a_part_of_spf_that_could_not_be_asked_is_no_fault_of_the_record() -> None:
    dns = InMemoryDns({AT_TOP: ["v=spf1 include:other.example include:spf.provider.example -all"]})
    dns.zone.update(PROVIDER)
    dns.down.add("other.example")

    assert judge(DOMAIN, SPF, Asker(dns)).diagnosis is Diagnosis.FOUND_UNCOUNTED


def test_ours_may_be_in_the_part_of_spf_that_could_not_be_asked() -> None:
    dns = InMemoryDns({AT_TOP: ["v=spf1 include:own.example -all"]})
    dns.down.add("own.example")

    assert judge(DOMAIN, SPF, Asker(dns)).state is RecordState.UNKNOWN


def test_the_policy_above_that_could_not_be_asked_leaves_it_unknown() -> None:
    dns = InMemoryDns()
    dns.down.add(AT_DMARC[1])
    wanted = records.dmarc_record("mail.acme.example")

    assert judge("mail.acme.example", wanted, Asker(dns)).state is RecordState.UNKNOWN


def test_where_an_alias_leads_may_be_unknown_and_that_is_not_nowhere() -> None:
    dns = AliasWithoutEnd({("CNAME", AT_DKIM[1]): ["s1.provider.example"]})

    assert judge(DOMAIN, DKIM_ALIAS, Asker(dns)).diagnosis is Diagnosis.FOUND


class AliasWithoutEnd(InMemoryDns):
    """Knows the alias, and gets no answer from where it leads."""

    def texts(self, name: str, *, timeout: float) -> Sequence[str]:
        raise CouldNotAsk(name)


def test_silence_near_by_does_not_hide_that_the_record_is_missing() -> None:
    dns = InMemoryDns()
    dns.down |= {f"{AT_PROOF[1]}.{DOMAIN}", DOMAIN}

    assert judge(DOMAIN, PROOF, Asker(dns)).state is RecordState.MISSING


def test_a_question_is_asked_once() -> None:
    dns = InMemoryDns({AT_TOP: [SPF.value], **PROVIDER})
    asker = Asker(dns)

    for wanted in (PROOF, SPF, PROOF, SPF):
        judge(DOMAIN, wanted, asker)

    assert len(dns.asked) == len(set(dns.asked))


def test_nobody_is_asked_for_ever() -> None:
    dns = InMemoryDns()
    dns.is_down = True
    asker = Asker(dns)

    for at in range(20):
        judge(DOMAIN, records.dkim_key(DOMAIN, f"s{at}", KEY), asker)

    assert len(dns.asked) == GIVES_UP_AFTER


def test_without_time_nothing_is_asked() -> None:
    dns = InMemoryDns()

    verdict = judge(DOMAIN, PROOF, Asker(dns, patience=0))

    assert (verdict.state, dns.asked) == (RecordState.UNKNOWN, [])


def explained(verdict: Verdict) -> str:
    return diagnosis.explain(
        SimpleNamespace(name="", code=verdict.diagnosis.value, facts=dict(verdict.facts))
    )


@pytest.mark.parametrize("code", list(Diagnosis))
def test_every_diagnosis_has_words(code: Diagnosis) -> None:
    judged = SimpleNamespace(name="", code=code.value, facts={"count": 4, "terms": ["foo"]})

    assert diagnosis.headline(judged)
    assert diagnosis.explain(judged).endswith(".")


def test_a_wanted_alias_that_is_no_key_need_not_lead_anywhere() -> None:
    wanted = Wanted(Purpose.PROVIDER, RecordType.CNAME, "t.acme.example", "track.provider.example")

    found = verdict_of(wanted, {("CNAME", "t.acme.example"): ["track.provider.example"]})

    assert found.diagnosis is Diagnosis.FOUND
