"""Access tokens: one question to a provider, by OAuth 2.0 client credentials (RFC 6749 4.4).

The client secret goes to the operator's authority and nowhere else: the address is judged by the
same policy as every SMTP server, the connection goes to the very address that was judged, no
proxy is asked and no redirect followed, and the answer is limited in size and time. Nothing here
knows the database, and nothing is logged but how it went.

Microsoft: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
"""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import requests
from requests.adapters import HTTPAdapter

from portal.core.errors import Refusal
from portal.core.logs import logger
from portal.core.secret import Secret
from portal.core.words import _
from portal.smtp.causes import Cause
from portal.smtp.egress import EgressPolicy, Resolver, find_way
from portal.smtp.hosts import BadHost, IpAddress, as_address, canonical_host
from portal.smtp.replies import LONGEST_WAIT, Kind, Reply, ServerFault, Stage
from portal.smtp.target import Grant, SessionFault
from portal.smtp.transcript import Scrubber

TAKES = 20.0
"""Seconds that a question may take in all."""
LARGEST_ANSWER = 64 * 1024
LONGEST_TOKEN = 16 * 1024
SAFETY = 60
"""Seconds before its end from which on a token counts as old."""
LONGEST_LIFE = 24 * 3600
"""Seconds that a token is used at most, whatever the answer says."""
MOST_ADDRESSES = 3
"""Of the authority that are tried."""


@dataclass(frozen=True, slots=True)
class Provider:
    """Who gives out tokens, and for what."""

    key: str
    label: str
    host: str  # of its SMTP server
    path: str  # of the token service, below the authority; `{tenant}` is the directory
    scope: str


MICROSOFT = Provider(
    key="microsoft",
    label="Microsoft",
    host="smtp.office365.com",
    path="/{tenant}/oauth2/v2.0/token",
    scope="https://outlook.office365.com/.default",
)
PROVIDERS: Mapping[str, Provider] = MappingProxyType({MICROSOFT.key: MICROSOFT})
"""By key, in the order in which they are shown."""


@dataclass(frozen=True, slots=True)
class Token:
    """An access token. `seconds` is how long it may be used; `is_new` that it was just given."""

    text: Secret
    seconds: float
    is_new: bool = True


def checked_provider(key: str | None) -> str:
    """The key of a provider that is known; empty is the only one there is.

    Raises:
        Refusal: at the field.
    """
    if (key or MICROSOFT.key) not in PROVIDERS:
        raise Refusal("no_such_provider", _("There is no such provider."), field="oauth_provider")
    return key or MICROSOFT.key


def checked_tenant(text: str | None) -> str:
    """A directory at Microsoft: its GUID, or one of its verified domains, in one spelling.

    It becomes part of the path that the client secret is sent to, so nothing else will do.

    Raises:
        Refusal: at the field.
    """
    tidy = (text or "").strip()
    if not tidy:
        raise Refusal("oauth_tenant_missing", _("This is needed."), field="oauth_tenant")
    if (guid := _guid(tidy)) is not None:
        return guid
    try:
        name = canonical_host(tidy)
    except BadHost:
        name = ""
    if "." not in name or as_address(name) is not None:
        raise Refusal(
            "oauth_tenant_malformed",
            _(
                "A tenant is written as its ID, such as 8f3c1d2e-5b6a-4c7d-9e8f-0a1b2c3d4e5f, or "
                "as one of its domains, such as acme.onmicrosoft.com."
            ),
            field="oauth_tenant",
        )
    return name


def checked_client_id(text: str | None) -> str:
    """The application's ID: a GUID.

    Raises:
        Refusal: at the field.
    """
    tidy = (text or "").strip()
    if not tidy:
        raise Refusal("oauth_client_id_missing", _("This is needed."), field="oauth_client_id")
    if (guid := _guid(tidy)) is None:
        raise Refusal(
            "oauth_client_id_malformed",
            _("A client ID looks like 1a2b3c4d-5e6f-4a1b-8c2d-3e4f5a6b7c8d."),
            field="oauth_client_id",
        )
    return guid


