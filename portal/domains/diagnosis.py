"""What a record's diagnosis means, in plain words: what is there, and what to do about it.

Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from portal.core.words import Words, _, lazy
from portal.domains import spf
from portal.domains.compare import Diagnosis


class Judged(Protocol):
    """A record with what was found last; a row, or a stand-in for it."""

    @property
    def name(self) -> str: ...
    @property
    def code(self) -> str: ...
    @property
    def facts(self) -> Mapping[str, object]: ...


class Published(Protocol):
    """A record with what is to be published; a row, or a stand-in for it."""

    @property
    def is_merged(self) -> bool: ...
    @property
    def may_be_second(self) -> bool: ...


HEADLINES: Mapping[Diagnosis, Words] = {
    Diagnosis.FOUND: lazy("Found"),
    Diagnosis.FOUND_EVERYBODY: lazy("Found, but lets everybody send"),
    Diagnosis.FOUND_UNCOUNTED: lazy("Found, not all of it counted"),
    Diagnosis.FOUND_STRICTER: lazy("Found, stricter than advised"),
    Diagnosis.FOUND_ABOVE: lazy("Found at the domain above"),
    Diagnosis.FOUND_EMPTY: lazy("Found, leads nowhere yet"),
    Diagnosis.SPF_TWO: lazy("Two SPF records"),
    Diagnosis.SPF_LOOKUPS: lazy("Too many look-ups"),
    Diagnosis.SPF_VOIDS: lazy("Too many dead ends"),
    Diagnosis.SPF_BROKEN: lazy("A broken include"),
    Diagnosis.SPF_NOT_OURS: lazy("A part is missing"),
    Diagnosis.SPF_MALFORMED: lazy("Malformed"),
    Diagnosis.DMARC_TWO: lazy("Two DMARC records"),
    Diagnosis.DMARC_MALFORMED: lazy("Malformed"),
    Diagnosis.QUOTED: lazy("Quotation marks in the value"),
    Diagnosis.OLD_VALUE: lazy("An old value"),
    Diagnosis.REVOKED_KEY: lazy("The key is withdrawn"),
    Diagnosis.OTHER_VALUE: lazy("Another value"),
    Diagnosis.APPENDED: lazy("At the wrong name"),
    Diagnosis.AT_DOMAIN: lazy("At the wrong name"),
    Diagnosis.TARGET_APPENDED: lazy("The wrong target"),
    Diagnosis.OTHER_TARGET: lazy("The wrong target"),
    Diagnosis.IS_ALIAS: lazy("A CNAME in place of a TXT"),
    Diagnosis.IS_TEXT: lazy("A TXT in place of a CNAME"),
    Diagnosis.PROXIED: lazy("Hidden behind a proxy"),
    Diagnosis.MISSING: lazy("Missing"),
    Diagnosis.NOT_ASKED: lazy("Not looked for yet"),
    Diagnosis.COULD_NOT_ASK: lazy("Could not ask"),
}

_SENTENCES: Mapping[Diagnosis, Words] = {
    Diagnosis.FOUND: lazy("As it should be."),
    Diagnosis.FOUND_EVERYBODY: lazy(
        "It ends in +all, which lets anybody on the internet send as this domain. End it in ~all."
    ),
    Diagnosis.FOUND_UNCOUNTED: lazy(
        "A name that it includes could not be asked for, so its look-ups are not all counted."
    ),
    Diagnosis.FOUND_STRICTER: lazy("Stricter than what we advise, which is fine."),
    Diagnosis.FOUND_ABOVE: lazy("The record of the domain above holds for this one too."),
    Diagnosis.FOUND_EMPTY: lazy(
        "The alias is right, but the provider has published no key there yet. It usually does "
        "within a day of seeing the alias; ask the provider if it does not."
    ),
    Diagnosis.SPF_TWO: lazy(
        "There may be one SPF record only: with more, receivers ignore all of them. Delete them "
        "and publish this single one, which does what they did together."
    ),
    Diagnosis.SPF_NOT_OURS: lazy(
        "There is an SPF record, but it does not name the servers that send for you. Replace it "
        "by this one, which keeps what it says and adds what is missing."
    ),
    Diagnosis.DMARC_TWO: lazy(
        "There may be one DMARC record only: with more, receivers ignore all of them. Delete all "
        "but one."
    ),
    Diagnosis.DMARC_MALFORMED: lazy(
        "Receivers cannot read it. It must begin with v=DMARC1 and name a policy, as in p=none."
    ),
    Diagnosis.QUOTED: lazy(
        "Quotation marks are part of the value, so receivers do not recognise it. Type the value "
        "without them: your provider adds what it needs."
    ),
    Diagnosis.OLD_VALUE: lazy(
        "There is a value of an earlier request or key. Replace it by the new one."
    ),
    Diagnosis.REVOKED_KEY: lazy(
        "The key at this name is withdrawn: its p= is empty. Publish the new one."
    ),
    Diagnosis.OTHER_VALUE: lazy(
        "Something else is published at this name. Add this record beside it, or correct it."
    ),
    Diagnosis.AT_DOMAIN: lazy(
        "The value is published at the domain itself. Move it to the name shown here."
    ),
    Diagnosis.TARGET_APPENDED: lazy(
        "Your provider put the domain behind the target. End the target with a dot, or type it in "
        "the form that your provider takes for names outside of your domain."
    ),
    Diagnosis.OTHER_TARGET: lazy("The alias leads somewhere else. Change its target."),
    Diagnosis.IS_ALIAS: lazy(
        "A CNAME stands at this name, and where one stands nothing else can. Delete it, and "
        "publish a TXT record."
    ),
    Diagnosis.IS_TEXT: lazy(
        "A TXT record stands at this name. Delete it, and publish a CNAME with this target."
    ),
    Diagnosis.PROXIED: lazy(
        "Addresses are answered in place of the alias: a proxy stands in front of it. Switch the "
        "proxy off for this record (at Cloudflare: the grey cloud, “DNS only”)."
    ),
    Diagnosis.MISSING: lazy(
        "Nothing is published at this name. After you publish it, it may take up to an hour to "
        "be seen."
    ),
    Diagnosis.NOT_ASKED: lazy("It is looked for within the hour, or when you press “Check now”."),
    Diagnosis.COULD_NOT_ASK: lazy(
        "DNS gave no answer, so nothing is known and nothing has changed. We ask again."
    ),
}


def headline(record: Judged) -> str:
    """The diagnosis in a few words."""
    return str(HEADLINES[Diagnosis(record.code)])


def explain(record: Judged) -> str:
    """What is the matter, and what to do about it, in one to three sentences."""
    diagnosis, facts = Diagnosis(record.code), record.facts
    special = _SPECIAL.get(diagnosis)
    sentence = special(record) if special else str(_SENTENCES[diagnosis])
    count = facts.get("count")
    if diagnosis in _ADVISING and isinstance(count, int) and count > spf.MAX_LOOKUPS:
        sentence += " " + _(
            "Even so it will need %(count)s look-ups, of which receivers make only %(limit)s: "
            "leave out what you no longer use.",
            count=count,
            limit=spf.MAX_LOOKUPS,
        )
    return sentence


def remark(record: Published) -> str:
    """What to heed in publishing the value, wherever it is shown; empty where there is nothing."""
    if record.is_merged:
        return _(
            "Made from the record that is there now: publish this one in its place, never beside "
            "it."
        )
    if record.may_be_second:
        return _(
            "If a record that begins with v=spf1 is there already, do not add a second one; the "
            "page shows the merged one."
        )
    return ""


_ADVISING = {Diagnosis.SPF_TWO, Diagnosis.SPF_NOT_OURS, Diagnosis.SPF_MALFORMED}


def _appended(record: Judged) -> str:
    return _(
        "It is published at %(at)s: your provider put the domain behind the name by itself. Enter "
        "only the part of the name before the domain.",
        at=record.facts.get("at", ""),
    )


def _many_lookups(record: Judged) -> str:
    return _(
        "It needs %(count)s DNS look-ups with all that it includes, and receivers give up after "
        "%(limit)s. Leave out what you no longer use, or put addresses (ip4:…) in place of names.",
        count=record.facts.get("count", ""),
        limit=spf.MAX_LOOKUPS,
    )


def _many_voids(record: Judged) -> str:
    return _(
        "%(count)s of its names lead nowhere, and receivers give up after %(limit)s. Leave out "
        "what no longer exists.",
        count=record.facts.get("voids", ""),
        limit=spf.MAX_VOIDS,
    )


def _broken(record: Judged) -> str:
    return _(
        "It includes %(names)s, where no usable SPF record is: receivers then ignore all of it. "
        "Take that out, or correct it.",
        names=_listed(record.facts.get("names")),
    )


def _malformed(record: Judged) -> str:
    return _(
        "Receivers stumble over %(terms)s and ignore the whole record. This one leaves it out.",
        terms=_listed(record.facts.get("terms")) or "v=spf1",
    )


_SPECIAL: Mapping[Diagnosis, Callable[[Judged], str]] = {
    Diagnosis.APPENDED: _appended,
    Diagnosis.SPF_LOOKUPS: _many_lookups,
    Diagnosis.SPF_VOIDS: _many_voids,
    Diagnosis.SPF_BROKEN: _broken,
    Diagnosis.SPF_MALFORMED: _malformed,
}


def _listed(names: object) -> str:
    return ", ".join(str(name)[:80] for name in names) if isinstance(names, list) else ""
