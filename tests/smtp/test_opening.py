"""From a name to a signed-in session, and every way in which that can fail."""

from __future__ import annotations

import base64
import errno
import select
import socket
import ssl
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from portal.core.secret import Secret
from portal.smtp.causes import Cause
from portal.smtp.connection import open_session
from portal.smtp.egress import EgressPolicy, Relay
from portal.smtp.replies import Kind, Stage
from portal.smtp.session import Step
from portal.smtp.target import Basic, Bearer, SessionFault, Target, Tls, TlsVersion
from portal.smtp.transcript import Transcript
from portal.smtp.wire import Wire
from tests.equipment.certificates import Authority, fingerprint
from tests.equipment.resolver import InMemoryResolver
from tests.equipment.smtp_script import (
    Drip,
    Drop,
    Endless,
    Play,
    Raw,
    Say,
    Script,
    Silence,
    Until,
    Wait,
    first,
)
from tests.equipment.smtp_server import SmtpServer, nobody
from tests.smtp.conftest import HOST, LOOPBACK, PATIENT, PLAIN, QUICK, SIGNED_IN, Connect, failure
from tests.smtp.sending import fates, jobs, lose_patience, send

STARTTLS = replace(PLAIN, tls=Tls.STARTTLS)
IMPLICIT = replace(PLAIN, tls=Tls.IMPLICIT)
MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5")


def trusting(target: Target, authority: Authority) -> Target:
    return replace(target, ca_pem=authority.pem)


# What goes well


def test_the_steps_are_told_as_they_happen(connect: Connect, authority: Authority) -> None:
    steps: list[Step] = []
    script = Script(tls="starttls", certificate=authority.issue(HOST), mechanisms=("PLAIN",))

    with SmtpServer(script) as server:
        target = replace(trusting(STARTTLS, authority), auth=SIGNED_IN.auth)
        connect(server, target, on_step=steps.append)

    assert [step.stage for step in steps] == [
        Stage.RESOLVE,
        Stage.CONNECT,
        Stage.GREETING,
        Stage.EHLO,
        Stage.STARTTLS,
        Stage.TLS,
        Stage.EHLO,
        Stage.AUTH,
    ]
    tls = steps[5].tls
    assert tls is not None
    assert tls.version == "TLSv1.3"
    assert [step.seconds for step in steps] == sorted(step.seconds for step in steps)


@pytest.mark.accepts("ST-19", "SS-27")
def test_implicit_tls_protects_from_the_first_byte(connect: Connect, authority: Authority) -> None:
    with SmtpServer(Script(tls="implicit", certificate=authority.issue(HOST))) as server:
        session = connect(server, trusting(IMPLICIT, authority))
        outcomes = send(session, jobs(3))

        assert fates(outcomes) == {1: "Sent body", 2: "Sent body", 3: "Sent body"}
        assert all(taken.is_tls for taken in server.ledger)


@pytest.mark.accepts("ST-19", "SS-28")
def test_after_starttls_every_message_is_encrypted(connect: Connect, authority: Authority) -> None:
    with SmtpServer(Script(tls="starttls", certificate=authority.issue(HOST))) as server:
        outcomes = send(connect(server, trusting(STARTTLS, authority)), jobs(3))

        assert fates(outcomes) == {1: "Sent body", 2: "Sent body", 3: "Sent body"}
        assert [taken.is_tls for taken in server.ledger] == [True] * 3


def test_large_messages_pass_through_tls(connect: Connect, authority: Authority) -> None:
    large = b"Subject: Big\r\n\r\n" + (b"x" * 76 + b"\r\n") * 10_000

    with SmtpServer(Script(tls="implicit", certificate=authority.issue(HOST))) as server:
        session = connect(server, trusting(IMPLICIT, authority))
        send(session, [one._replace(data=large) for one in jobs(2)])

        assert [taken.data for taken in server.ledger] == [large, large]