def ask(grant: Grant, *, policy: EgressPolicy, resolver: Resolver, takes: float = TAKES) -> Token:
    """Ask the grant's authority for a token. No transaction may be open.

    Raises:
        SessionFault: at stage `token`. Credentials are at fault if the authority says so; whatever
            else happens passes by itself or is the operator's to mend.
    """
    started = time.monotonic()
    try:
        answer = _post(grant, policy, resolver, started + takes)
        return read_answer(*answer, clean=Scrubber([grant.client_secret]))
    except SessionFault as fault:
        logger("oauth").warning(
            "no_token",
            authority=grant.authority,
            cause=fault.cause,
            seconds=round(time.monotonic() - started, 1),
        )
        raise


def read_answer(
    status: int, retry_after: str | None, body: bytes, *, clean: Callable[[str], str]
) -> Token:
    """The token in an answer (RFC 6749 5.1), or why there is none (5.2).

    Args:
        retry_after: the header of this name.
        clean: makes the authority's words fit to be shown.

    Raises:
        SessionFault: there is none.
    """
    said = _object(body)
    if status == 200:
        return _token(said)
    words = clean(_complaint(said))
    reply = Reply(status, None, (words,)) if words else Reply(status, None, ())
    if status == 429 or status >= 500 or _passes_by_itself(said, words):
        raise _fault(Kind.TEMPORARY_AUTH, Cause.PROVIDER_AWAY, reply, _number(retry_after))
    if 400 <= status <= 499 and "error" in said:
        raise _fault(Kind.CREDENTIALS, Cause.GRANT_REFUSED, reply)
    raise _fault(Kind.PROTOCOL, Cause.PROVIDER_MALFORMED, reply)


def _token(said: Mapping[str, Any]) -> Token:
    text, seconds = said.get("access_token"), said.get("expires_in")
    is_bearer = str(said.get("token_type", "")).lower() == "bearer"
    life = _number(str(seconds))  # a number, or, with older services, a number as text
    is_fit = isinstance(text, str) and len(text) <= LONGEST_TOKEN and _is_token(text)
    if not is_bearer or not is_fit or life is None:
        raise _fault(Kind.PROTOCOL, Cause.PROVIDER_MALFORMED)
    return Token(Secret(str(text)), max(0, min(life, LONGEST_LIFE) - SAFETY))


_is_token = re.compile(r"[A-Za-z0-9\-._~+/]+=*").fullmatch  # RFC 6750 2.1
_PASSING_ERRORS = frozenset({"temporarily_unavailable", "server_error"})
_PASSING_CODES = ("AADSTS90033", "AADSTS90024", "AADSTS50196")  # transient; budget; loop


def _passes_by_itself(said: Mapping[str, Any], words: str) -> bool:
    return said.get("error") in _PASSING_ERRORS or any(code in words for code in _PASSING_CODES)


def _complaint(said: Mapping[str, Any]) -> str:
    """`error` and the first line of `error_description`; Microsoft's has trace numbers below."""
    error, description = said.get("error"), said.get("error_description")
    parts = [part for part in (error, description) if isinstance(part, str) and part]
    return ": ".join(part.strip().splitlines()[0] for part in parts if part.strip())


