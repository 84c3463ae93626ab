"""What DNS says, what it does not say, and that the two are never mixed up."""

from __future__ import annotations

import pytest

from portal.domains.resolver import CouldNotAsk, DnsResolver
from tests.equipment.dns_server import DnsServer

NAME = "_proof.acme.example"


def test_every_record_at_the_name_is_told(dns_server: DnsServer) -> None:
    dns_server.publish(NAME, "one", "two")

    assert sorted(DnsResolver([dns_server.address]).texts(NAME, timeout=20)) == ["one", "two"]


def test_a_long_record_is_one_text(dns_server: DnsServer) -> None:
    dns_server.publish(NAME, "x" * 600)

    assert DnsResolver([dns_server.address]).texts(NAME, timeout=20) == ["x" * 600]


def test_a_name_that_is_not_there_has_no_records(dns_server: DnsServer) -> None:
    assert DnsResolver([dns_server.address]).texts(NAME, timeout=20) == []


def test_a_name_with_other_records_only_has_no_texts(dns_server: DnsServer) -> None:
    dns_server.publish(NAME)

    assert DnsResolver([dns_server.address]).texts(NAME, timeout=20) == []


def test_a_broken_zone_is_no_answer(dns_server: DnsServer) -> None:
    dns_server.break_zone(NAME)

    with pytest.raises(CouldNotAsk):
        DnsResolver([dns_server.address]).texts(NAME, timeout=20)


def test_silence_is_no_answer(dns_server: DnsServer) -> None:
    dns_server.fall_silent(NAME)

    with pytest.raises(CouldNotAsk):
        DnsResolver([dns_server.address]).texts(NAME, timeout=0.3)


def test_a_record_published_a_moment_ago_is_seen(dns_server: DnsServer) -> None:
    resolver = DnsResolver([dns_server.address])
    assert resolver.texts(NAME, timeout=20) == []

    dns_server.publish(NAME, "now")

    assert resolver.texts(NAME, timeout=20) == ["now"]


def test_an_alias_is_told_and_followed(dns_server: DnsServer) -> None:
    dns_server.publish_alias(NAME, "Proof.Provider.Example")
    dns_server.publish("proof.provider.example", "at the end")
    resolver = DnsResolver([dns_server.address])

    assert resolver.alias(NAME, timeout=20) == "proof.provider.example"
    assert resolver.texts(NAME, timeout=20) == ["at the end"]


def test_an_alias_that_leads_nowhere_is_an_alias_all_the_same(dns_server: DnsServer) -> None:
    dns_server.publish_alias(NAME, "gone.provider.example")
    resolver = DnsResolver([dns_server.address])

    assert resolver.alias(NAME, timeout=20) == "gone.provider.example"
    assert resolver.texts(NAME, timeout=20) == []


def test_addresses_and_exchanges_are_told(dns_server: DnsServer) -> None:
    dns_server.publish_address(NAME, "192.0.2.1", "192.0.2.2")
    dns_server.publish_exchange(NAME, "mx.provider.example")
    resolver = DnsResolver([dns_server.address])

    assert sorted(resolver.addresses(NAME, timeout=20)) == ["192.0.2.1", "192.0.2.2"]
    assert resolver.exchanges(NAME, timeout=20) == ["mx.provider.example"]
    assert resolver.alias(NAME, timeout=20) is None


def test_a_server_that_refuses_gives_no_answer(dns_server: DnsServer) -> None:
    dns_server.refuse(NAME)

    with pytest.raises(CouldNotAsk):
        DnsResolver([dns_server.address]).alias(NAME, timeout=20)


def test_people_are_told_whom_was_asked() -> None:
    assert DnsResolver(["192.0.2.1", "192.0.2.2:5353"]).whom == "192.0.2.1, 192.0.2.2:5353"


def test_quotation_marks_within_a_text_stay(dns_server: DnsServer) -> None:
    dns_server.publish(NAME, 'say "hi" \\ there')

    assert DnsResolver([dns_server.address]).texts(NAME, timeout=20) == ['say "hi" \\ there']
