"""What a failed sign-in by access token means: the provider's codes, then the mail server's."""

from __future__ import annotations

import pytest

from portal.smtp.advice import CAUSES, advise
from portal.smtp.advice_on_tokens import CODES, TOKEN_CAUSES
from portal.smtp.causes import Cause
from portal.smtp.protocol import NotSent
from portal.smtp.replies import Failed, Kind, Reply, ServerFault, Stage, classify


def refused_grant(words: str, status: int = 401) -> ServerFault:
    return ServerFault(Kind.CREDENTIALS, Reply(status, None, (words,)), cause=Cause.GRANT_REFUSED)


@pytest.mark.parametrize(
    ("words", "meaning", "what_to_do"),
    [
        ("invalid_client: AADSTS7000215: Invalid client secret", "is wrong", "value, not its ID"),
        ("invalid_client: AADSTS7000222: keys are expired", "has expired", "Make a new one"),
        ("unauthorized_client: AADSTS700016: not found", "no such application", "client ID"),
        ("invalid_request: AADSTS90002: Tenant not found", "no such tenant", "Directory"),
        ("invalid_request: AADSTS900023: neither valid", "no such tenant", "Directory"),
        ("invalid_grant: AADSTS65001: has not consented", "Nobody has allowed", "SMTP.SendAsApp"),
        ("invalid_resource: AADSTS500011: not found", "Exchange Online", "licence"),
        ("unauthorized_client: AADSTS7000112: disabled", "switched off", "administrator"),
        ("access_denied: AADSTS53003: blocked", "conditional access", "address of this platform"),
        ("temporarily_unavailable: AADSTS90033: transient", "is busy", "tried again"),
        ("invalid_client: AADSTS9999999: something new", "gives no access token", "words say why"),
        ("invalid_client", "gives no access token", "words say why"),
    ],
)
def test_a_code_of_the_provider_is_told_with_what_to_do(
    words: str, meaning: str, what_to_do: str
) -> None:
    advice = advise(Stage.TOKEN, refused_grant(words), "microsoft_365", by_token=True)

    assert meaning in advice.meaning
    assert what_to_do in advice.what_to_do


@pytest.mark.parametrize(
    ("code", "words", "meaning", "what_to_do"),
    [
        # No consent, a wrong object ID, a mailbox that it may not use: all look like this.
        (535, "5.7.3 Authentication unsuccessful", "does not take it", "object ID of the enterp"),
        (535, "5.7.8 Username and Password not accepted", "does not take it", "SMTP.SendAsApp"),
        (
            535,
            "5.7.139 Unsuccessful, SmtpClientAuthentication is disabled for the Tenant.",
            "Authenticated SMTP is switched off",
            "Set-CASMailbox",
        ),
        (
            550,
            "5.7.30 Basic authentication is not supported for Client Submission.",
            "by password",
            "Microsoft Graph",
        ),
        (
            454,
            "4.7.0 Temporary authentication failure",
            "cannot check the access token",
            "few minutes",
        ),
    ],
)
def test_what_the_mail_server_says_is_told_for_a_token_and_not_for_a_password(
    code: int, words: str, meaning: str, what_to_do: str
) -> None:
    verdict = classify(Reply.read(code, [words.encode()]), Stage.AUTH)
    assert isinstance(verdict, ServerFault)

    advice = advise(Stage.AUTH, verdict, "microsoft_365", by_token=True)
    other = advise(Stage.AUTH, verdict, "microsoft_365")

    assert meaning in advice.meaning
    assert what_to_do in advice.what_to_do
    assert advice != other


@pytest.mark.accepts("ST-31")
def test_a_from_that_is_not_the_mailbox_is_told() -> None:
    reply = Reply.read(
        554, [b"5.2.252 SendAsDenied; news@acme.example not allowed to send as shop@acme.example"]
    )
    verdict = classify(reply, Stage.BODY, mail_from="shop@acme.example")

    advice = advise(Stage.BODY, verdict, "microsoft_365", by_token=True)

    assert "does not let this mailbox send" in advice.meaning
    assert "user name as sender" in advice.what_to_do


def test_what_has_nothing_to_do_with_tokens_is_told_as_ever() -> None:
    faults = (
        ServerFault(Kind.UNREACHABLE, cause=Cause.CONNECT_TIMEOUT),
        ServerFault(Kind.CREDENTIALS, cause=Cause.AUTH_NOT_OFFERED),
        ServerFault(Kind.SECURITY, cause=Cause.CERTIFICATE_EXPIRED),
        Failed(Kind.ADDRESS),
    )

    for fault in faults:
        assert advise(Stage.CONNECT, fault, by_token=True) == advise(Stage.CONNECT, fault)


def test_a_message_that_was_not_sent_for_it_says_the_same() -> None:
    fault = refused_grant("invalid_client: AADSTS7000222: expired")

    assert advise(Stage.MAIL, NotSent(fault), by_token=True) == advise(
        Stage.TOKEN, fault, by_token=True
    )


def test_every_word_of_it_is_there() -> None:
    assert set(TOKEN_CAUSES) <= set(CAUSES) == set(Cause)
    for explained in (*TOKEN_CAUSES.values(), *CODES.values()):
        assert str(explained.meaning).endswith(".")
        assert str(explained.what_to_do).endswith(".")
