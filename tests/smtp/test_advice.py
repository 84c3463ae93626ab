"""Words for everything that can go wrong."""

from __future__ import annotations

import pytest

from portal.core import words
from portal.smtp.advice import CAUSES, KINDS, SERVICES, advise
from portal.smtp.causes import Cause
from portal.smtp.protocol import NotSent, Unknown
from portal.smtp.replies import Failed, Kind, Reply, Sent, ServerFault, Stage
from portal.smtp_settings.presets import PRESETS

REFUSED = ServerFault(
    Kind.CREDENTIALS, Reply(535, "5.7.8", ("No",)), cause=Cause.CREDENTIALS_REFUSED
)


@pytest.mark.accepts("SS-30")
@pytest.mark.parametrize("cause", Cause)
@pytest.mark.parametrize("stage", Stage)
def test_every_cause_has_a_meaning_and_a_next_step(stage: Stage, cause: Cause) -> None:
    advice = advise(stage, ServerFault(Kind.SECURITY, cause=cause))

    assert advice.meaning.endswith((".", "?"))
    assert advice.what_to_do.endswith(".")
    assert advice == advise(stage, cause)


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_words_of_its_own(kind: Kind) -> None:
    assert advise(Stage.BODY, ServerFault(kind)).meaning == str(KINDS[kind].meaning)


def test_no_two_causes_are_told_in_the_same_words() -> None:
    told = [(str(one.meaning), str(one.what_to_do)) for one in CAUSES.values()]

    assert len(set(told)) == len(told)
    assert set(CAUSES) == set(Cause)


@pytest.mark.accepts("SS-31", "SS-32", "SS-33")
def test_the_three_causes_that_everybody_asks_for_are_named() -> None:
    wrong = advise(Stage.AUTH, REFUSED)
    unreachable = advise(Stage.CONNECT, Cause.CONNECT_TIMEOUT)
    mismatches = [
        advise(Stage.TLS, Cause.NOT_TLS),
        advise(Stage.GREETING, Cause.TLS_EXPECTED),
        advise(Stage.STARTTLS, Cause.STARTTLS_MISSING),
    ]

    assert "user name or password" in wrong.meaning
    assert "cannot be reached" in unreachable.meaning
    assert all(advice.meaning.startswith("TLS mismatch") for advice in mismatches)


@pytest.mark.accepts("SS-16")
def test_gmail_wants_an_app_password() -> None:
    assert "app password" in advise(Stage.AUTH, REFUSED, "gmail").what_to_do


@pytest.mark.parametrize("preset", [None, "generic", "microsoft_365"])
def test_microsoft_without_basic_is_recognised_wherever_it_answers(preset: str | None) -> None:
    reply = Reply(550, "5.7.30", ("Basic authentication is not supported",))
    verdict = ServerFault(Kind.CREDENTIALS, reply, cause=Cause.CREDENTIALS_REFUSED)

    assert "OAuth" in advise(Stage.AUTH, verdict, preset).what_to_do


def test_amazon_wants_its_identities_verified() -> None:
    verdict = ServerFault(Kind.SENDER, Reply(554, None, ("Email address is not verified.",)))

    assert "SES console" in advise(Stage.BODY, verdict, "ses").what_to_do
    assert "SES" not in advise(Stage.BODY, verdict, "generic").what_to_do


def test_a_guard_of_our_own_is_not_told_as_the_services_refusal() -> None:
    own = ServerFault(Kind.CREDENTIALS, cause=Cause.AUTH_NOT_OFFERED)

    assert advise(Stage.AUTH, own, "gmail") == advise(Stage.AUTH, Cause.AUTH_NOT_OFFERED)


def test_silence_on_connecting_is_told_apart_from_slowness_later() -> None:
    assert advise(Stage.GREETING, Cause.TIMEOUT) != advise(Stage.MAIL, Cause.TIMEOUT)


def test_an_unknown_fate_warns_of_a_second_copy() -> None:
    fault = ServerFault(Kind.UNREACHABLE, cause=Cause.CLOSED)

    assert "before you send it again" in advise(Stage.BODY, Unknown(fault)).what_to_do
    assert advise(Stage.MAIL, NotSent(fault)) == advise(Stage.MAIL, fault)


def test_a_message_that_was_sent_needs_no_remedy() -> None:
    assert "accepted" in advise(Stage.BODY, Sent(Reply(250, None, ("Ok",)))).meaning


def test_every_service_with_words_of_its_own_is_a_preset() -> None:
    assert {preset for preset, _ in SERVICES} <= set(PRESETS)


def test_the_words_are_the_readers() -> None:
    words.set_translator(lambda text: f"[{text}]")
    try:
        advice = advise(Stage.RCPT, Failed(Kind.ADDRESS))
    finally:
        words.set_translator(str)

    assert advice.meaning == "[There is no such recipient.]"