def _object(body: bytes) -> Mapping[str, Any]:
    """A JSON object; anything else is an empty one."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _number(text: str | None) -> int | None:
    """Seconds in digits; anything else is no number."""
    is_one = text is not None and text.isascii() and text.isdecimal() and len(text) < 10
    return int(text) if is_one and text is not None else None


def _guid(text: str) -> str | None:
    """In its one spelling, if it is one in the usual form."""
    try:
        guid = str(UUID(text))
    except ValueError:
        return None
    return guid if guid == text.lower() else None


def _fault(
    kind: Kind, cause: Cause, reply: Reply | None = None, wait: int | None = None
) -> SessionFault:
    limited = None if wait is None else min(wait, LONGEST_WAIT)
    return SessionFault(ServerFault(kind, reply, limited, cause), Stage.TOKEN)


# The network.

_Answer = tuple[int, str | None, bytes]


def _post(grant: Grant, policy: EgressPolicy, resolver: Resolver, until: float) -> _Answer:
    """The question and its answer, before `until` (monotonic seconds)."""
    parts = urlsplit(grant.authority)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        addresses = find_way(
            host,
            port,
            policy=policy,
            resolver=resolver,
            is_platform=True,  # the operator named it, with its port
            timeout=max(0.0, until - time.monotonic()),
        )
    except SessionFault as fault:
        logger("oauth").warning("authority_not_found", host=host, cause=fault.cause)
        raise _fault(Kind.UNREACHABLE, Cause.PROVIDER_AWAY) from None
    for address in addresses[:MOST_ADDRESSES]:
        answer = _within(until, partial(_exchange, grant, address, port, until))
        if isinstance(answer, tuple):
            return answer
        logger("oauth").warning("authority_silent", host=host, fault=type(answer).__name__)
        if not isinstance(answer, requests.ConnectionError):
            break  # it is there, so another of its addresses will not do better
    raise _fault(Kind.UNREACHABLE, Cause.PROVIDER_AWAY)


def _within(
    until: float, work: Callable[[], _Answer | requests.RequestException]
) -> _Answer | requests.RequestException:
    """Do it in a thread that nobody waits for longer: `requests` limits each read, not the sum."""
    answers: list[_Answer | requests.RequestException] = []
    asking = threading.Thread(
        target=lambda: answers.append(work()), name="ask for a token", daemon=True
    )
    asking.start()
    asking.join(max(0.0, until - time.monotonic()))
    return answers[0] if answers else requests.Timeout()


def _exchange(
    grant: Grant, address: IpAddress, port: int, until: float
) -> _Answer | requests.RequestException:
    parts = urlsplit(grant.authority)
    provider = PROVIDERS[grant.provider]
    literal = f"[{address}]" if address.version == 6 else str(address)
    path = provider.path.format(tenant=grant.tenant)
    with requests.Session() as session:
        session.trust_env = False  # no proxy, no .netrc, no other authorities
        session.mount("https://", _PinnedTls(parts.hostname or ""))
        try:
            answer = session.post(
                f"{parts.scheme}://{literal}:{port}{path}",
                data={
                    "grant_type": "client_credentials",
                    "client_id": grant.client_id,
                    "client_secret": grant.client_secret.reveal(),
                    "scope": provider.scope,
                },
                headers={
                    "Host": parts.netloc,
                    "Accept": "application/json",
                    "Accept-Encoding": "identity",
                    "User-Agent": "Livery",
                },
                timeout=max(0.1, until - time.monotonic()),
                allow_redirects=False,
                stream=True,
            )
            body = _read(answer, until)
        except requests.RequestException as fault:
            # Its traceback has the request, and that the secret: only its kind goes on.
            return type(fault)()
    return answer.status_code, answer.headers.get("Retry-After"), body


def _read(answer: requests.Response, until: float) -> bytes:
    """The body, if it is small and comes in time; else as much as came."""
    body = bytearray()
    for piece in answer.iter_content(4096):
        body += piece
        if len(body) > LARGEST_ANSWER or time.monotonic() > until:
            break
    return bytes(body[: LARGEST_ANSWER + 1])


class _PinnedTls(HTTPAdapter):
    """HTTPS to an address, with the certificate checked for the name it was found under."""

    def __init__(self, host: str) -> None:
        self._host = host
        super().__init__(max_retries=0)

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        super().init_poolmanager(*args, ssl_context=context, server_hostname=self._host, **more)

    def cert_verify(self, *args: Any) -> None:
        """The context has the rules: the same authorities as for mail servers."""
