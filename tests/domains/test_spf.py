"""SPF: read as receivers read it, weighed with all that it includes, merged into one record."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.domains import spf
from portal.domains.spf import Zone

DOMAIN = "acme.example"
NEEDED = "v=spf1 include:spf.provider.example ~all"


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("v=spf1", True),
        ("V=SPF1 -all", True),
        ("v=spf1 ", True),
        ("v=spf10 -all", False),
        ("v=spf1;-all", False),
        (" v=spf1 -all", False),
        ('"v=spf1 -all"', False),
        ("spf2.0/pra -all", False),
        ("", False),
    ],
)
def test_what_receivers_take_for_spf(text: str, is_one: bool) -> None:
    assert spf.is_spf(text) is is_one
    assert (spf.parse(text) is not None) is is_one


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("v=spf1  a   mx  -all ", "v=spf1 a mx -all"),
        ("v=spf1 +A +MX ?ALL", "v=spf1 a mx ?all"),
        ("v=spf1 a/24 mx//64 a:b.example/24//64", "v=spf1 a/24 mx//64 a:b.example/24//64"),
        ("v=spf1 -all include:never.example", "v=spf1 -all"),
        ("v=spf1 redirect=b.example -all", "v=spf1 -all"),
        ("v=spf1 exp=why.example a -all", "v=spf1 a -all exp=why.example"),
        ("v=spf1 redirect=b.example a", "v=spf1 a redirect=b.example"),
        ("v=spf1 exists:%{i}.b.example some=thing -all", None),
    ],
)
def test_a_record_is_read_and_written_down_tidily(text: str, read: str | None) -> None:
    record = spf.parse(text)

    assert record is not None
    assert record.faults == ()
    assert read is None or str(record) == read


@pytest.mark.parametrize(
    "term",
    [
        *("include", "include:", "include:b", "ip4:300.1.2.3", "ip4:2001:db8::1", "ip6:192.0.2.1"),
        *("a:", "exists", "foo", "foo:bar.example", "all:b.example", "-", "redirect=", "ip4"),
        *("redirect=b", "include:.example", "mx:/24", "ä", "192.0.2.1"),
    ],
)
def test_what_receivers_stumble_over_is_named(term: str) -> None:
    record = spf.parse(f"v=spf1 a {term} -all")

    assert record is not None
    assert record.faults == (term,)


def test_a_second_redirect_is_a_fault() -> None:
    record = spf.parse("v=spf1 redirect=b.example redirect=c.example")

    assert record is not None
    assert record.faults == ("redirect=c.example",)


@pytest.mark.parametrize(
    ("published", "merged"),
    [
        ([], NEEDED),
        (["something else"], NEEDED),
        (["v=spf1 -all"], "v=spf1 include:spf.provider.example -all"),
        (["v=spf1 a mx ~all"], "v=spf1 a mx include:spf.provider.example ~all"),
        (["v=spf1 a"], "v=spf1 a include:spf.provider.example"),
        (
            ["v=spf1 redirect=b.example"],
            "v=spf1 include:spf.provider.example redirect=b.example",
        ),
        (
            ["v=spf1 a -all exp=why.example"],
            "v=spf1 a include:spf.provider.example -all exp=why.example",
        ),
        (
            ["v=spf1 include:SPF.Provider.Example. -all"],
            "v=spf1 include:SPF.Provider.Example. -all",
        ),
        (
            ["v=spf1 -include:spf.provider.example a -all"],
            "v=spf1 a include:spf.provider.example -all",
        ),
        (
            ["v=spf1 a -all", "v=spf1 include:b.example ~all"],
            "v=spf1 a include:b.example include:spf.provider.example ~all",
        ),
        (["v=spf1 a +all", "v=spf1 a -all"], "v=spf1 a include:spf.provider.example -all"),
        (["v=spf1 ipv4:192.0.2.1 a -all"], "v=spf1 a include:spf.provider.example -all"),
        (
            ["v=spf1 ip4:192.0.2.1 ip4:192.0.2.1/32 -all"],
            "v=spf1 ip4:192.0.2.1 include:spf.provider.example -all",
        ),
        (
            ["v=spf1 a -all", "v=spf1 redirect=b.example"],
            "v=spf1 a include:spf.provider.example -all",
        ),
    ],
)
@pytest.mark.accepts("SS-06")
def test_one_record_is_made_of_what_is_there_and_what_is_needed(
    published: list[str], merged: str
) -> None:
    assert spf.merged(DOMAIN, published, NEEDED) == merged


def test_nothing_can_be_merged_into_what_is_no_record() -> None:
    with pytest.raises(ValueError, match="not an SPF record"):
        spf.merged(DOMAIN, [], "include:b.example")


# What hypothesis makes: records of terms that each stand for senders nobody else stands for.

SENDERS = [
    *("a:one.example", "mx:two.example", "ip4:192.0.2.7", "ip4:198.51.100.0/24"),
    *("ip6:2001:db8::/32", "include:three.example", "include:spf.provider.example"),
    *("exists:four.example", "a:five.example/24"),
]
terms = st.builds(
    lambda sign, sender: sign + sender, st.sampled_from("+-~?"), st.sampled_from(SENDERS)
)
endings = st.sampled_from(["", "-all", "~all", "?all", "+all", "redirect=six.example"])
spf_records = st.builds(
    lambda inner, ending: " ".join(("v=spf1", *inner, ending)).strip(),
    st.lists(terms, max_size=6),
    endings,
)
needs = st.builds(
    lambda senders: " ".join(("v=spf1", *senders, "~all")),
    st.lists(st.sampled_from(SENDERS), min_size=1, max_size=3, unique=True),
)


def judged(text: str, sender: str) -> str:
    """What the record says of this sender: the first term that matches decides (RFC 7208 4.6)."""
    record = spf.parse(text)
    assert record is not None
    key = record_key(sender)
    for term in record.mechanisms:
        if term.key(DOMAIN) == key:
            return term.qualifier
    if record.all is not None:
        return record.all.qualifier
    redirect = [str(term) for term in record.modifiers]
    return redirect[0] if redirect else "?"


def record_key(sender: str) -> str:
    record = spf.parse(f"v=spf1 {sender}")
    assert record is not None
    return record.mechanisms[0].key(DOMAIN)


@given(published=spf_records, needed=needs)
def test_a_merged_record_means_the_same_to_all_others_and_lets_ours_pass(
    published: str, needed: str
) -> None:
    merged = spf.merged(DOMAIN, [published], needed)

    for sender in SENDERS:
        is_ours = sender in needed.split()
        assert judged(merged, sender) == ("+" if is_ours else judged(published, sender))


@given(published=st.lists(spf_records | st.text(max_size=30), max_size=4), needed=needs)
def test_merging_again_changes_nothing(published: list[str], needed: str) -> None:
    once = spf.merged(DOMAIN, published, needed)

    assert spf.merged(DOMAIN, [once], needed) == once
    assert spf.merged(DOMAIN, [once, once], needed) == once


@given(published=st.lists(spf_records, max_size=4), needed=needs)
def test_all_is_the_last_mechanism_and_stands_once(published: list[str], needed: str) -> None:
    words = spf.merged(DOMAIN, published, needed).split(" ")

    endings = [at for at, word in enumerate(words) if word.lstrip("+-~?") == "all"]
    mechanisms = [at for at, word in enumerate(words[1:], 1) if "=" not in word]
    assert len(endings) <= 1
    assert not endings or endings[0] == mechanisms[-1]
    assert words.count("v=spf1") == 1


@given(text=st.text(max_size=80))
def test_no_text_is_too_odd_to_be_read(text: str) -> None:
    record = spf.parse(f"v=spf1 {text}")

    assert record is not None
    again = spf.parse(str(record))
    assert again is not None
    assert str(again) == str(record)
    assert again.faults == ()


def weight(text: str, zone: Zone | None = None) -> spf.Weight:
    return spf.weigh(DOMAIN, text, zone or {})


def chain(length: int) -> dict[tuple[spf.Kind, str], list[str]]:
    """n1 includes n2 includes … and the last lets one address pass."""
    zone: dict[tuple[spf.Kind, str], list[str]] = {
        ("TXT", f"n{at}.example"): [f"v=spf1 include:n{at + 1}.example -all"]
        for at in range(1, length)
    }
    zone["TXT", f"n{length}.example"] = ["v=spf1 ip4:192.0.2.1 -all"]
    return zone


@pytest.mark.parametrize(
    ("text", "lookups"),
    [
        ("v=spf1 -all", 0),
        ("v=spf1 ip4:192.0.2.1 ip6:2001:db8::1 exp=why.example -all", 0),
        ("v=spf1 a mx ptr exists:%{i}.b.example -all", 4),
        ("v=spf1 include:n1.example -all", 3),
        ("v=spf1 redirect=n1.example", 3),
        ("v=spf1 redirect=n1.example -all", 0),
        ("v=spf1 -all include:n1.example", 0),
        ("v=spf1 include:n1.example include:n1.example -all", 6),
    ],
)
def test_look_ups_are_counted_over_the_whole_tree(text: str, lookups: int) -> None:
    assert weight(text, chain(3)).lookups == lookups


@pytest.mark.parametrize(("length", "lookups"), [(10, 10), (11, 11)])
def test_the_eleventh_look_up_is_one_too_many(length: int, lookups: int) -> None:
    found = weight("v=spf1 include:n1.example -all", chain(length))

    assert found.lookups == lookups
    assert (found.lookups > spf.MAX_LOOKUPS) is (length == 11)


def test_a_tree_without_end_is_given_up() -> None:
    zone: dict[tuple[spf.Kind, str], list[str]] = {
        ("TXT", f"n{at}.example"): [f"v=spf1 include:n{at + 1}.example include:n{at + 2}.example"]
        for at in range(1, 60)
    }

    assert weight("v=spf1 include:n1.example -all", zone).lookups == spf.ENOUGH


def test_names_that_lead_nowhere_are_counted() -> None:
    zone: Zone = {
        ("A", "gone.example"): [],
        ("MX", DOMAIN): [],
        ("A", DOMAIN): ["192.0.2.1"],
        ("A", "void.example"): [],
    }

    found = weight("v=spf1 a mx a:gone.example exists:void.example -all", zone)

    assert (found.lookups, found.voids, found.open) == (4, 3, ())


@pytest.mark.parametrize(
    "theirs",
    [[], ["hello"], ["v=spf1 -all", "v=spf1 a -all"], ["v=spf1 foo -all"]],
)
def test_an_include_without_a_usable_record_breaks_all(theirs: list[str]) -> None:
    found = weight("v=spf1 include:b.example -all", {("TXT", "b.example"): theirs})

    assert found.broken == ("b.example",)


def test_a_record_that_includes_itself_is_broken() -> None:
    zone: Zone = {("TXT", "b.example"): ["v=spf1 include:acme.example -all"]}

    assert weight("v=spf1 include:b.example -all", zone).broken == (DOMAIN,)


def test_what_was_not_asked_is_an_open_question_and_not_a_dead_end() -> None:
    found = weight("v=spf1 a mx:b.example include:c.example -all")

    assert set(found.open) == {("A", DOMAIN), ("MX", "b.example"), ("TXT", "c.example")}
    assert (found.lookups, found.voids, found.broken) == (3, 0, ())


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("v=spf1 include:n1.example -all", True),
        ("v=spf1 redirect=n1.example", True),
        ("v=spf1 ?include:n1.example -all", False),
        ("v=spf1 -include:n1.example ~all", False),
        ("v=spf1 ip4:192.0.2.1 -all", True),
        ("v=spf1 ip4:192.0.2.2 -all", False),
    ],
)
def test_who_passes_is_followed_through_includes(text: str, passes: bool) -> None:
    keys = spf.needed_keys(DOMAIN, "v=spf1 ip4:192.0.2.1/32 ~all")

    assert (keys <= weight(text, chain(2)).passes) is passes