def test_what_the_server_can_do_is_asked_again_after_starttls(
    connect: Connect, authority: Authority
) -> None:
    before = Say(250, "mx.fault.test", "STARTTLS", "PIPELINING", "AUTH PLAIN", "SIZE 1")
    script = Script(
        tls="starttls",
        certificate=authority.issue(HOST),
        pipelining=False,
        ehlo=first(1, before),
    )

    with SmtpServer(script) as server:
        capabilities = connect(server, trusting(STARTTLS, authority)).capabilities

    assert not capabilities.pipelining
    assert not capabilities.starttls
    assert capabilities.size is None
    assert capabilities.mechanisms == frozenset()


def test_a_server_without_ehlo_is_greeted_the_old_way(connect: Connect) -> None:
    with SmtpServer(Script(ehlo=first(1, Say(502, "5.5.1 What?")))) as server:
        outcomes = send(connect(server), jobs(2))

        assert server.commands[:2] == ["EHLO livery.example", "HELO livery.example"]
        assert fates(outcomes) == {1: "Sent body", 2: "Sent body"}


# Signing in


@pytest.mark.accepts("SS-29")
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_signing_in_with_a_password(connect: Connect, mechanism: str) -> None:
    with SmtpServer(Script(mechanisms=(mechanism,), offers_auth_in_clear=True)) as server:
        outcomes = send(connect(server, SIGNED_IN), jobs(1))

        assert fates(outcomes) == {1: "Sent body"}
        assert server.ledger[0].user == "livery"
        assert server.connections[0].sign_ins == [(mechanism, "livery")]


@pytest.mark.parametrize(
    ("offered", "taken"),
    [(MECHANISMS, "PLAIN"), (("CRAM-MD5", "LOGIN"), "LOGIN"), (("CRAM-MD5",), "CRAM-MD5")],
)
def test_under_tls_the_plain_mechanisms_come_first(
    connect: Connect, authority: Authority, offered: tuple[str, ...], taken: str
) -> None:
    script = Script(tls="implicit", certificate=authority.issue(HOST), mechanisms=offered)

    with SmtpServer(script) as server:
        connect(server, replace(trusting(IMPLICIT, authority), auth=SIGNED_IN.auth))

        assert server.connections[0].sign_ins == [(taken, "livery")]


def test_in_clear_the_password_itself_stays_here_if_it_can(connect: Connect) -> None:
    with SmtpServer(Script(mechanisms=MECHANISMS, offers_auth_in_clear=True)) as server:
        connect(server, SIGNED_IN)

        assert server.connections[0].sign_ins == [("CRAM-MD5", "livery")]


def test_a_token_is_presented_as_xoauth2(connect: Connect) -> None:
    bearer = Bearer("news@acme.example", Secret("token " + "x" * 2000))
    script = Script(
        mechanisms=("XOAUTH2",),
        offers_auth_in_clear=True,
        username=bearer.username,
        password=bearer.token.reveal(),
    )

    with SmtpServer(script) as server:
        connect(server, replace(SIGNED_IN, auth=bearer))

        # The token is longer than a command line may be, so it follows on a line of its own.
        assert "AUTH XOAUTH2" in server.commands


def test_a_refused_token_is_a_matter_of_credentials(connect: Connect) -> None:
    bearer = Bearer("news@acme.example", Secret("expired"))

    with SmtpServer(Script(mechanisms=("XOAUTH2",), offers_auth_in_clear=True)) as server:
        fault = failure(connect, server, replace(SIGNED_IN, auth=bearer))

    assert (fault.stage, fault.cause) == (Stage.AUTH, Cause.BEARER_REFUSED)
    assert fault.verdict.kind is Kind.CREDENTIALS


def test_why_a_token_is_refused_is_read_from_the_challenge_before_the_refusal(
    connect: Connect,
) -> None:
    bearer = Bearer("news@acme.example", Secret("expired"))

    with SmtpServer(Script(mechanisms=("XOAUTH2",), offers_auth_in_clear=True)) as server:
        fault = failure(connect, server, replace(SIGNED_IN, auth=bearer))

        # An empty line is the answer to the 334 with the error; only then comes the 535.
        assert server.connections[0].commands[-1].startswith("AUTH XOAUTH2 ")
    assert str(fault.verdict.reply) == '535 5.7.8 Authentication failed {"status":"401"}'


