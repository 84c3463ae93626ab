"""Asking for an access token: what is asked, of whom, and what every answer means."""

from __future__ import annotations

import json
import logging
import time
from dataclasses import replace
from typing import Any

import pytest

from portal.core.errors import Refusal
from portal.core.secret import Secret
from portal.smtp.causes import Cause
from portal.smtp.egress import EgressPolicy
from portal.smtp.replies import Kind, Stage
from portal.smtp.target import Grant, SessionFault
from portal.smtp.transcript import tidy
from portal.smtp_settings.oauth import (
    LARGEST_ANSWER,
    Token,
    ask,
    checked_client_id,
    checked_provider,
    checked_tenant,
    read_answer,
)
from tests.equipment.certificates import Authority
from tests.equipment.resolver import InMemoryResolver
from tests.equipment.smtp_server import nobody
from tests.equipment.token_endpoint import (
    CLIENT,
    MAILBOX,
    SCOPE,
    SECRET,
    TENANT,
    Odd,
    TokenEndpoint,
    endless,
    slowly,
)
from tests.smtp_settings.forms import LOOPBACK

NAME = "login.authority.example"


def grant(endpoint: TokenEndpoint, **changes: Any) -> Grant:
    return replace(
        Grant(MAILBOX, "microsoft", endpoint.authority, TENANT, CLIENT, Secret(SECRET)), **changes
    )


def asked(
    endpoint: TokenEndpoint,
    *,
    takes: float = 20.0,
    policy: EgressPolicy = LOOPBACK,
    resolver: InMemoryResolver | None = None,
    **changes: Any,
) -> Token:
    names = resolver or InMemoryResolver({NAME: ["127.0.0.1"]})
    return ask(grant(endpoint, **changes), policy=policy, resolver=names, takes=takes)


def refusal(endpoint: TokenEndpoint, **how: Any) -> SessionFault:
    with pytest.raises(SessionFault) as raised:
        asked(endpoint, **how)
    assert raised.value.stage is Stage.TOKEN
    return raised.value


def test_client_credentials_are_posted_to_the_tenants_token_service() -> None:
    with TokenEndpoint() as endpoint:
        token = asked(endpoint)

    (question,) = endpoint.asked
    assert question.path == f"/{TENANT}/oauth2/v2.0/token"
    assert question.fields == {
        "grant_type": "client_credentials",
        "client_id": CLIENT,
        "client_secret": SECRET,
        "scope": SCOPE,
    }
    assert token == Token(Secret("token-1"), 3599 - 60)


@pytest.mark.parametrize(
    ("life", "seconds"),
    [(3599, 3539), ("3600", 3540), (60, 0), (5, 0), (10**8, 24 * 3600 - 60)],
)
def test_a_token_counts_as_old_a_minute_before_its_end(life: object, seconds: float) -> None:
    with TokenEndpoint() as endpoint:
        endpoint.life = life
        token = asked(endpoint)

    assert token.seconds == seconds


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"tenant": "other.example"}, "AADSTS90002"),
        ({"client_id": "00000000-0000-0000-0000-000000000000"}, "AADSTS700016"),
        ({"client_secret": Secret("wrong")}, "AADSTS7000215"),
    ],
)
def test_a_refusal_is_a_matter_of_credentials_in_the_providers_own_words(
    changes: dict[str, Any], code: str
) -> None:
    with TokenEndpoint() as endpoint:
        fault = refusal(endpoint, **changes)

    assert (fault.verdict.kind, fault.cause) == (Kind.CREDENTIALS, Cause.GRANT_REFUSED)
    assert code in str(fault.verdict.reply)


def test_an_expired_secret_is_told_from_a_wrong_one() -> None:
    with TokenEndpoint() as endpoint:
        endpoint.is_expired = True
        fault = refusal(endpoint)

    assert "AADSTS7000222" in str(fault.verdict.reply)
    assert fault.verdict.kind is Kind.CREDENTIALS


def test_a_provider_that_repeats_the_secret_does_not_bring_it_into_a_page() -> None:
    said = {"error": "invalid_client", "error_description": f"AADSTS7000215: not {SECRET}"}

    with TokenEndpoint() as endpoint:
        endpoint.misbehave(Odd(401, (json.dumps(said).encode(),)))
        fault = refusal(endpoint)

    assert SECRET not in str(fault.verdict.reply)
    assert "<redacted>" in str(fault.verdict.reply)


def test_nothing_secret_is_logged(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)

    with TokenEndpoint() as endpoint:
        asked(endpoint)
        endpoint.is_expired = True
        fault = refusal(endpoint)

    written = caplog.text + "".join(capsys.readouterr()) + repr(fault) + repr(grant(endpoint))
    assert SECRET not in written
    assert "token-1" not in written


