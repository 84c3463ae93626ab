"""The live test: its stages, its words, and that it hides what is secret."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import pytest

from portal.core.secret import Secret
from portal.smtp.addresses import Mailbox, parse_address
from portal.smtp.replies import Stage
from portal.smtp.target import Basic, Target, Timeouts, Tls
from portal.smtp_settings import probe
from portal.smtp_settings.probe import Attempt, Finding, StageState
from tests.equipment.certificates import Authority, fingerprint
from tests.equipment.resolver import InMemoryResolver
from tests.equipment.smtp_script import Drop, Say, Script, Silence
from tests.equipment.smtp_server import SmtpServer, nobody
from tests.smtp_settings.forms import LOOPBACK, POLICY

HOST = "smtp.acme.example"
SENDER = parse_address("news@acme.example")
CUSTOMER = parse_address("cy@else.example")
PASSWORD = "correct horse"
QUICK = Timeouts(connect=5, phase=0.4, after_dot=0.6, quit=0.4)
PATIENT = Timeouts(connect=20, phase=20, after_dot=20, quit=5)


def target(server: SmtpServer, password: str | None = None, **more: Any) -> Target:
    auth = Basic("livery", Secret(password)) if password else None
    plain = Target(HOST, server.port, Tls.NONE, "livery.example", auth, may_auth_in_clear=True)
    return replace(plain, **more)


def run(attempt: Attempt, *, timeouts: Timeouts = PATIENT) -> Finding:
    resolver = InMemoryResolver({HOST: ["127.0.0.1"]})
    return probe.run_through(attempt, policy=LOOPBACK, resolver=resolver, timeouts=timeouts)


@pytest.fixture
def signing_in() -> Iterator[SmtpServer]:
    with SmtpServer(Script(mechanisms=("PLAIN",), offers_auth_in_clear=True)) as server:
        yield server


@pytest.fixture
def letter() -> probe.Letter:
    return probe.letter(
        Mailbox(SENDER, "Acme"), CUSTOMER, subject="A test", text="Hello", seed="test-1"
    )


def test_each_stage_is_told_in_order(signing_in: SmtpServer, letter: probe.Letter) -> None:
    attempt = Attempt(target(signing_in, PASSWORD), SENDER, letter)

    finding = run(attempt)

    assert [report.stage for report in finding.reports] == [
        Stage.RESOLVE,
        Stage.CONNECT,
        Stage.GREETING,
        Stage.AUTH,
        Stage.MAIL,
        Stage.BODY,
    ]
    assert [report.stage for report in finding.reports] == probe.stages_of(attempt)
    assert finding.has_passed
    assert signing_in.ledger[0].recipients == (str(CUSTOMER),)


def test_stages_are_told_while_the_test_still_runs() -> None:
    with SmtpServer(Script(greeting=Silence())) as server:
        telling = probe.watch(
            Attempt(target(server)),
            policy=LOOPBACK,
            resolver=InMemoryResolver({HOST: ["127.0.0.1"]}),
            timeouts=PATIENT,
        )

        told = [next(telling), next(telling)]  # the server has not said a word yet

        assert [one.stage for one in told if not isinstance(one, Finding)] == [
            Stage.RESOLVE,
            Stage.CONNECT,
        ]
        server.close()
        assert isinstance(list(telling)[-1], Finding)


def test_without_a_letter_the_sender_is_asked_for_and_nothing_is_sent(
    signing_in: SmtpServer,
) -> None:
    finding = run(Attempt(target(signing_in, PASSWORD), SENDER))

    assert finding.reports[-1].stage is Stage.MAIL
    assert "RSET" in signing_in.commands
    assert signing_in.ledger == []


@pytest.mark.accepts("SS-30", "SS-31")
def test_wrong_credentials_are_named_with_the_servers_words_and_what_to_do(
    signing_in: SmtpServer,
) -> None:
    finding = run(Attempt(target(signing_in, "a wrong password")))

    failure = finding.failure
    assert failure is not None
    assert (failure.stage, failure.code) == (Stage.AUTH, "credentials_refused")
    assert failure.words.startswith("535")
    assert "refused user name or password" in failure.meaning
    assert failure.what_to_do


@pytest.mark.accepts("SS-30", "SS-32")
def test_an_unreachable_host_is_named() -> None:
    with SmtpServer() as server, nobody() as port:
        finding = run(Attempt(target(server, port=port)))

    failure = finding.failure
    assert failure is not None
    assert (failure.stage, failure.code) == (Stage.CONNECT, "connection_refused")


@pytest.mark.accepts("SS-30", "SS-33")
def test_a_tls_mismatch_is_named() -> None:
    with SmtpServer() as server:
        finding = run(Attempt(target(server, tls=Tls.IMPLICIT)))

    failure = finding.failure
    assert failure is not None
    assert (failure.stage, failure.code) == (Stage.TLS, "not_tls")
    assert "TLS mismatch" in failure.meaning


@pytest.mark.accepts("SB-27")
def test_a_refused_sender_is_named() -> None:
    with SmtpServer(Script(mail=Say(550, "5.7.1 not your address"))) as server:
        finding = run(Attempt(target(server), SENDER))

    failure = finding.failure
    assert failure is not None
    assert (failure.stage, failure.code) == (Stage.MAIL, "sender_refused")
    assert failure.words == "550 5.7.1 not your address"


def test_a_refused_recipient_is_named(letter: probe.Letter) -> None:
    with SmtpServer(Script(rcpt=Say(550, "5.1.1 nobody here"))) as server:
        finding = run(Attempt(target(server), SENDER, letter))

    failure = finding.failure
    assert failure is not None
    assert (failure.stage, failure.code) == (Stage.RCPT, "address")


def test_an_answer_that_never_came_is_not_called_a_success(letter: probe.Letter) -> None:
    with SmtpServer(Script(body=Drop())) as server:
        finding = run(Attempt(target(server), SENDER, letter))

    assert finding.failure is not None
    assert finding.failure.code == "unknown"
    assert finding.proof is None


def test_a_silent_server_is_given_up(letter: probe.Letter) -> None:
    with SmtpServer(Script(greeting=Silence())) as server:
        finding = run(Attempt(target(server)), timeouts=QUICK)

    assert finding.failure is not None
    assert (finding.failure.stage, finding.failure.code) == (Stage.GREETING, "timeout")


def test_tls_tells_version_and_certificate(authority: Authority) -> None:
    script = Script(tls="starttls", certificate=authority.issue(HOST))
    with SmtpServer(script) as server:
        secured = target(server, tls=Tls.STARTTLS, ca_pem=authority.file.read_text())
        finding = run(Attempt(secured))

    assert finding.has_passed
    assert finding.tls is not None
    report = next(one for one in finding.reports if one.stage is Stage.TLS)
    assert report.words.startswith(finding.tls.version)


def test_a_certificate_whose_names_cannot_be_read_does_not_fail_the_test(
    authority: Authority,
) -> None:
    own = authority.self_signed_as(b"\x13\x0e*.acme.example")
    with SmtpServer(Script(tls="starttls", certificate=own)) as server:
        finding = run(Attempt(target(server, tls=Tls.STARTTLS, pin_sha256=fingerprint(own))))

    assert finding.has_passed
    report = next(one for one in finding.reports if one.stage is Stage.TLS)
    assert finding.tls is not None
    assert report.words == finding.tls.version


def test_only_a_passed_test_proves_anything(signing_in: SmtpServer) -> None:
    good, bad = target(signing_in, PASSWORD), target(signing_in, "wrong")

    proof = run(Attempt(good)).proof

    assert proof is not None
    assert proof.target == good
    assert run(Attempt(bad)).proof is None


@pytest.mark.parametrize("echo", ["raw", "base64"])
def test_a_server_that_repeats_the_password_shows_it_to_nobody(
    echo: Literal["raw", "base64"],
) -> None:
    script = Script(mechanisms=("PLAIN",), offers_auth_in_clear=True, password="other", echo=echo)
    with SmtpServer(script) as server:
        finding = run(Attempt(target(server, PASSWORD)))

    shown = repr(finding)
    blob = base64.b64encode(f"\0livery\0{PASSWORD}".encode()).decode()
    assert finding.failure is not None
    assert PASSWORD not in shown
    assert blob not in shown
    assert "AUTH PLAIN <redacted>" in finding.transcript


def test_a_forbidden_address_gets_no_connection() -> None:
    with SmtpServer() as server:
        finding = probe.run_through(
            Attempt(target(server)),
            policy=POLICY,
            resolver=InMemoryResolver({HOST: ["127.0.0.1"]}),
            timeouts=PATIENT,
        )

    assert finding.failure is not None
    assert finding.failure.code == "not_allowed"
    assert finding.failure.label == "Host not usable"
    assert server.connections == []


def test_a_fault_of_our_own_is_no_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(probe, "sign_in", broken)

    with SmtpServer() as server, pytest.raises(ZeroDivisionError):
        run(Attempt(target(server)))


def test_passed_and_failed_are_told_apart() -> None:
    with SmtpServer(Script(mail=Say(550, "no"))) as server:
        finding = run(Attempt(target(server), SENDER))

    states = [report.state for report in finding.reports]
    assert states == [StageState.PASSED] * 3 + [StageState.FAILED]