def test_a_server_that_repeats_the_token_in_its_complaint_does_not_show_it(
    connect: Connect,
) -> None:
    bearer = Bearer("news@acme.example", Secret("a-token-of-some-length"))
    complaint = '{"token": "a-token-of-some-length"}'
    script = Script(
        mechanisms=("XOAUTH2",),
        offers_auth_in_clear=True,
        complaint=complaint,
    )
    transcript = Transcript()

    with SmtpServer(script) as server:
        fault = failure(connect, server, replace(SIGNED_IN, auth=bearer), transcript=transcript)

    assert "a-token-of-some-length" not in f"{fault.verdict.reply} {transcript}"
    assert base64.b64encode(complaint.encode()).decode() not in str(transcript)
    assert "<redacted>" in str(fault.verdict.reply)


@pytest.mark.accepts("SS-30", "SS-31")
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_wrong_password_is_tried_once_and_with_one_mechanism(
    connect: Connect, mechanism: str
) -> None:
    wrong = replace(SIGNED_IN, auth=Basic("livery", Secret("wrong")))
    offered = (mechanism, *(other for other in MECHANISMS if other != mechanism))
    mechanisms = offered if mechanism == "CRAM-MD5" else (mechanism,)

    with SmtpServer(Script(mechanisms=mechanisms, offers_auth_in_clear=True)) as server:
        fault = failure(connect, server, wrong)
        server.wait_until(lambda: server.open_connections == 0)

        assert fault.stage is Stage.AUTH
        assert fault.verdict.kind is Kind.CREDENTIALS
        assert fault.verdict.reply is not None
        assert fault.verdict.reply.code == 535
        assert len(server.connections) == 1
        assert len(server.connections[0].sign_ins) == 1


@pytest.mark.parametrize("auth", [Say(454, "4.7.0 Temporary failure"), Say(451, "4.3.0 Later")])
def test_a_sign_in_that_fails_for_now_is_no_wrong_password(connect: Connect, auth: Play) -> None:
    script = Script(mechanisms=("PLAIN",), offers_auth_in_clear=True, auth=auth)

    with SmtpServer(script) as server:
        fault = failure(connect, server, SIGNED_IN)

    assert fault.verdict.kind is Kind.TEMPORARY_AUTH


def test_without_tls_no_password_leaves_unless_the_server_is_excepted(connect: Connect) -> None:
    guarded = replace(SIGNED_IN, may_auth_in_clear=False)

    with SmtpServer(Script(mechanisms=("PLAIN",), offers_auth_in_clear=True)) as server:
        fault = failure(connect, server, guarded)
        server.wait_until(lambda: server.open_connections == 0)

        assert (fault.stage, fault.cause) == (Stage.AUTH, Cause.AUTH_IN_CLEAR)
        assert not [command for command in server.commands if command.startswith("AUTH")]


@pytest.mark.parametrize(
    ("mechanisms", "cause"),
    [((), Cause.AUTH_NOT_OFFERED), (("NTLM", "GSSAPI"), Cause.NO_COMMON_MECHANISM)],
)
def test_a_sign_in_that_the_server_does_not_offer(
    connect: Connect, mechanisms: tuple[str, ...], cause: Cause
) -> None:
    with SmtpServer(Script(mechanisms=mechanisms, offers_auth_in_clear=True)) as server:
        fault = failure(connect, server, SIGNED_IN)

    assert (fault.stage, fault.cause) == (Stage.AUTH, cause)


def test_a_server_that_goes_on_asking_is_not_told_more(connect: Connect) -> None:
    script = Script(mechanisms=("PLAIN",), offers_auth_in_clear=True, auth=Endless(b"334 \r\n"))

    with SmtpServer(script) as server:
        fault = failure(connect, server, SIGNED_IN)

    assert fault.verdict.kind is Kind.PROTOCOL


# TLS, and the lack of it


@pytest.mark.accepts("SS-33", "SB-10")
def test_starttls_is_required_where_it_is_chosen(connect: Connect) -> None:
    with SmtpServer(Script(mechanisms=("PLAIN",), offers_auth_in_clear=True)) as server:
        fault = failure(connect, server, replace(STARTTLS, auth=SIGNED_IN.auth))
        server.wait_until(lambda: server.open_connections == 0)

        assert (fault.stage, fault.cause) == (Stage.STARTTLS, Cause.STARTTLS_MISSING)
        assert server.commands == ["EHLO livery.example"]


