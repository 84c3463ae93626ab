"""Greeting to sign-in as a conversation without a line."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.core.secret import Secret
from portal.smtp.capabilities import Capabilities
from portal.smtp.handshake import MOST_CHALLENGES, Asks, Say, StartTls, shake_hands
from portal.smtp.replies import Kind, Reply, Stage
from portal.smtp.sasl import choose
from portal.smtp.target import Basic, Bearer, SessionFault, Target, Tls
from tests.smtp.conftest import PLAIN, SIGNED_IN

HELLO = Reply(220, None, ("mx",))
CLEAR = Reply(250, None, ("mx", "STARTTLS", "AUTH PLAIN LOGIN", "PIPELINING"))
SECURED = Reply(250, None, ("mx", "AUTH LOGIN"))
STARTTLS = replace(SIGNED_IN, tls=Tls.STARTTLS)


def converse(target: Target, replies: list[Reply]) -> tuple[list[Asks], Capabilities]:
    """Everything that was said, and how it ended."""
    conversation = shake_hands(target)
    asks: list[Asks] = []
    coming = iter(replies)
    try:
        asks.append(next(conversation))
        while True:
            last = asks[-1]
            asks.append(
                next(conversation)
                if isinstance(last, StartTls)
                else conversation.send(next(coming))
            )
    except StopIteration as finished:
        capabilities: Capabilities = finished.value
        return asks, capabilities


def lines(asks: list[Asks]) -> list[str]:
    return [ask.line.decode().strip() if isinstance(ask, Say) else "(TLS)" for ask in asks]


def test_everything_in_its_order() -> None:
    ok, go_on = Reply(235, "2.7.0", ("Ok",)), Reply(334, None, ("VXNlcm5hbWU6",))

    asks, capabilities = converse(
        STARTTLS, [HELLO, CLEAR, Reply(220, None, ("Go",)), SECURED, go_on, go_on, ok]
    )

    assert lines(asks) == [
        "",
        "EHLO livery.example",
        "STARTTLS",
        "(TLS)",
        "EHLO livery.example",
        "AUTH LOGIN",
        base64.b64encode(b"livery").decode(),
        base64.b64encode(b"correct horse").decode(),
    ]
    # What was offered in clear is forgotten.
    assert capabilities.mechanisms == {"LOGIN"}
    assert not capabilities.pipelining


def test_nothing_secret_is_shown() -> None:
    asks, _ = converse(SIGNED_IN, [HELLO, CLEAR, Reply(235, None, ("Ok",))])

    assert asks[-1] == Say(
        Stage.AUTH,
        b"AUTH PLAIN " + base64.b64encode(b"\0livery\0correct horse") + b"\r\n",
        "AUTH PLAIN <redacted>",
    )


def test_a_server_that_goes_on_asking_is_told_no_more() -> None:
    conversation = shake_hands(SIGNED_IN)
    next(conversation)
    conversation.send(HELLO)
    conversation.send(SECURED)

    for _ in range(MOST_CHALLENGES):
        conversation.send(Reply(334, None, ("",)))
    with pytest.raises(SessionFault) as raised:
        conversation.send(Reply(334, None, ("",)))

    assert raised.value.verdict.kind is Kind.PROTOCOL


@pytest.mark.parametrize("mechanism", ["LOGIN", "CRAM-MD5", "PLAIN"])
@given(challenge=st.text(max_size=40))
def test_any_challenge_is_survived(mechanism: str, challenge: str) -> None:
    offer = Reply(250, None, ("mx", f"AUTH {mechanism}"))
    odd = Reply(334, None, (challenge,))

    with pytest.raises(SessionFault):
        converse(SIGNED_IN, [HELLO, offer, odd, odd, odd, Reply(535, None, ("No",))])


def test_the_secret_is_said_once_even_if_asked_for_again() -> None:
    offer, again = Reply(250, None, ("mx", "AUTH LOGIN")), Reply(334, None, ("",))
    conversation = shake_hands(SIGNED_IN)
    asks = [next(conversation)]
    asks += [conversation.send(reply) for reply in (HELLO, offer, again, again, again, again)]

    password = base64.b64encode(b"correct horse")
    assert sum(isinstance(ask, Say) and password in ask.line for ask in asks) == 1


def test_cram_md5_answers_as_the_standard_has_it() -> None:
    """The example of RFC 2195, section 2."""
    auth = Basic("tim", Secret("tanstaaftanstaaf"))
    mechanism = choose(auth, {"CRAM-MD5"}, is_encrypted=False)
    assert mechanism is not None

    answer = mechanism.answers(b"<1896.697170952@postoffice.reston.mci.net>")

    assert answer == b"tim b913a602c7eda7a495b4e6e7334d3890"


def test_xoauth2_says_what_the_providers_document() -> None:
    bearer = Bearer("news@acme.example", Secret("token"))
    mechanism = choose(bearer, {"XOAUTH2", "PLAIN"}, is_encrypted=True)
    assert mechanism is not None

    assert mechanism.first == b"user=news@acme.example\x01auth=Bearer token\x01\x01"
    assert mechanism.answers(b'{"status":"401"}') == b""


def test_a_token_is_never_used_as_a_password() -> None:
    assert choose(Bearer("a", Secret("b")), {"PLAIN", "LOGIN"}, is_encrypted=True) is None


@pytest.mark.parametrize("name", ["liv\0ery", "livery\0"])
def test_nul_cannot_shift_the_parts_of_a_sign_in(name: str) -> None:
    with pytest.raises(ValueError, match="NUL"):
        Basic(name, Secret("x"))
    with pytest.raises(ValueError, match="NUL"):
        Basic("livery", Secret(name))


def test_a_separator_cannot_shift_the_parts_of_a_token() -> None:
    with pytest.raises(ValueError, match="separates"):
        Bearer("a\x01auth=Bearer b", Secret("x"))
    with pytest.raises(ValueError, match="separates"):
        Bearer("a", Secret("x\x01auth=Bearer y"))


@pytest.mark.parametrize("name", ["", "livery\r\nMAIL FROM:<x@y.example>", "lívery.example"])
def test_our_own_name_cannot_be_a_command(name: str) -> None:
    with pytest.raises(ValueError, match="our own name"):
        replace(PLAIN, helo=name)


@pytest.mark.parametrize(
    ("offers", "expected"),
    [
        (("SIZE 1000",), Capabilities(size=1000, takes_size=True)),
        (("SIZE",), Capabilities(takes_size=True)),
        (("SIZE 0",), Capabilities(takes_size=True)),
        (("SIZE lots",), Capabilities(takes_size=True)),
        ((f"SIZE {'9' * 20}",), Capabilities(size=10**20 - 1, takes_size=True)),
        ((f"SIZE {'9' * 30_000}",), Capabilities(takes_size=True)),
        (("pipelining", "8bitmime"), Capabilities(pipelining=True, eight_bit=True)),
        (("AUTH=LOGIN PLAIN",), Capabilities(mechanisms=frozenset({"LOGIN", "PLAIN"}))),
        (("AUTH PLAIN", "AUTH LOGIN"), Capabilities(mechanisms=frozenset({"LOGIN", "PLAIN"}))),
        (("SMTPUTF8", "CHUNKING"), Capabilities(smtputf8=True, others=("CHUNKING",))),
        (("",), Capabilities()),
    ],
)
def test_what_a_server_can_do(offers: tuple[str, ...], expected: Capabilities) -> None:
    assert Capabilities.read(Reply(250, None, ("mx", *offers))) == expected


@given(st.lists(st.text(max_size=80), min_size=1, max_size=20))
def test_any_answer_to_ehlo_can_be_read(offers: list[str]) -> None:
    read = Capabilities.read(Reply(250, None, tuple(offers)))

    assert read.size is None or read.size > 0