@pytest.mark.parametrize(
    ("odd", "kind", "wait"),
    [
        (Odd(500), Kind.TEMPORARY_AUTH, None),
        (Odd(503, headers={"Retry-After": "120"}), Kind.TEMPORARY_AUTH, 120),
        (Odd(429, headers={"Retry-After": "99999999"}), Kind.TEMPORARY_AUTH, 6 * 3600),
        (Odd(429, headers={"Retry-After": "Fri, 31 Dec 1999"}), Kind.TEMPORARY_AUTH, None),
        (Odd(400, (b'{"error":"temporarily_unavailable"}',)), Kind.TEMPORARY_AUTH, None),
        (
            Odd(400, (b'{"error":"x","error_description":"AADSTS90033: transient"}',)),
            Kind.TEMPORARY_AUTH,
            None,
        ),
    ],
)
def test_a_busy_provider_is_asked_again_and_nobody_has_to_mend_anything(
    odd: Odd, kind: Kind, wait: int | None
) -> None:
    with TokenEndpoint() as endpoint:
        endpoint.misbehave(odd)
        fault = refusal(endpoint)

    assert (fault.verdict.kind, fault.cause) == (kind, Cause.PROVIDER_AWAY)
    assert fault.verdict.wait == wait


@pytest.mark.parametrize(
    "odd",
    [
        Odd(200, (b"",)),
        Odd(200, (b"<html>Sign in to the hotel's network</html>",)),
        Odd(200, (b"[1]",)),
        Odd(200, (b"[" * 60_000,)),
        Odd(200, (b'{"access_token": "a", "expires_in": 60}',)),
        Odd(200, (b'{"token_type": "Bearer", "expires_in": 60}',)),
        Odd(200, (b'{"token_type": "mac", "access_token": "a", "expires_in": 60}',)),
        Odd(200, (b'{"token_type": "Bearer", "access_token": "a", "expires_in": -1}',)),
        Odd(200, (b'{"token_type": "Bearer", "access_token": "a", "expires_in": null}',)),
        Odd(200, (b'{"token_type": "Bearer", "access_token": "a\\u0001b", "expires_in": 9}',)),
        Odd(200, (b'{"token_type": "Bearer", "access_token": "a\\nb", "expires_in": 9}',)),
        Odd(
            200,
            (b'{"token_type":"Bearer","expires_in":9,"access_token":"' + b"a" * 20_000 + b'"}',),
        ),
        Odd(302, headers={"Location": "http://127.0.0.1:1/elsewhere"}),
        Odd(307, headers={"Location": "http://127.0.0.1:1/elsewhere"}),
        Odd(404, (b"{}",)),
        endless(),
    ],
)
def test_what_is_no_answer_of_a_token_service_is_no_token(odd: Odd) -> None:
    with TokenEndpoint() as endpoint:
        endpoint.misbehave(odd)
        fault = refusal(endpoint)

    assert (fault.verdict.kind, fault.cause) == (Kind.PROTOCOL, Cause.PROVIDER_MALFORMED)


def test_a_redirect_is_not_followed_and_takes_the_secret_nowhere() -> None:
    with TokenEndpoint() as endpoint, TokenEndpoint() as elsewhere:
        endpoint.misbehave(Odd(307, headers={"Location": f"{elsewhere.authority}/{TENANT}"}))
        refusal(endpoint)

    assert elsewhere.asked == []


def test_an_answer_that_drips_is_not_waited_for() -> None:
    good = b'{"token_type": "Bearer", "access_token": "a", "expires_in": 60}'

    with TokenEndpoint() as endpoint:
        endpoint.misbehave(slowly(good, pause=0.5))  # half a minute in all
        started = time.monotonic()
        fault = refusal(endpoint, takes=0.8)

    assert time.monotonic() - started < 6
    assert fault.verdict.kind in (Kind.UNREACHABLE, Kind.PROTOCOL)


def test_a_silent_provider_is_given_up() -> None:
    with TokenEndpoint() as endpoint:
        endpoint.pause = 30
        fault = refusal(endpoint, takes=0.5)

    assert (fault.verdict.kind, fault.cause) == (Kind.UNREACHABLE, Cause.PROVIDER_AWAY)


def test_nobody_listens() -> None:
    with TokenEndpoint() as endpoint, nobody() as port:
        fault = refusal(endpoint, authority=f"http://127.0.0.1:{port}")

    assert (fault.verdict.kind, fault.cause) == (Kind.UNREACHABLE, Cause.PROVIDER_AWAY)


def test_an_answer_is_read_up_to_a_limit_only() -> None:
    with TokenEndpoint() as endpoint:
        padding = b" " * (LARGEST_ANSWER - 10)
        said = b'{"token_type": "Bearer", "access_token": "a", "expires_in": 600}'
        endpoint.misbehave(Odd(200, (padding, said)))
        fault = refusal(endpoint)

    assert fault.cause is Cause.PROVIDER_MALFORMED