@pytest.mark.parametrize(
    ("answer", "kind"),
    [(Say(454, "4.7.0 Not now"), Kind.BUSY), (Say(501, "5.5.4 No"), Kind.SECURITY)],
)
def test_starttls_refused_is_not_gone_round(connect: Connect, answer: Say, kind: Kind) -> None:
    with SmtpServer(Script(tls="starttls", starttls=answer)) as server:
        fault = failure(connect, server, replace(STARTTLS, auth=SIGNED_IN.auth))
        server.wait_until(lambda: server.open_connections == 0)

        assert (fault.stage, fault.verdict.kind) == (Stage.STARTTLS, kind)
        assert server.commands == ["EHLO livery.example", "STARTTLS"]


PUSHED = b"250-mx.fault.test\r\n250 AUTH PLAIN\r\n"


def test_words_in_the_same_packet_as_the_go_ahead_close_the_connection(
    connect: Connect, authority: Authority
) -> None:
    script = Script(tls="starttls", certificate=authority.issue(HOST), inject=PUSHED)

    with SmtpServer(script) as server:
        fault = failure(connect, server, trusting(STARTTLS, authority))

    assert (fault.stage, fault.cause) == (Stage.STARTTLS, Cause.STARTTLS_INJECTED)
    assert fault.verdict.kind is Kind.SECURITY


def test_words_between_the_go_ahead_and_the_handshake_close_the_connection(
    connect: Connect, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_ahead_is_read = threading.Event()
    pushing = (Say(220, "Go ahead"), Until(go_ahead_is_read), Raw(PUSHED), Silence())
    leftovers = Wire.leftovers

    def leftovers_once_they_have_come(wire: Wire) -> bytes | None:
        go_ahead_is_read.set()
        select.select([wire._socket], [], [], 30)
        return leftovers(wire)

    monkeypatch.setattr(Wire, "leftovers", leftovers_once_they_have_come)

    with SmtpServer(Script(tls="starttls", starttls=pushing)) as server:
        fault = failure(connect, server, trusting(STARTTLS, authority))

    assert (fault.stage, fault.cause) == (Stage.STARTTLS, Cause.STARTTLS_INJECTED)


def certificate(authority: Authority, fault: str) -> Path:
    match fault:
        case "expired":
            return authority.issue_expired(HOST)
        case "wrong name":
            return authority.issue("smtp.birch.example")
        case "self-signed":
            return authority.self_signed(HOST)
        case _:
            return authority.issue(HOST)


@pytest.mark.accepts("SS-33")
@pytest.mark.parametrize("mode", ["starttls", "implicit"])
@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("expired", Cause.CERTIFICATE_EXPIRED),
        ("wrong name", Cause.CERTIFICATE_WRONG_NAME),
        ("self-signed", Cause.CERTIFICATE_SELF_SIGNED),
    ],
)
def test_a_faulty_certificate_gets_neither_password_nor_mail(
    connect: Connect, authority: Authority, mode: str, fault: str, cause: Cause
) -> None:
    script = Script(
        tls="starttls" if mode == "starttls" else "implicit",
        certificate=certificate(authority, fault),
        mechanisms=("PLAIN",),
    )
    target = replace(trusting(PLAIN, authority), tls=Tls(mode), auth=SIGNED_IN.auth)

    with SmtpServer(script) as server:
        raised = failure(connect, server, target)
        server.wait_until(lambda: server.open_connections == 0)

        assert (raised.stage, raised.cause) == (Stage.TLS, cause)
        assert not [command for command in server.commands if command.startswith("AUTH")]


def test_an_authority_that_nobody_knows_is_not_trusted(
    connect: Connect, authority: Authority
) -> None:
    with SmtpServer(Script(tls="implicit", certificate=authority.issue(HOST))) as server:
        raised = failure(connect, server, IMPLICIT)

    assert raised.cause == Cause.CERTIFICATE_UNKNOWN_ISSUER