class TestTheWayThere:
    def test_the_certificate_is_checked_for_the_name(
        self, authority: Authority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))

        with TokenEndpoint(certificate=authority.issue(NAME), name=NAME) as endpoint:
            token = asked(endpoint)

        assert token.text == Secret("token-1")
        assert endpoint.asked[0].headers["Host"] == f"{NAME}:{endpoint.port}"

    @pytest.mark.parametrize("trusts", [True, False])
    def test_another_certificate_gets_no_secret(
        self, authority: Authority, monkeypatch: pytest.MonkeyPatch, *, trusts: bool
    ) -> None:
        if trusts:
            monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
        name = "login.elsewhere.example" if trusts else NAME

        with TokenEndpoint(certificate=authority.issue(name), name=NAME) as endpoint:
            fault = refusal(endpoint)

        assert (fault.verdict.kind, endpoint.asked) == (Kind.UNREACHABLE, [])

    def test_the_trust_of_mail_servers_is_left_as_it_is(
        self, authority: Authority, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))

        with TokenEndpoint(certificate=authority.issue(NAME), name=NAME) as endpoint:
            fault = refusal(endpoint)

        assert (fault.verdict.kind, endpoint.asked) == (Kind.UNREACHABLE, [])

    def test_a_private_address_is_not_connected_to(self) -> None:
        with TokenEndpoint(name=NAME) as endpoint:
            fault = refusal(endpoint, policy=EgressPolicy(refusal_takes=0))

        assert (fault.cause, endpoint.asked) == (Cause.PROVIDER_AWAY, [])

    def test_the_address_that_was_judged_is_the_one_that_is_used(self) -> None:
        names = InMemoryResolver()
        names.knows(NAME, ["127.0.0.1"], ["203.0.113.9"])  # another at the second question

        with TokenEndpoint(name=NAME) as endpoint:
            asked(endpoint, resolver=names)

        assert names.asked == [NAME]
        assert len(endpoint.asked) == 1

    def test_no_proxy_gets_the_secret(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with TokenEndpoint() as endpoint, TokenEndpoint() as proxy:
            monkeypatch.setenv("http_proxy", proxy.authority)
            monkeypatch.setenv("no_proxy", "")
            asked(endpoint)

        assert (len(endpoint.asked), proxy.asked) == (1, [])

    def test_a_dead_address_is_followed_by_the_next(self) -> None:
        names = InMemoryResolver({NAME: ["127.0.0.9", "127.0.0.1"]})

        with TokenEndpoint(name=NAME) as endpoint:
            token = asked(endpoint, resolver=names)

        assert token.text == Secret("token-1")


@pytest.mark.accepts("ST-34")
@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (TENANT, TENANT),
        (f" {TENANT.upper()} ", TENANT),
        ("Acme.OnMicrosoft.com", "acme.onmicrosoft.com"),
        ("bücher.example", "xn--bcher-kva.example"),
    ],
)
def test_a_tenant_is_an_id_or_a_domain(typed: str, kept: str) -> None:
    assert checked_tenant(typed) == kept


@pytest.mark.accepts("ST-34")
@pytest.mark.parametrize(
    "typed",
    [
        *("", None, " ", "common", "organizations", "consumers", "acme", "127.0.0.1", "[::1]"),
        *("../x.example", "a.example/..", "a.example?x", "a.example#x", "a@b.example", "a.ex:80"),
        *("https://login.example", "a example.com", "{tenant}.example", "%2e%2e", "a.example\n/b"),
        *(TENANT.replace("-", ""), f"{{{TENANT}}}", f"urn:uuid:{TENANT}", TENANT[:-1]),
    ],
)
def test_nothing_else_gets_into_the_path(typed: str | None) -> None:
    with pytest.raises(Refusal) as refused:
        checked_tenant(typed)

    assert refused.value.field == "oauth_tenant"


@pytest.mark.accepts("ST-32")
def test_a_client_id_is_a_guid() -> None:
    assert checked_client_id(f" {CLIENT.upper()}") == CLIENT


@pytest.mark.accepts("ST-32")
@pytest.mark.parametrize("typed", ["", None, "my-app", CLIENT[:-1], "1" * 32])
def test_another_client_id_is_refused_at_its_field(typed: str | None) -> None:
    with pytest.raises(Refusal) as refused:
        checked_client_id(typed)

    assert refused.value.field == "oauth_client_id"


@pytest.mark.accepts("ST-23", "ST-25")
def test_microsoft_is_the_only_provider() -> None:
    assert checked_provider("microsoft") == "microsoft"
    with pytest.raises(Refusal) as refused:
        checked_provider("google")
    assert refused.value.field == "oauth_provider"


def test_words_of_a_provider_are_cut_and_tidy() -> None:
    said = {"error": "invalid_client", "error_description": "A\u202e" + "b" * 9000 + "\r\nmore"}

    with pytest.raises(SessionFault) as raised:
        read_answer(400, None, json.dumps(said).encode(), clean=tidy)

    words = str(raised.value.verdict.reply)
    assert len(words) < 600
    assert words.isprintable()
    assert "more" not in words