def test_a_pinned_certificate_needs_no_authority(connect: Connect, authority: Authority) -> None:
    own = authority.self_signed(HOST)

    with SmtpServer(Script(tls="implicit", certificate=own)) as server:
        session = connect(server, replace(IMPLICIT, pin_sha256=fingerprint(own)))

        assert session.tls is not None
        assert session.tls.subject == HOST


@pytest.mark.parametrize(
    ("subject", "shown"),
    [
        (b"\x13\x0e*.acme.example", ""),  # no PrintableString has a star, and many old ones do
        (b"\x14\x0eacm\xe9.example.x", ""),
        (b"\x0c\x0ea\x00c\xe2\x80\xaeme.examp", "acme.examp"),
    ],
)
def test_a_pinned_certificate_is_good_enough_however_its_names_are_written(
    connect: Connect, authority: Authority, subject: bytes, shown: str
) -> None:
    own = authority.self_signed_as(subject)

    with SmtpServer(Script(tls="implicit", certificate=own)) as server:
        session = connect(server, replace(IMPLICIT, pin_sha256=fingerprint(own)))

        assert session.tls is not None
        assert session.tls.subject == shown


def test_any_other_certificate_than_the_pinned_one_is_refused(
    connect: Connect, authority: Authority
) -> None:
    pinned = replace(
        trusting(IMPLICIT, authority), pin_sha256=fingerprint(authority.self_signed(HOST))
    )

    with SmtpServer(Script(tls="implicit", certificate=authority.issue(HOST))) as server:
        trusted_by_all = failure(connect, server, pinned)
        trusted_by_none = failure(connect, server, replace(pinned, ca_pem=None))

        assert trusted_by_all.cause == trusted_by_none.cause == Cause.PIN_MISMATCH
        assert server.commands == []


@pytest.mark.accepts("SB-10")
@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_old_versions_of_tls_are_refused(
    connect: Connect, authority: Authority, newest: ssl.TLSVersion
) -> None:
    script = Script(tls="implicit", certificate=authority.issue(HOST), newest_tls=newest)

    with SmtpServer(script) as server:
        raised = failure(connect, server, trusting(IMPLICIT, authority))

    assert (raised.stage, raised.cause) == (Stage.TLS, Cause.TLS_TOO_OLD)


@pytest.mark.accepts("SB-10")
def test_the_platform_owner_may_lower_the_version_for_one_server(
    connect: Connect, authority: Authority
) -> None:
    script = Script(
        tls="implicit", certificate=authority.issue(HOST), newest_tls=ssl.TLSVersion.TLSv1
    )

    with SmtpServer(script) as server:
        lowered = replace(trusting(IMPLICIT, authority), min_tls=TlsVersion.TLS_1_0)
        session = connect(server, lowered)

        assert session.tls is not None
        assert session.tls.version == "TLSv1"


def test_a_bundle_that_is_none_is_said_to_be(connect: Connect, authority: Authority) -> None:
    with SmtpServer(Script(tls="implicit", certificate=authority.issue(HOST))) as server:
        raised = failure(connect, server, replace(IMPLICIT, ca_pem="no certificates"))

    assert raised.cause == Cause.BAD_CA_BUNDLE


@pytest.mark.accepts("SS-33")
def test_tls_spoken_to_a_plain_port(connect: Connect) -> None:
    with SmtpServer() as server:
        raised = failure(connect, server, IMPLICIT)

    assert (raised.stage, raised.cause) == (Stage.TLS, Cause.NOT_TLS)


@pytest.mark.accepts("SS-33")
def test_clear_text_spoken_to_a_port_for_tls(connect: Connect) -> None:
    alert = b"\x15\x03\x01\x00\x02\x02\x46"

    with SmtpServer(Script(greeting=(Raw(alert), Drop()))) as server:
        raised = failure(connect, server, PLAIN)

    assert (raised.stage, raised.cause) == (Stage.GREETING, Cause.TLS_EXPECTED)


# The way there


@pytest.mark.accepts("SS-32")
def test_a_port_on_which_nobody_listens(connect: Connect) -> None:
    with nobody() as port:
        raised = failure(connect, port, PLAIN)

    assert (raised.stage, raised.cause) == (Stage.CONNECT, Cause.CONNECTION_REFUSED)
    assert raised.verdict.kind is Kind.UNREACHABLE


@pytest.mark.accepts("SS-32")
def test_a_host_that_does_not_answer(connect: Connect) -> None:
    # A listener whose backlog is full drops what comes: the very silence of a firewall.
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        port = full.getsockname()[1]
        waiting = [socket.create_connection(("127.0.0.1", port))]
        for _ in range(3):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(("127.0.0.1", port))

        raised = failure(connect, port, PLAIN, timeouts=replace(QUICK, connect=1))

        for one in waiting:
            one.close()
    assert (raised.stage, raised.cause) == (Stage.CONNECT, Cause.CONNECT_TIMEOUT)


@pytest.mark.accepts("SS-32")
def test_a_name_that_does_not_exist() -> None:
    with pytest.raises(SessionFault) as raised:
        open_session(replace(PLAIN, port=25), policy=LOOPBACK, resolver=InMemoryResolver())

    assert (raised.value.stage, raised.value.cause) == (Stage.RESOLVE, Cause.NAME_NOT_FOUND)


def test_a_name_that_cannot_be_asked_for_is_not_said_to_be_missing() -> None:
    resolver = InMemoryResolver()
    resolver.fails(HOST)

    with pytest.raises(SessionFault) as raised:
        open_session(replace(PLAIN, port=25), policy=LOOPBACK, resolver=resolver)

    assert raised.value.cause == Cause.NAME_LOOKUP_FAILED


def test_when_the_first_address_is_dead_the_next_is_tried() -> None:
    with SmtpServer() as server:
        resolver = InMemoryResolver({HOST: ["127.0.0.2", "127.0.0.1"]})
        session = open_session(replace(PLAIN, port=server.port), policy=LOOPBACK, resolver=resolver)
        session.close()

        assert str(session.address) == "127.0.0.1"


def test_an_address_of_a_family_that_this_machine_does_not_know_is_passed_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class OfOldFamily(socket.socket):
        def __init__(self, family: int, *others: Any, **more: Any) -> None:
            if family == socket.AF_INET6:
                raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
            super().__init__(family, *others, **more)

    policy = EgressPolicy(relays=(*LOOPBACK.relays, Relay.read("::1/128:*")), refusal_takes=0)
    resolver = InMemoryResolver({HOST: ["::1", "127.0.0.1"]})
    with SmtpServer() as server:
        monkeypatch.setattr("portal.smtp.connection.socket.socket", OfOldFamily)
        session = open_session(replace(PLAIN, port=server.port), policy=policy, resolver=resolver)
        session.close()

        assert str(session.address) == "127.0.0.1"


# Servers that do not want us, or nobody


@pytest.mark.parametrize(
    ("greeting", "kind"),
    [
        (Say(421, "4.3.2 Shutting down"), Kind.BUSY),
        (Say(421, "4.7.0 Too many connections from your address"), Kind.TOO_MANY_CONNECTIONS),
        (Say(450, "4.3.0 Later"), Kind.BUSY),
        (Say(554, "5.7.1 No mail from you"), Kind.REFUSED),
        (Say(220, "hello"), None),
    ],
)
def test_a_greeting_that_is_none(connect: Connect, greeting: Say, kind: Kind | None) -> None:
    with SmtpServer(Script(greeting=greeting)) as server:
        if kind is None:
            assert connect(server).is_open
        else:
            raised = failure(connect, server, PLAIN)
            assert (raised.stage, raised.verdict.kind) == (Stage.GREETING, kind)


def test_the_fault_injecting_server_can_be_full(connect: Connect) -> None:
    with SmtpServer(Script(max_connections=1)) as server:
        connect(server)
        raised = failure(connect, server, PLAIN)

    assert raised.verdict.kind is Kind.TOO_MANY_CONNECTIONS


HOSTILE = [
    ("endless EHLO", Script(ehlo=Endless()), Cause.TOO_LONG),
    ("endless line", Script(ehlo=Endless(b"x" * 1000)), Cause.TOO_LONG),
    ("giant reply", Script(ehlo=Say(250, *["x" * 400] * 99)), Cause.TOO_LONG),
    ("too many lines", Script(ehlo=Say(250, *["x"] * 101)), Cause.TOO_LONG),
    ("mixed codes", Script(ehlo=Raw(b"250-mx\r\n220 hello\r\n")), Cause.MALFORMED),
    ("no code", Script(ehlo=Raw(b"hello there\r\n")), Cause.MALFORMED),
    ("unsolicited", Script(ehlo=Raw(b"250 Ok\r\n250 Ok\r\n")), Cause.UNSOLICITED),
    ("silence", Script(ehlo=Silence()), Cause.TIMEOUT),
    ("silence from the start", Script(greeting=Silence()), Cause.TIMEOUT),
    ("dripping greeting", Script(greeting=Drip(b"220-" + b"x" * 9999, 0.02)), Cause.TIMEOUT),
    ("closed", Script(ehlo=Drop()), Cause.CLOSED),
    ("reset", Script(greeting=Drop(reset=True)), Cause.CLOSED),
    ("late", Script(greeting=(Wait(30), Say(220, "mx"))), Cause.TIMEOUT),
]


@pytest.mark.parametrize(
    ("script", "cause"),
    [(script, cause) for _, script, cause in HOSTILE],
    ids=[name for name, _, _ in HOSTILE],
)
def test_a_hostile_server_costs_little_time_and_is_left(
    connect: Connect, script: Script, cause: Cause
) -> None:
    # What is told by its bytes is told long before the time is up.
    timeouts = QUICK if cause is Cause.TIMEOUT else PATIENT

    with SmtpServer(script) as server:
        started = time.monotonic()
        raised = failure(connect, server, PLAIN, timeouts=timeouts)
        took = time.monotonic() - started

    assert raised.cause == cause
    assert took < timeouts.phase + 5


# Idle, and good-bye


def test_an_idle_session_can_be_used_again(connect: Connect) -> None:
    with SmtpServer() as server:
        session = connect(server)

        assert session.idle_ok()
        assert fates(send(session, jobs(1))) == {1: "Sent body"}
        assert session.idle_ok()


def test_an_idle_tls_session_is_not_ended_by_its_tickets(
    connect: Connect, authority: Authority
) -> None:
    with SmtpServer(Script(tls="implicit", certificate=authority.issue(HOST))) as server:
        session = connect(server, trusting(IMPLICIT, authority))

        assert session.idle_ok()
        assert fates(send(session, jobs(1))) == {1: "Sent body"}


@pytest.mark.parametrize("farewell", [(Raw(b"421 4.4.2 Idle\r\n"), Silence()), (Drop(),)])
def test_a_session_that_the_server_has_left_is_not_used_again(
    connect: Connect, farewell: tuple[Raw, Silence] | tuple[Drop]
) -> None:
    with SmtpServer(Script(body=(Say(250, "Ok"), Wait(0.05), *farewell))) as server:
        session = connect(server)
        send(session, jobs(1))
        deadline = time.monotonic() + 10
        while session.idle_ok() and time.monotonic() < deadline:
            time.sleep(0.01)

        assert not session.is_open


def test_good_bye_is_said(connect: Connect) -> None:
    with SmtpServer() as server:
        connect(server).quit()
        server.wait_until(lambda: server.open_connections == 0)

        assert server.commands[-1] == "QUIT"


def test_a_server_that_does_not_say_good_bye_is_left_standing(connect: Connect) -> None:
    with SmtpServer(Script(quit=Silence())) as server:
        session = connect(server)
        lose_patience(session, replace(PATIENT, quit=1))
        started = time.monotonic()
        session.quit()

        assert time.monotonic() - started < PATIENT.phase / 2
        assert not session.is_open


@pytest.mark.accepts("SB-27")
def test_whether_a_server_sends_for_an_address_can_be_asked(connect: Connect) -> None:
    refusing = Say(553, "5.7.1 Sender address rejected: not owned by user livery")

    with SmtpServer(Script(mail=first(1, refusing))) as server:
        session = connect(server)
        refused = session.probe_sender("ceo@birch.example")
        accepted = session.probe_sender("news@acme.example")

        assert refused is not None
        assert refused.kind is Kind.SENDER
        assert accepted is None
        assert server.ledger == []
        assert fates(send(session, jobs(1))) == {1: "Sent body"}
